package mask

import "github.com/weighlock/weighlock/engine/object"

// Value returns a decoded value with mask, such as [Set.Text], applied to all texts and keys, and to numbers that it would change, and whether any changed. v
// is not changed.
func Value(v any, mask func(string) string) (any, bool) {
	switch v := v.(type) {
	case nil, bool:
		return v, false
	case string:
		text := mask(v)
		return text, text != v
	case map[string]any:
		out, changed := make(map[string]any, len(v)), false
		for key, e := range v {
			name := mask(key)
			var differs bool
			out[name], differs = Value(e, mask)
			changed = changed || differs || name != key
		}
		if changed {
			return out, true
		}
		return v, false
	case []any:
		out, changed := make([]any, len(v)), false
		for i, e := range v {
			var differs bool
			out[i], differs = Value(e, mask)
			changed = changed || differs
		}
		if changed {
			return out, true
		}
		return v, false
	}
	if text := object.ScalarText(v); mask(text) != text {
		return mask(text), true
	}
	return v, false
}
