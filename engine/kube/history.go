package kube

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/history"
	"github.com/weighlock/weighlock/engine/lock"
)

// History are the results of what ran on this cluster's targets, kept as Secrets beside the locks: in a namespace that is
// made when it is first needed; "" is [lock.Namespace].
func (c *Cluster) History(namespace string) history.Store {
	return results{c, cmp.Or(namespace, lock.Namespace)}
}

type results struct {
	*Cluster
	namespace string
}

var secretResource = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}

// A result's Secret is found by its label, whose value stands for the discriminator, and listed by its annotation.
const (
	resultLabel      = "weighlock.dev/result"
	entryAnnotation  = "weighlock.dev/entry"
	resultSecretType = "weighlock.dev/result"
	resultKey        = "result.json.gz"
	resultPrefix     = "result-"
)

// targetLabel is a label's value for a discriminator, the same as its lock's name.
func targetLabel(discriminator string) string {
	return lock.Record{Discriminator: discriminator}.Name()
}

func (r results) client() dynamic.ResourceInterface {
	return r.dynamic.Resource(secretResource).Namespace(r.namespace)
}

// Put implements [history.Store].
func (r results) Put(ctx context.Context, e history.Entry, data []byte) error {
	entry, err := json.Marshal(e)
	if err != nil {
		return err
	}
	o := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Secret", "type": resultSecretType, "immutable": true,
		"metadata": map[string]any{
			"name": resultPrefix + e.ID, "namespace": r.namespace,
			"labels":      map[string]any{resultLabel: targetLabel(e.Discriminator)},
			"annotations": map[string]any{entryAnnotation: string(entry)},
		},
		"data": map[string]any{resultKey: base64.StdEncoding.EncodeToString(data)},
	}}
	create := func() (*unstructured.Unstructured, error) {
		return r.client().Create(ctx, o, metav1.CreateOptions{FieldManager: diff.FieldManager})
	}
	_, err = r.send(ctx, create)
	if apierrors.IsNotFound(err) {
		if err := r.makeNamespace(ctx, r.namespace); err != nil {
			return r.rights(err)
		}
		_, err = r.send(ctx, create)
	}
	if apierrors.IsAlreadyExists(err) {
		return nil // by an earlier attempt whose answer got lost: nobody else makes this ID
	}
	return r.refused("create", err)
}

// List implements [history.Store]. It reads the Secrets' metadata, not their contents.
func (r results) List(ctx context.Context, discriminator string) ([]history.Entry, error) {
	selector := resultLabel
	if discriminator != "" {
		selector += "=" + targetLabel(discriminator)
	}
	var list *metav1.PartialObjectMetadataList
	err := r.retry(ctx, func() (err error) {
		list, err = r.metadata.Resource(secretResource).Namespace(r.namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
		return err
	})
	if err != nil {
		return nil, r.refused("list", err)
	}
	var out []history.Entry
	var errs []error
	for _, o := range list.Items {
		var e history.Entry
		if err := json.Unmarshal([]byte(o.Annotations[entryAnnotation]), &e); err != nil || resultPrefix+e.ID != o.Name {
			errs = append(errs, fmt.Errorf("%s/Secret/%s: annotation %s: it was not written by weighlock; delete it if nobody needs it", o.Namespace, o.Name, entryAnnotation))
			continue
		}
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b history.Entry) int {
		return cmp.Or(b.StartTime.Compare(a.StartTime), cmp.Compare(b.ID, a.ID))
	})
	return out, errors.Join(errs...)
}

// Get implements [history.Store].
func (r results) Get(ctx context.Context, id string) ([]byte, error) {
	live, err := r.send(ctx, func() (*unstructured.Unstructured, error) {
		return r.client().Get(ctx, resultPrefix+id, metav1.GetOptions{})
	})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, r.refused("get", err)
	}
	text, _, _ := unstructured.NestedString(live.Object, "data", resultKey)
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(data) == 0 || live.GetLabels()[resultLabel] == "" {
		return nil, fmt.Errorf("%s/Secret/%s%s: it is not a stored result", r.namespace, resultPrefix, id)
	}
	return data, nil
}

// Remove implements [history.Store].
func (r results) Remove(ctx context.Context, id string) error {
	err := r.retry(ctx, func() error { return r.client().Delete(ctx, resultPrefix+id, metav1.DeleteOptions{}) })
	if apierrors.IsNotFound(err) {
		return nil
	}
	return r.refused("delete", err)
}

func (r results) refused(verb string, err error) error {
	if err == nil {
		return nil
	}
	if err := r.rights(r.ownRight(verb, "secrets", r.namespace, err)); errors.As(err, new(*history.RightsError)) {
		return err
	}
	return r.unreachable("keeping results", err)
}

// rights words a missing right for callers that keep results.
func (r results) rights(err error) error {
	if missing := new(rightError); errors.As(err, &missing) {
		return &history.RightsError{Missing: missing.missing, Err: missing.err}
	}
	return err
}
