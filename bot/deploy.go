package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/weighlock/weighlock/bot/checkout"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/report"
)

// deployCommand carries out /deploy and /prune: it judges each target's gates, deploys those that are met, and brings the
// preview up to date.
func (b *Bot) deployCommand(ctx context.Context, a asked, later *func() error) (string, bool, error) {
	cfg, err := config(ctx, a.repo, a.base)
	if err != nil {
		return "", false, err
	}
	shown, err := b.shown(ctx, a.pr)
	if err != nil {
		return "", false, fmt.Errorf("reading what the preview shows: %w", err)
	}
	r := Request{
		Command: a.Command, PullRequest: a.pr, Actor: a.by, Permission: fact(b.Forge.Permission(ctx, a.pr.Repo, a.by)),
		Shown: shown, Base: a.base, Tree: checkout.Tree{Head: a.at()}, Asked: a.comment.Created,
	}
	merged := a.pr.State == forge.StateMerged
	if stranger := r.Permission.Err != nil || r.Permission.Value < forge.Triage; stranger || a.pr.Fork && !merged {
		// Nothing of what they bring is even fetched.
		return b.refuseUnread(r, cfg), false, nil
	}
	if r.Tree, err = candidate(ctx, a.repo, a.pr, a.base); err != nil {
		return "", false, err
	}
	t, err := b.extract(ctx, a.repo, r.Tree, cfg, b.own(a.repo))
	if err != nil {
		return "", false, err
	}
	defer t.Close()
	before, err := b.base(ctx, a.repo, a.base, cfg, b.own(a.repo))
	if err != nil {
		return "", false, fmt.Errorf("the base branch: %w", err)
	}
	defer before.Close()
	trust, err := b.trust(ctx, a.repo, a.pr.Repo, a.pr.Base.Name, "")
	if err != nil {
		return "", false, err
	}
	trust.rule(t.Targets)
	plan, err := PlanCommand(t.Targets, a.Command)
	if err != nil {
		return fmt.Sprintf("😕 %s.", report.Escape(err.Error())), false, nil
	}
	answer, all, wrote, applied := "", true, false, false
	known := b.lookFor(ctx, a)
	for _, j := range plan.Jobs {
		r.Job, r.From, r.Moved.Value = j, trust.from(j), moved(ctx, before, t, j)
		verdict := Judge(b.ask(ctx, before, a, known, r))
		if !verdict.Met() { // who deploys asks for the lock anyway, and has it then
			held := errUnread // it is to lead elsewhere: who has that says nothing
			if r.Moved.Value == "" {
				held = b.held(ctx, before, a, j)
			}
			verdict = append(verdict, free(j.ID, held))
		}
		b.Log.InfoContext(ctx, "judged", "target", j.ID, "actor", a.by.Login, "met", verdict.Met(), "gates", verdict)
		b.judged(verdict)
		if !verdict.Met() {
			answer += refusal(j.ID, pick(a.Verb == VerbPrune, "pruned", "deployed"), verdict) + "\n"
			all = false
			continue
		}
		d := b.carryOut(ctx, t, a, r, func(ctx context.Context, _ *diff.ChangeSet) error { return b.still(ctx, before, a, r, trust) })
		known = b.lookFor(ctx, a) // that has taken its time
		if errors.Is(d.err, diff.ErrStale) && d.set != nil {
			m := r.Shown.mismatch(r.Job.ID, d.set, "")
			d.differs, d.excerpt = &m, b.excerpt(ctx, m, d.set, cfg.Comment, a.pr.Repo)
		}
		d = b.quiet(ctx, d, cfg.Comment, a.pr.Repo)
		answer += d.markdown(j.ID, r.Tree.Head, a.by.Login, b.Forge.MaxComment()/len(plan.Jobs)) + "\n"
		all = all && d.ok()
		wrote, applied = true, applied || d.err == nil
	}
	if ctx.Err() != nil {
		return answer, false, fmt.Errorf("interrupted: %w", context.Cause(ctx))
	}
	outdated := shown != nil && (shown.Base != a.base || merged && shown.Head != a.at()) && (merged || a.pr.State == forge.StateOpen)
	if wrote || r.Permission.Value >= forge.Write && outdated {
		// What the preview showed is no longer what would happen next.
		renew := func() error {
			if err := b.renew(ctx, a, ids(plan.Jobs)); err != nil {
				return fmt.Errorf("the preview is not brought up to date: %w", err)
			}
			return nil
		}
		if applied { // results come first
			*later = renew
			return answer, all, nil
		}
		if err := renew(); err != nil {
			return answer, false, err
		}
		if !wrote {
			answer += "The preview shows it as it is now: read it, then take the command from there.\n"
		}
	}
	return answer, all, nil
}

// renew brings the preview up to date with the pull request and its base as they are now.
func (b *Bot) renew(ctx context.Context, a asked, targets []string) error {
	base, err := a.repo.Tip(ctx, a.pr.Base.Name)
	if err != nil {
		return err
	}
	_, err = b.preview(ctx, a.repo, a.pr, base, interest{targets: targets, person: true})
	return err
}

// candidate is what would be deployed of a pull request: its head merged onto the base, or once it is merged the base.
func candidate(ctx context.Context, repo *checkout.Repo, pr forge.PullRequest, base string) (checkout.Tree, error) {
	if pr.State == forge.StateMerged {
		return repo.Tree(ctx, base)
	}
	return repo.Merge(ctx, base, pr.Head.SHA)
}

// ask finds out what the gates of a request are judged by, for its target. before is the base branch's tree, which says where what goes
// first is deployed.
func (b *Bot) ask(ctx context.Context, before *tree, a asked, known asking, r Request) Request {
	r.Facts = b.facts(ctx, before, r.Job, known.found)
	r.ShownSince = r.Shown.approvedSince(r.Job.ID) // what others brought was not approved with it
	r.Team = known.team(ctx, b, a.by, r.Job.Policy.Allow.Teams)
	r.Unowned = Fact[[]string]{}
	if r.Job.Policy.Codeowners {
		r.Unowned = fact(known.unowned())
	}
	return r
}

// carryOut deploys or prunes the request's target, whose gates are met. still is asked right before the first write.
func (b *Bot) carryOut(ctx context.Context, t *tree, a asked, r Request, still func(context.Context, *diff.ChangeSet) error) deployment {
	o := deployOrder{
		run: b.run(occasion{
			command: a.Verb, tree: r.Tree, about: a.pr.String(), why: fmt.Sprintf("/%s by @%s", a.Verb, a.by.Login), person: "@" + a.by.Login,
		}),
		reviewed: r.Shown.Digests[r.Job.ID], force: a.Force, prune: a.Prune, only: a.Only,
		record:  forge.NewDeployment{Repo: a.pr.Repo, SHA: r.Tree.Head, Branch: a.branch(), Description: fmt.Sprintf("%s by @%s", a.pr, a.by.Login)},
		approve: still,
	}
	do := b.deploy
	if a.Verb == VerbPrune {
		do = b.prune
	}
	d := b.foundDeploy(r.Job, do(ctx, t, r.Job, o))
	d.look, d.again = Command{Verb: VerbDiff}.on(r.Job.ID), a.Command.on(r.Job.ID)
	return d
}

// A movedError says what has changed on the forge between the command and the first write.
type movedError struct {
	what string
	// later says that what was not done is done by a later push.
	later bool
}

func (e *movedError) Error() string { return e.what }

// still says, right before the first write, whether what a command rests on is still so: minutes may have passed since its gates were
// judged. What it is about, the commits and by these the policy, has to be the same; then the gates are judged again, by what is
// found out anew. One that could not be found out is not met.
func (b *Bot) still(ctx context.Context, before *tree, a asked, r Request, trust branchTrust) error {
	now, err := b.Forge.PullRequest(ctx, a.pr.Repo, a.pr.Number)
	if err != nil {
		return fmt.Errorf("whether the pull request is still as it was could not be found out: %w", err)
	}
	tip, err := a.repo.Tip(ctx, a.pr.Base.Name)
	if err != nil {
		return fmt.Errorf("whether %s is still where it was could not be found out: %w", a.pr.Base.Name, err)
	}
	gone, _, err := b.withdrawn(ctx, a.comment)
	if err != nil {
		return fmt.Errorf("whether the command is still there could not be found out: %w", err)
	}
	if err := a.moved(standing{pr: now, tip: tip, withdrawn: gone}); err != nil {
		return err
	}
	if trust, err = b.trust(ctx, a.repo, a.pr.Repo, a.pr.Base.Name, trust.defaultBranch); err != nil {
		return err
	}
	a.pr, r.PullRequest, r.From = now, now, trust.from(r.Job)
	r.Permission = fact(b.Forge.Permission(ctx, a.pr.Repo, a.by))
	verdict := Judge(b.ask(ctx, before, a, b.lookFor(ctx, a), r))
	if verdict.Met() {
		return nil
	}
	var lost []string
	for _, g := range verdict.of(GateNotMet) {
		lost = append(lost, g.Text)
	}
	b.Log.InfoContext(ctx, "not met any more", "target", r.Job.ID, "actor", a.by.Login, "gates", verdict)
	return &movedError{what: "right before the first write this was not met: " + strings.Join(lost, "; ")}
}

// standing is what a command rests on, as it is right before the first write.
type standing struct {
	pr  forge.PullRequest
	tip string
	// withdrawn says what became of the comment, "" where it is as it was.
	withdrawn string
}

// moved is a [*movedError] where a command is not about the same any more.
func (a asked) moved(s standing) error {
	now := s.pr
	switch {
	case s.withdrawn != "":
		return &movedError{what: fmt.Sprintf("the command was %s meanwhile", s.withdrawn)}
	case now.Head.SHA != a.pr.Head.SHA:
		return &movedError{what: fmt.Sprintf("the head has moved on from %s to %s meanwhile", short(a.pr.Head.SHA), short(now.Head.SHA))}
	case now.Base.Name != a.pr.Base.Name:
		return &movedError{what: fmt.Sprintf("the base branch is %s meanwhile", now.Base.Name)}
	case now.State != a.pr.State:
		return &movedError{what: fmt.Sprintf("the pull request is %s meanwhile", now.State)}
	case now.Draft && !a.pr.Draft:
		return &movedError{what: "the pull request is a draft meanwhile"}
	case s.tip != a.base:
		return &movedError{what: fmt.Sprintf("%s has moved on from %s to %s meanwhile", a.pr.Base.Name, short(a.base), short(s.tip))}
	}
	return nil
}

// refuseUnread is the refusal of somebody whose change is not looked at: the gates are judged for the names as given.
func (b *Bot) refuseUnread(r Request, cfg *Config) string {
	var answer string
	for _, name := range r.Command.Targets {
		project, target, ok := strings.Cut(name, ":")
		if !ok {
			project, target = "", name
		}
		r.Job = Job{ID: ID(name), Target: Target{Name: target, Policy: cfg.Policy(project, target)}}
		r.Team.Err, r.Unowned.Err, r.Moved.Err = errUnread, errUnread, errUnread
		r.Facts = Facts{Approvals: Fact[[]Approval]{Err: errUnread}, After: map[string]Fact[checkout.Tree]{}}
		for _, first := range r.Job.Policy.After {
			r.After[first] = Fact[checkout.Tree]{Err: errUnread}
		}
		if r.Job.Policy.Checks == ChecksAll {
			r.Checks.Err = errUnread
		}
		answer += refusal(r.Job.ID, pick(r.Command.Verb == VerbPrune, "pruned", "deployed"), append(Judge(r), free(r.Job.ID, errUnread))) + "\n"
	}
	return answer
}

// moved says how a target leads elsewhere than the base branch says: its policy is bound to its name, so that a pull
// request must not point the name at another target's cluster or objects.
func moved(ctx context.Context, base, head *tree, j Job) string {
	now, err := head.target(ctx, j)
	if err != nil {
		return "" // the deploy itself says what is wrong
	}
	was, err := base.target(ctx, j)
	switch {
	case err != nil:
		return "it is new: it can be deployed once this is merged"
	case was.Context != now.Context:
		return fmt.Sprintf("its context was %q and would be %q", was.Context, now.Context)
	case was.Discriminator != now.Discriminator:
		return fmt.Sprintf("its discriminator was %q and would be %q", was.Discriminator, now.Discriminator)
	}
	return ""
}

// shown is what our preview comment shows, or nil: nothing of it counts that somebody else wrote in our name.
func (b *Bot) shown(ctx context.Context, pr forge.PullRequest) (*Shown, error) {
	ours, err := b.ourComments(ctx, pr)
	if err != nil {
		return nil, err
	}
	return b.shownBy(ctx, pr, ours), nil
}

// shownBy is what the preview among our comments shows, or nil.
func (b *Bot) shownBy(ctx context.Context, pr forge.PullRequest, ours []forge.Comment) *Shown {
	c := previewAmong(ours)
	if c == nil {
		return nil
	}
	s, _ := readMarker(c.Body)
	if !s.authentic(b.signingKeys(), pr) {
		b.Log.WarnContext(ctx, "the preview was not shown by us, or with another key: it counts for nothing", "pullRequest", pr.String(), "comment", c.ID)
		return nil
	}
	return &s
}
