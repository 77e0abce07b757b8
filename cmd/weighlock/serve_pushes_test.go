package main

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/bot"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/forgetest"
	"github.com/weighlock/weighlock/engine/enginetest"
	"github.com/weighlock/weighlock/serve/servetest"
)

// pushCheck is what the check of a pushed commit says of its deploy, "" if there is none.
func (c *conversation) pushCheck(commit string) forge.CheckState {
	for _, check := range c.github.Checks(testRepo, commit) {
		if check.Name == bot.PushCheck {
			return check.State
		}
	}
	return ""
}

// A cluster is away for longer than a push is tried: the pushed commit says so, though no pull request belongs to it, and the push is deployed
// once the cluster is back, with nobody having asked.
func TestServeTellsOfAPushThatWasGivenUpAndTakesItUpAgain(t *testing.T) {
	t.Parallel()
	c := converse(t)
	cluster := &onOff{}
	cluster.off.Store(true)
	c.runner.Kubeconfig = enginetest.Proxy(t, c.cluster.RESTConfig(), cluster.proxy)
	c.limits = "{reconcile: 300ms, retry: 0s, cluster: 1s}"
	s := c.served("")
	c.eventually("main is noted", c.swept(1))
	push := c.merge(change)
	c.deliver(s, c.github.PushWebhook(push))
	c.eventually("it was taken up again", func() bool { return strings.Count(s.Log(), `"msg":"a push is not deployed"`) > 1 })
	if got := c.pushCheck(push.After); got != forge.CheckFailure {
		t.Errorf("while the cluster is away, the commit's check is %q", got)
	}
	cluster.off.Store(false)
	c.eventually("it is deployed", func() bool { return c.color("staging") == "blue" })
	c.idle(s)
	if got := c.pushCheck(push.After); got != forge.CheckSuccess {
		t.Errorf("once it is deployed, the commit's check is %q", got)
	}
	metrics, err := s.Get(t.Context(), "/metrics")
	if err != nil || !strings.Contains(metrics, `weighlock_deploys_total{outcome="deployed"} 1`) || strings.Contains(metrics, `weighlock_deploys_total{outcome="unreached"} 0`) {
		t.Errorf("the metrics do not tell of the deploys: %v\n%s", err, metrics)
	}
}

// What does not pass is told once, and not tried again.
func TestServeTellsOnTheCommitOfAPushThatCannotBeDeployed(t *testing.T) {
	t.Parallel()
	c := converse(t)
	s := c.served("", func(s *servetest.Server) { s.Limits = "{reconcile: 300ms}" })
	c.eventually("main is noted", c.swept(1))
	mistakes := map[string]map[string]string{
		"an object":         {"deploy/app/map.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Not_A_Name, namespace: NAMESPACE}\n"},
		"the configuration": {".weighlock.yaml": "version: 1\ntarget: {}\n"},
	}
	for _, what := range []string{"an object", "the configuration"} {
		push := c.merge(mistakes[what])
		c.deliver(s, c.github.PushWebhook(push))
		if got := c.pushCheck(push.After); got != forge.CheckFailure {
			t.Errorf("%s: the commit's check is %q", what, got)
		}
		swept := len(c.github.Exchanges())
		c.eventually("it was looked at again", func() bool { return len(c.github.Exchanges()) > swept+10 })
	}
	if log := s.Log(); strings.Count(log, `"level":"ERROR","msg":"a deploy failed"`) != 1 || !strings.Contains(log, `"target":"staging","outcome":"failed","cause":"`+c.namespace+`/ConfigMap/Not_A_Name: applying`) {
		t.Errorf("the log does not say what failed:\n%s", log)
	}
	if n := strings.Count(s.Log(), `"msg":"run ended"`); n != len(mistakes) {
		t.Errorf("%d runs", n)
	}
}

// mergeHead merges the pull request by moving main to its head, which it returns.
func (c *conversation) mergeHead() string {
	c.Helper()
	head, err := c.git.Run(c.Context(), "rev-parse", "topic")
	if err != nil {
		c.Fatal(err)
	}
	head = strings.TrimSpace(head)
	c.github.Merge(testRepo, c.number, head, writer)
	if _, err := c.git.Run(c.Context(), "push", "--quiet", "--force", "origin", head+":refs/heads/main"); err != nil {
		c.Fatal(err)
	}
	return head
}

// What a push has left to a person is deployed by a command on the pull request that it merged: the commit's check says so then.
func TestServeClearsTheCheckOfAPushOnceACommandDeploysWhatItHasNot(t *testing.T) {
	t.Parallel()
	c := converse(t)
	s := c.served("")
	c.deliver(s, c.github.PushWebhook(forgetest.Push{Repo: testRepo, Branch: "main", After: c.base, By: writer}))
	files := maps.Clone(change)
	files[".weighlock.yaml"] = strings.Replace(baseProject[".weighlock.yaml"], "deploy: merge,", "deploy: merge, allow: {permission: maintain},", 1)
	c.deliver(s, c.openPullRequest(files))
	head := c.mergeHead()
	c.deliver(s, c.github.PushWebhook(forgetest.Push{Repo: testRepo, Branch: "main", Before: c.base, After: head, By: writer}))
	if got := c.pushCheck(head); got != forge.CheckFailure || c.color("staging") != "red" {
		t.Fatalf("what changes who may deploy is held: the check is %q, and staging is %q: %+v", got, c.color("staging"), c.comments())
	}
	c.github.SetPermission(testRepo, writer, forge.Maintain)
	c.deliver(s, c.command(writer, "/deploy staging @"+head[:7]))
	if got := c.pushCheck(head); got != forge.CheckSuccess || c.color("staging") != "blue" {
		t.Errorf("after the command the check is %q, and staging is %q: %+v", got, c.color("staging"), c.comments())
	}
}

// A push is given up as a whole while a cluster or the forge is away; a command deploys what it has not, once they are back: the commit's check says so
// then, though nothing takes the push up again.
func TestServeClearsTheCheckOfAPushThatWasGivenUpOnceACommandDeploysIt(t *testing.T) {
	t.Parallel()
	for _, away := range []string{"cluster", "forge"} {
		t.Run(away, func(t *testing.T) {
			t.Parallel()
			givenUp(t, away)
		})
	}
}

func givenUp(t *testing.T, away string) {
	c := converse(t)
	cluster := &onOff{}
	c.runner.Kubeconfig = enginetest.Proxy(t, c.cluster.RESTConfig(), cluster.proxy)
	c.limits = "{reconcile: 0s, retry: 0s, cluster: 1s}"
	s := c.served("")
	c.deliver(s, c.github.PushWebhook(forgetest.Push{Repo: testRepo, Branch: "main", After: c.base, By: writer}))
	c.deliver(s, c.openPullRequest(change))
	head, err := c.git.Run(t.Context(), "rev-parse", "topic")
	if err != nil {
		t.Fatal(err)
	}
	head = strings.TrimSpace(head)
	switch away {
	case "cluster":
		cluster.off.Store(true)
	case "forge":
		c.github.Fail(forgetest.Fault{Method: http.MethodGet, Path: "/repos/*/*/commits/" + head + "/pulls", Status: http.StatusBadGateway, Times: 40})
	}
	c.github.Merge(testRepo, c.number, head, writer)
	if _, err := c.git.Run(t.Context(), "push", "--quiet", "--force", "origin", head+":refs/heads/main"); err != nil {
		t.Fatal(err)
	}
	c.deliver(s, c.github.PushWebhook(forgetest.Push{Repo: testRepo, Branch: "main", Before: c.base, After: head, By: writer}))
	c.github.Mend()
	if got := c.pushCheck(head); got != forge.CheckFailure || !strings.Contains(s.Log(), `"msg":"a push is not deployed"`) {
		t.Fatalf("the push is not given up: the check is %q: %s", got, s.Log())
	}
	cluster.off.Store(false)
	c.eventually("the cluster is asked again", func() bool {
		c.deliver(s, c.command(writer, "/diff"))
		return !strings.Contains(c.comments()[0].Body, "cluster unreachable")
	})
	c.deliver(s, c.command(writer, "/deploy staging @"+head[:7]))
	if got := c.pushCheck(head); got != forge.CheckSuccess || c.color("staging") != "blue" {
		t.Errorf("after the command the check is %q, and staging is %q: %+v\n%s", got, c.color("staging"), c.comments(), s.Log())
	}
}

// What is wrong with a branch that nothing is deployed from wakes nobody up, and makes no commit look as if its deploy had failed: such branches
// go as they come, those of merge queues within minutes.
func TestServeSaysNothingOfABranchThatNothingIsDeployedFrom(t *testing.T) {
	t.Parallel()
	c := converse(t)
	s := c.served("")
	push := func(branch, head string) {
		c.deliver(s, c.github.PushWebhook(forgetest.Push{Repo: testRepo, Branch: branch, Before: c.base, After: head, By: writer}))
	}
	gone := c.branch(change)
	push("gh-readonly-queue/main/pr-1-"+c.base, gone)
	broken := c.branch(map[string]string{".weighlock.yaml": "version: 1\nprojcts: []\n"})
	push("topic", broken)
	for _, head := range []string{gone, broken} {
		if checks := c.github.Checks(testRepo, head); len(checks) > 0 {
			t.Errorf("of %s there is said %+v", head, checks)
		}
	}
	if log := s.Log(); strings.Contains(log, `"level":"ERROR"`) || strings.Count(log, "a push to a branch that nothing is deployed from cannot be looked at") != 2 {
		t.Errorf("the log has %s", log)
	}
	// What is wrong with main is told.
	if _, err := c.git.Run(t.Context(), "checkout", "--quiet", "main"); err != nil {
		t.Fatal(err)
	}
	c.write(map[string]string{".weighlock.yaml": "version: 1\nprojcts: []\n"})
	head := c.commit("main")
	push("main", head)
	if checks := c.github.Checks(testRepo, head); len(checks) != 1 || checks[0].State != forge.CheckFailure {
		t.Errorf("of main there is said %+v", checks)
	}
}
