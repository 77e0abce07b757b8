package engine_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
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
			if ch.Op != diff.Unchanged || len(ch.Conflicts) > 0 {
				t.Errorf("after %s: %s: %s %+v %+v %v", after, ch.Ref, ch.Op, ch.Fields, ch.Conflicts, ch.Err)
			}
		}
		if set.Changed() {
			t.Fatalf("after %s:\n%s", after, report.Text(set, nil))
		}
	}
	silent("the deploy")

	// Of every kind:
	var all []any
	for ch := range set.All() {
		all = append(all, map[string]any(ch.Write().Object))
	}
	list, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": all})
	if err != nil {
		t.Fatal(err)
	}
	c.KubectlInput(t, string(list), "apply", "--server-side", "--field-manager=another", "--force-conflicts", "-f", "-")
	silent("others that apply the same (N1)")
	c.KubectlInput(t, string(list), "annotate", "-f", "-", "example.com/seen=true", "kubectl.kubernetes.io/last-applied-configuration={}")
	c.KubectlInput(t, string(list), "label", "-f", "-", "example.com/seen=true")
	silent("foreign labels and annotations, and a client's own record (N1, N2)")
	emptied(t, s, set)
	silent("nulls and empties in the project (N3, N15)")

	bundle := base64.StdEncoding.EncodeToString(c.RESTConfig().CAData)
	for _, p := range []struct {
		what string
		args []string
	}{
		{"a status (N1)", []string{"patch", "deployment", "web", "--subresource=status", "--type=merge", "-p", `{"status":{"observedGeneration":1}}`}},
		{"a scaled workload (N9)", []string{"scale", "deployment", "scaled", "--replicas=3"}},
		{"a workload that the autoscaler scaled (N9)", []string{"patch", "deployment", "scaled", "--subresource=scale", "--field-manager=kube-controller-manager", "--type=merge", "-p", `{"spec":{"replicas":4}}`}},
		{"an injected bundle (N8)", []string{"patch", "validatingwebhookconfiguration", ns + "-hooks", "--type=json", "-p", `[{"op":"add","path":"/webhooks/0/clientConfig/caBundle","value":"` + bundle + `"}]`}},
		{"a bundle of a definition (N8)", []string{"patch", "crd", "boats." + ns + ".example.com", "--type=json", "-p", `[{"op":"add","path":"/spec/conversion/webhook/clientConfig/caBundle","value":"` + bundle + `"}]`}},
		{"rules of an aggregated role (N14)", []string{"patch", "clusterrole", ns + "-aggregated", "--type=merge", "-p", `{"rules":[{"apiGroups":[""],"resources":["pods"],"verbs":["get"]}]}`}},
		{"a bound claim (N7)", []string{"patch", "pvc", "claim", "-p", `{"metadata":{"annotations":{"pv.kubernetes.io/bind-completed":"yes"}},"spec":{"volumeName":"some"}}`}},
		{"a token of an account (N7)", []string{"patch", "serviceaccount", "robot", "-p", `{"secrets":[{"name":"robot-token-x"}]}`}},
		{"an allocated port (N7)", []string{"patch", "service", "web", "-p", `{"spec":{"type":"NodePort"}}`}},
	} {
		c.Kubectl(t, append([]string{"-n", ns}, p.args...)...)
		silent(p.what)
	}

	// A webhook that has something to add to every object, always the same or always something else, changes none that
	// nobody changes.
	var stamp atomic.Pointer[string]
	mutateWhere(t, c, ns+"-all", `objectSelector: {matchLabels: {kluctl.io/discriminator: `+ns+`}}, rules: [{apiGroups: ["*"], apiVersions: ["*"], operations: [CREATE, UPDATE], resources: ["*"]}]`, func() string {
		text := rand.Text()
		if s := stamp.Load(); s != nil {
			text = *s
		}
		return `[{"op":"add","path":"/metadata/annotations/example.com~1stamp","value":"` + text + `"}]`
	})
	for range 200 { // a webhook comes into force a moment after it is stored
		if len(find(t, s.diff(diff.Options{}), "map").Notes) > 0 {
			break
		}
	}
	told := 0
	for ch := range s.diff(diff.Options{}).All() {
		if strings.Contains(strings.Join(ch.Notes, "\n"), "webhook stamp.example.com also sets: metadata.annotations[") {
			told++
		}
	}
	if exempt := 2; told < len(all)-exempt { // kinds of admission itself
		t.Errorf("of %d objects the webhook is named on %d only", len(all), told)
	}
	silent("a webhook that sets another value each time (N11)")
	text := "same"
	stamp.Store(&text)
	silent("a webhook that sets the same value each time (N10)")
}

// emptied writes the objects of a change set into the project, with nulls and empties where they mean nothing.
func emptied(t *testing.T, s *site, set *diff.ChangeSet) {
	t.Helper()
	if err := os.Remove(filepath.Join(s.dir, "app/all.yaml")); err != nil {
		t.Fatal(err)
	}
	n := 0
	for ch := range set.All() {
		o := ch.Write().Object.Clone()
		meta := o.Map("metadata")
		delete(meta, "annotations")
		labels := o.Map("metadata", "labels")
		for k := range labels {
			if strings.HasPrefix(k, "kluctl.io/") {
				delete(labels, k)
			}
		}
		meta["creationTimestamp"], meta["generateName"], meta["finalizers"], meta["ownerReferences"] = nil, nil, []any{}, []any{}
		meta["annotations"] = nil
		o["status"] = map[string]any{}
		o["example"] = nil
		data, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(s.dir, "app", fmt.Sprintf("%03d.yaml", n)), data, 0o600); err != nil {
			t.Fatal(err)
		}
		n++
	}
}

// TestADiffAsksOnlyWhatItNeeds counts a comparison's requests by their reason.
func TestADiffAsksOnlyWhatItNeeds(t *testing.T) {
	t.Parallel()
	c, who, s, ns := thirtyKinds(t)
	s.counted = true
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
		case e.Verb == "create" && e.Resource == "selfsubjectaccessreviews":
			byReason["right"]++
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
	// Three more dry runs: what is left of the object without what another manager keeps, whether that is another value, and
	// whether the server warns of pods. Of what provably does not change there is none.
	const certain = 9
	if got := byReason["dry run"]; got != objects+3-certain {
		t.Errorf("%d dry runs for %d objects and one conflict", got, objects)
	}
	if got := byReason["right"]; got != certain {
		t.Errorf("%d questions about rights, want one for each kind of what does not change", got)
	}
	if byReason["first contact"] != 1 {
		t.Errorf("%d reads of single objects, want one: that of the object without our label", byReason["first contact"])
	}
	// One list of each kind that can have an orphan, and the four kinds of admission, whole; no page is full.
	kinds, _, err := s.cluster.Previewer().Kinds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n := byReason["list"]; n < 40 || n > len(kinds)+4 {
		t.Errorf("%d lists of %d kinds: not all are looked at, or some twice", n, len(kinds))
	}
	for key, n := range asked {
		if n > 1 && !strings.Contains(key, "admissionregistration") { // all of them, and those of the target
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
