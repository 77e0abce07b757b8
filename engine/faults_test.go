package engine_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/enginetest"
	"github.com/weighlock/weighlock/engine/kube"
	"github.com/weighlock/weighlock/engine/object"
)

// faultySite has of each deploy an object that is created, changed, taken over, replaced and pruned, and a definition with
// an object of its kind. All carry the number of the deploy.
const faultySite = `
-- .kluctl.yaml --
discriminator: "{{ args.ns }}"
args: [{name: ns}, {name: v}]
-- deployment.yaml --
deployments:
- {path: first, barrier: true}
- {path: second}
- {path: third}
-- first/all.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: changed, namespace: "{{ args.ns }}"}
data: {v: "{{ args.v }}"}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: "boats.{{ args.ns }}.example.com", annotations: {v: "{{ args.v }}"}}
spec:
  group: "{{ args.ns }}.example.com"
  names: {kind: Boat, plural: boats, singular: boat, listKind: BoatList}
  scope: Namespaced
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
-- second/all.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: replaced, namespace: "{{ args.ns }}"}
immutable: true
data: {v: "{{ args.v }}"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: "new-{{ args.v }}", namespace: "{{ args.ns }}"}
data: {v: "{{ args.v }}"}
-- third/all.yaml --
apiVersion: "{{ args.ns }}.example.com/v1"
kind: Boat
metadata: {name: boat, namespace: "{{ args.ns }}"}
data: {v: "{{ args.v }}"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: taken, namespace: "{{ args.ns }}"}
data: {v: "{{ args.v }}"}
`

// deployThroughFaults deploys a project again and again through a proxy that fails requests at random. Each time what is
// called done is done, and what is not done is called so.
func deployThroughFaults(t *testing.T, seed uint64, deploys int, rates []float64) {
	c := enginetest.Start(t)
	ns, records := c.Namespace(t), c.Namespace(t)
	t.Cleanup(func() {
		c.Kubectl(t, "delete", "crd", "boats."+ns+".example.com", "--ignore-not-found", "--wait=false")
	})
	direct, err := kube.Open(kube.Config{Kubeconfigs: []string{c.Kubeconfig()}})
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, c.Identity(t).Kubeconfig, faultySite)
	f := enginetest.NewFaults(seed)
	well, partly, refused := 0, 0, 0
	for v := range deploys {
		c.KubectlInput(t, fmt.Sprintf("{apiVersion: v1, kind: ConfigMap, metadata: {name: taken, namespace: %s}, data: {theirs: %q}}", ns, fmt.Sprint(v)),
			"apply", "--server-side", "--force-conflicts", "--field-manager=kluctl", "-f", "-")
		s.args = map[string]any{"ns": ns, "v": fmt.Sprint(v)}
		s.behind(c, f.Proxy) // each deploy asks anew what the server has
		f.SetRate(rates[v%len(rates)])
		r := run(records)
		r.LockDuration = 3 * time.Second
		set, result, err := s.try(engine.DeployOptions{
			Run: r, Diff: diff.Options{Prune: true, Replace: true}, Apply: apply.Options{Wait: apply.Wait{Timeout: 10 * time.Second}},
		})
		f.SetRate(0)
		a := account{t: t, previewer: direct.Previewer(), ns: ns, v: fmt.Sprint(v)}
		switch {
		case err != nil:
			refused++
			if !strings.Contains(err.Error(), "nothing is applied") {
				t.Errorf("deploy %d: what is done is not known: %v", v, err)
			}
			a.nothing()
		case result.Err() != nil:
			partly++
			a.told(result)
		default:
			well++
			a.told(result)
			a.whole(set)
		}
		if t.Failed() {
			if err == nil {
				err = result.Err()
			}
			t.Fatalf("seed %d, deploy %d: %v", seed, v, err)
		}
	}
	t.Logf("seed %d: %d requests failed; %d deploys went well, %d partly, %d were refused", seed, f.Count(), well, partly, refused)
	if f.Count() == 0 || well == 0 {
		t.Error("this proves nothing")
	}
}

// account compares what a deploy says with what the cluster has.
type account struct {
	t         *testing.T
	previewer diff.Previewer
	ns, v     string
}

// wanted are the objects of the project.
func (a account) wanted() []object.Ref {
	boats := a.ns + ".example.com"
	return []object.Ref{
		{Version: "v1", Kind: "ConfigMap", Namespace: a.ns, Name: "changed"},
		{Version: "v1", Kind: "ConfigMap", Namespace: a.ns, Name: "replaced"},
		{Version: "v1", Kind: "ConfigMap", Namespace: a.ns, Name: "new-" + a.v},
		{Version: "v1", Kind: "ConfigMap", Namespace: a.ns, Name: "taken"},
		{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition", Name: "boats." + boats},
		{Group: boats, Version: "v1", Kind: "Boat", Namespace: a.ns, Name: "boat"},
	}
}

// is says whether an object is as this deploy wants it.
func (a account) is(ref object.Ref) bool {
	a.t.Helper()
	o, err := a.previewer.Get(a.t.Context(), ref)
	if noKind := new(diff.NoKindError); err != nil && !errors.As(err, &noKind) {
		a.t.Fatal(err)
	}
	if ref.IsCRD() {
		return o.Annotation("v") == a.v
	}
	return o.Text("data", "v") == a.v && o.Text("data", "theirs") == ""
}

// nothing expects that nothing of this deploy is done.
func (a account) nothing() {
	a.t.Helper()
	for _, ref := range a.wanted() {
		if a.is(ref) {
			a.t.Errorf("%s: is applied", ref)
		}
	}
}

// told expects that each object is what its outcome says.
func (a account) told(result *apply.Result) {
	a.t.Helper()
	outcomes := map[object.ID]apply.Outcome{}
	for _, o := range result.Outcomes {
		outcomes[o.Ref.ID()] = o
		if live, err := a.previewer.Get(a.t.Context(), o.Ref); o.Status == apply.Deleted && (err != nil || live != nil) {
			a.t.Errorf("%s: is told to be deleted, and is there: %v", o.Ref, err)
		}
	}
	for _, ref := range a.wanted() {
		o, ok := outcomes[ref.ID()]
		done := o.Status == apply.Applied || o.Status == apply.Unchanged
		if !ok || done && !a.is(ref) {
			a.t.Errorf("%s: is told to be %q, and is not as it should be", ref, o.Status)
		}
		if !done && o.Err == nil {
			a.t.Errorf("%s: is told to be %q without a reason", ref, o.Status)
		}
	}
}

// whole expects that all is done, and that nothing is left of earlier deploys; if somebody could not look, that it says so.
func (a account) whole(set *diff.ChangeSet) {
	a.t.Helper()
	for _, ref := range a.wanted() {
		if !a.is(ref) {
			a.t.Errorf("%s: is not as it should be", ref)
		}
	}
	maps, err := a.previewer.List(a.t.Context(), diff.Query{Kind: diff.Kind{Version: "v1", Kind: "ConfigMap", Resource: "configmaps", Namespaced: true}, Namespace: a.ns})
	if err != nil {
		a.t.Fatal(err)
	}
	for _, o := range maps {
		if name := o.Ref().Name; strings.HasPrefix(name, "new-") && name != "new-"+a.v && !strings.Contains(strings.Join(set.Warnings, "\n"), "cannot be listed") {
			a.t.Errorf("%s: was to be pruned", o.Ref())
		}
	}
}

func TestWhatADeploySaysIsSoThroughFaults(t *testing.T) {
	t.Parallel()
	deployThroughFaults(t, 11, 5, []float64{0, 0.05, 0.2})
}

// A kind that the API server cannot serve holds up nothing but itself: for that, it asks to come back half a minute later, for ever.
func TestAKindWhoseStorageIsBrokenHoldsUpNoComparison(t *testing.T) {
	t.Parallel()
	c, s, _ := plainSite(t)
	s.deployed()
	s.connect(enginetest.Proxy(t, c.RESTConfig(), func(forward http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/cronjobs") {
				w.Header().Set("Retry-After", "30")
				enginetest.Refuse(w, http.StatusTooManyRequests, "TooManyRequests", "storage is (re)initializing: failed to list batch/v1, Kind=CronJob: request to convert CR from an invalid group/version")
				return
			}
			forward.ServeHTTP(w, r)
		})
	}))
	ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
	defer cancel()
	p, target := s.open()
	set, err := engine.Diff(ctx, p, target, s.cluster, diff.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(set.Warnings, "\n"); set.Changed() || !set.Partial || !strings.Contains(text, "1 kind cannot be listed in the whole cluster") || !strings.Contains(text, "cronjobs.batch") ||
		!strings.Contains(text, "storage is (re)initializing") {
		t.Errorf("got %v, partial: %v, %s", ops(set), set.Partial, text)
	}
}
