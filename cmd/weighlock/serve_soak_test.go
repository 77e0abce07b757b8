//go:build soak

package main

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/forgetest"
	"github.com/weighlock/weighlock/serve/servetest"
)

var (
	soak     = flag.Duration("soak", 30*time.Minute, "how long TestSoakServe goes on")
	soakRate = flag.Int("soak-rate", 10, "how many calls for help a second TestSoakServe delivers")
)

// What is sampled, and how much more of it there may be at the end than after the warm-up: a factor, and what is noise anyway.
var sampled = []struct {
	metric string
	factor float64
	noise  float64
}{
	{"process_resident_memory_bytes", 1.25, 16 << 20},
	{"go_gc_heap_live_bytes", 1.1, 4 << 20},
	{"go_goroutines", 1.25, 20},
	{"process_open_fds", 1.25, 20},
}

// rowBytes is how much of the database a delivery may keep: it is known for a month, without its payload.
const rowBytes = 2 << 10

// TestSoakServe lets a server work at a steady load, and fails when what it holds grows steadily: pull requests are opened, shown,
// deployed from and merged, one after the other and several at a time, on a cluster, while others ask for help.
func TestSoakServe(t *testing.T) {
	s := newSoaking(t)
	ctx, cancel := context.WithTimeout(t.Context(), *soak)
	defer cancel()
	var work sync.WaitGroup
	work.Go(func() { s.chat(ctx) })
	for n := range soakProjects {
		work.Go(func() { s.live(ctx, n) })
	}

	// A fifth is the warm-up; there are forty samples after it.
	samples := map[string][]float64{}
	tick := time.NewTicker(*soak / 50)
	defer tick.Stop()
	for n := 0; ctx.Err() == nil; n++ {
		select {
		case <-ctx.Done():
			continue
		case <-tick.C:
		}
		text, err := s.server.Get(t.Context(), "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprintf("%6s", (time.Duration(n+1) * *soak / 50).Round(time.Second))
		for _, m := range sampled {
			v := metricOf(t, text, m.metric)
			line += fmt.Sprintf("  %s %.0f", m.metric, v)
			if n >= 10 {
				samples[m.metric] = append(samples[m.metric], v)
			}
		}
		size := databaseSize(t, s.server.Database)
		samples["database"] = append(samples["database"], size)
		t.Logf("%s  database %.0f  deliveries %d  lives %d", line, size, s.delivered.Load(), s.lived.Load())
	}
	work.Wait()
	for _, m := range sampled {
		all := samples[m.metric]
		third := len(all) / 3
		if third == 0 {
			t.Fatal("too short")
		}
		first, last := median(all[:third]), median(all[len(all)-third:])
		t.Logf("%s: %.0f at first, %.0f at last", m.metric, first, last)
		if last > first*m.factor+m.noise {
			t.Errorf("%s grows: %.0f at first, %.0f at last", m.metric, first, last)
		}
	}
	sizes, total := samples["database"], s.delivered.Load()
	if grown := sizes[len(sizes)-1] - sizes[0]; grown > float64(total)*rowBytes+16<<20 {
		t.Errorf("the database grew by %.0f bytes for %d deliveries", grown, total)
	}
	if s.lived.Load() == 0 {
		t.Error("no pull request has come to its end")
	}
	t.Logf("%d deliveries, and %d pull requests from their opening to the deploy of their merge, in %s", total, s.lived.Load(), *soak)
}

// soakProjects is how many projects the repository holds: at a time, one pull request changes each.
const soakProjects = 3

// soaking is a server at work.
type soaking struct {
	*conversation
	server           *servetest.Server
	delivered, lived atomic.Int64

	mu   sync.Mutex // of the branch main
	main string
}

func newSoaking(t *testing.T) *soaking {
	c := converse(t)
	c.limits = "{workers: 8, repository: 8, reconcile: 1m}"
	s := &soaking{conversation: c}
	files := map[string]string{}
	config := "version: 1\nprojects:\n"
	for n := range soakProjects {
		config += fmt.Sprintf("- {path: p%d, name: p%d}\n", n, n)
		files[fmt.Sprintf("p%d/.kluctl.yaml", n)] = fmt.Sprintf("targets: [{name: staging-%d}, {name: prod-%d}]\ndiscriminator: \"%s-{{ target.name }}\"\n", n, n, c.namespace)
		files[fmt.Sprintf("p%d/deployment.yaml", n)] = "deployments: [{path: app}]\n"
		maps.Copy(files, s.change(n, "first"))
		for i := range 30 {
			files[fmt.Sprintf("p%d/app/steady-%d.yaml", n, i)] = s.object("ConfigMap", fmt.Sprintf("steady-%d-%d", n, i), "data", "steady")
		}
	}
	config += "targets:\n"
	for n := range soakProjects {
		config += fmt.Sprintf("  staging-%d: {deploy: merge}\n  prod-%d: {deploy: command}\n", n, n)
	}
	files[".weighlock.yaml"] = config
	var err error
	if s.main, err = c.git.Import(t.Context(), "main", "", files); err != nil {
		t.Fatal(err)
	}
	s.server = c.served("")
	return s
}

// change is the project's files as a pull request leaves them.
func (s *soaking) change(n int, value string) map[string]string {
	return map[string]string{
		fmt.Sprintf("p%d/app/map.yaml", n):    s.object("ConfigMap", fmt.Sprintf("map-%d", n), "data", value),
		fmt.Sprintf("p%d/app/secret.yaml", n): s.object("Secret", fmt.Sprintf("secret-%d", n), "stringData", "secret-"+value),
	}
}

func (s *soaking) object(kind, name, field, value string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: %s\nmetadata: {name: \"%s-{{ target.name }}\", namespace: %s}\n%s: {value: %s}\n", kind, name, s.namespace, field, value)
}

func (s *soaking) tell(ctx context.Context, hook forgetest.Webhook) {
	if status, err := s.server.Deliver(ctx, hook); ctx.Err() == nil && (err != nil || status != http.StatusOK) {
		s.Errorf("%s: status %d, %v", hook.Name, status, err)
	}
	s.delivered.Add(1)
}

// until waits for a comment on the pull request that holds all of the texts, and returns it; "" where there is none before ctx ends.
func (s *soaking) until(ctx context.Context, number int, texts ...string) string {
	tick, late := time.NewTicker(100*time.Millisecond), time.After(2*time.Minute)
	defer tick.Stop()
	for {
		for _, c := range s.github.Comments(testRepo, number) {
			if !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(c.Body, text) }) {
				return c.Body
			}
		}
		select {
		case <-ctx.Done():
			return ""
		case <-late:
			s.Errorf("pull request %d has no comment with %q: %+v", number, texts, s.github.Comments(testRepo, number))
			return ""
		case <-tick.C:
		}
	}
}

// say writes a command and returns the answer; "" where there is none before ctx ends.
func (s *soaking) say(ctx context.Context, number int, command string) string {
	c := s.github.Comment(testRepo, number, writer, command)
	s.tell(ctx, s.github.CommentWebhook(c))
	return s.until(ctx, number, fmt.Sprintf("<!-- weighlock:answer comment-%d-", c.ID))
}

// live leads one pull request after the other through its life.
func (s *soaking) live(ctx context.Context, n int) {
	for life := 0; ctx.Err() == nil && !s.Failed(); life++ {
		if s.one(ctx, n, life) {
			s.lived.Add(1)
		}
	}
}

// one opens a pull request, pushes to it again, deploys a target from it and merges it; it says whether that has come to its end.
func (s *soaking) one(ctx context.Context, n, life int) bool {
	topic := fmt.Sprintf("topic-%d-%d", n, life)
	var head string
	push := func(value string) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		var err error
		head, err = s.git.Import(ctx, topic, s.main, s.change(n, value))
		if err != nil && ctx.Err() == nil {
			s.Error(err)
		}
		return err == nil
	}
	if !push(fmt.Sprintf("a%d", life)) {
		return false
	}
	number := s.github.OpenPullRequest(forgetest.NewPullRequest{Repo: testRepo, Title: "Change", Author: writer, Head: forge.Ref{Name: topic, SHA: head}, Base: forge.Ref{SHA: s.tip()}})
	shown := func(happened forge.Action) bool {
		if _, err := s.git.PullRefs(ctx, number, s.tip(), head); err != nil {
			return false
		}
		s.tell(ctx, s.github.PullRequestWebhook(testRepo, number, happened, writer))
		return s.until(ctx, number, "<!-- weighlock:preview ", head, fmt.Sprintf("| **prod-%d** | ", n)) != ""
	}
	if !shown(forge.Opened) || !push(fmt.Sprintf("b%d", life)) {
		return false
	}
	s.github.PushHead(testRepo, number, head)
	if !shown(forge.Synchronized) {
		return false
	}
	s.tell(ctx, s.github.CommentWebhook(s.github.Comment(testRepo, number, writer, "/diff")))
	for tries := 1; ; tries++ {
		answer := s.say(ctx, number, fmt.Sprintf("/deploy prod-%d", n))
		if strings.Contains(answer, "deployed `") {
			break
		}
		if answer == "" {
			return false
		}
		if tries == 10 { // another merge may come before it now and then
			s.Errorf("pull request %d: %s", number, answer)
			return false
		}
	}
	before, merged, err := s.merge(ctx, n, fmt.Sprintf("b%d", life))
	if err != nil {
		return false
	}
	s.github.Merge(testRepo, number, merged, writer)
	s.tell(ctx, s.github.PullRequestWebhook(testRepo, number, forge.Closed, writer))
	s.tell(ctx, s.github.PushWebhook(forgetest.Push{Repo: testRepo, Branch: "main", Before: before, After: merged, By: writer}))
	return s.until(ctx, number, fmt.Sprintf("**staging-%d** deployed", n)) != ""
}

func (s *soaking) tip() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.main
}

// merge squashes the change onto main.
func (s *soaking) merge(ctx context.Context, n int, value string) (before, after string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before = s.main
	s.main, err = s.git.Import(ctx, "main", before, s.change(n, value))
	return before, s.main, err
}

// chat asks for help on pull requests that stay open, until ctx ends, and takes the comments away again: a pull request does not
// grow for ever.
func (s *soaking) chat(ctx context.Context) {
	const pulls = 50
	first := 0
	for range pulls {
		first = s.github.OpenPullRequest(forgetest.NewPullRequest{Repo: testRepo, Title: "Talk", Author: reader, Head: forge.Ref{Name: "talk", SHA: s.tip()}, Base: forge.Ref{SHA: s.tip()}})
	}
	tick := time.NewTicker(time.Second / time.Duration(*soakRate))
	defer tick.Stop()
	var old []forge.Comment
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		c := s.github.Comment(testRepo, first-n%pulls, writer, "/help")
		s.tell(ctx, s.github.CommentWebhook(c))
		if old = append(old, c); len(old) > 8*pulls {
			for _, c := range s.github.Comments(testRepo, old[0].Number) {
				if c.ID == old[0].ID || strings.HasPrefix(c.Body, fmt.Sprintf("<!-- weighlock:answer comment-%d-", old[0].ID)) {
					s.github.DeleteComment(c)
				}
			}
			old = old[1:]
		}
	}
}

func metricOf(t *testing.T, text, name string) float64 {
	t.Helper()
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

func databaseSize(t *testing.T, path string) float64 {
	t.Helper()
	total := 0.0
	for _, name := range []string{path, path + "-wal"} {
		if info, err := os.Stat(name); err == nil {
			total += float64(info.Size())
		}
	}
	return total
}

func median(all []float64) float64 {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}
