package kube

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/client-go/openapi3"
	"sigs.k8s.io/structured-merge-diff/v6/typed"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
)

// schemas are the types that the server publishes as OpenAPI v3, each group and version asked for once.
type schemas struct {
	mu   sync.Mutex
	read map[schema.GroupVersion]func() (managedfields.TypeConverter, error)
}

// Check implements [diff.Previewer]. It is what the server itself does first with an apply.
func (p previewer) Check(_ context.Context, o object.Object) error {
	ref := o.Ref()
	types, err := p.types(schema.GroupVersion{Group: ref.Group, Version: ref.Version})
	if err != nil {
		return p.failed("asking for the schema of", ref, err)
	}
	_, err = types.ObjectToTyped(&unstructured.Unstructured{Object: o})
	var found typed.ValidationErrors
	if !errors.As(err, &found) {
		return err
	}
	out := &diff.InvalidError{}
	var texts []error
	for _, e := range found {
		out.Causes = append(out.Causes, diff.InvalidCause{Type: "FieldValueInvalid", Field: e.Path, Message: e.ErrorMessage})
		texts = append(texts, fmt.Errorf("%s: %s: %s", ref, e.Path, e.ErrorMessage))
	}
	out.Err = errors.Join(texts...)
	return out
}

// types are those of a group and version.
func (c *Cluster) types(gv schema.GroupVersion) (managedfields.TypeConverter, error) {
	c.schemas.mu.Lock()
	defer c.schemas.mu.Unlock()
	read := c.schemas.read[gv]
	if read == nil {
		read = sync.OnceValues(func() (managedfields.TypeConverter, error) {
			published, err := openapi3.NewRoot(c.discovery.OpenAPIV3()).GVSpec(gv)
			if err != nil {
				return nil, err
			}
			return managedfields.NewTypeConverter(published.Components.Schemas, false)
		})
		if c.schemas.read == nil {
			c.schemas.read = map[schema.GroupVersion]func() (managedfields.TypeConverter, error){}
		}
		c.schemas.read[gv] = read
	}
	return read()
}
