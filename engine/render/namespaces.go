package render

import (
	"context"

	"github.com/weighlock/weighlock/engine/internal/kustomize"
)

// fixNamespaces gives namespaced objects that name no namespace their release's, or "default", and takes the namespace
// from cluster-scoped ones (project format §3.5). Kinds that nobody knows stay as they are written.
//
// Without a cluster, the scopes of Kubernetes' own kinds and of those that the deployment defines are known, and an object
// outside of charts that names no namespace is left so: which one is meant is the cluster configuration's business.
func fixNamespaces(ctx context.Context, works []*work, reader Reader) error {
	defined := definedScopes(works)
	ofRelease := map[string]string{} // by the helm-chart.yaml
	for _, w := range works {
		for _, rel := range w.releases {
			ofRelease[rel.file] = rel.namespace
		}
	}
	for _, w := range works {
		for _, m := range w.objects {
			ref := m.Object.Ref()
			namespaced, known := defined[[2]string{ref.Group, ref.Kind}]
			switch {
			case known:
			case reader == nil:
				namespaced, known = kustomize.Namespaced(ref.APIVersion(), ref.Kind)
			default:
				var err error
				if namespaced, known, err = reader.Namespaced(ctx, ref.Group, ref.Kind); err != nil {
					return err
				}
			}
			switch {
			case !known:
			case !namespaced:
				if ref.Namespace != "" {
					m.Object.SetNamespace("")
				}
			case ref.Namespace == "":
				if ns := ofRelease[m.Source]; ns != "" {
					m.Object.SetNamespace(ns)
				} else if reader != nil {
					m.Object.SetNamespace("default")
				}
			}
		}
	}
	return nil
}

// definedScopes are the scopes of the kinds that the deployment itself defines.
func definedScopes(works []*work) map[[2]string]bool {
	scopes := map[[2]string]bool{}
	for _, w := range works {
		for _, m := range w.objects {
			if m.Object.Ref().IsCRD() {
				kind := [2]string{m.Object.Text("spec", "group"), m.Object.Text("spec", "names", "kind")}
				scopes[kind] = m.Object.Text("spec", "scope") == "Namespaced"
			}
		}
	}
	return scopes
}
