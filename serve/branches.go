package serve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/weighlock/weighlock/bot"
	"github.com/weighlock/weighlock/bot/checkout"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/queue"
)

// A push that was found by looking is not run again when its delivery comes after all, for so long.
const belated = 10 * time.Minute

// unknownSender is whose doing a push was that no delivery told of.
const unknownSender = "unknown"

// sweepBranches looks for pushes that no delivery told of, to the branches whose pushes deploy. A branch that is seen for the first
// time is only noted: what it holds was pushed before anybody asked us to deploy.
func (s *Server) sweepBranches(ctx context.Context, f *source, client *client, repo forge.Repo, about forge.Repository) error {
	clone, err := f.clone(s.cache, client, repo)(ctx, "refs/heads/"+about.DefaultBranch)
	if err != nil {
		return err
	}
	defer clone.Close()
	from := forge.Delivery{Repo: repo, DefaultBranch: about.DefaultBranch, Private: !about.Public}
	tip, err := clone.Tip(ctx, about.DefaultBranch)
	if err != nil {
		return err
	}
	branches, err := deploying(ctx, clone, tip)
	if errors.As(err, new(*configError)) { // that is told on pull requests
		err = nil
	}
	errs := []error{err, s.sweepBranch(ctx, f, about.DefaultBranch, tip, from)}
	for _, branch := range branches {
		if branch == about.DefaultBranch {
			continue
		}
		tip, err := clone.Tip(ctx, branch)
		if err == nil {
			err = s.sweepBranch(ctx, f, branch, tip, from)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// A configError says what is wrong with a repository's configuration.
type configError struct{ error }

// deploying lists the branches that the configuration of a commit names.
func deploying(ctx context.Context, clone *checkout.Repo, commit string) ([]string, error) {
	if err := clone.Fetch(ctx, commit); err != nil {
		return nil, err
	}
	data, err := clone.File(ctx, commit, bot.ConfigFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	config, err := bot.ParseConfig(bot.ConfigFile, data)
	if err != nil {
		return nil, &configError{err}
	}
	return config.Branches(), nil
}

func (s *Server) sweepBranch(ctx context.Context, f *source, branch, tip string, from forge.Delivery) error {
	item := queue.Item{Repo: repoKey(f, from.Repo), Kind: queue.Deploy, Subject: pushSubject(tip), Event: missedPush}
	item.Key = branchKey(item.Repo, branch)
	last, moves, err := s.store.Branch(ctx, item.Key)
	if err != nil {
		return err
	}
	if last == tip {
		return s.retake(ctx, item)
	}
	heard := last == ""
	if !heard && !s.polls() { // who polls sees a branch move back, too
		if heard, err = s.store.Heard(ctx, item.Repo, item.Subject); err != nil {
			return err
		}
	}
	if !heard {
		from.Sender = forge.User{Login: unknownSender}
		item.Delivery = foundPush(item.Key, tip)
		if s.polls() { // it may come back to where it was
			item.Delivery = fmt.Sprintf("%s, move %d", item.Delivery, moves)
		}
		if err := s.missed(ctx, f, item, missed{Push: &forge.BranchPushed{Delivery: from, Branch: branch, Before: last, After: tip}}); err != nil {
			return err
		}
	}
	return s.store.SetBranch(ctx, item.Key, tip, moves)
}

// retakeFor is for how long what fails for causes that may pass is taken up again: a push as long as its branch stands there, a comment as
// long as it has no answer.
const retakeFor = 24 * time.Hour

// retake takes up again what was given up for a cause that may pass: after some minutes, and then ever later, at most hourly.
func (s *Server) retake(ctx context.Context, item queue.Item) error {
	a, err := s.store.Account(ctx, item.Repo, item.Subject)
	if err != nil || a == nil || !tried(a) || time.Since(a.Since) > retakeFor || !rested(a) {
		return err
	}
	again, err := s.store.Again(ctx, a.Seq)
	if again {
		s.metrics.recovered.WithLabelValues("again").Inc()
		s.log.WarnContext(ctx, "what was given up is taken up again", "key", item.Key, "subject", item.Subject)
	}
	return err
}

// foundPush is the delivery of a push that was found by looking.
func foundPush(key, tip string) string { return key + "!" + pushSubject(tip) }

// branchKey is what the runs of a branch of a repository have in common.
func branchKey(repo, branch string) string { return repo + "@" + branch }

func pushSubject(tip string) string { return "push:" + tip }
