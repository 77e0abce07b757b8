package project

import (
	"strings"

	"github.com/weighlock/weighlock/engine/object"
)

// Vars are the variables that templates see, as decoded YAML.
type Vars map[string]any

// Clone returns a deep copy: what one item sets is invisible to its neighbours (project format §2.3).
func (v Vars) Clone() Vars { return Vars(object.CloneValue(map[string]any(v)).(map[string]any)) }

// With returns a copy of v with other merged over it.
func (v Vars) With(other Vars) Vars {
	out := v.Clone()
	merge(out, other)
	return out
}

// merge merges src over dst: maps key by key, everything else, lists and null too, replaced whole (project format §0.2).
// dst is changed; src is not.
func merge(dst, src map[string]any) {
	for k, v := range src {
		if sm, ok := v.(map[string]any); ok {
			if dm, ok := dst[k].(map[string]any); ok {
				merge(dm, sm)
				continue
			}
		}
		dst[k] = object.CloneValue(v)
	}
}

// mergeUnder merges src under dst: what dst has wins (noOverride).
func mergeUnder(dst, src map[string]any) {
	over := object.CloneValue(src).(map[string]any)
	merge(over, dst)
	for k, v := range over {
		dst[k] = v
	}
}

// lookup finds a dotted name in nested maps.
func lookup(m map[string]any, dotted string) (any, bool) {
	return object.Object(m).Get(strings.Split(dotted, ".")...)
}

// setDotted sets a dotted name in nested maps.
func setDotted(m map[string]any, dotted string, value any) {
	parts := strings.Split(dotted, ".")
	for _, p := range parts[:len(parts)-1] {
		next, ok := m[p].(map[string]any)
		if !ok {
			next = map[string]any{}
			m[p] = next
		}
		m = next
	}
	m[parts[len(parts)-1]] = value
}
