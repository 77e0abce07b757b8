package apply

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/ready"
)

// A Waiting tells what is waited for, since when, and what is missing.
type Waiting struct {
	Ref    object.Ref
	Since  time.Duration
	Reason string
}

// A NotReadyError says that an object did not become ready.
type NotReadyError struct {
	Ref object.Ref
	// State is the last one that was seen.
	State ready.State
	// TimedOut is how long was waited in vain; zero where the object has failed, so that no waiting helps.
	TimedOut time.Duration
	// Symptoms are what the cluster tells besides: conditions, events, the last lines of a container's log.
	Symptoms []string
}

// Error says what is missing, and what there is to know about it.
func (e *NotReadyError) Error() string {
	text := fmt.Sprintf("%s: has failed: %s", e.Ref, e.State.Reason)
	if e.TimedOut > 0 {
		text = fmt.Sprintf("%s: timed out after %s while waiting for it to be ready: %s", e.Ref, rounded(e.TimedOut), e.State.Reason)
	}
	if len(e.Symptoms) > 0 {
		text += "\n  " + strings.Join(e.Symptoms, "\n  ")
	}
	return text
}

func rounded(d time.Duration) time.Duration { return d.Round(time.Second) }

const (
	pollInterval     = 500 * time.Millisecond
	progressInterval = 10 * time.Second
	// waitParallel is how many objects of an item are looked at at once.
	waitParallel = 8
)

// await waits for the awaited objects of an item that are there, all at once.
func (r *run) await(changes []*diff.Change) {
	if r.opts.Wait.Off {
		for _, c := range changes {
			if c.Op == diff.Await {
				r.done(c, Skipped, nil)
			}
		}
		return
	}
	var g errgroup.Group
	g.SetLimit(waitParallel)
	for _, c := range changes {
		s := r.outcomes[c].Status
		if !c.Awaited || r.stopped.Load() || c.Op != diff.Await && s != Applied && s != Unchanged {
			continue
		}
		g.Go(func() error {
			err := r.awaitOne(c)
			switch {
			case err != nil:
				r.done(c, NotReady, err)
			case c.Op == diff.Await:
				r.done(c, Ready, nil)
			}
			return nil
		})
	}
	g.Wait()
}

// awaitOne waits until the object of a change is ready. The error is masked.
func (r *run) awaitOne(c *diff.Change) error {
	began := r.opts.Now()
	timeout := cmp.Or(c.Timeout, r.opts.Wait.Timeout)
	waiting, cancel := context.WithTimeout(r.waits, timeout)
	defer cancel()
	w := watcher{observer: r.applier, opts: r.opts, hook: c.Hook != nil, mask: c.MaskText, fresh: c.Op == diff.Create || c.Op == diff.Replace}
	err := w.until(waiting, c.Ref)
	r.outcomes[c].Waited = r.opts.Now().Sub(began)
	if err == nil {
		return nil
	}
	var not *NotReadyError
	if errors.As(err, &not) && not.TimedOut > 0 && r.waits.Err() != nil {
		err = fmt.Errorf("%s: interrupted while waiting for it to be ready: %s: %w", c.Ref, not.State.Reason, context.Cause(r.waits))
	}
	return c.Mask(err)
}

// watcher looks at one object until it is ready.
type watcher struct {
	observer Observer
	opts     Options
	hook     bool
	mask     func(string) string // a controller may quote a secret value
	expects  *bool
	seen     bool
	// since is when the object was seen first, fresh whether it was created right before.
	since time.Time
	fresh bool
}

// until returns when the object is ready, with a [NotReadyError] when it has failed or ctx ends.
func (w *watcher) until(ctx context.Context, ref object.Ref) error {
	began := w.opts.Now()
	told := time.Time{}
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	var live object.Object
	var state ready.State
	for {
		o, found, err := w.look(ctx, ref)
		var gone *diff.UnreachableError
		switch {
		case err == nil:
			live, state = o, found
		case ctx.Err() != nil:
			// The end of the wait has cut the look off: the one before it is the last, if there was one.
			state.Reason = cmp.Or(state.Reason, err.Error())
		case errors.As(err, &gone):
			state = ready.State{Phase: ready.Waiting, Reason: err.Error()} // it may come back
		default:
			return err
		}
		switch state.Phase {
		case ready.Ready:
			return nil
		case ready.Failed:
			return &NotReadyError{Ref: ref, State: state, Symptoms: w.symptoms(ctx, live)}
		}
		if now := w.opts.Now(); w.opts.Wait.Progress != nil && now.Sub(told) >= progressInterval {
			w.opts.Wait.Progress(Waiting{Ref: ref, Since: now.Sub(began), Reason: w.mask(state.Reason)})
			told = now
		}
		select {
		case <-ctx.Done():
			err := &NotReadyError{Ref: ref, State: state, TimedOut: w.opts.Now().Sub(began)}
			if errors.Is(context.Cause(ctx), context.DeadlineExceeded) { // and not that nobody waits any more
				err.Symptoms = w.symptoms(ctx, live)
			}
			return err
		case <-tick.C:
		}
	}
}

// look judges the object as it is now.
func (w *watcher) look(ctx context.Context, ref object.Ref) (object.Object, ready.State, error) {
	live, err := w.observer.Get(ctx, ref)
	switch {
	case err != nil:
		return nil, ready.State{}, err
	case live == nil && w.seen:
		return nil, ready.State{}, fmt.Errorf("%s: has disappeared while it was waited for", ref)
	case live == nil:
		return nil, ready.State{Phase: ready.Waiting, Reason: "it is not there yet"}, nil
	}
	if !w.seen {
		w.seen, w.since = true, w.opts.Now()
	}
	if w.expects == nil {
		expects, err := w.observer.ExpectsStatus(ctx, live.Ref())
		if err != nil {
			return live, ready.State{}, err
		}
		w.expects = &expects
	}
	state, err := w.opts.Wait.Rules.Assess(ready.Observation{Object: live, ExpectsStatus: *w.expects, Hook: w.hook, Now: w.opts.Now(), Since: w.since, New: w.fresh})
	return live, state, err
}

// symptomsTimeout bounds the search for reasons when the wait itself is over.
const symptomsTimeout = 10 * time.Second

func (w *watcher) symptoms(ctx context.Context, live object.Object) []string {
	if live == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), symptomsTimeout)
	defer cancel()
	return append(conditions(live), w.observer.Symptoms(ctx, live)...)
}

// conditions words an object's conditions.
func conditions(o object.Object) []string {
	list, _ := o.Map("status")["conditions"].([]any)
	var out []string
	for _, e := range list {
		m, _ := e.(map[string]any)
		c := object.Object(m)
		text := fmt.Sprintf("condition %s is %s", c.Text("type"), c.Text("status"))
		if reason := c.Text("reason"); reason != "" {
			text += " (" + reason + ")"
		}
		if message := c.Text("message"); message != "" {
			text += ": " + message
		}
		out = append(out, text)
	}
	return out
}
