package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/doctor"
	"github.com/weighlock/weighlock/engine/object"
)

// Previewer is the cluster as a preview may see it: it sends reads and dry runs only.
func (c *Cluster) Previewer() diff.Previewer { return previewer{c} }

type previewer struct{ *Cluster }

// Get implements [diff.Previewer].
func (p previewer) Get(ctx context.Context, ref object.Ref) (object.Object, error) {
	return p.get(ctx, ref)
}

// Apply implements [diff.Previewer].
func (p previewer) Apply(ctx context.Context, o object.Object, force bool) (diff.Preview, error) {
	client, err := p.client(o.Ref())
	if err != nil {
		return diff.Preview{}, err
	}
	var out diff.Preview
	err = p.retry(ctx, func() (err error) {
		out.Merged, out.Warnings, err = send(ctx, client, o, metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}, Force: &force})
		return err
	})
	if err != nil {
		return diff.Preview{}, p.refused("applying", o.Ref(), err)
	}
	return out, nil
}

// send sends a server-side apply.
func send(ctx context.Context, client dynamic.ResourceInterface, o object.Object, opts metav1.PatchOptions) (object.Object, []string, error) {
	data, err := json.Marshal(o)
	if err != nil {
		return nil, nil, err
	}
	opts.FieldManager, opts.FieldValidation = diff.FieldManager, metav1.FieldValidationStrict
	ctx, warnings := collectWarnings(ctx)
	merged, err := client.Patch(ctx, o.Ref().Name, types.ApplyPatchType, data, opts)
	if err != nil {
		return nil, nil, err
	}
	return merged.Object, *warnings, nil
}

// refused is failed for writes, which may also meet other managers.
func (c *Cluster) refused(doing string, ref object.Ref, err error) error {
	if conflict := conflicts(ref, err); conflict != nil {
		return conflict
	}
	return c.failed(doing, ref, err)
}

// Update implements [diff.Previewer].
func (p previewer) Update(ctx context.Context, o object.Object) (diff.Preview, error) {
	client, err := p.client(o.Ref())
	if err != nil {
		return diff.Preview{}, err
	}
	var out diff.Preview
	err = p.retry(ctx, func() error {
		ctx, warnings := collectWarnings(ctx)
		merged, err := client.Update(ctx, &unstructured.Unstructured{Object: o.Clone()},
			metav1.UpdateOptions{DryRun: []string{metav1.DryRunAll}, FieldManager: diff.FieldManager})
		if err == nil {
			out = diff.Preview{Merged: merged.Object, Warnings: *warnings}
		}
		return err
	})
	if err != nil {
		return diff.Preview{}, p.failed("updating", o.Ref(), err)
	}
	return out, nil
}

// MayApply implements [diff.Previewer].
func (p previewer) MayApply(ctx context.Context, ref object.Ref) (bool, error) {
	m, err := p.resource(ref)
	if err != nil {
		return false, err
	}
	return patient(p).Allowed(ctx, doctor.Right{Verb: "patch", Group: m.Resource.Group, Resource: m.Resource.Resource, Namespace: ref.Namespace})
}

// pageSize is how many objects a page of a list holds.
const pageSize = 500

// List implements [diff.Previewer].
func (p previewer) List(ctx context.Context, q diff.Query) ([]object.Object, error) {
	gvr := schema.GroupVersionResource{Group: q.Kind.Group, Version: q.Kind.Version, Resource: q.Kind.Resource}
	opts := metav1.ListOptions{Limit: pageSize}
	if q.Discriminator != "" {
		opts.LabelSelector = labels.Set{diff.DiscriminatorLabel: q.Discriminator}.String()
	}
	page := p.page(gvr, q)
	var out []object.Object
	for {
		var items []object.Object
		var next string
		err := p.retry(ctx, func() (err error) {
			items, next, err = page(ctx, opts)
			return err
		})
		switch {
		case apierrors.IsNotFound(err), apierrors.IsMethodNotSupported(err):
			return nil, nil
		case apierrors.IsResourceExpired(err) && opts.Continue != "":
			out, opts.Continue = nil, "" // it took too long: from the beginning
			continue
		case err != nil:
			return nil, p.failed("listing", object.Ref{Group: q.Kind.Group, Version: q.Kind.Version, Kind: q.Kind.Kind}, err)
		}
		out = append(out, items...)
		if opts.Continue = next; next == "" {
			return out, nil
		}
	}
}

// page returns what asks for one page of a list.
func (p previewer) page(gvr schema.GroupVersionResource, q diff.Query) func(context.Context, metav1.ListOptions) ([]object.Object, string, error) {
	if q.Whole {
		return func(ctx context.Context, opts metav1.ListOptions) ([]object.Object, string, error) {
			list, err := p.dynamic.Resource(gvr).Namespace(q.Namespace).List(ctx, opts)
			if err != nil {
				return nil, "", err
			}
			out := make([]object.Object, len(list.Items))
			for i, item := range list.Items {
				out[i] = item.Object
				// A list need not repeat them.
				out[i]["apiVersion"], out[i]["kind"] = gvr.GroupVersion().String(), q.Kind.Kind
			}
			return out, list.GetContinue(), nil
		}
	}
	return func(ctx context.Context, opts metav1.ListOptions) ([]object.Object, string, error) {
		list, err := p.metadata.Resource(gvr).Namespace(q.Namespace).List(ctx, opts)
		if err != nil {
			return nil, "", err
		}
		out := make([]object.Object, len(list.Items))
		for i := range list.Items {
			data, err := json.Marshal(list.Items[i])
			if err != nil {
				return nil, "", err
			}
			if out[i], err = object.FromJSON(data); err != nil {
				return nil, "", err
			}
			out[i]["apiVersion"], out[i]["kind"] = gvr.GroupVersion().String(), q.Kind.Kind
		}
		return out, list.GetContinue(), nil
	}
}

// Kinds implements [diff.Previewer].
func (p previewer) Kinds(context.Context) ([]diff.Kind, []error, error) {
	lists, err := discovery.ServerPreferredResources(p.discovery)
	var gaps []error
	if err != nil && !discovery.IsGroupDiscoveryFailedError(err) {
		return nil, nil, p.unreachable("asking for the kinds it serves", err)
	}
	if err != nil {
		gaps = append(gaps, fmt.Errorf("some kinds cannot be listed: %w", err))
	}
	// This asks nothing more: all versions are known by now. What has gaps, has had them told.
	_, all, _ := p.discovery.ServerGroupsAndResources()
	versions := map[schema.GroupKind][]string{}
	for _, l := range all {
		gv, _ := schema.ParseGroupVersion(l.GroupVersion)
		for _, r := range l.APIResources {
			if !strings.Contains(r.Name, "/") {
				gk := gv.WithKind(r.Kind).GroupKind()
				versions[gk] = append(versions[gk], gv.Version)
			}
		}
	}
	kinds := deletable(lists)
	for i, k := range kinds {
		kinds[i].Versions = versions[schema.GroupKind{Group: k.Group, Kind: k.Kind}]
	}
	return kinds, gaps, nil
}

// shadows are kinds that show the objects of another kind or of a controller again.
var shadows = map[schema.GroupResource]bool{
	{Resource: "events"}: true, {Group: "events.k8s.io", Resource: "events"}: true,
	{Resource: "endpoints"}: true, {Group: "discovery.k8s.io", Resource: "endpointslices"}: true,
}

func deletable(lists []*metav1.APIResourceList) []diff.Kind {
	var out []diff.Kind
	for _, l := range lists {
		gv, err := schema.ParseGroupVersion(l.GroupVersion)
		if err != nil {
			continue
		}
		for _, r := range l.APIResources {
			gr := gv.WithResource(r.Name).GroupResource()
			if slices.Contains(r.Verbs, "list") && slices.Contains(r.Verbs, "delete") && !shadows[gr] {
				out = append(out, diff.Kind{Group: gv.Group, Version: gv.Version, Kind: r.Kind, Resource: r.Name, Namespaced: r.Namespaced})
			}
		}
	}
	slices.SortFunc(out, func(a, b diff.Kind) int { return strings.Compare(a.String(), b.String()) })
	return out
}
