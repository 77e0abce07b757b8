package engine_test

import (
	"strings"
	"testing"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/report"
)

const severalVersions = `
-- .kluctl.yaml --
discriminator: "{{ args.ns }}"
-- deployment.yaml --
deployments: [{path: app}]
-- app/definition.yaml --
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: "boats.{{ args.ns }}.example.com"}
spec:
  group: "{{ args.ns }}.example.com"
  names: {kind: Boat, plural: boats}
  scope: Namespaced
  versions: [{% for v in args.versions %}{name: {{ v }}, served: {{ v in args.served }}, storage: {{ v == args.versions[-1] }}, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {tons: {type: integer}}}}}}},{% endfor %}]
-- app/boats.yaml --
{% for name, spec in args.boats.items() %}
apiVersion: "{{ args.ns }}.example.com/{{ spec.version }}"
kind: Boat
metadata: {name: {{ name }}, namespace: "{{ args.ns }}"}
spec: {tons: {{ spec.tons }}}
---
{% endfor %}
`

// Each object is compared in the version in which it is rendered, be it that several are, or that the change itself brings
// or takes a version (C4).
func TestObjectsAreComparedInTheirOwnVersions(t *testing.T) {
	t.Parallel()
	c, s, _ := boatSite(t)
	s.write(severalVersions)
	ns := s.args["ns"].(string)
	boat := func(version string, tons int) map[string]any { return map[string]any{"version": version, "tons": tons} }
	set := func(versions, served []any, boats map[string]any) {
		s.args = map[string]any{"ns": ns, "versions": versions, "served": served, "boats": boats}
	}
	definition := "CustomResourceDefinition/boats." + ns + ".example.com"
	set([]any{"v1"}, []any{"v1"}, map[string]any{"one": boat("v1", 1), "two": boat("v1", 1), "three": boat("v1", 1)})
	s.deployed()

	set([]any{"v1", "v2"}, []any{"v1", "v2"}, map[string]any{"one": boat("v2", 2), "two": boat("v2", 1), "three": boat("v1", 1)})
	changed := s.diff(diff.Options{})
	expect(t, ops(changed), []string{"update Boat/one", "unchanged Boat/three", "unchanged Boat/two", "update " + definition})
	expect(t, paths(find(t, changed, "one")), []string{"update spec.tons"})
	s.deployed()
	if again := s.diff(diff.Options{}); again.Changed() {
		t.Errorf("with objects in two versions:\n%s", report.Text(again, nil))
	}

	set([]any{"v1", "v2"}, []any{"v2"}, map[string]any{"one": boat("v2", 3), "three": boat("v1", 1)})
	changed = s.diff(diff.Options{Prune: true})
	expect(t, ops(changed), []string{"update Boat/one", "failed Boat/three", "update " + definition, "delete Boat/two"})
	contains(t, find(t, changed, "three").Err.Error(), "does not serve version v1")
	c.Kubectl(t, "delete", "boats", "--all", "-n", ns, "--wait=false")
}

// What the server has no answer for is told as what it is: a silent server behind it, a namespace that nobody makes, a kind
// that is only a question (C6, O4).
func TestWhatTheServerCannotKeepIsTold(t *testing.T) {
	t.Parallel()
	c, s, ns := plainSite(t)
	group := ns + ".example.com"
	c.KubectlInput(t, `
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1.`+group+`}
spec: {group: `+group+`, version: v1, groupPriorityMinimum: 100, versionPriority: 100, insecureSkipTLSVerify: true, service: {name: none, namespace: `+ns+`}}
`, "create", "-f", "-")
	t.Cleanup(func() { c.Kubectl(t, "delete", "apiservice", "v1."+group) })
	s.write(`-- app/more.yaml --
{apiVersion: v1, kind: ConfigMap, metadata: {name: one, namespace: "nowhere-{{ args.ns }}"}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: two, namespace: "nowhere-{{ args.ns }}"}}
---
{apiVersion: "{{ args.ns }}.example.com/v1", kind: Thing, metadata: {name: thing, namespace: "{{ args.ns }}"}}
---
{apiVersion: authorization.k8s.io/v1, kind: SelfSubjectAccessReview, metadata: {name: review}, spec: {}}
`)
	var set *diff.ChangeSet
	var text string
	for range 200 { // the server learns of the service a moment later
		s.connect(s.kubeconfig)
		set = s.diff(diff.Options{})
		if text = report.Text(set, nil); strings.Contains(text, "asking for the kinds of "+group+"/v1") {
			break
		}
	}
	contains(t, text, "there is no namespace nowhere-"+ns+": create it, or add it to the project: 2 objects: ", "Thing/thing: cluster ", "asking for the kinds of "+group+"/v1",
		"SelfSubjectAccessReview/review: applying: ", "keeps no objects of this kind", "some kinds cannot be listed", "ConfigMap/a")
	if !set.Partial {
		t.Error("what a silent server has is not known, and the result is not called partial")
	}
}
