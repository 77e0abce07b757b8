package bot

import (
	"context"
	"errors"
	"fmt"

	"github.com/weighlock/weighlock/bot/checkout"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/history"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/render"
	"github.com/weighlock/weighlock/engine/report"
)

// preview compares a pull request, its head merged onto base, with the clusters of the targets that it affects, and of
// those that are asked for, and publishes that.
func (b *Bot) preview(ctx context.Context, repo *checkout.Repo, pr forge.PullRequest, base string, asked ...string) (Outcome, error) {
	p := report.Preview{Head: pr.Head.SHA, Base: base, BaseName: pr.Base.Name}
	shown := Shown{Head: pr.Head.SHA, Base: base, Digests: map[ID]string{}}
	failed := false
	if err := b.fillPreview(ctx, repo, pr, asked, &p); err != nil {
		if ctx.Err() != nil {
			return Outcome{}, err
		}
		p.Problem, failed = err.Error(), true
	}
	for _, t := range p.Targets {
		switch {
		case t.Unaffected != "":
		case t.Err != nil || len(t.Set.Failures()) > 0:
			failed = true
		default:
			shown.Digests[ID(t.Name)] = t.Set.Digest
		}
	}
	body := b.previewBody(p, shown)
	if err := b.publishPreview(ctx, pr, body); err != nil {
		return Outcome{Summary: body, Failed: true}, err
	}
	return Outcome{Summary: body, Failed: failed}, nil
}

// fillPreview fills in the targets of p. An error is about the pull request as a whole, such as a merge conflict.
func (b *Bot) fillPreview(ctx context.Context, repo *checkout.Repo, pr forge.PullRequest, asked []string, p *report.Preview) error {
	merged, err := repo.Merge(ctx, p.Base, p.Head)
	if err != nil {
		return err
	}
	cfg, err := config(ctx, repo, p.Base)
	if err != nil {
		return err
	}
	opts := b.own(repo)
	if pr.Fork {
		opts = b.strangers(repo, cfg)
	}
	t, err := b.extract(ctx, repo, merged, cfg, opts)
	if err != nil {
		return err
	}
	defer t.Close()
	before, err := b.base(ctx, repo, p.Base, cfg, opts)
	if err != nil {
		b.Log.WarnContext(ctx, "what was there already is not told apart", "error", err)
	} else {
		defer before.Close()
	}
	plan, err := PlanPreview(t.Targets, asked)
	if err != nil {
		return err
	}
	p.At = b.Now().UTC().Format("15:04 UTC")
	for _, j := range plan.Jobs {
		seen := report.TargetPreview{Name: string(j.ID)}
		if j.Policy.Preview == PreviewNever && !j.Asked {
			seen.Unaffected = "not previewed"
		} else {
			seen.Set, seen.Err = b.compare(ctx, t, before, j)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		switch {
		case errors.Is(seen.Err, errUnaffected):
			seen.Err, seen.Unaffected = nil, "not affected"
		case seen.Unaffected == "":
			seen.Next = next(j, pr, seen.Set)
		}
		p.Targets = append(p.Targets, seen)
	}
	return nil
}

// base is the base branch's tree, opened as the head is: else what one of them may read would differ.
func (b *Bot) base(ctx context.Context, repo *checkout.Repo, commit string, cfg *Config, opts project.Options) (*tree, error) {
	at, err := repo.Tree(ctx, commit)
	if err != nil {
		return nil, err
	}
	return b.extract(ctx, repo, at, cfg, opts)
}

// errUnaffected says that a pull request leaves a target as it is.
var errUnaffected = errors.New("the target is not affected")

// compare is one target's change set. before, if not nil, tells what the change causes from what is there already, and
// whether the target is affected at all.
func (b *Bot) compare(ctx context.Context, t, before *tree, j Job) (*diff.ChangeSet, error) {
	p, target, cluster, err := b.open(ctx, t, j)
	if err != nil {
		return nil, err
	}
	m, err := engine.Render(ctx, p, target, render.Options{Reader: cluster.Reader()})
	if err != nil {
		return nil, hidePath(err, t.dir.Path())
	}
	opts := b.diffOptions(j)
	if before != nil {
		// A target that the base does not have, or cannot render, has nothing that was there already.
		if was, err := before.target(ctx, j); err == nil {
			opts.Base, err = engine.Render(ctx, before.projects[j.Project.Name], was, render.Options{Reader: cluster.Reader()})
			if err != nil {
				b.Log.WarnContext(ctx, "the base is not rendered", "target", j.ID, "error", hidePath(err, before.dir.Path()))
			}
		}
	}
	if opts.Namespaces, err = history.Namespaces(ctx, cluster.History(t.config.Records.Namespace), target.Discriminator); err != nil {
		b.Log.WarnContext(ctx, "the target's last results cannot be read", "target", j.ID, "error", err)
	}
	if opts.Base != nil && j.Policy.Preview == PreviewChanged && !j.Asked && !affected(opts.Base, m) {
		return nil, errUnaffected
	}
	set, err := diff.Diff(ctx, m, cluster.Previewer(), opts)
	return set, hidePath(err, t.dir.Path())
}

// next says how a target's change gets to the cluster.
func next(j Job, pr forge.PullRequest, set *diff.ChangeSet) string {
	if set == nil || len(set.Failures()) > 0 {
		return "mend the errors, then push"
	}
	if !set.Changed() {
		return "nothing to do"
	}
	command := report.Code(fmt.Sprintf("/deploy %s", j.ID))
	switch {
	case j.Policy.Deploy == DeployNever:
		return "is not deployed from here"
	case pr.Fork && j.Policy.Deploy == DeployOnMerge:
		return "deploys when this merges"
	case pr.Fork:
		return command + " once this is merged"
	case j.Policy.Deploy == DeployOnMerge:
		return "deploys when this merges, or " + command
	default:
		return command
	}
}
