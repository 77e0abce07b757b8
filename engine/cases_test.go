package engine_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/enginetest"
	"github.com/weighlock/weighlock/engine/render"
	"github.com/weighlock/weighlock/engine/report"
)

// find returns the change of an object by its name.
func find(t *testing.T, set *diff.ChangeSet, name string) *diff.Change {
	t.Helper()
	for c := range set.All() {
		if c.Ref.Name == name {
			return c
		}
	}
	t.Fatalf("%s is not in the change set: %v", name, ops(set))
	return nil
}

// paths lists a change's fields, one "op path cause" each.
func paths(c *diff.Change) []string {
	var out []string
	for _, f := range c.Fields {
		out = append(out, strings.TrimSpace(string(f.Op)+" "+f.Path.String()+" "+string(f.Cause)))
	}
	return out
}

// contains expects a text in a text.
func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q is not in:\n%s", p, text)
		}
	}
}

// oneMap is the file of a ConfigMap a with annotations and data.
func oneMap(annotations, data string) string {
	return "-- app/a.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: \"{{ args.ns }}\", annotations: {" + annotations + "}}\ndata: {" + data + "}\n"
}

// Three policies for one field that another manager owns, by annotation and by deployment file; its key has dots (F1, F2).
func TestConflictsAreDecidedByRule(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, annotations, rules, live string
		want                           diff.Resolution
	}{
		{"nobody says", "", "", "theirs", diff.Kept},
		{"an annotation forces the field", `kluctl.io/force-apply-field: 'data["a.b-c"]'`, "", "ours", diff.Overwritten},
		{"an annotation ignores the manager", `kluctl.io/ignore-conflicts-manager: "^oper"`, "", "theirs", diff.Ignored},
		{"the deployment file forces", "", "conflictResolution: [{fieldPathRegex: 'a\\.b', kind: ConfigMap, action: force-apply}]", "ours", diff.Overwritten},
		{"the deployment file is for another kind", "", "conflictResolution: [{manager: operator, kind: Secret, action: force-apply}]", "theirs", diff.Kept},
		{"an annotation beats the deployment file", `kluctl.io/ignore-conflicts: "true"`, "conflictResolution: [{manager: operator, action: force-apply}]", "theirs", diff.Ignored},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cluster, s, ns := plainSite(t)
			s.write(oneMap("", `"a.b-c": one, key: one`))
			s.deployed()
			cluster.KubectlInput(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: `+ns+`}, data: {"a.b-c": theirs}}`,
				"apply", "--server-side", "--field-manager=operator", "--force-conflicts", "-f", "-")
			s.write("-- deployment.yaml --\ndeployments: [{path: app}]\n" + c.rules + "\n" + oneMap(c.annotations, `"a.b-c": ours, key: two`))
			a := find(t, s.diff(diff.Options{}), "a")
			if len(a.Conflicts) != 1 || a.Conflicts[0].Resolution != c.want || a.Conflicts[0].Manager != "operator" || a.Conflicts[0].Path.JSONPath() != `data["a.b-c"]` {
				t.Fatalf("got %+v", a.Conflicts)
			}
			s.deployed()
			if got := cluster.Kubectl(t, "get", "configmap", "a", "-n", ns, "-o", `jsonpath={.data.a\.b-c},{.data.key}`); got != c.live+",two" {
				t.Errorf("live is %s, want %s,two", got, c.live)
			}
			if again := s.diff(diff.Options{}); again.Changed() {
				t.Errorf("a second deploy would change:\n%s", report.Text(again, nil))
			}
		})
	}
}

// What kubectl, Helm or Kluctl set and the project does not have is deleted by the first deploy, and shown before (F3, N2).
func TestATakeoverShowsWhatItDeletes(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"kubectl": {"apply", "-f", "-"},
		"helm":    {"create", "--field-manager=helm", "-f", "-"},
		"kluctl":  {"apply", "--server-side", "--field-manager=kluctl", "-f", "-"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, s, ns := plainSite(t)
			c.KubectlInput(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: `+ns+`, labels: {old: x}}, data: {key: one, extra: old-value}}`, args...)
			s.write(oneMap("", "key: one"))
			a := find(t, s.diff(diff.Options{}), "a")
			want := []string{"delete data.extra takeover", "insert metadata.annotations", "delete metadata.labels.old takeover"}
			got := paths(a)
			if len(got) < 3 || got[0] != want[0] || !strings.Contains(strings.Join(got, "\n"), "delete metadata.labels.old takeover") {
				t.Errorf("got %v", got)
			}
			s.deployed()
			if got := c.Kubectl(t, "get", "configmap", "a", "-n", ns, "-o", `jsonpath={.data},{.metadata.labels.old},{.metadata.annotations.kubectl\.kubernetes\.io/last-applied-configuration}`); got != `{"key":"one"},,` {
				t.Errorf("live is %s", got)
			}
			if again := s.diff(diff.Options{}); again.Changed() {
				t.Errorf("a second deploy would change:\n%s", report.Text(again, nil))
			}
		})
	}
}

func TestAnObjectOfAnotherOwnerIsShownAsATakeoverOrRefused(t *testing.T) {
	t.Parallel()
	c, s, ns := plainSite(t)
	c.KubectlInput(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: `+ns+`, labels: {kluctl.io/discriminator: theirs}}}`, "apply", "--server-side", "--field-manager=kluctl", "-f", "-")
	c.KubectlInput(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: b, namespace: `+ns+`, annotations: {meta.helm.sh/release-name: shop}}}`, "create", "-f", "-")
	set := s.diff(diff.Options{})
	contains(t, report.Text(set, nil), `belongs to discriminator "theirs" and is taken over by discriminator "`+ns+`"`, `belongs to Helm release "shop"`)
	if set := s.diff(diff.Options{NoAdopt: true}); len(set.Failures()) != 2 {
		t.Errorf("with NoAdopt: %v", ops(set))
	}
	s.deployed()
	if got := c.Kubectl(t, "get", "configmap", "a", "-n", ns, "-o", `jsonpath={.metadata.labels.kluctl\.io/discriminator}`); got != ns {
		t.Errorf("owner is %s", got)
	}
}

const boats = `
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
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            x-kubernetes-validations: [{rule: "self.tons < 1000", message: too heavy}]
            properties:
              tons: {type: integer, default: 1}
              name: {type: string, x-kubernetes-validations: [{rule: "self == oldSelf", message: names stay}]}
              EXTRA
-- app/boat.yaml --
apiVersion: "{{ args.ns }}.example.com/v1"
kind: Boat
metadata: {name: boat, namespace: "{{ args.ns }}"}
spec: {SPEC}
`

// boatSite is a project with a definition of its own and an object of it.
func boatSite(t *testing.T) (*enginetest.Cluster, *site, func(extra, spec string)) {
	t.Helper()
	c := enginetest.Start(t)
	s := newSite(t, c.Identity(t).Kubeconfig, "")
	ns := c.Namespace(t)
	s.args = map[string]any{"ns": ns}
	t.Cleanup(func() {
		c.Kubectl(t, "delete", "crd", "boats."+ns+".example.com", "--ignore-not-found", "--wait=false")
	})
	return c, s, func(extra, spec string) {
		s.write(strings.NewReplacer("EXTRA", extra, "SPEC", spec).Replace(boats))
	}
}

// A custom resource is judged by the definition that comes or changes with it (C3, C4, N6, I1's transition rules).
func TestCustomResourcesAreJudgedByTheDefinitionOfTheSameChange(t *testing.T) {
	t.Parallel()
	c, s, write := boatSite(t)
	for spec, problem := range map[string]string{
		`tons: "many"`: "spec.tons: Invalid value",
		"tons: 2000":   "too heavy",
		"tonz: 1":      "unknown field spec.tonz",
	} {
		write("", spec)
		set := s.diff(diff.Options{})
		if failures := set.Failures(); len(failures) != 1 || failures[0].Ref.Kind != "Boat" {
			t.Errorf("%s: got %v", spec, ops(set))
		} else {
			contains(t, failures[0].Err.Error(), problem)
		}
	}
	write("", "tons: 12, name: ada")
	set := s.diff(diff.Options{})
	if boat := find(t, set, "boat"); boat.Op != diff.Create || !strings.Contains(boat.Reason, "checked against CustomResourceDefinition/boats.") {
		t.Errorf("got %s: %s %v", boat.Op, boat.Reason, boat.Err)
	}
	s.deployed()

	// The definition learns a field, and the object uses it.
	write("length: {type: integer}", "tons: 12, name: ada, length: 7")
	set = s.diff(diff.Options{})
	expect(t, paths(find(t, set, "boat")), []string{"insert spec.length"})
	s.deployed()

	// It gets stricter than a live object, which somebody else made, allows.
	c.KubectlInput(t, `{apiVersion: `+s.args["ns"].(string)+`.example.com/v1, kind: Boat, metadata: {name: other, namespace: `+s.args["ns"].(string)+`}, spec: {length: 99}}`, "create", "-f", "-")
	write("length: {type: integer, maximum: 10}", "tons: 12, name: ada, length: 7")
	contains(t, report.Text(s.diff(diff.Options{}), nil), "1 of 2 live objects are not valid under the changed definition", "Boat/other")
	write("", "tons: 12, name: ada")
	definition := find(t, s.diff(diff.Options{}), "boats."+s.args["ns"].(string)+".example.com")
	contains(t, strings.Join(definition.Consequences, "\n"), "a field of v1 goes: spec.length", "there are 2 objects of its kind:")
	write("length: {type: integer}", "tons: 12, name: bob, length: 7")
	boat := find(t, s.diff(diff.Options{}), "boat")
	if boat.Op != diff.Replace || boat.Err == nil {
		t.Errorf("a transition rule: got %s %v", boat.Op, boat.Err)
	}
	expect(t, paths(boat), []string{"update spec.name"})
	// What deleting the definition takes along (P2).
	s.write("-- deployment.yaml --\ndeployments: []\n")
	crd := find(t, s.diff(diff.Options{Prune: true}), "boats."+s.args["ns"].(string)+".example.com")
	contains(t, strings.Join(crd.Consequences, "\n"), "2 objects of its kind go with it")
}

// Replacements say what goes with them; a deploy carries them out only on request (I1).
func TestAReplacementIsToldAndDoneOnlyOnRequest(t *testing.T) {
	t.Parallel()
	c, s, ns := plainSite(t)
	file := func(app string) string {
		return `-- app/w.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: "{{ args.ns }}"}
spec: {replicas: 2, selector: {matchLabels: {app: ` + app + `}}, template: {metadata: {labels: {app: ` + app + `}}, spec: {containers: [{name: a, image: "a:1"}]}}}
`
	}
	s.write(file("one"))
	s.deployed()
	c.Kubectl(t, "wait", "-n", ns, "--for=jsonpath={.status.replicas}=2", "deployment/web", "--timeout=60s")
	uid := c.Kubectl(t, "get", "deployment", "web", "-n", ns, "-o", "jsonpath={.metadata.uid}")
	s.write(file("two"))
	web := find(t, s.diff(diff.Options{}), "web")
	if web.Op != diff.Replace || web.Err == nil {
		t.Fatalf("got %s %v", web.Op, web.Err)
	}
	contains(t, strings.Join(web.Consequences, "\n"), "2 pods go with it")
	expect(t, paths(web), []string{"update spec.selector.matchLabels.app", "update spec.template.metadata.labels.app"})
	if _, result := s.deploy(engine.DeployOptions{}); result.Err() == nil {
		t.Error("it is replaced without having been asked for")
	}
	if got := c.Kubectl(t, "get", "deployment", "web", "-n", ns, "-o", "jsonpath={.metadata.uid}"); got != uid {
		t.Error("it is another object")
	}
	if _, result := s.deploy(engine.DeployOptions{Diff: diff.Options{Replace: true}}); result.Err() != nil {
		t.Fatal(result.Err())
	}
	if got := c.Kubectl(t, "get", "deployment", "web", "-n", ns, "-o", "jsonpath={.spec.selector.matchLabels.app}"); got != "two" {
		t.Errorf("got %s", got)
	}
}

// Policies, kinds that are not served, namespaces that end (W3, C6, I3): each is told, and the others are shown.
func TestWhatTheClusterRefusesIsToldAndTheRestIsShown(t *testing.T) {
	t.Parallel()
	c, s, ns := plainSite(t)
	c.KubectlInput(t, `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: `+ns+`}
spec: {matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps]}]}, validations: [{expression: "object.metadata.name != 'a'", message: no a here}]}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: `+ns+`}
spec: {policyName: `+ns+`, validationActions: [Deny], matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: `+ns+`}}}}
`, "apply", "-f", "-")
	t.Cleanup(func() {
		c.Kubectl(t, "delete", "validatingadmissionpolicy,validatingadmissionpolicybinding", ns, "--wait=false")
	})
	s.write(`-- app/old.yaml --
apiVersion: policy/v1beta1
kind: PodDisruptionBudget
metadata: {name: one, namespace: "{{ args.ns }}"}
---
apiVersion: policy/v1beta1
kind: PodDisruptionBudget
metadata: {name: two, namespace: "{{ args.ns }}"}
`)
	var text string
	for range 100 { // a policy comes into force a moment after it is stored
		if text = report.Text(s.diff(diff.Options{}), nil); strings.Contains(text, "no a here") {
			break
		}
	}
	contains(t, text, "no a here", "ValidatingAdmissionPolicy", "New objects:\n  "+ns+"/ConfigMap/b",
		"the cluster does not serve kind PodDisruptionBudget in policy/v1beta1, but in policy/v1: change the apiVersion: 2 objects: ")
	if n := strings.Count(text, "does not serve kind"); n != 1 {
		t.Errorf("said %d times", n)
	}
}

func TestAnObjectThatIsBeingDeletedIsToldWithItsFinalizers(t *testing.T) {
	t.Parallel()
	c, s, ns := plainSite(t)
	s.deployed()
	c.Kubectl(t, "patch", "configmap", "a", "-n", ns, "--type=merge", "-p", `{"metadata":{"finalizers":["example.com/wait"]}}`)
	c.Kubectl(t, "delete", "configmap", "a", "-n", ns, "--wait=false")
	t.Cleanup(func() {
		c.Kubectl(t, "patch", "configmap", "a", "-n", ns, "--type=merge", "-p", `{"metadata":{"finalizers":null}}`)
	})
	a := find(t, s.diff(diff.Options{}), "a")
	if a.Op != diff.Failed {
		t.Fatalf("got %s", a.Op)
	}
	contains(t, a.Err.Error(), "is being deleted since", "example.com/wait")
}

// Missing rights are said once a kind; what cannot be listed is named and not pruned; where only some namespaces may be
// listed, these are searched (A1, P1).
func TestMissingRightsAreSaidOnceAndNothingIsPrunedOnPartialKnowledge(t *testing.T) {
	t.Parallel()
	c, s, ns := plainSite(t)
	s.deployed()
	s.write("-- app/b.yaml --\napiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: \"{{ args.ns }}\"}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: s2, namespace: \"{{ args.ns }}\"}\n")
	who := c.User(t, ns, rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"get", "list", "patch", "delete"}})
	s.connect(who.Kubeconfig)
	set := s.diff(diff.Options{Prune: true})
	text := report.Text(set, nil)
	contains(t, text, "cannot patch secrets in namespace "+ns+": 2 objects: ", "kinds cannot be listed in namespace "+ns, "is looked for in these namespaces only: "+ns+"; these are the kinds: configmaps")
	if strings.Count(text, "cannot patch secrets") != 1 {
		t.Errorf("said more than once:\n%s", text)
	}
	if b := find(t, set, "b"); b.Op != diff.Delete {
		t.Errorf("the orphan in the namespace that may be listed: %s", b.Op)
	}
}

// What deleting a namespace takes along, and that it is a rename (P2, R091).
func TestDeletingANamespaceCountsWhatGoesWithIt(t *testing.T) {
	t.Parallel()
	c, s, ns := plainSite(t)
	file := func(name string) string {
		maps := ""
		for _, m := range []string{"1", "2", "3", "4", "5", "6", "7"} {
			maps += "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: m" + m + ", namespace: \"" + name + "\"}\ndata: {number: \"" + m + "\"}\n"
		}
		return "-- app/n.yaml --\napiVersion: v1\nkind: Namespace\nmetadata: {name: \"" + name + "\"}\n" + maps
	}
	s.write(file(ns + "-old"))
	t.Cleanup(func() {
		c.Kubectl(t, "delete", "namespace", ns+"-old", ns+"-new", "--ignore-not-found", "--wait=false")
	})
	s.deployed()
	s.write(file(ns + "-new"))
	set := s.diff(diff.Options{Prune: true})
	old := find(t, set, ns+"-old")
	contains(t, strings.Join(old.Consequences, "\n"), "7 objects go with it")
	if old.RenamedTo == nil || old.RenamedTo.Name != ns+"-new" {
		t.Errorf("the rename is not seen: %v", old.RenamedTo)
	}
	if m := find(t, set, "m1"); m.RenamedFrom == nil || m.RenamedFrom.Namespace != ns+"-old" {
		t.Errorf("the moved object is not seen: %v", m.RenamedFrom)
	}
	contains(t, report.ChangeSetMarkdown(set, nil), "7 objects go with it")
}

// What deleting a claim takes along, and who uses it.
func TestDeletingAClaimNamesThePodsThatUseIt(t *testing.T) {
	t.Parallel()
	c, s, ns := plainSite(t)
	s.write("-- app/c.yaml --\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data, namespace: \"" + ns + "\"}\n" +
		"spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n")
	s.deployed()
	c.KubectlInput(t, `{apiVersion: v1, kind: Pod, metadata: {name: db, namespace: `+ns+`}, spec: {containers: [{name: a, image: "a:1"}], volumes: [{name: d, persistentVolumeClaim: {claimName: data}}]}}`, "create", "-f", "-")
	s.write("-- deployment.yaml --\ndeployments: []\n")
	claim := find(t, s.diff(diff.Options{Prune: true}), "data")
	expect(t, claim.Consequences, []string{"it is not bound: there is no data yet", "it is in use by 1 pod: " + ns + "/Pod/db"})
}

// Drift and the change under review are told apart, with the owner (T3).
func TestDriftIsToldApartFromTheChange(t *testing.T) {
	t.Parallel()
	c, s, ns := plainSite(t)
	data := func(a, b, d string) string { return oneMap("", "changed: "+a+", both: "+b+", drifted: "+d) }
	s.write(data("one", "one", "one"))
	s.deployed()
	p, target := s.open()
	base, err := engine.Render(t.Context(), p, target, render.Options{Reader: s.cluster.Reader()})
	if err != nil {
		t.Fatal(err)
	}
	c.Kubectl(t, "patch", "configmap", "a", "-n", ns, "-p", `{"data":{"both":"hand","drifted":"hand"}}`)
	s.write(data("two", "two", "one") + "-- app/c.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: \"{{ args.ns }}\"}\n")
	set := s.diff(diff.Options{Base: base})
	a := find(t, set, "a")
	expect(t, paths(a), []string{"update data.both both", "update data.changed change", "update data.drifted drift"})
	if f := a.Fields[2]; f.Owner != "kubectl-patch" || f.Since == "" {
		t.Errorf("the owner is %q since %q", f.Owner, f.Since)
	}
	if created := find(t, set, "c"); created.Cause != diff.ThisChange {
		t.Errorf("the new object's cause is %q", created.Cause)
	}
	contains(t, report.Text(set, nil), "data.drifted (already drifted; set by kubectl-patch at 2")
}

// What the project still has keeps the namespace that it lives in and the definition of its kind, though these are not in the project any more.
func TestWhatTheProjectHasIsNotDeletedWithItsNamespaceOrKind(t *testing.T) {
	t.Parallel()
	c, s, ns := plainSite(t)
	group := ns + ".example.com"
	t.Cleanup(func() {
		c.Kubectl(t, "delete", "namespace/"+ns+"-in", "customresourcedefinition/boats."+group, "--ignore-not-found", "--wait=false")
	})
	floor := "-- app/n.yaml --\napiVersion: v1\nkind: Namespace\nmetadata: {name: \"" + ns + "-in\"}\n---\n" +
		"apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: boats." + group + "}\nspec:\n  group: " + group + "\n  scope: Namespaced\n" +
		"  names: {kind: Boat, plural: boats}\n  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]\n"
	s.write(floor + "-- app/a.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: \"" + ns + "-in\"}\n---\napiVersion: " + group + "/v1\nkind: Boat\nmetadata: {name: b, namespace: " + ns + "}\n")
	s.deployed()
	s.write("-- app/n.yaml --\n")
	set, result := s.deploy(engine.DeployOptions{Diff: diff.Options{Prune: true}})
	if err := result.Err(); err != nil {
		t.Fatal(err)
	}
	for name, needs := range map[string]string{ns + "-in": ns + "-in/ConfigMap/a", "boats." + group: ns + "/Boat/b"} {
		if o := find(t, set, name); o.Op != diff.Skip || o.Reason != "kept: with it would go what the project has: "+needs {
			t.Errorf("%s: %s, %s", o.Ref, o.Op, o.Reason)
		}
	}
	p, target := s.open()
	if set, result, err := engine.Remove(t.Context(), p, target, s.cluster, engine.RemoveOptions{What: diff.Orphans}); err != nil || result.Err() != nil || set.Changed() {
		t.Errorf("pruning alone: %v, %v, %v", ops(set), result, err)
	}
	c.Kubectl(t, "get", "-n", ns+"-in", "configmap/a")
	c.Kubectl(t, "get", "-n", ns, "boats."+group+"/b")

	s.write("-- app/a.yaml --\n")
	s.deploy(engine.DeployOptions{Diff: diff.Options{Prune: true}})
	if left := c.Kubectl(t, "get", "namespace/"+ns+"-in", "--ignore-not-found", "-o", "name"); left != "" {
		t.Errorf("%s is kept for nothing", left)
	}
}

// A summary shows names and no values, whatever quotes them: warnings of conflicts, labels that many objects share, refusals of what lives in a
// namespace that the same change creates, policies of the namespace in which that is tried.
func TestASummaryShowsNoValues(t *testing.T) {
	t.Parallel()
	c, s, ns := plainSite(t)
	file := func(mine, version string) string {
		out := oneMap("", "shared: "+mine)
		for _, name := range []string{"x", "y", "z"} {
			out += "-- app/" + name + ".yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + ", namespace: \"{{ args.ns }}\", labels: {version: " + version + "}}\n"
		}
		return out
	}
	s.write(file("begun-value", "old-value"))
	s.deployed()
	c.KubectlInput(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: `+ns+`}, data: {shared: their-value}}`, "apply", "--server-side", "--field-manager=operator", "--force-conflicts", "-f", "-")
	s.write(file("our-value", "new-value") + `
-- app/new.yaml --
apiVersion: v1
kind: Namespace
metadata: {name: "{{ args.ns }}-new"}
---
apiVersion: v1
kind: Service
metadata: {name: wrong, namespace: "{{ args.ns }}-new"}
spec: {type: Quoted-value, ports: [{port: 80}]}
`)
	set := s.diff(diff.Options{})
	var invalid *diff.InvalidError
	if err := find(t, set, "wrong").Err; !errors.As(err, &invalid) {
		t.Errorf("the refusal of what is tried elsewhere is %T", err)
	}
	p := report.Preview{Targets: []report.TargetPreview{{Name: "prod", Set: set}}}
	values := []string{"begun-value", "old-value", "their-value", "our-value", "new-value", "Quoted-value"}
	whole := p.Markdown(60000)
	contains(t, whole, values[1:]...)
	p.Summary = true
	summary := p.Markdown(60000)
	for _, v := range values {
		if strings.Contains(summary, v) {
			t.Errorf("%s is shown:\n%s", v, summary)
		}
	}
	contains(t, summary, "data.shared", "operator", "version", "spec.type: not supported")
}

// What the change itself brings to rule over its other objects has no part in their dry runs, and is named (C7, C8).
func TestWhatRulesOverOthersOfTheChangeIsNoted(t *testing.T) {
	t.Parallel()
	c, s, ns := plainSite(t)
	t.Cleanup(func() { c.Kubectl(t, "delete", "namespace", ns+"-new", "--ignore-not-found", "--wait=false") })
	rules := func(level, hard string) string {
		return "-- app/n.yaml --\napiVersion: v1\nkind: Namespace\nmetadata: {name: \"" + ns + "-new\", labels: {pod-security.kubernetes.io/enforce: " + level + "}}\n---\n" +
			"apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: quota, namespace: \"" + ns + "-new\"}\nspec: {hard: {configmaps: \"" + hard + "\"}}\n---\n" +
			"apiVersion: v1\nkind: LimitRange\nmetadata: {name: limits, namespace: \"" + ns + "-new\"}\nspec: {limits: [{type: Container, default: {cpu: 100m}}]}\n"
	}
	webhook := "-- app/w.yaml --\napiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {name: " + ns + "}\nwebhooks:\n" +
		"- {name: a.example.com, sideEffects: None, admissionReviewVersions: [v1], clientConfig: {url: \"https://localhost:1/\"}, failurePolicy: Ignore, " +
		"objectSelector: {matchLabels: {of: " + ns + "}}, rules: [{apiGroups: [\"\"], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}]}\n"
	objects := "-- app/o.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: m1, namespace: \"" + ns + "-new\", labels: {of: " + ns + "}}\n---\n" +
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m2, namespace: \"" + ns + "-new\"}\n---\n" +
		"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: \"" + ns + "-new\"}\nspec: {replicas: 0, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: \"a:1\"}]}}}\n"
	s.write(rules("restricted", "9") + webhook + objects)
	t.Cleanup(func() {
		c.Kubectl(t, "delete", "validatingwebhookconfiguration", ns, "--ignore-not-found", "--wait=false")
	})
	notes := func() string {
		var out []string
		for ch := range s.diff(diff.Options{}).All() {
			for _, n := range ch.Notes {
				out = append(out, ch.Ref.Kind+": "+n)
			}
		}
		return strings.Join(out, "\n")
	}
	if got, want := notes(), `Namespace: enforces Pod Security level "restricted" from now on: whether pods of 1 object of this change are admitted then is not known
ResourceQuota: may decide about 2 objects of this change, which were tried without it
LimitRange: may decide about 1 object of this change, which was tried without it
ValidatingWebhookConfiguration: may decide about 1 object of this change, which was tried without it`; got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	s.deployed()
	if got := notes(); got != "" {
		t.Errorf("nothing changes, and there are notes:\n%s", got)
	}
	s.write(rules("baseline", "8") + strings.ReplaceAll(objects, "a:1", "a:2"))
	if got, want := notes(), `Namespace: enforces Pod Security level "baseline" from now on: whether pods of 1 object of this change are admitted then is not known`; got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// Where a definition lost the version in which it is recorded who owns an object's fields, the server refuses to apply it: the record is
// written anew first, so that what is not in the project any more goes all the same (C5).
func TestAnObjectIsAppliedThoughItsRecordIsInAVersionThatWent(t *testing.T) {
	t.Parallel()
	for _, together := range []bool{true, false} {
		t.Run(map[bool]string{true: "with the definition", false: "after it"}[together], func(t *testing.T) {
			t.Parallel()
			c, s, ns := plainSite(t)
			name := "carts." + ns + ".example.com"
			t.Cleanup(func() { c.Kubectl(t, "delete", "customresourcedefinition", name, "--ignore-not-found", "--wait=false") })
			definition := func(versions string) string {
				all := ""
				for v := range strings.FieldsSeq(versions) {
					all += "  - {name: " + strings.TrimSuffix(v, "*") + ", served: true, storage: " + fmt.Sprint(strings.HasSuffix(v, "*")) +
						", schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {a: {type: string}, b: {type: string}}}}}}}\n"
				}
				return "-- app/a.yaml --\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: " + name + "}\nspec:\n  group: " + ns + ".example.com\n  scope: Namespaced\n" +
					"  names: {kind: Cart, plural: carts}\n  versions:\n" + all
			}
			cart := func(version, spec string) string {
				return "-- app/z.yaml --\napiVersion: " + ns + ".example.com/" + version + "\nkind: Cart\nmetadata: {name: cart, namespace: " + ns + "}\nspec: {" + spec + "}\n"
			}
			s.write(definition("v1beta1* v1") + cart("v1beta1", "a: one, b: two"))
			s.deployed()
			s.write(definition("v1beta1 v1*"))
			s.deployed()
			// What a migration of storage does: each object is written again.
			for deadline := time.Now().Add(30 * time.Second); ; {
				c.Kubectl(t, "label", name, "-n", ns, "cart", "--overwrite", fmt.Sprintf("at=%d", time.Now().UnixNano()))
				c.Kubectl(t, "patch", "customresourcedefinition", name, "--subresource=status", "--type=merge", "-p", `{"status":{"storedVersions":["v1"]}}`)
				if stored := c.Kubectl(t, "get", "customresourcedefinition", name, "-o", "jsonpath={.status.storedVersions}"); stored == `["v1"]` || time.Now().After(deadline) {
					break
				}
			}
			if together {
				s.write(definition("v1*") + cart("v1", "a: one"))
			} else {
				s.write(definition("v1*") + "-- app/z.yaml --\n")
				s.deployed()
				s.write(cart("v1", "a: one"))
			}
			change := find(t, s.diff(diff.Options{}), "cart")
			expect(t, paths(change), []string{"delete spec.b"})
			contains(t, strings.Join(change.Notes, "\n"), "the record of its owners is in "+ns+".example.com/v1beta1, which is not served any more; it is rewritten first")
			s.deployed()
			if got := c.Kubectl(t, "get", name, "-n", ns, "cart", "-o", "jsonpath={.spec}"); got != `{"a":"one"}` {
				t.Errorf("live is %s", got)
			}
			if again := s.diff(diff.Options{}); again.Changed() || len(again.Failures()) > 0 || len(find(t, again, "cart").Notes) > 0 {
				t.Errorf("then:\n%s", report.Text(again, nil))
			}
		})
	}
}
