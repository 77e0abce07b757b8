package kube

import (
	"context"
	"errors"
	"slices"

	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

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
		"resourceAttributes": attributes(r),
	})
	allowed, _ := answer.Map("status")["allowed"].(bool)
	return allowed, err
}

// Kept implements [doctor.Cluster].
func (p patient) Kept(ctx context.Context) ([]doctor.Right, error) {
	kinds, _, err := previewer(p).Kinds(ctx) // a server that is silent keeps nothing that could be deployed now
	var out []doctor.Right
	for _, k := range kinds {
		out = append(out, doctor.Right{Group: k.Group, Resource: k.Resource})
	}
	return out, err
}

// Has implements [doctor.Cluster].
func (p patient) Has(ctx context.Context, ref object.Ref) (bool, error) {
	live, err := p.get(ctx, ref)
	return live != nil, err
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

// Touch implements [doctor.Cluster] by an empty patch: the server judges it as any change, and writes nothing where nothing is changed.
func (p patient) Touch(ctx context.Context, ref object.Ref) error {
	client, err := p.client(ref)
	if err != nil {
		return err
	}
	_, err = client.Patch(ctx, ref.Name, types.MergePatchType, []byte("{}"), metav1.PatchOptions{FieldManager: diff.FieldManager})
	return p.refused("changing", ref, err)
}

// Policies implements [doctor.Cluster].
func (p patient) Policies(ctx context.Context) (policies, bindings []object.Object, err error) {
	if policies, err = p.all(ctx, "admissionregistration.k8s.io", "validatingadmissionpolicies", "ValidatingAdmissionPolicy"); err == nil {
		bindings, err = p.all(ctx, "admissionregistration.k8s.io", "validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding")
	}
	return policies, bindings, err
}

// Namespaces implements [doctor.Cluster].
func (p patient) Namespaces(ctx context.Context) ([]string, error) {
	all, err := p.all(ctx, "", "namespaces", "Namespace")
	var out []string
	for _, ns := range all {
		out = append(out, ns.Ref().Name)
	}
	return out, err
}

// Aggregated implements [doctor.Cluster].
func (p patient) Aggregated(ctx context.Context) ([]string, error) {
	all, err := p.all(ctx, "apiregistration.k8s.io", "apiservices", "APIService")
	var out []string
	for _, s := range all {
		if group := s.Text("spec", "group"); s.Map("spec", "service") != nil && !slices.Contains(out, group) {
			out = append(out, group)
		}
	}
	return out, err
}

// all lists the objects of a resource, all of them.
func (p patient) all(ctx context.Context, group, resource, kind string) ([]object.Object, error) {
	list, err := p.dynamic.Resource(schema.GroupVersionResource{Group: group, Version: "v1", Resource: resource}).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, p.failed("listing", object.Ref{Group: group, Version: "v1", Kind: kind}, err)
	}
	out := make([]object.Object, len(list.Items))
	for i := range list.Items {
		out[i] = list.Items[i].Object
	}
	return out, nil
}

// Rules implements [doctor.Cluster].
func (p patient) Rules(ctx context.Context, namespace string) (rules []doctor.Rule, complete bool, err error) {
	answer, err := p.ask(ctx, "authorization.k8s.io", "selfsubjectrulesreviews", "SelfSubjectRulesReview", map[string]any{"namespace": namespace})
	if err != nil {
		return nil, false, err
	}
	var review authorizationv1.SelfSubjectRulesReview
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(answer, &review); err != nil {
		return nil, false, err
	}
	for _, r := range review.Status.ResourceRules {
		rules = append(rules, doctor.Rule{Verbs: r.Verbs, Groups: r.APIGroups, Resources: r.Resources, Names: r.ResourceNames})
	}
	return rules, !review.Status.Incomplete, nil
}

// attributes are a right as reviews have it.
func attributes(r doctor.Right) map[string]any {
	return map[string]any{"verb": r.Verb, "group": r.Group, "resource": r.Resource, "subresource": r.Subresource, "namespace": r.Namespace}
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
