package engine_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/enginetest"
)

// asksMuch is a project of which each object gives a comparison another reason to ask.
const asksMuch = `
-- .kluctl.yaml --
discriminator: "{{ args.ns }}"
-- deployment.yaml --
deployments: [{path: app}]
-- app/all.yaml --
{% for name in ['same', 'hooked', 'kept', 'taken'] %}
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ name }}, namespace: "{{ args.ns }}", labels: {is: {{ name }}}}
data: {k: "{{ args.value if name != 'same' else 'x' }}"}
---
{% endfor %}
{% for name in ['replaced', 'scaled'] %}
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ name }}, namespace: "{{ args.ns }}"}
spec:
  replicas: {{ 0 if args.value == 'old' else 1 }}
  selector: {matchLabels: &labels {app: "{{ name }}{{ args.value if name == 'replaced' }}"}}
  template: {metadata: {labels: *labels}, spec: {containers: [{name: a, image: "a:1"}]}}
---
{% endfor %}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: scaled, namespace: "{{ args.ns }}"}
spec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: scaled}}
{% if args.value == 'old' %}
---
apiVersion: v1
kind: Namespace
metadata: {name: "{{ args.ns }}-gone"}
---
apiVersion: v1
kind: Secret
metadata: {name: in-it, namespace: "{{ args.ns }}-gone"}
{% else %}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: unlabelled, namespace: "{{ args.ns }}"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: fresh, namespace: "{{ args.ns }}"}
{% endif %}
`

// Every request of a comparison has one of these reasons, and none is sent twice.
func TestEachRequestOfAComparisonHasItsReason(t *testing.T) {
	t.Parallel()
	c := enginetest.Start(t)
	who := c.Identity(t)
	s := newSite(t, who.Kubeconfig, asksMuch)
	s.counted = true
	ns := c.Namespace(t)
	s.args = map[string]any{"ns": ns, "value": "old"}
	s.deployed()
	t.Cleanup(func() { c.Kubectl(t, "delete", "namespace", ns+"-gone", "--ignore-not-found", "--wait=false") })
	apply := func(manager, name, data string) {
		t.Helper()
		c.KubectlInput(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: `+name+`, namespace: `+ns+`}, data: {`+data+`}}`, "apply", "--server-side", "--force-conflicts", "--field-manager="+manager, "-f", "-")
	}
	apply("operator", "kept", "k: theirs")
	apply("kubectl", "taken", "k: hand")
	apply("operator", "unlabelled", "")
	// More than a page of objects that carry the label, and that somebody else made.
	var many []any
	for i := range 501 {
		many = append(many, map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": fmt.Sprint("copy-", i), "namespace": ns, "labels": map[string]any{"kluctl.io/discriminator": ns}}})
	}
	list, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": many})
	if err != nil {
		t.Fatal(err)
	}
	c.KubectlInput(t, string(list), "create", "-f", "-")
	mutateWhere(t, c, ns, `objectSelector: {matchLabels: {is: hooked, kluctl.io/discriminator: `+ns+`}}, rules: [{apiGroups: [""], apiVersions: [v1], operations: [UPDATE], resources: [configmaps]}]`,
		func() string { return `[{"op":"add","path":"/data/injected","value":"x"}]` })
	s.args["value"] = "new"
	for range 200 { // the webhook comes into force a moment after it is stored
		if len(find(t, s.diff(diff.Options{}), "hooked").Fields) > 1 {
			break
		}
	}

	audit := c.Audit(t)
	set := s.diff(diff.Options{Prune: true, Replace: true})
	events := audit.Since(t).By(who)
	expect(t, ops(set), []string{
		"unchanged ConfigMap/same", "update ConfigMap/hooked", "unchanged ConfigMap/kept", "update ConfigMap/taken", "replace Deployment/replaced", "unchanged Deployment/scaled",
		"unchanged HorizontalPodAutoscaler/scaled", "update ConfigMap/unlabelled", "create ConfigMap/fresh", "delete Namespace/" + ns + "-gone", "delete Secret/in-it",
	})
	if writes := events.Writes(); len(writes) > 0 {
		t.Errorf("writes that are no dry runs: %v", writes)
	}
	got, lists := map[string]int{}, map[string]int{}
	asked := map[string]int{}
	for _, e := range events {
		name := e.Resource + "/" + e.Name
		if e.DryRun {
			body, err := json.Marshal(e.RequestObject)
			if err != nil {
				t.Fatal(err)
			}
			asked[fmt.Sprint(e.Verb, name, e.Force, string(body))]++
		}
		switch {
		case e.Resource == "" || e.Resource == "secrets" && e.Namespace == "weighlock": // discovery; results of earlier runs
		case e.DryRun && strings.HasPrefix(e.Name, "weighlock-preview-"):
			got["the replacement as a new object"]++
		case e.Verb == "create" && e.Resource == "selfsubjectaccessreviews":
			got["rights to apply "+e.Resource]++
		case e.DryRun && e.Verb == "apply":
			got["dry runs of "+name]++
		case e.Verb == "get":
			got["reads of "+name]++
		case e.Verb == "list" && e.Namespace == ns+"-gone":
			lists[e.Resource+"."+e.Group]++
			got["lists of what the deleted namespace holds"]++
		case e.Verb == "list" && e.Namespace != "":
			got["lists of "+e.Resource+" in the namespace"]++
		case e.Verb == "list":
			got["lists of "+e.Resource+"."+e.Group]++
		default:
			t.Errorf("why? %s", e)
		}
	}
	want := map[string]int{
		"rights to apply selfsubjectaccessreviews":              1, // so that nobody need be asked about "same"
		"dry runs of configmaps/hooked":                         2, // the same at each write?
		"dry runs of configmaps/kept":                           3, // a conflict, whether it is real, what is left
		"dry runs of configmaps/taken":                          2, // a conflict, what is left
		"dry runs of configmaps/unlabelled":                     1,
		"reads of configmaps/unlabelled":                        1, // the first contact
		"dry runs of configmaps/fresh":                          1,
		"dry runs of deployments/replaced":                      1,
		"the replacement as a new object":                       1,
		"lists of pods in the namespace":                        1, // what the replacement takes along
		"dry runs of deployments/scaled":                        2, // what is left to the autoscaler
		"dry runs of horizontalpodautoscalers/scaled":           1,
		"lists of configmaps.":                                  2, // pages
		"lists of horizontalpodautoscalers.autoscaling":         2, // whether one scales the workload
		"lists of mutatingwebhookconfigurations." + admission:   2, // whether one concerns the object
		"lists of mutatingadmissionpolicies." + admission:       2,
		"lists of validatingwebhookconfigurations." + admission: 2, // or would refuse an update that changes nothing
		"lists of validatingadmissionpolicies." + admission:     2,
	}
	for reason, n := range got {
		expected, ok := want[reason]
		if !ok && strings.HasPrefix(reason, "lists of ") && !strings.Contains(reason, " in the namespace") && !strings.Contains(reason, " holds") {
			expected = 1 // of each kind, for orphans
		}
		if reason == "lists of what the deleted namespace holds" {
			expected = len(lists)
		}
		if n != expected {
			t.Errorf("%s: %d, want %d", reason, n, expected)
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(want)) {
		if got[reason] == 0 {
			t.Errorf("%s: none", reason)
		}
	}
	if len(lists) < 20 {
		t.Errorf("only %d kinds are looked for in the namespace", len(lists))
	}
	for request, n := range asked {
		if n > 1 && !strings.HasPrefix(request, "applyconfigmaps/hooked") {
			t.Errorf("sent %d times: %s", n, request)
		}
	}
}

// A deploy asks what a comparison asks, and writes each object that is not as it is to be, once. Of what is
// there already it writes nothing.
func TestADeployAsksForAComparisonAndItsWrites(t *testing.T) {
	t.Parallel()
	const maps = 20
	c := enginetest.Start(t)
	who := c.Identity(t)
	s := newSite(t, who.Kubeconfig, `
-- .kluctl.yaml --
discriminator: "{{ args.ns }}"
-- deployment.yaml --
deployments: [{path: app}]
-- app/all.yaml --
{% for n in range(20) %}
apiVersion: v1
kind: ConfigMap
metadata: {name: "map-{{ n }}", namespace: "{{ args.ns }}"}
data: {k: "{{ args.value if n == 0 else 'x' }}"}
---
{% endfor %}
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: "{{ args.ns }}"}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: a, image: "a:1"}]}}
`)
	s.args = map[string]any{"ns": c.Namespace(t), "value": "one"}
	asked := func(do func()) map[string]int {
		audit, out := c.Audit(t), map[string]int{}
		do()
		for _, e := range audit.Since(t).By(who) {
			switch {
			case e.Resource == "": // discovery
			case e.DryRun:
				out["dry run"]++
			case e.Verb == "create" && e.Resource == "selfsubjectaccessreviews":
				out["right"]++
			default:
				out[e.Verb]++
			}
		}
		return out
	}
	compare := func() { s.counted = true; s.diff(diff.Options{}) }
	deploy := func() { s.deployed() }
	kinds, _, err := s.cluster.Previewer().Kinds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name  string
		do    func()
		lists int // besides those for orphans
		want  map[string]int
	}{
		{"comparing what is new", compare, 0, map[string]int{"dry run": maps + 1}},
		{"deploying it", deploy, 0, map[string]int{"dry run": maps + 1, "apply": maps + 1}},
		// A question about rights for each kind, and one whether the server warns of pods.
		{"comparing what is there", compare, 4, map[string]int{"dry run": 1, "right": 2}},
		{"deploying it", deploy, 4, map[string]int{"dry run": 1, "right": 2}},
		{"deploying one change", func() { s.args["value"] = "two"; deploy() }, 4, map[string]int{"dry run": 2, "right": 2, "apply": 1}},
	} {
		got := asked(step.do)
		if most := len(kinds) + step.lists; got["list"] > most || got["list"] < 40 {
			t.Errorf("%s: %d lists of %d kinds, at most %d were expected", step.name, got["list"], len(kinds), most)
		}
		delete(got, "list")
		if fmt.Sprint(got) != fmt.Sprint(step.want) {
			t.Errorf("%s: %v, want %v", step.name, got, step.want)
		}
	}
}

const admission = "admissionregistration.k8s.io"
