package bot

import (
	"context"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/engine/report"
)

// mergeQueued previews what the base branch would become once a merge queue has merged, and finishes our checks there: one
// that is required and that nobody reports would hold the queue up. There is nothing to comment on: the report is the job's
// summary. What is in the queue is there because somebody who may write wants it on the base branch, so it is rendered as
// what the base branch holds is; who may do what is still what the base branch says today.
func (b *Bot) mergeQueued(ctx context.Context, e forge.MergeQueued) (Outcome, error) {
	// As it stands in no pull request of its own, nobody is asked for approvals and the like: they were for the queue.
	candidate := forge.PullRequest{Repo: e.Repo, State: forge.StateOpen, Head: forge.Ref{SHA: e.SHA}, Base: e.Base}
	p := report.Preview{Head: e.SHA, Base: e.Base.SHA, BaseName: e.Base.Name}
	err := b.fillQueued(ctx, candidate, &p)
	if ctx.Err() != nil {
		return Outcome{}, err
	}
	if err != nil {
		p.Problem = err.Error()
		b.found(Finding{Err: err})
	}
	b.check(ctx, forge.Commit{Repo: e.Repo, SHA: e.SHA, Branch: e.Base.Name}, p)
	return Outcome{Summary: p.Markdown(maxSummary), Failed: broken(p)}, nil
}

func (b *Bot) fillQueued(ctx context.Context, candidate forge.PullRequest, p *report.Preview) error {
	repo, err := b.Clone(ctx, "refs/heads/"+candidate.Base.Name)
	if err != nil {
		return err
	}
	defer repo.Close()
	// Not the commit that it stands on: that may be one of the queue itself.
	if p.Base, err = repo.Tip(ctx, candidate.Base.Name); err != nil {
		return err
	}
	seen, err := b.fillPreview(ctx, repo, candidate, nil, p)
	b.detail(ctx, p, seen.comment, candidate.Repo)
	return err
}
