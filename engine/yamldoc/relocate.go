package yamldoc

import (
	"bytes"
	"errors"
)

// Relocate gives the errors of this package the lines of the template that a file was rendered from, for people look there.
// Where a template changes the number of lines, those before and after the change can be told; what lies between is marked
// as a line of the rendered text.
func Relocate(err error, template, rendered []byte) error {
	if err == nil {
		return nil
	}
	return NewLines(template, rendered).Relocate(err)
}

// Lines say which lines of a rendered text are which of its template, for whoever relocates more than once.
type Lines struct {
	head, tail int // lines at the start and at the end that correspond
	from, to   int // number of lines of the rendered text and of the template
}

// NewLines compares a template with what was rendered from it.
func NewLines(template, rendered []byte) Lines {
	if bytes.Equal(template, rendered) {
		return Lines{}
	}
	t, r := lines(template), lines(rendered)
	m := Lines{from: len(r), to: len(t)}
	for m.head < min(len(t), len(r)) && corresponds(t[m.head], r[m.head]) {
		m.head++
	}
	for m.tail < min(len(t), len(r))-m.head && corresponds(t[len(t)-1-m.tail], r[len(r)-1-m.tail]) {
		m.tail++
	}
	return m
}

func lines(text []byte) [][]byte {
	return bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
}

// corresponds says whether a line of a template gave this line. An expression rarely has several lines, a statement often.
func corresponds(template, rendered []byte) bool {
	return bytes.Equal(bytes.TrimSuffix(template, []byte("\r")), rendered) ||
		bytes.Contains(template, []byte("{{")) && !bytes.Contains(template, []byte("{%"))
}

// Relocate is as the function of this name.
func (m Lines) Relocate(err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var errs []error
		for _, one := range joined.Unwrap() {
			errs = append(errs, m.Relocate(one))
		}
		return errors.Join(errs...)
	}
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	moved := *e
	switch {
	case m.from == m.to, e.Line <= m.head:
	case e.Line > m.from-m.tail:
		moved.Line += m.to - m.from
	default:
		moved.File += " (rendered)"
	}
	return &moved
}
