package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/lock"
	"github.com/weighlock/weighlock/engine/object"
)

// Locks are the locks of this cluster's targets, kept as Leases in a namespace that is made when it is first needed; ""
// is [lock.Namespace]. All requests may be sent again: each names the version that it replaces.
func (c *Cluster) Locks(namespace string) lock.Records {
	return leases{c, cmp.Or(namespace, lock.Namespace)}
}

type leases struct {
	*Cluster
	namespace string
}

var (
	leaseResource     = schema.GroupVersionResource{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"}
	namespaceResource = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
)

// Lease annotations hold what the Lease's own fields have no place for.
const (
	lockLabel             = "weighlock.dev/lock"
	targetAnnotation      = "weighlock.dev/target"
	discriminatorOfLock   = "weighlock.dev/discriminator"
	reasonAnnotation      = "weighlock.dev/reason"
	lockOfRun, lockOfHold = "run", "hold"
)

func (l leases) client() dynamic.ResourceInterface {
	return l.dynamic.Resource(leaseResource).Namespace(l.namespace)
}

// Get implements [lock.Records].
func (l leases) Get(ctx context.Context, name string) (*lock.Record, error) {
	ctx = ahead(ctx)
	live, err := l.send(ctx, func() (*unstructured.Unstructured, error) { return l.client().Get(ctx, name, metav1.GetOptions{}) })
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, l.refused("get", err)
	}
	r, err := record(live)
	return &r, err
}

// Put implements [lock.Records].
func (l leases) Put(ctx context.Context, r lock.Record) (lock.Record, error) {
	ctx = ahead(ctx)
	o := l.lease(r)
	if r.Version != "" {
		stored, err := l.send(ctx, func() (*unstructured.Unstructured, error) {
			return l.client().Update(ctx, o, metav1.UpdateOptions{FieldManager: diff.FieldManager})
		})
		return l.stored(stored, "update", err)
	}
	create := func() (*unstructured.Unstructured, error) {
		return l.client().Create(ctx, o, metav1.CreateOptions{FieldManager: diff.FieldManager})
	}
	stored, err := l.send(ctx, create)
	if apierrors.IsNotFound(err) {
		if err := l.makeNamespace(ctx, l.namespace); err != nil {
			return lock.Record{}, l.rights(err)
		}
		stored, err = l.send(ctx, create)
	}
	return l.stored(stored, "create", err)
}

// send sends a request, again if it fails for a reason that may pass.
func (c *Cluster) send(ctx context.Context, request func() (*unstructured.Unstructured, error)) (*unstructured.Unstructured, error) {
	var out *unstructured.Unstructured
	err := c.retry(ctx, func() (err error) {
		out, err = request()
		return err
	})
	return out, err
}

func (l leases) stored(o *unstructured.Unstructured, verb string, err error) (lock.Record, error) {
	switch {
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err), apierrors.IsNotFound(err) && verb == "update":
		return lock.Record{}, lock.ErrChanged
	case err != nil:
		return lock.Record{}, l.refused(verb, err)
	}
	return record(o)
}

// makeNamespace makes the namespace of our own records: a *rightError where that is forbidden.
func (c *Cluster) makeNamespace(ctx context.Context, name string) error {
	ns := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name}}}
	_, err := c.send(ctx, func() (*unstructured.Unstructured, error) {
		return c.dynamic.Resource(namespaceResource).Create(ctx, ns, metav1.CreateOptions{FieldManager: diff.FieldManager})
	})
	switch {
	case err == nil, apierrors.IsAlreadyExists(err):
		return nil
	case apierrors.IsForbidden(err):
		return &rightError{missing: fmt.Sprintf("create namespace %s, which does not exist", name), err: err}
	}
	return c.unreachable("making namespace "+name, err)
}

// rightError says which right a request for our own records lacks.
type rightError struct {
	missing string
	err     error
}

func (e *rightError) Error() string { return "no right to " + e.missing + ": " + e.err.Error() }
func (e *rightError) Unwrap() error { return e.err }

// ownRight is err, as a *rightError where the server forbids the request.
func (c *Cluster) ownRight(verb, resource, namespace string, err error) error {
	// That a namespace is going away is told as forbidden, too.
	if apierrors.IsForbidden(err) && !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		return &rightError{missing: fmt.Sprintf("%s %s in namespace %s", verb, resource, namespace), err: err}
	}
	return err
}

// rights words a missing right for callers that lock.
func (l leases) rights(err error) error {
	if r := new(rightError); errors.As(err, &r) {
		return &lock.RightsError{Missing: r.missing, Err: r.err}
	}
	return err
}

// Remove implements [lock.Records].
func (l leases) Remove(ctx context.Context, r lock.Record) error {
	ctx = ahead(ctx)
	uid, version, _ := strings.Cut(r.Version, "/")
	id := types.UID(uid)
	only := metav1.Preconditions{UID: &id, ResourceVersion: &version}
	err := l.retry(ctx, func() error { return l.client().Delete(ctx, r.Name(), metav1.DeleteOptions{Preconditions: &only}) })
	switch {
	case err == nil, apierrors.IsNotFound(err):
		return nil
	case apierrors.IsConflict(err):
		return lock.ErrChanged
	}
	return l.refused("delete", err)
}

// List implements [lock.Records].
func (l leases) List(ctx context.Context) ([]lock.Record, error) {
	var list *unstructured.UnstructuredList
	err := l.retry(ctx, func() (err error) {
		list, err = l.client().List(ctx, metav1.ListOptions{LabelSelector: lockLabel})
		return err
	})
	if err != nil {
		return nil, l.refused("list", err)
	}
	var out []lock.Record
	var errs []error
	for i := range list.Items {
		r, err := record(&list.Items[i])
		errs = append(errs, err)
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b lock.Record) int { return cmp.Compare(a.Name(), b.Name()) })
	return out, errors.Join(errs...)
}

func (l leases) refused(verb string, err error) error {
	if err := l.rights(l.ownRight(verb, "leases.coordination.k8s.io", l.namespace, err)); errors.As(err, new(*lock.RightsError)) {
		return err
	}
	return l.unreachable("locking the target", err)
}

// lease writes a record as a Lease.
func (l leases) lease(r lock.Record) *unstructured.Unstructured {
	kind := lockOfRun
	if r.Hold {
		kind = lockOfHold
	}
	spec := map[string]any{
		"holderIdentity": r.Holder,
		"acquireTime":    r.Since.UTC().Format(metav1.RFC3339Micro),
		"renewTime":      r.Renewed.UTC().Format(metav1.RFC3339Micro),
	}
	if r.Duration > 0 {
		spec["leaseDurationSeconds"] = max(1, int64(r.Duration/time.Second))
	}
	meta := map[string]any{
		"name": r.Name(), "namespace": l.namespace,
		"labels":      map[string]any{lockLabel: kind},
		"annotations": map[string]any{targetAnnotation: r.Target, discriminatorOfLock: r.Discriminator, reasonAnnotation: r.Why},
	}
	if r.Version != "" {
		// The uid too: the server makes a Lease anew on an update of one that is gone.
		uid, version, _ := strings.Cut(r.Version, "/")
		meta["uid"], meta["resourceVersion"] = uid, version
	}
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta, "spec": spec}}
}

// record reads a Lease. One that somebody else made under our name is an error: it must not be taken for free.
func record(u *unstructured.Unstructured) (lock.Record, error) {
	o := object.Object(u.Object)
	r := lock.Record{
		Target: o.Annotation(targetAnnotation), Discriminator: o.Annotation(discriminatorOfLock), Why: o.Annotation(reasonAnnotation),
		Holder: o.Text("spec", "holderIdentity"), Hold: o.Label(lockLabel) == lockOfHold, Version: string(u.GetUID()) + "/" + u.GetResourceVersion(),
	}
	var errs []error
	for field, at := range map[string]*time.Time{"acquireTime": &r.Since, "renewTime": &r.Renewed} {
		t, err := time.Parse(time.RFC3339Nano, o.Text("spec", field))
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: spec.%s: %w: it was not written by weighlock; delete it if nobody needs it", o.Ref(), field, err))
		}
		*at = t
	}
	if seconds, ok := o.Get("spec", "leaseDurationSeconds"); ok {
		n, _ := seconds.(int64)
		r.Duration = time.Duration(n) * time.Second
	}
	return r, errors.Join(errs...)
}
