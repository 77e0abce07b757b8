package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/history"
	"github.com/weighlock/weighlock/engine/lock"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/render"
)

// A Cluster is a connection to the target's cluster, as each stage may use it. Package kube has the real one.
type Cluster interface {
	Reader() render.Reader
	Previewer() diff.Previewer
	Applier() apply.Applier
	Observer() apply.Observer
	// Locks and History are kept in a namespace; "" is [lock.Namespace].
	Locks(namespace string) lock.Records
	History(namespace string) history.Store
}

// Open opens the project in dir.
func Open(dir string, opts project.Options) (*project.Project, error) { return project.Open(dir, opts) }

// Render renders a target of p into its objects.
func Render(ctx context.Context, p *project.Project, t project.Target, opts render.Options) (*render.Manifests, error) {
	var cluster project.Cluster
	if opts.Reader != nil {
		cluster = opts.Reader
	}
	ctx, timed := project.WatchClock(ctx)
	d, err := p.Resolve(ctx, t, cluster)
	if err != nil {
		return nil, err
	}
	m, err := render.Render(ctx, p, d, opts)
	if err != nil {
		return nil, err
	}
	m.Timed = timed()
	return m, nil
}

// Diff renders a target with what the cluster knows and says what an apply would change there.
func Diff(ctx context.Context, p *project.Project, t project.Target, c Cluster, opts diff.Options) (*diff.ChangeSet, error) {
	return Preview(ctx, p, t, c, DeployOptions{Diff: opts})
}

func compare(ctx context.Context, p *project.Project, t project.Target, c Cluster, opts DeployOptions) (*diff.ChangeSet, error) {
	m, err := Render(ctx, p, t, render.Options{Reader: c.Reader()})
	if err != nil {
		return nil, err
	}
	if opts.Rendered != nil {
		if err := opts.Rendered(m); err != nil {
			return nil, err
		}
	}
	if opts.ImagesOnly {
		return diff.Poke(ctx, m, c.Previewer(), opts.Diff)
	}
	return diff.Diff(ctx, m, c.Previewer(), opts.Diff)
}

// Compare renders a target of two projects without a cluster, such as of two commits, and says how the objects differ.
func Compare(ctx context.Context, before, after *project.Project, selection project.Selection, opts diff.Options) (*diff.ChangeSet, error) {
	var sides [2]*render.Manifests
	for i, p := range []*project.Project{before, after} {
		t, err := p.Target(ctx, selection)
		if err != nil {
			return nil, err
		}
		if sides[i], err = Render(ctx, p, t, render.Options{}); err != nil {
			return nil, err
		}
	}
	return diff.Compare(sides[0], sides[1], opts), nil
}

// DeployOptions say how to deploy.
type DeployOptions struct {
	// Reviewed is the digest of the change set that was reviewed. If the cluster or the project has moved on since, so
	// that the change is another one, nothing is applied. "" deploys whatever the change is now.
	Reviewed string
	// Seen says how the reviewed change set was compared, where the deploy is asked for more than that, such as to prune; nil
	// is as Diff says.
	Seen *diff.Options
	// Only, if set, picks what is applied of the change set, which is reviewed as a whole.
	Only func(object.Ref) bool
	// Approve, if set, is asked right before the first write; an error ends the deploy, and nothing is applied.
	Approve func(context.Context, *diff.ChangeSet) error
	// Rendered is called with what is to be deployed, before it is compared; an error ends the deploy.
	Rendered func(*render.Manifests) error
	// ImagesOnly replaces nothing but images of what is deployed already: see [diff.Poke].
	ImagesOnly bool
	// Run is who deploys: see [Run.Alone].
	Run   *Run
	Diff  diff.Options
	Apply apply.Options
}

// Preview says what [Deploy] would do.
func Preview(ctx context.Context, p *project.Project, t project.Target, c Cluster, opts DeployOptions) (*diff.ChangeSet, error) {
	return compare(ctx, p, t, c, opts)
}

// Deploy renders a target, compares it with the cluster right before the first write, and applies the change. The
// change set is returned in any case in which it is known; a *[diff.StaleError] means that it is not the reviewed one.
// What became of each object is in the Result, whose Err joins the failures; the error of Deploy itself means that
// nothing was applied, such as a *[lock.HeldError] where another run has the target.
func Deploy(ctx context.Context, p *project.Project, t project.Target, c Cluster, opts DeployOptions) (*diff.ChangeSet, *apply.Result, error) {
	return opts.Run.Alone(ctx, c, t, func(ctx context.Context) (*diff.ChangeSet, *apply.Result, error) {
		unknown := opts.Run.known(ctx, c, t, &opts.Diff)
		if opts.Seen != nil {
			asked := opts
			asked.Diff = *opts.Seen
			asked.Diff.Namespaces = opts.Diff.Namespaces
			seen, err := compare(ctx, p, t, c, asked)
			if err != nil {
				return nil, nil, fmt.Errorf("nothing is applied: %w", err)
			}
			if opts.Reviewed != "" && opts.Reviewed != seen.Digest {
				return seen, nil, &diff.StaleError{Reviewed: opts.Reviewed, Current: seen.Digest}
			}
			opts.Reviewed = ""
		}
		set, err := compare(ctx, p, t, c, opts)
		if err != nil {
			return nil, nil, fmt.Errorf("nothing is applied: %w", err)
		}
		if opts.Run != nil {
			opts.Run.warn(set, unknown)
		}
		if opts.Reviewed != "" && opts.Reviewed != set.Digest {
			return set, nil, &diff.StaleError{Reviewed: opts.Reviewed, Current: set.Digest}
		}
		if opts.Only != nil {
			set = only(set, opts.Only)
		}
		if opts.Approve != nil {
			if err := opts.Approve(ctx, set); err != nil {
				return set, nil, fmt.Errorf("nothing is applied: %w", err)
			}
		}
		return set, apply.Apply(ctx, set, c.Applier(), opts.Apply), nil
	})
}

// only is the part of a change set that pick picks.
func only(set *diff.ChangeSet, pick func(object.Ref) bool) *diff.ChangeSet {
	left := func(list []*diff.Change) []*diff.Change {
		return slices.DeleteFunc(slices.Clone(list), func(c *diff.Change) bool { return !pick(c.Ref) })
	}
	out := *set
	out.Narrow = true
	out.Stages, out.Orphans = slices.Clone(set.Stages), left(set.Orphans)
	for i := range out.Stages {
		out.Stages[i].Items = slices.Clone(out.Stages[i].Items)
		for j := range out.Stages[i].Items {
			out.Stages[i].Items[j].Changes = left(out.Stages[i].Items[j].Changes)
		}
	}
	return &out
}

// RemoveOptions say what to delete of a target, and how.
type RemoveOptions struct {
	What diff.Removal
	// Reviewed is the digest of what was reviewed; "" deletes what there is now.
	Reviewed string
	// Approve is as with [DeployOptions].
	Approve func(context.Context, *diff.ChangeSet) error
	Run     *Run
	Diff    diff.Options
	Apply   apply.Options
}

// Removal says what [Remove] would delete.
func Removal(ctx context.Context, p *project.Project, t project.Target, c Cluster, opts RemoveOptions) (*diff.ChangeSet, error) {
	if t.Discriminator == "" {
		return nil, diff.ErrNoDiscriminator
	}
	m, err := Render(ctx, p, t, render.Options{Reader: c.Reader()})
	if err != nil {
		return nil, err
	}
	return diff.Deletions(ctx, m, c.Previewer(), opts.What, opts.Diff)
}

// Remove deletes what a target does not render any more, or all of it. Its results are those of [Deploy].
func Remove(ctx context.Context, p *project.Project, t project.Target, c Cluster, opts RemoveOptions) (*diff.ChangeSet, *apply.Result, error) {
	if t.Discriminator == "" {
		return nil, nil, diff.ErrNoDiscriminator
	}
	return opts.Run.Alone(ctx, c, t, func(ctx context.Context) (*diff.ChangeSet, *apply.Result, error) {
		unknown := opts.Run.known(ctx, c, t, &opts.Diff)
		set, err := Removal(ctx, p, t, c, opts)
		if err != nil {
			return nil, nil, fmt.Errorf("nothing is deleted: %w", err)
		}
		if opts.Run != nil {
			opts.Run.warn(set, unknown)
		}
		if opts.Reviewed != "" && opts.Reviewed != set.Digest {
			return set, nil, &diff.StaleError{Reviewed: opts.Reviewed, Current: set.Digest}
		}
		if opts.Approve != nil {
			if err := opts.Approve(ctx, set); err != nil {
				return set, nil, fmt.Errorf("nothing is deleted: %w", err)
			}
		}
		return set, apply.Apply(ctx, set, c.Applier(), opts.Apply), nil
	})
}
