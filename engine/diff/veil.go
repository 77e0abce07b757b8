package diff

import (
	"fmt"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/project"
)

// Ignore rules are for drift, and it is the base branch that says what is drift: a rule that comes with the change under
// review would let it hide itself. So rules hide what both the change's and the base's hide, and new ones are told of.
// The digest cannot go by the base, which a deploy does not have: it is over what the object's own rules show, and
// over what they hide as it is rendered, but where templates ask what time it is.

// A baseObject is an object as the base renders it.
type baseObject struct {
	object object.Object
	rules  []project.IgnoreRule
	hidden []object.Path
}

// veil finds out, before anything is known of the cluster, what ignore rules hide of the objects, and of what the base has.
func (d *differ) veil(set *ChangeSet) {
	if d.opts.Base != nil {
		d.before = map[object.ID]baseObject{}
		for _, s := range d.opts.Base.Stages {
			for _, i := range s.Items {
				for _, o := range i.Objects {
					d.before[o.Object.Ref().ID()] = baseObject{o.Object, i.Rules.Ignore, hiddenPaths(o)}
				}
			}
		}
	}
	for c := range set.All() {
		ignore, err := newIgnorer(c.desired, c.rules.Ignore, Ignore{})
		if err != nil || !ignore.hides() { // a rule that cannot be read fails the object
			continue
		}
		whole := fieldwise(comparable(c.desired))
		shown := map[string]any{}
		if !ignore.whole {
			shown = object.Object(whole).Clone()
			ignore.strip(shown)
		}
		if !d.manifests.Timed {
			c.veiled = compare(nil, shown, whole)
		}
		if d.before != nil {
			c.unseen = unseen(ignore, d.ignorerOfBase(c), c.desired)
		}
	}
}

// ignorerOfBase has the rules that the base has for an object; none where the base does not have the object.
func (d *differ) ignorerOfBase(c *Change) ignorer {
	was, ok := d.before[c.Ref.ID()]
	if !ok {
		return ignorer{}
	}
	base, err := newIgnorer(was.object, was.rules, Ignore{})
	if err != nil {
		return ignorer{}
	}
	return base
}

// hide compares the live object with what is to become of it, without what ignore rules hide.
func (d *differ) hide(c *Change, ignore ignorer) {
	c.bound = nil
	c.Fields, c.Hidden = changes(c.Live, c.Merged, ignore)
	if d.before == nil || c.Hidden == 0 || !ignore.hides() {
		return
	}
	bound := c.Fields
	c.Fields, c.Hidden = changes(c.Live, c.Merged, ignore.both(d.ignorerOfBase(c)))
	if len(c.Fields) == len(bound) {
		return
	}
	c.bound = append([]FieldChange{}, bound...)
	for i, f := range c.Fields {
		c.Fields[i].Revealed = !slices.ContainsFunc(bound, func(b FieldChange) bool { return b.Path.Equal(f.Path) })
	}
}

// unseen are the places in an object that rules hide and those of the base do not.
func unseen(ignore, base ignorer, o object.Object) []string {
	switch {
	case base.whole:
		return nil
	case ignore.whole:
		return []string{"all of it"}
	}
	left := o.Clone()
	ignore.strip(left)
	anything := false
	leaves(nil, map[string]any(left), func(p object.Path) {
		v, _ := p.Lookup(map[string]any(left))
		anything = anything || !composite(v)
	})
	if !anything {
		return []string{"all of it"}
	}
	var out []string
	for _, p := range outside(ignore.find(o), base.find(o)) {
		out = append(out, p.String())
	}
	return out
}

// unseen warns of ignore rules that come with the change under review.
func (d *differ) unseen(set *ChangeSet) {
	const most = 3
	var texts []string
	objects := 0
	for c := range set.All() {
		if len(c.unseen) == 0 {
			continue
		}
		if objects++; objects > most {
			continue
		}
		fields := slices.Clone(c.unseen[:min(most, len(c.unseen))])
		if more := len(c.unseen) - len(fields); more > 0 {
			fields = append(fields, fmt.Sprintf("%d more", more))
		}
		texts = append(texts, fmt.Sprintf("%s (%s)", c.Ref, strings.Join(fields, ", ")))
	}
	if objects > most {
		texts = append(texts, fmt.Sprintf("%d more objects", objects-most))
	}
	if len(texts) > 0 {
		set.Warnings = append(set.Warnings, "ignore rules that are new with this change hide later differences of "+strings.Join(texts, ", "))
	}
}
