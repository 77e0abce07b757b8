//go:build soak || long

package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weighlock/weighlock/action/actiontest"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/forgetest"
	"github.com/weighlock/weighlock/engine/enginetest"
)

// liveProjects is how many projects the repository holds: at a time, one pull request changes each.
const liveProjects = 3

// lives are pull requests that are opened, shown, deployed from and merged, one after the other and several at a time, on a cluster.
type lives struct {
	*load
	cluster          *enginetest.Cluster
	namespace        string
	git              *actiontest.Git
	delivered, lived atomic.Int64

	mu   sync.Mutex // of what follows
	main string
	last [liveProjects]merging
}

// merging is a merge: the pull request, and the value that it brings.
type merging struct {
	number int
	value  string
}

func newLives(l *load, database string) *lives {
	l.Helper()
	token := l.standIn()
	l.Cleanup(l.forge.Close)
	l.forge.SetPermission(testRepo, writer, forge.Write)
	l.forge.SetPermission(testRepo, reader, forge.Read)
	s := &lives{load: l, cluster: enginetest.Start(l.T)}
	s.namespace = s.cluster.Namespace(l.T)
	var err error
	if s.git, err = actiontest.NewGit(l.Context(), l.TempDir(), testRepo.String()); err != nil {
		l.Fatal(err)
	}
	s.git.MergeRequests = l.gitlab
	l.Cleanup(func() { s.git.Close() })
	files := map[string]string{}
	config := "version: 1\nprojects:\n"
	for n := range liveProjects {
		config += fmt.Sprintf("- {path: p%d, name: p%d}\n", n, n)
		files[fmt.Sprintf("p%d/.kluctl.yaml", n)] = fmt.Sprintf("targets: [{name: staging-%d}, {name: prod-%d}]\ndiscriminator: \"%s-{{ target.name }}\"\n", n, n, s.namespace)
		files[fmt.Sprintf("p%d/deployment.yaml", n)] = "deployments: [{path: app}]\n"
		maps.Copy(files, s.change(n, "first"))
		for i := range 30 {
			files[fmt.Sprintf("p%d/app/steady-%d.yaml", n, i)] = s.object("ConfigMap", fmt.Sprintf("steady-%d-%d", n, i), "data", "steady")
		}
	}
	config += "targets:\n"
	for n := range liveProjects {
		config += fmt.Sprintf("  staging-%d: {deploy: merge}\n  prod-%d: {deploy: command}\n", n, n)
	}
	files[".weighlock.yaml"] = config
	if s.main, err = s.git.Import(l.Context(), "main", "", files); err != nil {
		l.Fatal(err)
	}
	l.serve(s.git, token, s.cluster.Identity(l.T).Kubeconfig, database, "{workers: 8, repository: 8, reconcile: 1m, lease: "+loadLease.String()+"}")
	return s
}

// change is a project's files as a pull request leaves them.
func (s *lives) change(n int, value string) map[string]string {
	return map[string]string{
		fmt.Sprintf("p%d/app/map.yaml", n):    s.object("ConfigMap", fmt.Sprintf("map-%d", n), "data", value),
		fmt.Sprintf("p%d/app/secret.yaml", n): s.object("Secret", fmt.Sprintf("secret-%d", n), "stringData", "secret-"+value),
	}
}

func (s *lives) object(kind, name, field, value string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: %s\nmetadata: {name: \"%s-{{ target.name }}\", namespace: %s}\n%s: {value: %s}\n", kind, name, s.namespace, field, value)
}

// begin leads lives until ctx ends, or so many in each project, and asks for help so many times a second besides. What it returns is
// closed once all have ended.
func (s *lives) begin(ctx context.Context, most, helps int) <-chan struct{} {
	var work, talk sync.WaitGroup
	talking, hush := context.WithCancel(ctx)
	talk.Go(func() { s.chat(talking, helps) })
	for n := range liveProjects {
		work.Go(func() {
			for life := 0; life < most && ctx.Err() == nil && !s.Failed(); life++ {
				if s.live(ctx, n, life) {
					s.lived.Add(1)
				}
			}
		})
	}
	ended := make(chan struct{})
	go func() { defer close(ended); work.Wait(); hush(); talk.Wait() }()
	return ended
}

// tell delivers until it is accepted, as a forge does that is asked to.
func (s *lives) tell(hook forgetest.Webhook) {
	s.deliver(hook, rand.Int())
	s.delivered.Add(1)
}

// until waits for a comment on the pull request that is what is wanted, and returns it; "" where there is none before ctx ends.
func (s *lives) until(ctx context.Context, number int, wanted func(body string) bool) string {
	tick, late := time.NewTicker(100*time.Millisecond), time.After(4*time.Minute)
	defer tick.Stop()
	for {
		for _, c := range s.forge.Comments(testRepo, number) {
			if wanted(c.Body) {
				return c.Body
			}
		}
		select {
		case <-ctx.Done():
			return ""
		case <-late:
			s.Errorf("pull request %d has not got the comment that is waited for: %+v", number, s.forge.Comments(testRepo, number))
			return ""
		case <-tick.C:
		}
	}
}

// say writes a command and returns the answer; "" where there is none before ctx ends.
func (s *lives) say(ctx context.Context, number int, command string) string {
	c := s.forge.Comment(testRepo, number, writer, command)
	s.tell(s.forge.CommentWebhook(c))
	return s.until(ctx, number, func(body string) bool {
		return strings.HasPrefix(body, fmt.Sprintf("<!-- weighlock:answer comment-%d-", c.ID))
	})
}

// live opens a pull request, pushes to it again, deploys a target from it and merges it; it says whether that has come to its end.
func (s *lives) live(ctx context.Context, n, life int) bool {
	topic, value := fmt.Sprintf("topic-%d-%d", n, life), fmt.Sprintf("b%d", life)
	head, err := s.commit(topic, s.change(n, fmt.Sprintf("a%d", life)))
	if err != nil {
		return false
	}
	number := s.forge.OpenPullRequest(forgetest.NewPullRequest{Repo: testRepo, Title: "Change", Author: writer, Head: forge.Ref{Name: topic, SHA: head}, Base: forge.Ref{SHA: s.tip()}})
	shown := func(happened forge.Action) bool {
		if _, err := s.git.PullRefs(s.Context(), number, s.tip(), head); err != nil {
			s.Error(err)
			return false
		}
		s.tell(s.forge.PullRequestWebhook(testRepo, number, happened, writer))
		return s.until(ctx, number, func(body string) bool {
			return strings.HasPrefix(body, "<!-- weighlock:preview ") && strings.Contains(body, head) && strings.Contains(body, fmt.Sprintf("| **prod-%d** | ", n))
		}) != ""
	}
	if !shown(forge.Opened) {
		return false
	}
	if head, err = s.commit(topic, s.change(n, value)); err != nil {
		return false
	}
	s.forge.PushHead(testRepo, number, head)
	if !shown(forge.Synchronized) {
		return false
	}
	s.tell(s.forge.CommentWebhook(s.forge.Comment(testRepo, number, writer, "/diff")))
	for tries := 1; ; tries++ {
		answer := s.say(ctx, number, fmt.Sprintf("/deploy prod-%d", n))
		if answer == "" {
			return false
		}
		if strings.Contains(answer, "deployed `") || strings.Contains(answer, "is already as") {
			break
		}
		if tries == 20 { // another merge may come before it now and then, or the end of a server
			s.Errorf("pull request %d: %s", number, answer)
			return false
		}
	}
	if !s.merge(n, number, value) {
		return false
	}
	said := s.until(ctx, number, func(body string) bool { return saysOf(body, n) && !strings.Contains(body, "⏳") })
	if said != "" && s.kills == 0 && !strings.Contains(said, "deployed `") {
		s.Errorf("pull request %d is not deployed: %s", number, said)
	}
	return said != ""
}

// saysOf says whether a comment is an answer about what became of a project's staging.
func saysOf(body string, n int) bool {
	return strings.HasPrefix(body, "<!-- weighlock:answer ") && strings.Contains(body, fmt.Sprintf("**staging-%d** ", n))
}

// commit makes a commit off main.
func (s *lives) commit(branch string, files map[string]string) (string, error) {
	sha, err := s.git.Import(s.Context(), branch, s.tip(), files)
	if err != nil {
		s.Error(err)
	}
	return sha, err
}

func (s *lives) tip() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.main
}

// merge squashes the change onto main, and tells of it.
func (s *lives) merge(n, number int, value string) bool {
	s.mu.Lock()
	before := s.main
	merged, err := s.git.Import(s.Context(), "main", before, s.change(n, value))
	if err == nil {
		s.main, s.last[n] = merged, merging{number, value}
		s.forge.Merge(testRepo, number, merged, writer)
	}
	s.mu.Unlock()
	if err != nil {
		s.Error(err)
		return false
	}
	s.tell(s.forge.PullRequestWebhook(testRepo, number, forge.Closed, writer))
	s.tell(s.forge.PushWebhook(forgetest.Push{Repo: testRepo, Branch: "main", Before: before, After: merged, By: writer}))
	return true
}

// settled waits until all is done, and expects of each project's last merge that it is in the cluster, or that its pull request says why
// not.
func (s *lives) settled() {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), 5*time.Minute)
	defer cancel()
	if err := s.servers[len(s.servers)-1].Idle(ctx); err != nil {
		s.Fatal(err)
	}
	for n, m := range s.last {
		if m.number == 0 {
			continue
		}
		about, deployed := fmt.Sprintf("**staging-%d** ", n), false
		said := ""
		for _, c := range s.forge.Comments(testRepo, m.number) {
			if saysOf(c.Body, n) {
				said = c.Body
				deployed = strings.Contains(c.Body, about+"deployed") || strings.Contains(c.Body, about+"is already as")
			}
		}
		is := s.cluster.Kubectl(s.T, "get", "configmap", fmt.Sprintf("map-%d-staging-%d", n, n), "-n", s.namespace, "--ignore-not-found", "-o", "jsonpath={.data.value}")
		switch {
		case deployed && is != m.value:
			s.Errorf("pull request %d says that staging-%d is deployed, which has %q in place of %q", m.number, n, is, m.value)
		case !deployed && !strings.Contains(said, "not deployed by the merge") && !strings.Contains(said, "has ended in the middle"):
			s.Errorf("pull request %d says of staging-%d, which has %q in place of %q: %q", m.number, n, is, m.value, said)
		}
	}
}

// chat asks for help on pull requests that stay open, until ctx ends, and takes the comments away again: a pull request does not
// grow for ever.
func (s *lives) chat(ctx context.Context, rate int) {
	const pulls = 50
	first := 0
	for range pulls {
		first = s.forge.OpenPullRequest(forgetest.NewPullRequest{Repo: testRepo, Title: "Talk", Author: reader, Head: forge.Ref{Name: "talk", SHA: s.tip()}, Base: forge.Ref{SHA: s.tip()}})
	}
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	var old []forge.Comment
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		c := s.forge.Comment(testRepo, first-n%pulls, writer, "/help")
		s.tell(s.forge.CommentWebhook(c))
		if old = append(old, c); len(old) > 8*pulls {
			for _, c := range s.forge.Comments(testRepo, old[0].Number) {
				if c.ID == old[0].ID || strings.HasPrefix(c.Body, fmt.Sprintf("<!-- weighlock:answer comment-%d-", old[0].ID)) {
					s.forge.DeleteComment(c)
				}
			}
			old = old[1:]
		}
	}
}

// killOften kills the first server so many times at random moments, and starts it again, unless all has ended before. It says how
// often.
func (s *lives) killOften(ended <-chan struct{}, most int, every time.Duration) (n int) {
	r := rand.New(rand.NewPCG(13, uint64(every)))
	for ; n < most; n++ {
		select {
		case <-ended:
			return n
		case <-time.After(time.Duration(r.Int64N(2 * int64(every)))):
		}
		if err := s.servers[0].Kill(); err != nil {
			s.Error(err)
		}
		s.start(s.servers[0])
	}
	return n
}
