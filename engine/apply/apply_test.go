package apply_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
)

// recorder is an Applier that notes what it is asked, and fails for the names it is told. The real one is tested with the
// engine, on a cluster; what is proven here is the order and the account of failures, which need no cluster.
type recorder struct {
	fail map[string]bool
	// failApply is a name that only cannot be applied.
	failApply string
	mu        sync.Mutex
	log       []string
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
	if err := r.note("apply", w.Object.Ref()); err != nil || w.Object.Ref().Name != r.failApply {
		return w.Object, nil, err
	}
	return nil, nil, errors.New("it is refused")
}
func (r *recorder) AwaitGone(_ context.Context, ref object.Ref, _ string) error {
	return r.note("await", ref)
}
func (r *recorder) Delete(_ context.Context, ref object.Ref, _ apply.Which) error {
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

// A definition that is there already and cannot be changed still serves what it served: only objects in other versions
// depend on the change.
func TestOnlyVersionsThatADefinitionHasNotYetDependOnItsChange(t *testing.T) {
	t.Parallel()
	crd := func(versions ...any) object.Object {
		o := kind("apiextensions.k8s.io/v1", "CustomResourceDefinition", "boats.example.com")
		o["spec"] = map[string]any{"group": "example.com", "names": map[string]any{"kind": "Boat"}, "versions": versions}
		return o
	}
	version := func(name string, served bool) any { return map[string]any{"name": name, "served": served} }
	for _, c := range []struct {
		name string
		op   diff.Op
		live object.Object
		want string
	}{
		{"an update", diff.Update, crd(version("v1", true), version("v0", false)), "boats.example.com failed, old applied, new not tried, hidden not tried"},
		{"a replacement", diff.Replace, crd(version("v1", true)), "boats.example.com failed, old not tried, new not tried, hidden not tried"},
		{"a creation", diff.Create, nil, "boats.example.com failed, old not tried, new not tried, hidden not tried"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			definition := create(crd(version("v1", true), version("v2", true), version("v0", true)))
			definition.Op, definition.Live = c.op, c.live
			changes := set(diff.Stage{Items: []diff.Item{
				item(definition), item(create(kind("example.com/v1", "Boat", "old")), create(kind("example.com/v2", "Boat", "new")), create(kind("example.com/v0", "Boat", "hidden"))),
			}})
			result := apply.Apply(t.Context(), changes, &recorder{fail: map[string]bool{"boats.example.com": true}}, apply.Options{})
			if got := statuses(result); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// watched is an Applier whose objects never get ready; looked is closed when one has been looked at.
type watched struct {
	recorder
	once   sync.Once
	looked chan struct{}
}

func (w *watched) Apply(ctx context.Context, write diff.Write) (object.Object, []string, error) {
	if write.Object.Ref().Name == "bad" {
		<-w.looked
	}
	return w.recorder.Apply(ctx, write)
}

func (w *watched) Get(context.Context, object.Ref) (object.Object, error) {
	w.once.Do(func() { close(w.looked) })
	return nil, nil
}

// Where the first failure stops everything, nobody goes on waiting for what else was begun.
func TestAfterAnAbortNothingIsWaitedFor(t *testing.T) {
	t.Parallel()
	slow := create(kind("v1", "ConfigMap", "slow"))
	slow.Awaited = true
	w := &watched{recorder: recorder{fail: map[string]bool{"bad": true}}, looked: make(chan struct{})}
	changes := set(diff.Stage{Items: []diff.Item{item(slow, &diff.Change{Ref: object.Ref{Kind: "ConfigMap", Name: "other"}, Op: diff.Await, Awaited: true}), item(create(kind("v1", "ConfigMap", "bad")))}})
	result := apply.Apply(t.Context(), changes, w, apply.Options{AbortOnError: true, Wait: apply.Wait{Timeout: 24 * time.Hour}})
	if got, want := statuses(result), "slow not ready, other not ready, bad failed"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if err := result.Outcomes[0].Err; err == nil || !strings.Contains(err.Error(), "interrupted while waiting for it to be ready: it is not there yet: the deploy stops after a failure elsewhere") {
		t.Errorf("got %v", err)
	}
}

// unanswered is an Applier whose webhook does not answer; it calls tell when it is asked.
type unanswered struct {
	recorder
	tell func()
}

func (u *unanswered) Apply(_ context.Context, w diff.Write) (object.Object, []string, error) {
	if w.Object.Ref().Kind != "ConfigMap" {
		return w.Object, nil, nil
	}
	u.tell()
	return nil, nil, &diff.WebhookDownError{Webhook: "late.example.com", Err: errors.New("connection refused")}
}

// Nobody waits for the backend of a webhook once the run is told to stop.
func TestTheWaitForAWebhookEndsWithTheRun(t *testing.T) {
	t.Parallel()
	ctx, tell := context.WithCancelCause(t.Context())
	defer tell(nil)
	webhook := create(kind("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "webhook"))
	changes := set(diff.Stage{Items: []diff.Item{item(webhook, create(kind("v1", "ConfigMap", "a")), create(kind("v1", "ConfigMap", "b")))}})
	result := apply.Apply(ctx, changes, &unanswered{tell: func() { tell(errors.New("told to stop")) }}, apply.Options{WebhookPatience: 24 * time.Hour})
	if got, want := statuses(result), "webhook applied, a failed, b not tried"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if err := result.Outcomes[1].Err; err == nil || !strings.Contains(err.Error(), "webhook late.example.com, which the change itself has, has not answered for 0s; interrupted: told to stop: connection refused") {
		t.Errorf("got %v", err)
	}
}

// laggard is an Applier of a server that goes by a changed definition only when it is asked for the third time, or never.
type laggard struct {
	recorder
	refusal error
	never   bool
	asked   atomic.Int32
	// tell, if set, is called when it is asked.
	tell func()
}

func (l *laggard) Apply(_ context.Context, w diff.Write) (object.Object, []string, error) {
	if w.Object.Ref().IsCRD() {
		return w.Object, nil, nil
	}
	if l.tell != nil {
		l.tell()
	}
	if l.asked.Add(1) < 3 || l.never {
		return nil, nil, l.refusal
	}
	return w.Object, nil, nil
}

// An object that was valid by the definition of the same change is tried again while the server may still go by the former one; others, and
// other refusals, are what they are at once.
func TestWhatItsChangedDefinitionAllowsIsTriedAgain(t *testing.T) {
	t.Parallel()
	definition := func() *diff.Change {
		o := kind("apiextensions.k8s.io/v1", "CustomResourceDefinition", "boats.example.com")
		o["spec"] = map[string]any{"group": "example.com", "names": map[string]any{"kind": "Boat"}}
		return create(o)
	}
	refused := &diff.RefusedError{Err: errors.New(".spec.length: field not declared in schema")}
	boat := func() *diff.Change { return create(kind("example.com/v1", "Boat", "boat")) }
	for name, test := range map[string]struct {
		server  *laggard
		changes []*diff.Change
		want    string
		asked   int32
	}{
		"refused":                {&laggard{refusal: refused}, []*diff.Change{definition(), boat()}, "", 3},
		"not valid":              {&laggard{refusal: &diff.InvalidError{Err: errors.New("too long")}}, []*diff.Change{definition(), boat()}, "", 3},
		"not served":             {&laggard{refusal: &apply.NotServedError{Err: errors.New("not found")}}, []*diff.Change{definition(), boat()}, "", 3},
		"not served for long":    {&laggard{refusal: &apply.NotServedError{Err: errors.New("not found")}}, []*diff.Change{boat()}, "not found", 1},
		"a quota without usage":  {&laggard{refusal: &diff.DeniedError{Err: &apply.NotYetError{Err: errors.New("status unknown for quota")}}}, []*diff.Change{create(kind("v1", "ConfigMap", "a"))}, "", 3},
		"another kind":           {&laggard{refusal: refused}, []*diff.Change{definition(), create(kind("v1", "ConfigMap", "a"))}, refused.Error(), 1},
		"no definition":          {&laggard{refusal: refused}, []*diff.Change{boat()}, refused.Error(), 1},
		"denied by a policy":     {&laggard{refusal: &diff.DeniedError{Err: errors.New("denied")}}, []*diff.Change{definition(), boat()}, "denied", 1},
		"for longer than a lag":  {&laggard{refusal: refused, never: true}, []*diff.Change{definition(), boat()}, "for 20s: .spec.length: field not declared in schema", 2},
		"until the run is ended": {&laggard{refusal: refused, never: true}, []*diff.Change{definition(), boat()}, "; interrupted: told to stop: .spec.length", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			var opts apply.Options
			switch name {
			case "for longer than a lag":
				var step time.Duration
				var mu sync.Mutex
				opts.Now = func() time.Time {
					mu.Lock()
					defer mu.Unlock()
					if test.server.asked.Load() > 1 {
						step = 20 * time.Second
					}
					return time.Unix(0, 0).Add(step)
				}
			case "until the run is ended":
				var tell context.CancelCauseFunc
				ctx, tell = context.WithCancelCause(ctx)
				test.server.tell = func() { tell(errors.New("told to stop")) }
			}
			result := apply.Apply(ctx, set(diff.Stage{Items: []diff.Item{item(test.changes...)}}), test.server, opts)
			last := result.Outcomes[len(result.Outcomes)-1]
			if got := fmt.Sprint(last.Err); last.Err == nil && test.want != "" || last.Err != nil && (test.want == "" || !strings.Contains(got, test.want)) {
				t.Errorf("got %s, want %q", got, test.want)
			}
			if got := test.server.asked.Load(); got != test.asked {
				t.Errorf("asked %d times, want %d", got, test.asked)
			}
		})
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

// What could not be deleted keeps what goes after it: a custom resource that its controller has not cleaned up yet needs the controller.
func TestWhatIsNotGoneKeepsWhatGoesAfterIt(t *testing.T) {
	t.Parallel()
	var s diff.ChangeSet
	for _, ref := range []object.Ref{
		{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition", Name: "definition"}, {Group: "apps", Kind: "Deployment", Name: "controller"},
		{Group: "example.com", Kind: "Boat", Name: "boat"}, {Group: "example.com", Kind: "Boat", Name: "stuck"}, {Group: "admissionregistration.k8s.io", Kind: "MutatingWebhookConfiguration", Name: "webhook"},
	} {
		s.Orphans = append(s.Orphans, &diff.Change{Ref: ref, Op: diff.Delete})
	}
	r := &recorder{fail: map[string]bool{"stuck": true}}
	result := apply.Apply(t.Context(), &s, r, apply.Options{})
	if got, want := statuses(result), "definition not tried, controller not tried, boat deleted, stuck failed, webhook deleted"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if err := result.Outcomes[1].Err; err == nil || !strings.Contains(err.Error(), "Boat/stuck, which goes before it, is not gone and may need it") {
		t.Errorf("got %v", err)
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
