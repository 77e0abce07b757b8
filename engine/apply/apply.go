package apply

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/project"
)

// Options say how to apply.
type Options struct {
	// AbortOnError stops at the first failure: what is under way is finished, nothing else is begun. A change set with
	// an object whose dry run failed is then not begun at all.
	AbortOnError bool
	// Parallel is how many items are applied at once; default 8.
	Parallel int
	// Progress, if set, is told of each outcome as it happens, from several goroutines at once.
	Progress func(Outcome)
}

const defaultParallel = 8

// A Status is what became of a change.
type Status string

// The states of an outcome.
const (
	Applied   Status = "applied"
	Deleted   Status = "deleted"
	Unchanged Status = "unchanged"
	// Skipped is for what was not to be touched; the change's reason says why.
	Skipped Status = "skipped"
	Failed  Status = "failed"
	// NotTried is for what an earlier failure or an interruption kept from being begun.
	NotTried Status = "not tried"
)

// An Outcome is what became of one change.
type Outcome struct {
	Ref    object.Ref
	Op     diff.Op
	Status Status
	// Err is the cause of a failure, or of not having been tried.
	Err      error
	Warnings []string
}

// A Result is what became of a change set.
type Result struct {
	Target project.Target
	Digest string
	// Outcomes stand in the order of the change set.
	Outcomes []Outcome
}

// Count is the number of outcomes with the given status.
func (r *Result) Count(s Status) int {
	n := 0
	for _, o := range r.Outcomes {
		if o.Status == s {
			n++
		}
	}
	return n
}

// Err joins the errors of all failed outcomes; nil when everything that was to be done is done.
func (r *Result) Err() error {
	var errs []error
	for _, o := range r.Outcomes {
		if o.Status == Failed {
			errs = append(errs, o.Err)
		}
	}
	if n := r.Count(NotTried); n > 0 {
		errs = append(errs, fmt.Errorf("%d objects were not tried", n))
	}
	return errors.Join(errs...)
}

// errEarlier is why a change was not tried after a failure elsewhere.
var errEarlier = errors.New("not tried after an earlier failure")

// Apply carries out set. It always returns a Result: an interruption by ctx leaves what was not begun as [NotTried].
func Apply(ctx context.Context, set *diff.ChangeSet, a Applier, opts Options) *Result {
	r := &run{applier: a, opts: opts, outcomes: map[*diff.Change]*Outcome{}}
	for c := range set.All() {
		r.outcomes[c] = &Outcome{Ref: c.Ref, Op: c.Op, Status: NotTried, Err: errEarlier}
	}
	if opts.AbortOnError && len(set.Failures()) > 0 {
		r.stopped.Store(true)
		for _, c := range set.Failures() {
			r.done(c, Failed, c.Err)
		}
	}
	for _, stage := range set.Stages {
		r.stage(ctx, stage)
	}
	r.prune(ctx, set.Orphans)
	out := &Result{Target: set.Target, Digest: set.Digest}
	for c := range set.All() {
		out.Outcomes = append(out.Outcomes, *r.outcomes[c])
	}
	return out
}

// run is one run of Apply. Each change's outcome is written by the one goroutine that works on it.
type run struct {
	applier  Applier
	opts     Options
	outcomes map[*diff.Change]*Outcome
	stopped  atomic.Bool
}

func (r *run) stage(ctx context.Context, s diff.Stage) {
	// What others live in or are made of goes first, also where nobody wrote an order: Namespaces, then CRDs.
	for _, first := range []func(object.Ref) bool{object.Ref.IsNamespace, object.Ref.IsCRD} {
		for _, i := range s.Items {
			for _, c := range i.Changes {
				if first(c.Ref) {
					r.change(ctx, c)
				}
			}
		}
	}
	var g errgroup.Group
	g.SetLimit(cmp.Or(max(r.opts.Parallel, 0), defaultParallel))
	for _, i := range s.Items {
		g.Go(func() error {
			for _, c := range i.Changes {
				if !c.Ref.IsNamespace() && !c.Ref.IsCRD() {
					r.change(ctx, c)
				}
			}
			return nil
		})
	}
	g.Wait()
}

// change carries out one change and records its outcome.
func (r *run) change(ctx context.Context, c *diff.Change) {
	if err := c.Refusal(); err != nil && c.Op != diff.Failed && !r.stopped.Load() {
		r.done(c, Failed, err)
		return
	}
	switch {
	case c.Err != nil:
		if !r.stopped.Load() {
			r.done(c, Failed, c.Err)
		}
		return
	case c.Op == diff.Unchanged:
		r.done(c, Unchanged, nil)
		return
	case c.Op == diff.Skip:
		r.done(c, Skipped, nil)
		return
	case r.stopped.Load():
		return
	case ctx.Err() != nil:
		r.outcomes[c].Err = fmt.Errorf("not tried: %w", context.Cause(ctx))
		return
	}
	if c.Op == diff.Delete {
		r.finish(c, Deleted, nil, r.applier.Delete(ctx, c.Ref))
		return
	}
	if c.Op == diff.Replace {
		if err := r.remove(ctx, c.Ref); err != nil {
			r.finish(c, Applied, nil, err)
			return
		}
	}
	_, warnings, err := r.applier.Apply(ctx, c.Write())
	if err == nil && c.Ref.IsCRD() {
		err = r.applier.AwaitEstablished(ctx, c.Ref)
	}
	r.finish(c, Applied, warnings, err)
}

// remove deletes an object that is to be created anew, and waits until it is gone.
func (r *run) remove(ctx context.Context, ref object.Ref) error {
	if err := r.applier.Delete(ctx, ref); err != nil {
		return err
	}
	return r.applier.AwaitGone(ctx, ref)
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
	if s == Failed && r.opts.AbortOnError {
		r.stopped.Store(true)
	}
	if r.opts.Progress != nil {
		r.opts.Progress(*o)
	}
}

// prune deletes orphans, Namespaces last: what is in them has its own turn first. After a failure nothing is deleted.
func (r *run) prune(ctx context.Context, orphans []*diff.Change) {
	for _, o := range r.outcomes {
		if o.Status == Failed {
			r.stopped.Store(true)
		}
	}
	ordered := slices.Clone(orphans)
	slices.SortStableFunc(ordered, func(a, b *diff.Change) int { return rank(a.Ref) - rank(b.Ref) })
	for _, c := range ordered {
		r.change(ctx, c)
	}
}

func rank(r object.Ref) int {
	switch {
	case r.IsNamespace():
		return 2
	case r.IsCRD():
		return 1
	}
	return 0
}
