package diff

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/weighlock/weighlock/engine/object"
)

// A ConflictError says that an apply would change fields that others own.
type ConflictError struct {
	Ref    object.Ref
	Causes []ConflictCause
}

// A ConflictCause is one field of a conflict in the API server's account.
type ConflictCause struct {
	Manager string
	// Field is written as the server writes it: .spec.containers[name="app"].image.
	Field string
}

// Error names the fields and their owners, and the ways out.
func (e *ConflictError) Error() string {
	var parts []string
	for _, c := range e.Causes {
		parts = append(parts, fmt.Sprintf("%s (owned by %q)", strings.TrimPrefix(c.Field, "."), c.Manager))
	}
	return fmt.Sprintf("%s: other field managers own fields that this change sets: %s; "+
		"remove the fields from the project, or annotate the object with kluctl.io/force-apply: \"true\" to take them over",
		e.Ref, strings.Join(parts, ", "))
}

// NoKindError says that the server serves no such kind.
type NoKindError = object.NoKindError

// A ForbiddenError says that we have not the right to do something.
type ForbiddenError struct {
	User, Verb, Resource string
	// Namespace "" is the whole cluster.
	Namespace string
	Err       error
}

// Error names the right that is missing.
func (e *ForbiddenError) Error() string {
	where := "in the whole cluster"
	if e.Namespace != "" {
		where = "in namespace " + e.Namespace
	}
	return fmt.Sprintf("forbidden: user %q cannot %s %s %s", e.User, e.Verb, e.Resource, where)
}

// Unwrap returns the server's refusal.
func (e *ForbiddenError) Unwrap() error { return e.Err }

// A DeniedError says that admission refuses an object: a policy, a webhook, a quota. Elsewhere, in another namespace, it
// may be admitted.
type DeniedError struct{ Err error }

// Error is the server's text.
func (e *DeniedError) Error() string { return e.Err.Error() }

// Unwrap returns the server's refusal.
func (e *DeniedError) Unwrap() error { return e.Err }

// A RefusedError is any other refusal of an object by the API server.
type RefusedError struct{ Err error }

// Error is the server's text, which may quote values.
func (e *RefusedError) Error() string { return e.Err.Error() }

// Unwrap returns the server's refusal.
func (e *RefusedError) Unwrap() error { return e.Err }

// A NoNamespaceError says that there is no such namespace, and that the change does not bring it.
type NoNamespaceError struct {
	Namespace string
	Err       error
}

// Error names the namespace and the ways out.
func (e *NoNamespaceError) Error() string {
	return fmt.Sprintf("there is no namespace %s: create it, or add it to the project", e.Namespace)
}

// Unwrap returns the server's refusal.
func (e *NoNamespaceError) Unwrap() error { return e.Err }

// A TerminatingError says that nothing can be created in a namespace, because it is being deleted.
type TerminatingError struct {
	Namespace string
	// Since and Waits are what is known of it: when its deletion was asked for, and for what it waits.
	Since, Waits string
	Err          error
}

// Error names the namespace and what it waits for.
func (e *TerminatingError) Error() string {
	since, waits := "", "wait until it is gone and compare again"
	if e.Since != "" {
		since = " since " + e.Since
	}
	if e.Waits != "" {
		waits += "; " + e.Waits
	}
	return fmt.Sprintf("namespace %s is being deleted%s, so nothing can be created in it: %s", e.Namespace, since, waits)
}

// Unwrap returns the server's refusal.
func (e *TerminatingError) Unwrap() error { return e.Err }

// An InvalidError is the server's verdict that an object is not valid, or that it must not change that way.
type InvalidError struct {
	Causes []InvalidCause
	Err    error
}

// An InvalidCause is one field's part of an [InvalidError].
type InvalidCause struct{ Type, Field, Message string }

// Error is the server's text, without the long values that it quotes: of an immutable field, all that is in it.
func (e *InvalidError) Error() string { return withoutDumps(e.Err.Error()) }

// Unwrap returns the server's refusal.
func (e *InvalidError) Unwrap() error { return e.Err }

// A NoDryRunError says that an admission webhook cannot be asked what it would do.
type NoDryRunError struct {
	Webhook string
	Err     error
}

// Error is the server's text.
func (e *NoDryRunError) Error() string { return e.Err.Error() }

// Unwrap returns the server's refusal.
func (e *NoDryRunError) Unwrap() error { return e.Err }

// An UnreachableError says that the server, or what it depends on, did not answer. It says nothing about the object.
type UnreachableError struct{ Err error }

// Error is the failure's text.
func (e *UnreachableError) Error() string { return e.Err.Error() }

// Unwrap returns the failure.
func (e *UnreachableError) Unwrap() error { return e.Err }

// A WebhookDownError says that an admission webhook did not answer, so that nothing is known of the object.
type WebhookDownError struct {
	Webhook string
	Err     error
}

// Error is the server's text.
func (e *WebhookDownError) Error() string { return e.Err.Error() }

// Unwrap returns the failure.
func (e *WebhookDownError) Unwrap() error { return e.Err }

// ErrStale says that a change set is not the one that was reviewed.
var ErrStale = errors.New("the change is not the one that was reviewed")

// A StaleError carries both digests of an [ErrStale].
type StaleError struct{ Reviewed, Current string }

// Error says what differs.
func (e *StaleError) Error() string {
	return fmt.Sprintf("%v: the reviewed digest is %s, the current one %s; look at the new diff and decide again", ErrStale, e.Reviewed, e.Current)
}

// Unwrap returns ErrStale.
func (e *StaleError) Unwrap() error { return ErrStale }

// maxQuoted is how many bytes of a value an error quotes.
const maxQuoted = 200

// withoutDumps leaves out the values in an API server's text that are longer than people read.
func withoutDumps(text string) string {
	const quotes = "Invalid value: "
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, quotes)
		out.WriteString(before)
		if !found {
			return out.String()
		}
		out.WriteString(quotes)
		dec := json.NewDecoder(strings.NewReader(rest))
		var value json.RawMessage
		if err := dec.Decode(&value); err == nil && len(value) > maxQuoted {
			out.WriteString("(long)")
			rest = rest[dec.InputOffset():]
		}
		text = rest
	}
}
