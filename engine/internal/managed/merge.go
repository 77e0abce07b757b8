package managed

import (
	"maps"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/engine/object"
)

// Remove returns v without the field at a path. What is not there is no matter; v is changed.
func Remove(v any, p Path) any {
	child, i, ok := step(v, p[0])
	if !ok {
		return v
	}
	if len(p) == 1 {
		return without(v, p[0], i)
	}
	set(v, p[0], i, Remove(child, p[1:]))
	return v
}

func set(v any, key string, index int, child any) {
	switch v := v.(type) {
	case map[string]any:
		v[strings.TrimPrefix(key, "f:")] = child
	case []any:
		v[index] = child
	}
}

// Prune returns v without the fields of owned that desired does not have and that none of others has: what an apply of
// desired removes when its manager owns owned. v is not changed.
func Prune(v any, owned Tree, desired any, others ...Tree) any {
	out, _ := prune(object.CloneValue(v), owned, desired, others)
	return out
}

// prune returns what is left of v; empty says that nothing is, where something was.
func prune(v any, owned Tree, desired any, others []Tree) (left any, emptied bool) {
	// From the back, so that removing an element does not move those still to be looked at.
	keys := slices.SortedFunc(maps.Keys(owned), func(a, b string) int {
		_, i, _ := step(v, a)
		_, j, _ := step(v, b)
		if i != j {
			return j - i
		}
		return strings.Compare(a, b)
	})
	for _, key := range keys {
		sub, ok := owned.Child(key)
		child, i, found := step(v, key)
		if key == self || !ok || !found {
			continue
		}
		want, _, wanted := step(desired, key)
		theirs := children(others, key)
		_, whole := sub[self]
		if sub.leaf() || whole {
			if !wanted && len(theirs) == 0 {
				v, emptied = without(v, key, i), true
				continue
			}
		}
		if sub.leaf() {
			continue
		}
		next, gone := prune(child, sub, want, theirs)
		if gone && empty(next) && !wanted && len(theirs) == 0 {
			v, emptied = without(v, key, i), true
			continue
		}
		set(v, key, i, next)
		emptied = emptied || gone
	}
	return v, emptied
}

func children(trees []Tree, key string) []Tree {
	var out []Tree
	for _, t := range trees {
		if c, ok := t.Child(key); ok {
			out = append(out, c)
		}
	}
	return out
}

func without(v any, key string, index int) any {
	switch v := v.(type) {
	case map[string]any:
		delete(v, strings.TrimPrefix(key, "f:"))
		return v
	case []any:
		return slices.Delete(v, index, index+1)
	}
	return v
}

func empty(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}

// Overlay returns live with desired laid over it, as an apply merges them. Which lists are merged by which keys, and
// which maps are replaced whole, is read from how the fields of known are owned; a list that no tree knows is replaced.
func Overlay(live, desired any, known ...Tree) any {
	d, ok := desired.(map[string]any)
	if l, isList := desired.([]any); isList {
		return overlayList(live, l, known)
	}
	m, isMap := live.(map[string]any)
	if !ok || !isMap || slices.ContainsFunc(known, Tree.leaf) {
		return object.CloneValue(desired)
	}
	out := maps.Clone(m)
	for k, v := range d {
		below := children(known, "f:"+k)
		if have, ok := out[k]; ok {
			out[k] = Overlay(have, v, below...)
		} else {
			out[k] = object.CloneValue(v)
		}
	}
	return out
}

func overlayList(live any, desired []any, known []Tree) any {
	have, ok := live.([]any)
	kind, fields := listType(known)
	if !ok || kind == "" {
		return object.CloneValue(desired)
	}
	// The applied order, then what others have put in.
	var out []any
	taken := map[int]bool{}
	for _, e := range desired {
		i := slices.IndexFunc(have, func(h any) bool {
			if kind == "v" {
				return object.Equal(h, e)
			}
			return sameKeys(h, e, fields)
		})
		if i < 0 {
			out = append(out, object.CloneValue(e))
			continue
		}
		taken[i] = true
		out = append(out, Overlay(have[i], e, elementTrees(known, have[i])...))
	}
	for i, h := range have {
		if !taken[i] {
			out = append(out, h)
		}
	}
	return out
}

// listType tells how the list of the nodes is merged: "k" by the given keys, "v" as a set, "" as a whole.
func listType(known []Tree) (kind string, fields []string) {
	for _, t := range known {
		for key := range t {
			switch k, rest, _ := strings.Cut(key, ":"); k {
			case "k":
				return k, slices.Sorted(maps.Keys(keyFields(rest)))
			case "v":
				return k, nil
			}
		}
	}
	return "", nil
}

func sameKeys(a, b any, fields []string) bool {
	m, okA := a.(map[string]any)
	n, okB := b.(map[string]any)
	return okA && okB && !slices.ContainsFunc(fields, func(f string) bool { return !object.Equal(m[f], n[f]) })
}

func elementTrees(known []Tree, e any) []Tree {
	var out []Tree
	for _, t := range known {
		for key := range t {
			if kind, rest, _ := strings.Cut(key, ":"); kind == "k" && hasFields(e, keyFields(rest)) {
				if c, ok := t.Child(key); ok {
					out = append(out, c)
				}
			}
		}
	}
	return out
}
