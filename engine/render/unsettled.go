package render

import (
	"slices"

	"github.com/weighlock/weighlock/engine/object"
)

// An Unsettled is a field whose rendered value is not what the author wants to see applied again and again: where the
// object exists and has the field, its live value stays. The comparison does so before it asks the server, and the
// deployment sends the same.
type Unsettled struct {
	Path  object.Path
	Cause Cause
	// Why is for people: one clause, such as "charts/ca renders another value each time".
	Why string
	// Again is, for a volatile text, what a second render gave: what the two have in common is the author's and is
	// applied, and only the rest stays as it is live.
	Again string
}

// A Cause says what kind of value an unsettled field has.
type Cause string

// Volatile values differ each time they are rendered: certificates, random passwords, the time. The rendered value is
// good for an object that does not exist yet, and enters the digest only as being generated.
const Volatile Cause = "volatile"

// Renamed values are names that each render makes anew, and references to them. They are applied as rendered: the object
// of the name before is another object, which is no more part of the deployment. They do not enter the digest.
const Renamed Cause = "renamed"

// volatilePaths are the paths at which two renders of the same object differ. A list or map whose shape differs is
// unsettled as a whole.
func volatilePaths(path object.Path, a, b any) []object.Path {
	switch a := a.(type) {
	case map[string]any:
		if b, ok := b.(map[string]any); ok && sameKeys(a, b) {
			var out []object.Path
			for key, v := range a {
				out = append(out, volatilePaths(path.Field(key), v, b[key])...)
			}
			return out
		}
	case []any:
		if b, ok := b.([]any); ok && len(a) == len(b) {
			var out []object.Path
			named := namesEach(a) && namesEach(b)
			for i, v := range a {
				at := path.Index(i)
				if named {
					name := nameOf(v)
					if nameOf(b[i]) != name {
						return []object.Path{path}
					}
					at = path.Element("name", name, i)
				}
				out = append(out, volatilePaths(at, v, b[i])...)
			}
			return out
		}
	default:
		if a == b && !isTree(b) {
			return nil
		}
	}
	return []object.Path{path}
}

func isTree(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return true
	}
	return false
}

func sameKeys(a, b map[string]any) bool {
	if len(a) != len(b) {
		return false
	}
	for key := range a {
		if _, ok := b[key]; !ok {
			return false
		}
	}
	return true
}

// namesEach says whether each element of a list has a name of its own.
func namesEach(list []any) bool {
	var names []string
	for _, e := range list {
		name := nameOf(e)
		if name == "" || slices.Contains(names, name) {
			return false
		}
		names = append(names, name)
	}
	return len(names) > 0
}

func nameOf(v any) string {
	m, _ := v.(map[string]any)
	s, _ := m["name"].(string)
	return s
}
