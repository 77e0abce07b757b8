package serve

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
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
	every := cmp.Or(s.config.poll, s.config.Limits.reconcile)
	if every == 0 {
		s.log.WarnContext(ctx, "what no delivery tells of is not looked for: limits.reconcile is 0s")
		return
	}
	tick := time.NewTicker(every)
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
		if f.verify == nil { // no door: what is sent again would fail again
			continue
		}
		client, err := f.client(0, forge.Repo{})
		if err != nil {
			errs = append(errs, err)
			continue
		}
		hooks, ok := client.Forge.(interface {
			Redeliver(ctx context.Context, since, now time.Time) (int, error)
		})
		if !ok || f.config.App == nil {
			continue
		}
		n, err := hooks.Redeliver(ctx, since, s.worker.bot.Now())
		if n > 0 {
			s.metrics.recovered.WithLabelValues("delivery").Add(float64(n))
			s.log.WarnContext(ctx, "deliveries had failed; the forge sends them again", "forge", f.config.Name, "deliveries", n)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// polls says that no delivery is waited for: what there is to do is looked for.
func (s *Server) polls() bool { return s.config.poll > 0 }

const (
	// sweepers is how many repositories of a forge are looked at at the same time.
	sweepers = 4
	// sweepTime is how long looking at one may take: another one must not wait for a forge that does not answer.
	sweepTime = 2 * time.Minute
)

// sweep looks for pull requests, comments and pushes that no delivery told of, in the repositories that are known: those that are
// configured by name, and those that something was delivered of.
func (s *Server) sweep(ctx context.Context) error {
	known, err := s.store.Repos(ctx)
	errs := []error{err}
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, f := range s.sources {
		repos := map[string]string{} // by their names in lower case, by which the configuration may call them
		for i := range f.config.Repositories {
			if r := &f.config.Repositories[i]; r.exact() {
				repos[strings.ToLower(r.Name)] = r.Name
			}
		}
		for _, name := range known {
			if name, ok := strings.CutPrefix(name, f.config.Name+":"); ok {
				repos[strings.ToLower(name)] = name
			}
		}
		slots := make(chan struct{}, sweepers)
		for _, name := range repos {
			all.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				repo, err := forge.ParseRepo(name)
				if err == nil && f.config.serves(repo) {
					ctx, cancel := context.WithTimeout(ctx, sweepTime)
					defer cancel()
					err = s.look(ctx, f, repo)
				}
				if err != nil {
					mu.Lock()
					defer mu.Unlock()
					errs = append(errs, fmt.Errorf("%s: %w", name, err))
				}
			})
		}
	}
	all.Wait()
	return errors.Join(errs...)
}

// look looks at a repository. A panic is a failure to look at this one, not the program's: it would end that each time it starts.
func (s *Server) look(ctx context.Context, f *source, repo forge.Repo) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("this is a mistake in weighlock: panic: %v", p)
		}
	}()
	return s.sweepRepo(ctx, f, repo)
}

func (s *Server) sweepRepo(ctx context.Context, f *source, repo forge.Repo) error {
	client, err := f.client(0, repo)
	if err != nil {
		return err
	}
	about, err := client.Repository(ctx, repo)
	// What was heard of once is looked at for as long as a pattern serves it. That it is no more, nobody can mend: it is told once.
	named := f.config.names(repo)
	if errors.Is(err, forge.ErrNotFound) && !named {
		if _, told := f.told.LoadOrStore(repo, true); !told {
			s.log.InfoContext(ctx, "a repository that was heard of is not there any more, or not for us to see", "repository", repo.String(), "error", err)
		}
		return nil
	}
	if err != nil {
		return err
	}
	if !strings.EqualFold(about.Repo.String(), repo.String()) { // what it is called now is looked at by itself, where that is served
		if _, told := f.told.LoadOrStore(repo, true); named || !told {
			s.log.WarnContext(ctx, "a repository has another name now: where the configuration names it, give it that one", "repository", repo.String(), "now", about.Repo.String())
		}
		return nil
	}
	f.told.Delete(repo)
	repo = about.Repo // as deliveries spell it
	prs, err := client.OpenPullRequests(ctx, repo, "")
	if err != nil {
		return err
	}
	open := map[string]bool{}
	for _, pr := range prs {
		open[pullKey(f.config.Name, repo, pr.Number)] = true
	}
	errs := []error{s.sweepBranches(ctx, f, client, repo, about), s.sweepMerged(ctx, f, client, repo, open)}
	last, _ := f.swept.Load(repo)
	for _, pr := range behind(prs, last) {
		if ctx.Err() != nil {
			return errors.Join(append(errs, fmt.Errorf("not all of %d open pull requests were looked at, the next time begins with #%d: %w", len(prs), pr.Number, ctx.Err()))...)
		}
		errs = append(errs, s.sweepHead(ctx, f, client, pr), s.sweepComments(ctx, f, client, pr))
		f.swept.Store(repo, pr.Number)
	}
	return errors.Join(errs...)
}

// behind are pull requests in the order of their numbers, those first that come behind the one that was looked at last: where the
// time does not suffice for all, each has its turn.
func behind(prs []forge.PullRequest, last any) []forge.PullRequest {
	number, _ := last.(int)
	out := slices.SortedFunc(slices.Values(prs), func(a, b forge.PullRequest) int { return cmp.Compare(a.Number, b.Number) })
	at, _ := slices.BinarySearchFunc(out, number+1, func(pr forge.PullRequest, n int) int { return cmp.Compare(pr.Number, n) })
	return slices.Concat(out[at:], out[:at])
}

// sweepMerged looks for commands on pull requests that something happened on lately and that are merged by now.
func (s *Server) sweepMerged(ctx context.Context, f *source, client *client, repo forge.Repo, open map[string]bool) error {
	keys, err := s.store.Recent(ctx, repoKey(f, repo), recent)
	errs := []error{err}
	for _, key := range keys {
		_, n, ok := strings.Cut(key, "#")
		number, err := strconv.Atoi(n)
		if !ok || err != nil || open[key] {
			continue
		}
		pr, err := client.PullRequest(ctx, repo, number)
		if err == nil && pr.State == forge.StateMerged {
			err = s.sweepComments(ctx, f, client, pr)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// sweepHead previews a pull request whose head nobody told of, and that has no finished check of ours.
func (s *Server) sweepHead(ctx context.Context, f *source, client *client, pr forge.PullRequest) error {
	heard, err := s.store.Heard(ctx, repoKey(f, pr.Repo), headSubject(pr))
	if err != nil {
		return err
	}
	if heard {
		if back, err := s.sweepBack(ctx, f, client, pr); back || err != nil {
			return err
		}
		return s.renew(ctx, f, pr)
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
	return s.missed(ctx, f, headItem(f, pr), missed{PullRequest: &pr})
}

// sweepBack previews a pull request whose head, or base, is again what it was before the last preview, which shows another one.
func (s *Server) sweepBack(ctx context.Context, f *source, client *client, pr forge.PullRequest) (bool, error) {
	item := headItem(f, pr)
	seq, subject, err := s.store.LastPreview(ctx, item.Key)
	if err != nil || seq == 0 || subject == item.Subject {
		return false, err
	}
	// It may have moved since it was listed, and the preview is of what it is now.
	now, err := client.PullRequest(ctx, pr.Repo, pr.Number)
	if err != nil || now.State != forge.StateOpen || headSubject(now) != item.Subject {
		return false, err
	}
	item.Delivery = fmt.Sprintf("%s!%s!%s, back after %d", item.Repo, item.Key, item.Subject, seq)
	return true, s.missed(ctx, f, item, missed{PullRequest: &now})
}

// headItem is the preview of a pull request as it is now.
func headItem(f *source, pr forge.PullRequest) queue.Item {
	return queue.Item{Repo: repoKey(f, pr.Repo), Key: pullKey(f.config.Name, pr.Repo, pr.Number), Kind: queue.Preview, Subject: headSubject(pr), Event: missedPull}
}

// renewAtMost is how long it may take until a cluster that did not answer is asked again.
const renewAtMost = time.Hour

// tried says that something has failed for a cause that may pass.
func tried(a *queue.Account) bool {
	return a.State == queue.Failed && strings.HasPrefix(a.Note, noteTried)
}

// rested says that something has waited for long enough to be tried again: as long as it was tried, at most an hour.
func rested(a *queue.Account) bool {
	return time.Since(a.Ended) >= min(a.Ended.Sub(a.Since), renewAtMost)
}

// renew previews once more what a cluster did not answer for: after some minutes, and then ever later.
func (s *Server) renew(ctx context.Context, f *source, pr forge.PullRequest) error {
	item := headItem(f, pr)
	a, err := s.store.Account(ctx, item.Repo, item.Subject)
	if err != nil || a == nil || a.Note != noteUnreached && !tried(a) || !rested(a) {
		return err
	}
	item.Delivery = fmt.Sprintf("%s!%s, again after %d", item.Repo, item.Subject, a.Ended.UnixMilli())
	added, err := s.enqueue(ctx, f, item, missed{PullRequest: &pr})
	if added {
		s.log.InfoContext(ctx, "a cluster or the forge did not answer: the preview is renewed", "key", item.Key)
	}
	return err
}

// sweepComments carries out, or answers, the commands of comments that nobody told of, and those that could not be answered.
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
		if call == bot.CallNothing || now.Sub(c.Created) > recent || !s.polls() && now.Sub(c.Created) < underway || s.worker.bot.Answered(c, self, all) {
			continue
		}
		heard, err := s.store.Heard(ctx, repoKey(f, pr.Repo), commentSubject(c))
		if heard {
			err = s.retake(ctx, queue.Item{Repo: repoKey(f, pr.Repo), Key: pullKey(f.config.Name, pr.Repo, pr.Number), Subject: commentSubject(c)})
		}
		if err != nil || heard {
			errs = append(errs, err)
			continue
		}
		if edited, err := client.Edited(ctx, c); err != nil || edited {
			errs = append(errs, err)
			continue
		}
		item := queue.Item{Repo: repoKey(f, pr.Repo), Key: pullKey(f.config.Name, pr.Repo, pr.Number), Kind: queue.Command, Subject: commentSubject(c), Event: missedComment}
		switch call {
		case bot.CallDeploy:
			item.Kind = queue.Deploy
		case bot.CallCancel:
			item.Key, item.Kind = cancelKey(item.Key), queue.Urgent
		}
		errs = append(errs, s.missed(ctx, f, item, missed{Comment: &c}))
	}
	return errors.Join(errs...)
}

// missed stores what no delivery told as if one had.
func (s *Server) missed(ctx context.Context, f *source, item queue.Item, m missed) error {
	added, err := s.enqueue(ctx, f, item, m)
	if err != nil || !added {
		return err
	}
	if s.polls() {
		s.log.InfoContext(ctx, "found", "key", item.Key, "subject", item.Subject)
		return nil
	}
	s.metrics.recovered.WithLabelValues(string(item.Kind)).Inc()
	s.log.WarnContext(ctx, "something was missed: no delivery told of it", "key", item.Key, "subject", item.Subject)
	return nil
}

// enqueue stores what was found by looking, and reports whether it is new.
func (s *Server) enqueue(ctx context.Context, f *source, item queue.Item, m missed) (bool, error) {
	if f.config.App != nil {
		m.Installation.ID = f.config.App.Installation
	}
	var err error
	if item.Body, err = json.Marshal(m); err != nil {
		return false, err
	}
	item.Source = f.config.Name
	item.Delivery = cmp.Or(item.Delivery, item.Repo+"!"+item.Subject) // not what a forge could send
	return s.store.Add(ctx, item)
}

// repoKey is a repository as the queue knows it.
func repoKey(f *source, repo forge.Repo) string { return f.config.Name + ":" + repo.String() }
