package project

import (
	"maps"
	"slices"

	"github.com/weighlock/weighlock/engine/internal/mask"
	"github.com/weighlock/weighlock/engine/object"
)

// A Layer is one step by which variables come to be: what one source gave. The layers of an item, merged in order, are its
// variables; [Deployment.Explain] says which of them each value is from.
type Layer struct {
	// Origin names the source: a file, a store and what is asked of it, the flag of an argument.
	Origin string
	// At is the entry that names the source, such as "deployment.yaml:3: vars[0]"; "" where Origin is the place itself.
	At string
	// Via are the entries by which that deployment file was included, the root's first.
	Via []string
	// Sensitive values are shown to nobody.
	Sensitive bool
	// Under layers only fill gaps (noOverride).
	Under bool
	// Values are what the source gave. They are shared: do not change them.
	Values map[string]any
}

// A Leaf is one value of the effective variables and where it is from.
type Leaf struct {
	Path object.Path
	// Value is a plain value, a list or an empty map, without secret values.
	Value any
	From  *Layer
	// Sensitive says that Value is not all there is.
	Sensitive bool
	// Over are the layers whose value at this path is not in effect, the latest first.
	Over []*Layer
}

// Explain merges layers of d and says of each value where it is from, in the order of their paths.
func (d *Deployment) Explain(layers []*Layer) []Leaf {
	leaves := effective(layers)
	for i := range leaves {
		// What was made of sensitive values by templates is from a source that is not.
		leaves[i].Value, leaves[i].Sensitive = mask.Value(leaves[i].Value, d.Secrets.Words)
		leaves[i].Sensitive = leaves[i].Sensitive || leaves[i].From.Sensitive
		for at, step := range leaves[i].Path {
			// Templates make keys of sensitive values, too.
			if name := d.Secrets.Words(step.Field); name != step.Field {
				leaves[i].Path[at].Field = name
			}
		}
	}
	return leaves
}

func effective(layers []*Layer) []Leaf {
	root := &explained{}
	for _, l := range layers {
		root.merge(l.Values, l)
	}
	var out []Leaf
	root.collect(nil, &out)
	return out
}

// explained is a value of the effective variables on its way.
type explained struct {
	from     *Layer
	value    any                   // of a leaf
	children map[string]*explained // of a map
	over     []*Layer
}

// merge merges a value of a layer, as merge and mergeUnder do with the variables themselves.
func (e *explained) merge(v any, l *Layer) {
	m, isMap := v.(map[string]any)
	switch {
	case isMap && e.children != nil:
		for k, child := range m {
			if e.children[k] == nil {
				e.children[k] = &explained{}
			}
			e.children[k].merge(child, l)
		}
		return
	case l.Under && e.from != nil:
		e.over = slices.Insert(e.over, 0, l)
		return
	case e.from != nil:
		e.over = slices.Insert(e.over, 0, e.from)
	}
	e.from, e.value, e.children = l, nil, nil
	if !isMap {
		e.value = v
		return
	}
	e.children = map[string]*explained{}
	for k, child := range m {
		e.children[k] = &explained{}
		e.children[k].merge(child, l)
	}
}

func (e *explained) collect(path object.Path, out *[]Leaf) {
	if len(e.children) > 0 {
		for _, k := range slices.Sorted(maps.Keys(e.children)) {
			e.children[k].collect(path.Field(k), out)
		}
		return
	}
	if e.from == nil {
		return
	}
	leaf := Leaf{Path: path, From: e.from, Over: e.over}
	switch {
	case e.from.Sensitive:
	case e.children != nil:
		leaf.Value = map[string]any{}
	default:
		leaf.Value = object.CloneValue(e.value)
	}
	*out = append(*out, leaf)
}
