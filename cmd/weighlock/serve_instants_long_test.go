//go:build long

package main

import (
	"fmt"
	"net/http"
	"path"
	"testing"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/forgetest"
)

// TestLongServeTellsTheTruthWheneverADeployDies kills the server while it waits for the forge's answer to each of the writes of a
// deploy, from the record that is made right before the first write to the last reaction. The forge has carried the write out by
// then, and the server does not know.
func TestLongServeTellsTheTruthWheneverADeployDies(t *testing.T) {
	const statuses, comments, reactions = "/repos/*/*/deployments/*/statuses", "/repos/*/*/issues/*/comments", "/repos/*/*/issues/comments/*/reactions"
	for _, at := range []struct {
		name  string
		hangs forgetest.Fault
		// color is what is deployed, record how the deploy ended, and says what the pull request is told.
		color  string
		record forge.DeploymentState
		says   string
	}{
		{"its record is made", forgetest.Fault{Path: "/repos/*/*/deployments"}, "", forge.DeploymentFailure, "was being written to"},
		{"before the first write", forgetest.Fault{Path: statuses}, "", forge.DeploymentFailure, "was being written to"},
		{"after the last write", forgetest.Fault{Path: statuses, Skip: 1}, "blue", forge.DeploymentSuccess, "had ended: success"},
		{"as the answer is written", forgetest.Fault{Path: comments}, "blue", forge.DeploymentSuccess, "**staging** deployed"},
		{"as it says that it is done", forgetest.Fault{Path: reactions, Skip: 1}, "blue", forge.DeploymentSuccess, "**staging** deployed"},
	} {
		t.Run(at.name, func(t *testing.T) {
			t.Parallel()
			c := converse(t)
			c.limits = "{lease: 6s}"
			s := c.served("")
			c.deliver(s, c.openPullRequest(change))
			before := len(c.github.Exchanges())
			at.hangs.Method, at.hangs.Delay = http.MethodPost, time.Hour
			order := c.github.Comment(testRepo, c.number, writer, "/deploy staging")
			c.github.Fail(at.hangs)
			if status, err := s.Deliver(t.Context(), c.github.CommentWebhook(order)); err != nil || status != http.StatusOK {
				t.Fatalf("status %d, %v", status, err)
			}
			c.eventually("it hangs", func() bool { return c.posted(before, at.hangs) })
			version := c.version()
			c.restart(s)
			c.idle(s)
			if got := c.color("staging"); got != at.color || c.version() != version {
				t.Errorf("%q is deployed in version %q, want %q in version %q", got, c.version(), at.color, version)
			}
			if answers := c.answers(order); answers != 1 || c.count(at.says) != 1 {
				t.Errorf("%d answers; want one that says %q: %+v", answers, at.says, c.comments())
			}
			if records := c.github.Deployments(testRepo); len(records) != 1 || records[0].State != at.record {
				t.Errorf("the records of deploys: %+v, want %s", records, at.record)
			}
			c.checksFinished()
			// The lock was given back, or has run out: who asks again is served.
			c.deliver(s, c.command(writer, "/deploy staging"))
			if got := c.color("staging"); got != "blue" {
				t.Errorf("asked again, it deploys %q: %+v", got, c.comments())
			}
		})
	}
}

// TestLongServeTellsWhatIsLeftWhereverADeployDies kills the server between any two writes to the cluster.
func TestLongServeTellsWhatIsLeftWhereverADeployDies(t *testing.T) {
	for _, d := range []doom{{0, false}, {0, true}, {1, true}, {3, false}, {3, true}} {
		t.Run(fmt.Sprintf("after %d writes, the next one carried out: %v", d.through, d.carried), func(t *testing.T) {
			t.Parallel()
			dieBetweenWrites(t, d)
		})
	}
}

// posted says whether the request of a fault was made since.
func (c *conversation) posted(since int, f forgetest.Fault) bool {
	n := 0
	for _, e := range c.github.Exchanges()[since:] {
		if is, err := path.Match(f.Path, e.Path); err == nil && is && e.Method == f.Method {
			n++
		}
	}
	return n > f.Skip
}

// version changes with each write to the ConfigMap of staging.
func (c *conversation) version() string {
	c.Helper()
	return c.cluster.Kubectl(c.T, "get", "configmap", "map-staging", "-n", c.namespace, "--ignore-not-found", "-o", "jsonpath={.metadata.resourceVersion}")
}
