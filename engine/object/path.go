package object

import (
	"fmt"
	"regexp"
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
