package engine_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/enginetest"
	"github.com/weighlock/weighlock/engine/report"
)

// thirtyKinds is a project of many kinds of objects, in a namespace of its own.
func thirtyKinds(t *testing.T) (*enginetest.Cluster, enginetest.Identity, *site, string) {
	t.Helper()
	c := enginetest.Start(t)
	who := c.Identity(t)
	s := newSite(t, who.Kubeconfig, "-- .kluctl.yaml --\ndiscriminator: \"{{ args.ns }}\"\n-- deployment.yaml --\ndeployments: [{path: app}]\n")
	ns := c.Namespace(t)
	s.args = map[string]any{"ns": ns}
	data, err := os.ReadFile("testdata/thirty-kinds.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s.write("-- app/all.yaml --\n" + string(data))
	t.Cleanup(func() {
		for _, kind := range []string{"crd", "clusterrole", "clusterrolebinding", "priorityclass", "storageclass", "ingressclass", "runtimeclass", "csidriver", "persistentvolume", "validatingwebhookconfiguration", "mutatingwebhookconfiguration", "validatingadmissionpolicy", "validatingadmissionpolicybinding", "flowschema", "prioritylevelconfiguration"} {
			c.Kubectl(t, "delete", kind, "-l", "kluctl.io/discriminator="+ns, "--ignore-not-found", "--wait=false")
		}
	})
	return c, who, s, ns
}

// Each perturbation is what a controller or a server does to objects; no comparison may show it.
func TestWhatNobodyChangedIsNotShown(t *testing.T) {
	t.Parallel()
	c, _, s, ns := thirtyKinds(t)
	set, _ := s.deployed()
	kinds := map[string]bool{}
	for ch := range set.All() {
		kinds[ch.Ref.GroupKind()] = true
	}
	if len(kinds) < 30 {
		t.Fatalf("only %d kinds", len(kinds))
	}
	silent := func(after string) {
		t.Helper()
		set := s.diff(diff.Options{})
		for ch := range set.All() {
			if ch.Op != diff.Unchanged {
				t.Errorf("after %s: %s: %s %+v %v", after, ch.Ref, ch.Op, ch.Fields, ch.Err)
			}
		}
		if set.Changed() {
			t.Fatalf("after %s:\n%s", after, report.Text(set, nil))
		}
	}
	silent("the deploy")
	bundle := "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCmEKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo="
	for _, p := range []struct {
		what string
		args []string
	}{
		{"a status (N1)", []string{"patch", "deployment", "web", "--subresource=status", "--type=merge", "-p", `{"status":{"observedGeneration":1}}`}},
		{"foreign labels and annotations (N1)", []string{"annotate", "deployment", "web", "example.com/seen=true"}},
		{"a client's own record (N2)", []string{"annotate", "configmap", "map", "kubectl.kubernetes.io/last-applied-configuration={}"}},
		{"a scaled workload (N9)", []string{"scale", "deployment", "scaled", "--replicas=3"}},
		{"an injected bundle (N8)", []string{"patch", "validatingwebhookconfiguration", ns + "-hooks", "--type=json", "-p", `[{"op":"add","path":"/webhooks/0/clientConfig/caBundle","value":"` + bundle + `"}]`}},
		{"a bundle of a definition (N8)", []string{"patch", "crd", "boats." + ns + ".example.com", "--type=json", "-p", `[{"op":"add","path":"/metadata/annotations/example.com~1injected","value":"x"}]`}},
		{"rules of an aggregated role (N14)", []string{"patch", "clusterrole", ns + "-aggregated", "--type=merge", "-p", `{"rules":[{"apiGroups":[""],"resources":["pods"],"verbs":["get"]}]}`}},
		{"a bound claim (N7)", []string{"annotate", "pvc", "claim", "pv.kubernetes.io/bind-completed=yes"}},
	} {
		c.Kubectl(t, append([]string{"-n", ns}, p.args...)...)
		silent(p.what)
	}
}

// TestADiffAsksOnlyWhatItNeeds counts a comparison's requests by their reason.
func TestADiffAsksOnlyWhatItNeeds(t *testing.T) {
	t.Parallel()
	c, who, s, ns := thirtyKinds(t)
	s.deployed()
	c.KubectlInput(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: unlabelled, namespace: `+ns+`}, data: {k: theirs}}`, "apply", "--server-side", "--field-manager=other", "-f", "-")
	s.write("-- app/more.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: new, namespace: \"{{ args.ns }}\"}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: unlabelled, namespace: \"{{ args.ns }}\"}\ndata: {k: ours}\n")
	audit := c.Audit(t)
	set := s.diff(diff.Options{})
	events := audit.Since(t).By(who)
	objects := 0
	for ch := range set.All() {
		if ch.Ref.Kind == "Lease" {
			continue // not in the audit log
		}
		if objects++; ch.Orphan() {
			t.Errorf("%s: is no orphan", ch.Ref)
		}
	}
	byReason, asked := map[string]int{}, map[string]int{}
	for _, e := range events {
		key := fmt.Sprint(e.Verb, e.Group, e.Resource, e.Subresource, e.Namespace, e.Name, e.DryRun, e.Force, e.RequestObject)
		asked[key]++
		switch {
		case e.Verb == "apply" && e.DryRun:
			byReason["dry run"]++
		case e.Verb == "get" && e.Resource == "configmaps":
			byReason["first contact"]++
		case e.Verb == "list":
			byReason["list"]++
		case e.Resource == "": // discovery
		default:
			t.Errorf("why? %s", e)
		}
	}
	if writes := events.Writes(); len(writes) > 0 {
		t.Errorf("writes that are no dry runs: %v", writes)
	}
	// One more dry run: the conflict with the other manager.
	if got := byReason["dry run"]; got != objects+1 {
		t.Errorf("%d dry runs for %d objects and one conflict", got, objects)
	}
	if byReason["first contact"] != 1 {
		t.Errorf("%d reads of single objects, want one: that of the object without our label", byReason["first contact"])
	}
	if byReason["list"] < 40 {
		t.Errorf("%d lists: not all kinds are looked at", byReason["list"])
	}
	for key, n := range asked {
		if n > 1 {
			t.Errorf("asked %d times: %s", n, key)
		}
	}
}

func TestTwoPreviewsOfNewObjectsAreTheSame(t *testing.T) {
	t.Parallel()
	_, _, s, _ := thirtyKinds(t)
	first, second := s.diff(diff.Options{}), s.diff(diff.Options{})
	if a, b := report.Text(first, nil), report.Text(second, nil); a != b || first.Digest != second.Digest {
		t.Errorf("what the server allocates is shown (N7):\n%s\n%s", a, b)
	}
	for ch := range first.All() {
		if ch.Op != diff.Create {
			t.Errorf("%s: %s %v", ch.Ref, ch.Op, ch.Err)
			continue
		}
		// The body is as rendered: no defaults (N4).
		if spec, _ := ch.Merged.Get("spec", "clusterIP"); spec != nil {
			t.Errorf("%s: shows an allocated field", ch.Ref)
		}
	}
}
