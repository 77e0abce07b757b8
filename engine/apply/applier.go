package apply

import (
	"context"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
)

// An Applier writes to a cluster, and watches what comes of it.
type Applier interface {
	// Apply stores an object by server-side apply and returns what the server made of it, and the server's warnings.
	Apply(ctx context.Context, w diff.Write) (object.Object, []string, error)
	// Delete deletes an object, its dependants in the background. One that is gone already is no error; one that is not
	// the one that is meant is, and stays.
	Delete(ctx context.Context, ref object.Ref, which Which) error
	// AwaitGone returns when a deleted object is no longer there.
	AwaitGone(ctx context.Context, ref object.Ref, uid string) error
	// AwaitEstablished returns when the server serves the kinds of a CustomResourceDefinition.
	AwaitEstablished(ctx context.Context, ref object.Ref) error
	Observer
}

// Which says which object of a name is meant; the zero value is any.
type Which struct {
	// UID is the object's, if it is known.
	UID string
	// Discriminator, if set, is that of the target to which the object must belong.
	Discriminator string
}

// An Observer looks at live objects. Its errors are those of package diff.
type Observer interface {
	// Get returns the live object, or nil when there is none, or the server has no such kind yet. A reference without a
	// version means the one that the server prefers; one without a group, the only kind of that name.
	Get(ctx context.Context, ref object.Ref) (object.Object, error)
	// ExpectsStatus says whether something writes a status for objects of a kind.
	ExpectsStatus(ctx context.Context, ref object.Ref) (bool, error)
	// Symptoms are what the cluster tells of an object that does not get ready: its newest events, those of what it owns,
	// and the last words of a container that fails.
	Symptoms(ctx context.Context, o object.Object) []string
}

// A NotYetError says that the server refuses an object because a controller has not made something yet that is needed to judge it, such
// as the usage of a quota.
type NotYetError struct{ Err error }

// Error is the server's text.
func (e *NotYetError) Error() string { return e.Err.Error() }

// Unwrap returns the server's refusal.
func (e *NotYetError) Unwrap() error { return e.Err }

// A NotServedError says that the server that was asked, of several that there may be, keeps no objects of a kind.
type NotServedError struct{ Err error }

// Error is the failure's text.
func (e *NotServedError) Error() string { return e.Err.Error() }

// Unwrap returns the server's refusal.
func (e *NotServedError) Unwrap() error { return e.Err }
