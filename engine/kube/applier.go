package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
		return a.replace(ctx, client, w.Object)
	}
	if w.Takeover != nil {
		if err := a.takeOver(ctx, client, w.Takeover, ref); err != nil {
			return nil, nil, err
		}
	}
	stored, warnings, err := send(ctx, client, w.Object, metav1.PatchOptions{Force: &w.Force})
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
		return !errors.As(err, &noKind), nil
	})
	return client, err
}

// replace sends an object in the place of the live one. Somebody else's write in between makes it look again.
func (a applier) replace(ctx context.Context, client dynamic.ResourceInterface, o object.Object) (object.Object, []string, error) {
	ref := o.Ref()
	var err error
	for range 5 {
		var live, stored *unstructured.Unstructured
		if live, err = client.Get(ctx, ref.Name, metav1.GetOptions{}); err != nil {
			return nil, nil, a.failed("reading", ref, err)
		}
		next := &unstructured.Unstructured{Object: o.Clone()}
		next.SetResourceVersion(live.GetResourceVersion())
		ctx, warnings := collectWarnings(ctx)
		stored, err = client.Update(ctx, next, metav1.UpdateOptions{FieldManager: diff.FieldManager, FieldValidation: metav1.FieldValidationStrict})
		if err == nil {
			return stored.Object, *warnings, nil
		}
		if !apierrors.IsConflict(err) {
			break
		}
	}
	return nil, nil, a.failed("replacing", ref, err)
}

// takeOver makes the fields of forerunners ours. It changes who owns fields, and no field. Somebody else's write in
// between makes it look again.
func (a applier) takeOver(ctx context.Context, client dynamic.ResourceInterface, t *diff.Takeover, ref object.Ref) error {
	var err error
	for range 5 {
		var live *unstructured.Unstructured
		if live, err = client.Get(ctx, ref.Name, metav1.GetOptions{}); err != nil {
			return a.failed("reading", ref, err)
		}
		fields := t.ManagedFields(live.Object)
		if fields == nil {
			return nil
		}
		var patch []byte
		// A replaced resourceVersion, as against a tested one, makes the server answer with a conflict.
		if patch, err = json.Marshal([]map[string]any{
			{"op": "add", "path": "/metadata/managedFields", "value": fields}, // there need not be any
			{"op": "replace", "path": "/metadata/resourceVersion", "value": live.GetResourceVersion()},
		}); err != nil {
			return err
		}
		_, err = client.Patch(ctx, ref.Name, types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: diff.FieldManager})
		if !apierrors.IsConflict(err) {
			break
		}
	}
	if err != nil {
		return a.failed("taking over fields of", ref, err)
	}
	return nil
}

// AwaitGone implements [apply.Applier].
func (a applier) AwaitGone(ctx context.Context, ref object.Ref) error {
	client, err := a.client(ref)
	if err != nil {
		return err
	}
	err = wait.PollUntilContextTimeout(ctx, 200*time.Millisecond, goneTimeout, true, func(ctx context.Context) (bool, error) {
		live, err := client.Get(ctx, ref.Name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return true, nil
		case err != nil:
			return false, a.failed("reading", ref, err)
		case live.GetDeletionTimestamp() == nil:
			return true, nil // another one has its name already
		}
		return false, nil
	})
	if wait.Interrupted(err) {
		return fmt.Errorf("%s: is deleted and still there after %s: its finalizers are not done", ref, goneTimeout)
	}
	return err
}

// goneTimeout bounds the wait for an object that is to be replaced.
const goneTimeout = 5 * time.Minute

// Delete implements [apply.Applier].
func (a applier) Delete(ctx context.Context, ref object.Ref) error {
	client, err := a.client(ref)
	if err != nil {
		return err
	}
	background := metav1.DeletePropagationBackground
	err = client.Delete(ctx, ref.Name, metav1.DeleteOptions{PropagationPolicy: &background})
	if err != nil && !apierrors.IsNotFound(err) {
		return a.failed("deleting", ref, err)
	}
	return nil
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
	err = wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, establishTimeout, true, func(ctx context.Context) (bool, error) {
		live, err := client.Get(ctx, ref.Name, metav1.GetOptions{})
		if err != nil {
			return false, a.failed("reading", ref, err)
		}
		crd = live.Object
		return established(crd)
	})
	if wait.Interrupted(err) {
		return fmt.Errorf("%s: the server did not establish it within %s", ref, establishTimeout)
	}
	if err != nil {
		return err
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
