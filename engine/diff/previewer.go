package diff

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/weighlock/weighlock/engine/object"
)

// A Previewer is a cluster as a preview may see it: it reads, and it asks what an apply would give.
type Previewer interface {
	// Get returns the live object, or nil when there is none. A kind that the server does not serve is a [NoKindError].
	// A read that fails, for lack of rights too, is an error and never nil.
	Get(ctx context.Context, ref object.Ref) (object.Object, error)
	// Preview returns what a server-side apply of o would store, and stores nothing. Fields that another manager owns
	// with another value make a [ConflictError].
	Preview(ctx context.Context, o object.Object) (Preview, error)
	// Owned lists the live objects of all kinds that carry the discriminator.
	Owned(ctx context.Context, discriminator string) (Owned, error)
}

// A Preview is the server's answer to a dry run.
type Preview struct {
	Merged object.Object
	// Warnings are the server's, such as the deprecation of an API version.
	Warnings []string
}

// Owned are the live objects of one owner.
type Owned struct {
	// Objects hold metadata only.
	Objects []object.Object
	// Gaps name the kinds that could not be listed, and why: their orphans are unknown.
	Gaps []error
}

// A ConflictError says that an apply would change fields that others own.
type ConflictError struct {
	Ref       object.Ref
	Conflicts []Conflict
}

// A Conflict is one field in the API server's account.
type Conflict struct {
	Manager string
	Field   string
}

// Error names the fields and their owners, and the ways out.
func (e *ConflictError) Error() string {
	var parts []string
	for _, c := range e.Conflicts {
		parts = append(parts, fmt.Sprintf("%s (owned by %q)", c.Field, c.Manager))
	}
	return fmt.Sprintf("%s: other field managers own fields that this change sets: %s; "+
		"remove the fields from the project, or annotate the object with kluctl.io/force-apply: \"true\" to take them over",
		e.Ref, strings.Join(parts, ", "))
}

// NoKindError says that the server serves no such kind.
type NoKindError = object.NoKindError

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
