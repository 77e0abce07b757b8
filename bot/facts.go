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
	"github.com/weighlock/weighlock/engine/history"
)

// found is what the forge says of a pull request, for all targets of one preview or command: each thing is asked for once, when the first
// target needs it. What a deploy rests on is asked for again right before its first write.
type found struct {
	approvals func() ([]Approval, error)
	checks    func() ([]forge.CheckResult, error)
}

// asking is found for a command, with what depends on who has asked.
type asking struct {
	found
	unowned func() ([]string, error)
	teams   map[string]Fact[string] // the one that they are in, by the ones in question
}

func (b *Bot) lookFor(ctx context.Context, a asked) asking {
	return asking{b.look(ctx, a.pr, a.at()), sync.OnceValues(func() ([]string, error) { return b.unowned(ctx, a) }), map[string]Fact[string]{}}
}

// team is the one of the teams that they are in.
func (s asking) team(ctx context.Context, b *Bot, who forge.User, teams []string) Fact[string] {
	key := strings.Join(teams, "\n")
	if _, ok := s.teams[key]; !ok {
		s.teams[key] = fact(b.team(ctx, who, teams))
	}
	return s.teams[key]
}

// look looks at nothing yet. at is the commit that would be deployed.
func (b *Bot) look(ctx context.Context, pr forge.PullRequest, at string) found {
	return found{
		approvals: sync.OnceValues(func() ([]Approval, error) { return b.approvals(ctx, pr) }),
		checks:    sync.OnceValues(func() ([]forge.CheckResult, error) { return b.checksOf(ctx, pr, at) }),
	}
}

// checksOf are the checks of a pull request's head, and once it is merged what is said of the commit that it has become part of: checks
// that only pull requests have are never reported there.
func (b *Bot) checksOf(ctx context.Context, pr forge.PullRequest, at string) ([]forge.CheckResult, error) {
	all, err := b.Forge.ChecksOf(ctx, pr.Commit())
	if err != nil || pr.State != forge.StateMerged || at == pr.Head.SHA {
		return all, err
	}
	merged, err := b.Forge.ChecksOf(ctx, forge.Commit{Repo: pr.Repo, SHA: at, Branch: pr.Base.Name})
	for _, c := range merged {
		if !c.Updated.IsZero() {
			c.Name += " of " + short(at)
			all = append(all, c)
		}
	}
	return all, err
}

// facts finds out what is known of a pull request and a target, as far as the target's policy asks for it.
func (b *Bot) facts(ctx context.Context, t *tree, j Job, pull found) Facts {
	f := Facts{After: map[string]Fact[checkout.Tree]{}}
	if j.Policy.Approvals > 0 {
		f.Approvals = fact(pull.approvals())
	}
	if j.Policy.Checks != ChecksNone {
		all, err := pull.checks()
		f.Checks = fact(others(all, j.Policy.Checks), err)
	}
	for _, name := range j.Policy.After {
		f.After[name] = fact(b.deployed(ctx, t, name))
	}
	return f
}

// deployed is what was last deployed to a target as a whole and with success, the zero value when there is nothing on record. It is an
// error if something else was tried since.
func (b *Bot) deployed(ctx context.Context, t *tree, name string) (checkout.Tree, error) {
	jobs := identify(t.Targets)
	i, err := named(jobs, name)
	if err != nil {
		return checkout.Tree{}, err
	}
	_, target, cluster, err := b.open(ctx, t, jobs[i])
	if err != nil {
		return checkout.Tree{}, hidePath(err, t.dir.Path())
	}
	if target.Discriminator == "" {
		return checkout.Tree{}, fmt.Errorf("%s has no discriminator, by which records of its deploys could be told", name)
	}
	entries, err := cluster.History(t.config.Records.Namespace).List(ctx, target.Discriminator)
	if err != nil {
		return checkout.Tree{}, err
	}
	var since []history.Entry
	for _, e := range entries { // the newest first
		if e.Command != "deploy" || e.Partial {
			since = append(since, e)
			continue
		}
		if e.Outcome != history.Succeeded {
			return checkout.Tree{}, fmt.Errorf("the last deploy of %s has not succeeded", name)
		}
		at := checkout.Tree{ID: e.Tree, Base: e.Onto, Head: e.Commit}
		for _, later := range since { // a part of the same again, or what that leaves to prune, changes nothing
			if then := (checkout.Tree{ID: later.Tree, Base: later.Onto, Head: later.Commit}); !sameTree(then, at) {
				what := pick(later.Partial, "a part of "+merge(then), strings.TrimSuffix(later.Command+" of "+merge(then), " of "))
				return checkout.Tree{}, fmt.Errorf("%s was deployed there, and %s has changed %s since", merge(at), what, name)
			}
		}
		return at, nil
	}
	return checkout.Tree{}, nil
}

// wentWell are a target's deploys as a whole that went well, the newest first.
func (b *Bot) wentWell(ctx context.Context, t *tree, j Job) (history.Entries, error) {
	_, target, cluster, err := b.open(ctx, t, j)
	if err != nil {
		return nil, hidePath(err, t.dir.Path())
	}
	if target.Discriminator == "" { // no record can be told to be one of it
		return nil, nil
	}
	entries, err := cluster.History(t.config.Records.Namespace).List(ctx, target.Discriminator)
	return slices.DeleteFunc(entries, func(e history.Entry) bool {
		return e.Command != "deploy" || e.Partial || e.Outcome != history.Succeeded
	}), err
}

// approvals are those of people who may write, and their requests for changes; programs approve nothing.
func (b *Bot) approvals(ctx context.Context, pr forge.PullRequest) ([]Approval, error) {
	reviews, err := b.Forge.Reviews(ctx, pr)
	if err != nil {
		return nil, err
	}
	var out []Approval
	for _, r := range reviews {
		if r.State == forge.ReviewDismissed || r.User.Login == "" || r.User.Bot {
			continue
		}
		p, err := b.Forge.Permission(ctx, pr.Repo, r.User)
		if err != nil {
			return nil, err
		}
		if p >= forge.Write {
			out = append(out, Approval{By: r.User, Commit: r.SHA, At: r.At, Against: r.State == forge.ReviewChanges})
		}
	}
	return out, nil
}

// others are the checks of others that the mode asks for. Ours are told by their names, so that nothing waits for itself.
func others(results []forge.CheckResult, mode ChecksMode) []Check {
	var out []Check
	for _, c := range results {
		if !strings.HasPrefix(strings.ToLower(c.Name), CheckName) && (c.Required || mode == ChecksAll) {
			out = append(out, Check{Name: c.Name, Green: c.State.Green(), State: string(c.State)})
		}
	}
	return out
}

// team is the first of the teams that a user is in, "" for none. One that cannot be asked is an error unless the user is in
// another one.
func (b *Bot) team(ctx context.Context, who forge.User, teams []string) (string, error) {
	var errs []error
	for _, team := range teams {
		is, err := b.Forge.TeamMember(ctx, team, who)
		if err == nil && is {
			return team, nil
		}
		errs = append(errs, err)
	}
	return "", errors.Join(errs...)
}
