package diff

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/render"
)

// ErrNoDiscriminator says that a target has no mark by which its objects could be found.
var ErrNoDiscriminator = errors.New("without a discriminator nobody knows which objects are the target's, so nothing is deleted: set it in .kluctl.yaml or with --discriminator")

// A Removal is what is to be deleted of a target.
type Removal string

// The removals.
const (
	// Orphans are what the target does not render any more.
	Orphans Removal = "orphans"
	// Everything is all that carries the target's discriminator.
	Everything Removal = "everything"
)

// Deletions says what would be deleted of a target. The change set holds deletions alone, all of them as orphans: those that
// the target renders know the stage that they were deployed in.
func Deletions(ctx context.Context, m *render.Manifests, p Previewer, what Removal, opts Options) (*ChangeSet, error) {
	if m.Target.Discriminator == "" {
		return nil, ErrNoDiscriminator
	}
	opts.Prune = true
	d := &differ{previewer: p, opts: opts, mask: newMasker(m), manifests: m}
	set := newSet(m, d.mask)
	stages := set.steps()
	if err := d.look(ctx, set); err != nil {
		return nil, err
	}
	if what == Everything {
		set.Stages = nil
	}
	d.orphans(set)
	set.Stages = nil
	set.Narrow = what != Everything
	for _, c := range set.Orphans {
		if stage, ok := stages[c.Ref.ID()]; ok {
			c.stage, c.rendered = stage, true
		}
	}
	d.consequences(ctx, set)
	d.conclude(set)
	return set, nil
}

// steps number the objects by when a deploy comes to them: by stage, wave, and what their items need.
func (c *ChangeSet) steps() map[object.ID]int {
	type step struct{ stage, wave, level int }
	at := map[object.ID]step{}
	var all []step
	for n, s := range c.Stages {
		levels := s.levels()
		for _, i := range s.Items {
			for _, ch := range i.Changes {
				at[ch.Ref.ID()] = step{n, ch.wave, levels[i.Number]}
				all = append(all, at[ch.Ref.ID()])
			}
		}
	}
	slices.SortFunc(all, func(a, b step) int {
		return cmp.Or(cmp.Compare(a.stage, b.stage), cmp.Compare(a.wave, b.wave), cmp.Compare(a.level, b.level))
	})
	all = slices.Compact(all)
	number := map[step]int{}
	for n, s := range all {
		number[s] = n
	}
	out := map[object.ID]int{}
	for id, s := range at {
		out[id] = number[s]
	}
	return out
}

// levels say by item how long the longest chain of items is that are needed before it.
func (s Stage) levels() map[int]int {
	items := map[int]Item{}
	for _, i := range s.Items {
		items[i.Number] = i
	}
	levels := map[int]int{}
	var level func(n int) int
	level = func(n int) int {
		if l, ok := levels[n]; ok {
			return l
		}
		l := 0
		for _, need := range items[n].Needs {
			if _, ok := items[need]; ok {
				l = max(l, level(need)+1)
			}
		}
		levels[n] = l
		return l
	}
	for n := range items {
		level(n)
	}
	return levels
}

// InOrder returns the items so that each comes after those that it needs, else as they stand.
func (s Stage) InOrder() []Item {
	levels := s.levels()
	out := slices.Clone(s.Items)
	slices.SortStableFunc(out, func(a, b Item) int { return levels[a.Number] - levels[b.Number] })
	return out
}
