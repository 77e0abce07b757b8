package object

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A Path leads to a field of an object: map keys, elements of keyed lists by their merge key, other elements by index.
type Path []Step

// A Step is one element of a [Path]: exactly one of a map key (Field), a list element named by its merge key (Key and
// Value, with Index where it stood), or a list element by position (Index alone, Key empty and List true).
type Step struct {
	Field      string
	Key, Value string
	Index      int
	List       bool
}

// Field returns p with a map key added; p is not changed.
func (p Path) Field(name string) Path { return p.with(Step{Field: name}) }

// Index returns p with a list position added; p is not changed.
func (p Path) Index(i int) Path { return p.with(Step{Index: i, List: true}) }

// Element returns p with a keyed list element added, which stands at index i; p is not changed.
func (p Path) Element(key, value string, i int) Path {
	return p.with(Step{Key: key, Value: value, Index: i, List: true})
}

// In returns p with the element at index i of a list added, by its merge key if it has one; p is not changed.
func (p Path) In(list []any, i int) Path {
	if key := MergeKey(list); key != "" {
		return p.Element(key, ScalarText(list[i].(map[string]any)[key]), i)
	}
	return p.Index(i)
}

// Below says whether p leads to what q leads to, or to something in it. Elements count by position.
func (p Path) Below(q Path) bool {
	if len(p) < len(q) {
		return false
	}
	for i, s := range q {
		if p[i].List != s.List || p[i].Field != s.Field || p[i].Index != s.Index {
			return false
		}
	}
	return true
}

func (p Path) with(s Step) Path {
	out := make(Path, len(p)+1)
	copy(out, p)
	out[len(p)] = s
	return out
}

var (
	plainField = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	// Kluctl prints one-letter names in brackets; scripts that read its results depend on it (project format §0.3).
	plainJSONPathField = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]+$`)
)

// String prints the path by merge keys: spec.template.spec.containers[name=app].env[name=X].
func (p Path) String() string {
	return p.print(plainField, func(s Step) string {
		if s.Key != "" {
			return fmt.Sprintf("[%s=%s]", s.Key, s.Value)
		}
		return fmt.Sprintf("[%d]", s.Index)
	})
}

// JSONPath prints the path by index, in the form that the project format's ignore rules use (§0.3).
func (p Path) JSONPath() string {
	return p.print(plainJSONPathField, func(s Step) string { return fmt.Sprintf("[%d]", s.Index) })
}

func (p Path) print(plain *regexp.Regexp, element func(Step) string) string {
	var b strings.Builder
	for _, s := range p {
		switch {
		case s.List:
			b.WriteString(element(s))
		case plain.MatchString(s.Field):
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(s.Field)
		default:
			if b.Len() == 0 {
				b.WriteByte('$')
			}
			quote := `"`
			if strings.Contains(s.Field, quote) {
				quote = `'`
			}
			b.WriteString("[" + quote + s.Field + quote + "]")
		}
	}
	return b.String()
}

// Lookup finds the value that p leads to below v, decoded JSON. Keyed elements are found by their key, wherever they
// stand.
func (p Path) Lookup(v any) (any, bool) {
	for _, s := range p {
		var ok bool
		if v, ok = s.lookup(v); !ok {
			return nil, false
		}
	}
	return v, true
}

// Replace puts f of the value that p leads to below v in its place. Where there is none, nothing happens.
func (p Path) Replace(v any, f func(any) any) {
	if len(p) == 0 {
		return
	}
	last := p[len(p)-1]
	parent, _ := p[:len(p)-1].Lookup(v)
	switch parent := parent.(type) {
	case map[string]any:
		if have, ok := last.lookup(parent); ok {
			parent[last.Field] = f(have)
		}
	case []any:
		if i := last.Position(parent); i >= 0 {
			parent[i] = f(parent[i])
		}
	}
}

// Equal says whether two paths lead to the same field; the positions of keyed elements do not matter.
func (p Path) Equal(q Path) bool { return slices.EqualFunc(p, q, Step.equal) }

// HasPrefix says whether p leads to what q leads to, or to something in it.
func (p Path) HasPrefix(q Path) bool { return len(p) >= len(q) && p[:len(q)].Equal(q) }

func (s Step) equal(t Step) bool {
	if s.Key != "" && s.Key == t.Key {
		return s.Value == t.Value
	}
	return s == t
}

func (s Step) lookup(v any) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		e, ok := v[s.Field]
		return e, ok && !s.List
	case []any:
		if i := s.Position(v); i >= 0 {
			return v[i], true
		}
	}
	return nil, false
}

// Position is where the element is in a list; -1 if it is not.
func (s Step) Position(list []any) int {
	switch {
	case !s.List:
		return -1
	case s.Key != "":
		return slices.IndexFunc(list, func(e any) bool {
			m, _ := e.(map[string]any)
			v, ok := m[s.Key]
			return ok && ScalarText(v) == s.Value
		})
	case s.Index >= len(list):
		return -1
	}
	return s.Index
}
