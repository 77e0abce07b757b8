package jinja

import (
	"errors"
	"fmt"
	"strings"

	"github.com/weighlock/weighlock/engine/jinja/py"
)

// Error is what parsing and rendering return for anything that is wrong with a
// template: it says where, and which Python exception it would have been.
type Error struct {
	Template string // name of the template, as the loader knows it
	Line     int    // counted from 1; 0 when unknown
	Kind     string // the exception's class: UndefinedError, TemplateSyntaxError, TypeError, LimitError, …
	Msg      string
	// Include lists what led to Template, the nearest first: include, import
	// and extends statements, and calls of macros.
	Include []Frame
	// Name is the undefined name, when Kind is UndefinedError and it has one;
	// Near lists similar names that are defined.
	Name string
	Near []string

	cause   error
	crossed bool // a template or macro was left, so the next line belongs into Include
}

// Frame is a place in a template.
type Frame struct {
	Template string
	Line     int
}

// Error returns "template:line: Kind: message", similar names, and where the
// template was included from.
func (e *Error) Error() string {
	var b strings.Builder
	name := e.Template
	if name == "" {
		name = "<template>"
	}
	if e.Line > 0 {
		fmt.Fprintf(&b, "%s:%d: ", name, e.Line)
	} else {
		fmt.Fprintf(&b, "%s: ", name)
	}
	b.WriteString(e.Kind)
	if e.Msg != "" {
		b.WriteString(": " + e.Msg)
	}
	if len(e.Near) > 0 {
		fmt.Fprintf(&b, " (did you mean %s?)", strings.Join(e.Near, ", "))
	}
	for i, f := range e.Include {
		if i == 8 && len(e.Include) > 10 {
			fmt.Fprintf(&b, ", … %d more", len(e.Include)-i)
			break
		}
		if f.Template == "" {
			f.Template = "<template>"
		}
		fmt.Fprintf(&b, ", from %s:%d", f.Template, f.Line)
	}
	return b.String()
}

// Unwrap returns the error behind this one: a *py.Error, a *py.LimitError, the
// context's or the loader's error.
func (e *Error) Unwrap() error { return e.cause }

// newError wraps err with a place.
func newError(err error, template string, line int) *Error {
	e := &Error{Template: template, Line: line, cause: err}
	var se *syntaxError
	if errors.As(err, &se) {
		e.Line = se.line
	}
	var pe *py.Error
	var le *py.LimitError
	switch {
	case errors.As(err, &pe):
		e.Kind, e.Msg = pe.Kind, pe.Msg
	case errors.As(err, &le):
		e.Kind, e.Msg = "LimitError", le.Error()
	default:
		e.Kind, e.Msg = "Error", err.Error()
	}
	return e
}

// locate gives err the place it happened at, unless it has one already. When
// err came out of another template or a macro, the place is one more link of
// the chain that led there.
func locate(err error, f *frame, line int) error {
	if err == errBreak || err == errContinue {
		return err
	}
	var e *Error
	if errors.As(err, &e) {
		if e.crossed {
			e.crossed = false
			e.Include = append(e.Include, Frame{f.code.name, line})
		}
		return err
	}
	e = newError(err, f.code.name, line)
	var pe *py.Error
	if errors.As(err, &pe) && pe.Undefined != nil {
		u := pe.Undefined
		if name, ok := py.IsString(u.Name); ok && u.Hint == "" {
			e.Name = name
			if u.HasObj {
				e.Near = near(name, keysOf(u.Obj))
			} else {
				e.Near = near(name, f.names())
			}
		}
	}
	return e
}

// crossing marks err as coming out of a template, block or macro.
func crossing(err error) error {
	var e *Error
	if errors.As(err, &e) {
		e.crossed = true
	}
	return err
}

func keysOf(v py.Value) []string {
	d, ok := v.(*py.Dict)
	if !ok {
		return nil
	}
	var keys []string
	for _, e := range d.Entries() {
		if s, ok := py.IsString(e.Key); ok {
			keys = append(keys, s)
		}
	}
	return keys
}
