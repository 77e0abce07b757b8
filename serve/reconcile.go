package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/weighlock/weighlock/bot"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/queue"
)

const (
	// remember is for how long what ended is kept, so that it is known when it is delivered again: GitHub offers deliveries again
	// for three days, or thirty by hand.
	remember = 31 * 24 * time.Hour
	// recent is how old a comment may be that is looked for: an older one nobody waits for any more.
	recent = 24 * time.Hour
	// offered is for how long GitHub lists what it delivered.
	offered = 3 * 24 * time.Hour
	// underway is how young a comment may be whose delivery is still to come.
	underway = time.Minute
)

// reconcile looks for what was missed, now and then again and again.
func (s *Server) reconcile(ctx context.Context) {
	if s.config.Limits.reconcile == 0 {
		return
	}
	tick := time.NewTicker(s.config.Limits.reconcile)
	defer tick.Stop()
	since := s.worker.bot.Now().Add(-offered)
	for {
		now := s.worker.bot.Now()
		if err := s.redeliver(ctx, since); err == nil {
			since = now.Add(-underway)
		} else if ctx.Err() == nil {
			s.log.WarnContext(ctx, "webhooks that failed could not be asked for again", "error", err)
		}
		if err := s.sweep(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "not all that was missed could be looked for", "error", err)
		}
		if err := s.store.Forget(ctx, remember); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "what ended long ago is not removed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// redeliver asks the forges that can be asked for the webhooks again that failed since then.
func (s *Server) redeliver(ctx context.Context, since time.Time) error {
	var errs []error
	for _, f := range s.sources {
		client, err := f.client(0)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		hooks, ok := client.Forge.(interface {
			Redeliver(ctx context.Context, since time.Time) (int, error)
		})
		if !ok || f.config.App == nil {
			continue
		}
		n, err := hooks.Redeliver(ctx, since)
		if n > 0 {
			s.metrics.recovered.WithLabelValues("delivery").Add(float64(n))
			s.log.WarnContext(ctx, "deliveries had failed; the forge sends them again", "forge", f.config.Name, "deliveries", n)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// sweep looks for pull requests and comments that no delivery told of, in the repositories that are known: those that are
// configured by name, and those that something was delivered of.
func (s *Server) sweep(ctx context.Context) error {
	known, err := s.store.Repos(ctx)
	errs := []error{err}
	for _, f := range s.sources {
		repos := map[string]bool{}
		for _, name := range f.config.Repositories {
			if !strings.ContainsAny(name, `*?[\`) {
				repos[name] = true
			}
		}
		for _, name := range known {
			if name, ok := strings.CutPrefix(name, f.config.Name+":"); ok {
				repos[name] = true
			}
		}
		for name := range repos {
			repo, err := forge.ParseRepo(name)
			if err == nil && f.config.serves(repo) {
				err = s.sweepRepo(ctx, f, repo)
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", name, err))
			}
		}
	}
	return errors.Join(errs...)
}

func (s *Server) sweepRepo(ctx context.Context, f *source, repo forge.Repo) error {
	client, err := f.client(0)
	if err != nil {
		return err
	}
	about, err := client.Repository(ctx, repo)
	if err != nil {
		return err
	}
	prs, err := client.OpenPullRequests(ctx, repo, about.DefaultBranch)
	if err != nil {
		return err
	}
	var errs []error
	for _, pr := range prs {
		errs = append(errs, s.sweepHead(ctx, f, client, pr), s.sweepComments(ctx, f, client, pr))
	}
	return errors.Join(errs...)
}

// sweepHead previews a pull request whose head nobody told of, and that has no finished check of ours.
func (s *Server) sweepHead(ctx context.Context, f *source, client *client, pr forge.PullRequest) error {
	heard, err := s.store.Heard(ctx, repoKey(f, pr.Repo), headSubject(pr))
	if err != nil || heard {
		return err
	}
	checks, err := client.ChecksOf(ctx, pr.Commit())
	if err != nil {
		return err
	}
	for _, c := range checks {
		if c.Name == bot.CheckName && c.State.Finished() {
			return nil
		}
	}
	item := queue.Item{Key: pullKey(f.config.Name, pr.Repo, pr.Number), Kind: queue.Preview, Subject: headSubject(pr), Event: missedPull}
	return s.missed(ctx, f, item, missed{PullRequest: &pr})
}

// sweepComments carries out, or answers, the commands of comments that nobody told of.
func (s *Server) sweepComments(ctx context.Context, f *source, client *client, pr forge.PullRequest) error {
	all, err := client.Comments(ctx, pr.Repo, pr.Number)
	if err != nil {
		return err
	}
	self, err := client.Self(ctx)
	if err != nil {
		return err
	}
	now := s.worker.bot.Now()
	var errs []error
	for _, c := range all {
		call := bot.CallOf(forge.CommentCreated{Comment: c})
		if call == bot.CallNothing || now.Sub(c.Created) > recent || now.Sub(c.Created) < underway || !c.Updated.Equal(c.Created) || s.worker.bot.Answered(c, self, all) {
			continue
		}
		heard, err := s.store.Heard(ctx, repoKey(f, pr.Repo), commentSubject(c))
		if err != nil || heard {
			errs = append(errs, err)
			continue
		}
		item := queue.Item{Key: pullKey(f.config.Name, pr.Repo, pr.Number), Kind: queue.Command, Subject: commentSubject(c), Event: missedComment}
		if call == bot.CallDeploy {
			item.Kind = queue.Deploy
		}
		errs = append(errs, s.missed(ctx, f, item, missed{Comment: &c}))
	}
	return errors.Join(errs...)
}

// missed stores what no delivery told as if one had.
func (s *Server) missed(ctx context.Context, f *source, item queue.Item, m missed) error {
	if f.config.App != nil {
		m.Installation.ID = f.config.App.Installation
	}
	var err error
	if item.Body, err = json.Marshal(m); err != nil {
		return err
	}
	item.Source, item.Repo = f.config.Name, strings.SplitN(item.Key, "#", 2)[0]
	item.Delivery = item.Repo + "!" + item.Subject // not what a forge could send
	added, err := s.store.Add(ctx, item)
	if err != nil || !added {
		return err
	}
	s.metrics.recovered.WithLabelValues(string(item.Kind)).Inc()
	s.log.WarnContext(ctx, "something was missed: no delivery told of it", "key", item.Key, "subject", item.Subject)
	return nil
}

// repoKey is a repository as the queue knows it.
func repoKey(f *source, repo forge.Repo) string { return f.config.Name + ":" + repo.String() }
