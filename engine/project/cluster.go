package project

import (
	"context"

	"github.com/weighlock/weighlock/engine/object"
)

// A Cluster is the target's cluster as far as a project may ask it: it reads, and nothing else. Variables are loaded from it,
// and charts look objects up. A read that fails, for lack of rights too, is an error and never an absence.
type Cluster interface {
	// Context is the name of the kubeconfig context in use: what templates see as target.context (project format §1.1).
	Context() string
	// Get returns a live object, or nil when there is none. A kind that is not served is an [object.NoKindError].
	Get(ctx context.Context, ref object.Ref) (object.Object, error)
	// List returns the live objects of a kind that have all of the labels, in the order of their references: those in
	// kind.Namespace, or in all namespaces when it is "". The name is not looked at. A kind that is not served is an
	// [object.NoKindError].
	List(ctx context.Context, kind object.Ref, labels map[string]string) ([]object.Object, error)
	// Kinds returns the group and preferred version of every kind that has the name, such as "Deployment": several where
	// groups share a name, none when it is not served.
	Kinds(ctx context.Context, name string) ([]object.Ref, error)
}
