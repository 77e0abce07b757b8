package diff

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/render"
)

// Options say how to compare. The zero value reports orphans and prunes none.
type Options struct {
	// Prune makes orphans deletions; else they are reported only.
	Prune bool
	// Parallel is how many requests are under way at once; default 8.
	Parallel int
	// DigestKey is the key of the HMAC by which secret values enter the digest. Without one they do not enter it: only
	// which keys a Secret has and which of them change.
	DigestKey []byte
}

const defaultParallel = 8

// Diff compares rendered objects with the cluster. An object whose dry run fails is a change with Op [Failed] and does
// not keep the others from being shown; an error of Diff itself means that nothing is known.
func Diff(ctx context.Context, m *render.Manifests, p Previewer, opts Options) (*ChangeSet, error) {
	d := &differ{previewer: p, opts: opts, mask: newMasker(m), kinds: definedKinds(m)}
	set := &ChangeSet{Target: m.Target, Warnings: slices.Clone(m.Warnings)}
	var jobs []func()
	for i0, s := range m.Stages {
		stage := Stage{Message: s.Message}
		for _, i := range s.Items {
			item := Item{Dir: i.Dir}
			for _, o := range i.Objects {
				c := &Change{Ref: o.Object.Ref(), Source: o.Source, desired: wire(o.Object), unsettled: o.Unsettled, mask: d.mask, stage: i0}
				item.Changes = append(item.Changes, c)
				jobs = append(jobs, func() { d.change(ctx, c) })
			}
			stage.Items = append(stage.Items, item)
		}
		set.Stages = append(set.Stages, stage)
	}
	if err := d.newNamespaces(ctx, m); err != nil {
		return nil, err
	}
	d.run(jobs)
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("comparing with the cluster: %w", context.Cause(ctx))
	}
	if err := d.orphans(ctx, set); err != nil {
		return nil, err
	}
	set.Digest = digest(set, opts.DigestKey)
	d.mask.changeSet(set)
	return set, nil
}

// differ is one run of Diff.
type differ struct {
	previewer Previewer
	opts      Options
	mask      *masker
	// created holds the namespaces that the change set creates, with their stages: nothing can be simulated in them.
	created map[string]int
	// kinds holds the custom kinds that the change set defines, in the versions that it serves.
	kinds map[gvk]string
}

type gvk struct{ group, version, kind string }

func (d *differ) run(jobs []func()) {
	var g errgroup.Group
	g.SetLimit(cmp.Or(max(d.opts.Parallel, 0), defaultParallel))
	for _, job := range jobs {
		g.Go(func() error { job(); return nil })
	}
	g.Wait()
}

// definedKinds are the custom kinds that m defines, with the CRD's name.
func definedKinds(m *render.Manifests) map[gvk]string {
	kinds := map[gvk]string{}
	for o := range m.All() {
		ref := o.Object.Ref()
		if !ref.IsCRD() {
			continue
		}
		versions, _ := o.Object.Map("spec")["versions"].([]any)
		for _, v := range versions {
			version, _ := v.(map[string]any)
			name, _ := version["name"].(string)
			if served, _ := version["served"].(bool); served {
				kinds[gvk{o.Object.Text("spec", "group"), name, o.Object.Text("spec", "names", "kind")}] = ref.Name
			}
		}
	}
	return kinds
}

// newNamespaces finds which namespaces of m do not exist yet.
func (d *differ) newNamespaces(ctx context.Context, m *render.Manifests) error {
	d.created = map[string]int{}
	for i, stage := range m.Stages {
		for _, item := range stage.Items {
			for _, o := range item.Objects {
				ref := o.Object.Ref()
				if !ref.IsNamespace() {
					continue
				}
				live, err := d.previewer.Get(ctx, ref)
				if err != nil {
					return fmt.Errorf("looking for namespace %s: %w", ref.Name, err)
				}
				if live == nil {
					d.created[ref.Name] = i
				}
			}
		}
	}
	return nil
}

// standIn is where objects of a namespace that is still to be created are simulated, under a name that cannot meet one
// that exists; both are mapped back. It exists on every cluster.
const standIn = "default"

// change fills in c.
func (d *differ) change(ctx context.Context, c *Change) {
	if err := secretText(c.desired); err != nil {
		c.Op, c.Err = Failed, err
		return
	}
	live, err := d.previewer.Get(ctx, c.Ref)
	if err != nil {
		d.fail(c, err)
		return
	}
	d.mask.learn(live)
	if live == nil {
		d.creation(ctx, c)
		return
	}
	c.desired = settle(c.desired, live, c.unsettled)
	c.Live = comparable(live)
	if at := live.Text("metadata", "deletionTimestamp"); at != "" {
		d.fail(c, fmt.Errorf("%s: is being deleted since %s and cannot be changed; it goes when its finalizers are done: %v", c.Ref, at, live.Map("metadata")["finalizers"]))
		return
	}
	answer, err := d.previewer.Preview(ctx, c.desired)
	if err != nil {
		d.fail(c, err)
		return
	}
	d.mask.learn(answer.Merged)
	c.Warnings = answer.Warnings
	c.Merged = comparable(answer.Merged)
	c.Fields = compare(nil, fieldwise(c.Live), fieldwise(c.Merged))
	slices.SortStableFunc(c.Fields, func(a, b FieldChange) int { return cmpPaths(a.Path, b.Path) })
	c.Op = Update
	if len(c.Fields) == 0 {
		c.Op = Unchanged
	}
}

// creation fills in c for an object that does not exist yet.
func (d *differ) creation(ctx context.Context, c *Change) {
	c.Op, c.Merged = Create, comparable(c.desired)
	try := c.desired
	if made, ok := d.created[c.Ref.Namespace]; ok && c.Ref.Namespace != "" {
		if made > c.stage {
			c.Op, c.Err = Failed, fmt.Errorf("%s: its namespace is created only after a later barrier: put the namespace before it", c.Ref)
			return
		}
		c.Reason = "simulated elsewhere: the namespace is created in the same change"
		var err error
		if try, err = d.elsewhere(ctx, c); err != nil {
			d.fail(c, err)
			return
		}
	}
	answer, err := d.previewer.Preview(ctx, try)
	if err != nil {
		d.fail(c, d.original(err, c.Ref, try.Ref()))
		return
	}
	c.Warnings = answer.Warnings
}

// elsewhere is the object as it is simulated in the stand-in namespace: under its own name where that is free there, so
// that the server judges the name, too.
func (d *differ) elsewhere(ctx context.Context, c *Change) (object.Object, error) {
	try := c.desired.Clone()
	try.SetNamespace(standIn)
	taken, err := d.previewer.Get(ctx, try.Ref())
	if err != nil {
		return nil, err
	}
	if taken != nil {
		try.Map("metadata")["name"] = standInName(c.Ref)
	}
	return try, nil
}

// fail records why nothing is known of c, unless the reason is that its kind comes with the same change.
func (d *differ) fail(c *Change, err error) {
	var noKind *NoKindError
	if errors.As(err, &noKind) {
		if crd, ok := d.kinds[gvk{c.Ref.Group, c.Ref.Version, c.Ref.Kind}]; ok {
			c.Op, c.Merged = Create, comparable(c.desired)
			c.Reason = fmt.Sprintf("not simulated: its kind is created in the same change, by CustomResourceDefinition/%s", crd)
			return
		}
	}
	c.Op, c.Err = Failed, err
}

// orphans finds the live objects of the target that it does not render any more.
func (d *differ) orphans(ctx context.Context, set *ChangeSet) error {
	if set.Target.Discriminator == "" {
		set.Warnings = append(set.Warnings, "the target has no discriminator: objects that were removed from the project cannot be found")
		return nil
	}
	rendered := map[object.ID]bool{}
	for c := range set.All() {
		rendered[c.Ref.ID()] = true
	}
	owned, err := d.previewer.Owned(ctx, set.Target.Discriminator)
	if err != nil {
		return fmt.Errorf("looking for objects that were removed from the project: %w", err)
	}
	for _, gap := range owned.Gaps {
		set.Warnings = append(set.Warnings, gap.Error())
	}
	for _, o := range owned.Objects {
		ref := o.Ref()
		if rendered[ref.ID()] || !ours(o) || !picked(o, set.Target.Inclusion) {
			continue
		}
		c := &Change{Ref: ref, Op: Delete, Live: comparable(o)}
		if at := o.Text("metadata", "deletionTimestamp"); at != "" {
			c.Op, c.Reason = Skip, fmt.Sprintf("being deleted since %s; it goes when its finalizers are done: %v", at, o.Map("metadata")["finalizers"])
		} else if kept := keep(o, set.Target.Inclusion); kept != "" {
			c.Op, c.Reason = Skip, kept
		} else if !d.opts.Prune {
			c.Op, c.Reason = Skip, "no longer in the project; pruning is off"
		}
		set.Orphans = append(set.Orphans, c)
	}
	slices.SortFunc(set.Orphans, func(a, b *Change) int { return object.Compare(a.Ref, b.Ref) })
	return nil
}
