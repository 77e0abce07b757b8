package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/bot"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/forgetest"
	"github.com/weighlock/weighlock/serve/servetest"
)

// swept says whether the repository was looked at so many times.
func (c *conversation) swept(times int) func() bool {
	return func() bool {
		n := 0
		for _, e := range c.github.Exchanges() {
			if e.Method == http.MethodGet && e.Path == "/repos/"+testRepo.String()+"/pulls" {
				n++
			}
		}
		return n > times
	}
}

// merge puts files onto main, and returns the push.
func (c *conversation) merge(files map[string]string) forgetest.Push {
	c.Helper()
	if _, err := c.git.Run(c.Context(), "checkout", "--quiet", "main"); err != nil {
		c.Fatal(err)
	}
	c.write(files)
	return forgetest.Push{Repo: testRepo, Branch: "main", Before: c.base, After: c.commit("main"), By: writer}
}

func TestServePollsWhereNoWebhookReachesIt(t *testing.T) {
	t.Parallel()
	c := converse(t)
	s := c.served("", func(s *servetest.Server) { s.Poll = "300ms" })
	// What main holds was pushed before anybody asked.
	c.eventually("main is noted", c.swept(1))
	c.openPullRequest(change)
	c.eventually("a preview", func() bool { return c.count("blue") > 0 })
	c.command(writer, "/deploy staging")
	c.eventually("an answer", func() bool { return c.count("**staging** deployed") > 0 })
	if got := c.color("staging"); got != "blue" {
		t.Errorf("/deploy deploys %q", got)
	}
	for _, color := range []string{"green", "yellow"} {
		c.merge(map[string]string{"deploy/app/map.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"map-{{ target.name }}\", namespace: NAMESPACE}\ndata: {color: " + color + "}\n"})
		c.eventually("main is deployed", func() bool { return c.color("staging") == color })
	}
	c.idle(s)
	if c.count("**staging** deployed") != 1 || c.color("prod") != "" {
		t.Errorf("in the end: %+v", c.comments())
	}
}

func TestServeFindsAMergeThatNoDeliveryTold(t *testing.T) {
	t.Parallel()
	c := converse(t)
	s := c.served("", func(s *servetest.Server) { s.Limits = "{reconcile: 300ms}" })
	c.eventually("main is noted", c.swept(1))
	push := c.merge(change)
	c.eventually("main is deployed", func() bool { return c.color("staging") == "blue" })
	c.deliver(s, c.github.PushWebhook(push)) // it comes after all
	if n := strings.Count(s.Log(), `"msg":"judged"`); n != 1 {
		t.Errorf("judged %d times", n)
	}
}

// A pull request whose head goes back to where it was shows what that would do, also where no delivery tells of it.
func TestServeFindsAHeadThatGoesBack(t *testing.T) {
	t.Parallel()
	c := converse(t)
	s := c.served("", func(s *servetest.Server) { s.Poll = "300ms" })
	c.openPullRequest(change)
	c.eventually("a preview", func() bool { return c.count("blue") > 0 })
	first, err := c.git.Run(t.Context(), "rev-parse", "topic")
	if err != nil {
		t.Fatal(err)
	}
	first = strings.TrimSpace(first)
	push := func(head string) {
		if _, err := c.git.PullRefs(t.Context(), c.number, c.base, head); err != nil {
			t.Fatal(err)
		}
		c.github.PushHead(testRepo, c.number, head)
	}
	push(c.branch(map[string]string{"deploy/app/map.yaml": strings.ReplaceAll(change["deploy/app/map.yaml"], "blue", "green")}))
	c.eventually("the preview of another head", func() bool { return c.count("green") > 0 && c.count("blue") == 0 })
	push(first)
	c.eventually("the preview of the first head", func() bool { return c.count("blue") > 0 && c.count("green") == 0 })
	// That is done once.
	done := strings.Count(s.Log(), `"msg":"found"`)
	before := len(c.github.Exchanges())
	c.eventually("it is looked at again", func() bool { return len(c.github.Exchanges()) > before+20 })
	c.idle(s)
	if now := strings.Count(s.Log(), `"msg":"found"`); now != done {
		t.Errorf("found %d times, and then %d", done, now)
	}
}

// What a forge tells by a webhook its API may tell a moment later: the preview is of the new head all the same.
func TestServeWaitsForWhatTheForgeHasDelivered(t *testing.T) {
	t.Parallel()
	c := converse(t)
	s := c.served("")
	c.deliver(s, c.openPullRequest(change))
	first, err := c.git.Run(t.Context(), "rev-parse", "topic")
	if err != nil {
		t.Fatal(err)
	}
	second := c.branch(map[string]string{"deploy/app/map.yaml": strings.ReplaceAll(change["deploy/app/map.yaml"], "blue", "green")})
	if _, err := c.git.PullRefs(t.Context(), c.number, c.base, second); err != nil {
		t.Fatal(err)
	}
	c.github.PushHead(testRepo, c.number, second)
	hook := c.github.PullRequestWebhook(testRepo, c.number, forge.Synchronized, writer)
	c.github.PushHead(testRepo, c.number, strings.TrimSpace(first)) // as the API still has it
	if status, err := s.Deliver(t.Context(), hook); err != nil || status != http.StatusOK {
		t.Fatal(status, err)
	}
	c.eventually("it is put off", func() bool { return strings.Contains(s.Log(), "does not tell yet") })
	c.github.PushHead(testRepo, c.number, second)
	c.idle(s)
	if c.count("green") == 0 || c.count("blue") > 0 {
		t.Errorf("in the end: %+v", c.comments())
	}
}

// Of a push that was found by looking nobody knows who has pushed it: where that matters it is held, until its delivery comes and tells.
func TestServeDeploysAPushThatWasFoundOnceItIsToldWhosItIs(t *testing.T) {
	t.Parallel()
	c := converse(t)
	c.write(map[string]string{".weighlock.yaml": strings.Replace(baseProject[".weighlock.yaml"], "staging: {", "staging: {allow: {users: ["+writer+"]}, ", 1)})
	c.base = c.commit("main")
	s := c.served("", func(s *servetest.Server) { s.Limits = "{reconcile: 300ms}" })
	c.eventually("main is noted", c.swept(1))
	push := c.merge(change)
	c.eventually("it is held", func() bool { return strings.Contains(s.Log(), "a deploy was not carried out") })
	c.deliver(s, c.github.PushWebhook(push))
	if got := c.color("staging"); got != "blue" {
		t.Errorf("once it is told whose it is, it deploys %q", got)
	}
}

// A forge that is away for longer than a command is tried gets the answer once it is back.
func TestServeAnswersWhatItCouldNotAnswer(t *testing.T) {
	t.Parallel()
	c := converse(t)
	s := c.served("", func(s *servetest.Server) { s.Poll, s.Limits = "300ms", "{retry: 0s}" })
	c.openPullRequest(change)
	c.eventually("a preview", func() bool { return c.count("blue") > 0 })
	c.github.Fail(forgetest.Fault{Method: http.MethodPost, Path: "/repos/*/*/issues/*/comments", Status: http.StatusServiceUnavailable, Times: 12})
	order := c.github.Comment(testRepo, c.number, writer, "/help")
	c.eventually("an answer", func() bool { return c.answers(order) > 0 })
	c.idle(s)
	if n := c.answers(order); n != 1 || !strings.Contains(s.Log(), "what was given up is taken up again") {
		t.Errorf("%d answers", n)
	}
}

// Checks that the forge does not take are reported later: whoever requires them could not merge else.
func TestServeReportsChecksLater(t *testing.T) {
	t.Parallel()
	c := converse(t)
	s := c.served("", func(s *servetest.Server) { s.Limits = "{reconcile: 300ms}" })
	fault := forgetest.Fault{Method: http.MethodPost, Path: "/repos/*/*/check-runs", Status: http.StatusServiceUnavailable, Times: 12}
	c.github.Fail(fault)
	opened := c.openPullRequest(change)
	c.deliver(s, opened)
	head, err := c.git.Run(t.Context(), "rev-parse", "topic")
	if err != nil {
		t.Fatal(err)
	}
	c.eventually("the checks are there", func() bool {
		return slices.ContainsFunc(c.github.Checks(testRepo, strings.TrimSpace(head)), func(check forgetest.Check) bool {
			return check.Name == bot.CheckName && check.State == forge.CheckSuccess
		})
	})
	c.idle(s)
	c.github.Fail(fault)
	c.queueFinishes(s)
}
