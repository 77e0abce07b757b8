package py

import (
	"errors"
	"fmt"
)

// Error is a Python exception.
type Error struct {
	Kind string // the exception's class name: TypeError, KeyError, …
	Msg  string // what str(exception) gives
	// Undefined is the undefined value whose use raised this, if any.
	Undefined *Undefined
	// Cause is the Go error behind this one, if any.
	Cause error
}

// Error returns "Kind: message".
func (e *Error) Error() string {
	if e.Msg == "" {
		return e.Kind
	}
	return e.Kind + ": " + e.Msg
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Errorf returns an exception of the kind given.
func Errorf(kind, format string, args ...any) error {
	return &Error{Kind: kind, Msg: fmt.Sprintf(format, args...)}
}

// TypeErrorf returns a TypeError.
func TypeErrorf(format string, args ...any) error { return Errorf("TypeError", format, args...) }

// ValueErrorf returns a ValueError.
func ValueErrorf(format string, args ...any) error { return Errorf("ValueError", format, args...) }

func keyError(t *Thread, key Value) error {
	s, err := Repr(t, key)
	if err != nil {
		return err
	}
	return &Error{Kind: "KeyError", Msg: s}
}

// IsKind reports whether err is a Python exception of one of the kinds.
func IsKind(err error, kinds ...string) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	for _, k := range kinds {
		if e.Kind == k {
			return true
		}
	}
	return false
}

// IsLookup reports whether err is a LookupError: a KeyError or an IndexError.
func IsLookup(err error) bool { return IsKind(err, "KeyError", "IndexError", "LookupError") }
