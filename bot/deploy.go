package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/weighlock/weighlock/bot/checkout"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/lock"
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
	plan := PlanPush(t.Targets, e)
	if plan.Reason != "" {
		return Outcome{Summary: "Nothing to do: " + plan.Reason + "."}, nil
	}
	merged, err := b.mergedBy(ctx, e)
	if err != nil {
		b.Log.WarnContext(ctx, "the merged pull request is not told", "error", err)
	}
	var out Outcome
	var errs []error
	for _, j := range plan.Jobs {
		d := b.deploy(ctx, t, j, b.run(occasion{commit: e.After, about: about(merged, e), why: "push to " + e.Branch, person: "@" + e.Sender.Login}), "")
		text := d.markdown(j.ID, e.After, "", b.Forge.MaxComment())
		out.Summary += text + "\n"
		out.Failed = out.Failed || !d.ok()
		if merged != nil {
			errs = append(errs, b.answer(ctx, *merged, text))
		}
	}
	return out, errors.Join(errs...)
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
	return errors.Join(cause, b.answer(ctx, *pr, fmt.Sprintf("❌ %s was not deployed:\n%s", report.Code(short(e.After)), report.Fence("", limited(cause)))))
}

// commentCreated carries out the commands of a comment.
func (b *Bot) commentCreated(ctx context.Context, e forge.CommentCreated) (Outcome, error) {
	commands := ParseCommands(e.Comment.Body)
	if len(commands) == 0 || e.Comment.Author.Bot {
		return Outcome{Summary: "Nothing to do: the comment holds no command."}, nil
	}
	b.react(ctx, e.Comment, forge.Eyes)
	pr, err := b.Forge.PullRequest(ctx, e.Repo, e.Comment.Number)
	if err != nil {
		return Outcome{}, err
	}
	var out Outcome
	var errs []error
	ok := true
	for _, c := range commands {
		text, done, err := b.command(ctx, e, pr, c)
		if err != nil {
			// What was done before the failure is told all the same.
			errs = append(errs, err)
			text += fmt.Sprintf("\n❌ %s failed:\n%s", report.Code("/"+c.Verb), report.Fence("", limited(err)))
			done = false
		}
		if text != "" {
			text = strings.TrimSpace(text) + "\n"
			errs = append(errs, b.answer(ctx, pr, text))
			out.Summary += text + "\n"
		}
		ok = ok && done
	}
	reaction := forge.Rocket
	if !ok {
		reaction = forge.Confused
	}
	b.react(ctx, e.Comment, reaction)
	out.Failed = !ok
	return out, errors.Join(errs...)
}

// help lists the commands.
const help = "`/deploy TARGET… [@COMMIT]` deploys what the preview shows · `/diff [TARGET…]` looks again, at targets that are not affected, too · `/help` shows this"

// command carries out one command. It returns the answer and whether it was done.
func (b *Bot) command(ctx context.Context, e forge.CommentCreated, pr forge.PullRequest, c Command) (string, bool, error) {
	if c.Err != nil {
		return fmt.Sprintf("😕 %s.\n\n%s", report.Escape(c.Err.Error()), help), false, nil
	}
	if c.Verb == VerbHelp {
		return help, true, nil
	}
	repo, err := b.Clone(ctx, headRef(pr.Number), "refs/heads/"+pr.Base.Name)
	if err != nil {
		return "", false, err
	}
	defer repo.Close()
	// Not what the job has checked out: that may be the pull request's own head, and the base decides who may do what.
	base, err := repo.Tip(ctx, pr.Base.Name)
	if err != nil {
		return "", false, err
	}
	if c.Verb == VerbDiff {
		// Who may not write may still not have the cluster asked by our credentials at will.
		if p, err := b.Forge.Permission(ctx, e.Repo, e.Comment.Author); err != nil || p < forge.Write {
			return "😕 `/diff` needs permission to write.", false, nil
		}
		out, err := b.preview(ctx, repo, pr, base, c.Targets...)
		return "", !out.Failed, err
	}
	return b.deployCommand(ctx, repo, e, pr, c, base)
}

// deployCommand carries out /deploy: it judges each target's gates, deploys those that are met, and brings the preview
// up to date.
func (b *Bot) deployCommand(ctx context.Context, repo *checkout.Repo, e forge.CommentCreated, pr forge.PullRequest, c Command, base string) (string, bool, error) {
	cfg, err := config(ctx, repo, base)
	if err != nil {
		return "", false, err
	}
	shown, err := b.shown(ctx, pr)
	if err != nil {
		return "", false, fmt.Errorf("reading what the preview shows: %w", err)
	}
	permission, permissionErr := b.Forge.Permission(ctx, e.Repo, e.Comment.Author)
	if stranger := permissionErr != nil || permission < forge.Triage; stranger || pr.Fork {
		// Nothing of what they bring is even fetched.
		return b.refuseUnread(c, Request{Command: c, PullRequest: pr, Actor: e.Comment.Author, Permission: permission, PermissionErr: permissionErr, Shown: shown, Base: base}, cfg), false, nil
	}
	merged, err := repo.Merge(ctx, base, pr.Head.SHA)
	if err != nil {
		return "", false, err
	}
	t, err := b.extract(ctx, repo, merged, cfg, b.own(repo))
	if err != nil {
		return "", false, err
	}
	defer t.Close()
	atBase, err := repo.Tree(ctx, base)
	if err != nil {
		return "", false, err
	}
	before, err := b.extract(ctx, repo, atBase, cfg, b.own(repo))
	if err != nil {
		return "", false, fmt.Errorf("the base branch: %w", err)
	}
	defer before.Close()
	plan, err := PlanCommand(t.Targets, c)
	if err != nil {
		return fmt.Sprintf("😕 %s.", report.Escape(err.Error())), false, nil
	}
	answer, all, wrote := "", true, false
	for _, j := range plan.Jobs {
		verdict := Judge(Request{
			Command: c, Job: j, PullRequest: pr, Actor: e.Comment.Author,
			Permission: permission, PermissionErr: permissionErr, Shown: shown, Base: base, Moved: moved(ctx, before, t, j),
		})
		b.Log.InfoContext(ctx, "judged", "target", j.ID, "actor", e.Comment.Author.Login, "met", verdict.Met(), "gates", verdict)
		if !verdict.Met() {
			answer += refusal(j.ID, verdict) + "\n"
			all = false
			continue
		}
		d := b.deploy(ctx, t, j, b.run(occasion{
			commit: pr.Head.SHA, about: pr.String(), why: "/deploy by @" + e.Comment.Author.Login, person: "@" + e.Comment.Author.Login,
		}), shown.Digests[j.ID])
		answer += d.markdown(j.ID, pr.Head.SHA, e.Comment.Author.Login, b.Forge.MaxComment()/len(plan.Jobs)) + "\n"
		all = all && d.ok()
		wrote = true
	}
	if ctx.Err() != nil {
		return answer, false, fmt.Errorf("interrupted: %w", context.Cause(ctx))
	}
	if wrote || (permission >= forge.Write && shown != nil && shown.Base != base) {
		// What the preview showed is no longer what would happen next.
		if _, err := b.preview(ctx, repo, pr, base, ids(plan.Jobs)...); err != nil {
			return answer, false, fmt.Errorf("the preview is not brought up to date: %w", err)
		}
	}
	return answer, all, nil
}

// refuseUnread is the refusal of somebody whose change is not looked at: the gates are judged for the names as given.
func (b *Bot) refuseUnread(c Command, r Request, cfg *Config) string {
	var answer string
	for _, name := range c.Targets {
		project, target, ok := strings.Cut(name, ":")
		if !ok {
			project, target = "", name
		}
		r.Job = Job{ID: ID(name), Target: Target{Name: target, Policy: cfg.Policy(project, target)}}
		answer += refusal(r.Job.ID, Judge(r)) + "\n"
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

// shown is what our preview comment shows, or nil.
func (b *Bot) shown(ctx context.Context, pr forge.PullRequest) (*Shown, error) {
	c, err := b.previewComment(ctx, pr)
	if err != nil || c == nil {
		return nil, err
	}
	s, _ := readMarker(c.Body)
	return &s, nil
}

// A deployment is what became of deploying one target.
type deployment struct {
	set    *diff.ChangeSet
	result *apply.Result
	// err is why nothing was applied.
	err error
	// warnings are about the lock and the history.
	warnings []string
}

// An occasion is what a deploy is carried out for.
type occasion struct{ commit, about, why, person string }

// about is the pull request that a push merged, or else the push.
func about(merged *forge.PullRequest, e forge.BranchPushed) string {
	if merged != nil {
		return merged.String()
	}
	return fmt.Sprintf("%s at %s", e.Repo, short(e.After))
}

// run says to others who deploys and why.
func (b *Bot) run(o occasion) *engine.Run {
	return &engine.Run{
		Command: "deploy", Commit: o.commit, Holder: cmp.Or(b.Holder, o.about), Person: o.person,
		Why: fmt.Sprintf("%s, %s, commit %s", o.why, o.about, short(o.commit)), Now: b.Now,
	}
}

// deploy deploys a target, if reviewed is not empty only with that digest. An object whose dry run fails keeps all of
// them from being applied.
func (b *Bot) deploy(ctx context.Context, t *tree, j Job, run *engine.Run, reviewed string) deployment {
	p, target, cluster, err := b.open(ctx, t, j)
	if err != nil {
		return deployment{err: hidePath(err, t.dir.Path())}
	}
	var warnings []string
	run.Warn = func(text string) { warnings = append(warnings, text) }
	run.Namespace, run.Keep, run.LockRequired = t.config.Records.Namespace, t.config.Records.Keep, j.Policy.Lock != LockOptional
	set, result, err := engine.Deploy(ctx, p, target, cluster, engine.DeployOptions{
		Reviewed: reviewed, Run: run, Diff: b.diffOptions(j), Apply: b.applyOptions(ctx, t, j),
	})
	if errors.As(err, new(*lock.RightsError)) {
		err = fmt.Errorf("%w\ngrant it, or say lock: optional for the target in %s", err, ConfigFile)
	}
	return deployment{set: set, result: result, err: hidePath(err, t.dir.Path()), warnings: warnings}
}

// applyOptions are those of all deploys of the bot. What happens is logged as it happens: a job's log is looked at while
// it runs.
func (b *Bot) applyOptions(ctx context.Context, t *tree, j Job) apply.Options {
	return apply.Options{
		AbortOnError: true, Now: b.Now,
		Progress: func(o apply.Outcome) {
			if o.Status != apply.Unchanged && o.Status != apply.Skipped {
				b.Log.InfoContext(ctx, string(o.Status), "target", string(j.ID), "object", o.Ref.String())
			}
		},
		Wait: apply.Wait{Rules: t.config.Readiness, Progress: func(w apply.Waiting) {
			b.Log.InfoContext(ctx, "waiting", "target", string(j.ID), "object", w.Ref.String(), "since", w.Since.Round(time.Second).String(), "reason", w.Reason)
		}},
	}
}

func (d deployment) ok() bool { return d.err == nil && d.result.Err() == nil }

// markdown is the answer that tells of the deployment.
func (d deployment) markdown(id ID, commit, actor string, max int) string {
	var warnings strings.Builder
	for _, w := range d.warnings {
		fmt.Fprintf(&warnings, "\n⚠️ %s\n", report.Escape(w))
	}
	return d.answer(id, commit, actor, max-len([]rune(warnings.String()))) + warnings.String()
}

// answer is the answer without the warnings.
func (d deployment) answer(id ID, commit, actor string, max int) string {
	target, by := "**"+report.Escape(string(id))+"**", ""
	if actor != "" {
		by = " for @" + actor
	}
	switch {
	case errors.Is(d.err, diff.ErrStale):
		return fmt.Sprintf("😕 %s was not deployed%s: the change is no longer the one that the preview showed. "+
			"The preview is up to date again: read it, then repeat the command.", target, by)
	case d.err != nil:
		return fmt.Sprintf("❌ %s was not deployed%s, nothing was applied:\n%s", target, by, report.Fence("", limited(d.err)))
	case d.ok() && !d.set.Changed():
		return fmt.Sprintf("✅ %s is as %s has it already%s: %s", target, report.Code(short(commit)), by, report.ResultMarkdown(d.result, max))
	case d.ok():
		return fmt.Sprintf("🚀 %s deployed %s%s: %s", target, report.Code(short(commit)), by, report.ResultMarkdown(d.result, max))
	case d.result.Count(apply.Applied)+d.result.Count(apply.Deleted) == 0:
		return fmt.Sprintf("❌ %s was not deployed%s, nothing was applied: %s", target, by, report.ResultMarkdown(d.result, max))
	default:
		return fmt.Sprintf("❌ %s is partly deployed%s: %s", target, by, report.ResultMarkdown(d.result, max))
	}
}
