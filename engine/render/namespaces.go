package render

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/engine/internal/kustomize"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/project"
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

// addNamespaces adds, for items that say createNamespace, the namespaces of their objects that nobody else makes: neither
// the deployment nor, where there is a cluster, somebody before it. They stay when the item is gone, as do those that Helm
// and Argo CD create, because others may have moved in.
func addNamespaces(ctx context.Context, target project.Target, works []*work, reader Reader) error {
	made := map[string]bool{"default": true}
	for _, w := range works {
		for _, m := range w.objects {
			if ref := m.Object.Ref(); ref.IsNamespace() {
				made[ref.Name] = true
			}
		}
	}
	var errs []error
	for _, w := range works {
		if !w.item.CreateNamespace {
			continue
		}
		var added []Manifest
		for _, m := range w.objects {
			name := m.Object.Ref().Namespace
			if name == "" || made[name] || strings.HasPrefix(name, "kube-") {
				continue
			}
			made[name] = true
			o := object.Object{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name}}
			others, err := madeByOthers(ctx, target, o.Ref(), reader)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: createNamespace: whether %s is there already cannot be found out: %w", w.item.From, o.Ref(), err))
			}
			if others {
				continue
			}
			mark(o, target, w.item)
			o.SetAnnotation("kluctl.io/skip-delete", "true")
			added = append(added, Manifest{Object: o, Source: w.item.From})
		}
		w.objects = slices.Concat(added, w.objects)
	}
	return errors.Join(errs...)
}

// madeByOthers says whether a namespace is there and is not the target's.
func madeByOthers(ctx context.Context, target project.Target, ref object.Ref, reader Reader) (bool, error) {
	if reader == nil {
		return false, nil
	}
	live, err := reader.Get(ctx, ref)
	if err != nil || live == nil {
		return false, err
	}
	return target.Discriminator == "" || live.Label("kluctl.io/discriminator") != target.Discriminator, nil
}
