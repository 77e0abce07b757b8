package diff

import (
	"maps"
	"slices"

	"github.com/weighlock/weighlock/engine/object"
)

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
	if object.Equal(old, new) {
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
		out = append(out, presence(path.Field(k), old[k], new[k])...)
	}
	return out
}

// presence compares two values of which either may be absent. Null is the same as absence; an empty map or list is not,
// but where it is known to mean nothing.
func presence(path object.Path, old, new any) []FieldChange {
	if meansNothing(path, old) {
		old = nil
	}
	if meansNothing(path, new) {
		new = nil
	}
	switch {
	case old != nil && new != nil:
		return compare(path, old, new)
	case old != nil:
		return []FieldChange{{Op: Remove, Path: path, Old: old}}
	case new != nil:
		return []FieldChange{{Op: Insert, Path: path, New: new}}
	}
	return nil
}

// emptyMeansNothing are the fields whose emptiness is their absence, however the object came by it. Of others that is not
// true: an empty namespaceSelector selects all namespaces, and none selects none.
var emptyMeansNothing = map[string]bool{
	"metadata.annotations": true, "metadata.labels": true, "metadata.finalizers": true, "metadata.ownerReferences": true,
	"data": true, "binaryData": true, "stringData": true, "rules": true, "subjects": true, "secrets": true, "imagePullSecrets": true,
	"subsets": true, "webhooks": true, "parameters": true,
}

func meansNothing(path object.Path, v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case map[string]any:
		return len(v) == 0 && emptyMeansNothing[path.String()]
	case []any:
		return len(v) == 0 && emptyMeansNothing[path.String()]
	}
	return false
}
