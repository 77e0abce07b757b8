package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
)

// errEarlier is why a change was not tried after a failure elsewhere.
var errEarlier = errors.New("not tried after an earlier failure")

// run is one run of Apply. Each change's outcome is written by the one goroutine that works on it.
type run struct {
	applier  Applier
	opts     Options
	outcomes map[*diff.Change]*Outcome
	stopped  atomic.Bool
	// refused says that nothing is begun at all.
	refused bool
	// waits is the context of what is only waited for. It ends with the run, and before it when nothing more is begun.
	waits    context.Context
	endWaits context.CancelCauseFunc
	// blocked are the namespaces and kinds that are not there because of a failure, with the failure.
	blocked sync.Map // blockKey → block
	// items are those that have been begun, by their number.
	items map[int]*itemRun
	// redefined are the kinds whose definitions have been changed, and when.
	redefined sync.Map // blockKey → time.Time
	// admission says that the change set brings admission webhooks, whose backends may need a moment.
	admission bool
}

// errAborted ends what is waited for.
var errAborted = errors.New("the deploy stops after a failure elsewhere")

// blockKey is a namespace, or a kind.
type blockKey struct{ namespace, group, kind string }

// block says why what needs a namespace or a kind is not tried.
type block struct {
	why error
	// but are the versions of a kind that are there all the same.
	but []string
}

func newRun(ctx context.Context, set *diff.ChangeSet, a Applier, opts Options) *run {
	r := &run{applier: a, opts: opts, outcomes: map[*diff.Change]*Outcome{}, items: map[int]*itemRun{}}
	r.waits, r.endWaits = context.WithCancelCause(ctx)
	for c := range set.All() {
		r.outcomes[c] = &Outcome{Ref: c.Ref, Op: c.Op, Status: NotTried, Err: errEarlier}
		r.admission = r.admission || isAdmission(c.Ref)
	}
	return r
}

func isAdmission(ref object.Ref) bool {
	return ref.Group == "admissionregistration.k8s.io" && (ref.Kind == "ValidatingWebhookConfiguration" || ref.Kind == "MutatingWebhookConfiguration")
}

// isFloor says whether others live in the object or are made of it, so that it goes first in its stage, also where nobody
// wrote an order.
func isFloor(c *diff.Change) bool {
	return (c.Ref.IsNamespace() || c.Ref.IsCRD()) && c.Hook == nil && c.Op != diff.Delete && c.Op != diff.Await
}

func (r *run) stage(ctx context.Context, s diff.Stage) {
	for _, first := range []func(object.Ref) bool{object.Ref.IsNamespace, object.Ref.IsCRD} {
		for _, i := range s.Items {
			for _, c := range i.Changes {
				if isFloor(c) && first(c.Ref) {
					r.change(ctx, c)
				}
			}
		}
	}
	r.waves(ctx, s)
}

// block records why a change is not tried. What is known of it already stays, and what needs no work is as it was.
func (r *run) block(c *diff.Change, why error) {
	switch {
	case r.outcomes[c].Status != NotTried:
	case c.Err != nil, c.Op == diff.Unchanged, c.Op == diff.Skip:
		r.settled(c)
	default:
		r.outcomes[c].Err = why
	}
}

// settled records a change for which nothing is to be done, and says whether it is one. What is not there because of a
// failure is the reason for what fails without it.
func (r *run) settled(c *diff.Change) bool {
	why := r.lacks(c)
	switch {
	case c.Err != nil && why != nil:
		r.outcomes[c].Err = why
	case c.Err != nil:
		if !r.stopped.Load() {
			r.done(c, Failed, c.Err)
		}
	case c.Refusal() != nil:
		if !r.stopped.Load() {
			r.done(c, Failed, c.Refusal())
		}
	case c.Op == diff.Unchanged:
		r.done(c, Unchanged, nil)
	case c.Op == diff.Skip:
		r.done(c, Skipped, nil)
	default:
		return false
	}
	return true
}

// change carries out one change and records its outcome.
func (r *run) change(ctx context.Context, c *diff.Change) {
	if r.settled(c) || !r.mayBegin(ctx, c) {
		return
	}
	sending, cancel := finishing(ctx)
	defer cancel()
	var warnings []string
	var err error
	status := Applied
	switch c.Op {
	case diff.Delete:
		status = Deleted
		if err = r.applier.Delete(sending, c.Ref, Which{UID: c.UID()}); err == nil && !r.opts.Wait.Off {
			err = r.applier.AwaitGone(r.waits, c.Ref, c.UID())
		}
	case diff.Replace:
		// What takes its place is a part of it: it is sent also when the run is interrupted in between.
		if err = r.applier.Delete(sending, c.Ref, Which{UID: c.UID()}); err == nil {
			err = r.applier.AwaitGone(sending, c.Ref, c.UID())
		}
		if err == nil {
			if _, warnings, err = r.send(sending, c); err != nil {
				err = fmt.Errorf("it was deleted and could not be created anew, so it is gone: %w", err)
			}
		}
	default:
		_, warnings, err = r.send(sending, c)
	}
	if err == nil && c.Ref.IsCRD() && status == Applied {
		if err = r.applier.AwaitEstablished(sending, c.Ref); err == nil {
			group, kind := c.Defines()
			r.redefined.Store(blockKey{group: group, kind: kind}, r.opts.Now())
		}
	}
	r.finish(c, status, warnings, err)
}

// mayBegin says whether a change may be begun; if not, it records why.
func (r *run) mayBegin(ctx context.Context, c *diff.Change) bool {
	if r.stopped.Load() {
		return false
	}
	if ctx.Err() != nil {
		r.outcomes[c].Err = fmt.Errorf("not tried: %w", context.Cause(ctx))
		return false
	}
	if why := r.lacks(c); why != nil {
		r.outcomes[c].Err = why
		return false
	}
	return true
}

// lacks is why a change cannot be tried for want of its namespace or its kind; nil if it can.
func (r *run) lacks(c *diff.Change) error {
	if c.Op == diff.Delete {
		return nil
	}
	for _, key := range []blockKey{{namespace: c.Ref.Namespace}, {group: c.Ref.Group, kind: c.Ref.Kind}} {
		found, ok := r.blocked.Load(key)
		if b, _ := found.(block); ok && key != (blockKey{}) && !slices.Contains(b.but, c.Ref.Version) {
			return fmt.Errorf("not tried: %w", b.why)
		}
	}
	return nil
}

// grace is for how long the request under way may go on when the run is interrupted.
const grace = 20 * time.Second

// finishing is the context of one change: it outlives the end of ctx, so that a request is not cut off between being
// sent and being answered.
func finishing(ctx context.Context) (context.Context, context.CancelFunc) {
	out, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	var timer *time.Timer
	var mu sync.Mutex
	stop := context.AfterFunc(ctx, func() {
		mu.Lock()
		defer mu.Unlock()
		timer = time.AfterFunc(grace, func() { cancel(context.Cause(ctx)) })
	})
	return out, func() {
		stop()
		mu.Lock()
		defer mu.Unlock()
		if timer != nil {
			timer.Stop()
		}
		cancel(nil)
	}
}

// lagPatience is for how long the API server, or one of several, may go on judging objects by what a definition was before it was
// changed: its replicas watch definitions, which takes them a fraction of a second, or longer under load. So do controllers watch what
// they are to complete.
const lagPatience = 10 * time.Second

// send applies the object and returns it as it is then, under a context that outlives the run's. What refuses it may come with the change
// itself, and need a moment; nobody waits for that once the run has ended.
func (r *run) send(ctx context.Context, c *diff.Change) (object.Object, []string, error) {
	began := r.opts.Now()
	for pause := 250 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		live, warnings, err := r.applier.Apply(ctx, c.Write())
		heals, what := r.heals(c, began, err)
		if heals.IsZero() {
			return live, warnings, err
		}
		interrupted := ""
		if !r.opts.Now().Add(pause).After(heals) {
			select {
			case <-time.After(pause):
				continue
			case <-r.waits.Done():
				interrupted = fmt.Sprintf("; interrupted: %v", context.Cause(r.waits))
			}
		}
		return nil, warnings, fmt.Errorf("%s for %s%s: %w", what, rounded(r.opts.Now().Sub(began)), interrupted, err)
	}
}

// heals is until when an object that was refused is tried again, and what has refused it; the zero time where it would be in vain. A webhook
// that the change set brings may not answer yet, a controller may not have seen a new quota or namespace, and a definition that the
// change set has changed may not be in force everywhere: the object was valid by it when it was compared.
func (r *run) heals(c *diff.Change, began time.Time, err error) (until time.Time, what string) {
	var webhook *diff.WebhookDownError
	if r.admission && errors.As(err, &webhook) {
		return began.Add(r.opts.WebhookPatience), fmt.Sprintf("webhook %s, which the change itself has, has not answered", webhook.Webhook)
	}
	if errors.As(err, new(*NotYetError)) {
		return began.Add(lagPatience), "what is needed to judge it has not been there"
	}
	if errors.As(err, new(*diff.InvalidError)) || errors.As(err, new(*diff.RefusedError)) || errors.As(err, new(*NotServedError)) {
		if at, is := r.redefined.Load(blockKey{group: c.Ref.Group, kind: c.Ref.Kind}); is {
			return at.(time.Time).Add(lagPatience), "the server, which may not go by the changed definition yet, has refused it"
		}
	}
	return time.Time{}, ""
}

func (r *run) finish(c *diff.Change, s Status, warnings []string, err error) {
	for _, w := range warnings {
		r.outcomes[c].Warnings = append(r.outcomes[c].Warnings, c.MaskText(w))
	}
	if err != nil {
		s = Failed
	}
	r.done(c, s, c.Mask(err))
}

func (r *run) done(c *diff.Change, s Status, err error) {
	o := r.outcomes[c]
	o.Status, o.Err = s, err
	if s == Failed || s == NotReady {
		if r.opts.AbortOnError {
			r.stopped.Store(true)
			r.endWaits(errAborted)
		}
		r.blockDependants(c, err)
	}
	if r.opts.Progress != nil {
		r.opts.Progress(*o)
	}
}

// blockDependants keeps what cannot be without c from being tried. That the right to write a namespace is missing does
// not mean that it is not there.
func (r *run) blockDependants(c *diff.Change, err error) {
	var forbidden *diff.ForbiddenError
	switch {
	case c.Op == diff.Delete || c.Hook != nil || errors.As(err, &forbidden):
	case c.Ref.IsNamespace() && c.Live == nil:
		r.blocked.Store(blockKey{namespace: c.Ref.Name}, block{why: fmt.Errorf("its namespace %s could not be created", c.Ref.Name)})
	case c.Ref.IsCRD():
		group, kind := c.Defines()
		b := block{why: fmt.Errorf("its definition %s could not be brought into force", c.Ref)}
		if c.Op != diff.Replace {
			b.but = served(c.Live) // as before; whether that will do for an object, the server says
		}
		r.blocked.Store(blockKey{group: group, kind: kind}, b)
	}
}

// served are the versions that a live definition has.
func served(crd object.Object) []string {
	versions, _ := crd.Map("spec")["versions"].([]any)
	var out []string
	for _, v := range versions {
		m, _ := v.(map[string]any)
		if is, _ := m["served"].(bool); is {
			out = append(out, object.Object(m).Text("name"))
		}
	}
	return out
}
