package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
)

// Previewer is the cluster as a preview may see it: it sends reads and dry runs only.
func (c *Cluster) Previewer() diff.Previewer { return previewer{c} }

type previewer struct{ *Cluster }

// Get implements [diff.Previewer].
func (p previewer) Get(ctx context.Context, ref object.Ref) (object.Object, error) {
	return p.get(ctx, ref)
}

// Preview implements [diff.Previewer].
func (p previewer) Preview(ctx context.Context, o object.Object) (diff.Preview, error) {
	merged, warnings, err := p.apply(ctx, o, []string{metav1.DryRunAll})
	return diff.Preview{Merged: merged, Warnings: warnings}, err
}

// apply sends a server-side apply. Conflicts are forced where the other managers are ours to overrule.
func (c *Cluster) apply(ctx context.Context, o object.Object, dryRun []string) (object.Object, []string, error) {
	ref := o.Ref()
	client, err := c.client(ref)
	if err != nil {
		return nil, nil, err
	}
	data, err := json.Marshal(o)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", ref, err)
	}
	var warnings []string
	ctx = context.WithValue(ctx, warningsKey{}, &warnings)
	send := func(force bool) (*unstructured.Unstructured, error) {
		warnings = warnings[:0]
		return client.Patch(ctx, ref.Name, types.ApplyPatchType, data,
			metav1.PatchOptions{DryRun: dryRun, FieldManager: diff.FieldManager, Force: &force, FieldValidation: metav1.FieldValidationStrict})
	}
	force, _ := strconv.ParseBool(o.Annotation("kluctl.io/force-apply"))
	merged, err := send(force)
	if conflict := conflicts(ref, err); conflict != nil {
		if !overruled(conflict) {
			return nil, nil, conflict
		}
		merged, err = send(true)
	}
	if err != nil {
		return nil, nil, c.failed("applying", ref, err)
	}
	return merged.Object, warnings, nil
}

// overruledManagers are people's tools and our forerunners: what they set by hand gives way to the project
// (project format §9.5).
var overruledManagers = regexp.MustCompile(`^(kluctl|kubectl|rancher|k9s|kluctl-.*|kubectl-.*)$`)

func overruled(e *diff.ConflictError) bool {
	return !slices.ContainsFunc(e.Conflicts, func(c diff.Conflict) bool { return !overruledManagers.MatchString(c.Manager) })
}

// conflictMessage is how the API server words a conflict: conflict with "name" with subresource "x" using v1 at time.
var conflictMessage = regexp.MustCompile(`^conflict with "([^"]*)"`)

// conflicts reads a field manager conflict out of an API error; nil when err is something else.
func conflicts(ref object.Ref, err error) *diff.ConflictError {
	var status apierrors.APIStatus
	if !apierrors.IsConflict(err) || !errors.As(err, &status) || status.Status().Details == nil {
		return nil
	}
	out := &diff.ConflictError{Ref: ref}
	for _, cause := range status.Status().Details.Causes {
		if cause.Type == metav1.CauseTypeFieldManagerConflict {
			manager := cause.Message
			if m := conflictMessage.FindStringSubmatch(cause.Message); m != nil {
				manager = m[1]
			}
			out.Conflicts = append(out.Conflicts, diff.Conflict{Manager: manager, Field: strings.TrimPrefix(cause.Field, ".")})
		}
	}
	if len(out.Conflicts) == 0 {
		return nil
	}
	return out
}

// failed words a request about an object that went wrong: the server's refusal as it is, else that it cannot be reached.
func (c *Cluster) failed(doing string, ref object.Ref, err error) error {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return fmt.Errorf("%s: %s: %w", ref, doing, err)
	}
	return c.unreachable(doing+" "+ref.String(), err)
}

// DiscriminatorLabel marks an object's owner.
const DiscriminatorLabel = "kluctl.io/discriminator"

// listParallel is how many kinds are listed at once.
const listParallel = 16

// pageSize is how many objects a page of a list holds.
const pageSize = 500

// Owned implements [diff.Previewer]: metadata only, all kinds that can be listed and deleted, in parallel.
func (p previewer) Owned(ctx context.Context, discriminator string) (diff.Owned, error) {
	var owned diff.Owned
	lists, err := discovery.ServerPreferredResources(p.discovery)
	if err != nil && !discovery.IsGroupDiscoveryFailedError(err) {
		return owned, p.unreachable("asking for the kinds it serves", err)
	}
	if err != nil {
		owned.Gaps = append(owned.Gaps, fmt.Errorf("some kinds cannot be listed, objects of them that were removed from the project stay unknown: %w", err))
	}
	selector := labels.Set{DiscriminatorLabel: discriminator}.String()
	var forbidden []string
	var mu sync.Mutex
	var g errgroup.Group
	g.SetLimit(listParallel)
	for _, res := range deletable(lists) {
		g.Go(func() error {
			objects, err := p.list(ctx, res.gvr, selector)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case apierrors.IsNotFound(err), apierrors.IsMethodNotSupported(err):
			case apierrors.IsForbidden(err):
				forbidden = append(forbidden, res.gvr.GroupResource().String())
			case err != nil:
				return p.unreachable("listing "+res.gvr.Resource, err)
			}
			for _, o := range objects {
				o["apiVersion"], o["kind"] = res.gvr.GroupVersion().String(), res.kind
				owned.Objects = append(owned.Objects, o)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return owned, err
	}
	if len(forbidden) > 0 {
		slices.Sort(forbidden)
		owned.Gaps = append(owned.Gaps, fmt.Errorf("%d kinds cannot be listed for lack of rights, so objects of them that were removed from the project stay unknown: %s",
			len(forbidden), strings.Join(forbidden, ", ")))
	}
	slices.SortFunc(owned.Objects, func(a, b object.Object) int { return object.Compare(a.Ref(), b.Ref()) })
	slices.SortFunc(owned.Gaps, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return owned, nil
}

func (p previewer) list(ctx context.Context, gvr schema.GroupVersionResource, selector string) ([]object.Object, error) {
	var out []object.Object
	opts := metav1.ListOptions{LabelSelector: selector, Limit: pageSize}
	for {
		page, err := p.metadata.Resource(gvr).List(ctx, opts)
		if err != nil {
			return nil, err
		}
		for _, item := range page.Items {
			data, err := json.Marshal(item)
			if err != nil {
				return nil, err
			}
			o, err := object.FromJSON(data)
			if err != nil {
				return nil, err
			}
			out = append(out, o)
		}
		if opts.Continue = page.Continue; opts.Continue == "" {
			return out, nil
		}
	}
}

type listable struct {
	gvr  schema.GroupVersionResource
	kind string
}

// shadows are kinds that show the objects of another kind or of a controller again.
var shadows = map[schema.GroupResource]bool{
	{Resource: "events"}: true, {Group: "events.k8s.io", Resource: "events"}: true,
	{Resource: "endpoints"}: true, {Group: "discovery.k8s.io", Resource: "endpointslices"}: true,
}

func deletable(lists []*metav1.APIResourceList) []listable {
	var out []listable
	for _, l := range lists {
		gv, err := schema.ParseGroupVersion(l.GroupVersion)
		if err != nil {
			continue
		}
		for _, r := range l.APIResources {
			gvr := gv.WithResource(r.Name)
			if slices.Contains(r.Verbs, "list") && slices.Contains(r.Verbs, "delete") && !shadows[gvr.GroupResource()] {
				out = append(out, listable{gvr: gvr, kind: r.Kind})
			}
		}
	}
	return out
}
