package managed

import (
	"maps"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/engine/object"
)

// Extract returns what of v is in owned: what its manager would apply to change nothing. Elements of lists come with the
// fields of their keys and in the order of v. v is not changed.
func Extract(v any, owned Tree) any {
	if owned.leaf() {
		return object.CloneValue(v)
	}
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for key := range owned {
			sub, ok := owned.Child(key)
			if child, _, found := step(v, key); ok && found && key != self {
				out[strings.TrimPrefix(key, "f:")] = Extract(child, sub)
			}
		}
		return out
	case []any:
		found := map[int]any{}
		for key := range owned {
			sub, ok := owned.Child(key)
			child, i, there := step(v, key)
			if !ok || !there || key == self {
				continue
			}
			found[i] = Extract(child, sub)
			if m, isMap := found[i].(map[string]any); isMap {
				kind, rest, _ := strings.Cut(key, ":")
				if kind == "k" {
					maps.Copy(m, keyFields(rest))
				}
			}
		}
		out := make([]any, 0, len(found))
		for _, i := range slices.Sorted(maps.Keys(found)) {
			out = append(out, found[i])
		}
		return out
	}
	return v
}

// Names returns the path by which the set has the field at a path of v; nil if it does not have it by itself.
func (t Tree) Names(v any, at object.Path) Path {
	for p := range t.Members() {
		if found, _, ok := p.In(v); ok && found.Equal(at) {
			return p
		}
	}
	return nil
}
