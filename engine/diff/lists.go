package diff

import (
	"encoding/json"
	"slices"

	"github.com/weighlock/weighlock/engine/object"
)

func compareLists(path object.Path, old, new []any) []FieldChange {
	if key := object.MergeKey(old, new); key != "" {
		return compareKeyed(path, key, old, new)
	}
	return compareByValue(path, old, new)
}

func compareKeyed(path object.Path, key string, old, new []any) []FieldChange {
	index := make(map[any]int, len(old))
	for i, e := range old {
		index[e.(map[string]any)[key]] = i
	}
	var out []FieldChange
	var kept []int // positions in old of the elements that stay, in their new order
	for i, e := range new {
		v := e.(map[string]any)[key]
		at := path.Element(key, object.ScalarText(v), i)
		if j, ok := index[v]; ok {
			delete(index, v)
			kept = append(kept, j)
			out = append(out, compare(at, old[j], e)...)
		} else {
			out = append(out, FieldChange{Op: Insert, Path: at, New: e})
		}
	}
	for i, e := range old {
		v := e.(map[string]any)[key]
		if _, gone := index[v]; gone {
			out = append(out, FieldChange{Op: Remove, Path: path.Element(key, object.ScalarText(v), i), Old: e})
		}
	}
	if !slices.IsSorted(kept) {
		out = append(out, FieldChange{Op: Reorder, Path: path, Old: keysOf(key, old), New: keysOf(key, new)})
	}
	return out
}

func keysOf(key string, list []any) []any {
	out := make([]any, len(list))
	for i, e := range list {
		out[i] = e.(map[string]any)[key]
	}
	return out
}

// compareByValue compares lists whose elements have no name. Equal elements are the same wherever they stand; of the
// others, as many as came and went are paired in their order.
func compareByValue(path object.Path, old, new []any) []FieldChange {
	kept, gone, come := match(old, new)
	var out []FieldChange
	paired := len(gone) == len(come)
	for n, j := range come {
		at := path.Index(j)
		switch i := n; {
		case paired && composite(old[gone[i]]) && composite(new[j]):
			out = append(out, compare(at, old[gone[i]], new[j])...)
		case paired && gone[i] == j:
			out = append(out, FieldChange{Op: Modify, Path: at, Old: old[j], New: new[j]})
		default:
			out = append(out, FieldChange{Op: Insert, Path: at, New: new[j]})
			if paired {
				out = append(out, FieldChange{Op: Remove, Path: path.Index(gone[i]), Old: old[gone[i]]})
			}
		}
	}
	if !paired {
		for _, i := range gone {
			out = append(out, FieldChange{Op: Remove, Path: path.Index(i), Old: old[i]})
		}
	}
	if !slices.IsSorted(kept) {
		out = append(out, FieldChange{Op: Reorder, Path: path, Old: slices.Clone(old), New: slices.Clone(new)})
	}
	return out
}

// match pairs equal elements. kept are the positions in old of those in both, in their order in new; gone and come are
// the positions of the others.
func match(old, new []any) (kept, gone, come []int) {
	where := map[string][]int{}
	for i, e := range old {
		where[identity(e)] = append(where[identity(e)], i)
	}
	for j, e := range new {
		id := identity(e)
		if at := where[id]; len(at) > 0 {
			kept = append(kept, at[0])
			where[id] = at[1:]
		} else {
			come = append(come, j)
		}
	}
	for _, at := range where {
		gone = append(gone, at...)
	}
	slices.Sort(gone)
	return kept, gone, come
}

func composite(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return true
	}
	return false
}

func identity(v any) string {
	if f, ok := v.(float64); ok && f == float64(int64(f)) {
		v = int64(f)
	}
	data, _ := json.Marshal(v) // maps with sorted keys; decoded JSON always encodes
	return string(data)
}
