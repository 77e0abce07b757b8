package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/weighlock/weighlock/bot/checkout"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/report"
)

// branchPushed deploys the targets that a push to the branch deploys, and tells the pull request that it came from.
func (b *Bot) branchPushed(ctx context.Context, e forge.BranchPushed) (Outcome, error) {
	repo, err := b.Clone(ctx, "refs/heads/"+e.Branch)
	if err != nil {
		return Outcome{}, err
	}
	defer repo.Close()
	cfg, err := config(ctx, repo, e.After)
	if err != nil {
		return Outcome{}, b.tellMerged(ctx, e, err)
	}
	// A job that is run again, or late, must not take back what a newer push has deployed.
	tip, err := repo.Tip(ctx, e.Branch)
	if err != nil {
		return Outcome{}, err
	}
	if tip != e.After {
		return Outcome{Summary: fmt.Sprintf("Nothing to do: %s has moved on from %s to %s, whose own push deploys it.", e.Branch, short(e.After), short(tip))}, nil
	}
	at, err := repo.Tree(ctx, e.After)
	if err != nil {
		return Outcome{}, err
	}
	t, err := b.extract(ctx, repo, at, cfg, b.own(repo))
	if err != nil {
		return Outcome{}, b.tellMerged(ctx, e, err)
	}
	defer t.Close()
	trust, err := b.trust(ctx, repo, e.Repo, e.Branch, e.DefaultBranch)
	if err != nil {
		return Outcome{}, b.tellMerged(ctx, e, err)
	}
	trust.rule(t.Targets)
	plan := PlanPush(t.Targets, e)
	if plan.Reason == "" {
		plan.Jobs = slices.DeleteFunc(plan.Jobs, func(j Job) bool { return trust.from(j) != "" })
		if len(plan.Jobs) == 0 {
			plan.Reason = fmt.Sprintf("%s names no target that is deployed from %s, and only the default branch says which other one a target is deployed from", ConfigFile+" of "+trust.defaultBranch, e.Branch)
		}
	}
	if plan.Reason != "" {
		return Outcome{Summary: "Nothing to do: " + plan.Reason + ".\n" + b.renewOthers(ctx, e)}, nil
	}
	var was *past
	p := pushed{BranchPushed: e, repo: repo, tree: at, past: sync.OnceValues(func() (*past, error) {
		var err error
		was, err = b.before(ctx, repo, e)
		return was, err
	})}
	defer func() { _ = was.Close() }()
	if p.merged, err = b.mergedBy(ctx, e); err != nil {
		return b.unknownMerge(plan, err)
	}
	if p.merged != nil {
		if p.shown, err = b.shown(ctx, *p.merged); err != nil {
			return b.unknownMerge(plan, err)
		}
		if p.others, err = b.alsoMerged(ctx, p); err != nil {
			return b.unknownMerge(plan, err)
		}
	}
	out, err := b.deployPush(ctx, t, plan, p)
	if ctx.Err() == nil {
		out.Summary += b.renewOthers(ctx, e)
	}
	return out, err
}

// unknownMerge is the outcome where what was reviewed cannot be found out: nothing is deployed that somebody wants to have
// seen before.
func (b *Bot) unknownMerge(plan Plan, err error) (Outcome, error) {
	return Outcome{}, fmt.Errorf("nothing is deployed (%s): what was reviewed could not be found out: %w", strings.Join(ids(plan.Jobs), ", "), err)
}

// A pushed is a push that deploys.
type pushed struct {
	forge.BranchPushed
	repo *checkout.Repo
	// tree is what it made of the branch.
	tree checkout.Tree
	// past finds out what the branch was before.
	past func() (*past, error)
	// merged is the pull request that it merged, nil for none, and shown what that showed last.
	merged *forge.PullRequest
	shown  *Shown
	// others are further ones that it merged.
	others []forge.PullRequest
}

func (b *Bot) deployPush(ctx context.Context, t *tree, plan Plan, p pushed) (Outcome, error) {
	var out Outcome
	var errs []error
	var again []string
	texts := map[ID]string{}
	for _, j := range plan.Jobs {
		differs := ""
		d := b.deploy(ctx, t, j, deployOrder{
			run:    b.run(occasion{command: VerbDeploy, tree: p.tree, about: about(p.merged, p.BranchPushed), why: "push to " + p.Branch, person: "@" + p.Sender.Login}),
			record: forge.NewDeployment{Repo: p.Repo, SHA: p.After, Branch: p.Branch, Description: "push by @" + p.Sender.Login},
			approve: func(ctx context.Context, set *diff.ChangeSet) (err error) {
				differs, err = b.approvePush(ctx, t, j, p, set)
				b.audit(ctx, j, p, differs, err)
				return err
			},
		})
		b.foundDeploy(j, d)
		if p.merged != nil {
			d.look, d.again = Command{Verb: VerbDiff}.on(j.ID), Command{Verb: VerbDeploy, Commit: short(p.After)}.on(j.ID)
			if !d.ok() && !errors.As(d.err, new(*movedError)) {
				again = append(again, string(j.ID)) // what comes next is a command, which is bound to what the preview shows
			}
		}
		if differs != "" {
			d.warnings = append(d.warnings, "this is not what the pull request showed: "+differs)
		}
		d = b.quiet(ctx, d, t.config.Comment, p.Repo)
		text := d.markdown(j.ID, p.After, "", b.Forge.MaxComment())
		if held := new(heldError); errors.As(d.err, &held) {
			text = held.markdown(j.ID, p.After, p.merged != nil)
		}
		texts[j.ID] = text
		out.Summary += text + "\n"
		out.Failed, out.Unreached = out.Failed || !d.ok(), out.Unreached || d.unreached()
	}
	if p.merged == nil {
		return out, nil
	}
	if len(again) > 0 {
		if _, err := b.preview(ctx, p.repo, *p.merged, p.After, interest{targets: again, person: true}); err != nil {
			errs = append(errs, fmt.Errorf("the new diff is not shown: %w", err))
		}
	}
	for _, j := range plan.Jobs {
		id := answerToPush(p.After, j.ID)
		for _, pr := range append([]forge.PullRequest{*p.merged}, p.others...) {
			errs = append(errs, b.answer(ctx, pr, id, texts[j.ID]))
			b.supersede(ctx, pr, id, []string{string(j.ID)})
		}
	}
	return out, errors.Join(errs...)
}

// A heldError says why a deploy on merge waits for a person.
type heldError struct {
	gates Verdict
	// excerpt shows, as Markdown, what is not as it was shown.
	excerpt string
	// prune says that the command needs --prune.
	prune bool
}

func (e *heldError) Error() string { return "held: " + strings.Join(e.why(), "; ") }

func (e *heldError) why() []string {
	out := make([]string, len(e.gates))
	for i, g := range e.gates {
		out[i] = g.Text
	}
	return out
}

// markdown tells it on the pull request that was merged, or where there is none in the job's summary alone.
func (e *heldError) markdown(id ID, commit string, merged bool) string {
	var s strings.Builder
	fmt.Fprintf(&s, "✋ **%s** was not deployed by the %s: ", report.Escape(string(id)), pick(merged, "merge", "push"))
	if why := e.why(); len(why) == 1 {
		s.WriteString(report.Escape(why[0]) + ".\n")
	} else {
		s.WriteString("\n\n")
		for _, why := range why {
			fmt.Fprintf(&s, "- %s\n", report.Escape(why))
		}
	}
	s.WriteString(e.excerpt)
	if !merged {
		s.WriteString("\nIt was pushed without a pull request to ask on. What is merged next deploys it, or <code>weighlock deploy</code>.\n")
		return s.String()
	}
	command := Command{Verb: VerbDeploy, Commit: commit, Prune: e.prune}.on(id)
	fmt.Fprintf(&s, "\nThe preview shows what a deploy would change now. To deploy it: %s\n", report.Code(command))
	return s.String()
}

// approvePush decides, right before the first write, whether a push may deploy a change. A *[heldError] leaves it to a
// person. It also says in what the change differs from what was shown, where that is let through.
func (b *Bot) approvePush(ctx context.Context, t *tree, j Job, p pushed, set *diff.ChangeSet) (differs string, err error) {
	tip, err := p.repo.Tip(ctx, p.Branch)
	if err != nil {
		return "", fmt.Errorf("whether %s is still where it was could not be found out: %w", p.Branch, err)
	}
	if tip != p.After {
		return "", &movedError{fmt.Sprintf("%s has moved on to %s meanwhile, whose own push deploys it", p.Branch, short(tip))}
	}
	trust, err := b.trust(ctx, p.repo, p.Repo, p.Branch, p.DefaultBranch)
	if err != nil {
		return "", err
	}
	if from := trust.from(j); from != "" {
		return "", &movedError{fmt.Sprintf("%s has it deployed from %s meanwhile", trust.defaultBranch, from)}
	}
	if !set.Changed() {
		return "", nil
	}
	m, held := p.judge(j, b.facts(ctx, t, j, b.look(ctx, deref(p.merged), p.After)), append(b.bound(ctx, t, j, p), b.othersApproved(ctx, j, p)...), set)
	if m != nil {
		differs = m.Text
	}
	if held == nil {
		return differs, nil
	}
	if m != nil {
		held.excerpt = b.excerpt(ctx, *m, set, t.config.Comment, p.Repo)
	}
	return differs, held
}

// judge decides by what is known whether a push may deploy a change: held says why not, differs in what the change is not
// the one that was shown. bound are gates that are not met of what the push itself changes.
func (p pushed) judge(j Job, facts Facts, bound Verdict, set *diff.ChangeSet) (differs *mismatch, held *heldError) {
	var h heldError
	hold := func(gate, why string) { h.gates = append(h.gates, Gate{Name: gate, State: GateNotMet, Text: why}) }
	for _, g := range bound {
		hold(g.Name, pick(g.Name == "actor", "not met: ", "")+g.Text)
	}
	policy := j.Policy
	policy.Checks = ChecksNone // those of the new commit have only just begun; those of the head were for the merge
	if p.merged == nil && policy.Approvals > 0 {
		hold("approvals", fmt.Sprintf("not met: %d %s (nobody could give any)", policy.Approvals, plural(policy.Approvals, "approval", "approvals")))
		policy.Approvals = 0
	}
	for _, g := range facts.Gates(policy, deref(p.merged), p.tree).of(GateNotMet) {
		hold(g.Name, "not met: "+g.Text)
	}
	if why := guarded(j.Policy, set); why != "" {
		h.prune = true
		hold("preview", why)
	}
	if p.merged != nil && j.Policy.Preview != PreviewNever { // which asks for deploys that nobody has seen before
		differs = p.mismatch(j.ID, set)
		if differs != nil && (j.Policy.RequireReviewed || j.Policy.Approvals > 0) { // what was approved is what was shown
			hold("preview", differs.Text)
		}
	}
	if len(h.gates) > 0 {
		return differs, &h
	}
	return differs, nil
}

// mismatch says in what a change is not the one that the merged pull request showed last; nil where it is.
func (p pushed) mismatch(id ID, set *diff.ChangeSet) *mismatch {
	switch {
	case p.shown == nil, p.shown.Digests == nil:
		return &mismatch{Text: "the pull request showed no preview"}
	case p.shown.Head == p.merged.Head.SHA && p.shown.Digests[id] == set.Digest:
		return nil
	case p.shown.Head != p.merged.Head.SHA:
		return &mismatch{Text: fmt.Sprintf("the preview was of %s, and %s was merged", short(p.shown.Head), short(p.merged.Head.SHA))}
	case p.shown.Digests[id] == "":
		return &mismatch{Text: "the pull request showed no change of this target, yet the cluster is not as the branch has it", Objects: changed(set)}
	}
	base := ""
	switch {
	case len(p.others) > 0:
		base = "the same push has merged " + p.others[0].String() + ", too"
		if n := len(p.others); n > 1 {
			base = fmt.Sprintf("the same push has merged %s and %d more, too", p.others[0], n-1)
		}
	case p.shown.Base != p.Before:
		base = fmt.Sprintf("%s has moved on from %s to %s", p.Branch, short(p.shown.Base), short(p.Before))
	}
	m := p.shown.mismatch(id, set, base)
	return &m
}

// guarded says why a change set's deletions need somebody to ask for them, "" where they do not.
func guarded(policy TargetPolicy, set *diff.ChangeSet) string {
	deleted := 0
	for _, c := range set.Orphans {
		if c.Op != diff.Delete {
			continue
		}
		if deleted++; slices.Contains(policy.PruneGuard.Kinds, c.Ref.Kind) {
			return "it deletes " + c.Ref.String()
		}
	}
	if deleted > policy.PruneGuard.Max {
		return fmt.Sprintf("it deletes %d %s, more than pruneGuard.max, which is %d", deleted, plural(deleted, "object", "objects"), policy.PruneGuard.Max)
	}
	return ""
}

// mergedBy is the pull request whose merge a push is, or nil.
func (b *Bot) mergedBy(ctx context.Context, e forge.BranchPushed) (*forge.PullRequest, error) {
	prs, err := b.Forge.PullRequestsOf(ctx, e.Repo, e.After)
	if err != nil {
		return nil, err
	}
	for _, pr := range prs {
		if pr.State == forge.StateMerged && pr.Base.Name == e.Branch {
			return &pr, nil
		}
	}
	return nil, nil
}

// alsoMerged are further pull requests that the push has merged, as that of a merge queue may: those of the commits between what the
// branch was at and what it is at. Of a long row of commits the newest ones are asked for.
func (b *Bot) alsoMerged(ctx context.Context, p pushed) ([]forge.PullRequest, error) {
	const most = 20
	known := map[int]bool{p.merged.Number: true}
	var out []forge.PullRequest
	at := p.After
	for range most {
		parents, err := p.repo.Parents(ctx, at)
		if err != nil || len(parents) == 0 || parents[0] == p.Before || p.Before == "" {
			return out, err
		}
		at = parents[0]
		prs, err := b.Forge.PullRequestsOf(ctx, p.Repo, at)
		if err != nil {
			return nil, err
		}
		for _, pr := range prs {
			if pr.State == forge.StateMerged && pr.Base.Name == p.Branch && pr.MergeCommit == at && !known[pr.Number] {
				known[pr.Number] = true
				out = append(out, pr)
			}
		}
		if err := p.repo.Fetch(ctx, at); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// othersApproved are the gates of approvals that the other pull requests lack which the push has merged.
func (b *Bot) othersApproved(ctx context.Context, j Job, p pushed) Verdict {
	if j.Policy.Approvals == 0 {
		return nil
	}
	var v Verdict
	for _, pr := range p.others {
		g := (Facts{Approvals: fact(b.approvals(ctx, pr))}).approved(j.Policy.Approvals, pr)
		g.Name, g.Text = "approvals", "not met: "+g.Text+", for "+pr.String()
		v = append(v, g)
	}
	return v.of(GateNotMet)
}

// tellMerged tells the merged pull request why nothing is deployed, and returns the cause.
func (b *Bot) tellMerged(ctx context.Context, e forge.BranchPushed, cause error) error {
	pr, err := b.mergedBy(ctx, e)
	if err != nil || pr == nil {
		return errors.Join(cause, err)
	}
	text := fmt.Sprintf("❌ %s was not deployed:\n%s", report.Code(short(e.After)), report.Fence("", limited(cause)))
	return errors.Join(cause, b.answer(ctx, *pr, answerID("push-"+e.After), text))
}
