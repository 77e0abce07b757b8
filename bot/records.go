package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/engine/history"
	"github.com/weighlock/weighlock/engine/report"
)

// CheckName is the name of our check that sums up; those of targets begin with it, and so should the names of the jobs that
// run the bot: checks of that name are nobody else's.
const CheckName = "weighlock"

// check reports a preview as one check a target and one that sums up. They are written when their state is known, so that
// none is left unfinished. The comment says the same: a failure is logged. One that may pass is returned, too.
func (b *Bot) check(ctx context.Context, commit forge.Commit, p report.Preview) error {
	sum := forge.Check{Name: CheckName, State: forge.CheckSuccess, Title: p.Headline()}
	if broken(p) {
		sum.State = forge.CheckFailure
	}
	var all []forge.Check
	said := b.saidOf(ctx, commit, p)
	for _, t := range p.Targets {
		if t.Unaffected != "" && !said(CheckName+"/"+t.Name) {
			continue
		}
		c := forge.Check{Name: CheckName + "/" + t.Name, State: forge.CheckSuccess}
		c.Title = t.Title()
		switch {
		case t.Unaffected != "":
			c.State = forge.CheckNeutral
		case t.Err != nil || len(t.Set.Failures()) > 0:
			c.State = forge.CheckFailure
		}
		all = append(all, c)
	}
	var lost error
	for _, c := range append(all, sum) {
		c.URL = b.page()
		// One that is required and never reported would keep a pull request from being merged.
		err := again(ctx, func() error { return b.Forge.SetCheck(ctx, commit, c) })
		if err != nil {
			b.Log.WarnContext(ctx, "no check is reported", "check", c.Name, "error", err)
		}
		switch {
		case errors.Is(err, forge.ErrForbidden):
			return lost // the next one would be, too
		case errors.Is(err, forge.ErrUnavailable), errors.Is(err, forge.ErrRateLimited):
			lost = fmt.Errorf("check %s is not reported: %w", c.Name, err)
		}
	}
	return lost
}

// manyUnaffected is how many targets that a pull request leaves alone have a check all the same.
const manyUnaffected = 10

// saidOf says of a check of a target that is not affected whether it is reported: with many of them that would take more requests
// than a job's token has, for nothing. Then it is only what the branch requires, or what was reported of the commit already.
func (b *Bot) saidOf(ctx context.Context, commit forge.Commit, p report.Preview) func(check string) bool {
	left := 0
	for _, t := range p.Targets {
		if t.Unaffected != "" {
			left++
		}
	}
	if left <= manyUnaffected {
		return func(string) bool { return true }
	}
	there, err := b.Forge.ChecksOf(ctx, commit)
	if err != nil {
		b.Log.WarnContext(ctx, "which checks are required could not be found out: all are reported", "error", err)
		return func(string) bool { return true }
	}
	neutral := map[string]bool{}
	for _, c := range there {
		neutral[c.Name] = c.State == forge.CheckNeutral
	}
	return func(check string) bool {
		is, ok := neutral[check]
		return ok && !is
	}
}

// environment is the forge's environment of a job.
func environment(j Job) string { return cmp.Or(j.Policy.Environment.Name, string(j.ID)) }

// begin records on the forge that a deploy begins. A failure is a warning: the cluster's own history has the deploy.
func (b *Bot) begin(ctx context.Context, d *deployment, j Job, n forge.NewDeployment) {
	n.Environment = environment(j)
	record, err := b.Forge.CreateDeployment(ctx, n)
	if errors.Is(err, forge.ErrUnavailable) && record.ID == 0 { // it may be there all the same
		if found, lookErr := b.Forge.LatestDeployment(ctx, n.Repo, n.Environment, n.SHA); lookErr == nil && found.State == forge.DeploymentRunning {
			record, err = found, nil
		}
	}
	if err != nil {
		b.Log.WarnContext(ctx, "the deploy is not recorded on the forge as it should be", "target", j.ID, "error", err)
	}
	if record.ID != 0 {
		d.record = &record
	}
}

// closeLeft ends the record of an earlier deploy of a target that could not be ended then, and would say for ever that it runs. Who calls
// has the target to themselves; how that deploy went its history tells, which runs reads.
func (b *Bot) closeLeft(ctx context.Context, j Job, repo forge.Repo, runs func() (history.Entries, error)) {
	left, err := b.Forge.LatestDeployment(ctx, repo, environment(j), "")
	if err != nil || left.State != forge.DeploymentRunning {
		return // the record of this deploy is what matters
	}
	entries, err := runs()
	for _, e := range entries {
		if e.Commit != left.SHA || e.EndTime.Before(left.Created.Add(-clockSkew)) {
			continue
		}
		status := forge.DeploymentStatus{State: forge.DeploymentSuccess, Description: e.Summary}
		if e.Outcome != history.Succeeded {
			status.State = forge.DeploymentFailure
		}
		err = again(ctx, func() error { return b.Forge.SetDeployment(ctx, left, status) })
		break
	}
	if err != nil {
		b.Log.WarnContext(ctx, "an earlier deploy is still recorded on the forge as running", "target", j.ID, "commit", left.SHA, "error", err)
	}
}

// clockSkew is how far the forge's clock and ours may be apart.
const clockSkew = time.Minute

// again carries out a write that is the same when it takes place twice, up to three times while the forge does not say
// that it did.
func again(ctx context.Context, write func() error) error {
	for attempt := 1; ; attempt++ {
		err := write()
		if !errors.Is(err, forge.ErrUnavailable) || attempt == putAttempts || ctx.Err() != nil {
			return err
		}
	}
}

// end says on the forge how a deploy has ended, also when the job is being cancelled.
func (b *Bot) end(ctx context.Context, d *deployment, j Job) {
	if d.record == nil {
		return
	}
	ctx, cancel := outlive(ctx)
	defer cancel()
	status := forge.DeploymentStatus{State: forge.DeploymentSuccess, EnvironmentURL: j.Policy.Environment.URL, LogURL: b.page()}
	if !d.ok() {
		status.State = forge.DeploymentFailure
	}
	if d.result != nil {
		status.Description = report.Outcome(d.result)
	}
	if err := again(ctx, func() error { return b.Forge.SetDeployment(ctx, *d.record, status) }); err != nil {
		b.Log.WarnContext(ctx, "how the deploy ended is not recorded on the forge", "target", j.ID, "error", err)
		d.warnings = append(d.warnings, fmt.Sprintf("the forge's record of this deploy, in the environment %s, still says that it runs, as its end could not be written: %v. The next deploy there writes it.", environment(j), err))
	}
}

// renewMost bounds how many previews a push renews.
const renewMost = 20

// renewOthers brings the previews of the open pull requests onto a branch up to date with a push to it. It returns what to
// say of it in the job's summary.
func (b *Bot) renewOthers(ctx context.Context, e forge.BranchPushed) string {
	prs, err := b.Forge.OpenPullRequests(ctx, e.Repo, e.Branch)
	if err != nil {
		b.Log.WarnContext(ctx, "previews are not renewed", "error", err)
		return fmt.Sprintf("\n⚠️ The previews of open pull requests are not renewed: %s\n", report.Escape(err.Error()))
	}
	renewed, text := 0, ""
	for _, pr := range prs {
		shown, err := b.shown(ctx, pr)
		if err == nil && (shown == nil || shown.Base == e.After) {
			continue
		}
		if renewed++; renewed > renewMost {
			return text + fmt.Sprintf("\n⚠️ No more than %d previews are renewed: the others are when somebody pushes to them, or writes `/diff`.\n", renewMost)
		}
		if err == nil {
			err = b.renewPreview(ctx, pr, e.After)
		}
		if err != nil {
			b.Log.WarnContext(ctx, "a preview is not renewed", "pullRequest", pr.String(), "error", err)
			text += fmt.Sprintf("\n⚠️ The preview of %s is not renewed: %s\n", report.Escape(pr.String()), report.Escape(limited(err)))
		}
	}
	return text
}

func (b *Bot) renewPreview(ctx context.Context, pr forge.PullRequest, base string) error {
	repo, err := b.Clone(ctx, b.Forge.HeadRef(pr.Number), "refs/heads/"+pr.Base.Name)
	if err != nil {
		return err
	}
	defer repo.Close()
	_, err = b.preview(ctx, repo, pr, base, interest{})
	return err
}
