package apply

import (
	"context"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
)

// An Applier writes to a cluster.
type Applier interface {
	// Apply stores an object by server-side apply and returns what the server made of it, and the server's warnings.
	Apply(ctx context.Context, w diff.Write) (object.Object, []string, error)
	// Delete deletes an object, its dependants in the background. One that is gone already is no error.
	Delete(ctx context.Context, ref object.Ref) error
	// AwaitGone returns when a deleted object is no longer there.
	AwaitGone(ctx context.Context, ref object.Ref) error
	// AwaitEstablished returns when the server serves the kinds of a CustomResourceDefinition.
	AwaitEstablished(ctx context.Context, ref object.Ref) error
}
