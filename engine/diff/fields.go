package diff

import (
	"maps"
	"reflect"
	"slices"

	"github.com/weighlock/weighlock/engine/object"
)

// mergeKeys are the fields that name the elements of Kubernetes' keyed lists, the likelier first. A list counts as keyed
// by the first of them that every element of both sides has, each with a value of its own.
var mergeKeys = []string{"name", "key", "mountPath", "devicePath", "containerPort", "port", "ip", "topologyKey", "uid", "type"}

// compare returns the differences between two decoded values, in the order of their paths.
func compare(path object.Path, old, new any) []FieldChange {
	switch o := old.(type) {
	case map[string]any:
		if n, ok := new.(map[string]any); ok {
			return compareMaps(path, o, n)
		}
	case []any:
		if n, ok := new.([]any); ok {
			return compareLists(path, o, n)
		}
	}
	if equal(old, new) {
		return nil
	}
	return []FieldChange{{Op: Modify, Path: path, Old: old, New: new}}
}

func compareMaps(path object.Path, old, new map[string]any) []FieldChange {
	keys := slices.Collect(maps.Keys(old))
	for k := range new {
		if _, ok := old[k]; !ok {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	var out []FieldChange
	for _, k := range keys {
		o, inOld := old[k]
		n, inNew := new[k]
		out = append(out, presence(path.Field(k), o, inOld, n, inNew)...)
	}
	return out
}

// presence compares two values of which either may be absent. An empty map or list and its absence mean the same to the
// API server, and are no difference.
func presence(path object.Path, old any, inOld bool, new any, inNew bool) []FieldChange {
	switch {
	case inOld && inNew:
		return compare(path, old, new)
	case inOld && !empty(old):
		return []FieldChange{{Op: Remove, Path: path, Old: old}}
	case inNew && !empty(new):
		return []FieldChange{{Op: Insert, Path: path, New: new}}
	}
	return nil
}

func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}

func compareLists(path object.Path, old, new []any) []FieldChange {
	if key := listKey(old, new); key != "" {
		return compareKeyed(path, key, old, new)
	}
	var out []FieldChange
	for i := range max(len(old), len(new)) {
		at := path.Index(i)
		switch {
		case i >= len(new):
			out = append(out, FieldChange{Op: Remove, Path: at, Old: old[i]})
		case i >= len(old):
			out = append(out, FieldChange{Op: Insert, Path: at, New: new[i]})
		default:
			out = append(out, compare(at, old[i], new[i])...)
		}
	}
	return out
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

// listKey returns the merge key of two lists, or "" when they are not keyed alike.
func listKey(lists ...[]any) string {
	for _, key := range mergeKeys {
		if keyed(key, lists) {
			return key
		}
	}
	return ""
}

func keyed(key string, lists [][]any) bool {
	any1 := false
	for _, list := range lists {
		seen := make(map[any]bool, len(list))
		for _, e := range list {
			m, ok := e.(map[string]any)
			if !ok {
				return false
			}
			v, ok := m[key]
			if !ok || seen[v] || !scalar(v) {
				return false
			}
			seen[v], any1 = true, true
		}
	}
	return any1
}

func scalar(v any) bool {
	switch v.(type) {
	case string, int64, float64, bool:
		return true
	}
	return false
}

// equal compares decoded values; 1 and 1.0 are the same number in JSON.
func equal(a, b any) bool {
	if fa, ok := number(a); ok {
		if fb, ok := number(b); ok {
			return fa == fb
		}
	}
	return reflect.DeepEqual(a, b)
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}
