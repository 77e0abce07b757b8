package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weighlock/weighlock/action/actiontest"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/forgetest"
	"github.com/weighlock/weighlock/bot/queue/queuetest"
	"github.com/weighlock/weighlock/serve/servetest"
)

// A load is what a forge delivers while servers are killed.
type load struct {
	*testing.T
	// deliveries at 200 a second, kills of servers that are started again, and replicas on one database.
	deliveries, kills, replicas int
	// dies says that the first replica is killed in the middle, and stays so.
	dies bool
	// freezes says that the first replica is stopped in the middle, for longer than a lease, and goes on then.
	freezes bool
	// deploys are asked for, too, by commands and by pushes. One that a kill has interrupted waits until a lock in a cluster would
	// have run out.
	deploys bool
	// gitlab speaks with GitLab, whose hooks are signed, in place of GitHub.
	gitlab bool
	// within, if not nil, is a command that runs the program of a server that has its files in a directory.
	within func(dir string) []string

	forge   stand
	base    string
	servers []*servetest.Server
	mu      sync.Mutex
	forged  map[int64]bool // comments
	asked   []forge.Comment
	hooks   []forgetest.Webhook // that were accepted
	times   []time.Duration
}

// The pull requests of a load: the first ones are previewed, all of them are commented.
const (
	loadPulls    = 200
	loadPreviews = 4
)

// loadLease is how long the servers' leases are.
const loadLease = 10 * time.Second

// A load needs no cluster: what is asked for is a preview, which says that there is none, help, and a deploy that is refused.
func (l *load) run(database string) {
	l.Helper()
	head := l.open(database)
	l.forged = map[int64]bool{}
	began := time.Now()
	killed := make(chan struct{})
	go func() { defer close(killed); l.kill() }()
	l.post()
	<-killed
	// Each kill may let a deploy wait, and the machine may have other things to do.
	ctx, cancel := context.WithTimeout(l.Context(), 4*time.Minute+time.Duration(l.deliveries)*100*time.Millisecond)
	defer cancel()
	accepted := time.Now()
	if err := l.servers[len(l.servers)-1].Idle(ctx); err != nil {
		l.Fatal(err)
	}
	l.Logf("%d deliveries and %d kills within %s, all done %s later", l.deliveries, l.kills, accepted.Sub(began).Round(time.Second), time.Since(accepted).Round(time.Second))
	l.check(head)
}

// open starts the forge and the servers, and returns the head of the pull requests.
func (l *load) open(database string) string {
	l.Helper()
	token := l.standIn()
	l.Cleanup(l.forge.Close)
	l.forge.SetPermission(testRepo, writer, forge.Write)
	l.forge.SetPermission(testRepo, reader, forge.Read)
	git, err := actiontest.NewGit(l.Context(), l.TempDir(), testRepo.String())
	if err != nil {
		l.Fatal(err)
	}
	git.MergeRequests = l.gitlab
	l.Cleanup(func() { git.Close() })
	commit := func(branch string) string {
		if err := os.WriteFile(filepath.Join(git.Work, "map.yaml"), []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {branch: "+branch+"}\n"), 0o644); err != nil {
			l.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(git.Work, ".weighlock.yaml"), []byte("version: 1\n"), 0o644); err != nil {
			l.Fatal(err)
		}
		sha, err := git.Commit(l.Context(), branch, "To "+branch)
		if err != nil {
			l.Fatal(err)
		}
		return sha
	}
	var head string
	l.base, head = commit("main"), commit("topic")
	for n := range loadPulls {
		number := l.forge.OpenPullRequest(forgetest.NewPullRequest{Repo: testRepo, Title: "Change", Author: writer, Head: forge.Ref{Name: "topic", SHA: head}, Base: forge.Ref{SHA: l.base}})
		if n < loadPreviews {
			if _, err := git.PullRefs(l.Context(), number, l.base, head); err != nil {
				l.Fatal(err)
			}
		}
	}
	l.serve(git, token, os.DevNull, database, "{workers: 8, repository: 8, reconcile: 0s, lease: "+loadLease.String()+"}")
	return head
}

// serve starts the servers.
func (l *load) serve(git *actiontest.Git, token, kubeconfig, database, limits string) {
	l.Helper()
	for range max(1, l.replicas) {
		dir, program := l.TempDir(), []string{os.Args[0]}
		if l.within != nil {
			program = append(l.within(dir), program...)
		}
		s := &servetest.Server{
			Program: program, Env: []string{asProgram + "=1"}, Kind: "github", API: l.forge.URL(), Git: strings.TrimSuffix(git.URL(), "/"+testRepo.String()+".git"),
			Token: token, Kubeconfig: kubeconfig, Dir: dir, Database: database, Limits: limits,
		}
		if l.gitlab {
			s.Kind, s.Signs = "gitlab", true
		}
		l.start(s)
		l.servers = append(l.servers, s)
		l.Cleanup(func() {
			if err := s.Kill(); err != nil {
				l.Error(err)
			}
			if l.Failed() {
				log := s.Log()
				l.Log(log[max(0, len(log)-20_000):])
			}
		})
	}
}

// A stand is a stand-in for a forge.
type stand interface {
	Mend()
	forgetest.Server
	URL() string
	Close()
}

// standIn starts the forge and returns the server's token.
func (l *load) standIn() string {
	l.Helper()
	options := forgetest.Options{Violation: func(err error) { l.Errorf("%v", err) }, Clock: time.Now, Sample: 20}
	if l.gitlab {
		g, err := forgetest.NewGitLab(options)
		if err != nil {
			l.Fatal(err)
		}
		g.AddRepo(testRepo, forgetest.RepoOptions{Private: true})
		g.AddToken(actiontest.ProjectToken, actiontest.ProjectBot)
		g.SetPermission(testRepo, actiontest.ProjectBot, forge.Write)
		l.forge = g
		return actiontest.ProjectToken
	}
	g, err := forgetest.NewGitHub(options)
	if err != nil {
		l.Fatal(err)
	}
	g.AddRepo(testRepo, forgetest.RepoOptions{Private: true})
	g.AddToken(actiontest.ActionsToken, forgetest.Token{Actions: true})
	l.forge = g
	return actiontest.ActionsToken
}

func (l *load) start(s *servetest.Server) {
	ctx, cancel := context.WithTimeout(l.Context(), time.Minute)
	defer cancel()
	if err := s.Start(ctx); err != nil {
		l.Error(err)
	}
}

// span is how long the load is posted.
func (l *load) span() time.Duration { return time.Duration(l.deliveries) * time.Second / 200 }

// kill kills servers at random moments.
func (l *load) kill() {
	if l.freezes {
		<-time.After(l.span() / 4)
		thaw, err := l.servers[0].Freeze()
		if err != nil {
			l.Error(err)
			return
		}
		<-time.After(loadLease + 2*time.Second)
		if err := thaw(); err != nil {
			l.Error(err)
		}
		return
	}
	if l.dies {
		<-time.After(l.span() / 2)
		if err := l.servers[0].Kill(); err != nil {
			l.Error(err)
		}
		return
	}
	r := rand.New(rand.NewPCG(7, uint64(l.deliveries)))
	for range l.kills {
		<-time.After(time.Duration(r.Int64N(2 * int64(l.span()) / int64(l.kills+1))))
		if err := l.servers[0].Kill(); err != nil {
			l.Error(err)
		}
		l.start(l.servers[0])
	}
}

// post delivers 200 times a second. What is not accepted is delivered again until it is, as a forge does that is asked to.
func (l *load) post() {
	r := rand.New(rand.NewPCG(11, uint64(l.deliveries)))
	tick := time.NewTicker(time.Second / 200)
	defer tick.Stop()
	var posts sync.WaitGroup
	for n := range l.deliveries {
		number := 1 + r.IntN(loadPulls)
		what := r.IntN(10)
		<-tick.C
		var hook forgetest.Webhook
		switch {
		case what == 0: // somebody who does not know the secret
			c := l.forge.Comment(testRepo, number, writer, "/help")
			l.forged[c.ID] = true
			posts.Go(func() { l.guess(l.forge.CommentWebhook(c), n) })
			continue
		case what == 1:
			// On GitLab a push that changes no head is none.
			happened := map[bool]forge.Action{false: forge.Synchronized, true: forge.Reopened}[l.gitlab]
			hook = l.forge.PullRequestWebhook(testRepo, 1+number%loadPreviews, happened, writer)
		case what == 4 && l.gitlab && n%2 == 0: // GitLab tells of each pipeline, several times; it calls for nothing
			hook = pipelineWebhook(n)
		case what == 2 && n > 10: // once more
			l.mu.Lock()
			if len(l.hooks) > 0 {
				hook = l.hooks[r.IntN(len(l.hooks))]
			}
			l.mu.Unlock()
		case what == 3 && l.deploys && n%10 == 0:
			hook = l.forge.PushWebhook(forgetest.Push{Repo: testRepo, Branch: "main", Before: l.base, After: l.base, By: writer})
		case what == 3 && l.deploys:
			c := l.forge.Comment(testRepo, number, reader, "/deploy prod")
			l.asked = append(l.asked, c)
			hook = l.forge.CommentWebhook(c)
		}
		if hook.Body == nil {
			c := l.forge.Comment(testRepo, number, writer, "/help")
			l.asked = append(l.asked, c)
			hook = l.forge.CommentWebhook(c)
		}
		posts.Go(func() { l.deliver(hook, n) })
	}
	posts.Wait()
}

// pipelineWebhook tells of a pipeline that runs, or has ended.
func pipelineWebhook(n int) forgetest.Webhook {
	status := []string{"running", "success", "failed"}[n%3]
	body := fmt.Sprintf(`{"object_kind":"pipeline","object_attributes":{"id":%d,"sha":%q,"status":%q},"user":{"id":1,"username":%q},"project":{"id":1,"path_with_namespace":%q,"default_branch":"main"}}`,
		n, strings.Repeat("1", 40), status, writer, testRepo.String())
	return forgetest.Webhook{Name: "Pipeline Hook", Delivery: fmt.Sprintf("pipeline-%d", n), Body: []byte(body)}
}

// deliver delivers until it is accepted.
func (l *load) deliver(hook forgetest.Webhook, n int) {
	for try := n; l.Context().Err() == nil; try++ {
		began := time.Now()
		status, err := l.servers[try%len(l.servers)].Deliver(l.Context(), hook)
		if err == nil && status == http.StatusOK {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.hooks, l.times = append(l.hooks, hook), append(l.times, time.Since(began))
			return
		}
		if err == nil && status != http.StatusServiceUnavailable {
			l.Errorf("delivery %s: status %d", hook.Delivery, status)
			return
		}
		<-time.After(50 * time.Millisecond)
	}
}

func (l *load) guess(hook forgetest.Webhook, n int) {
	status, err := l.servers[n%len(l.servers)].Forge(l.Context(), hook)
	if err == nil && status != http.StatusUnauthorized {
		l.Errorf("a forged delivery: status %d", status)
	}
}

// check says whether every delivery has had its effect, and had it once.
func (l *load) check(head string) {
	for number := 1; number <= loadPulls; number++ {
		previews := 0
		for _, c := range l.forge.Comments(testRepo, number) {
			if strings.HasPrefix(c.Body, "<!-- weighlock:preview ") {
				previews++
				if !strings.Contains(c.Body, head) {
					l.Errorf("the preview of %d is of another head: %s", number, c.Body)
				}
			}
		}
		if want := map[bool]int{true: 1}[number <= loadPreviews]; previews != want {
			l.Errorf("pull request %d has %d previews, want %d", number, previews, want)
		}
	}
	l.answeredOnce()
	slices.Sort(l.times)
	l.Logf("%d deliveries accepted, %d forged refused, %d commands answered once each; answers of the door: median %s, 99 %% %s, slowest %s", len(l.hooks), len(l.forged), len(l.asked),
		l.times[len(l.times)/2], l.times[len(l.times)*99/100], l.times[len(l.times)-1])
}

// answeredOnce says whether each command was answered, and once.
func (l *load) answeredOnce() {
	l.Helper()
	answers := map[int64]int{}
	for number := 1; number <= loadPulls; number++ {
		for _, c := range l.forge.Comments(testRepo, number) {
			var id int64
			var n int
			if _, err := fmt.Sscanf(c.Body, "<!-- weighlock:answer comment-%d-%d -->", &id, &n); err == nil {
				answers[id]++
			}
		}
	}
	lost, twice := 0, 0
	for _, c := range l.asked {
		switch answers[c.ID] {
		case 0:
			lost++
		case 1:
		default:
			twice++
		}
	}
	for id := range l.forged {
		if answers[id] > 0 {
			l.Errorf("the forged comment %d is answered", id)
		}
	}
	if lost > 0 || twice > 0 {
		l.Errorf("of %d commands %d are not answered, %d more than once", len(l.asked), lost, twice)
	}
}

// postgres is a database of a server of its own.
func postgres(t *testing.T) string {
	t.Helper()
	server, err := queuetest.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	url, err := server.Database(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return url
}

func TestServeLosesNothingWhenItIsKilled(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		(&load{T: t, deliveries: 300, kills: 3}).run("")
	})
	t.Run("GitLab and PostgreSQL", func(t *testing.T) {
		t.Parallel()
		(&load{T: t, deliveries: 300, kills: 3, gitlab: true}).run(postgres(t))
	})
}
