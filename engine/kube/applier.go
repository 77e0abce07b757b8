package kube

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/object"
)

// Applier writes to the cluster.
func (c *Cluster) Applier() apply.Applier { return applier{c} }

type applier struct{ *Cluster }

// Apply implements [apply.Applier].
func (a applier) Apply(ctx context.Context, o object.Object) (object.Object, []string, error) {
	return a.apply(ctx, o, nil)
}

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
