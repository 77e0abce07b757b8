package engine_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/enginetest"
	"github.com/weighlock/weighlock/engine/report"
)

// The failure of a Job ends the wait for it at once, and is told with the last lines of its container's log, without the
// secrets that are in it.
func TestAFailedJobIsToldWithItsLogAndWithoutSecrets(t *testing.T) {
	t.Parallel()
	c, s, _ := plainSite(t)
	const secret = "very-secret-value"
	s.write(`
-- app/secret.yaml --
apiVersion: v1
kind: Secret
metadata: {name: s, namespace: "{{ args.ns }}"}
stringData: {k: ` + secret + `}
-- app/job.yaml --
apiVersion: batch/v1
kind: Job
metadata: {name: j, namespace: "{{ args.ns }}", annotations: {kluctl.io/wait-readiness: "true"}}
spec: {backoffLimit: 0, template: {metadata: {labels: {conf/fail: ""}}, spec: {restartPolicy: Never, containers: [{name: main, image: "img:1"}]}}}
`)
	s.throughProxy(c, func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/log") {
			return false
		}
		fmt.Fprintf(w, "of container %s, last %s\ncannot log in with %s\n", r.URL.Query().Get("container"), r.URL.Query().Get("tailLines"), secret)
		return true
	})
	set, result := s.deploy(engine.DeployOptions{Apply: apply.Options{Wait: apply.Wait{Timeout: time.Hour}}})
	if n := result.Count(apply.NotReady); n != 1 {
		t.Fatalf("%d are not ready: %v", n, result.Err())
	}
	text := report.Text(set, result)
	contains(t, text, "Job/j: has failed: BackoffLimitExceeded", "condition Fail", "SuccessfulCreate", "container main has ended with exit code 1",
		"log: of container main, last 10", "log: cannot log in with ")
	if strings.Contains(text, secret) || strings.Contains(result.Err().Error(), secret) {
		t.Errorf("the secret is told:\n%s", text)
	}
}

// Who lacks rights gets an error only for what is there and could not be deleted; what they may not see is said and no error.
func TestADeletionFailsOnlyForWhatItFoundAndCouldNotDelete(t *testing.T) {
	t.Parallel()
	c, s, ns := plainSite(t)
	s.deployed()
	remove := func(what diff.Removal) (*diff.ChangeSet, *apply.Result) {
		t.Helper()
		p, target := s.open()
		set, result, err := engine.Remove(t.Context(), p, target, s.cluster, engine.RemoveOptions{What: what})
		if err != nil {
			t.Fatal(err)
		}
		matchesSchema(t, set, result)
		return set, result
	}
	rule := func(verbs ...string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: verbs}
	}
	reader := c.User(t, ns, rule("get", "list"))
	s.connect(reader.Kubeconfig)
	if _, result := remove(diff.Orphans); result.Err() != nil {
		t.Errorf("there is nothing to prune, and it fails: %v", result.Err())
	}
	set, result := remove(diff.Everything)
	if result.Count(apply.Failed) != 2 {
		t.Fatalf("%d failed: %v", result.Count(apply.Failed), ops(set))
	}
	contains(t, result.Err().Error(), `cannot delete configmaps in namespace `+ns)

	deleter := c.User(t, ns, rule("get", "list", "delete"))
	s.connect(deleter.Kubeconfig)
	set, result = remove(diff.Everything)
	if result.Err() != nil || result.Count(apply.Deleted) != 2 {
		t.Errorf("%d deleted: %v", result.Count(apply.Deleted), result.Err())
	}
	if len(set.Warnings) == 0 {
		t.Error("it does not say that there are kinds that it may not list")
	}

	s.connect(c.User(t, ns).Kubeconfig)
	set, result = remove(diff.Everything)
	if result.Err() != nil || len(set.Warnings) == 0 {
		t.Errorf("without any right: %v, warnings %v", result.Err(), set.Warnings)
	}
}

// A kubeconfig that impersonates has the rights of the impersonated, and the server's log has both names.
func TestAKubeconfigMayImpersonate(t *testing.T) {
	t.Parallel()
	c, s, ns := plainSite(t)
	who := c.User(t, ns, rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"*"}})
	s.impersonate(c, who.User)
	audit := c.Audit(t)
	s.deployed()
	n := 0
	for _, e := range audit.Since(t).In(ns).Writes() {
		if e.As == who.User {
			n++
		}
	}
	if n != 2 {
		t.Errorf("%d writes as %s", n, who.User)
	}
	s.write("-- app/s.yaml --\napiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: \"{{ args.ns }}\"}\n")
	_, result := s.deploy(engine.DeployOptions{})
	if result.Err() == nil {
		t.Fatal("it has more rights than whom it impersonates")
	}
	contains(t, result.Err().Error(), who.User, "secrets")
}

// A takeover by a deploy goes on where nobody has said who owns a field that was removed since: from the apply of a client,
// a release of Helm, and a deploy of Kluctl.
func TestWhatADeployTakesOverAndRemovesLaterIsGone(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"kubectl": {"apply", "-f", "-"},
		"helm":    {"create", "--field-manager=helm", "-f", "-"},
		"kluctl":  {"apply", "--server-side", "--field-manager=kluctl", "-f", "-"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, s, ns := plainSite(t)
			c.KubectlInput(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: `+ns+`}, data: {key: one, later: theirs}}`, args...)
			s.write(oneMap("", "key: one, later: theirs"))
			s.deployed()
			s.write(oneMap("", "key: one"))
			set, _ := s.deployed()
			expect(t, paths(find(t, set, "a")), []string{"delete data.later"})
			if got := c.Kubectl(t, "get", "configmap", "a", "-n", ns, "-o", "jsonpath={.data}"); got != `{"key":"one"}` {
				t.Errorf("live is %s", got)
			}
			if again := s.diff(diff.Options{}); again.Changed() {
				t.Errorf("a second deploy would change:\n%s", report.Text(again, nil))
			}
		})
	}
}

// impersonate connects as an administrator who acts as somebody else.
func (s *site) impersonate(c *enginetest.Cluster, user string) {
	s.t.Helper()
	config, err := clientcmd.LoadFromFile(c.Kubeconfig())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, info := range config.AuthInfos {
		info.Impersonate = user
	}
	file := filepath.Join(s.t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		s.t.Fatal(err)
	}
	s.connect(file)
}
