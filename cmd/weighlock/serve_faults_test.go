package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/weighlock/weighlock/action/actiontest"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/forgetest"
	"github.com/weighlock/weighlock/serve/servetest"
)

// A helpdesk is a server that is asked for help only, which needs neither git nor a cluster.
type helpdesk struct {
	load
	server *servetest.Server
	pulls  map[forge.Repo][]int
}

// unhurried are a helpdesk's limits: nothing is looked for.
const unhurried = "{workers: 4, reconcile: 0s}"

func openHelpdesk(t *testing.T, gitlab bool, limits string, repos ...forge.Repo) *helpdesk {
	t.Helper()
	h := &helpdesk{load: load{T: t, gitlab: gitlab}, pulls: map[forge.Repo][]int{}}
	token := h.standIn()
	t.Cleanup(h.forge.Close)
	for _, repo := range append(repos, testRepo) {
		if repo != testRepo {
			h.forge.AddRepo(repo, forgetest.RepoOptions{})
		}
		h.forge.SetPermission(repo, writer, forge.Write)
		h.forge.SetPermission(repo, actiontest.ProjectBot, forge.Write)
		for range 6 {
			h.pulls[repo] = append(h.pulls[repo], h.forge.OpenPullRequest(forgetest.NewPullRequest{
				Repo: repo, Title: "Change", Author: writer, Head: forge.Ref{Name: "topic", SHA: strings.Repeat("1", 40)}, Base: forge.Ref{SHA: strings.Repeat("2", 40)},
			}))
		}
	}
	h.server = &servetest.Server{
		Program: []string{os.Args[0]}, Env: []string{asProgram + "=1"}, Kind: "github", API: h.forge.URL(), Git: h.forge.URL(), Token: token,
		Kubeconfig: os.DevNull, Dir: t.TempDir(), Limits: limits,
	}
	if gitlab {
		h.server.Kind = "gitlab"
	}
	h.start(h.server)
	t.Cleanup(func() {
		if err := h.server.Kill(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(h.server.Log())
		}
	})
	return h
}

// ask asks for help on a pull request.
func (h *helpdesk) ask(repo forge.Repo, n int) forge.Comment {
	h.Helper()
	c := h.forge.Comment(repo, h.pulls[repo][n], writer, "/help")
	if status, err := h.server.Deliver(h.Context(), h.forge.CommentWebhook(c)); err != nil || status != http.StatusOK {
		h.Fatalf("status %d, %v", status, err)
	}
	return c
}

// answers counts the answers to a comment.
func (h *helpdesk) answers(c forge.Comment) int {
	n := 0
	for _, a := range h.forge.Comments(c.Repo, c.Number) {
		if strings.HasPrefix(a.Body, fmt.Sprintf("<!-- weighlock:answer comment-%d-", c.ID)) {
			n++
		}
	}
	return n
}

func TestServeOutlivesFaultsOfTheForge(t *testing.T) {
	t.Parallel()
	for name, gitlab := range map[string]bool{"GitHub": false, "GitLab": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := openHelpdesk(t, gitlab, unhurried)
			for n, f := range []forgetest.Fault{
				{Status: http.StatusInternalServerError}, {Status: http.StatusBadGateway, Late: true}, {Status: http.StatusTooManyRequests, RetryAfter: time.Second},
				{Status: http.StatusForbidden, RetryAfter: time.Second}, {Cut: true}, {Delay: time.Second}, {Status: http.StatusServiceUnavailable, Times: 6},
			} {
				for _, method := range []string{http.MethodGet, http.MethodPost} {
					f.Method, f.Skip = method, 3*n
					h.forge.Fail(f)
				}
			}
			var asked []forge.Comment
			for n := range 24 {
				asked = append(asked, h.ask(testRepo, n%6))
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			if err := h.server.Idle(ctx); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(h.server.Log(), `"state":"waiting"`) {
				t.Error("nothing was tried again")
			}
			for _, c := range asked {
				if n := h.answers(c); n != 1 {
					t.Errorf("comment %d has %d answers", c.ID, n)
				}
			}
		})
	}
}

func TestServeServesOthersWhileARepositoryHangs(t *testing.T) {
	t.Parallel()
	other := forge.Repo{Owner: "acme", Name: "other"}
	h := openHelpdesk(t, false, unhurried, other)
	h.forge.Fail(forgetest.Fault{Path: "/repos/" + testRepo.String() + "/pulls/*", Delay: time.Hour, Times: 1000})
	for n := range 6 {
		h.ask(testRepo, n)
	}
	c := h.ask(other, 0)
	deadline, tick := time.After(20*time.Second), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for h.answers(c) == 0 { // a request may take 30 seconds
		select {
		case <-deadline:
			t.Fatal("a repository waits for one whose forge does not answer")
		case <-tick.C:
		}
	}
}

// What cannot heal ends after one run with a line in the log and in the metrics, where the forge does not let us answer.
func TestServeEndsWhatCannotHeal(t *testing.T) {
	t.Parallel()
	statuses := []int{http.StatusForbidden, http.StatusNotFound, http.StatusGone, http.StatusUnprocessableEntity}
	h := openHelpdesk(t, false, unhurried)
	var asked []forge.Comment
	for n, status := range statuses {
		h.forge.Fail(forgetest.Fault{Method: http.MethodPost, Path: fmt.Sprintf("/repos/%s/issues/%d/comments", testRepo, h.pulls[testRepo][n]), Status: status, Times: 1000})
		asked = append(asked, h.ask(testRepo, n))
	}
	h.forge.Fail(forgetest.Fault{Path: fmt.Sprintf("/repos/%s/pulls/%d", testRepo, h.pulls[testRepo][len(statuses)]), Status: http.StatusNotFound, Times: 1000})
	asked = append(asked, h.ask(testRepo, len(statuses)))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := h.server.Idle(ctx); err != nil {
		t.Fatal(err)
	}
	for _, c := range asked {
		if n := h.answers(c); n != 0 {
			t.Errorf("comment %d has %d answers", c.ID, n)
		}
	}
	log := h.server.Log()
	if runs, failed := strings.Count(log, `"msg":"run ended"`), strings.Count(log, `"state":"failed"`); runs != len(asked) || failed != len(asked) || strings.Count(log, `"level":"ERROR"`) < failed {
		t.Errorf("%d runs of %d have failed for good, of %d that were asked for\n%s", failed, runs, len(asked), log)
	}
	metrics, err := h.server.Get(t.Context(), "/metrics")
	if want := fmt.Sprintf(`weighlock_run_seconds_count{kind="command",state="failed"} %d`, len(asked)); err != nil || !strings.Contains(metrics, want) {
		t.Errorf("the metrics lack %s, %v", want, err)
	}
	if c := h.ask(testRepo, len(statuses)+1); !h.answered(c) {
		t.Error("what can be answered is not")
	}
}

// answered waits until nothing is left to do, and says whether a comment has an answer.
func (h *helpdesk) answered(c forge.Comment) bool {
	h.Helper()
	ctx, cancel := context.WithTimeout(h.Context(), time.Minute)
	defer cancel()
	if err := h.server.Idle(ctx); err != nil {
		h.Fatal(err)
	}
	return h.answers(c) == 1
}
