package kube

import (
	"context"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/doctor"
	"github.com/weighlock/weighlock/engine/object"
)

// Patient is the cluster as it is examined, as the identity of this connection.
func (c *Cluster) Patient() doctor.Cluster { return patient{c} }

type patient struct{ *Cluster }

// Version implements [doctor.Cluster].
func (p patient) Version(context.Context) (string, error) {
	v, err := p.discovery.ServerVersion()
	if err != nil {
		return "", p.unreachable("asking for its version", err)
	}
	return v.GitVersion, nil
}

// UID implements [doctor.Cluster].
func (p patient) UID(ctx context.Context) (string, error) {
	ref := object.Ref{Version: "v1", Kind: "Namespace", Name: "kube-system"}
	live, err := p.dynamic.Resource(namespaceResource).Get(ctx, ref.Name, metav1.GetOptions{})
	if err != nil {
		return "", p.failed("reading", ref, err)
	}
	return string(live.GetUID()), nil
}

// ask creates an object that the server answers and does not keep.
func (p patient) ask(ctx context.Context, group, resource, kind string, spec map[string]any) (object.Object, error) {
	r := schema.GroupVersionResource{Group: group, Version: "v1", Resource: resource}
	answer, err := p.dynamic.Resource(r).Create(ctx, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": r.GroupVersion().String(), "kind": kind, "spec": spec,
	}}, metav1.CreateOptions{})
	if err != nil {
		return nil, p.failed("asking", object.Ref{Group: group, Version: "v1", Kind: kind}, err)
	}
	return answer.Object, nil
}

// User implements [doctor.Cluster].
func (p patient) User(ctx context.Context) (string, error) {
	answer, err := p.ask(ctx, "authentication.k8s.io", "selfsubjectreviews", "SelfSubjectReview", map[string]any{})
	return answer.Text("status", "userInfo", "username"), err
}

// Allowed implements [doctor.Cluster].
func (p patient) Allowed(ctx context.Context, r doctor.Right) (bool, error) {
	answer, err := p.ask(ctx, "authorization.k8s.io", "selfsubjectaccessreviews", "SelfSubjectAccessReview", map[string]any{
		"resourceAttributes": map[string]any{"verb": r.Verb, "group": r.Group, "resource": r.Resource, "subresource": r.Subresource, "namespace": r.Namespace},
	})
	allowed, _ := answer.Map("status")["allowed"].(bool)
	return allowed, err
}

// Create implements [doctor.Cluster].
func (p patient) Create(ctx context.Context, o object.Object, how doctor.Way) error {
	client, err := p.client(o.Ref())
	if err != nil {
		return err
	}
	opts := metav1.CreateOptions{FieldManager: diff.FieldManager}
	if how == doctor.DryRun {
		opts.DryRun = []string{metav1.DryRunAll}
	}
	_, err = client.Create(ctx, &unstructured.Unstructured{Object: o}, opts)
	if apierrors.IsAlreadyExists(err) {
		return doctor.ErrExists
	}
	return p.refused("creating", o.Ref(), err)
}

// noService is a service that no cluster has: names of services do not begin with a digit.
const noService = "0-weighlock-doctor"

// Connect implements [doctor.Cluster].
func (p patient) Connect(ctx context.Context) error {
	err := p.core.Get().Namespace("default").Resource("services").Name(noService).SubResource("proxy").Do(ctx).Error()
	if apierrors.IsNotFound(err) {
		return nil
	}
	return p.refused("connecting to", object.Ref{Version: "v1", Kind: "Service", Namespace: "default", Name: noService}, err)
}

// refused words an answer of the server.
func (p patient) refused(doing string, ref object.Ref, err error) error {
	if err == nil {
		return nil
	}
	worded := p.failed(doing, ref, err)
	var denied *diff.DeniedError
	var forbidden *diff.ForbiddenError
	switch {
	case errors.As(worded, &denied):
		return &doctor.RefusedError{Policy: true, Err: worded}
	case errors.As(worded, &forbidden):
		return &doctor.RefusedError{Err: worded}
	}
	return worded
}
