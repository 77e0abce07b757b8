package report

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
)

func parsed(t *testing.T, text string) object.Object {
	t.Helper()
	var out object.Object
	if err := yaml.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func setOf(changes ...*diff.Change) *diff.ChangeSet {
	return &diff.ChangeSet{Stages: []diff.Stage{{Items: []diff.Item{{Changes: changes}}}}}
}

func TestRightsThatAreGivenAreSaidBeforeEverythingElse(t *testing.T) {
	t.Parallel()
	binding := "roleRef: {kind: ClusterRole, name: cluster-admin}\nsubjects: [{kind: User, name: ann}, {kind: ServiceAccount, name: ci, namespace: shop}]"
	for name, c := range map[string]struct{ kind, namespace, live, merged, want string }{
		"a new binding": {"ClusterRoleBinding", "", "", binding,
			"gives `User ann`, `ServiceAccount shop/ci` the role `ClusterRole cluster-admin` in the whole cluster, by `ClusterRoleBinding x`"},
		"one more subject": {"RoleBinding", "shop", "roleRef: {kind: ClusterRole, name: cluster-admin}\nsubjects: [{kind: User, name: ann}]", binding,
			"gives `ServiceAccount shop/ci` the role `ClusterRole cluster-admin` in namespace `shop`, by `RoleBinding shop/x`"},
		"another role": {"RoleBinding", "shop", "roleRef: {kind: Role, name: view}\nsubjects: [{kind: User, name: ann}]", "roleRef: {kind: Role, name: edit}\nsubjects: [{kind: User, name: ann}]",
			"gives `User ann` the role `Role edit` in namespace `shop`, by `RoleBinding shop/x`"},
		"one subject less": {"ClusterRoleBinding", "", binding, "roleRef: {kind: ClusterRole, name: cluster-admin}\nsubjects: [{kind: User, name: ann}]", ""},
		"a new role": {"Role", "shop", "", "rules: [{apiGroups: ['', apps], resources: [pods/exec, deployments], verbs: [get, create]}, {nonResourceURLs: [/metrics], verbs: [get]}]",
			"`Role shop/x` allows `/metrics` (get), `deployments` (create, get), `deployments.apps` (create, get), `pods/exec` (create, get), `pods/exec.apps` (create, get)"},
		"one more verb": {"ClusterRole", "", "rules: [{apiGroups: [''], resources: [secrets], verbs: [get]}]", "rules: [{apiGroups: [''], resources: [secrets], verbs: [get, list]}]",
			"`ClusterRole x` allows more: `secrets` (list)"},
		"all verbs": {"ClusterRole", "", "rules: [{apiGroups: [''], resources: [secrets], verbs: [get]}]", "rules: [{apiGroups: ['*'], resources: ['*'], verbs: [get, '*']}]",
			"`ClusterRole x` allows more: `*.*` (\\*)"},
		"a name less":                 {"ClusterRole", "", "rules: [{apiGroups: [''], resources: [secrets], verbs: ['*']}]", "rules: [{apiGroups: [''], resources: [secrets], resourceNames: [a], verbs: [get]}]", ""},
		"what a wildcard had already": {"ClusterRole", "", "rules: [{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]", "rules: [{apiGroups: [apps], resources: [deployments], verbs: [get]}]", ""},
		"added to others": {"ClusterRole", "", "", "metadata: {labels: {rbac.authorization.k8s.io/aggregate-to-admin: 'true'}}\nrules: [{apiGroups: [''], resources: [pods], verbs: [get]}]",
			"`ClusterRole x` allows `pods` (get), also to all who have `ClusterRole admin`"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			change := &diff.Change{Ref: object.Ref{Group: rbacGroup, Version: "v1", Kind: c.kind, Namespace: c.namespace, Name: "x"}, Op: diff.Create, Merged: parsed(t, c.merged)}
			if c.live != "" {
				change.Op, change.Live = diff.Update, parsed(t, c.live)
			}
			want := ""
			if c.want != "" {
				want = "\n> [!WARNING]\n> **t** " + c.want + ".\n"
			}
			got := TargetPreview{Name: "t", Set: setOf(change)}.danger(maxPoints, false)
			if got != want {
				t.Errorf("got  %swant %s", got, want)
			}
			if brief := (TargetPreview{Name: "t", Set: setOf(change)}).danger(maxPoints, true); (brief == "") != (want == "") || strings.Contains(brief, "ann") {
				t.Errorf("in a summary: %s", brief)
			}
		})
	}
}

func TestWhatCannotBeUndoneIsSaidFirst(t *testing.T) {
	t.Parallel()
	ref := func(kind, name string) object.Ref {
		return object.Ref{Version: "v1", Kind: kind, Namespace: "shop", Name: name}
	}
	changes := []*diff.Change{
		{Ref: ref("ConfigMap", "a"), Op: diff.Delete}, {Ref: ref("ConfigMap", "b"), Op: diff.Delete},
		{Ref: ref("Job", "j"), Op: diff.Replace},
		{Ref: ref("Job", "refused"), Op: diff.Replace, Err: errors.New("immutable")},
		{Ref: ref("PersistentVolumeClaim", "data"), Op: diff.Delete, Consequences: []string{"its data goes with it: 10Gi in volume pv-1"}},
		{Ref: object.Ref{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition", Name: "boats.example.com"}, Op: diff.Update,
			Fields: []diff.FieldChange{{Op: diff.Remove, Path: object.Path{}.Field("spec"), Old: "x"}}, Consequences: []string{"version v1 goes", "there are 2 objects of its kind: a, b"}},
		{Ref: object.Ref{Version: "v1", Kind: "Namespace", Name: "old"}, Op: diff.Delete, Consequences: []string{"7 objects go with it"}},
	}
	target := TargetPreview{Name: "staging", Set: setOf(changes...)}
	want := "\n> [!CAUTION]\n> **staging**\n" +
		"> - deletes `Namespace old`: 7 objects go with it\n" +
		"> - narrows `CustomResourceDefinition boats.example.com`: version v1 goes; there are 2 objects of its kind: a, b\n" +
		"> - deletes `PersistentVolumeClaim shop/data`: its data goes with it: 10Gi in volume pv-1\n" +
		"> - deletes `ConfigMap shop/a`, `ConfigMap shop/b`\n" +
		"> - replaces `Job shop/j`: it is deleted and created anew\n"
	if got := target.danger(maxPoints, false); got != want {
		t.Errorf("got %swant %s", got, want)
	}
	if got := target.danger(2, false); strings.Count(got, "\n> - ") != 3 || !strings.Contains(got, "> - and 3 more of the kind, below\n") {
		t.Errorf("at most 2: %s", got)
	}
	if n := Count(target.Set); n.Replaced != 1 || n.Failed != 1 {
		t.Errorf("a refused replacement fails and replaces nothing: %s", n)
	}
}

func TestDriftHasASectionOfItsOwn(t *testing.T) {
	t.Parallel()
	field := func(name string, cause diff.Cause) diff.FieldChange {
		return diff.FieldChange{Op: diff.Modify, Path: object.Path{}.Field("spec").Field(name), Old: 1, New: 2, Cause: cause, Owner: "kubectl-edit", Since: "2026-01-02T03:04:05Z"}
	}
	ref := func(name string) object.Ref {
		return object.Ref{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: "shop", Name: name}
	}
	set := setOf(
		&diff.Change{Ref: ref("both"), Op: diff.Update, Fields: []diff.FieldChange{field("mine", diff.ThisChange), field("theirs", diff.Drift)}},
		&diff.Change{Ref: ref("drifted"), Op: diff.Update, Fields: []diff.FieldChange{field("replicas", diff.Drift)}},
	)
	p := Preview{Targets: []TargetPreview{{Name: "t", Set: set}}}
	text := p.Markdown(1 << 20)
	changed, drift, ok := strings.Cut(text, "<details><summary>Already drifted, not by this pull request: 2 paths on 2 objects</summary>")
	if !ok || !strings.Contains(text, "| **t** | 1 changed, 1 drifted |") {
		t.Fatalf("got:\n%s", text)
	}
	if strings.Contains(changed, "theirs") || strings.Contains(changed, "replicas") || !strings.Contains(changed, "spec.mine") {
		t.Errorf("drift among what changes:\n%s", changed)
	}
	for _, want := range []string{"  spec.theirs (set by kubectl-edit at 2026-01-02T03:04:05Z)\n- 1\n+ 2\n", "  spec.replicas (set by kubectl-edit"} {
		if !strings.Contains(drift, want) {
			t.Errorf("no %q in:\n%s", want, drift)
		}
	}
}

func TestTargetsWithoutChangesAreToldAsTheConfigurationSays(t *testing.T) {
	t.Parallel()
	p := Preview{Targets: []TargetPreview{
		{Name: "a", Set: setOf(&diff.Change{Ref: object.Ref{Kind: "ConfigMap", Name: "m"}, Op: diff.Create})},
		{Name: "same", Set: setOf()}, {Name: "other", Unaffected: "not affected"},
		{Name: "gone", Err: fmt.Errorf("asking: %w", &diff.UnreachableError{Err: errors.New("refused")})},
		{Name: "warned", Set: &diff.ChangeSet{Warnings: []string{"w"}}},
	}}
	for unchanged, want := range map[Unchanged]struct {
		rows int
		line bool
	}{FoldUnchanged: {3, true}, ShowUnchanged: {5, false}, HideUnchanged: {3, false}} {
		p.Unchanged = unchanged
		got := p.Markdown(1 << 20)
		if rows := strings.Count(got, "\n| **"); rows != want.rows || strings.Contains(got, "\nNo changes: **same**. Not affected: **other**.\n") != want.line {
			t.Errorf("%v: %d rows, want %d:\n%s", unchanged, rows, want.rows, got)
		}
		if !strings.Contains(got, "### Weighlock: 4 of 5 targets, 1 unreachable\n") || !strings.Contains(got, "| **gone** | 🔌 cluster unreachable |") {
			t.Errorf("%v:\n%s", unchanged, got)
		}
	}
}

func TestTheLastDeploysAreSaid(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	set := setOf(&diff.Change{Ref: object.Ref{Kind: "ConfigMap", Name: "m"}, Op: diff.Create})
	got := Preview{Targets: []TargetPreview{
		{Name: "a", Set: set, Last: &Deploy{Commit: "1234567890", By: "@grace", At: at}},
		{Name: "b", Set: set, Last: &Deploy{By: "ann@host", At: at, Failed: true}}, {Name: "c", Set: set},
	}}.Markdown(1 << 20)
	want := "\n<sub>Last deploys: **a** `1234567` by @\u200bgrace, 2026-01-02 03:04 UTC, **b** by ann@\u200bhost, 2026-01-02 03:04 UTC (failed).</sub>\n"
	if !strings.Contains(got, want) {
		t.Errorf("no %s in:\n%s", want, got)
	}
}
