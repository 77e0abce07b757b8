package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/weighlock/weighlock/bot/checkout"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/offline"
	"github.com/weighlock/weighlock/engine/report"
)

// Offline compares two trees without a cluster. An error is about them as a whole.
type Offline interface {
	Compare(ctx context.Context, req offline.Request) ([]offline.Target, error)
}

// previewStranger shows what a fork changes in what is rendered, as far as the configuration lets it, and what lets a cluster be
// asked about it.
func (b *Bot) previewStranger(ctx context.Context, repo *checkout.Repo, pr forge.PullRequest, base string) (Outcome, error) {
	p := report.Preview{Head: pr.Head.SHA, Base: base, BaseName: pr.Base.Name}
	allow := report.Code(okToTestCommand(pr))
	cfg, err := config(ctx, repo, base)
	switch {
	case err != nil:
		p.Problem = err.Error()
	case cfg.Forks == ForksNone || b.Offline == nil:
		p.Notice = "This comes from a fork. Nothing of it is looked at before somebody with permission to write has read the commit and comments " + allow
	default:
		p.Offline = true
		p.Notice = "This comes from a fork: two renders are compared, and no cluster was asked. Once somebody with permission to write has read the commit and comments " +
			allow + ", the preview shows what would change there."
		if p.Targets, err = b.compareStranger(ctx, repo, pr, cfg, base, allow); err != nil {
			if ctx.Err() != nil {
				return Outcome{}, err
			}
			p.Problem = err.Error()
		}
		b.detail(ctx, &p, cfg.Comment, pr.Repo)
	}
	pages := b.pages(pr, p, Shown{Head: pr.Head.SHA, Base: base})
	out := Outcome{Summary: pages[0], Unread: true}
	if p.Offline || p.Problem != "" {
		out.Summary, out.Failed = p.Markdown(maxSummary), p.Problem != "" || slices.ContainsFunc(p.Targets, brokenByChange)
	}
	return out, b.publishFork(ctx, pr, pages)
}

// brokenByChange says whether a target of a stranger's change is not whole for another reason than what a stranger may not do.
func brokenByChange(t report.TargetPreview) bool {
	return t.Err != nil && !errors.As(t.Err, new(refusedError)) || t.Set != nil && len(t.Set.Failures()) > 0
}

// A refusedError is that of a target which needs what a stranger may not use.
type refusedError string

func (e refusedError) Error() string { return string(e) }

// compareStranger compares all targets of a fork's change with those of its base.
func (b *Bot) compareStranger(ctx context.Context, repo *checkout.Repo, pr forge.PullRequest, cfg *Config, base, allow string) ([]report.TargetPreview, error) {
	head, err := candidate(ctx, repo, pr, base)
	if err != nil {
		return nil, err
	}
	before, err := repo.Tree(ctx, base)
	if err != nil {
		return nil, err
	}
	req := offline.Request{Repository: repo.Remote(), RemoteBases: cfg.RemoteBases}
	for tree, to := range map[checkout.Tree]*string{before: &req.Base, head: &req.Head} {
		dir, err := repo.Extract(ctx, tree)
		if err != nil {
			return nil, err
		}
		defer dir.Close()
		*to = dir.Path()
	}
	for _, p := range cfg.Projects {
		req.Projects = append(req.Projects, offline.Project{Name: p.Name, Path: p.Path})
	}
	found, err := b.Offline.Compare(ctx, req)
	if err != nil {
		return nil, err
	}
	var targets []Target
	for _, f := range found {
		i := slices.IndexFunc(cfg.Projects, func(p ProjectConfig) bool { return p.Name == f.Project })
		if i < 0 {
			return nil, fmt.Errorf("a target of the project %q, which there is not, was compared", f.Project)
		}
		targets = append(targets, Target{Project: cfg.Projects[i], Name: f.Name, Policy: cfg.Policy(f.Project, f.Name)})
	}
	var out []report.TargetPreview
	for i, j := range identify(targets) {
		out = append(out, stranger(j, found[i], allow))
	}
	return out, nil
}

// stranger is a target of a fork's change.
func stranger(j Job, f offline.Target, allow string) report.TargetPreview {
	t := report.TargetPreview{Name: string(j.ID), Set: f.Set, Next: allow}
	switch {
	case j.Policy.Preview == PreviewNever:
		t.Set, t.Unaffected = nil, "not previewed"
	case f.Refused:
		t.Err = refusedError(f.Err)
	case f.Err != "":
		t.Err, t.Next = &report.RenderError{Err: errors.New(f.Err)}, "mend the errors, then push"
	case f.Set == nil:
		t.Err = errors.New("nothing was compared")
	case !f.Set.Changed() && len(f.Set.Failures()) == 0 && j.Policy.Preview == PreviewChanged:
		t.Set, t.Unaffected = nil, "not affected"
	}
	return t
}
