package mask

import (
	"errors"
	"fmt"
)

// Error takes secret values out of err's text. An error that holds none is returned as it is; of one that does,
// [errors.Is] still knows what it is, and nothing gives access to it.
func (s *Set) Error(err error) error { return masked(err, s.Text) }

// WordsError is to Error as Words is to Text.
func (s *Set) WordsError(err error) error { return masked(err, s.Words) }

func masked(err error, mask func(string) string) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	if m := mask(text); m != text {
		return &maskedError{text: m, is: func(target error) bool { return errors.Is(err, target) }}
	}
	return err
}

// maskedError holds the error that it stands for only in a closure, where no printer finds it.
type maskedError struct {
	text string
	is   func(error) bool
}

func (e *maskedError) Error() string        { return e.text }
func (e *maskedError) Is(target error) bool { return e.is(target) }

// Format prints the text, whatever the verb.
func (e *maskedError) Format(f fmt.State, _ rune) { fmt.Fprint(f, e.text) }
