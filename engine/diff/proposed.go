package diff

import (
	"fmt"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/engine/internal/mask"
	"github.com/weighlock/weighlock/engine/object"
)

// What is shown of a change that is proposed must not rest on what the change says of itself: its templates can take secrets
// apart and say by what they render, or leave out, what they found, and its variables can call a secret none. Which fields
// depend on secrets is known by rendering with others in their place. Where that has no answer, only what the base has as it
// is can be shown. All of this is for readers; the digest has been taken.

// doubt hides, with what the base is known to hide, what nobody but the change itself vouches for.
func (d *differ) doubt(set *ChangeSet) {
	if d.opts.Base != nil {
		d.mask.secrets.Merge(d.opts.Base.Secrets)
	}
	for c := range set.All() {
		c.hidden = append(c.hidden, d.before[c.Ref.ID()].hidden...)
	}
	if !d.opts.Proposed {
		return
	}
	declared := d.newlyDeclared()
	if declared != nil {
		d.mask.secrets.Merge(d.manifests.Declared.Values)
	}
	var opaque, plain int
	for c := range set.All() {
		if declared != nil && !c.opaque {
			was := len(c.hidden)
			for _, p := range c.declared {
				switch {
				case len(p) == 0:
					c.hidden = append(c.hidden, d.unvouched(c)...)
				case !slices.ContainsFunc(c.hidden, p.HasPrefix):
					c.hidden = append(c.hidden, p)
				}
			}
			if len(c.hidden) > was {
				plain++
			}
		}
		if c.opaque {
			more := d.unvouched(c)
			c.hidden = append(c.hidden, more...)
			if len(more) > 0 {
				opaque++
			}
		}
		d.rename(c)
		c.derive()
	}
	if opaque > 0 {
		set.Warnings = append(set.Warnings, fmt.Sprintf("secret values decide what is rendered of %s, so all that the change makes of %s is hidden: "+
			"set `sensitive: false`, on the base branch, for sources of variables that hold no secrets", objects(opaque), them(opaque)))
	}
	if plain > 0 {
		set.Warnings = append(set.Warnings, fmt.Sprintf("only this change says, by `sensitive: false`, that %s no secrets; what depends on %s is hidden in %s until the base branch says so",
			strings.Join(declared, ", ")+give(len(declared)), them(len(declared)), objects(plain)))
	}
}

func objects(n int) string {
	if n == 1 {
		return "one object"
	}
	return fmt.Sprintf("%d objects", n)
}

func them(n int) string {
	if n == 1 {
		return "it"
	}
	return "them"
}

func give(n int) string {
	if n == 1 {
		return " gives"
	}
	return " give"
}

// newlyDeclared are the sources of which the change says that they hold no secrets and the base does not.
func (d *differ) newlyDeclared() []string {
	var out []string
	for _, s := range d.manifests.Declared.Sources {
		if d.opts.Base == nil || !slices.Contains(d.opts.Base.Declared.Sources, s) {
			out = append(out, s)
		}
	}
	return out
}

// unvouched are the fields of an object that the base does not have as they are: all but what the object is, where the base
// does not have it.
func (d *differ) unvouched(c *Change) []object.Path {
	if c.desired == nil {
		return nil
	}
	var out []object.Path
	if was, ok := d.before[c.Ref.ID()]; ok {
		base, _ := prepare(was.object)
		for _, f := range compare(nil, map[string]any(base), map[string]any(c.desired)) {
			out = append(out, f.Path)
		}
		return out
	}
	for key, v := range c.desired {
		switch key {
		case "apiVersion", "kind":
		case "metadata":
			meta, _ := v.(map[string]any)
			for key := range meta {
				if key != "namespace" {
					out = append(out, object.Path{}.Field("metadata").Field(key))
				}
			}
		default:
			out = append(out, object.Path{}.Field(key))
		}
	}
	slices.SortFunc(out, func(a, b object.Path) int { return strings.Compare(a.String(), b.String()) })
	return out
}

// rename takes secret values out of the name of an object that the base does not have.
func (d *differ) rename(c *Change) {
	if _, ok := d.before[c.Ref.ID()]; ok || c.orphan {
		return
	}
	if c.opaque {
		c.Ref.Name = Hidden
		return
	}
	c.Ref.Name, c.Ref.Namespace = d.mask.text(c.Ref.Name), d.mask.text(c.Ref.Namespace)
}

// derive notes what is rendered in hidden fields.
func (c *Change) derive() {
	if len(c.hidden) == 0 {
		return
	}
	c.derived = &mask.Set{}
	for _, p := range c.hidden {
		if v, ok := p.Lookup(map[string]any(c.desired)); ok {
			c.derived.AddAll(v)
		}
	}
}
