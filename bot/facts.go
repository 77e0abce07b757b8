package bot

import (
	"context"
	"errors"
	"fmt"

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

// approvals are those of reviewers who may write.
func (b *Bot) approvals(context.Context, forge.PullRequest) ([]Approval, error) {
	return nil, errors.New("approvals cannot be read here yet")
}

// checks are the checks of others on the head that the mode asks for.
func (b *Bot) checks(_ context.Context, _ forge.PullRequest, mode ChecksMode) ([]Check, error) {
	if mode == ChecksRequired {
		return nil, nil
	}
	return nil, errors.New("checks cannot be read here yet")
}

// team is the first of the teams that a user is in, "" for none.
func (b *Bot) team(_ context.Context, _ forge.User, teams []string) (string, error) {
	if len(teams) == 0 {
		return "", nil
	}
	return "", errors.New("teams cannot be read here yet")
}
