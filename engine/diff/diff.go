package diff

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/render"
)

// Options say how to compare. The zero value reports orphans and prunes none.
type Options struct {
	// Prune makes orphans deletions; else they are reported only.
	Prune bool
	// Replace allows that objects which cannot be changed into what is wanted are deleted and created anew.
	Replace bool
	// Whole allows that an existing object which cannot be applied is sent as a whole, in the place of the live one.
	Whole bool
	// NoAdopt refuses objects that belong to another owner.
	NoAdopt bool
	// Force overwrites what other managers own, whatever the rules say.
	Force bool
	// Ignore hides differences.
	Ignore Ignore
	// Base are the manifests without the change under review, to tell what it causes from what is there already, and which
	// ignore rules it brings: these hide nothing of it.
	Base *render.Manifests
	// Proposed says that the change is one that somebody proposes who need not be allowed to see what it may read. Where it is not
	// known which fields depend on secrets, or only the change itself says that something is none, all that Base does not
	// have as it is is hidden. The digest does not depend on it.
	Proposed bool
	// Namespaces are to be searched for orphans too where the whole cluster may not be listed, such as those of the last
	// deployment.
	Namespaces []string
	// StandIn is the namespace in which objects of a namespace that is still to be created are simulated; default:
	// "default".
	StandIn string
	// Parallel is how many objects are worked on at once; default 64. How many requests that makes is the previewer's to bound.
	Parallel int
	// AskAll asks the server about every object, also where the answer is certain. It is for tests of that certainty.
	AskAll bool
	// DigestKey is the key of the HMAC by which secret values enter the digest. Without one they do not enter it: only
	// which keys a Secret has and which of them change.
	DigestKey []byte
}

const defaultParallel = 64

// Diff compares rendered objects with the cluster. An object whose dry run fails is a change with Op [Failed] and does
// not keep the others from being shown; an error of Diff itself means that nothing is known.
func Diff(ctx context.Context, m *render.Manifests, p Previewer, opts Options) (*ChangeSet, error) {
	opts.StandIn = cmp.Or(opts.StandIn, "default")
	d := &differ{previewer: p, opts: opts, mask: newMasker(m), manifests: m}
	set := newSet(m, d.mask)
	d.veil(set)
	set.Rendered = digestRendered(set, opts.DigestKey)
	if err := d.look(ctx, set); err != nil {
		return nil, err
	}
	d.asides(set)
	// What others live in or are made of comes first: it decides how they are compared. Hooks come last: what else there
	// is of their item decides whether they run.
	var first, rest []func()
	for c := range set.All() {
		switch {
		case c.Op != "":
		case c.removal:
			rest = append(rest, func() { d.remove(ctx, c) })
		case c.Hook != nil:
		case c.Ref.IsNamespace() || c.Ref.IsCRD():
			first = append(first, func() { d.change(ctx, c) })
		default:
			rest = append(rest, func() { d.change(ctx, c) })
		}
	}
	d.run(first)
	d.define(ctx, set)
	d.run(rest)
	d.hooks(ctx, set)
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("comparing with the cluster: %w", context.Cause(ctx))
	}
	d.explainTerminating(ctx, set)
	d.governs(set)
	d.orphans(set)
	d.pairRenames(set)
	d.consequences(ctx, set)
	attribute(set, opts.Base)
	d.unseen(set)
	d.conclude(set)
	return set, nil
}

// newSet is the change set of m before anything is known.
func newSet(m *render.Manifests, mask *masker) *ChangeSet {
	set := &ChangeSet{Target: m.Target, Sources: m.Sources, Warnings: slices.Clone(m.Warnings)}
	for n, s := range m.Stages {
		stage := Stage{Message: s.Message}
		for _, i := range s.Items {
			item := Item{Dir: i.Dir, Number: i.Number, Needs: i.Needs, Waves: i.Waves}
			for _, o := range i.Objects {
				desired, nulls := prepare(o.Object)
				c := &Change{Ref: o.Object.Ref(), Source: o.Source, desired: desired, unsettled: o.Unsettled, hidden: hiddenPaths(o), opaque: o.Opaque, declared: o.Declared, rules: i.Rules, mask: mask, stage: n, wave: o.Wave}
				c.derive()
				if len(nulls) > 0 {
					c.Warnings = append(c.Warnings, nullWarning(nulls))
				}
				c.classify(i.Waiting)
				item.Changes = append(item.Changes, c)
			}
			stage.Items = append(stage.Items, item)
		}
		stage.awaitWaves()
		set.Stages = append(set.Stages, stage)
	}
	return set
}

// awaitWaves has all objects waited for behind which there is another wave.
func (s Stage) awaitWaves() {
	last := math.MinInt
	for _, i := range s.Items {
		for _, c := range i.Changes {
			if c.inWave() {
				last = max(last, c.wave)
			}
		}
	}
	for _, i := range s.Items {
		for _, c := range i.Changes {
			c.Awaited = c.Awaited || c.inWave() && c.wave < last
		}
	}
}

// inWave says whether the object's wave counts.
func (c *Change) inWave() bool {
	return c.Hook == nil && !c.removal && !c.Ref.IsNamespace() && !c.Ref.IsCRD()
}

// conclude takes the digest and hides what must not be shown.
func (d *differ) conclude(set *ChangeSet) {
	for c := range set.All() {
		var gone *UnreachableError
		set.Partial = set.Partial || errors.As(c.Err, &gone)
	}
	set.Digest, set.Unbound = digest(set, d.opts.DigestKey)
	d.doubt(set)
	slices.Sort(set.Warnings)
	set.Warnings = slices.Compact(set.Warnings)
	d.mask.changeSet(set)
}

// differ is one run of Diff.
type differ struct {
	previewer Previewer
	opts      Options
	mask      *masker
	manifests *render.Manifests
	live      liveObjects
	rendered  []object.Ref // what the target is to have
	// before are the objects as the base renders them; nil where there is none.
	before map[object.ID]baseObject
	// waits is the first stage of which something is waited for: what comes after it may need it; -1 if there is none.
	waits int
	// created holds the namespaces that the change set creates, with their stages: nothing can be simulated in them.
	created map[string]int
	// refused holds the namespaces of the change set whose dry run failed.
	refused map[string]bool
	// definitions are the custom kinds that the change set defines anew.
	definitions definitions
	admission   admission
	// validators are what may refuse updates, as admission is what may change them.
	validators admission
	// What is asked once for many objects: the rights to apply those of a kind in a namespace, whether the server warns of pods
	// there, and the namespaces themselves.
	rights           once[string, bool]
	unwarned         once[string, bool]
	namespaceObjects once[string, object.Object]
	scalers          scalers
}

func (d *differ) run(jobs []func()) {
	var g errgroup.Group
	g.SetLimit(cmp.Or(max(d.opts.Parallel, 0), defaultParallel))
	for _, job := range jobs {
		g.Go(func() error { job(); return nil })
	}
	g.Wait()
}
