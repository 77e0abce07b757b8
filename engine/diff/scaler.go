package diff

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/weighlock/weighlock/engine/internal/managed"
	"github.com/weighlock/weighlock/engine/object"
)

// scalers are the HorizontalPodAutoscalers of the change set and of the cluster, by what they scale. They are looked up
// when the first number of replicas would change.
type scalers struct {
	once sync.Once
	of   map[object.ID]object.Ref
}

const scalerGroup, scalerKind = "autoscaling", "HorizontalPodAutoscaler"

func (d *differ) scaler(ctx context.Context, ref object.Ref) (object.Ref, bool) {
	d.scalers.once.Do(func() {
		d.scalers.of = map[object.ID]object.Ref{}
		for m := range d.manifests.All() {
			d.scalers.add(m.Object)
		}
		kind, ok := d.live.kinds[groupKind{scalerGroup, scalerKind}]
		if !ok {
			return
		}
		found, failed := d.list(ctx, []Query{{Kind: kind, Whole: true}})
		if len(failed) > 0 {
			narrow, _ := narrowed(failed, []string{ref.Namespace})
			found, _ = d.list(ctx, narrow) // who may not see autoscalers is shown the number that git has
		}
		for _, o := range found {
			d.scalers.add(o)
		}
	})
	scaler, ok := d.scalers.of[ref.ID()]
	return scaler, ok
}

func (s *scalers) add(o object.Object) {
	ref := o.Ref()
	if ref.Group != scalerGroup || ref.Kind != scalerKind {
		return
	}
	target := object.Object{"apiVersion": o.Text("spec", "scaleTargetRef", "apiVersion")}.Ref()
	s.of[object.ID{Group: target.Group, Kind: o.Text("spec", "scaleTargetRef", "kind"), Namespace: ref.Namespace, Name: o.Text("spec", "scaleTargetRef", "name")}] = ref
}

var replicas = object.Path{{Field: "spec"}, {Field: "replicas"}}

// withoutScaled returns conflicts without that about a number of replicas that an autoscaler has set and keeps.
func (d *differ) withoutScaled(ctx context.Context, c *Change, live object.Object, conflicts []Conflict) []Conflict {
	return slices.DeleteFunc(conflicts, func(f Conflict) bool {
		if !f.Path.Equal(replicas) || f.Resolution == Overwritten {
			return false
		}
		scaler, ok := d.scaler(ctx, c.Ref)
		if ok {
			c.noteScaled(live, scaler)
		}
		return ok
	})
}

func (c *Change) noteScaled(live object.Object, scaler object.Ref) {
	now, _ := replicas.Lookup(map[string]any(live))
	c.Notes = append(c.Notes, fmt.Sprintf("spec.replicas stays at %v: %s sets it", now, scaler))
}

// leaveToScaler keeps an object's number of replicas where an autoscaler sets it, and returns the answer without that
// change; nil when there is none. Where the number is still ours, the live one is applied: to apply none would reset it
// before the autoscaler has taken it over.
func (d *differ) leaveToScaler(ctx context.Context, c *Change, live object.Object) *attempt {
	if !slices.ContainsFunc(c.Fields, func(f FieldChange) bool { return f.Path.Equal(replicas) }) {
		return nil
	}
	scaler, ok := d.scaler(ctx, c.Ref)
	now, isSet := replicas.Lookup(map[string]any(live))
	if !ok || !isSet {
		return nil
	}
	desired := c.desired.Clone()
	spec := desired.Map("spec")
	if name, _ := owner(managed.Entries(live), live, replicas); name != "" && name != forerunner && !peoplesTools.MatchString(name) {
		delete(spec, "replicas")
	} else {
		spec["replicas"] = now
	}
	c.desired = desired
	c.Conflicts = slices.DeleteFunc(c.Conflicts, func(f Conflict) bool { return f.Path.Equal(replicas) })
	c.noteScaled(live, scaler)
	return d.takeOver(ctx, c, live, d.apply(ctx, desired, c.force))
}
