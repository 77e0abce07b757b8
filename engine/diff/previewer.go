package diff

import (
	"context"
	"slices"

	"github.com/weighlock/weighlock/engine/object"
)

// A Previewer is a cluster as a preview may see it: it reads, and it asks what a write would give.
//
// Errors that a caller can act on have types: [NoKindError], [ForbiddenError], [DeniedError], [ConflictError],
// [InvalidError], [NoDryRunError], [NoNamespaceError], [TerminatingError], [UnreachableError].
type Previewer interface {
	// Get returns the live object, or nil when there is none. A read that fails, for lack of rights too, is an error and
	// never nil.
	Get(ctx context.Context, ref object.Ref) (object.Object, error)
	// Kinds are the kinds whose objects can be listed and deleted, in the versions that the server prefers. Groups whose
	// server does not answer are the gaps.
	Kinds(ctx context.Context) (kinds []Kind, gaps []error, err error)
	// List returns live objects, all pages.
	List(ctx context.Context, q Query) ([]object.Object, error)
	// Apply returns what a server-side apply would store, and stores nothing.
	Apply(ctx context.Context, o object.Object, force bool) (Preview, error)
	// Check judges an object by the schema that the server publishes, where no dry run can tell: fields that it does not
	// know and values of the wrong type are an [InvalidError].
	Check(ctx context.Context, o object.Object) error
	// Update returns what replacing the live object's fields by o's would store, and stores nothing.
	Update(ctx context.Context, o object.Object) (Preview, error)
	// MayApply says whether all objects of ref's kind in its namespace may be applied, whatever their names.
	MayApply(ctx context.Context, ref object.Ref) (bool, error)
}

// A Kind is a kind of objects as the server serves it.
type Kind struct {
	Group, Version, Kind string
	// Resource is the plural name, such as configmaps.
	Resource   string
	Namespaced bool
	// Versions are all those in which the server has it.
	Versions []string
}

// String prints the resource as kubectl does: configmaps, deployments.apps.
func (k Kind) String() string {
	if k.Group == "" {
		return k.Resource
	}
	return k.Resource + "." + k.Group
}

func (k Kind) serves(version string) bool { return slices.Contains(k.Versions, version) }

// A Query picks live objects of one kind.
type Query struct {
	Kind Kind
	// Namespace "" is the whole cluster.
	Namespace string
	// Discriminator, if set, asks for the objects that carry it.
	Discriminator string
	// Whole asks for whole objects, else for their metadata.
	Whole bool
}

// A Preview is the server's answer to a dry run.
type Preview struct {
	Merged object.Object
	// Warnings are the server's, such as the deprecation of an API version.
	Warnings []string
}

// created says whether the write would create the object: what is not stored has no version.
func (p Preview) created() bool { return p.Merged.Text("metadata", "resourceVersion") == "" }

// A Write is how a change is carried out.
type Write struct {
	// Object is what is applied, secret values and all.
	Object object.Object
	// Force overrules other managers: their conflicts are resolved.
	Force bool
	// Takeover, if set, comes first; after an object that is sent as a whole.
	Takeover *Takeover
	// Whole sends the object in the place of the live one, for a server that cannot apply it. It has a Takeover.
	Whole bool
	// Late waits a moment for the object's kind to be served.
	Late bool
}
