package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weighlock/weighlock/action/actiontest"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/forgetest"
	"github.com/weighlock/weighlock/engine/enginetest"
)

var testRepo = forge.Repo{Owner: "acme", Name: "shop"}

const (
	writer = "grace"
	reader = "eve"
)

// conversation is a repository with a project on a forge and a cluster, and jobs that run for what happens there.
type conversation struct {
	*testing.T
	cluster   *enginetest.Cluster
	namespace string
	github    *forgetest.GitHub
	git       *actiontest.Git
	runner    *actiontest.Runner
	base      string
	number    int
	// limits and previewKubeconfig are the server's.
	limits, previewKubeconfig string
	env                       []string
	// shown, if set, is told what jobs print.
	shown func(string)
}

// baseProject is what main holds: two targets, each with a ConfigMap and a Secret, in one namespace.
var baseProject = map[string]string{
	".weighlock.yaml":        "version: 1\nprojects: [{path: deploy, name: shop}]\ntargets:\n  staging: {deploy: merge, prune: apply}\n  prod: {deploy: command, allow: {permission: maintain}}\n",
	"deploy/.kluctl.yaml":    "targets: [{name: staging}, {name: prod}]\ndiscriminator: \"NAMESPACE-{{ target.name }}\"\n",
	"deploy/deployment.yaml": "deployments: [{path: app}]\n",
	"deploy/app/map.yaml":    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"map-{{ target.name }}\", namespace: NAMESPACE}\ndata: {color: red}\n",
	"deploy/app/secret.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: \"secret-{{ target.name }}\", namespace: NAMESPACE}\nstringData: {token: first-token}\n",
}

// change is what the pull request changes.
var change = map[string]string{
	"deploy/app/map.yaml":    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"map-{{ target.name }}\", namespace: NAMESPACE}\ndata: {color: blue, evil: \"```\\n@acme/everyone </details> <img src=x>\"}\n",
	"deploy/app/secret.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: \"secret-{{ target.name }}\", namespace: NAMESPACE}\nstringData: {token: second-token}\n",
}

func converse(t *testing.T) *conversation {
	t.Helper()
	github, err := forgetest.NewGitHub(forgetest.Options{Violation: func(err error) { t.Errorf("%v", err) }, Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(github.Close)
	c := &conversation{T: t, cluster: enginetest.Start(t), github: github}
	c.namespace = c.cluster.Namespace(t)
	dir := t.TempDir()
	if c.git, err = actiontest.NewGit(t.Context(), dir, testRepo.String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.git.Close() })
	c.github.AddRepo(testRepo, forgetest.RepoOptions{Private: true})
	c.github.AddToken(actiontest.ActionsToken, forgetest.Token{Actions: true})
	c.github.SetPermission(testRepo, writer, forge.Write)
	c.github.SetPermission(testRepo, reader, forge.Read)
	c.runner = &actiontest.Runner{
		Program: []string{os.Args[0]}, Env: []string{asProgram + "=1"}, Repo: testRepo, Git: c.git, GitHub: c.github,
		Kubeconfig: c.cluster.Identity(t).Kubeconfig, Dir: dir,
	}
	c.write(baseProject)
	c.base = c.commit("main")
	return c
}

func (c *conversation) write(files map[string]string) {
	c.Helper()
	for name, text := range files {
		file := filepath.Join(c.git.Work, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			c.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "NAMESPACE", c.namespace)), 0o644); err != nil {
			c.Fatal(err)
		}
	}
}

func (c *conversation) commit(branch string) string {
	c.Helper()
	sha, err := c.git.Commit(c.Context(), branch, "Commit to "+branch)
	if err != nil {
		c.Fatal(err)
	}
	return sha
}

func (c *conversation) run(hook forgetest.Webhook, ref string, exitCode int) actiontest.Job {
	c.Helper()
	job, err := c.runner.Run(c.Context(), hook, ref)
	if err != nil {
		c.Fatal(err)
	}
	if job.ExitCode != exitCode {
		c.Fatalf("%s: exit code %d, want %d\n%s\n%s", hook.Name, job.ExitCode, exitCode, job.Output, job.Summary)
	}
	if c.shown != nil {
		c.shown(job.Output + job.Summary)
	}
	for _, s := range []string{"first-token", "second-token", "Zmlyc3QtdG9rZW4", "c2Vjb25kLXRva2Vu", actiontest.ActionsToken} {
		if strings.Contains(job.Output+job.Summary, s) {
			c.Errorf("the job shows %q:\n%s\n%s", s, job.Output, job.Summary)
		}
	}
	return job
}

// pushMain runs the job of a push to main.
func (c *conversation) pushMain(before, after string, exitCode int) actiontest.Job {
	c.Helper()
	return c.run(c.github.PushWebhook(forgetest.Push{Repo: testRepo, Branch: "main", Before: before, After: after, By: writer}), "refs/heads/main", exitCode)
}

// open opens the pull request with the given files changed and runs its job.
func (c *conversation) open(files map[string]string, exitCode int) string {
	c.Helper()
	head := c.branch(files)
	c.number = c.github.OpenPullRequest(c.pullRequest(head))
	c.preview(forge.Opened, head, exitCode)
	return head
}

func (c *conversation) pullRequest(head string) forgetest.NewPullRequest {
	return forgetest.NewPullRequest{Repo: testRepo, Title: "Change", Author: writer, Head: forge.Ref{Name: "topic", SHA: head}, Base: forge.Ref{SHA: c.base}}
}

// branch commits files to the branch topic, off main's first commit.
func (c *conversation) branch(files map[string]string) string {
	c.Helper()
	if _, err := c.git.Run(c.Context(), "checkout", "--quiet", "-B", "topic"); err != nil {
		c.Fatal(err)
	}
	c.write(files)
	return c.commit("topic")
}

func (c *conversation) preview(action forge.Action, head string, exitCode int) {
	c.Helper()
	merge, err := c.git.PullRefs(c.Context(), c.number, c.base, head)
	if err != nil {
		c.Fatal(err)
	}
	ref := fmt.Sprintf("refs/pull/%d/merge", c.number)
	if merge == "" {
		ref = fmt.Sprintf("refs/pull/%d/head", c.number) // no merge commit where there is a conflict
	}
	c.run(c.github.PullRequestWebhook(testRepo, c.number, action, writer), ref, exitCode)
}

// say comments as a user, runs the job, and returns our answer.
func (c *conversation) say(login, body string, exitCode int) string {
	c.Helper()
	before := len(c.comments())
	comment := c.github.Comment(testRepo, c.number, login, body)
	c.run(c.github.CommentWebhook(comment), "refs/heads/main", exitCode)
	var answers []string
	for _, a := range c.comments()[before+1:] {
		answers = append(answers, a.Body)
	}
	want := []forge.Reaction{forge.Eyes, forge.Rocket}
	if exitCode != 0 {
		want[1] = forge.Confused
	}
	var got []forge.Reaction
	for _, r := range c.github.Reactions(comment) {
		got = append(got, r.Content)
	}
	if !slices.Equal(got, want) {
		c.Errorf("reactions %v, want %v", got, want)
	}
	return strings.Join(answers, "\n----\n")
}

func (c *conversation) comments() []forge.Comment { return c.github.Comments(testRepo, c.number) }

// live is a value of a live ConfigMap, "" where there is none.
func (c *conversation) color(target string) string {
	c.Helper()
	return c.cluster.Kubectl(c.T, "get", "configmap", "map-"+target, "-n", c.namespace, "--ignore-not-found", "-o", "jsonpath={.data.color}")
}

var volatile = regexp.MustCompile(`weighlock:answer [a-z]+-[0-9a-zA-Z-]+ |\bin [0-9.]+m?s:|"[0-9a-f]{8}"|"[0-9a-f]{64}"|\b[0-9a-f]{7,40}\b|(?:[0-9]{4}-[0-9]{2}-[0-9]{2} )?[0-9]{2}:[0-9]{2} UTC|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z`)

// since are times that each marker of a preview tells.
var since = regexp.MustCompile(`,"since":\{[^}]*\}`)

// golden compares a comment, its varying parts replaced, with a file.
func (c *conversation) golden(name, body string) {
	c.Helper()
	body = strings.ReplaceAll(since.ReplaceAllString(body, ""), c.namespace, "NAMESPACE")
	body = volatile.ReplaceAllStringFunc(body, func(s string) string {
		switch {
		case strings.HasPrefix(s, "weighlock:answer"):
			return "weighlock:answer FOR "
		case strings.HasPrefix(s, "in "):
			return "in TIME:"
		case s[0] == '"' && len(s) == 10:
			return `"HASH"`
		case strings.HasSuffix(s, "UTC"), strings.HasSuffix(s, "Z"):
			return "TIME"
		case s[0] == '"':
			return `"DIGEST"`
		}
		return "COMMIT"
	})
	file := filepath.Join("testdata", "comments", name+".md")
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			c.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(body), 0o644); err != nil {
			c.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		c.Fatal(err)
	}
	if !bytes.Equal(want, []byte(body)) {
		c.Errorf("%s: got:\n%s\nwant:\n%s", file, body, want)
	}
}

func TestActionFromPreviewToMerge(t *testing.T) {
	t.Parallel()
	c := converse(t)
	c.pushMain("", c.base, 0)
	if c.color("staging") != "red" || c.color("prod") != "" {
		t.Fatalf("a push deploys what the policy says: staging is %q, prod %q", c.color("staging"), c.color("prod"))
	}

	c.open(map[string]string{"deploy/app/map.yaml": "broken: [\n"}, 1)
	c.golden("preview-broken", c.comments()[0].Body)

	head := c.branch(change)
	c.github.PushHead(testRepo, c.number, head)
	c.preview(forge.Synchronized, head, 0)
	if got := len(c.comments()); got != 1 {
		t.Fatalf("%d comments after a second preview, want the one", got)
	}
	c.golden("preview", c.comments()[0].Body)
	if c.color("staging") != "red" {
		t.Error("a preview has changed the cluster")
	}

	c.golden("refused-permission", c.say(writer, "/deploy prod", 1))
	c.golden("refused-reader", c.say(reader, "please\n/deploy staging", 1))
	c.golden("no-such-target", c.say(writer, "/deploy stagin", 1))
	if c.color("staging") != "red" {
		t.Error("a refused deploy has changed the cluster")
	}
	c.golden("deployed", c.say(writer, "/deploy staging", 0))
	if c.color("staging") != "blue" {
		t.Error("the deploy has not changed the cluster")
	}
	c.golden("preview-after-deploy", c.comments()[0].Body)

	c.github.SetPermission(testRepo, writer, forge.Maintain)
	c.golden("deployed-pinned", c.say(writer, "/deploy prod @"+head[:7], 0))
	if c.color("prod") != "blue" {
		t.Error("prod is not deployed")
	}

	before := len(c.comments())
	c.github.Merge(testRepo, c.number, head, writer)
	if _, err := c.git.Run(t.Context(), "push", "--quiet", "--force", "origin", head+":refs/heads/main"); err != nil {
		t.Fatal(err)
	}
	c.pushMain(c.base, head, 0)
	if got := c.comments()[before:]; len(got) != 1 {
		t.Errorf("%d comments on the merged pull request, want one", len(got))
	} else {
		c.golden("merged", got[0].Body)
	}
}

func TestActionRefusesWhatWasNotShown(t *testing.T) {
	t.Parallel()
	c := converse(t)
	c.pushMain("", c.base, 0)
	c.open(change, 0)

	// The cluster moves on: the deploy is stale, the preview shows the new state, the repeated command goes through.
	c.cluster.Kubectl(t, "patch", "configmap", "map-staging", "-n", c.namespace, "-p", `{"data":{"color":"green"}}`)
	c.golden("stale", c.say(writer, "/deploy staging", 1))
	if c.color("staging") != "green" {
		t.Fatal("a stale deploy has changed the cluster")
	}
	if body := c.comments()[0].Body; !strings.Contains(body, "- green") {
		t.Errorf("the preview does not show the cluster as it is:\n%s", body)
	}

	// The head moves on, and the preview of it has not been posted yet.
	head := c.branch(map[string]string{"extra.txt": "x"})
	c.github.PushHead(testRepo, c.number, head)
	if _, err := c.git.PullRefs(t.Context(), c.number, c.base, head); err != nil {
		t.Fatal(err)
	}
	if answer := c.say(writer, "/deploy staging", 1); !strings.Contains(answer, "[ ] the preview is of the head") {
		t.Errorf("got %s", answer)
	}
	c.preview(forge.Synchronized, head, 0)

	// Main moves on.
	if _, err := c.git.Run(t.Context(), "checkout", "--quiet", c.base); err != nil {
		t.Fatal(err)
	}
	c.write(map[string]string{"README.md": "moved"})
	c.base = c.commit("main")
	if answer := c.say(writer, "/deploy staging", 1); !strings.Contains(answer, "[ ] the preview is onto the base branch as it is") {
		t.Errorf("got %s", answer)
	}
	if answer := c.say(writer, "/deploy staging", 0); !strings.Contains(answer, "🚀") || c.color("staging") != "blue" {
		t.Errorf("the preview was brought up to date, but the repeated command fails: %s", answer)
	}
}

func TestActionFailsClosed(t *testing.T) {
	t.Parallel()
	c := converse(t)
	c.open(change, 0)

	c.github.Fail(forgetest.Fault{Method: "GET", Path: "/repos/*/*/collaborators/*/permission", Status: 500, Times: 10})
	if answer := c.say(writer, "/deploy staging", 1); !strings.Contains(answer, "could not be found out") {
		t.Errorf("got %s", answer)
	}
	if c.color("staging") != "" {
		t.Error("deployed although the permission could not be read")
	}
}

func TestActionIgnoresWhatOthersWrite(t *testing.T) {
	t.Parallel()
	c := converse(t)
	head := c.branch(change)
	c.number = c.github.OpenPullRequest(forgetest.NewPullRequest{Repo: testRepo, Title: "Change", Author: writer, Head: forge.Ref{Name: "topic", SHA: head}, Base: forge.Ref{SHA: c.base}})
	forged := fmt.Sprintf("<!-- weighlock:preview {\"head\":%q,\"base\":%q,\"digests\":{\"staging\":\"x\"}} -->", head, c.base)
	c.github.Comment(testRepo, c.number, reader, forged)
	if _, err := c.git.PullRefs(t.Context(), c.number, c.base, head); err != nil {
		t.Fatal(err)
	}
	if answer := c.say(writer, "/deploy staging", 1); !strings.Contains(answer, "[ ] a preview was shown") {
		t.Errorf("a stranger's marker counts: %s", answer)
	}
	c.preview(forge.Opened, head, 0)
	if got := c.comments()[0].Body; got != forged {
		t.Errorf("a stranger's comment was edited: %s", got)
	}
	before := len(c.comments())
	hook := c.github.CommentWebhook(c.github.Comment(testRepo, c.number, writer, "Nice work"))
	c.run(hook, "refs/heads/main", 0)
	if got := len(c.comments()); got != before+1 {
		t.Errorf("a comment without a command was answered")
	}
}

func TestActionSaysWhatKeepsItFromPreviewing(t *testing.T) {
	t.Parallel()
	t.Run("a merge conflict", func(t *testing.T) {
		t.Parallel()
		c := converse(t)
		first := c.base
		c.write(map[string]string{"deploy/deployment.yaml": "deployments: [{path: app}] # main\n"})
		c.base = c.commit("main")
		if _, err := c.git.Run(t.Context(), "checkout", "--quiet", first); err != nil {
			t.Fatal(err)
		}
		c.open(map[string]string{"deploy/deployment.yaml": "deployments: [{path: app}] # topic\n"}, 1)
		c.golden("merge-conflict", c.comments()[0].Body)
		if answer := c.say(writer, "/deploy staging", 1); !strings.Contains(answer, "cannot be merged") {
			t.Errorf("a conflict does not block: %s", answer)
		}
	})
	t.Run("an unreachable cluster", func(t *testing.T) {
		t.Parallel()
		c := converse(t)
		c.runner.Kubeconfig = filepath.Join(t.TempDir(), "dead")
		err := os.WriteFile(c.runner.Kubeconfig, []byte(`{apiVersion: v1, kind: Config, current-context: gone, clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}],
			users: [{name: u, user: {}}], contexts: [{name: gone, context: {cluster: c, user: u}}]}`), 0o600)
		if err != nil {
			t.Fatal(err)
		}
		c.open(change, 1)
		c.golden("unreachable", c.comments()[0].Body)
	})
	t.Run("a configuration with mistakes", func(t *testing.T) {
		t.Parallel()
		c := converse(t)
		c.write(map[string]string{".weighlock.yaml": "version: 1\ntargets: {prod: {deploys: merge}}\n"})
		c.base = c.commit("main")
		c.open(change, 1)
		c.golden("bad-configuration", c.comments()[0].Body)
	})
	t.Run("an object that the cluster refuses", func(t *testing.T) {
		t.Parallel()
		c := converse(t)
		c.open(map[string]string{"deploy/app/map.yaml": baseProject["deploy/app/map.yaml"] + "unknown: x\n"}, 1)
		c.golden("refused-object", c.comments()[0].Body)
		if answer := c.say(writer, "/deploy staging", 1); !strings.Contains(answer, "[ ] a preview of staging was shown") {
			t.Errorf("got %s", answer)
		}
		if c.color("staging") != "" {
			t.Error("something was applied")
		}
	})
}

func TestActionDeploysNoFork(t *testing.T) {
	t.Parallel()
	c := converse(t)
	head := c.branch(change)
	c.number = c.github.OpenPullRequest(forgetest.NewPullRequest{
		Repo: testRepo, Title: "Change", Author: reader, Head: forge.Ref{Name: "topic", SHA: head, Repo: forge.Repo{Owner: reader, Name: "shop"}}, Base: forge.Ref{SHA: c.base},
	})
	c.preview(forge.Opened, head, 0)
	c.say(writer, "/ok-to-test @"+head, 0)
	if answer := c.say(writer, "/deploy staging", 1); !strings.Contains(answer, "fork") || c.color("staging") != "" {
		t.Errorf("a fork is deployed: %s", answer)
	}
}

func TestActionRendersAForkAsAStrangersProject(t *testing.T) {
	t.Parallel()
	c := converse(t)
	head := c.branch(map[string]string{"deploy/deployment.yaml": "deployments:\n- path: app\n  vars: [{systemEnvVars: {token: GITHUB_TOKEN}}]\n- git: https://git.example.com/evil/lib\n"})
	c.number = c.github.OpenPullRequest(forgetest.NewPullRequest{
		Repo: testRepo, Title: "Change", Author: reader, Head: forge.Ref{Name: "topic", SHA: head, Repo: forge.Repo{Owner: reader, Name: "shop"}}, Base: forge.Ref{SHA: c.base},
	})
	c.preview(forge.Opened, head, 0)
	c.say(writer, "/ok-to-test @"+head, 1)
	body := c.comments()[0].Body
	for _, want := range []string{
		"systemEnvVars is refused: the change is a stranger's", "https://git.example.com/evil/lib", "list git.example.com/evil/lib under remotes in .weighlock.yaml of the base branch",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the preview does not say %q:\n%s", want, body)
		}
	}
}

func TestActionTakesItsPolicyFromTheBaseBranchWhateverIsCheckedOut(t *testing.T) {
	t.Parallel()
	c := converse(t)
	head := c.branch(map[string]string{".weighlock.yaml": strings.Replace(baseProject[".weighlock.yaml"], "maintain", "triage", 1)})
	c.number = c.github.OpenPullRequest(forgetest.NewPullRequest{
		Repo: testRepo, Title: "Change", Author: writer, Head: forge.Ref{Name: "topic", SHA: head}, Base: forge.Ref{SHA: c.base},
	})
	c.preview(forge.Opened, head, 0)
	for range 2 { // what a first refusal publishes must not open the second
		comment := c.github.Comment(testRepo, c.number, writer, "/deploy prod")
		c.run(c.github.CommentWebhook(comment), fmt.Sprintf("refs/pull/%d/head", c.number), 1)
	}
	if c.color("prod") != "" {
		t.Error("a pull request gave itself the right to be deployed")
	}
}

func TestActionDoesNotTakeBackWhatANewerPushHasDeployed(t *testing.T) {
	t.Parallel()
	c := converse(t)
	old := c.base
	c.pushMain("", old, 0)
	c.write(map[string]string{"deploy/app/map.yaml": strings.Replace(baseProject["deploy/app/map.yaml"], "red", "new", 1)})
	c.base = c.commit("main")
	c.pushMain(old, c.base, 0)
	job := c.run(c.github.PushWebhook(forgetest.Push{Repo: testRepo, Branch: "main", After: old, By: writer}), old, 0)
	if c.color("staging") != "new" || !strings.Contains(job.Summary, "moved on") {
		t.Errorf("staging is %q; %s", c.color("staging"), job.Summary)
	}
}

func TestActionTellsWhatItDidAlsoWhenSomethingFailsAfterwards(t *testing.T) {
	t.Parallel()
	c := converse(t)
	c.open(change, 0)
	c.github.Fail(forgetest.Fault{Method: "PATCH", Path: "/repos/*/*/issues/comments/*", Status: 502, Times: 3})
	answer := c.say(writer, "/deploy staging", 1)
	if !strings.Contains(answer, "🚀 **staging** deployed") || !strings.Contains(answer, "not brought up to date") {
		t.Errorf("got %s", answer)
	}
}

func TestActionReportsHugeErrorsInACommentThatFits(t *testing.T) {
	t.Parallel()
	c := converse(t)
	files := map[string]string{}
	for i := range 600 {
		files[fmt.Sprintf("deploy/app/bad-%04d-%s.yaml", i, strings.Repeat("n", 90))] = "{{ nosuch }}"
	}
	head := c.open(files, 1)
	body := c.comments()[0].Body
	if strings.Count(body, "```")%2 != 0 || !strings.Contains(body, "more lines") || !strings.Contains(body, "bad-0000") {
		t.Errorf("%d characters: %.2000s", len(body), body)
	}
	c.github.Merge(testRepo, c.number, head, writer)
	if _, err := c.git.Run(t.Context(), "push", "--quiet", "--force", "origin", head+":refs/heads/main"); err != nil {
		t.Fatal(err)
	}
	c.pushMain(c.base, head, 1)
	if got := c.comments(); len(got) != 2 || !strings.Contains(got[1].Body, "not deployed") {
		t.Errorf("%d comments: the merged pull request is not told", len(got))
	}
}

func TestActionGoesOnInFurtherCommentsAndEmptiesThemWhenTheyAreNotNeeded(t *testing.T) {
	t.Parallel()
	c := converse(t)
	big := map[string]string{}
	for i := range 14 {
		big[fmt.Sprintf("deploy/app/big-%d.yaml", i)] = fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"big-%d-{{ target.name }}\", namespace: NAMESPACE}\ndata: {long: \"{{ 'word ' * 1000 }}\"}\n", i)
	}
	c.open(big, 0)
	all := c.comments()
	if len(all) != 3 {
		t.Fatalf("%d comments, want the preview on 3 pages", len(all))
	}
	for i, want := range []string{"<!-- weighlock:preview ", "<!-- weighlock:page 2 -->\n", "<!-- weighlock:page 3 -->\n"} {
		if !strings.HasPrefix(all[i].Body, want) {
			t.Errorf("comment %d begins with %.60s, want %s", i+1, all[i].Body, want)
		}
	}
	head := c.branch(map[string]string{"deploy/deployment.yaml": "deployments: []\n"})
	c.github.PushHead(testRepo, c.number, head)
	c.preview(forge.Synchronized, head, 0)
	all = c.comments()
	if len(all) != 3 || !strings.Contains(all[2].Body, "this page is empty") || !strings.Contains(all[0].Body, "### Weighlock") {
		t.Errorf("%d comments; the last page says %.200s", len(all), all[2].Body)
	}
}

func TestActionShowsNoSecretThatTheServerQuotes(t *testing.T) {
	t.Parallel()
	c := converse(t)
	c.open(map[string]string{"deploy/app/secret.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: \"secret-{{ target.name }}\", namespace: NAMESPACE}\nstringData: {pin: 48151623}\ndata: {bad: \"not*base64*text\"}\n"}, 1)
	if body := c.comments()[0].Body; strings.Contains(body, "48151623") || strings.Contains(body, "not*base64") {
		t.Errorf("a secret value is shown:\n%s", body)
	}
}

func TestActionLooksAtNothingThatAStrangerBrings(t *testing.T) {
	t.Parallel()
	c := converse(t)
	c.cluster.Kubectl(t, "create", "configmap", "internal", "-n", c.namespace, "--from-literal=k=do-not-publish")
	fork := forge.Ref{Name: "topic", SHA: c.branch(map[string]string{"x.txt": "x"}), Repo: forge.Repo{Owner: reader, Name: "shop"}}
	first := c.base
	c.number = c.github.OpenPullRequest(forgetest.NewPullRequest{Repo: testRepo, Title: "Change", Author: reader, Head: fork, Base: forge.Ref{SHA: first}})
	if _, err := c.git.PullRefs(t.Context(), c.number, first, fork.SHA); err != nil {
		t.Fatal(err)
	}
	c.say(writer, "/ok-to-test @"+fork.SHA, 0) // a maintainer looks at what is harmless
	for _, to := range []string{"main", "topic"} {
		if _, err := c.git.Run(t.Context(), "checkout", "--quiet", first); err != nil {
			t.Fatal(err)
		}
		if to == "main" {
			c.write(map[string]string{"README.md": "moved"})
			c.base = c.commit("main")
		}
	}
	head := c.branch(map[string]string{"deploy/app/spy.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: internal, namespace: NAMESPACE, annotations: {kluctl.io/force-apply: \"true\"}}\ndata: {k: x}\n"})
	c.github.PushHead(testRepo, c.number, head)
	if _, err := c.git.PullRefs(t.Context(), c.number, c.base, head); err != nil {
		t.Fatal(err)
	}
	c.say(reader, "/diff", 1)
	c.say(reader, "/deploy staging", 1)
	for _, comment := range c.comments() {
		if strings.Contains(comment.Body, "do-not-publish") {
			t.Errorf("what the cluster holds was published for a stranger:\n%s", comment.Body)
		}
	}
}

func TestActionDoesNotLetATargetLeadElsewhere(t *testing.T) {
	t.Parallel()
	c := converse(t)
	c.open(map[string]string{
		"deploy/.kluctl.yaml": "targets: [{name: staging, discriminator: NAMESPACE-prod}, {name: prod}]\ndiscriminator: \"NAMESPACE-{{ target.name }}\"\n",
		"deploy/app/map.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: map-prod, namespace: NAMESPACE}\ndata: {color: evil}\n",
	}, 0)
	if answer := c.say(writer, "/deploy staging", 1); !strings.Contains(answer, "[ ] the target is where the base branch has it") || c.color("prod") != "" {
		t.Errorf("prod is %q: %s", c.color("prod"), answer)
	}
}
