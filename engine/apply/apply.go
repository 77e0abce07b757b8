package apply

import (
	"context"
	"time"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/ready"
)

// Options say how to apply.
type Options struct {
	// AbortOnError stops at the first failure: what is under way is finished, nothing else is begun. A change set with
	// an object whose dry run failed is then not begun at all.
	AbortOnError bool
	// Parallel is how many items are applied at once; default 32. How many requests that makes is the applier's to bound.
	Parallel int
	// Wait says how to wait for what is to be ready.
	Wait Wait
	// WebhookPatience is for how long an object is tried again whose admission webhook does not answer, where the change
	// set itself brings admission webhooks; default a minute.
	WebhookPatience time.Duration
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Progress, if set, is told of each outcome as it happens, from several goroutines at once.
	Progress func(Outcome)
}

// Wait says how to wait for readiness. The zero value waits for five minutes an object.
type Wait struct {
	// Off waits for nothing, nor until deleted objects are gone, but where something is to take their place.
	Off bool
	// Timeout bounds the wait for one object; hooks may have their own. Default 5 minutes.
	Timeout time.Duration
	// Rules are the project's own; nil has none.
	Rules *ready.Rules
	// Progress, if set, is told what is waited for: at first, and then every ten seconds.
	Progress func(Waiting)
}

const (
	defaultParallel = 32
	defaultTimeout  = 5 * time.Minute
	defaultPatience = time.Minute
)

func (o Options) completed() Options {
	if o.Parallel <= 0 {
		o.Parallel = defaultParallel
	}
	if o.Wait.Timeout <= 0 {
		o.Wait.Timeout = defaultTimeout
	}
	if o.WebhookPatience <= 0 {
		o.WebhookPatience = defaultPatience
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Apply carries out set. It always returns a Result. When ctx ends, the request under way is finished and nothing else is
// begun: what was not is [NotTried].
func Apply(ctx context.Context, set *diff.ChangeSet, a Applier, opts Options) *Result {
	r := newRun(ctx, set, a, opts.completed())
	defer r.endWaits(nil)
	out := &Result{Target: set.Target, Digest: set.Digest, Timing: Timing{Began: r.opts.Now()}}
	if opts.AbortOnError && len(set.Failures()) > 0 {
		r.refused = true
		r.stopped.Store(true)
		for _, c := range set.Failures() {
			r.done(c, Failed, c.Err)
		}
	}
	for _, stage := range set.Stages {
		began := r.opts.Now()
		r.stage(ctx, stage)
		out.Stages = append(out.Stages, Timing{began, r.opts.Now().Sub(began)})
	}
	r.prune(ctx, set.Orphans)
	for c := range set.All() {
		out.Outcomes = append(out.Outcomes, *r.outcomes[c])
	}
	out.Timing.Took = r.opts.Now().Sub(out.Timing.Began)
	return out
}
