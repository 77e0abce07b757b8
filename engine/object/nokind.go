package object

import (
	"fmt"
	"strings"
)

// A NoKindError says that a cluster serves no such kind.
type NoKindError struct {
	Ref Ref
	// Served are the apiVersions in which the cluster does serve it.
	Served []string
}

// Error names the kind, the object and what the cluster has instead.
func (e *NoKindError) Error() string { return e.Ref.String() + ": " + e.Cause() }

// Cause is the part of the error that is the same for all objects of the kind.
func (e *NoKindError) Cause() string {
	if len(e.Served) > 0 {
		return fmt.Sprintf("the cluster does not serve kind %s in %s, but in %s: change the apiVersion", e.Ref.Kind, e.Ref.APIVersion(), strings.Join(e.Served, ", "))
	}
	return fmt.Sprintf("the cluster does not serve kind %s in %s; is its CustomResourceDefinition missing?", e.Ref.Kind, e.Ref.APIVersion())
}
