// Package yamldoc reads configuration written in YAML: strictly, with the place of everything that is wrong, and all of a
// file's problems at once.
//
// # Values
//
// Scalars are those of YAML 1.1 as Kubernetes' own reader has them (project format §0.1): yes, no, on and off are booleans in
// their usual cases, 0777 is octal, << merges, dates and base-60 numbers stay text, as does what has a tag that nobody knows.
// Some differences are on purpose:
//
//   - y and n stay text, as values and as keys: {n: 1} has the key "n".
//   - 1.0 stays a float; Kubernetes' reader makes it the integer 1 on its way through JSON.
//   - Integers are int64, or uint64 above that range, never rounded. Beyond 64 bits they are float64, as there; a
//     [json.RawMessage], a [json.Number] or a type with UnmarshalJSON still gets every digit.
//   - A key may override a merged one; Kubernetes' strict reader calls that a duplicate.
//   - What JSON has no word for (.nan, .inf) and a null key are errors.
//
// Keys are text: one that reads as a boolean or a number becomes "true", "false" or the number in its shortest form.
//
// # Limits
//
// Aliases are expanded, each to a value of its own. A document that would grow out of proportion to its text, and an anchor that
// contains itself, are refused.
package yamldoc

import (
	"errors"
	"fmt"
	"slices"
)

// An Error is one thing that is wrong with a file, at its place. The functions of this package join several with errors.Join, in
// the order of the file.
type Error struct {
	File string // display name, as given by the caller
	Line int    // counted from 1; 0 when it is not known
	Path string // where in the document, such as targets[1].name; "" for the document itself
	Msg  string // what was found and what was expected

	err error
}

// ErrAliases is what an [Error] wraps that refuses a document because its aliases make too much of it.
var ErrAliases = errors.New("too many aliases")

// ErrSameKey is what an [Error] wraps that refuses keys that are written in different ways and read alike here, such as no and off;
// readers of YAML 1.2 know them apart.
var ErrSameKey = errors.New("keys that read alike")

// Unwrap returns the kind of the error, if it has one.
func (e *Error) Unwrap() error { return e.err }

// Error prints "file:line: path: what is wrong".
func (e *Error) Error() string { return e.At() + ": " + e.Msg }

// At is the error's place, "file:line: path".
func (e *Error) At() string {
	s := e.File
	if e.Line > 0 {
		s = fmt.Sprintf("%s:%d", s, e.Line)
	}
	if e.Path != "" {
		s += ": " + e.Path
	}
	return s
}

// A Document is one document of a YAML stream. The zero Document stands for an empty file.
type Document struct {
	// Value is what the document says: map[string]any, []any, string, bool, int64, uint64 (only above the range of int64),
	// float64 or nil.
	Value any
	// Start is the line where the content begins, counted from 1.
	Start int

	file string
	root *node
}

// A Checker is a struct that knows more of its keys than their types: which go together, which values are allowed. Check is
// called when the struct is decoded and nothing in it was wrong so far. It calls fail for each problem, with the key that
// has it, such as "action" or "deleteObjects[1].name"; "" is the struct itself.
type Checker interface {
	Check(fail func(key, format string, args ...any))
}

// An Adviser is a struct that has a word on keys that it does not know: those of former versions, or ones that belong
// elsewhere. Advise returns "" for others.
type Adviser interface {
	Advise(key string) string
}

// A Shorthand is a struct that may be written as a single text, too, or that has a word on why it may not.
type Shorthand interface {
	UnmarshalShorthand(text string) error
}

// Decode reads a file of at most one document into out, a non-nil pointer.
//
// A key that out's type does not know, a duplicate key and a value of another type than out's are errors. Struct fields are
// found by their json tags, exactly. Types with UnmarshalJSON or UnmarshalText decode themselves. Null, like a missing key,
// leaves a field as it is, and so does an empty file all of out. Lists and maps in out are replaced, not merged into.
// On errors out is not touched.
func Decode(file string, data []byte, out any) error {
	_, err := Read(file, data, out)
	return err
}

// Read is [Decode] that also returns the document, for validators that add problems with positions. The document is usable
// when there are errors, as far as the file could be read.
func Read(file string, data []byte, out any) (Document, error) {
	docs, problems := parse(file, data)
	doc := Document{file: file}
	if len(docs) > 0 {
		doc = docs[0]
	}
	if len(docs) > 1 {
		problems = append(problems, &Error{File: file, Line: docs[1].Start, Msg: "found a second document, expected only one"})
	}
	problems = append(problems, doc.decode(out, len(problems) == 0)...)
	return doc, join(problems)
}

// Value reads a file of at most one document without a type in mind. An empty file is nil.
func Value(file string, data []byte) (any, error) {
	var v any
	err := Decode(file, data, &v)
	return v, err
}

// Values reads every document of a stream. Empty and null documents are left out.
func Values(file string, data []byte) ([]Document, error) {
	docs, problems := parse(file, data)
	if len(problems) > 0 {
		return nil, join(problems)
	}
	return docs, nil
}

// Decode fills out, a non-nil pointer, with the document, under the rules of the function [Decode].
func (d Document) Decode(out any) error { return join(d.decode(out, true)) }

// Line returns the line of the value at a path of keys and list indexes ("targets", "1", "name"), or of the nearest part of the
// path that is there.
func (d Document) Line(path ...string) int {
	n, line := d.root, max(d.Start, 1)
	for _, step := range path {
		child, at := n.child(step)
		if child == nil {
			break
		}
		n, line = child, at
	}
	return line
}

// Errorf makes an [Error] at the line of the value at path, for checks that go beyond types.
func (d Document) Errorf(path []string, format string, args ...any) *Error {
	e := &Error{File: d.file, Line: d.Line(path...), Msg: fmt.Sprintf(format, args...)}
	n := d.root
	for _, step := range path {
		e.Path = n.childPath(e.Path, step)
		n, _ = n.child(step)
	}
	return e
}

// join orders problems by line and makes one error of them, or nil.
func join(problems []*Error) error {
	slices.SortStableFunc(problems, func(a, b *Error) int { return a.Line - b.Line })
	errs := make([]error, len(problems))
	for i, p := range problems {
		errs[i] = p
	}
	return errors.Join(errs...)
}
