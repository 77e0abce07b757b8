package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
)

// An object that says that it must not be deleted is not replaced, be it that the project or the cluster says so.
func TestWhatMustNotBeDeletedIsNotReplaced(t *testing.T) {
	t.Parallel()
	file := func(annotations, value string) string {
		return fmt.Sprintf("-- app/a.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: \"{{ args.ns }}\", annotations: {%s}}\nimmutable: true\ndata: {key: %s}\n", annotations, value)
	}
	for _, c := range []struct {
		name, before, after, want string
	}{
		{"the project says it now", "", `kluctl.io/skip-delete: "true"`, "annotated with kluctl.io/skip-delete"},
		{"the cluster says it still", `kluctl.io/skip-delete: "true"`, "", "annotated with kluctl.io/skip-delete"},
		{"as Helm says it, in the project", "", "helm.sh/resource-policy: keep", "annotated with helm.sh/resource-policy: keep"},
		{"as Helm says it, in the cluster", "helm.sh/resource-policy: keep", "", "annotated with helm.sh/resource-policy: keep"},
		{"nobody says it", `kluctl.io/skip-delete: "false"`, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cluster, s, ns := plainSite(t)
			s.write(file(c.before, "one"))
			s.deployed()
			uid := cluster.Kubectl(t, "get", "configmap", "a", "-n", ns, "-o", "jsonpath={.metadata.uid}")
			s.write(file(c.after, "two"))
			opts := diff.Options{Replace: true}
			if a := find(t, s.diff(opts), "a"); a.Op != diff.Replace || (a.Err != nil) != (c.want != "") {
				t.Fatalf("got %s, %v", a.Op, a.Err)
			}
			_, result := s.deploy(engine.DeployOptions{Diff: opts})
			if kept := cluster.Kubectl(t, "get", "configmap", "a", "-n", ns, "-o", "jsonpath={.metadata.uid}") == uid; kept != (c.want != "") {
				t.Errorf("it is the same object: %v", kept)
			}
			if err := result.Err(); (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// What the server cannot apply is sent as a whole where that is allowed, and remains ours: later deploys are in no conflict
// with that one, and take away what the project no longer has.
func TestWhatCannotBeAppliedIsSentAsAWholeOnRequest(t *testing.T) {
	t.Parallel()
	c, s, ns := plainSite(t)
	file := func(replicas, env string) string {
		return `-- app/w.yaml --
apiVersion: v1
kind: ReplicationController
metadata: {name: web, namespace: "{{ args.ns }}"}
spec: {replicas: ` + replicas + `, selector: {app: a}, template: {metadata: {labels: {app: a}}, spec: {containers: [{name: a, image: "a:1", env: [` + env + `]}]}}}
`
	}
	s.write(file("0", "{name: X, value: one}"))
	s.deployed()
	s.write(file("1", "{name: X, value: one}, {name: X, value: two}, {name: Y, value: three}")) // a list may not be applied with a key twice
	if web := find(t, s.diff(diff.Options{}), "web"); web.Op != diff.Failed {
		t.Fatalf("got %s", web.Op)
	}
	mutateWhere(t, c, ns, `namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: `+ns+`}}, rules: [{apiGroups: [""], apiVersions: [v1], operations: [UPDATE], resources: [replicationcontrollers]}]`,
		func() string { return `[{"op":"add","path":"/metadata/labels/stamp","value":"x"}]` })
	whole := diff.Options{Whole: true}
	set, result := s.deploy(engine.DeployOptions{Diff: whole})
	if err := result.Err(); err != nil {
		t.Fatal(err)
	}
	contains(t, strings.Join(find(t, set, "web").Warnings, "\n"), "is sent as a whole")
	if set := s.diff(whole); set.Changed() {
		t.Errorf("a second deploy would change %v", paths(find(t, set, "web")))
	}
	s.write(file("2", "{name: X, value: two}"))
	set, result = s.deploy(engine.DeployOptions{})
	if web := find(t, set, "web"); len(web.Conflicts) > 0 || result.Count(apply.Applied) != 1 {
		t.Errorf("got %v, conflicts %v", result.Err(), web.Conflicts)
	}
	got := c.Kubectl(t, "get", "replicationcontroller", "web", "-n", ns, "-o", "jsonpath={.spec.replicas} {.spec.template.spec.containers[0].env[*].value}")
	if got != "2 two" {
		t.Errorf("got %s", got)
	}
	if set := s.diff(diff.Options{}); set.Changed() {
		t.Errorf("a third deploy would change %v", paths(find(t, set, "web")))
	}
}
