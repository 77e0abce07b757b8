package apply_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/hook"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/render"
)

// at is an Applier that calls tell once, when it is asked for the given thing.
type at struct {
	recorder
	when string
	tell func()
}

func (a *at) check(verb string, ref object.Ref) {
	if a.tell != nil && verb+" "+ref.Name == a.when {
		a.tell()
		a.tell = nil
	}
}

func (a *at) Apply(ctx context.Context, w diff.Write) (object.Object, []string, error) {
	a.check("apply", w.Object.Ref())
	return a.recorder.Apply(ctx, w)
}

func (a *at) Delete(ctx context.Context, ref object.Ref, which apply.Which) error {
	a.check("delete", ref)
	return a.recorder.Delete(ctx, ref, which)
}

func (a *at) AwaitGone(ctx context.Context, ref object.Ref, uid string) error {
	a.check("await", ref)
	if err := a.recorder.AwaitGone(ctx, ref, uid); err != nil {
		return err
	}
	return context.Cause(ctx)
}

func hooked(name, on string) *diff.Change { return asHook(kind("v1", "ConfigMap", name), on) }

func asHook(o object.Object, on string) *diff.Change {
	o.Map("metadata")["annotations"] = map[string]any{"kluctl.io/hook": on}
	c := create(o)
	h, _, err := hook.Of(o)
	if err != nil {
		panic(err)
	}
	h.Wait = false
	c.Hook, c.Op = h, diff.Run
	return c
}

func changed(op diff.Op, name string) *diff.Change {
	c := create(kind("v1", "ConfigMap", name))
	c.Op = op
	return c
}

// What was begun is finished, also a replacement's second half; nothing else is begun; and each outcome says so.
func TestAnInterruptionEndsBetweenChanges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, when, want string
		items            []diff.Item
		orphans          []*diff.Change
	}{
		{name: "inside a replacement", when: "delete old", want: "old applied, next not tried", items: []diff.Item{item(changed(diff.Replace, "old"), changed(diff.Create, "next"))}},
		{name: "while a replaced object goes", when: "await old", want: "old applied, next not tried", items: []diff.Item{item(changed(diff.Replace, "old"), changed(diff.Create, "next"))}},
		{name: "between the moments of a hook", when: "apply object", want: "both not tried, object applied", items: []diff.Item{item(hooked("both", "pre-deploy,post-deploy"), changed(diff.Create, "object"))}},
		{name: "while orphans are deleted", when: "delete b", want: "a deleted, b failed, c not tried", items: nil,
			orphans: []*diff.Change{orphan("admissionregistration.k8s.io", "a"), orphan("example.com", "b"), orphan("", "c")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx, stop := context.WithCancelCause(t.Context())
			a := &at{when: c.when, tell: func() { stop(errors.New("told to stop")) }}
			changes := set(diff.Stage{Items: c.items})
			changes.Orphans = c.orphans
			result := apply.Apply(ctx, changes, a, apply.Options{})
			if got := statuses(result); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if err := result.Err(); err == nil {
				t.Error("the interruption is no error")
			}
		})
	}
}

// orphan is one of its phase: groups are deleted after each other.
func orphan(group, name string) *diff.Change {
	return &diff.Change{Ref: object.Ref{Group: group, Version: "v1", Kind: "Thing", Name: name}, Op: diff.Delete}
}

// A replacement whose second half fails has left nothing, and says so; what stands behind it is not tried.
func TestAReplacementThatIsNotCreatedAnewIsGone(t *testing.T) {
	t.Parallel()
	result := apply.Apply(t.Context(), set(diff.Stage{Items: []diff.Item{item(changed(diff.Replace, "bad"), changed(diff.Create, "next"))}}),
		&recorder{fail: map[string]bool{}, failApply: "bad"}, apply.Options{})
	if got, want := statuses(result), "bad failed, next not tried"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if err := result.Err(); err == nil || !strings.Contains(err.Error(), "it was deleted and could not be created anew, so it is gone") {
		t.Errorf("got %v", err)
	}
}

func TestNoWaitDoesNotWaitForDeletions(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	apply.Apply(t.Context(), set(diff.Stage{Items: []diff.Item{item(changed(diff.Delete, "old"), changed(diff.Create, "new"))}}), r, apply.Options{Wait: apply.Wait{Off: true}})
	if want := []string{"delete old", "apply new"}; !slices.Equal(r.log, want) {
		t.Errorf("got %v, want %v", r.log, want)
	}
}

// Hooks for failures are for items that were begun and failed.
func TestHooksForFailuresRunWhereSomethingHasFailed(t *testing.T) {
	t.Parallel()
	refused := changed(diff.Failed, "bad")
	refused.Err = errors.New("the dry run failed")
	for _, c := range []struct {
		name  string
		items []diff.Item
		abort bool
		want  string
	}{
		{"failed", []diff.Item{item(changed(diff.Create, "fails"), hooked("hook", "on-failure"))}, false, "fails failed, hook ran"},
		{"failed where all stops", []diff.Item{item(changed(diff.Create, "fails"), hooked("hook", "on-failure"))}, true, "fails failed, hook ran"},
		{"went well", []diff.Item{item(changed(diff.Create, "fine"), hooked("hook", "on-failure"))}, false, "fine applied, hook skipped"},
		{"nothing was begun", []diff.Item{item(refused, hooked("hook", "on-failure"))}, true, "bad failed, hook skipped"},
		{"never begun", []diff.Item{
			{Number: 1, Changes: []*diff.Change{changed(diff.Create, "fails")}},
			{Number: 2, Needs: []int{1}, Changes: []*diff.Change{changed(diff.Create, "next"), hooked("hook", "on-failure")}},
		}, false, "fails failed, next not tried, hook skipped"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			result := apply.Apply(t.Context(), set(diff.Stage{Items: c.items}), &recorder{fail: map[string]bool{"fails": true}}, apply.Options{AbortOnError: c.abort})
			if got := statuses(result); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// Whatever a wave should have made and has not keeps later waves from being tried: also what is only waited for, deleted or run.
func TestALaterWaveNeedsAllOfTheOneBefore(t *testing.T) {
	t.Parallel()
	later := create(object.Object{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "later"}})
	for name, first := range map[string]*diff.Change{
		"a deletion": changed(diff.Delete, "fails"),
		"a hook":     hooked("fails", "pre-deploy"),
		"an object":  changed(diff.Create, "fails"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &recorder{fail: map[string]bool{"fails": true}}
			apply.Apply(t.Context(), set(diff.Stage{Items: []diff.Item{
				{Number: 1, Changes: []*diff.Change{first}},
				{Number: 2, Changes: []*diff.Change{later}, Waves: render.Span{First: 1, Last: 1}},
			}}), r, apply.Options{})
			if slices.Contains(r.log, "apply later") {
				t.Errorf("got %v", r.log)
			}
		})
	}
}

// finished is an Applier whose hooks had ended before.
type finished struct{ recorder }

func (f *finished) Apply(_ context.Context, w diff.Write) (object.Object, []string, error) {
	live := w.Object.Clone()
	live["status"] = map[string]any{"conditions": []any{map[string]any{"type": "Complete", "status": "True"}}}
	return live, nil, nil
}

func TestAHookThatHadEndedBeforeIsSaidNotToHaveRunAgain(t *testing.T) {
	t.Parallel()
	h := asHook(kind("batch/v1", "Job", "job"), "pre-deploy")
	result := apply.Apply(t.Context(), set(diff.Stage{Items: []diff.Item{item(h)}}), &finished{}, apply.Options{})
	if w := strings.Join(result.Outcomes[0].Warnings, ""); !strings.Contains(w, "has not run again") {
		t.Errorf("got %q", w)
	}
}
