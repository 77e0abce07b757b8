package apply

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
)

// The phases of a deletion. Webhooks go first, because their backends go with the rest and every request would then wait
// for them; custom resources while the controllers that have to clean up after them are still there; APIs that backends
// serve, because no namespace can be emptied while one does not answer; then whole namespaces; and definitions last,
// because all objects of a kind go with them.
const (
	phaseAdmission = iota
	phaseCustom
	phaseAPI
	phaseNamespace
	phaseRest
	phaseDefinition
)

// deletions is how many more deletions than items are under way at once: most of the time they wait for finalizers.
const deletions = 4

func phaseOf(ref object.Ref) int {
	switch {
	case ref.Group == "admissionregistration.k8s.io":
		return phaseAdmission
	case ref.Group == "apiregistration.k8s.io":
		return phaseAPI
	case ref.IsNamespace():
		return phaseNamespace
	case ref.IsCRD():
		return phaseDefinition
	case isCustom(ref.Group):
		return phaseCustom
	}
	return phaseRest
}

// isCustom guesses from the group whether its kinds are custom resources: Kubernetes' own groups have no dot, or end in
// .k8s.io; those of its special interest groups that are custom resources do so too, and go with the rest.
func isCustom(group string) bool {
	return strings.Contains(group, ".") && !strings.HasSuffix(group, ".k8s.io")
}

// prune deletes orphans, phase by phase and, inside a phase, what was deployed last first. After a failure of the deploy
// nothing is deleted, and what a phase could not delete keeps the later ones from being begun: it may need what they delete.
func (r *run) prune(ctx context.Context, orphans []*diff.Change) {
	for _, o := range r.outcomes {
		if o.Status == Failed || o.Status == NotReady {
			r.stopped.Store(true)
		}
	}
	type step struct{ phase, stage int }
	steps := map[step][]*diff.Change{}
	var order []step
	for _, c := range orphans {
		// What is no longer rendered may depend on anything that is.
		s := step{phaseOf(c.Ref), -c.Stage()}
		if c.Stage() < 0 {
			s.stage = -1<<20 - c.Wave()
		}
		if steps[s] == nil {
			order = append(order, s)
		}
		steps[s] = append(steps[s], c)
	}
	slices.SortFunc(order, func(a, b step) int {
		if a.phase != b.phase {
			return a.phase - b.phase
		}
		return a.stage - b.stage
	})
	gone := map[string]bool{} // namespaces that have been deleted, with what was in them
	var left *diff.Change     // what a phase could not delete
	for _, s := range order {
		if left != nil && phaseOf(left.Ref) != s.phase {
			for _, c := range steps[s] {
				r.block(c, fmt.Errorf("not tried: %s, which goes before it, is not gone and may need it", left.Ref))
			}
			continue
		}
		var g errgroup.Group
		g.SetLimit(deletions * r.opts.Parallel)
		for _, c := range steps[s] {
			if c.Op == diff.Delete && gone[c.Ref.Namespace] && !r.stopped.Load() {
				r.done(c, Deleted, nil)
				continue
			}
			g.Go(func() error { r.deletion(ctx, c); return nil })
		}
		g.Wait()
		for _, c := range steps[s] {
			switch status := r.outcomes[c].Status; {
			case status == Failed && left == nil:
				left = c
			case status == Deleted && c.Ref.IsNamespace():
				gone[c.Ref.Name] = true
			}
		}
	}
}

// deletion deletes an orphan. How long its finalizers take is theirs: the wait may be interrupted.
func (r *run) deletion(ctx context.Context, c *diff.Change) {
	if r.settled(c) || !r.mayBegin(ctx, c) {
		return
	}
	sending, cancel := finishing(ctx)
	// While the rest was deployed, another target may have taken it over.
	err := r.applier.Delete(sending, c.Ref, Which{UID: c.UID(), Discriminator: c.Live.Label(diff.DiscriminatorLabel)})
	cancel()
	if err == nil && !r.opts.Wait.Off {
		err = r.applier.AwaitGone(r.waits, c.Ref, c.UID())
	}
	r.finish(c, Deleted, nil, err)
}
