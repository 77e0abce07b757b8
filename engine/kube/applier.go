package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"

	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
)

// Applier writes to the cluster.
func (c *Cluster) Applier() apply.Applier { return applier{c, observer{c}} }

type applier struct {
	*Cluster
	apply.Observer
}

var _ apply.Applier = applier{}

// Apply implements [apply.Applier].
func (a applier) Apply(ctx context.Context, w diff.Write) (object.Object, []string, error) {
	ref := w.Object.Ref()
	client, err := a.client(ref)
	if err != nil && w.Late {
		client, err = a.lateClient(ctx, ref)
	}
	if err != nil {
		return nil, nil, err
	}
	if w.Whole {
		return a.replace(ctx, client, w)
	}
	if w.Takeover != nil {
		if err := a.takeOver(ctx, client, w.Takeover, ref); err != nil {
			return nil, nil, err
		}
	}
	var stored object.Object
	var warnings []string
	// An apply whose answer was lost is no other one the second time.
	err = unraced(func() error {
		return a.retry(ctx, func() (err error) {
			stored, warnings, err = send(ctx, client, w.Object, metav1.PatchOptions{Force: &w.Force})
			return err
		})
	})
	if err != nil {
		return nil, nil, a.refused("applying", ref, err)
	}
	return stored, warnings, nil
}

// lateTimeout bounds the wait for a kind whose definition has just come: the API server publishes it after a moment.
const lateTimeout = 10 * time.Second

// lateClient is client for a kind that may have come since discovery was asked.
func (a applier) lateClient(ctx context.Context, ref object.Ref) (client dynamic.ResourceInterface, err error) {
	_ = wait.PollUntilContextTimeout(ctx, 250*time.Millisecond, lateTimeout, true, func(context.Context) (bool, error) {
		a.renew()
		client, err = a.client(ref)
		var noKind *diff.NoKindError
		var gone *diff.UnreachableError
		return !errors.As(err, &noKind) && !errors.As(err, &gone), nil
	})
	return client, err
}

// replace sends an object in the place of the live one. Somebody else's write in between makes it look again.
func (a applier) replace(ctx context.Context, client dynamic.ResourceInterface, w diff.Write) (object.Object, []string, error) {
	ref := w.Object.Ref()
	var stored *unstructured.Unstructured
	var warnings *[]string
	err := unraced(func() error {
		live, err := a.read(ctx, client, ref)
		if err != nil {
			return err
		}
		next := &unstructured.Unstructured{Object: w.Object.Clone()}
		next.SetResourceVersion(live.GetResourceVersion())
		return a.retry(ctx, func() (err error) {
			sending, collected := collectWarnings(ctx)
			warnings = collected
			stored, err = client.Update(sending, next, metav1.UpdateOptions{FieldManager: diff.FieldManager, FieldValidation: metav1.FieldValidationStrict})
			return err
		})
	})
	if err != nil {
		return nil, nil, a.failed("replacing", ref, err)
	}
	return stored.Object, *warnings, a.takeOver(ctx, client, w.Takeover, ref)
}

func (a applier) read(ctx context.Context, client dynamic.ResourceInterface, ref object.Ref) (live *unstructured.Unstructured, err error) {
	err = a.retry(ctx, func() error {
		live, err = client.Get(ctx, ref.Name, metav1.GetOptions{})
		return err
	})
	return live, err
}

// takeOver makes the fields of forerunners ours. It changes who owns fields, and no field. Somebody else's write in
// between makes it look again.
func (a applier) takeOver(ctx context.Context, client dynamic.ResourceInterface, t *diff.Takeover, ref object.Ref) error {
	err := unraced(func() error {
		live, err := a.read(ctx, client, ref)
		if err != nil {
			return err
		}
		fields := t.ManagedFields(live.Object)
		if fields == nil {
			return nil
		}
		// A replaced resourceVersion, as against a tested one, makes the server answer with a conflict.
		patch, err := json.Marshal([]map[string]any{
			{"op": "add", "path": "/metadata/managedFields", "value": fields}, // there need not be any
			{"op": "replace", "path": "/metadata/resourceVersion", "value": live.GetResourceVersion()},
		})
		if err != nil {
			return err
		}
		return a.retry(ctx, func() error {
			_, err := client.Patch(ctx, ref.Name, types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: diff.FieldManager})
			return err
		})
	})
	if err != nil {
		return a.failed("taking over fields of", ref, err)
	}
	return nil
}

// goneTimeout bounds the wait for a deleted object.
const goneTimeout = 5 * time.Minute

// AwaitGone implements [apply.Applier].
func (a applier) AwaitGone(ctx context.Context, ref object.Ref, uid string) error {
	client, err := a.client(ref)
	if err != nil {
		return err
	}
	err = poll(ctx, 200*time.Millisecond, goneTimeout, func(ctx context.Context) (bool, error) {
		live, err := client.Get(ctx, ref.Name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return true, nil
		case err != nil:
			return false, err
		}
		another := live.GetDeletionTimestamp() == nil || uid != "" && string(live.GetUID()) != uid
		return another, nil
	})
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s: is deleted; interrupted while waiting for it to be gone: %w", ref, err)
	case wait.Interrupted(err):
		return fmt.Errorf("%s: is deleted and still there after %s: its finalizers are not done", ref, goneTimeout)
	}
	return a.failed("waiting for it to be gone", ref, err)
}

// Delete implements [apply.Applier].
func (a applier) Delete(ctx context.Context, ref object.Ref, which apply.Which) error {
	client, err := a.client(ref)
	if err != nil {
		return err
	}
	background := metav1.DeletePropagationBackground
	opts := metav1.DeleteOptions{PropagationPolicy: &background}
	if which.UID != "" {
		opts.Preconditions = metav1.NewUIDPreconditions(which.UID)
	}
	lost := false // an answer, after which nobody knows whether the deletion was carried out
	var taken error
	err = unraced(func() error {
		if which.Discriminator != "" {
			var left bool
			if left, taken, err = a.belongs(ctx, client, ref, which, &opts); err != nil || taken != nil || !left {
				return err
			}
		}
		return a.retry(ctx, func() error {
			err := client.Delete(ctx, ref.Name, opts)
			switch {
			case apierrors.IsNotFound(err):
				return nil
			case another(err) && lost:
				return nil // it was
			}
			lost = lost || passing(err)
			return err
		})
	})
	switch {
	case taken != nil:
		return taken
	case err == nil:
		return nil
	case another(err):
		return fmt.Errorf("%s: was deleted and created anew since it was compared, and that one is not deleted: compare again: %w", ref, err)
	}
	return a.failed("deleting", ref, err)
}

// belongs binds a deletion to the object as it is, so that nobody takes it over in between. left says that there is something to delete,
// taken that it is another target's by now.
func (a applier) belongs(ctx context.Context, client dynamic.ResourceInterface, ref object.Ref, which apply.Which, opts *metav1.DeleteOptions) (left bool, taken, err error) {
	live, err := a.read(ctx, client, ref)
	switch {
	case apierrors.IsNotFound(err):
		return false, nil, nil
	case err != nil:
		return false, nil, err
	case which.UID != "" && string(live.GetUID()) != which.UID:
		return true, nil, nil // the server says so
	case live.GetDeletionTimestamp() != nil:
		return false, nil, nil
	}
	if owner := live.GetLabels()[diff.DiscriminatorLabel]; owner != which.Discriminator {
		return true, fmt.Errorf("%s: has become that of another target (discriminator %q) since it was compared, and is not deleted: compare again", ref, owner), nil
	}
	only := metav1.Preconditions{}
	if opts.Preconditions != nil {
		only = *opts.Preconditions
	}
	version := live.GetResourceVersion()
	only.ResourceVersion = &version
	opts.Preconditions = &only
	return true, nil, nil
}

// another says whether a deletion was refused because the object that is there is not the one that was meant.
func another(err error) bool {
	return apierrors.IsConflict(err) && strings.Contains(err.Error(), "UID in precondition")
}

// establishTimeout bounds the wait for a CustomResourceDefinition; a server that works needs about a second.
const establishTimeout = time.Minute

// AwaitEstablished implements [apply.Applier].
func (a applier) AwaitEstablished(ctx context.Context, ref object.Ref) error {
	client, err := a.client(ref)
	if err != nil {
		return err
	}
	var crd object.Object
	var refused error
	err = poll(ctx, 100*time.Millisecond, establishTimeout, func(ctx context.Context) (done bool, err error) {
		live, err := client.Get(ctx, ref.Name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		crd = live.Object
		done, refused = established(crd)
		return done || refused != nil, nil
	})
	switch {
	case refused != nil:
		return refused
	case err != nil && ctx.Err() != nil:
		return fmt.Errorf("%s: is applied; interrupted before the server had established it: %w", ref, err)
	case wait.Interrupted(err):
		return fmt.Errorf("%s: the server did not establish it within %s", ref, establishTimeout)
	case err != nil:
		return a.failed("waiting for it to be established", ref, err)
	}
	return a.awaitServed(ctx, ref, crd)
}

func established(crd object.Object) (bool, error) {
	conditions, _ := crd.Map("status")["conditions"].([]any)
	for _, c := range conditions {
		m, _ := c.(map[string]any)
		cond := object.Object(m)
		switch cond.Text("type") {
		case "NamesAccepted":
			if cond.Text("status") == "False" {
				return false, fmt.Errorf("%s: %s", crd.Ref(), cond.Text("message"))
			}
		case "Established":
			return cond.Text("status") == "True", nil
		}
	}
	return false, nil
}

// awaitServed renews discovery until it tells of the definition's kind: the API server publishes it a moment after it
// has set the condition.
func (a applier) awaitServed(ctx context.Context, ref object.Ref, crd object.Object) error {
	kind := object.Ref{Group: crd.Text("spec", "group"), Kind: crd.Text("spec", "names", "kind")}
	versions, _ := crd.Map("spec")["versions"].([]any)
	for _, v := range versions {
		m, _ := v.(map[string]any)
		if served, _ := m["served"].(bool); !served {
			continue
		}
		kind.Version, _ = m["name"].(string)
		err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, establishTimeout, true, func(context.Context) (bool, error) {
			if _, err := a.resource(kind); err == nil {
				return true, nil
			}
			a.renew()
			_, err := a.resource(kind)
			return err == nil, nil
		})
		if err != nil {
			return fmt.Errorf("%s: the server does not serve %s %s yet: %w", ref, kind.APIVersion(), kind.Kind, err)
		}
	}
	return nil
}
