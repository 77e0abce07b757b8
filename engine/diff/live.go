package diff

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/weighlock/weighlock/engine/object"
)

// DiscriminatorLabel marks an object's owner.
const DiscriminatorLabel = "kluctl.io/discriminator"

// listParallel is how many kinds are listed at once.
const listParallel = 16

// liveObjects are those that carry the target's discriminator, and the kinds that the server has.
type liveObjects struct {
	kinds   map[groupKind]Kind
	objects map[object.ID]object.Object
	// all are the objects, those of rendered kinds whole, the others their metadata only.
	all []object.Object
}

type groupKind struct{ group, kind string }

func kindOf(r object.Ref) groupKind { return groupKind{r.Group, r.Kind} }

// look lists the live objects of the target: one query a kind, the rendered kinds whole. A kind that cannot be listed in
// the whole cluster is listed in the namespaces that are known to matter; what remains unknown is a warning.
func (d *differ) look(ctx context.Context, set *ChangeSet) error {
	kinds, gaps, err := d.previewer.Kinds(ctx)
	if err != nil {
		return err
	}
	d.live = liveObjects{kinds: map[groupKind]Kind{}, objects: map[object.ID]object.Object{}}
	for _, k := range kinds {
		d.live.kinds[groupKind{k.Group, k.Kind}] = k
	}
	if set.Target.Discriminator == "" {
		set.Warnings = append(set.Warnings, "the target has no discriminator: objects that were removed from the project cannot be found")
		return nil
	}
	for _, gap := range gaps {
		set.Warnings = append(set.Warnings, gap.Error()+"; objects of them that were removed from the project stay unknown")
	}
	queries := queriesFor(kinds, set)
	found, failed := d.list(ctx, queries)
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("comparing with the cluster: %w", context.Cause(ctx))
	}
	if err := unreachable(failed, len(queries)); err != nil {
		return err
	}
	d.keep(found)
	narrow, rest := narrowed(failed, d.namespaces(set))
	found, again := d.list(ctx, narrow)
	d.keep(found)
	set.Warnings = append(set.Warnings, gapWarnings(rest, again, narrow)...)
	for _, f := range append(rest, again...) {
		var gone *UnreachableError
		set.Partial = set.Partial || errors.As(f.err, &gone)
	}
	return nil
}

// queriesFor asks for the objects of all kinds: whole for those that are rendered, in the version in which they are.
func queriesFor(kinds []Kind, set *ChangeSet) []Query {
	versions := map[groupKind][]string{}
	for c := range set.All() {
		versions[kindOf(c.Ref)] = append(versions[kindOf(c.Ref)], c.Ref.Version)
	}
	out := make([]Query, len(kinds))
	for i, k := range kinds {
		out[i] = Query{Kind: k, Discriminator: set.Target.Discriminator}
		rendered := versions[groupKind{k.Group, k.Kind}]
		out[i].Whole = len(rendered) > 0
		// A version that the same change brings is not served yet. Of several, the objects in the others are read one by one.
		if at := slices.IndexFunc(rendered, k.serves); at >= 0 && !slices.Contains(rendered, k.Version) {
			out[i].Kind.Version = rendered[at]
		}
	}
	return out
}

// liveIn returns the live object that carries our discriminator in the version in which it is rendered, or nil. It is
// listed in another one if its kind is rendered in several.
func (d *differ) liveIn(ctx context.Context, ref object.Ref) (object.Object, error) {
	live := d.live.objects[ref.ID()]
	if live == nil || live.Ref().Version == ref.Version || !d.live.kinds[kindOf(ref)].serves(ref.Version) {
		return live, nil
	}
	return d.previewer.Get(ctx, ref)
}

// A failedQuery is one that got no answer.
type failedQuery struct {
	query Query
	err   error
}

// list asks all queries at once.
func (d *differ) list(ctx context.Context, queries []Query) (found []object.Object, failed []failedQuery) {
	var mu sync.Mutex
	var g errgroup.Group
	g.SetLimit(listParallel)
	for _, q := range queries {
		g.Go(func() error {
			objects, err := d.previewer.List(ctx, q)
			mu.Lock()
			defer mu.Unlock()
			found = append(found, objects...)
			if err != nil {
				failed = append(failed, failedQuery{q, err})
			}
			return nil
		})
	}
	g.Wait()
	return found, failed
}

// keep remembers live objects.
func (d *differ) keep(found []object.Object) {
	for _, o := range found {
		d.mask.learn(o)
		d.live.objects[o.Ref().ID()] = o
		d.live.all = append(d.live.all, o)
	}
}

// unreachable says that no query at all was answered, and why.
func unreachable(failed []failedQuery, queries int) error {
	if len(failed) < queries || queries == 0 {
		return nil
	}
	for _, f := range failed {
		var gone *UnreachableError
		if !errors.As(f.err, &gone) {
			return nil
		}
	}
	return failed[0].err
}

// namespaces are those in which objects of the target may be.
func (d *differ) namespaces(set *ChangeSet) []string {
	found := map[string]bool{}
	for c := range set.All() {
		found[c.Ref.Namespace] = true
		if c.Ref.IsNamespace() {
			found[c.Ref.Name] = true
		}
	}
	for _, o := range d.live.all {
		found[o.Ref().Namespace] = true
	}
	for _, n := range d.opts.Namespaces {
		found[n] = true
	}
	delete(found, "")
	return slices.Sorted(maps.Keys(found))
}

// narrowed turns queries that are forbidden in the whole cluster into ones by namespace. The rest stays unanswered.
func narrowed(failed []failedQuery, namespaces []string) (narrow []Query, rest []failedQuery) {
	for _, f := range failed {
		var forbidden *ForbiddenError
		if !errors.As(f.err, &forbidden) || !f.query.Kind.Namespaced {
			rest = append(rest, f)
			continue
		}
		for _, n := range namespaces {
			q := f.query
			q.Namespace = n
			narrow = append(narrow, q)
		}
	}
	return narrow, rest
}

// gapWarnings names what could not be listed, once for all kinds that lack the same.
func gapWarnings(rest, again []failedQuery, narrow []Query) []string {
	unlisted := map[string][]string{} // cause → kinds
	failedIn := map[string]bool{}
	for _, f := range append(slices.Clone(rest), again...) {
		where := "in the whole cluster"
		if f.query.Namespace != "" {
			where = "in namespace " + f.query.Namespace
		}
		cause := "for lack of rights"
		var forbidden *ForbiddenError
		if !errors.As(f.err, &forbidden) {
			cause = "(" + f.err.Error() + ")"
		}
		key := where + " " + cause
		unlisted[key] = append(unlisted[key], f.query.Kind.String())
		failedIn[f.query.Kind.String()+"/"+f.query.Namespace] = true
	}
	var out []string
	for key, kinds := range unlisted {
		slices.Sort(kinds)
		out = append(out, fmt.Sprintf("%s cannot be listed %s, so objects of them that were removed from the project stay unknown and are not pruned: %s", count(len(kinds), "kind", "kinds"), key, strings.Join(kinds, ", ")))
	}
	listed := map[string][]string{} // namespaces → kinds
	byKind := map[string][]string{}
	for _, q := range narrow {
		if !failedIn[q.Kind.String()+"/"+q.Namespace] {
			byKind[q.Kind.String()] = append(byKind[q.Kind.String()], q.Namespace)
		}
	}
	for kind, namespaces := range byKind {
		key := strings.Join(namespaces, ", ")
		listed[key] = append(listed[key], kind)
	}
	for namespaces, kinds := range listed {
		slices.Sort(kinds)
		out = append(out, fmt.Sprintf("%s cannot be listed in the whole cluster and %s looked for in these namespaces only: %s; these are the kinds: %s", count(len(kinds), "kind", "kinds"), plural(len(kinds), "is", "are"), namespaces, strings.Join(kinds, ", ")))
	}
	slices.Sort(out)
	return out
}
