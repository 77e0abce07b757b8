package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/weighlock/weighlock/bot/checkout"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/history"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/render"
	"github.com/weighlock/weighlock/engine/report"
)

// An interest is what a person wants to see of a pull request, beyond what is shown by itself.
type interest struct {
	// targets are those that are named: they are compared whether they are affected or not.
	targets []string
	// person says that somebody asks: there is a comment then, also where previews have none.
	person bool
}

// preview compares a pull request, its head merged onto base, with the clusters of the targets that it affects, and of
// those that are asked for, and publishes that. No cluster is asked about a fork's before somebody who may write lets it be.
// Once a pull request is merged, it is what the base is at that is compared.
func (b *Bot) preview(ctx context.Context, repo *checkout.Repo, pr forge.PullRequest, base string, asked interest) (Outcome, error) {
	if b.OptIn && !asked.person {
		if ours, err := setUp(ctx, repo, base, pr.Head.SHA); err != nil || !ours {
			return Outcome{Summary: fmt.Sprintf("Nothing to do: neither %s nor the pull request has a %s.", pr.Base.Name, ConfigFile)}, err
		}
	}
	if pr.Fork && pr.State != forge.StateMerged {
		ok, err := b.vetted(ctx, pr)
		if err != nil {
			return Outcome{}, fmt.Errorf("whether the fork's commit may be looked at could not be found out: %w", err)
		}
		if !ok {
			return b.previewStranger(ctx, repo, pr, base, asked)
		}
	}
	return b.previewVetted(ctx, repo, pr, base, asked)
}

// publishFork publishes as far as the token may: that of a fork's own job may only read.
func (b *Bot) publishFork(ctx context.Context, pr forge.PullRequest, mode CommentMode, render pagesOf) error {
	err := b.publishPreview(ctx, pr, mode, render)
	if errors.Is(err, forge.ErrForbidden) {
		b.Log.WarnContext(ctx, "the job's token may only read, as a fork's does: the report is in the job's summary alone", "error", err)
		return nil
	}
	return err
}

// mode is how a preview is published: who asks is answered, also where previews have no comment.
func (i interest) mode(configured CommentMode) CommentMode {
	if i.person && configured == CommentNone {
		return CommentUpdate
	}
	return configured
}

// previewVetted is preview for what may be looked at.
func (b *Bot) previewVetted(ctx context.Context, repo *checkout.Repo, pr forge.PullRequest, base string, asked interest) (Outcome, error) {
	merged := pr.State == forge.StateMerged
	p := report.Preview{Head: pr.Head.SHA, Base: base, BaseName: pr.Base.Name}
	if merged {
		p.Head, p.Merged = base, true
	}
	shown := Shown{Head: p.Head, Base: base, Digests: map[ID]string{}, Guarded: map[ID]string{}, Objects: map[ID]map[string]string{}, Rendered: map[ID]string{}}
	seen, err := b.fillPreview(ctx, repo, pr, asked.targets, &p)
	if ctx.Err() != nil || errors.As(err, new(*noTargetError)) { // a slip of the pen must not take away what is shown
		return Outcome{}, err
	}
	if err != nil {
		p.Problem = err.Error()
		b.found(Finding{Err: err})
	}
	for _, t := range p.Targets {
		switch id := ID(t.Name); {
		case t.Unaffected != "":
		case t.Err != nil || len(t.Set.Failures()) > 0:
		default:
			shown.Digests[id], shown.Rendered[id] = t.Set.Digest, t.Set.Rendered[:shortHash]
			if h := hashes(t.Set); h != nil {
				shown.Objects[id] = h
			}
			if why := guarded(seen.policies[id], t.Set); why != "" {
				shown.Guarded[id] = why
			}
		}
	}
	b.detail(ctx, &p, seen.comment, pr.Repo, seen.public)
	pages := func(before *Shown) []string {
		return b.pages(pr, p, shown.dated(before, b.Now()))
	}
	out := Outcome{Summary: p.Markdown(maxSummary), Failed: broken(p), Unreached: slices.ContainsFunc(p.Targets, unreached)}
	mode := asked.mode(seen.comment.Mode)
	if pr.Fork && !merged {
		if err := b.publishFork(ctx, pr, mode, pages); err != nil {
			return out, err
		}
		out.Unchecked = b.check(ctx, pr.Commit(), p) != nil
		return out, nil
	}
	err = b.publishPreview(ctx, pr, mode, pages)
	out.Failed = out.Failed || err != nil
	if !merged {
		out.Unchecked = b.check(ctx, pr.Commit(), p) != nil
	}
	return out, err
}

// broken says whether a preview is not whole.
func broken(p report.Preview) bool {
	return p.Problem != "" || len(p.Broken) > 0 || slices.ContainsFunc(p.Targets, func(t report.TargetPreview) bool {
		return t.Unaffected == "" && (t.Err != nil || len(t.Set.Failures()) > 0)
	})
}

// unreached says whether a cluster did not answer, or not for all objects.
func unreached(t report.TargetPreview) bool {
	return t.Unaffected == "" && (t.Unreachable() || t.Set != nil && t.Set.Partial)
}

// detail sets how much a preview shows. public is whether everybody can read the repository, nil where the forge is to be asked.
func (b *Bot) detail(ctx context.Context, p *report.Preview, comment CommentConfig, repo forge.Repo, public *bool) {
	p.Unchanged = unchanged[comment.Unchanged]
	switch {
	case comment.Detail != DetailAuto:
		p.Summary = comment.Detail == DetailSummary
	case public != nil:
		p.Summary = *public
	default:
		p.Summary = b.public(ctx, repo)
	}
}

// public says whether everybody can read a repository; in doubt it is taken to be.
func (b *Bot) public(ctx context.Context, repo forge.Repo) bool {
	r, err := b.Forge.Repository(ctx, repo)
	if err != nil {
		b.Log.WarnContext(ctx, "whether the repository is public could not be found out: the comment is a summary", "error", err)
	}
	return err != nil || r.Public
}

// maxSummary is how many characters of a report go to a job's summary, of which runners take a mebibyte.
const maxSummary = 900_000

// maxPages is how many comments a preview takes at most, and commentReserve how far it stays from a comment's limit: forges
// do not all count in the same way.
const maxPages, commentReserve = 5, 2000

// pages is the preview comment, and further ones where it does not fit: each with its marker.
func (b *Bot) pages(pr forge.PullRequest, p report.Preview, s Shown) []string {
	marker, limit := s.brief().signed(b.signingKey(), pr).marker()+"\n", b.Forge.MaxComment()-commentReserve
	pages := p.Pages(limit-len([]rune(marker)), limit-len(pageHead(maxPages)), maxPages)
	pages[0] = marker + pages[0]
	for i := 1; i < len(pages); i++ {
		pages[i] = pageHead(i+1) + pages[i]
	}
	return pages
}

// configured is what of the configuration matters for publishing.
type configured struct {
	policies map[ID]TargetPolicy
	comment  CommentConfig
	// public is whether everybody can read the repository, nil where that was not found out.
	public *bool
}

// fillPreview fills in the targets of p. An error is about the pull request as a whole, such as a merge conflict.
func (b *Bot) fillPreview(ctx context.Context, repo *checkout.Repo, pr forge.PullRequest, asked []string, p *report.Preview) (configured, error) {
	found := configured{policies: map[ID]TargetPolicy{}, comment: defaultComment}
	at, err := candidate(ctx, repo, pr, p.Base)
	if err != nil {
		return found, err
	}
	cfg, err := config(ctx, repo, p.Base)
	if errors.As(err, new(*brokenConfigError)) && !p.Merged && mends(ctx, repo, at) {
		p.Mended = err.Error()
		return found, nil
	}
	if err != nil {
		return found, err
	}
	found.comment = cfg.Comment
	found.comment.Mode = cmp.Or(b.CommentMode, cfg.Comment.Mode)
	opts := b.own(repo)
	if pr.Fork && !p.Merged {
		opts = b.strangers(repo, cfg)
	}
	t, err := b.extract(ctx, repo, at, cfg, opts)
	if err != nil {
		return found, err
	}
	defer t.Close()
	var before *tree
	if !p.Merged {
		if before, err = b.base(ctx, repo, p.Base, cfg, opts); err != nil {
			b.Log.WarnContext(ctx, "what was there already is not told apart", "error", err)
		} else {
			defer before.Close()
		}
	}
	trust, trustErr := b.trust(ctx, repo, pr.Repo, pr.Base.Name, "")
	if trustErr == nil {
		found.public = trust.public
		trust.rule(t.Targets)
	}
	plan, err := PlanPreview(t.Targets, asked)
	if err != nil {
		return found, err
	}
	var next *Config
	if !p.Merged {
		next = propose(p, t.dir.Path(), cfg, t.Targets, func(pc ProjectConfig) ([]string, error) { return t.names(pc, opts) })
	}
	if before != nil {
		for _, name := range gone(ctx, before, t) {
			p.Policy = append(p.Policy, report.Escape(fmt.Sprintf("%s is no target any more: what it has in its cluster stays as it is (before this is merged, weighlock delete can remove it)", name)))
		}
	}
	p.At = b.Now().UTC().Format("2006-01-02 15:04 UTC")
	all := b.compareAll(ctx, t, before, plan.Jobs)
	pull, shown := b.look(ctx, pr, p.Head), sync.OnceValues(func() (*Shown, error) { return b.shown(ctx, pr) })
	for n, j := range plan.Jobs {
		seen, elsewhere := all[n], ""
		if before != nil {
			if elsewhere = leadsElsewhere(ctx, before, t, j); elsewhere != "" {
				p.Policy = append(p.Policy, report.Escape(fmt.Sprintf("%s: %s", j.ID, elsewhere)))
			}
		}
		found.policies[j.ID] = j.Policy
		if err := ctx.Err(); err != nil {
			return found, err
		}
		switch {
		case errors.Is(seen.Err, errUnaffected):
			seen.Err, seen.Unaffected = nil, "not affected"
		case seen.Unaffected == "" && pr.Number > 0:
			from := t
			if before != nil { // says where what goes first is deployed
				from = before
			}
			way := way{Job: j, pr: pr, tree: at, facts: b.facts(ctx, from, j, pull)}
			if j.Policy.Approvals > 0 && seen.Set != nil {
				if was, err := shown(); err == nil { // else the publishing says so
					now := Shown{Head: p.Head, Digests: map[ID]string{j.ID: seen.Set.Digest}}.dated(was, b.Now())
					way.facts.ShownSince = now.approvedSince(j.ID)
				}
			}
			way.trust, way.err = trust, trustErr
			way.elsewhere, way.repolicied = elsewhere != "", next != nil && cfg.repolicied(next, j) != ""
			seen.Next = way.next(seen)
		}
		if seen.Unaffected == "" {
			b.found(Finding{Target: j.ID, Project: j.Project.Path, Set: seen.Set, Err: seen.Err})
		}
		p.Targets = append(p.Targets, seen)
	}
	return found, nil
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

// atOnce is how many targets are compared at the same time: one whose cluster does not answer does not hold up the others.
const atOnce = 4

// compareAll is what compare says of each target.
func (b *Bot) compareAll(ctx context.Context, t, before *tree, jobs []Job) []report.TargetPreview {
	all := make([]report.TargetPreview, len(jobs))
	var g errgroup.Group
	g.SetLimit(atOnce)
	for n, j := range jobs {
		all[n].Name = string(j.ID)
		if j.Policy.Preview == PreviewNever && !j.Asked {
			all[n].Unaffected = "not previewed"
			continue
		}
		g.Go(func() error {
			ctx, end := traced(ctx, "preview", j.ID)
			all[n].Set, all[n].Last, all[n].Err = b.comparePatiently(ctx, t, before, j)
			end(all[n].Err)
			return nil
		})
	}
	_ = g.Wait() // what went wrong is each target's own
	return all
}

// comparePatiently is compare, with an end.
func (b *Bot) comparePatiently(ctx context.Context, t, before *tree, j Job) (*diff.ChangeSet, *report.Deploy, error) {
	if b.Patience == 0 {
		return b.compare(ctx, t, before, j)
	}
	bounded, cancel := context.WithTimeout(ctx, b.Patience)
	defer cancel()
	set, last, err := b.compare(bounded, t, before, j)
	if bounded.Err() != nil && ctx.Err() == nil {
		return nil, nil, &diff.UnreachableError{Err: fmt.Errorf("the cluster has not answered all that was asked within %s", b.Patience)}
	}
	return set, last, err
}

// compare is one target's change set. before, if not nil, tells what the change causes from what is there already, and
// whether the target is affected at all. The target's last deploy comes with it, where that is known.
func (b *Bot) compare(ctx context.Context, t, before *tree, j Job) (*diff.ChangeSet, *report.Deploy, error) {
	p, target, cluster, err := b.openPreview(ctx, t, j)
	if err != nil {
		return nil, nil, hidePath(err, t.dir.Path())
	}
	rendering, rendered := traced(ctx, "render", j.ID)
	m, err := engine.Render(rendering, p, target, render.Options{Reader: cluster.Reader()})
	rendered(err)
	if err != nil {
		return nil, nil, &report.RenderError{Err: hidePath(err, t.dir.Path())}
	}
	opts, elsewhere := b.diffOptions(j), false
	if before != nil {
		opts.Proposed = true
		// A target that the base does not have, or cannot render, has nothing that was there already.
		if was, err := before.target(ctx, j); err == nil {
			elsewhere = was.Context != target.Context || was.Discriminator != target.Discriminator
			opts.Base, err = engine.Render(ctx, before.projects[j.Project.Name], was, render.Options{Reader: cluster.Reader()})
			if err != nil {
				b.Log.WarnContext(ctx, "the base is not rendered", "target", j.ID, "error", hidePath(err, before.dir.Path()))
			}
		}
	}
	if opts.Base != nil && j.Policy.Preview == PreviewChanged && !j.Asked && !affected(opts.Base, m) {
		return nil, nil, errUnaffected
	}
	runs, err := history.Runs(ctx, cluster.History(t.config.Records.Namespace), target.Discriminator)
	if err != nil {
		b.Log.WarnContext(ctx, "the target's last results cannot be read", "target", j.ID, "error", err)
	}
	opts.Namespaces = runs.Namespaces()
	comparing, compared := traced(ctx, "diff", j.ID)
	set, err := diff.Diff(comparing, m, cluster.Previewer(), opts)
	compared(err)
	if elsewhere { // its deploys were another target's
		runs = nil
	}
	return set, lastDeploy(runs), hidePath(err, t.dir.Path())
}

// lastDeploy is the newest deploy of what a history holds, nil for none.
func lastDeploy(runs history.Entries) *report.Deploy {
	for _, e := range runs {
		if e.Command == VerbDeploy {
			return &report.Deploy{Commit: e.Commit, By: e.Person, At: e.EndTime, Failed: e.Outcome != history.Succeeded}
		}
	}
	return nil
}

var unchanged = map[UnchangedMode]report.Unchanged{
	UnchangedFold: report.FoldUnchanged, UnchangedShow: report.ShowUnchanged, UnchangedHide: report.HideUnchanged,
}
