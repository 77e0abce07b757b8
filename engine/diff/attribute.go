package diff

import (
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/render"
)

// attribute tells what the change under review causes from what is there already, given the objects as the base renders
// them. Without these nothing is told.
func attribute(set *ChangeSet, base *render.Manifests) {
	if base == nil {
		return
	}
	before := map[object.ID]object.Object{}
	for o := range base.All() {
		before[o.Object.Ref().ID()] = wire(o.Object)
	}
	for c := range set.All() {
		was := before[c.Ref.ID()]
		switch c.Op {
		case Create:
			c.Cause = ThisChange
			if was != nil {
				c.Cause = Drift // it should be there
			}
		case Delete, Skip:
			c.Cause = Drift
			if was != nil {
				c.Cause = ThisChange
			}
		case Update, Replace, Run:
			for i := range c.Fields {
				if c.Fields[i].Cause == "" || c.Fields[i].Cause == TakenOver && was == nil {
					c.Fields[i].Cause = causeOf(&c.Fields[i], was, c.desired)
				}
			}
		}
	}
}

// causeOf compares what the base and the change apply at the place of a field.
func causeOf(f *FieldChange, before, after object.Object) Cause {
	if before == nil {
		return ThisChange
	}
	path := settledPath(f.Path)
	was, wasSet := path.Lookup(map[string]any(before))
	is, isSet := path.Lookup(map[string]any(after))
	switch {
	case wasSet == isSet && object.Equal(was, is):
		return Drift
	case f.Owner != "" && f.Owner != forerunner:
		return ChangeAndDrift // somebody else set the live value
	case len(path) < len(f.Path):
		return ThisChange // elements without names: which of them was where says nothing
	case wasSet && f.Op == Insert, !wasSet && f.Op == Remove:
		return ChangeAndDrift // the base was never applied, or has been taken back
	case wasSet && f.Op == Modify && !sameValue(was, f.Old):
		return ChangeAndDrift
	}
	return ThisChange
}

// settledPath is the part of a path that leads to the same place in each version of an object: a list whose elements
// have no name counts as a whole.
func settledPath(p object.Path) object.Path {
	for i, s := range p {
		if s.List && s.Key == "" {
			return p[:i]
		}
	}
	return p
}

// sameValue compares a value as rendered with one as the server gives it, which completes maps and lists.
func sameValue(rendered, live any) bool {
	if composite(rendered) || composite(live) || object.Equal(rendered, live) {
		return true
	}
	return sameQuantity(rendered, live)
}
