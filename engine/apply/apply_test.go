package apply_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
)

// recorder is an Applier that notes what it is asked, and fails for the names it is told. The real one is tested with the
// engine, on a cluster; what is proven here is the order and the account of failures, which need no cluster.
type recorder struct {
	fail map[string]bool
	mu   sync.Mutex
	log  []string
}

func (r *recorder) note(verb string, ref object.Ref) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log = append(r.log, verb+" "+ref.Name)
	if r.fail[ref.Name] {
		return errors.New(ref.Name + " is refused")
	}
	return nil
}

func (r *recorder) Apply(_ context.Context, w diff.Write) (object.Object, []string, error) {
	return w.Object, nil, r.note("apply", w.Object.Ref())
}
func (r *recorder) AwaitGone(_ context.Context, ref object.Ref, _ string) error {
	return r.note("await", ref)
}
func (r *recorder) Delete(_ context.Context, ref object.Ref, _ string) error {
	return r.note("delete", ref)
}
func (r *recorder) Get(context.Context, object.Ref) (object.Object, error)  { return nil, nil }
func (r *recorder) ExpectsStatus(context.Context, object.Ref) (bool, error) { return false, nil }
func (r *recorder) Symptoms(context.Context, object.Object) []string        { return nil }
func (r *recorder) AwaitEstablished(_ context.Context, ref object.Ref) error {
	return r.note("await", ref)
}

func kind(apiVersion, kind, name string) object.Object {
	return object.Object{"apiVersion": apiVersion, "kind": kind, "metadata": map[string]any{"name": name}}
}

func item(changes ...*diff.Change) diff.Item { return diff.Item{Changes: changes} }

func create(o object.Object) *diff.Change { return diff.NewCreation(o) }

func set(stages ...diff.Stage) *diff.ChangeSet { return &diff.ChangeSet{Stages: stages} }

func statuses(r *apply.Result) string {
	var out []string
	for _, o := range r.Outcomes {
		out = append(out, o.Ref.Name+" "+string(o.Status))
	}
	return strings.Join(out, ", ")
}

func TestNamespacesAndDefinitionsGoFirstInsideAStage(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	apply.Apply(t.Context(), set(
		diff.Stage{Items: []diff.Item{
			item(create(kind("v1", "ConfigMap", "map"))),
			item(create(kind("apiextensions.k8s.io/v1", "CustomResourceDefinition", "crd")), create(kind("v1", "Namespace", "ns"))),
		}},
		diff.Stage{Items: []diff.Item{item(create(kind("v1", "Namespace", "later")))}},
	), r, apply.Options{})
	if want := []string{"apply ns", "apply crd", "await crd", "apply map", "apply later"}; !slices.Equal(r.log, want) {
		t.Errorf("got %v, want %v", r.log, want)
	}
}

func TestAFailureIsAValueAndTheRestGoesOn(t *testing.T) {
	t.Parallel()
	changes := func() *diff.ChangeSet {
		s := set(
			diff.Stage{Items: []diff.Item{item(create(kind("v1", "ConfigMap", "a")), create(kind("v1", "ConfigMap", "bad")), create(kind("v1", "ConfigMap", "b")))}},
			diff.Stage{Items: []diff.Item{item(create(kind("v1", "ConfigMap", "c")))}},
		)
		s.Orphans = []*diff.Change{{Ref: object.Ref{Version: "v1", Kind: "ConfigMap", Name: "old"}, Op: diff.Delete}}
		return s
	}
	for _, c := range []struct {
		name  string
		abort bool
		want  string
	}{
		{"goes on, but deletes nothing", false, "a applied, bad failed, b applied, c applied, old not tried"},
		{"stops when asked", true, "a applied, bad failed, b not tried, c not tried, old not tried"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			result := apply.Apply(t.Context(), changes(), &recorder{fail: map[string]bool{"bad": true}}, apply.Options{AbortOnError: c.abort})
			if got := statuses(result); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if err := result.Err(); err == nil || !strings.Contains(err.Error(), "bad is refused") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestOrphansGoLastAndNamespacesBeforeTheRestOfThem(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	s := set(diff.Stage{Items: []diff.Item{item(create(kind("v1", "ConfigMap", "new")))}})
	for _, k := range []string{"ConfigMap", "Namespace"} {
		s.Orphans = append(s.Orphans, &diff.Change{Ref: object.Ref{Version: "v1", Kind: k, Name: "old-" + k}, Op: diff.Delete})
	}
	if err := apply.Apply(t.Context(), s, r, apply.Options{}).Err(); err != nil {
		t.Fatal(err)
	}
	if want := []string{"apply new", "delete old-Namespace", "await old-Namespace", "delete old-ConfigMap", "await old-ConfigMap"}; !slices.Equal(r.log, want) {
		t.Errorf("got %v, want %v", r.log, want)
	}
}

// Webhooks and APIs whose backends go are gone before them; custom resources while their controllers and definitions are there.
func TestWhatNeedsOthersIsDeletedBeforeThem(t *testing.T) {
	t.Parallel()
	var s diff.ChangeSet
	for _, ref := range []object.Ref{
		{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition", Name: "definition"}, {Group: "apps", Kind: "Deployment", Name: "deployment"},
		{Kind: "Namespace", Name: "namespace"}, {Group: "apiregistration.k8s.io", Kind: "APIService", Name: "api"},
		{Group: "example.com", Kind: "Boat", Name: "boat"}, {Group: "admissionregistration.k8s.io", Kind: "MutatingWebhookConfiguration", Name: "webhook"},
	} {
		s.Orphans = append(s.Orphans, &diff.Change{Ref: ref, Op: diff.Delete})
	}
	r := &recorder{}
	if err := apply.Apply(t.Context(), &s, r, apply.Options{Wait: apply.Wait{Off: true}}).Err(); err != nil {
		t.Fatal(err)
	}
	want := []string{"delete webhook", "delete boat", "delete api", "delete namespace", "delete deployment", "delete definition"}
	if !slices.Equal(r.log, want) {
		t.Errorf("got %v, want %v", r.log, want)
	}
}

func TestWhatDoesNotChangeIsNotWritten(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	same := create(kind("v1", "ConfigMap", "same"))
	same.Op = diff.Unchanged
	result := apply.Apply(t.Context(), set(diff.Stage{Items: []diff.Item{item(same)}}), r, apply.Options{})
	if len(r.log) > 0 || result.Count(apply.Unchanged) != 1 {
		t.Errorf("%v, %s", r.log, statuses(result))
	}
}
