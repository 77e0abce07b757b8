package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/enginetest"
	"github.com/weighlock/weighlock/engine/kube"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/render"
	"github.com/weighlock/weighlock/engine/report"
)

// site is a project, and a cluster that is seen by an identity of its own.
type site struct {
	t       *testing.T
	dir     string
	args    map[string]any
	target  string
	env     map[string]string
	cluster *kube.Cluster
	// kubeconfig is the identity's.
	kubeconfig string
	// counted says that the test counts what is asked, or answers itself.
	counted bool
}

// newSite lays out the files of a txtar archive as a project. Its templates get args.ns, a fresh namespace.
func newSite(t *testing.T, kubeconfig, files string) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir()}
	s.write(files)
	s.connect(kubeconfig)
	return s
}

func (s *site) connect(kubeconfig string) {
	s.t.Helper()
	c, err := kube.Open(kube.Config{Kubeconfigs: []string{kubeconfig}, UserAgent: "weighlock-test"})
	if err != nil {
		s.t.Fatal(err)
	}
	s.cluster, s.kubeconfig = c, kubeconfig
}

// write writes files over the project's.
func (s *site) write(files string) {
	s.t.Helper()
	for _, f := range txtar.Parse([]byte(files)).Files {
		name := filepath.Join(s.dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *site) open() (*project.Project, project.Target) {
	s.t.Helper()
	lookup := func(name string) (string, bool) { v, ok := s.env[name]; return v, ok }
	p, err := engine.Open(s.dir, project.Options{SourceRoot: s.dir, Env: lookup, Keys: project.Keys{Env: lookup}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { p.Close() })
	target, err := p.Target(s.t.Context(), project.Selection{Target: s.target, Args: s.args})
	if err != nil {
		s.t.Fatal(err)
	}
	return p, target
}

func (s *site) diff(opts diff.Options) *diff.ChangeSet {
	s.t.Helper()
	p, target := s.open()
	set, err := engine.Diff(s.t.Context(), p, target, s.cluster, opts)
	if err != nil {
		s.t.Fatal(err)
	}
	matchesSchema(s.t, set, nil)
	s.alike(set, opts)
	return set
}

// alike asks the server also about what need not be asked, and expects the same answer. Controllers may be at work in between.
func (s *site) alike(set *diff.ChangeSet, opts diff.Options) {
	s.t.Helper()
	if s.counted || testing.Short() { // the race detector's run need not prove it again
		return
	}
	opts.AskAll = true
	p, target := s.open()
	var short, long string
	for range 3 {
		all, err := engine.Diff(s.t.Context(), p, target, s.cluster, opts)
		if err != nil {
			s.t.Fatal(err)
		}
		short, long = set.Digest+"\n"+report.Text(set, nil), all.Digest+"\n"+report.Text(all, nil)
		if short == long {
			return
		}
		opts.AskAll = false
		if set, err = engine.Diff(s.t.Context(), p, target, s.cluster, opts); err != nil {
			s.t.Fatal(err)
		}
		opts.AskAll = true
	}
	s.t.Errorf("without asking about all:\n%s\nasking about all:\n%s", short, long)
}

func (s *site) deploy(opts engine.DeployOptions) (*diff.ChangeSet, *apply.Result) {
	s.t.Helper()
	p, target := s.open()
	set, result, err := engine.Deploy(s.t.Context(), p, target, s.cluster, opts)
	if err != nil {
		s.t.Fatal(err)
	}
	matchesSchema(s.t, set, result)
	return set, result
}

// deployed deploys and expects that all goes well.
func (s *site) deployed() (*diff.ChangeSet, *apply.Result) {
	s.t.Helper()
	set, result := s.deploy(engine.DeployOptions{})
	if err := result.Err(); err != nil {
		s.t.Fatal(err)
	}
	return set, result
}

// ops lists what a change set does, one "op ref" an object.
func ops(set *diff.ChangeSet) []string {
	var out []string
	for c := range set.All() {
		ref := c.Ref
		ref.Namespace = ""
		out = append(out, string(c.Op)+" "+ref.String())
	}
	return out
}

func expect(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got:\n  %s\nwant:\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// shop is the demonstration's project in a namespace of its own, which it creates itself.
func shop(t *testing.T, kubeconfig, namespace string) *site {
	t.Helper()
	s := newSite(t, kubeconfig, "")
	if err := os.CopyFS(s.dir, os.DirFS("../testdata/projects/shop")); err != nil {
		t.Fatal(err)
	}
	s.dir = filepath.Join(s.dir, "deploy")
	s.target, s.args = "staging", map[string]any{"namespace": namespace}
	return s
}

func TestShopOnARealCluster(t *testing.T) {
	t.Parallel()
	c := enginetest.Start(t)
	who := c.Identity(t)
	namespace := "shop-" + c.Namespace(t) // not made yet: the project makes it
	t.Cleanup(func() { c.Kubectl(t, "delete", "namespace", namespace, "--ignore-not-found", "--wait=false") })
	s := shop(t, who.Kubeconfig, namespace)
	audit := c.Audit(t)

	p, target := s.open()
	m, err := engine.Render(t.Context(), p, target, render.Options{Reader: s.cluster.Reader()})
	if err != nil {
		t.Fatal(err)
	}
	set := s.diff(diff.Options{})
	events := audit.Since(t).By(who)
	if writes := events.Writes(); len(writes) > 0 {
		t.Errorf("render and diff sent writes that are no dry runs: %v", writes)
	}
	dryRuns := 0
	for _, e := range events {
		if e.DryRun {
			dryRuns++
		}
	}
	if dryRuns < m.Len() {
		t.Errorf("%d objects, but only %d dry runs", m.Len(), dryRuns)
	}
	for change := range set.All() {
		if change.Op != diff.Create {
			t.Errorf("%s: op %s on an empty cluster: %v", change.Ref, change.Op, change.Err)
		}
	}

	audit = c.Audit(t)
	_, result := s.deployed()
	if got := result.Count(apply.Applied); got != m.Len() {
		t.Errorf("%d objects, %d applied", m.Len(), got)
	}
	if len(m.Stages) < 3 {
		t.Fatalf("the project has %d stages; its order proves nothing", len(m.Stages))
	}
	inOrder(t, m, audit.Since(t).By(who).Writes())

	audit = c.Audit(t)
	again, _ := s.deployed()
	if again.Changed() {
		t.Errorf("a second deploy would change:\n%s", report.Text(again, nil))
	}
	if writes := audit.Since(t).By(who).Writes(); len(writes) > 0 {
		t.Errorf("a second deploy wrote: %v", writes)
	}
}

// inOrder proves from the audit log that no write of a stage began before all writes of the stages before it had ended.
func inOrder(t *testing.T, m *render.Manifests, writes enginetest.AuditEvents) {
	t.Helper()
	stageOf := map[string]int{}
	for i, s := range m.Stages {
		for _, item := range s.Items {
			for _, o := range item.Objects {
				ref := o.Object.Ref()
				stageOf[strings.ToLower(ref.Kind)+"s/"+ref.Name] = i
			}
		}
	}
	for _, a := range writes {
		for _, b := range writes {
			sa, okA := stageOf[a.Resource+"/"+a.Name]
			sb, okB := stageOf[b.Resource+"/"+b.Name]
			if !okA || !okB {
				t.Fatalf("a write that no stage knows: %s, %s", a, b)
			}
			if sa < sb && !a.End.Before(b.Begin) {
				t.Errorf("stage %d was not done when stage %d began:\n%s\n%s", sa, sb, a, b)
			}
		}
	}
}

const plain = `
-- .kluctl.yaml --
discriminator: "{{ args.ns }}"
args: [{name: ns}]
-- deployment.yaml --
deployments: [{path: app}]
-- app/a.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: a, namespace: "{{ args.ns }}"}
data: {key: one, keep: same}
-- app/b.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: b, namespace: "{{ args.ns }}"}
data: {key: one}
`

// plainSite is the small project above in a fresh namespace.
func plainSite(t *testing.T) (*enginetest.Cluster, *site, string) {
	t.Helper()
	c := enginetest.Start(t)
	s := newSite(t, c.Identity(t).Kubeconfig, plain)
	ns := c.Namespace(t)
	s.args = map[string]any{"ns": ns}
	return c, s, ns
}

func TestADiffShowsThePathsThatADeployChanges(t *testing.T) {
	t.Parallel()
	c, s, ns := plainSite(t)
	s.deployed()
	s.write("-- app/a.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: \"{{ args.ns }}\"}\ndata: {key: two, plus: new}\n")
	set := s.diff(diff.Options{})
	expect(t, ops(set), []string{"update ConfigMap/a", "unchanged ConfigMap/b"})
	var paths []string
	for _, f := range set.Stages[0].Items[0].Changes[0].Fields {
		paths = append(paths, string(f.Op)+" "+f.Path.String())
	}
	expect(t, paths, []string{"delete data.keep", "update data.key", "insert data.plus"})
	s.deployed()
	if got := c.Kubectl(t, "get", "configmap", "a", "-n", ns, "-o", "jsonpath={.data}"); got != `{"key":"two","plus":"new"}` {
		t.Errorf("the cluster holds %s", got)
	}
}

func TestAnObjectThatIsGoneFromTheProjectIsAnOrphanAndPrunedOnlyOnRequest(t *testing.T) {
	t.Parallel()
	c, s, ns := plainSite(t)
	s.deployed()
	if err := os.Remove(filepath.Join(s.dir, "app/b.yaml")); err != nil {
		t.Fatal(err)
	}
	expect(t, ops(s.diff(diff.Options{})), []string{"unchanged ConfigMap/a", "skip ConfigMap/b"})
	s.deployed()
	c.Kubectl(t, "get", "configmap", "b", "-n", ns)
	set, result := s.deploy(engine.DeployOptions{Diff: diff.Options{Prune: true}})
	expect(t, ops(set), []string{"unchanged ConfigMap/a", "delete ConfigMap/b"})
	if err := result.Err(); err != nil || result.Count(apply.Deleted) != 1 {
		t.Errorf("deleted %d: %v", result.Count(apply.Deleted), err)
	}
	if got := c.Kubectl(t, "get", "configmaps", "-n", ns, "-l", "kluctl.io/discriminator", "-o", "name"); strings.Contains(got, "/b") {
		t.Errorf("b is still there: %s", got)
	}
}

func TestOrphansThatOthersOwnOrThatAreToBeKeptStay(t *testing.T) {
	t.Parallel()
	c, s, ns := plainSite(t)
	s.deployed()
	for _, name := range []string{"app/b.yaml"} {
		if err := os.Remove(filepath.Join(s.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	c.Kubectl(t, "annotate", "configmap", "b", "-n", ns, "kluctl.io/skip-delete=true")
	c.KubectlInput(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: stranger, namespace: `+ns+`, labels: {kluctl.io/discriminator: `+ns+`}}}`, "create", "-f", "-")
	expect(t, ops(s.diff(diff.Options{Prune: true})), []string{"unchanged ConfigMap/a", "skip ConfigMap/b"})
}

func TestADeployThatIsBoundToAnotherDigestAppliesNothing(t *testing.T) {
	t.Parallel()
	c, s, ns := plainSite(t)
	s.deployed()
	s.write("-- app/a.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: \"{{ args.ns }}\"}\ndata: {key: two}\n")
	reviewed := s.diff(diff.Options{}).Digest
	if reviewed != s.diff(diff.Options{}).Digest {
		t.Fatal("the digest is not the same for the same content")
	}
	c.Kubectl(t, "patch", "configmap", "a", "-n", ns, "-p", `{"data":{"key":"by hand"}}`)

	p, target := s.open()
	_, result, err := engine.Deploy(t.Context(), p, target, s.cluster, engine.DeployOptions{Reviewed: reviewed})
	var stale *diff.StaleError
	if !errors.Is(err, diff.ErrStale) || !errors.As(err, &stale) || stale.Reviewed != reviewed || stale.Current == reviewed || result != nil {
		t.Fatalf("want a stale error with both digests and no result, got %v, %v", err, result)
	}
	if got := c.Kubectl(t, "get", "configmap", "a", "-n", ns, "-o", "jsonpath={.data.key}"); got != "by hand" {
		t.Errorf("something was applied: %q", got)
	}
	if _, result := s.deploy(engine.DeployOptions{Reviewed: stale.Current}); result.Err() != nil {
		t.Errorf("the current digest is refused: %v", result.Err())
	}
}

const oneBad = `
-- app/b.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: b, namespace: "{{ args.ns }}"}
data: {key: one}
unknown: field
`

func TestAnObjectWhoseDryRunFailsDoesNotStopTheOthersUnlessAsked(t *testing.T) {
	t.Parallel()
	c, s, ns := plainSite(t)
	s.write(oneBad)
	set := s.diff(diff.Options{})
	expect(t, ops(set), []string{"create ConfigMap/a", "failed ConfigMap/b"})
	if err := set.Failures()[0].Err; !strings.Contains(err.Error(), "unknown") || !strings.Contains(err.Error(), "ConfigMap/b") {
		t.Errorf("the error names neither field nor object: %v", err)
	}
	_, result := s.deploy(engine.DeployOptions{Apply: apply.Options{AbortOnError: true}})
	if result.Count(apply.Applied) != 0 || result.Count(apply.Failed) != 1 || result.Count(apply.NotTried) != 1 || result.Err() == nil {
		t.Errorf("with abort-on-error: %+v", result.Outcomes)
	}
	if got := c.Kubectl(t, "get", "configmaps", "-n", ns, "-l", "kluctl.io/discriminator", "-o", "name"); got != "" {
		t.Errorf("something was applied: %s", got)
	}
	_, result = s.deploy(engine.DeployOptions{})
	if result.Count(apply.Applied) != 1 || result.Count(apply.Failed) != 1 || result.Err() == nil {
		t.Errorf("without: %+v", result.Outcomes)
	}
}

const newKinds = `
-- .kluctl.yaml --
discriminator: "{{ args.ns }}"
-- deployment.yaml --
deployments: [{path: app}]
-- app/1-use.yaml --
apiVersion: {{ args.ns }}.example.com/v1
kind: Boat
metadata: {name: first, namespace: "{{ args.ns }}-new"}
spec: {tons: 12}
-- app/2-definition.yaml --
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: "boats.{{ args.ns }}.example.com"}
spec:
  group: {{ args.ns }}.example.com
  names: {kind: Boat, plural: boats}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {tons: {type: integer}}}}}}
-- app/3-namespace.yaml --
apiVersion: v1
kind: Namespace
metadata: {name: "{{ args.ns }}-new"}
-- app/4-map.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: m, namespace: "{{ args.ns }}-new"}
data: {a: b}
`

func TestObjectsOfANewKindInANewNamespaceAreShownAndDeployedInOneGo(t *testing.T) {
	t.Parallel()
	c := enginetest.Start(t)
	s := newSite(t, c.Identity(t).Kubeconfig, newKinds)
	ns := c.Namespace(t)
	s.args = map[string]any{"ns": ns}
	t.Cleanup(func() {
		c.Kubectl(t, "delete", "namespace", ns+"-new", "--ignore-not-found", "--wait=false")
		c.Kubectl(t, "delete", "crd", "boats."+ns+".example.com", "--ignore-not-found", "--wait=false")
	})
	set := s.diff(diff.Options{})
	expect(t, ops(set), []string{"create Boat/first", "create CustomResourceDefinition/boats." + ns + ".example.com", "create Namespace/" + ns + "-new", "create ConfigMap/m"})
	for change := range set.All() {
		if text := report.Text(set, nil); strings.Contains(text, "weighlock-preview") || strings.Contains(text, " default/") {
			t.Errorf("%s: the stand-in is shown:\n%s", change.Ref, text)
		}
	}
	if set.Digest != s.diff(diff.Options{}).Digest {
		t.Error("the digest is not the same for the same content")
	}
	s.deployed()
	if again := s.diff(diff.Options{}); again.Changed() {
		t.Errorf("a second deploy would change:\n%s", report.Text(again, nil))
	}
}

func TestAFieldThatAnotherManagerOwnsStaysAndIsShownUntilARuleSaysOtherwise(t *testing.T) {
	t.Parallel()
	c, s, ns := plainSite(t)
	s.deployed()
	c.KubectlInput(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: `+ns+`}, data: {key: theirs}}`,
		"apply", "--server-side", "--field-manager=operator", "--force-conflicts", "-f", "-")
	set := s.diff(diff.Options{})
	expect(t, ops(set), []string{"unchanged ConfigMap/a", "unchanged ConfigMap/b"})
	a := set.Stages[0].Items[0].Changes[0]
	if len(a.Conflicts) != 1 {
		t.Fatalf("got %+v", a.Conflicts)
	}
	if got := a.Conflicts[0]; got.Path.String() != "data.key" || got.Manager != "operator" || got.Ours != "one" || got.Theirs != "theirs" || got.Resolution != diff.Kept {
		t.Errorf("got %+v", got)
	}
	if len(a.Warnings) != 1 || !strings.Contains(a.Warnings[0], "lost field ownership") {
		t.Errorf("got warnings %q", a.Warnings)
	}
	s.write("-- app/a.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: \"{{ args.ns }}\", annotations: {kluctl.io/force-apply: \"true\"}}\ndata: {key: ours}\n")
	s.deployed()
	if got := c.Kubectl(t, "get", "configmap", "a", "-n", ns, "-o", "jsonpath={.data.key}"); got != "ours" {
		t.Errorf("got %q", got)
	}
}

func TestWhatPeopleSetByHandGivesWay(t *testing.T) {
	t.Parallel()
	c, s, ns := plainSite(t)
	s.deployed()
	c.Kubectl(t, "patch", "configmap", "a", "-n", ns, "-p", `{"data":{"key":"by hand"}}`)
	expect(t, ops(s.diff(diff.Options{})), []string{"update ConfigMap/a", "unchanged ConfigMap/b"})
	s.deployed()
	if got := c.Kubectl(t, "get", "configmap", "a", "-n", ns, "-o", "jsonpath={.data.key}"); got != "one" {
		t.Errorf("got %q", got)
	}
}

func TestAForbiddenReadIsAnErrorAndNotAnAbsentObject(t *testing.T) {
	t.Parallel()
	c, s, ns := plainSite(t)
	s.deployed()
	who := c.User(t, ns, rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"configmaps"}, ResourceNames: []string{"b"}, Verbs: []string{"get", "patch"}})
	s.connect(who.Kubeconfig)
	set := s.diff(diff.Options{})
	expect(t, ops(set), []string{"failed ConfigMap/a", "unchanged ConfigMap/b"})
	if err := set.Failures()[0].Err; !strings.Contains(err.Error(), "forbidden") {
		t.Errorf("got %v", err)
	}
	if len(set.Warnings) == 0 {
		t.Error("the kinds that cannot be listed are not named")
	}
}

func TestSecretValuesAppearInNoOutput(t *testing.T) {
	t.Parallel()
	c := enginetest.Start(t)
	s := newSite(t, c.Identity(t).Kubeconfig, plain)
	ns := c.Namespace(t)
	s.args = map[string]any{"ns": ns}
	secret := func(password string) string {
		return "-- app/s.yaml --\napiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: \"{{ args.ns }}\"}\nstringData: {password: " + password + ", same: constant-value}\n"
	}
	const old, new = "hunter2-before", "hunter3-after"
	var shown strings.Builder
	show := func(set *diff.ChangeSet, result *apply.Result) {
		t.Helper()
		doc := report.NewDocument(set, result)
		data, err := doc.JSON()
		if err != nil {
			t.Fatal(err)
		}
		all, err := json.Marshal(set)
		if err != nil {
			t.Fatal(err)
		}
		shown.WriteString(report.Text(set, result) + string(data) + string(all) + report.ChangeSetMarkdown(set, result))
	}
	s.write(secret(old))
	show(s.diff(diff.Options{}), nil)
	show(s.deployed())
	s.write(secret(new))
	set := s.diff(diff.Options{})
	show(set, nil)
	show(s.deployed())
	s.write(strings.Replace(secret(new), "stringData", "type: kubernetes.io/tls\nstringData", 1)) // immutable, and not valid
	show(s.diff(diff.Options{}), nil)
	for _, v := range []string{old, new, "constant-value", "aHVudGVyM", "aHVudGVyMi", "Y29uc3RhbnQ"} {
		if strings.Contains(shown.String(), v) {
			t.Errorf("%q is shown", v)
		}
	}
	if !strings.Contains(report.Text(set, nil), "data.password changes (value hidden)") {
		t.Errorf("which key changes is not shown:\n%s", report.Text(set, nil))
	}
}

func TestAnUnreachableClusterIsOneClearError(t *testing.T) {
	t.Parallel()
	kubeconfig := filepath.Join(t.TempDir(), "config")
	err := os.WriteFile(kubeconfig, []byte(`{apiVersion: v1, kind: Config, current-context: gone, clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}],
		users: [{name: u, user: {}}], contexts: [{name: gone, context: {cluster: c, user: u}}]}`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, kubeconfig, plain)
	s.args = map[string]any{"ns": "x"}
	p, target := s.open()
	_, err = engine.Diff(t.Context(), p, target, s.cluster, diff.Options{})
	if err == nil || !strings.Contains(err.Error(), "cluster gone (http://127.0.0.1:1)") || strings.Count(err.Error(), "\n") > 0 {
		t.Errorf("got %v", err)
	}
}

func TestAnInterruptedDeployLeavesWhatIsNotBegun(t *testing.T) {
	t.Parallel()
	_, s, _ := plainSite(t)
	set := s.diff(diff.Options{})
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupted"))
	result := apply.Apply(ctx, set, s.cluster.Applier(), apply.Options{})
	if result.Count(apply.NotTried) != 2 || result.Err() == nil {
		t.Errorf("got %+v", result.Outcomes)
	}
}
