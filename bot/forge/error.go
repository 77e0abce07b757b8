package forge

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// The kinds of failure that callers tell apart with errors.Is.
var (
	// ErrNotFound: it is not there, or we may not know that it is; forges
	// answer both alike.
	ErrNotFound = errors.New("not found")
	// ErrUnauthorized: the token is not valid, or no longer.
	ErrUnauthorized = errors.New("not authorized")
	// ErrForbidden: the token is valid and lacks the right.
	ErrForbidden = errors.New("forbidden")
	// ErrRateLimited: too many requests; Error.RetryAfter says for how long.
	ErrRateLimited = errors.New("rate limited")
	// ErrInvalid: the forge does not accept what we sent, such as a comment
	// that is too long. The same again fails again.
	ErrInvalid = errors.New("not accepted")
	// ErrUnsupported: this forge cannot do that; see [Capabilities].
	ErrUnsupported = errors.New("not supported by this forge")
	// ErrUnavailable: the forge failed, or did not answer. For a write this
	// leaves open whether it took place.
	ErrUnavailable = errors.New("unavailable")
)

// Error is what a verb of [Forge] returns when it fails. It holds nothing
// secret, so it may be shown to whoever may see the pull request.
type Error struct {
	// Op is what was tried, such as "list comments of acme/shop#7".
	Op string
	// Status is the HTTP status, 0 without an answer.
	Status int
	// Message is the forge's own account, in one line; may be empty.
	Message string
	// RetryAfter is how long the forge asks to wait, 0 when it does not.
	RetryAfter time.Duration
	// Err is one of the kinds above; when there was no answer it also wraps
	// the cause, such as context.Canceled.
	Err error
}

// Error names the attempt, the kind and the forge's account of it.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	if e.Status != 0 {
		fmt.Fprintf(&b, " (HTTP %d)", e.Status)
	}
	if e.Message != "" {
		fmt.Fprintf(&b, ": %s", e.Message)
	}
	if e.RetryAfter > 0 {
		fmt.Fprintf(&b, "; retry in %s", e.RetryAfter.Round(time.Second))
	}
	return b.String()
}

// Unwrap returns the kind.
func (e *Error) Unwrap() error { return e.Err }
