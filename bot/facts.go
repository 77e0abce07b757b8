package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/engine/history"
)

// facts finds out what is known of a pull request and a target, as far as the target's policy asks for it.
func (b *Bot) facts(ctx context.Context, t *tree, j Job, pr forge.PullRequest) Facts {
	f := Facts{After: map[string]Fact[string]{}}
	if j.Policy.Approvals > 0 {
		f.Approvals = fact(b.approvals(ctx, pr))
	}
	if j.Policy.Checks != ChecksNone {
		f.Checks = fact(b.checks(ctx, pr, j.Policy.Checks))
	}
	for _, name := range j.Policy.After {
		f.After[name] = fact(b.deployed(ctx, t, name))
	}
	return f
}

// deployed is the commit that a target was last deployed at as a whole and with success, "" when there is none on record
// or something else was tried since.
func (b *Bot) deployed(ctx context.Context, t *tree, name string) (string, error) {
	jobs := identify(t.Targets)
	i, err := named(jobs, name)
	if err != nil {
		return "", err
	}
	_, target, cluster, err := b.open(ctx, t, jobs[i])
	if err != nil {
		return "", hidePath(err, t.dir.Path())
	}
	entries, err := cluster.History(t.config.Records.Namespace).List(ctx, target.Discriminator)
	if err != nil {
		return "", err
	}
	for _, e := range entries { // the newest first
		if e.Command == "deploy" && !e.Partial {
			if e.Outcome != history.Succeeded {
				return "", fmt.Errorf("the last deploy of %s has not succeeded", name)
			}
			return e.Commit, nil
		}
	}
	return "", nil
}

// approvals are those of people who may write; programs approve nothing.
func (b *Bot) approvals(ctx context.Context, pr forge.PullRequest) ([]Approval, error) {
	reviews, err := b.Forge.Reviews(ctx, pr)
	if err != nil {
		return nil, err
	}
	var out []Approval
	for _, r := range reviews {
		if r.State != forge.ReviewApproved || r.User.Login == "" || r.User.Bot {
			continue
		}
		p, err := b.Forge.Permission(ctx, pr.Repo, r.User)
		if err != nil {
			return nil, err
		}
		if p >= forge.Write {
			out = append(out, Approval{By: r.User, Commit: r.SHA})
		}
	}
	return out, nil
}

// checks are the checks of others on the head that the mode asks for. Ours are told by their names, so that nothing waits
// for itself.
func (b *Bot) checks(ctx context.Context, pr forge.PullRequest, mode ChecksMode) ([]Check, error) {
	results, err := b.Forge.ChecksOf(ctx, pr.Commit())
	if err != nil {
		return nil, err
	}
	var out []Check
	for _, c := range results {
		if !strings.HasPrefix(strings.ToLower(c.Name), CheckName) && (c.Required || mode == ChecksAll) {
			out = append(out, Check{Name: c.Name, Green: c.State.Green(), State: string(c.State)})
		}
	}
	return out, nil
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
