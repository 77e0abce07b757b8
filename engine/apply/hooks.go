package apply

import (
	"context"
	"fmt"
	"slices"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/hook"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/ready"
)

// hooks runs the hooks of one moment, by weight, one after the other. Those that are to be deleted before go first. After
// one that failed or was not tried no further hook of the moment runs; the error says why the rest of the item is not tried.
func (r *run) hooks(ctx context.Context, list []*diff.Change) error {
	slices.SortStableFunc(list, func(a, b *diff.Change) int { return hook.Compare(a.Hook, b.Hook) })
	r.again(list)
	for _, c := range list {
		if c.Err != nil || c.Refusal() != nil {
			r.settled(c)
			return r.notRun(list, c)
		}
	}
	for _, c := range list {
		if !c.Hook.Has(hook.BeforeCreation) {
			continue
		}
		if !r.mayBegin(ctx, c) {
			return r.notRun(list, c)
		}
		if err := r.removeHook(ctx, c.Ref); err != nil {
			r.finish(c, Failed, nil, fmt.Errorf("%s: the hook's last run cannot be removed: %w", c.Ref, err))
			return r.notRun(list, c)
		}
	}
	defer r.cleanUp(ctx, list)
	for _, c := range list {
		if !r.mayBegin(ctx, c) {
			return r.notRun(list, c)
		}
		r.runHook(ctx, c)
		if s := r.outcomes[c].Status; s != Ran {
			return r.notRun(list, c)
		}
	}
	return nil
}

// again forgets that hooks have run in an earlier moment: that does not mean that they have in this one.
func (r *run) again(list []*diff.Change) {
	for _, c := range list {
		if o := r.outcomes[c]; o.Status == Ran {
			o.Status, o.Err = NotTried, errEarlier
		}
	}
}

// notRun says of the hooks that have not run that it is because of the given one, which has failed or was not tried.
func (r *run) notRun(list []*diff.Change, failed *diff.Change) error {
	why := fmt.Errorf("not tried: hook %s before it failed", failed.Ref)
	if o := r.outcomes[failed]; o.Status == NotTried {
		why = fmt.Errorf("not tried: hook %s before it is %w", failed.Ref, o.Err)
	}
	for _, c := range list {
		if c != failed {
			r.block(c, why)
		}
	}
	return why
}

func (r *run) removeHook(ctx context.Context, ref object.Ref) error {
	sending, cancel := finishing(ctx)
	defer cancel()
	if err := r.applier.Delete(sending, ref, Which{}); err != nil { // the last run's, whichever that is
		return err
	}
	return r.applier.AwaitGone(r.waits, ref, "")
}

// runHook applies a hook and waits for it.
func (r *run) runHook(ctx context.Context, c *diff.Change) {
	r.outcomes[c].Removed = false // by the moment before this one
	sending, cancel := finishing(ctx)
	live, warnings, err := r.send(sending, c)
	cancel()
	if ready.Ended(live) { // what was created just now cannot have
		warnings = append(warnings, fmt.Sprintf("%s had ended before and is as it was, so it has not run again; the delete policy before-hook-creation makes it run in each deploy", c.Ref))
	}
	if err != nil || !c.Hook.Wait || r.opts.Wait.Off {
		r.finish(c, Ran, warnings, err)
		return
	}
	for _, w := range warnings {
		r.outcomes[c].Warnings = append(r.outcomes[c].Warnings, c.MaskText(w))
	}
	if err := r.awaitOne(c); err != nil {
		r.done(c, NotReady, err)
		return
	}
	r.done(c, Ran, nil)
}

// cleanUp deletes the hooks of a moment that have run and are not to stay, the last ones first. One that was not waited
// for may still be running, and stays.
func (r *run) cleanUp(ctx context.Context, list []*diff.Change) {
	if r.opts.Wait.Off {
		return
	}
	ctx, cancel := finishing(ctx)
	defer cancel()
	var gone []object.Ref
	for _, c := range slices.Backward(list) {
		o := r.outcomes[c]
		policy := hook.Succeeded
		if o.Status == NotReady {
			policy = hook.Failed
		} else if o.Status != Ran {
			continue
		}
		if !c.Hook.Wait || !c.Hook.Has(policy) || o.Removed {
			continue
		}
		if err := r.applier.Delete(ctx, c.Ref, Which{}); err != nil {
			o.Warnings = append(o.Warnings, c.Mask(fmt.Errorf("the hook has run and cannot be removed: %w", err)).Error())
			continue
		}
		o.Removed = true
		gone = append(gone, c.Ref)
	}
	for _, ref := range gone {
		// What is left of it does not matter to anybody; the next run waits for it.
		if _ = r.applier.AwaitGone(r.waits, ref, ""); r.waits.Err() != nil {
			return
		}
	}
}
