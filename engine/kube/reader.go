package kube

import (
	"context"
	"errors"
	"sort"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/discovery"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/render"
)

// Reader is what rendering may ask of the cluster.
func (c *Cluster) Reader() render.Reader { return reader{c} }

type reader struct{ *Cluster }

// Namespaced implements [render.Reader].
func (r reader) Namespaced(_ context.Context, group, kind string) (namespaced, known bool, err error) {
	m, err := r.resource(object.Ref{Group: group, Kind: kind})
	var noKind *diff.NoKindError
	switch {
	case errors.As(err, &noKind):
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
