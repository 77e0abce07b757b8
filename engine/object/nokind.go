package object

import "fmt"

// A NoKindError says that a cluster serves no such kind.
type NoKindError struct{ Ref Ref }

// Error names the kind.
func (e *NoKindError) Error() string {
	return fmt.Sprintf("%s: the cluster does not serve kind %s in %s; is its CustomResourceDefinition missing?",
		e.Ref, e.Ref.Kind, e.Ref.APIVersion())
}
