package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/engine/lock"
	"github.com/weighlock/weighlock/engine/report"
)

// atBase is the base branch's tree: what it says of a target decides which one is locked.
func (b *Bot) atBase(ctx context.Context, a asked) (*tree, error) {
	cfg, err := config(ctx, a.repo, a.base)
	if err != nil {
		return nil, err
	}
	return b.base(ctx, a.repo, a.base, cfg, b.own(a.repo))
}

// lockCommand carries out /lock and /unlock, for those who may deploy the target.
func (b *Bot) lockCommand(ctx context.Context, a asked) (string, bool, error) {
	r := Request{Command: a.Command, PullRequest: a.pr, Actor: a.by, Permission: fact(b.Forge.Permission(ctx, a.pr.Repo, a.by))}
	if r.Permission.Err != nil || r.Permission.Value < forge.Triage {
		r.Job = Job{ID: ID(a.Targets[0]), Target: Target{Policy: defaultPolicy()}}
		return refusal(r.Job.ID, a.Verb+"ed", r.allowed()), false, nil
	}
	t, err := b.atBase(ctx, a)
	if err != nil {
		return "", false, err
	}
	defer t.Close()
	trust, err := b.trust(ctx, a.repo, a.pr.Repo, a.pr.Base.Name, "")
	if err != nil {
		return "", false, err
	}
	trust.rule(t.Targets)
	plan, err := PlanCommand(t.Targets, a.Command)
	if err != nil {
		return fmt.Sprintf("😕 %s.", report.Escape(err.Error())), false, nil
	}
	j := plan.Jobs[0]
	r.Job = j
	r.Job.Policy.Codeowners = false // a lock is about no file
	r.Team = fact(b.team(ctx, a.by, j.Policy.Allow.Teams))
	v := r.allowed()
	if from := trust.from(j); from != "" {
		v = append(v, Gate{Name: "branch", State: GateNotMet, Text: fmt.Sprintf("%s is deployed from %s (this pull request goes to %s)", j.ID, from, a.pr.Base.Name)})
	}
	if !v.Met() {
		return refusal(j.ID, a.Verb+"ed", v), false, nil
	}
	_, target, cluster, err := b.open(ctx, t, j)
	if err != nil {
		return "", false, hidePath(err, t.dir.Path())
	}
	if target.Discriminator == "" {
		return fmt.Sprintf("😕 **%s** has no discriminator, so nobody would see a lock on it.", report.Escape(string(j.ID))), false, nil
	}
	locks, name := cluster.Locks(t.config.Records.Namespace), report.Escape(string(j.ID))
	if a.Verb == VerbUnlock {
		removed, err := lock.Unhold(ctx, locks, target.Discriminator)
		switch {
		case err != nil:
			return "", false, err
		case removed == nil:
			return fmt.Sprintf("**%s** was not locked.", name), true, nil
		}
		return fmt.Sprintf("🔓 **%s** is not locked any more; it was %s.", name, report.Escape(removed.String())), true, nil
	}
	why := strings.TrimSuffix(a.Reason+", "+a.pr.String(), ", ")
	if a.Reason == "" {
		why = a.pr.String()
	}
	_, err = lock.Hold(ctx, locks, lock.Claim{Target: target.Name, Discriminator: target.Discriminator, Person: "@" + a.by.Login, Why: why}, b.Now())
	if held := new(lock.HeldError); errors.As(err, &held) {
		return fmt.Sprintf("😕 **%s** is locked already: %s.", name, report.Escape(held.Record.String())), false, nil
	}
	if err != nil {
		return "", false, err
	}
	text := fmt.Sprintf("🔒 **%s** is locked by @%s: nobody else deploys to it before %s.", name, a.by.Login, report.Code(Command{Verb: VerbUnlock}.on(j.ID)))
	running, err := lock.Running(ctx, locks, target.Discriminator, b.Now())
	switch {
	case err != nil:
		text += fmt.Sprintf("\n\n⚠️ Whether a deploy is under way could not be found out: %s", report.Escape(err.Error()))
	case running != nil:
		text += fmt.Sprintf("\n\n⚠️ A deploy is under way and goes on: %s.", report.Escape(running.String()))
	}
	return text, true, nil
}

// held says who keeps the target of a command from being deployed now, by a *[lock.HeldError].
func (b *Bot) held(ctx context.Context, t *tree, a asked, j Job) error {
	_, target, cluster, err := b.open(ctx, t, j)
	if err != nil {
		return hidePath(err, t.dir.Path())
	}
	run := b.run(occasion{about: a.pr.String(), person: "@" + a.by.Login})
	run.Namespace = t.config.Records.Namespace
	return run.Held(ctx, cluster, target)
}

// free is the gate that nobody else has the target; err says who has, or that this could not be found out.
func free(id ID, err error) Gate {
	g := Gate{Name: "lock", State: GateMet, Text: fmt.Sprintf("nobody else has locked or deploys %s", id)}
	held := new(lock.HeldError)
	switch {
	case errors.As(err, &held):
		g.State, g.Text = GateNotMet, fmt.Sprintf("%s (%s)", g.Text, held.Record)
		if held.Record.Hold {
			g.Command = Command{Verb: VerbUnlock}.on(id)
		}
	case err != nil:
		g = called(g.Name, unknown(g.Text, err))[0]
	}
	return g
}

// locksCommand lists the locks of all targets.
func (b *Bot) locksCommand(ctx context.Context, a asked) (string, bool, error) {
	t, err := b.atBase(ctx, a)
	if err != nil {
		return "", false, err
	}
	defer t.Close()
	var rows strings.Builder
	ok := true
	for _, j := range identify(t.Targets) {
		_, target, cluster, err := b.open(ctx, t, j)
		var records []lock.Record
		if err == nil && target.Discriminator != "" {
			records, err = cluster.Locks(t.config.Records.Namespace).List(ctx)
		}
		if err != nil {
			ok = false
			fmt.Fprintf(&rows, "| **%s** | could not be found out | %s |\n", report.Cell(report.Escape(string(j.ID))), report.Cell(report.Escape(limited(hidePath(err, t.dir.Path())))))
			continue
		}
		for _, r := range records {
			if r.Discriminator != target.Discriminator || r.Expired(b.Now()) {
				continue
			}
			kind := pick(r.Hold, "locked", "being deployed")
			fmt.Fprintf(&rows, "| **%s** | %s by %s since %s | %s |\n", report.Cell(report.Escape(string(j.ID))), kind,
				report.Cell(report.Escape(r.Holder)), r.Since.UTC().Format(time.RFC3339), report.Cell(report.Escape(r.Why)))
		}
	}
	if rows.Len() == 0 {
		return "No target is locked.", true, nil
	}
	return "| target | | why |\n|---|---|---|\n" + rows.String(), ok, nil
}
