package mask

import "github.com/weighlock/weighlock/engine/object"

// Value returns a decoded value with mask, such as [Set.Text], applied to all texts and keys, and to numbers that it would change, and whether any changed. v
// is not changed. Most values have nothing to hide: they are not copied.
func Value(v any, mask func(string) string) (any, bool) {
	if !changes(v, mask) {
		return v, false
	}
	return copied(v, mask), true
}

// changes says whether mask would change anything of v.
func changes(v any, mask func(string) string) bool {
	switch v := v.(type) {
	case nil, bool:
		return false
	case string:
		return mask(v) != v
	case map[string]any:
		for key, e := range v {
			if mask(key) != key || changes(e, mask) {
				return true
			}
		}
		return false
	case []any:
		for _, e := range v {
			if changes(e, mask) {
				return true
			}
		}
		return false
	}
	text := object.ScalarText(v)
	return mask(text) != text
}

// copied is a copy of v, masked.
func copied(v any, mask func(string) string) any {
	switch v := v.(type) {
	case nil, bool:
		return v
	case string:
		return mask(v)
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, e := range v {
			out[mask(key)] = copied(e, mask)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = copied(e, mask)
		}
		return out
	}
	if text := object.ScalarText(v); mask(text) != text {
		return mask(text)
	}
	return v
}
