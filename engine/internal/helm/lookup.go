package helm

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/weighlock/weighlock/engine/object"
)

// A Cluster is what the template function lookup may ask. It cannot write.
type Cluster interface {
	// Get returns a live object, or nil when there is none.
	Get(ctx context.Context, ref object.Ref) (object.Object, error)
	// List returns the live objects of a kind, in kind.Namespace or in all namespaces when it is "".
	List(ctx context.Context, kind object.Ref, labels map[string]string) ([]object.Object, error)
	// Namespaced says whether objects of a kind live in namespaces; known is false when it is not served.
	Namespaced(ctx context.Context, group, kind string) (namespaced, known bool, err error)
}

// lookups serves Helm's lookup from a Cluster. A kind that is not served has no objects: Helm fails there, and a chart that looks
// for its own kind before it defines it could not be rendered.
type lookups struct {
	ctx     context.Context // of the render: Helm's interface passes none of it on
	cluster Cluster
}

// GetClientFor is what Helm asks for each lookup.
func (l lookups) GetClientFor(apiVersion, kind string) (dynamic.NamespaceableResourceInterface, bool, error) {
	gv, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		return nil, false, fmt.Errorf("lookup: %w", err)
	}
	ref := object.Ref{Group: gv.Group, Version: gv.Version, Kind: kind}
	namespaced, _, err := l.cluster.Namespaced(l.ctx, gv.Group, kind)
	return lookup{lookups: l, ref: ref}, namespaced, err
}

// lookup is a lookup of one kind. Of the interface's methods Helm calls these three; the others are not there to be called.
type lookup struct {
	dynamic.NamespaceableResourceInterface
	lookups
	ref object.Ref
}

func (l lookup) Namespace(namespace string) dynamic.ResourceInterface {
	l.ref.Namespace = namespace
	return l
}

func (l lookup) Get(_ context.Context, name string, _ metav1.GetOptions, _ ...string) (*unstructured.Unstructured, error) {
	l.ref.Name = name
	o, err := l.cluster.Get(l.ctx, l.ref)
	var noKind *object.NoKindError
	switch {
	case err == nil && o != nil:
		return &unstructured.Unstructured{Object: o}, nil
	case err == nil || errors.As(err, &noKind):
		return nil, apierrors.NewNotFound(schema.GroupResource{Group: l.ref.Group, Resource: l.ref.Kind}, name)
	}
	return nil, fmt.Errorf("looking up %s: %w", l.ref, err)
}

func (l lookup) List(_ context.Context, _ metav1.ListOptions) (*unstructured.UnstructuredList, error) {
	objects, err := l.cluster.List(l.ctx, l.ref, nil)
	var noKind *object.NoKindError
	if err != nil && !errors.As(err, &noKind) {
		return nil, fmt.Errorf("looking up the objects of kind %s: %w", l.ref.Kind, err)
	}
	list := &unstructured.UnstructuredList{Object: map[string]any{
		"apiVersion": l.ref.APIVersion(), "kind": l.ref.Kind + "List", "metadata": map[string]any{},
	}}
	for _, o := range objects {
		list.Items = append(list.Items, unstructured.Unstructured{Object: o})
	}
	return list, nil
}
