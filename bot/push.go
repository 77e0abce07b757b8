package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

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
	pasts := map[string]Fact[*past]{}
	p := pushed{BranchPushed: e, repo: repo, tree: at, past: func(at string) (*past, error) {
		was, known := pasts[at]
		if !known {
			was = fact(b.before(ctx, repo, at, e.After))
			pasts[at] = was
		}
		return was.Value, was.Err
	}}
	defer func() {
		for _, was := range pasts {
			_ = was.Value.Close()
		}
	}()
	if p.merges, err = b.merges(ctx, t, p, plan.Jobs); err != nil {
		return b.unknownMerge(plan, err)
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
	// past finds out what the branch was at a commit before.
	past func(at string) (*past, error)
	// merges are the pull requests that it brings.
	merges []incoming
}

// deployPush deploys what a push is to deploy, renews the previews that the next command is bound to, and tells whoever waits for it.
func (b *Bot) deployPush(ctx context.Context, t *tree, plan Plan, p pushed) (Outcome, error) {
	results := make([]pushResult, len(plan.Jobs))
	for n, j := range plan.Jobs {
		results[n] = b.deployPushed(ctx, t, j, p)
	}
	out := p.outcome(results)
	left, renewed := p.leaves(results), error(nil)
	if !left && !out.Unreached && !p.overtaken(ctx) { // what is left, or tried again, is judged by what is shown
		renewed = b.renewRefused(ctx, p, results)
	}
	return out, errors.Join(renewed, b.announce(ctx, p, p.announcements(results), left || renewed != nil))
}

// A pushResult is what became of a target that a push is to deploy.
type pushResult struct {
	deployment
	job Job
	// held, if set, is why a person has to ask for it.
	held *heldError
	// moved says that the push is not about it any more, and later that a later push deploys it.
	moved, later bool
	// hearing are the merges on whose pull requests it is told.
	hearing []incoming
	// texts are what is told on each of them, or one where there is none.
	texts []string
}

// deployPushed deploys one target, and words what became of it.
func (b *Bot) deployPushed(ctx context.Context, t *tree, j Job, p pushed) pushResult {
	differs, merged := "", p.merged()
	r := pushResult{job: j}
	r.deployment = b.deploy(ctx, t, j, deployOrder{
		run:    b.run(occasion{command: VerbDeploy, tree: p.tree, about: about(merged, p.BranchPushed), why: "push to " + p.Branch, person: "@" + p.Sender.Login}),
		record: forge.NewDeployment{Repo: p.Repo, SHA: p.After, Branch: p.Branch, Description: "push by @" + p.Sender.Login},
		approve: func(ctx context.Context, set *diff.ChangeSet) (err error) {
			differs, err = b.approvePush(ctx, t, j, p, set)
			b.audit(ctx, j, p, differs, err)
			return err
		},
	})
	if moved := new(movedError); errors.As(r.err, &moved) {
		r.moved, r.later = true, moved.later
	}
	if !r.later {
		b.foundDeploy(j, r.deployment)
	}
	if differs != "" {
		r.warnings = append(r.warnings, "this is not what the pull request showed: "+differs)
	}
	r.hearing = p.hearing(j.ID, !r.later && !r.unremarkable())
	if held := new(heldError); errors.As(r.err, &held) {
		r.held, r.hearing = held, p.asked(j, r.hearing)
	}
	if len(r.hearing) > 0 {
		r.look, r.again = Command{Verb: VerbDiff}.on(j.ID), Command{Verb: VerbDeploy, Commit: short(p.After)}.on(j.ID)
	}
	r.deployment = b.quiet(ctx, r.deployment, t.config.Comment, p.Repo)
	for n := range max(1, len(r.hearing)) {
		text := ""
		if r.held != nil {
			text = r.held.markdown(j.ID, p.After, r.hearing, n)
		} else {
			text = r.markdown(j.ID, p.After, "", b.Forge.MaxComment())
		}
		r.texts = append(r.texts, text)
	}
	return r
}

// askedOn is the number of the pull request from which a person can try a target again, 0 where there is none. A cluster that does not
// answer has nothing to show there.
func (r pushResult) askedOn() int {
	if len(r.hearing) == 0 || r.ok() || r.unreached() || r.moved {
		return 0
	}
	return r.hearing[0].Number
}

func (p pushed) outcome(results []pushResult) Outcome {
	var out Outcome
	for _, r := range results {
		out.Summary += r.texts[0] + "\n"
		out.Failed, out.Unreached = out.Failed || !r.ok() && !r.later, out.Unreached || r.unreached()
	}
	return out
}

// leaves says whether a later push has something to deploy, or to find out, of what this one merges.
func (p pushed) leaves(results []pushResult) bool {
	return slices.ContainsFunc(p.merges, func(m incoming) bool { return m.unread }) ||
		slices.ContainsFunc(results, func(r pushResult) bool { return r.later })
}

// renewRefused renews the previews of the pull requests from which persons can try targets again: what comes next is a command, which is
// bound to what the preview shows.
func (b *Bot) renewRefused(ctx context.Context, p pushed, results []pushResult) error {
	var errs []error
	for _, m := range p.merges {
		var targets []string
		for _, r := range results {
			if r.askedOn() == m.Number {
				targets = append(targets, string(r.job.ID))
			}
		}
		if len(targets) == 0 {
			continue
		}
		if _, err := b.preview(ctx, p.repo, m.PullRequest, p.After, interest{targets: targets, person: true}); err != nil {
			errs = append(errs, fmt.Errorf("the new diff is not shown: %w", err))
		}
	}
	return errors.Join(errs...)
}

// overtaken says whether a newer push has come: what that says of the same merges, a job that ends late does not take back.
func (p pushed) overtaken(ctx context.Context) bool {
	tip, err := p.repo.Tip(ctx, p.Branch)
	return err == nil && tip != p.After
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

// markdown tells it on the nth of the pull requests that hear of it, the first of which is asked, or where there is none in the job's
// summary alone.
func (e *heldError) markdown(id ID, commit string, hearing []incoming, n int) string {
	var s strings.Builder
	merged := len(hearing) > 0
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
	where, there := "", ""
	if n > 0 {
		where, there = " of "+report.Escape(hearing[0].String()), ", write there"
	}
	fmt.Fprintf(&s, "\nThe preview%s shows what a deploy would change now. To deploy it%s: %s\n", where, there, report.Code(command))
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
		return "", &movedError{what: fmt.Sprintf("%s has moved on to %s meanwhile, whose own push deploys it", p.Branch, short(tip)), later: true}
	}
	trust, err := b.trust(ctx, p.repo, p.Repo, p.Branch, p.DefaultBranch)
	if err != nil {
		return "", err
	}
	if from := trust.from(j); from != "" {
		return "", &movedError{what: fmt.Sprintf("%s has it deployed from %s meanwhile", trust.defaultBranch, from)}
	}
	if !set.Changed() {
		return "", nil
	}
	facts := b.facts(ctx, t, j, b.look(ctx, p.pullRequest(j.ID), p.After))
	facts.ShownSince = p.approvedSince(j.ID)
	m, held := p.judge(j, facts, append(b.bound(ctx, t, j, p), b.othersApproved(ctx, j, p)...), set)
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
	pr, policy := p.pullRequest(j.ID), j.Policy
	policy.Checks = ChecksNone // those of the new commit have only just begun; those of the head were for the merge
	if pr.Number == 0 && policy.Approvals > 0 {
		hold("approvals", fmt.Sprintf("not met: %d %s (nobody could give any)", policy.Approvals, plural(policy.Approvals, "approval", "approvals")))
		policy.Approvals = 0
	}
	for _, g := range facts.Gates(policy, pr, p.tree).of(GateNotMet) {
		hold(g.Name, "not met: "+g.Text)
	}
	if why := guarded(j.Policy, set); why != "" {
		h.prune = true
		hold("preview", why)
	}
	if pr.Number != 0 && j.Policy.Preview != PreviewNever { // which asks for deploys that nobody has seen before
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

// tellMerged tells the merged pull request why nothing is deployed, and returns the cause.
func (b *Bot) tellMerged(ctx context.Context, e forge.BranchPushed, cause error) error {
	pr, err := b.mergedBy(ctx, e)
	if err != nil || pr == nil {
		return errors.Join(cause, err)
	}
	text := fmt.Sprintf("❌ %s was not deployed:\n%s", report.Code(short(e.After)), report.Fence("", limited(cause)))
	return errors.Join(cause, b.answer(ctx, *pr, answerID("push-"+e.After), text))
}
