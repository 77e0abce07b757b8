package diff

import (
	"context"
	"errors"

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
	stages := map[object.ID]int{}
	for c := range set.All() {
		stages[c.Ref.ID()] = c.stage
	}
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
