package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/hook"
)

// itemRun is an item on its way. Its Namespaces and definitions, the floor, have been applied before it begins.
type itemRun struct {
	diff.Item
	// deletions, objects and awaited stand in the item's order; before and after are its hooks.
	floor, deletions, before, objects, awaited, after []*diff.Change
	// rescue are the hooks for when something of the item has failed.
	rescue []*diff.Change
	// broken is why the objects that are left are not tried. Where the item is ended, neither is anything else of it.
	broken error
	ended  bool
	done   chan struct{} // closed when nothing of the item is under way any more
}

func newItemRun(i diff.Item) *itemRun {
	w := &itemRun{Item: i, done: make(chan struct{})}
	for _, c := range i.Changes {
		switch {
		case isFloor(c):
			w.floor = append(w.floor, c)
		case c.Op == diff.Await:
			w.awaited = append(w.awaited, c)
		case c.Hook != nil && (c.Op == diff.Run || c.Op == diff.Failed):
			if c.Hook.Runs(hook.Moment{Before: true, Initial: i.Initial}) {
				w.before = append(w.before, c)
			}
			if c.Hook.Runs(hook.Moment{Initial: i.Initial}) {
				w.after = append(w.after, c)
			}
			if c.Hook.Runs(hook.Moment{Failed: true}) {
				w.rescue = append(w.rescue, c)
			}
		case c.Op == diff.Delete:
			w.deletions = append(w.deletions, c)
		default:
			w.objects = append(w.objects, c)
		}
	}
	return w
}

// failure is the first of the item's changes that went wrong or was not tried; nil if there is none.
func (w *itemRun) failure(r *run) *diff.Change {
	for _, c := range w.Changes {
		switch r.outcomes[c].Status {
		case Failed, NotReady, NotTried:
			return c
		}
	}
	return nil
}

// missing is the first of the item's changes that a wave or one before it should have made and has not; nil if there is none.
func (w *itemRun) missing(r *run, wave int) *diff.Change {
	switch {
	case w.Waves.First > wave:
		return nil
	case w.Waves.Last <= wave:
		return w.failure(r)
	}
	for _, c := range slices.Concat(w.floor, w.deletions, w.before, w.objects) {
		if s := r.outcomes[c].Status; w.wave(c) <= wave && (s == Failed || s == NotReady || s == NotTried) {
			return c
		}
	}
	return nil
}

// waves carries out the items of a stage, wave by wave. A wave that is followed by another is waited for, and where it
// failed the others are not tried.
func (r *run) waves(ctx context.Context, s diff.Stage) {
	var items []*itemRun
	var waves []int
	for _, i := range s.InOrder() {
		w := newItemRun(i)
		items = append(items, w)
		r.items[i.Number] = w
		waves = append(waves, w.Waves.First, w.Waves.Last)
		for _, c := range w.objects {
			waves = append(waves, w.wave(c))
		}
	}
	slices.Sort(waves)
	for n, wave := range slices.Compact(waves) {
		if n > 0 {
			r.closeWave(items, waves[n-1])
		}
		var g errgroup.Group
		g.SetLimit(r.opts.Parallel)
		// What an item needs has been started before it, so that the wait for it comes to an end.
		for _, w := range items {
			if w.Waves.First <= wave && wave <= w.Waves.Last {
				g.Go(func() error { r.item(ctx, w, wave); return nil })
			}
		}
		g.Wait()
	}
}

// closeWave keeps what comes after a wave in which something went wrong from being tried.
func (r *run) closeWave(items []*itemRun, wave int) {
	var failed *diff.Change
	for _, w := range items {
		if c := w.missing(r, wave); c != nil {
			failed = c
			break
		}
	}
	if failed == nil {
		return
	}
	for _, w := range items {
		if w.Waves.Last > wave {
			w.end(fmt.Errorf("not tried: wave %d before it is not complete: %s is %s", wave, failed.Ref, r.outcomes[failed].Status))
		}
	}
}

// end keeps all that is left of the item from being tried.
func (w *itemRun) end(why error) {
	if w.broken == nil {
		w.broken = why
	}
	w.ended = true
}

// wave is when an object's turn is. One that is in no wave goes with the item's first.
func (w *itemRun) wave(c *diff.Change) int {
	if c.Hook != nil || c.Wave() < w.Waves.First || c.Wave() > w.Waves.Last {
		return w.Waves.First
	}
	return c.Wave()
}

// in are the item's objects of a wave. What is always there or goes without an order belongs to its first.
func (w *itemRun) in(wave int) []*diff.Change {
	var out []*diff.Change
	for _, c := range w.objects {
		if w.wave(c) == wave {
			out = append(out, c)
		}
	}
	return out
}

// item carries out what an item has in a wave; in its first also what goes before its objects, in its last also what
// comes after them.
func (r *run) item(ctx context.Context, w *itemRun, wave int) {
	if wave == w.Waves.Last {
		defer close(w.done)
		defer r.rescue(ctx, w)
	}
	if wave == w.Waves.First {
		r.begin(ctx, w)
	}
	objects := w.in(wave)
	for _, c := range objects {
		if w.broken != nil {
			r.block(c, w.broken)
			continue
		}
		r.change(ctx, c)
		r.behind(w, c)
	}
	switch {
	case wave < w.Waves.Last && !w.ended:
		r.await(objects)
	case wave == w.Waves.Last && !w.ended:
		r.await(slices.Concat(w.floor, objects, w.awaited))
		_ = r.hooks(ctx, w.after) // each hook's outcome says it
	case wave == w.Waves.Last:
		r.again(w.after)
		for _, c := range slices.Concat(w.awaited, w.after) {
			r.block(c, w.broken)
		}
	}
}

// behind keeps the item's objects behind a replacement that failed from being tried.
func (r *run) behind(w *itemRun, c *diff.Change) {
	if c.Op == diff.Replace && r.outcomes[c].Status == Failed && w.broken == nil {
		w.broken = fmt.Errorf("not tried: %s before it could not be replaced", c.Ref)
	}
}

// begin carries out what goes before an item's objects.
func (r *run) begin(ctx context.Context, w *itemRun) {
	if !w.ended {
		if why := r.needs(ctx, w); why != nil {
			w.end(why)
		}
	}
	if w.ended {
		for _, c := range slices.Concat(w.deletions, w.before) {
			r.block(c, w.broken)
		}
		return
	}
	for _, c := range w.deletions {
		r.change(ctx, c)
	}
	for _, c := range w.floor {
		r.behind(w, c)
	}
	if why := r.hooks(ctx, w.before); why != nil {
		w.end(why)
	}
}

// needs waits for the items that an item needs. The error says which of them is not as it should be.
func (r *run) needs(ctx context.Context, w *itemRun) error {
	for _, n := range w.Needs {
		need := r.items[n]
		if need == nil {
			continue // it has nothing to do
		}
		select {
		case <-need.done: // in an earlier stage, say
		default:
			if need.Waves.Last > w.Waves.First {
				return fmt.Errorf("not tried: %s, on which it depends, ends in wave %d, after its own first one, %d", need.Dir, need.Waves.Last, w.Waves.First)
			}
		}
		select {
		case <-need.done:
		case <-ctx.Done():
			return fmt.Errorf("not tried: it waited for %s, on which it depends: %w", need.Dir, context.Cause(ctx))
		}
		if c := need.failure(r); c != nil {
			return fmt.Errorf("not tried: %s, on which it depends, is not complete: %s is %s", need.Dir, c.Ref, r.outcomes[c].Status)
		}
	}
	return nil
}

// rescue runs the hooks for when something of the item has failed, if it has. They run also where all else stops at the
// first failure: it is what they are for.
func (r *run) rescue(ctx context.Context, w *itemRun) {
	if len(w.rescue) == 0 {
		return
	}
	failed := !r.refused && slices.ContainsFunc(w.Changes, func(c *diff.Change) bool {
		o := r.outcomes[c]
		return o.Status == Failed || o.Status == NotReady && !errors.Is(o.Err, errAborted) // whose wait was not to its end
	})
	if failed {
		aside := newRun(ctx, &diff.ChangeSet{}, r.applier, r.opts)
		defer aside.endWaits(nil)
		aside.outcomes = r.outcomes
		_ = aside.hooks(ctx, w.rescue) // each hook's outcome says it
		return
	}
	for _, c := range w.rescue {
		if r.outcomes[c].Status == NotTried && !slices.Contains(w.before, c) && !slices.Contains(w.after, c) {
			r.done(c, Skipped, nil) // nothing calls for it
		}
	}
}
