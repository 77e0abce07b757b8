package diff

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/weighlock/weighlock/engine/hook"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/render"
)

// classify reads from the object's annotations what becomes of it besides being applied.
func (c *Change) classify(w project.Waiting) {
	c.removal = annotated(c.desired, "kluctl.io/delete")
	h, warnings, err := hook.Of(c.desired)
	c.addWarnings(warnings)
	if err != nil {
		c.Op, c.Err = Failed, err
		return
	}
	c.Hook = h
	c.Awaited = h == nil && !c.removal && (w.All || annotated(c.desired, "kluctl.io/wait-readiness"))
	c.Timeout = w.Timeout
	if text := c.desired.Annotation(timeoutAnnotation); text != "" {
		if c.Timeout, err = time.ParseDuration(text); err != nil || c.Timeout <= 0 {
			c.Op, c.Err = Failed, fmt.Errorf("%s: annotation %s: found %q, expected a duration such as 90s or 10m", c.Ref, timeoutAnnotation, text)
		}
	}
	if h != nil && h.Timeout > 0 {
		c.Timeout = h.Timeout
	}
}

// timeoutAnnotation bounds the wait for an object that is awaited.
const timeoutAnnotation = render.TimeoutAnnotation

// asides adds what items do besides applying their objects: deleting others, and waiting for others.
func (d *differ) asides(set *ChangeSet) {
	d.waits = -1
	for n, s := range d.manifests.Stages {
		for i, item := range s.Items {
			into := &set.Stages[n].Items[i]
			into.Changes = slices.Concat(d.deletions(item, n), into.Changes, awaited(item, n))
			if d.waits < 0 && slices.ContainsFunc(into.Changes, waitsFor) {
				d.waits = n
			}
		}
	}
}

// waitsFor says whether the deploy goes on only when the object is ready.
func waitsFor(c *Change) bool { return c.Awaited || c.Hook != nil && c.Hook.Wait }

// mayCome says whether the kind of an object that is not served yet may be by the time the deploy has come to it.
func (d *differ) mayCome(c *Change) bool { return d.waits >= 0 && d.waits < c.stage }

// awaited are the objects outside of the item that it waits for.
func awaited(item render.Item, stage int) []*Change {
	var out []*Change
	for _, w := range item.Waiting.Objects {
		ref := object.Ref{Group: w.Group, Kind: w.Kind, Namespace: w.Namespace, Name: w.Name}
		out = append(out, &Change{Ref: ref, Op: Await, Source: item.From, Awaited: true, Timeout: item.Waiting.Timeout, stage: stage, Reason: "the deploy waits until it is ready (waitReadinessObjects)"})
	}
	return out
}

// deletions are the objects that the item deletes without having a manifest of them (project format §9.3).
func (d *differ) deletions(item render.Item, stage int) []*Change {
	var out []*Change
	for _, ref := range item.Deletions {
		kinds := d.named(ref)
		if len(kinds) == 0 {
			c := &Change{Ref: object.Ref{Group: ref.Group, Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name}, Source: item.From, stage: stage}
			d.fail(c, fmt.Errorf("%s: deleteObjects: the server serves no kind %s", item.From, object.Ref{Group: ref.Group, Kind: ref.Kind}.GroupKind()))
			out = append(out, c)
		}
		for _, k := range kinds {
			c := &Change{Ref: object.Ref{Group: k.Group, Version: k.Version, Kind: k.Kind, Name: ref.Name}, Source: item.From, stage: stage, removal: true}
			switch {
			case k.Namespaced && ref.Namespace == "":
				d.fail(c, fmt.Errorf("%s: deleteObjects: %s needs a namespace: objects of its kind live in one", item.From, c.Ref))
			case k.Namespaced:
				c.Ref.Namespace = ref.Namespace
			}
			out = append(out, c)
		}
	}
	return out
}

// named are the kinds that a reference means, which may leave out the group or the kind. A group that is left out is the
// core group where that has the kind.
func (d *differ) named(ref project.ObjectRef) []Kind {
	if k, ok := d.live.kinds[groupKind{ref.Group, ref.Kind}]; ok {
		return []Kind{k}
	}
	var out []Kind
	for _, k := range d.live.kinds {
		if (ref.Group == "" || ref.Group == k.Group) && (ref.Kind == "" || ref.Kind == k.Kind) {
			out = append(out, k)
		}
	}
	slices.SortFunc(out, func(a, b Kind) int {
		return object.Compare(object.Ref{Group: a.Group, Kind: a.Kind}, object.Ref{Group: b.Group, Kind: b.Kind})
	})
	return out
}

// remove fills in c for an object that the project deletes.
func (d *differ) remove(ctx context.Context, c *Change) {
	live := d.live.objects[c.Ref.ID()]
	if live == nil {
		var err error
		live, err = d.previewer.Get(ctx, c.Ref)
		var noKind *NoKindError
		if err != nil && !errors.As(err, &noKind) {
			d.fail(c, err)
			return
		}
	}
	c.desired = nil
	if live == nil {
		c.Op, c.Reason = Unchanged, "is not there: nothing is to be deleted"
		return
	}
	d.mask.learn(live)
	c.Op, c.Live, c.uid = Delete, comparable(live), live.Text("metadata", "uid")
	c.Reason = "the project says that it is to be deleted"
	c.TakenFrom = otherOwner(live, live, d.manifests.Target.Discriminator)
	if c.TakenFrom != "" && d.opts.NoAdopt {
		d.fail(c, &AdoptError{Ref: c.Ref, Owner: c.TakenFrom, Target: fmt.Sprintf("discriminator %q", d.manifests.Target.Discriminator)})
	}
}

// ownWebhook says whether an object could not be simulated because a webhook does not answer that the change set itself
// brings: its backend may be what the deploy is about to repair.
func (d *differ) ownWebhook(err error) (name string, ok bool) {
	var down *WebhookDownError
	if !errors.As(err, &down) {
		return "", false
	}
	for o := range d.manifests.All() {
		if o.Object.Ref().Group != admissionGroup {
			continue
		}
		list, _ := o.Object["webhooks"].([]any)
		for _, e := range list {
			if m, _ := e.(map[string]any); m["name"] == down.Webhook {
				return down.Webhook, true
			}
		}
	}
	return "", false
}

// hooks fills in the hooks, once it is known what else there is of their items.
func (d *differ) hooks(ctx context.Context, set *ChangeSet) {
	var jobs []func()
	var concluding []func()
	for n := range set.Stages {
		for i := range set.Stages[n].Items {
			item := &set.Stages[n].Items[i]
			hooks, known := item.decide()
			for _, c := range hooks {
				if known && !runs(c.Hook, item.Initial) {
					idle(c, item.Initial)
					continue
				}
				jobs = append(jobs, func() { d.hook(ctx, c) })
			}
			concluding = append(concluding, func() { item.conclude(hooks, known) })
		}
	}
	d.run(jobs)
	for _, conclude := range concluding {
		conclude()
	}
}

// decide finds out from the item's objects that are no hooks whether it is new. Where it has none, its hooks decide, and
// nothing is known before these have been looked at.
func (i *Item) decide() (hooks []*Change, known bool) {
	i.Initial = true
	for _, c := range i.Changes {
		switch {
		case c.Hook != nil && c.Op == "":
			hooks = append(hooks, c)
		case c.Hook != nil || c.removal || c.Op == Await:
		default:
			known = true
			i.Initial = i.Initial && c.Live == nil
		}
	}
	return hooks, known
}

// conclude says of each hook that was looked at why it runs, or that it does not.
func (i *Item) conclude(hooks []*Change, known bool) {
	if !known {
		i.Initial = !slices.ContainsFunc(hooks, func(c *Change) bool { return c.Live != nil })
	}
	for _, c := range hooks {
		switch {
		case c.Op == Skip:
		case !runs(c.Hook, i.Initial):
			idle(c, i.Initial)
		case c.Op != Failed:
			c.Op = Run
			c.Reason = "hook: runs " + moments(c.Hook, i.Initial)
		}
	}
}

func runs(h *hook.Hook, initial bool) bool {
	return h.Runs(hook.Moment{Before: true, Initial: initial}) || h.Runs(hook.Moment{Initial: initial}) || h.Runs(hook.Moment{Failed: true})
}

// moments words when a hook runs and how that was decided.
func moments(h *hook.Hook, initial bool) string {
	if h.Runs(hook.Moment{Failed: true}) && len(h.Phases) == 1 {
		return "if something of its item fails, and only then"
	}
	when := "after"
	if h.Runs(hook.Moment{Before: true, Initial: initial}) {
		when = "before"
		if h.Runs(hook.Moment{Initial: initial}) {
			when = "before and after"
		}
	}
	if initial {
		return when + " the objects of its item, of which none is in the cluster yet"
	}
	return when + " the objects of its item, which is in the cluster already"
}

// idle makes c a hook that does not run.
func idle(c *Change, initial bool) {
	why := "hook: is for the first deploy of its item only"
	switch {
	case len(c.Hook.Phases) == 0:
		why = "hook: is for moments that a deploy does not have"
	case initial:
		why = "hook: is for later deploys of its item only"
	}
	c.Op, c.Err, c.Fields, c.Live, c.Merged, c.Reason = Skip, nil, nil, nil, nil, why
}

// hook fills in c for a hook. One that is deleted before it runs is not changed but made anew.
func (d *differ) hook(ctx context.Context, c *Change) {
	live := d.live.objects[c.Ref.ID()]
	_, elsewhere := d.created[c.Ref.Namespace]
	if live == nil && !elsewhere && d.definitions[kindOf(c.Ref)] == nil && c.Hook.Has(hook.BeforeCreation) {
		var err error
		live, err = d.previewer.Get(ctx, c.Ref)
		var noKind *NoKindError
		if err != nil && !errors.As(err, &noKind) {
			d.fail(c, err)
			return
		}
	}
	if live == nil || !c.Hook.Has(hook.BeforeCreation) {
		d.change(ctx, c)
		return
	}
	d.mask.learn(live)
	c.Live, c.uid = comparable(live), live.Text("metadata", "uid")
	if err := d.adopt(c, live); err != nil {
		d.fail(c, err)
		return
	}
	c.desired = settle(c.desired, live, c.unsettled)
	answer := d.anew(ctx, c)
	if answer.err != nil {
		d.fail(c, d.original(answer.err, c.Ref, answer.sent.Ref()))
		return
	}
	before := live.Clone()
	dropAllocated(before, c.desired)
	c.Live = comparable(before)
	d.conclusion(c, before, answer)
}

// anew asks what the object would be like if it were created, under another name, because its own is taken.
func (d *differ) anew(ctx context.Context, c *Change) *attempt {
	try := c.desired.Clone()
	try.Map("metadata")["name"] = standInName(c.Ref)
	answer := d.apply(ctx, try, false)
	var blind *NoDryRunError
	if errors.As(answer.err, &blind) {
		c.Notes = append(c.Notes, fmt.Sprintf("not simulated: webhook %s does not support dry runs", blind.Webhook))
		return &attempt{sent: try, Preview: Preview{Merged: c.desired}}
	}
	if answer.err == nil {
		answer.Merged.Map("metadata")["name"] = c.Ref.Name
		dropAllocated(answer.Merged, c.desired)
	}
	return answer
}
