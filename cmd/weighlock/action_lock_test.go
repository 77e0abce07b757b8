package main

import (
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/weighlock/weighlock/engine/kube"
	"github.com/weighlock/weighlock/engine/lock"
)

func TestActionDoesNotDeployWhatSomebodyElseHolds(t *testing.T) {
	t.Parallel()
	c := converse(t)
	c.pushMain("", c.base, 0)
	c.open(change, 0)
	cluster, err := kube.Open(kube.Config{Kubeconfigs: []string{c.cluster.Kubeconfig()}})
	if err != nil {
		t.Fatal(err)
	}
	locks := cluster.Locks("")
	claim := lock.Claim{Target: "staging", Discriminator: c.namespace + "-staging", Person: "@ada", Why: "incident 7"}
	if _, err := lock.Hold(t.Context(), locks, claim, time.Now()); err != nil {
		t.Fatal(err)
	}
	answer := c.say(writer, "/deploy staging", 1)
	for _, want := range []string{"was not deployed", "held by @\u200bada", "incident 7", "`/unlock staging`"} {
		if !strings.Contains(answer, want) {
			t.Errorf("%q is not in: %s", want, answer)
		}
	}
	if c.color("staging") != "red" {
		t.Error("it is deployed")
	}
	if _, err := lock.Unhold(t.Context(), locks, claim.Discriminator); err != nil {
		t.Fatal(err)
	}
	claim.Person = "@" + writer // a hold of one's own does not stop one's command
	if _, err := lock.Hold(t.Context(), locks, claim, time.Now()); err != nil {
		t.Fatal(err)
	}
	c.say(writer, "/deploy staging", 0)
	if c.color("staging") != "blue" {
		t.Error("it is not deployed")
	}
	entries, err := cluster.History("").List(t.Context(), claim.Discriminator)
	if err != nil || len(entries) != 2 {
		t.Fatalf("the history is %+v, %v", entries, err)
	}
	if e := entries[0]; e.Person != "@"+writer || !strings.Contains(e.Holder, "/actions/runs/") || len(e.Commit) != 40 {
		t.Errorf("the history says %+v", e)
	}
}

// A user who may do everything in the project's namespace, and nothing in that of the locks.
func TestActionDeploysWithoutTheRightToLockOnlyWhereThatIsAllowed(t *testing.T) {
	t.Parallel()
	c := converse(t)
	c.runner.Kubeconfig = c.cluster.User(t, c.namespace, rbacv1.PolicyRule{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}}).Kubeconfig
	job := c.pushMain("", c.base, 1)
	for _, want := range []string{"was not deployed", "leases.coordination.k8s.io in namespace weighlock", "lock: optional"} {
		if !strings.Contains(job.Summary, want) {
			t.Errorf("%q is not in: %s", want, job.Summary)
		}
	}
	if c.color("staging") != "" {
		t.Error("it is deployed")
	}
	before := c.base
	c.write(map[string]string{".weighlock.yaml": "version: 1\nprojects: [{path: deploy, name: shop}]\ntargets:\n  staging: {deploy: merge, lock: optional}\n"})
	c.base = c.commit("main")
	if job = c.pushMain(before, c.base, 1); !strings.Contains(job.Summary, "this push itself changes who may deploy") {
		t.Errorf("a push decides about itself: %s", job.Summary)
	}
	before = c.base
	c.write(map[string]string{"README.md": "what is pushed next deploys it\n"})
	c.base = c.commit("main")
	job = c.pushMain(before, c.base, 0)
	for _, want := range []string{"🚀", "⚠️", "not locked", "not in the history"} {
		if !strings.Contains(job.Summary, want) {
			t.Errorf("%q is not in: %s", want, job.Summary)
		}
	}
	if c.color("staging") != "red" {
		t.Error("it is not deployed")
	}
}
