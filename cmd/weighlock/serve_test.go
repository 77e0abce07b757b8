package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weighlock/weighlock/action/actiontest"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/forgetest"
	"github.com/weighlock/weighlock/serve/servetest"
)

// served starts the server for a conversation.
func (c *conversation) served(database string, options ...func(*servetest.Server)) *servetest.Server {
	c.Helper()
	s := &servetest.Server{
		Program: []string{os.Args[0]}, Env: append([]string{asProgram + "=1"}, c.env...), Kind: "github", API: c.github.URL(), Git: strings.TrimSuffix(c.git.URL(), "/"+testRepo.String()+".git"),
		Token: actiontest.ActionsToken, Kubeconfig: c.runner.Kubeconfig, Dir: c.TempDir(),
		Database: database, Repositories: []string{testRepo.String()}, Limits: c.limits, PreviewKubeconfig: c.previewKubeconfig,
	}
	for _, set := range options {
		set(s)
	}
	c.start(s)
	c.Cleanup(func() {
		if err := s.Kill(); err != nil {
			c.Error(err)
		}
		if c.Failed() {
			c.Log(s.Log())
		}
	})
	return s
}

func (c *conversation) start(s *servetest.Server) {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.Context(), time.Minute)
	defer cancel()
	if err := s.Start(ctx); err != nil {
		c.Fatal(err)
	}
}

// deliver delivers webhooks and waits until they are dealt with.
func (c *conversation) deliver(s *servetest.Server, hooks ...forgetest.Webhook) {
	c.Helper()
	for _, h := range hooks {
		if status, err := s.Deliver(c.Context(), h); err != nil || status != http.StatusOK {
			c.Fatalf("delivering %s: status %d, %v", h.Name, status, err)
		}
	}
	c.idle(s)
}

func (c *conversation) idle(s *servetest.Server) {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.Context(), 2*time.Minute)
	defer cancel()
	if err := s.Idle(ctx); err != nil {
		c.Fatal(err)
	}
}

// count says how many comments of the pull request hold a text.
func (c *conversation) count(text string) int {
	n := 0
	for _, comment := range c.github.Comments(testRepo, c.number) {
		n += strings.Count(comment.Body, text)
	}
	return n
}

// openPullRequest opens the pull request with the given files changed, and returns its webhook.
func (c *conversation) openPullRequest(files map[string]string) forgetest.Webhook {
	c.Helper()
	head := c.branch(files)
	c.number = c.github.OpenPullRequest(c.pullRequest(head))
	if _, err := c.git.PullRefs(c.Context(), c.number, c.base, head); err != nil {
		c.Fatal(err)
	}
	return c.github.PullRequestWebhook(testRepo, c.number, forge.Opened, writer)
}

// command comments, and returns the webhook.
func (c *conversation) command(login, body string) forgetest.Webhook {
	return c.github.CommentWebhook(c.github.Comment(testRepo, c.number, login, body))
}

// queueFinishes has a merge queue ask for checks of the pull request, and expects them: whoever requires ours could not merge else.
func (c *conversation) queueFinishes(s *servetest.Server) {
	c.Helper()
	head, err := c.git.Run(c.Context(), "rev-parse", "topic")
	if err != nil {
		c.Fatal(err)
	}
	queued, err := c.git.Merge(c.Context(), fmt.Sprintf("refs/heads/gh-readonly-queue/main/pr-%d-%s", c.number, c.base), c.base, strings.TrimSpace(head))
	if err != nil {
		c.Fatal(err)
	}
	c.deliver(s, c.github.MergeGroupWebhook(testRepo, c.number, queued))
	finished := 0
	for _, check := range c.github.Checks(testRepo, queued) {
		if check.State.Finished() {
			finished++
		}
	}
	if finished == 0 {
		c.Errorf("of the merge queue's commit there is no check: %+v", c.github.Checks(testRepo, queued))
	}
}

func TestServeTellsAPullRequestsStory(t *testing.T) {
	t.Parallel()
	c := converse(t)
	s := c.served("")
	c.deliver(s, c.github.PushWebhook(forgetest.Push{Repo: testRepo, Branch: "main", After: c.base, By: writer}))
	if got := c.color("staging"); got != "red" {
		t.Fatalf("the push deployed %q", got)
	}
	opened := c.openPullRequest(change)
	c.deliver(s, opened, opened) // the second time it is known
	if got := c.comments(); len(got) != 1 || !strings.Contains(got[0].Body, "blue") {
		t.Fatalf("after it was opened: %+v", got)
	}
	// Who edits our comment to bind a deploy to another digest binds it to nothing.
	preview := c.comments()[0]
	c.github.EditComment(preview, strings.Replace(preview.Body, `"staging":"`, `"staging":"0`, 1))
	c.deliver(s, c.command(writer, "/deploy staging"))
	if got := c.color("staging"); got != "red" || c.count("a preview was shown (there is none yet)") != 1 {
		t.Errorf("after a digest was edited staging is %q, and was said: %+v", got, c.comments())
	}
	c.github.EditComment(preview, preview.Body)
	order := c.command(writer, "/deploy staging")
	if status, err := s.Forge(t.Context(), order); err != nil || status != http.StatusUnauthorized {
		t.Errorf("a forged command: status %d, %v", status, err)
	}
	c.idle(s)
	if got := c.color("staging"); got != "red" {
		t.Errorf("a forged command deployed %q", got)
	}
	c.deliver(s, order, order)
	c.deliver(s, c.command(reader, "/cancel"), c.command(writer, "/cancel"))
	if got := c.color("staging"); got != "blue" || c.count("**staging** deployed") != 1 || c.count("needs permission to write") != 1 || c.count("Nothing runs or waits") != 1 {
		t.Errorf("after /deploy staging is %q, and was said: %+v", got, c.comments())
	}
	c.queueFinishes(s)
	if err := s.Stop(); err != nil {
		t.Errorf("the server ends with %v", err)
	}
	for _, secret := range []string{servetest.Secret, actiontest.ActionsToken, "second-token"} {
		if strings.Contains(s.Log(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	for _, want := range []string{`"met":true,"gates":[{"Name":"preview","State":"met","Text":"it was pushed without a pull request`, `"msg":"run ended"`, `s","note":"`} {
		if !strings.Contains(s.Log(), want) {
			t.Errorf("the log has no line %s", want)
		}
	}
}

func TestServeCancelsWhatRuns(t *testing.T) {
	t.Parallel()
	c := converse(t)
	s := c.served("")
	c.deliver(s, c.openPullRequest(change))
	// It hangs after it was judged and before the first write.
	c.github.Fail(forgetest.Fault{Method: http.MethodPost, Path: "/repos/*/*/deployments/*/statuses", Delay: time.Minute})
	for _, hook := range []forgetest.Webhook{c.command(writer, "/deploy staging"), c.command(writer, "/deploy prod")} {
		if status, err := s.Deliver(t.Context(), hook); err != nil || status != http.StatusOK {
			t.Fatalf("status %d, %v", status, err)
		}
	}
	c.eventually("the deploy has begun", c.recorded)
	c.deliver(s, c.command(writer, "/cancel"))
	if got := c.color("staging") + c.color("prod"); got != "" || c.count("2 runs are asked to stop") != 1 || c.count("@grace has cancelled this before it began") != 1 {
		t.Errorf("it has deployed %q, and said: %+v", got, c.comments())
	}
}

// recorded says whether there is a record of a deploy.
func (c *conversation) recorded() bool {
	return slices.ContainsFunc(c.github.Exchanges(), func(e forgetest.Exchange) bool {
		return e.Method == http.MethodPost && strings.HasSuffix(e.Path, "/deployments")
	})
}

func TestServeFindsWhatNoDeliveryTold(t *testing.T) {
	t.Parallel()
	c := converse(t)
	c.openPullRequest(change)
	s := c.served("")
	// It looks once when it starts: at what it is configured with.
	c.eventually("a preview", func() bool { return c.count("blue") > 0 })
	c.idle(s)
	c.restart(s)
	c.idle(s)
	if got := c.comments(); len(got) != 1 {
		t.Errorf("once it was found: %+v", got)
	}
}

func TestServeTellsOfADeployThatDied(t *testing.T) {
	t.Parallel()
	c := converse(t)
	c.limits = "{lease: 6s}" // so long it is waited until the lock of the dead deploy has run out
	s := c.served("")
	c.deliver(s, c.openPullRequest(change))
	// The record of the deploy is made right before the first write, and what is said of it hangs until the server is dead.
	c.github.Fail(forgetest.Fault{Method: http.MethodPost, Path: "/repos/*/*/deployments/*/statuses", Delay: time.Minute})
	if status, err := s.Deliver(t.Context(), c.command(writer, "/deploy staging\n/help")); err != nil || status != http.StatusOK {
		t.Fatalf("status %d, %v", status, err)
	}
	c.eventually("the deploy has begun", c.recorded)
	c.restart(s)
	c.idle(s)
	if c.count("has ended in the middle") != 1 || c.count("**staging** was being written to") != 1 || c.count("/ok-to-test @COMMIT") != 1 {
		t.Errorf("after the restart: %+v", c.comments())
	}
	if got := c.color("staging"); got != "" {
		t.Errorf("it has deployed %q nonetheless", got)
	}
	if records := c.github.Deployments(testRepo); len(records) != 1 || records[0].State != forge.DeploymentFailure {
		t.Errorf("the records of deploys: %+v", records)
	}
	// What is left is deployed when somebody asks again.
	c.deliver(s, c.command(writer, "/deploy staging"))
	if got := c.color("staging"); got != "blue" || c.count("has ended in the middle") != 1 {
		t.Errorf("asked again, it deploys %q, and says: %+v", got, c.comments())
	}
}

// What a deploy had begun when the server died is brought to its end, also where somebody cancels it before it is taken up again.
func TestServeTellsOfADeployThatDiedAndWasCancelled(t *testing.T) {
	t.Parallel()
	c := converse(t)
	c.limits = "{lease: 6s}"
	s := c.served("")
	c.deliver(s, c.openPullRequest(change))
	c.github.Fail(forgetest.Fault{Method: http.MethodPost, Path: "/repos/*/*/deployments/*/statuses", Delay: time.Minute})
	if status, err := s.Deliver(t.Context(), c.command(writer, "/deploy staging")); err != nil || status != http.StatusOK {
		t.Fatalf("status %d, %v", status, err)
	}
	c.eventually("the deploy has begun", c.recorded)
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	// Before its item is taken up again, as another replica would hear it.
	c.github.Fail(forgetest.Fault{Method: http.MethodPost, Path: "/repos/*/*/deployments/*/statuses", Status: http.StatusServiceUnavailable, Times: 3})
	c.start(s)
	c.deliver(s, c.command(writer, "/cancel"))
	if c.count("has ended in the middle") != 1 || c.count("before it began") != 0 {
		t.Errorf("it is told: %+v", c.comments())
	}
	if records := c.github.Deployments(testRepo); len(records) != 1 || records[0].State != forge.DeploymentFailure {
		t.Errorf("the records of deploys: %+v", records)
	}
}

// restart kills the server as kill -9 does, and starts it again.
func (c *conversation) restart(s *servetest.Server) {
	c.Helper()
	if err := s.Kill(); err != nil {
		c.Fatal(err)
	}
	c.start(s)
}

// eventually waits until something is so.
func (c *conversation) eventually(what string, so func() bool) {
	c.Helper()
	deadline, tick := time.After(2*time.Minute), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-deadline:
			c.Fatalf("not within two minutes: %s", what)
		case <-tick.C:
		}
	}
}
