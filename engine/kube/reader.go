package kube

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/render"
)

// Reader is what rendering may ask of the cluster.
func (c *Cluster) Reader() render.Reader { return reader{c} }

type reader struct{ *Cluster }

var _ project.TokenIssuer = reader{}

// Namespaced implements [render.Reader].
func (r reader) Namespaced(_ context.Context, group, kind string) (namespaced, known bool, err error) {
	ref := object.Ref{Group: group, Kind: kind}
	m, err := r.resource(ref)
	var noKind *diff.NoKindError
	switch {
	case errors.As(err, &noKind), err != nil && r.silent(ref) != nil: // one silent server is no reason to render nothing
		return false, false, nil
	case err != nil:
		return false, false, err
	}
	return m.Scope.Name() == meta.RESTScopeNameNamespace, true, nil
}

// Capabilities implements [render.Reader].
func (r reader) Capabilities(context.Context) (render.Capabilities, error) {
	version, err := r.discovery.ServerVersion()
	if err != nil {
		return render.Capabilities{}, r.unreachable("asking for its version", err)
	}
	_, lists, err := r.discovery.ServerGroupsAndResources()
	// A group whose backend is down is left out; charts that ask for it must do without, as with Helm.
	if err != nil && !discovery.IsGroupDiscoveryFailedError(err) {
		return render.Capabilities{}, r.unreachable("asking for the kinds it serves", err)
	}
	seen := map[string]bool{}
	for _, l := range lists {
		seen[l.GroupVersion] = true
		for _, res := range l.APIResources {
			seen[l.GroupVersion+"/"+res.Kind] = true
		}
	}
	caps := render.Capabilities{KubeVersion: version.GitVersion}
	for v := range seen {
		caps.APIVersions = append(caps.APIVersions, v)
	}
	sort.Strings(caps.APIVersions)
	return caps, nil
}

// Get implements [project.Cluster].
func (r reader) Get(ctx context.Context, ref object.Ref) (object.Object, error) {
	return r.get(ctx, ref)
}

// List implements [project.Cluster].
func (r reader) List(ctx context.Context, kind object.Ref, with map[string]string) ([]object.Object, error) {
	m, err := r.resource(kind)
	if err != nil {
		return nil, err
	}
	var client dynamic.ResourceInterface = r.dynamic.Resource(m.Resource)
	if kind.Namespace != "" && m.Scope.Name() == meta.RESTScopeNameNamespace {
		client = r.dynamic.Resource(m.Resource).Namespace(kind.Namespace)
	}
	var out []object.Object
	opts := metav1.ListOptions{LabelSelector: labels.Set(with).String(), Limit: pageSize}
	for {
		var page *unstructured.UnstructuredList
		err := r.retry(ctx, func() (err error) {
			page, err = client.List(ctx, opts)
			return err
		})
		if err != nil {
			kind.Name = ""
			return nil, r.failed("listing", kind, err)
		}
		for _, o := range page.Items {
			out = append(out, o.Object)
		}
		if opts.Continue = page.GetContinue(); opts.Continue == "" {
			slices.SortFunc(out, func(a, b object.Object) int { return object.Compare(a.Ref(), b.Ref()) })
			return out, nil
		}
	}
}

// Kinds implements [project.Cluster].
func (r reader) Kinds(_ context.Context, name string) ([]object.Ref, error) {
	lists, err := discovery.ServerPreferredResources(r.discovery)
	if err != nil && !discovery.IsGroupDiscoveryFailedError(err) {
		return nil, r.unreachable("asking for the kinds it serves", err)
	}
	var out []object.Ref
	for _, l := range lists {
		gv, parseErr := schema.ParseGroupVersion(l.GroupVersion)
		if parseErr != nil {
			return nil, r.unreachable("asking for the kinds it serves", parseErr)
		}
		for _, res := range l.APIResources {
			if res.Kind == name && slices.Contains(res.Verbs, "get") {
				out = append(out, object.Ref{Group: gv.Group, Version: gv.Version, Kind: name})
			}
		}
	}
	// A group that does not answer may have the kind: where no other has, nobody can say that it is not served.
	if err != nil && len(out) == 0 {
		return nil, r.unreachable("asking for the kinds it serves", err)
	}
	slices.SortFunc(out, object.Compare)
	return out, nil
}

// Token implements [project.TokenIssuer]. A TokenRequest is sent like an object that is created, but nothing is stored.
func (r reader) Token(ctx context.Context, account object.Ref, audience string) (string, error) {
	m, err := r.resource(account)
	if err != nil {
		return "", err
	}
	request := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "metadata": map[string]any{"name": account.Name},
		"spec": map[string]any{"audiences": []any{audience}},
	}}
	made, err := r.dynamic.Resource(m.Resource).Namespace(account.Namespace).Create(ctx, request, metav1.CreateOptions{}, "token")
	if err != nil {
		return "", r.failed("asking for a token of the service account", account, err)
	}
	token := object.Object(made.Object).Text("status", "token")
	if token == "" {
		return "", fmt.Errorf("%s: the cluster gave no token", account)
	}
	return token, nil
}
