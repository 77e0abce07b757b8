package bot

import (
	"context"
	"errors"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/report"
)

// mergeQueued previews what the base branch would become once a merge queue has merged, and finishes our checks there: one
// that is required and that nobody reports would hold the queue up. There is nothing to comment on: the report is the job's
// summary. What is in the queue is there because somebody who may write wants it on the base branch; a fork's is rendered as forks'
// changes are all the same, as nobody need have read the commit. Who may do what is still what the base branch says today.
func (b *Bot) mergeQueued(ctx context.Context, e forge.MergeQueued) (Outcome, error) {
	// As it stands in no pull request of its own, nobody is asked for approvals and the like: they were for the queue.
	candidate := forge.PullRequest{Repo: e.Repo, State: forge.StateOpen, Head: forge.Ref{SHA: e.SHA}, Base: e.Base}
	p := report.Preview{Head: e.SHA, Base: e.Base.SHA, BaseName: e.Base.Name}
	var err error
	if e.Number > 0 {
		var pr forge.PullRequest
		pr, err = b.Forge.PullRequest(ctx, e.Repo, e.Number)
		candidate.Fork = pr.Fork
	}
	if err == nil {
		err = b.fillQueued(ctx, &candidate, &p)
	}
	if ctx.Err() != nil {
		return Outcome{}, err
	}
	if err != nil {
		p.Problem = err.Error()
		b.found(Finding{Err: err})
	}
	for i, t := range p.Targets {
		if candidate.Fork && errors.As(t.Err, new(*project.RefusedError)) { // what a stranger may not use is no fault of the change
			p.Targets[i] = report.TargetPreview{Name: t.Name, Unaffected: "not rendered: it needs what forks' changes may not use"}
		}
	}
	err = b.check(ctx, forge.Commit{Repo: e.Repo, SHA: e.SHA, Branch: e.Base.Name}, p) // the queue waits for it, and for nothing else
	return Outcome{Summary: p.Markdown(maxSummary), Failed: broken(p)}, err
}

func (b *Bot) fillQueued(ctx context.Context, candidate *forge.PullRequest, p *report.Preview) error {
	repo, err := b.Clone(ctx, "refs/heads/"+candidate.Base.Name)
	if err != nil {
		return err
	}
	defer repo.Close()
	// Not the commit that it stands on: that may be one of the queue itself.
	if p.Base, err = repo.Tip(ctx, candidate.Base.Name); err != nil {
		return err
	}
	// With others before it in the queue, whose work is in it, a fork may be among these.
	if err := repo.Fetch(ctx, candidate.Head.SHA); err != nil {
		return err
	}
	if parents, err := repo.Parents(ctx, candidate.Head.SHA); err != nil || len(parents) == 0 || parents[0] != p.Base {
		candidate.Fork = true
	}
	seen, err := b.fillPreview(ctx, repo, *candidate, nil, p)
	b.detail(ctx, p, seen.comment, candidate.Repo, seen.public)
	return err
}
