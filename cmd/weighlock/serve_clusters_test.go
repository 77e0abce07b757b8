package main

import (
	"context"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/weighlock/weighlock/bot/forge/forgetest"
	"github.com/weighlock/weighlock/engine/enginetest"
	"github.com/weighlock/weighlock/serve/servetest"
)

// kubeconfigWith is a kubeconfig with what edit makes of it.
func kubeconfigWith(t *testing.T, kubeconfig string, edit func(config map[string]any)) string {
	t.Helper()
	data, err := os.ReadFile(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	var config map[string]any
	if err := yaml.Unmarshal(data, &config); err != nil {
		t.Fatal(err)
	}
	edit(config)
	if data, err = yaml.Marshal(config); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(out, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return out
}

// One cluster never answers, another one answers that it is there and nothing else: what is to be said of the third one is said,
// on this pull request and on those that come after it.
func TestADeadClusterHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	dead, err := net.Listen("tcp", "127.0.0.1:0") // the system accepts, nobody answers
	if err != nil {
		t.Fatal(err)
	}
	defer dead.Close()
	ctx, end := context.WithCancel(t.Context())
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/version" {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"gitVersion":"v1.36.3"}`))
			return
		}
		select {
		case <-ctx.Done():
		case <-req.Context().Done():
		}
	}))
	defer slow.Close()
	defer end()

	c := converse(t)
	c.runner.Kubeconfig = kubeconfigWith(t, c.runner.Kubeconfig, func(config map[string]any) {
		for name, server := range map[string]string{"dead": "http://" + dead.Addr().String(), "slow": slow.URL} {
			config["clusters"] = append(config["clusters"].([]any), map[string]any{"name": name, "cluster": map[string]any{"server": server}})
			config["contexts"] = append(config["contexts"].([]any), map[string]any{"name": name, "context": map[string]any{"cluster": name}})
		}
	})
	c.limits = "{workers: 2, preview: 8s}"
	s := c.served("")
	files := map[string]string{
		"deploy/.kluctl.yaml": "targets: [{name: prod, context: dead}, {name: slow, context: slow}, {name: staging}]\ndiscriminator: \"NAMESPACE-{{ target.name }}\"\n",
		"deploy/app/map.yaml": change["deploy/app/map.yaml"],
	}
	for _, hook := range []forgetest.Webhook{c.openPullRequest(files), c.command(writer, "/diff")} { // which asks again
		c.deliver(s, hook)
		if c.count("| **prod** | 🔌 cluster unreachable |") != 1 || c.count("| **slow** | 🔌 cluster unreachable |") != 1 || c.count("| **staging** | 2 new |") != 1 {
			t.Fatalf("found %+v", c.comments())
		}
	}
}

// Previews go as the identity for which an admission policy refuses all that is no dry run; deploys go as the other one.
func TestPreviewsGoAsAnIdentityThatCannotWrite(t *testing.T) {
	t.Parallel()
	c := converse(t)
	weighlock := func(args ...string) {
		t.Helper()
		if code, said := inside(t, args...); code != 0 {
			t.Fatalf("weighlock %s: exit code %d\n%s", strings.Join(args, " "), code, said)
		}
	}
	admin := c.cluster.Kubeconfig()
	weighlock("deploy", "-y", "--project-dir", "../../deploy", "--kubeconfig", admin, "-a", "namespace="+c.namespace, "-a", "name=wp", "--records-namespace", c.namespace)
	token := strings.TrimSpace(c.cluster.Kubectl(t, "create", "token", "-n", c.namespace, "wp-preview"))
	preview := kubeconfigWith(t, admin, func(config map[string]any) {
		for _, u := range config["users"].([]any) {
			u.(map[string]any)["user"] = map[string]any{"token": token}
		}
	})
	weighlock("doctor", "--kubeconfig", admin, "--preview-kubeconfig", preview, "--records-namespace", c.namespace, "--wait", "60s")

	audit := c.cluster.Audit(t)
	c.previewKubeconfig = preview
	s := c.served("")
	c.deliver(s, c.openPullRequest(change))
	if c.count("| **staging** | 2 new") != 1 { // and a warning, where other tests have kinds that it may not list
		t.Fatalf("found %+v", c.comments())
	}
	c.deliver(s, c.command(writer, "/deploy staging"))
	if got := c.color("staging"); got != "blue" {
		t.Errorf("it has deployed %q, and said %+v", got, c.comments())
	}
	asked := audit.Since(t).By(enginetest.Identity{User: "system:serviceaccount:" + c.namespace + ":wp-preview"})
	dryRuns := 0
	for _, e := range asked {
		if e.DryRun {
			dryRuns++
		}
	}
	if writes := asked.Writes(); dryRuns == 0 || len(writes) > 0 {
		t.Errorf("the identity that previews has made %d dry runs, and written: %v", dryRuns, writes)
	}
}

// Which contexts a repository's targets have is decided by whoever runs the server: what stands in the repository changes nothing.
func TestServeLetsARepositoryHaveOnlyItsContexts(t *testing.T) {
	t.Parallel()
	c := converse(t)
	s := c.served("", func(s *servetest.Server) {
		s.Repositories = []string{"{name: " + testRepo.String() + ", contexts: [elsewhere]}"}
	})
	c.deliver(s, c.openPullRequest(change))
	if c.count("the server lets "+testRepo.String()+" have only some: elsewhere") == 0 {
		t.Errorf("the preview: %+v", c.comments())
	}
	c.deliver(s, c.command(writer, "/deploy staging"))
	if got := c.color("staging"); got != "" {
		t.Errorf("it deploys %q: %+v", got, c.comments())
	}
}

// Who names a context that there is not is told which there are, of those that the repository may have, and nothing of the server's files.
func TestServeNamesTheContextsThatThereAre(t *testing.T) {
	t.Parallel()
	c := converse(t)
	c.runner.Kubeconfig = kubeconfigWith(t, c.runner.Kubeconfig, func(config map[string]any) {
		for _, name := range []string{"prod-us", "secret-project"} {
			config["contexts"] = append(config["contexts"].([]any), map[string]any{"name": name, "context": map[string]any{"cluster": "none"}})
		}
	})
	s := c.served("", func(s *servetest.Server) {
		s.Repositories = []string{"{name: " + testRepo.String() + ", contexts: [prod-*]}"}
	})
	c.deliver(s, c.openPullRequest(map[string]string{"deploy/.kluctl.yaml": "targets: [{name: staging, context: prod-eu}, {name: prod, context: prod-eu}]\n"}))
	if c.count("the server has no context prod-eu; it has: prod-us") == 0 || c.count("secret-project")+c.count("--context")+c.count(c.runner.Kubeconfig) > 0 {
		t.Errorf("found %+v", c.comments())
	}
}

// A server hears of repositories that nobody has set up: it says nothing there until somebody asks, or brings a configuration.
func TestServeLeavesAloneWhatNobodyHasSetUp(t *testing.T) {
	t.Parallel()
	c := converse(t)
	if err := os.Remove(filepath.Join(c.git.Work, ".weighlock.yaml")); err != nil {
		t.Fatal(err)
	}
	c.base = c.commit("main")
	s := c.served("")
	c.deliver(s, c.openPullRequest(change))
	head, err := c.git.Run(t.Context(), "rev-parse", "topic")
	if err != nil {
		t.Fatal(err)
	}
	if checks := c.github.Checks(testRepo, strings.TrimSpace(head)); len(c.comments()) > 0 || len(checks) > 0 {
		t.Errorf("unasked: %+v, checks %+v", c.comments(), checks)
	}
	c.deliver(s, c.command(reader, "/diff"))
	if len(c.comments()) < 2 { // the command, and what it gets
		t.Errorf("asked: %+v", c.comments())
	}
	c.deliver(s, c.openPullRequest(map[string]string{".weighlock.yaml": baseProject[".weighlock.yaml"]}))
	if len(c.comments()) != 1 {
		t.Errorf("with a configuration: %+v", c.comments())
	}
}

// What a push leaves to a person is shown anew only once all clusters have answered: the other targets are judged by what was shown.
func TestAPushThatWaitsForAClusterIsStillTheOneThatWasShown(t *testing.T) {
	t.Parallel()
	c := converse(t)
	cluster := &onOff{}
	far := enginetest.Proxy(t, c.cluster.RESTConfig(), cluster.proxy)
	c.runner.Kubeconfig = kubeconfigWith(t, c.runner.Kubeconfig, func(config map[string]any) {
		kubeconfigWith(t, far, func(other map[string]any) {
			for _, list := range []string{"clusters", "users", "contexts"} {
				entry := other[list].([]any)[0].(map[string]any)
				entry["name"] = "far"
				if list == "contexts" {
					entry["context"] = map[string]any{"cluster": "far", "user": "far"}
				}
				config[list] = append(config[list].([]any), entry)
			}
		})
	})
	policy := strings.Replace(baseProject[".weighlock.yaml"], "prod: {deploy: command, allow: {permission: maintain}}", "prod: {deploy: merge}", 1)
	c.write(map[string]string{
		".weighlock.yaml":     policy,
		"deploy/.kluctl.yaml": "targets: [{name: staging}, {name: prod, context: far}]\ndiscriminator: \"NAMESPACE-{{ target.name }}\"\n",
	})
	c.base = c.commit("main")
	s := c.served("")
	c.deliver(s, c.github.PushWebhook(forgetest.Push{Repo: testRepo, Branch: "main", After: c.base, By: writer}))
	files := maps.Clone(change)
	files[".weighlock.yaml"] = strings.Replace(policy, "staging: {", "staging: {allow: {permission: maintain}, ", 1)
	c.deliver(s, c.openPullRequest(files))
	head := c.mergeHead()
	cluster.off.Store(true)
	if status, err := s.Deliver(t.Context(), c.github.PushWebhook(forgetest.Push{Repo: testRepo, Branch: "main", Before: c.base, After: head, By: writer})); err != nil || status != http.StatusOK {
		t.Fatalf("status %d, %v", status, err)
	}
	c.eventually("it is tried again", func() bool { return strings.Contains(s.Log(), "a deploy failed, and is tried again") })
	cluster.off.Store(false)
	c.idle(s)
	if staging, prod := c.color("staging"), c.color("prod"); staging != "red" || prod != "blue" {
		t.Errorf("staging, which is held, is %q, and prod %q: %+v", staging, prod, c.comments())
	}
}
