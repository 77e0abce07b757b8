package diff

import (
	"slices"

	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/render"
)

// WithoutCluster is the warning of what [Compare] returns.
const WithoutCluster = "compared without a cluster: two renders, not what is live"

// Compare compares two renders of a target without a cluster: what the one has and the other has not, and the fields
// that differ. It knows nothing of what is live, nor of what the server would make of the objects.
func Compare(before, after *render.Manifests, opts Options) *ChangeSet {
	opts.Base = before
	d := &differ{opts: opts, mask: newMasker(after), manifests: after}
	set := newSet(after, d.mask)
	d.veil(set)
	set.Warnings = append(set.Warnings, WithoutCluster)
	was := map[object.ID]*Change{}
	old := newSet(before, d.mask)
	for c := range old.All() {
		d.mask.learn(c.desired)
		was[c.Ref.ID()] = c
	}
	for c := range set.All() {
		d.compareRenders(c, was[c.Ref.ID()])
		delete(was, c.Ref.ID())
	}
	for _, c := range was {
		set.Orphans = append(set.Orphans, &Change{Ref: c.Ref, Op: Delete, Source: c.Source, Live: comparable(c.desired), mask: d.mask, orphan: true})
	}
	slices.SortFunc(set.Orphans, func(a, b *Change) int { return object.Compare(a.Ref, b.Ref) })
	d.pairRenames(set)
	d.unseen(set)
	d.conclude(set)
	return set
}

// compareRenders fills in c, given the same object as it was rendered before, or nil.
func (d *differ) compareRenders(c, before *Change) {
	if err := secretText(c.desired); err != nil {
		d.fail(c, err)
		return
	}
	if before == nil {
		c.Op, c.Merged = Create, comparable(c.desired)
		return
	}
	ignore, err := newIgnorer(c.desired, c.rules.Ignore, d.opts.Ignore)
	if err != nil {
		d.fail(c, err)
		return
	}
	c.desired = settle(c.desired, before.desired, c.unsettled)
	c.Live, c.Merged = comparable(before.desired), comparable(c.desired)
	d.hide(c, ignore)
	c.Op = Update
	if len(c.Fields) == 0 && c.Hidden == 0 {
		c.Op = Unchanged
	}
}
