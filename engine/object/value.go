package object

import (
	"reflect"
	"slices"
)

// Equal compares decoded values; 1 and 1.0 are the same number in JSON.
func Equal(a, b any) bool {
	switch a := a.(type) {
	case int64:
		if f, ok := b.(float64); ok {
			return float64(a) == f
		}
	case float64:
		if i, ok := b.(int64); ok {
			return a == float64(i)
		}
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k, v := range a {
			if w, ok := b[k]; !ok || !Equal(v, w) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, Equal)
	}
	return reflect.DeepEqual(a, b)
}

// mergeKeys are the fields that name the elements of Kubernetes' keyed lists, the likelier first.
var mergeKeys = []string{"name", "key", "mountPath", "devicePath", "containerPort", "port", "ip", "topologyKey", "uid", "type"}

// MergeKey returns the field that names the elements of all the given lists: the first merge key that each element has,
// each with a value of its own in its list. It is "" where there is none. (The API server's own merge keys are not
// enough for people: many of its lists are replaced as a whole although each element has a name.)
func MergeKey(lists ...[]any) string {
	for _, key := range mergeKeys {
		if keyed(key, lists) {
			return key
		}
	}
	return ""
}

func keyed(key string, lists [][]any) bool {
	some := false
	for _, list := range lists {
		seen := make(map[any]bool, len(list))
		for _, e := range list {
			m, ok := e.(map[string]any)
			if !ok {
				return false
			}
			v, ok := m[key]
			if !ok || !scalar(v) || seen[v] {
				return false
			}
			seen[v], some = true, true
		}
	}
	return some
}

func scalar(v any) bool {
	switch v.(type) {
	case string, int64, float64, bool:
		return true
	}
	return false
}
