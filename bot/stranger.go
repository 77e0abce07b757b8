package bot

import (
	"cmp"
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
func (b *Bot) previewStranger(ctx context.Context, repo *checkout.Repo, pr forge.PullRequest, base string, asked interest) (Outcome, error) {
	p := report.Preview{Head: pr.Head.SHA, Base: base, BaseName: pr.Base.Name}
	cfg, err := config(ctx, repo, base)
	switch {
	case err != nil:
		p.Problem = err.Error()
	case cfg.Forks == ForksNone || b.Offline == nil:
		p.Notice = "This comes from a fork. Nothing of it is looked at before somebody with permission to write has read the commit and comments " + allow(pr)
	default:
		p.Offline = true
		p.Notice = "This comes from a fork: two renders are compared, and no cluster was asked. Once somebody with permission to write has read the commit and comments " +
			allow(pr) + ", the preview shows what would change there."
		if err = b.compareStranger(ctx, repo, pr, cfg, &p); err != nil {
			if ctx.Err() != nil {
				return Outcome{}, err
			}
			p.Problem = err.Error()
		}
		b.detail(ctx, &p, cfg.Comment, pr.Repo, nil)
	}
	mode := cmp.Or(b.CommentMode, CommentUpdate)
	if cfg != nil {
		mode = cmp.Or(b.CommentMode, cfg.Comment.Mode)
	}
	pages := b.pages(pr, p, Shown{Head: pr.Head.SHA, Base: base})
	out := Outcome{Summary: pages[0], Unread: true}
	if p.Offline || p.Problem != "" {
		out.Summary, out.Failed = p.Markdown(maxSummary), p.Problem != "" || len(p.Broken) > 0 || slices.ContainsFunc(p.Targets, brokenByChange)
	}
	if err := b.publishFork(ctx, pr, asked.mode(mode), func(*Shown) []string { return pages }); err != nil {
		return out, err
	}
	// One that is required must not be waited for for ever. That of each target comes once a cluster was asked.
	sum := forge.Check{Name: CheckName, State: forge.CheckNeutral, Title: "a fork's change: no cluster was asked before /" + VerbOkToTest, URL: b.page()}
	if out.Failed {
		sum.State, sum.Title = forge.CheckFailure, p.Headline()
	}
	if err := again(ctx, func() error { return b.Forge.SetCheck(ctx, pr.Commit(), sum) }); err != nil {
		b.Log.WarnContext(ctx, "no check is reported", "check", sum.Name, "error", err) // the token of a fork's own job may only read
	}
	return out, nil
}

// allow is what lets a fork's head be previewed.
func allow(pr forge.PullRequest) string {
	return report.Code(okToTestCommand(pr))
}

// brokenByChange says whether a target of a stranger's change is not whole for another reason than what a stranger may not do.
func brokenByChange(t report.TargetPreview) bool {
	return t.Err != nil && !errors.As(t.Err, new(refusedError)) || t.Set != nil && len(t.Set.Failures()) > 0
}

// A refusedError is that of a target which needs what a stranger may not use.
type refusedError string

func (e refusedError) Error() string { return string(e) }

// compareStranger compares all targets of a fork's change with those of its base.
func (b *Bot) compareStranger(ctx context.Context, repo *checkout.Repo, pr forge.PullRequest, cfg *Config, p *report.Preview) error {
	head, err := candidate(ctx, repo, pr, p.Base)
	if err != nil {
		return err
	}
	before, err := repo.Tree(ctx, p.Base)
	if err != nil {
		return err
	}
	req := offline.Request{Repository: repo.Remote(), RemoteBases: cfg.RemoteBases}
	for tree, to := range map[checkout.Tree]*string{before: &req.Base, head: &req.Head} {
		dir, err := repo.Extract(ctx, tree)
		if err != nil {
			return err
		}
		defer dir.Close()
		*to = dir.Path()
	}
	for _, pc := range cfg.Projects {
		req.Projects = append(req.Projects, offline.Project{Name: pc.Name, Path: pc.Path})
	}
	found, err := b.Offline.Compare(ctx, req)
	if err != nil {
		return err
	}
	var targets []Target
	for _, f := range found {
		i := slices.IndexFunc(cfg.Projects, func(p ProjectConfig) bool { return p.Name == f.Project })
		if i < 0 {
			return fmt.Errorf("a target of the project %q, which there is not, was compared", f.Project)
		}
		targets = append(targets, Target{Project: cfg.Projects[i], Name: f.Name, Policy: cfg.Policy(f.Project, f.Name)})
	}
	propose(p, req.Head, cfg, targets, nil)
	for i, j := range identify(targets) {
		p.Targets = append(p.Targets, stranger(j, found[i], allow(pr)))
	}
	return nil
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
