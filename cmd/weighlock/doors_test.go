//go:build doors

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/weighlock/weighlock/action/actiontest"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/forgetest"
	"github.com/weighlock/weighlock/testdata/events"
)

// The tests of this file drive what users install by the tools that run it: make test-ci-doors installs them and says where
// they are.

// tool is a program that the environment names.
func tool(t *testing.T, variable string) string {
	t.Helper()
	name := os.Getenv(variable)
	if name == "" {
		t.Fatalf("%s is not set: run make test-ci-doors", variable)
	}
	return name
}

const workflow = `on: [pull_request, pull_request_target, push, issue_comment, workflow_dispatch, schedule, merge_group]
jobs:
  weighlock-run:
    runs-on: ubuntu-latest
    environment: ${{ github.event_name != 'pull_request' && 'weighlock' || '' }}
    steps:
    - uses: actions/checkout@v4
    - id: weighlock
      uses: ./.weighlock
      with:
        binary: PROGRAM
        kubeconfig: ${{ secrets.KUBECONFIG }}
        preview-kubeconfig: ${{ secrets.KUBECONFIG_PREVIEW }}
        digest-key: ${{ secrets.DIGEST_KEY }}
INPUTS
    - if: always()
      run: |
        printf '%s' "$OUTPUTS" >"$KEEP/outputs.json"
        cp "$REPORT" "$KEEP/report.md"
        cp "$RESULT" "$KEEP/result.json"
        echo "somebody prints TOKEN"
      env:
        OUTPUTS: ${{ toJSON(steps.weighlock.outputs) }}
        REPORT: ${{ steps.weighlock.outputs.report }}
        RESULT: ${{ steps.weighlock.outputs.result }}
`

// An acted is what a job left behind that act ran.
type acted struct {
	log, summary string
	outputs      map[string]string
	result       struct {
		Targets []struct{ Target, Error string }
	}
}

// act runs the action for a webhook, in the runner of github.com/nektos/act.
func (c *conversation) act(hook forgetest.Webhook, ref, inputs string, ok bool) acted {
	c.Helper()
	env, err := c.runner.Prepare(c.Context(), hook, ref)
	if err != nil {
		c.Fatal(err)
	}
	dir, workspace := env["HOME"], env["GITHUB_WORKSPACE"]
	keep := filepath.Join(dir, "keep")
	kubeconfig, err := os.ReadFile(c.runner.Kubeconfig)
	if err != nil {
		c.Fatal(err)
	}
	_, token, found := strings.Cut(string(kubeconfig), "token: ")
	token, _, _ = strings.Cut(token, "\n")
	if !found || token == "" {
		c.Fatal("the kubeconfig has no token")
	}
	// What a step prints must be masked though only a part of the secret. Templates of act's own would mask a secret's whole.
	printed := filepath.Join(dir, "token")
	text := strings.NewReplacer("PROGRAM", tool(c.T, "WEIGHLOCK_BINARY"), "INPUTS\n", inputs, "TOKEN", "$(cat "+printed+")").Replace(workflow)
	for name, data := range map[string]string{
		filepath.Join(workspace, ".github/workflows/weighlock.yml"): text, printed: token,
		filepath.Join(keep, "outputs.json"): "", filepath.Join(dir, "secrets"): "",
	} {
		c.put(name, data)
	}
	c.copyFiles(filepath.Join(workspace, ".weighlock"), "../..", "action.yml", "scripts/install-release.sh")
	cmd := exec.CommandContext(c.Context(), tool(c.T, "WEIGHLOCK_ACT"), hook.Name, "--platform", "ubuntu-latest=-self-hosted", "--action-offline-mode",
		"--eventpath", env["GITHUB_EVENT_PATH"], "--env", "GITHUB_API_URL="+env["GITHUB_API_URL"], "--env", "GITHUB_REPOSITORY="+env["GITHUB_REPOSITORY"],
		"--env", "KEEP="+keep, "--secret", "GITHUB_TOKEN", "--secret", "DIGEST_KEY", "--secret", "KUBECONFIG_PREVIEW")
	cmd.Dir = workspace
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + os.TempDir(), "GITHUB_TOKEN=" + env["GITHUB_TOKEN"],
		"DIGEST_KEY=a-key-of-digests",
	}
	switch hook.Name {
	case "pull_request": // has no environment, and so no secret of it
		cmd.Env = append(cmd.Env, "KUBECONFIG_PREVIEW="+string(kubeconfig))
	case "pull_request_target", "merge_group":
		cmd.Env, cmd.Args = append(cmd.Env, "KUBECONFIG_PREVIEW="+string(kubeconfig), "KUBECONFIG=not-for-previews"), append(cmd.Args, "--secret", "KUBECONFIG")
	default:
		cmd.Env, cmd.Args = append(cmd.Env, "KUBECONFIG_PREVIEW=only-for-previews", "KUBECONFIG="+string(kubeconfig)), append(cmd.Args, "--secret", "KUBECONFIG")
	}
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || (err == nil) != ok {
		c.Fatalf("%s: %v\n%s", hook.Name, err, log.String())
	}
	a := acted{log: log.String()}
	_, a.summary, _ = strings.Cut(a.log, "Summary - ") // act prints what the step's own file holds
	a.summary, _, _ = strings.Cut(a.summary, "⭐ Run ")
	if err := json.Unmarshal([]byte(c.read(filepath.Join(keep, "outputs.json"))), &a.outputs); err != nil {
		c.Fatalf("%v\n%s", err, a.log)
	}
	if err := json.Unmarshal([]byte(c.read(filepath.Join(keep, "result.json"))), &a.result); err != nil {
		c.Fatal(err)
	}
	for _, secret := range []string{token, actiontest.ActionsToken, "a-key-of-digests", "first-token", "second-token"} {
		if strings.Contains(a.log, secret) {
			c.Errorf("%s: the log shows %q:\n%s", hook.Name, secret, a.log)
		}
	}
	if !strings.Contains(a.log, "somebody prints ***") {
		c.Errorf("%s: the token is not masked, or not printed:\n%s", hook.Name, a.log)
	}
	if c.Failed() {
		c.Logf("%s:\n%s\n%s", hook.Name, a.log, a.summary)
	}
	return a
}

func (c *conversation) put(name, text string) {
	c.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		c.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		c.Fatal(err)
	}
}

func (c *conversation) read(name string) string {
	c.Helper()
	data, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.Fatal(err)
	}
	return string(data)
}

// copyFiles copies files below from to below to.
func (c *conversation) copyFiles(to, from string, names ...string) {
	c.Helper()
	for _, name := range names {
		c.put(filepath.Join(to, name), c.read(filepath.Join(from, name)))
		if strings.HasSuffix(name, ".sh") {
			if err := os.Chmod(filepath.Join(to, name), 0o755); err != nil {
				c.Fatal(err)
			}
		}
	}
}

func (a acted) want(c *conversation, outputs map[string]string) {
	c.Helper()
	for name, want := range outputs {
		if got := a.outputs[name]; got != want {
			c.Errorf("output %s is %q, want %q", name, got, want)
		}
	}
}

// payload is a real payload, about our repository.
func payload(t *testing.T, file string, change func(map[string]any)) forgetest.Webhook {
	t.Helper()
	data, err := events.GitHub.ReadFile("github/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var p map[string]any
	if err := json.Unmarshal(data, &p); err != nil {
		t.Fatal(err)
	}
	repository := p["repository"].(map[string]any)
	repository["name"], repository["full_name"], repository["default_branch"] = testRepo.Name, testRepo.String(), "main"
	repository["owner"].(map[string]any)["login"] = testRepo.Owner
	change(p)
	if data, err = json.Marshal(p); err != nil {
		t.Fatal(err)
	}
	return forgetest.Webhook{Name: strings.Split(file, ".")[1], Body: data}
}

func TestDoorsGitHub(t *testing.T) {
	t.Parallel()
	c := converse(t)
	push := func(before, after string) forgetest.Webhook {
		return c.github.PushWebhook(forgetest.Push{Repo: testRepo, Branch: "main", Before: before, After: after, By: writer})
	}
	a := c.act(push("", c.base), "refs/heads/main", "", true)
	a.want(c, map[string]string{"has-changes": "true", "new": "2", "changed": "0", "deleted": "0", "comment-url": ""})
	if c.color("staging") != "red" || !strings.Contains(a.outputs["targets"], `"target":"staging"`) || !strings.Contains(a.outputs["targets"], `"deployed":true`) {
		t.Errorf("staging is %q, outputs %v", c.color("staging"), a.outputs)
	}

	head := c.branch(change)
	c.number = c.github.OpenPullRequest(c.pullRequest(head))
	merge, err := c.git.PullRefs(t.Context(), c.number, c.base, head)
	if err != nil {
		t.Fatal(err)
	}
	ref := fmt.Sprintf("refs/pull/%d/merge", c.number)
	opened := c.github.PullRequestWebhook(testRepo, c.number, forge.Opened, writer)
	a = c.act(opened, ref, "", true)
	comments := c.comments()
	if len(comments) != 1 || !strings.Contains(comments[0].Body, "**staging**") {
		t.Fatalf("comments %v\n%s", comments, a.log)
	}
	a.want(c, map[string]string{"has-changes": "true", "new": "2", "changed": "2", "deleted": "0", "digest": "", "comment-url": comments[0].URL})
	if !strings.Contains(a.summary, "staging") || len(a.result.Targets) != 2 {
		t.Errorf("summary:\n%s\nresult %+v", a.summary, a.result)
	}

	a = c.act(opened, ref, "        fail-on-change: true\n        comment: none\n", false)
	// No comment is made; the one that is there is kept true.
	if !strings.Contains(a.log, "fail-on-change is set") || a.outputs["comment-url"] != comments[0].URL || len(c.comments()) != 1 {
		t.Errorf("outputs %v\n%s", a.outputs, a.log)
	}

	target := opened
	target.Name = "pull_request_target"
	a = c.act(target, "refs/heads/main", "", true)
	if !strings.Contains(a.summary, "`pull_request_target`: with the workflow") || len(c.comments()) != 1 {
		t.Errorf("summary:\n%s", a.summary)
	}
	a = c.act(target, "refs/heads/main", "        command: diff\n", false)
	if !strings.Contains(a.log, "may be anybody's") {
		t.Errorf("log:\n%s", a.log)
	}

	said := c.github.Comment(testRepo, c.number, writer, "/deploy staging")
	a = c.act(c.github.CommentWebhook(said), "refs/heads/main", "", true)
	a.want(c, map[string]string{"changed": "2", "comment-url": comments[0].URL})
	if c.color("staging") != "blue" {
		t.Errorf("staging is %q\n%s", c.color("staging"), a.log)
	}

	queued := payload(t, "octokit-examples.merge_group.checks_requested.0.json", func(p map[string]any) {
		group := p["merge_group"].(map[string]any)
		group["head_sha"], group["base_sha"] = merge, c.base
		group["head_ref"] = fmt.Sprintf("refs/heads/gh-readonly-queue/main/pr-%d-%s", c.number, c.base)
	})
	if a = c.act(queued, ref, "", true); a.summary == "" {
		t.Errorf("no summary:\n%s", a.log)
	}

	byHand := payload(t, "octokit-examples.push.1.json", func(p map[string]any) { clear(p); p["inputs"] = nil })
	for _, name := range []string{"schedule", "workflow_dispatch"} {
		byHand.Name = name
		a = c.act(byHand, "refs/heads/main", "", true) // main has what staging had before the deploy
		a.want(c, map[string]string{"has-changes": "true", "changed": "2", "new": "2", "digest": ""})
		if !strings.Contains(a.summary, "### staging") || !strings.Contains(a.summary, "### prod") {
			t.Errorf("%s: summary:\n%s", name, a.summary)
		}
	}
	a = c.act(byHand, "refs/heads/main", "        command: deploy\n        target: prod\n", true)
	if a.want(c, map[string]string{"new": "2"}); c.color("prod") != "red" {
		t.Errorf("prod is %q\n%s", c.color("prod"), a.log)
	}
	a = c.act(byHand, "refs/heads/main", "        command: deploy\n        target: nosuch\n", false)
	if !strings.Contains(a.log, "there is no target nosuch") {
		t.Errorf("log:\n%s", a.log)
	}

	broken := c.branch(map[string]string{"deploy/app/map.yaml": "broken: [\n", "deploy/deployment.yaml": "deployments:\n- pth: app\n"})
	c.github.PushHead(testRepo, c.number, broken)
	if _, err := c.git.PullRefs(t.Context(), c.number, c.base, broken); err != nil {
		t.Fatal(err)
	}
	a = c.act(c.github.PullRequestWebhook(testRepo, c.number, forge.Synchronized, writer), ref, "", false)
	if !strings.Contains(a.log, "::error file=deploy/deployment.yaml,line=2::") {
		t.Errorf("the error is not shown where it stands:\n%s", a.log)
	}
}

// A gitLabConversation has jobs whose component gets inputs, and variables of the project.
type gitLabConversation struct {
	*conversation
	inputs    string
	variables []string
}

func TestDoorsGitLab(t *testing.T) {
	t.Parallel()
	c := &gitLabConversation{conversation: converse(t)}
	gitlab, err := forgetest.NewGitLab(forgetest.Options{Violation: func(err error) { t.Errorf("%v", err) }, Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(gitlab.Close)
	c.runner.GitLab, c.runner.GitHub, c.git.MergeRequests = gitlab, nil, true
	gitlab.AddRepo(testRepo, forgetest.RepoOptions{Private: true})
	gitlab.AddToken(actiontest.ProjectToken, actiontest.ProjectBot)
	gitlab.SetPermission(testRepo, actiontest.ProjectBot, forge.Write)
	gitlab.SetPermission(testRepo, writer, forge.Write)

	push := gitlab.PushWebhook(forgetest.Push{Repo: testRepo, Branch: "main", After: c.base, By: writer})
	j := c.gitLabJob(push, "refs/heads/main", "weighlock-run", true)
	if c.color("staging") != "red" || !strings.Contains(j.env, "WEIGHLOCK_NEW=2\n") || !strings.Contains(j.log, "weighlock_report") {
		t.Errorf("staging is %q, outputs %s\n%s", c.color("staging"), j.env, j.log)
	}
	j = c.gitLabJob(push, "refs/heads/main", "weighlock-deploy-prod", true)
	if c.color("prod") != "red" || !strings.Contains(j.report, "### prod") {
		t.Errorf("prod is %q\n%s", c.color("prod"), j.log)
	}

	head := c.branch(change)
	number := gitlab.OpenPullRequest(c.pullRequest(head))
	if _, err := c.git.PullRefs(t.Context(), number, c.base, head); err != nil {
		t.Fatal(err)
	}
	j = c.gitLabJob(gitlab.PullRequestWebhook(testRepo, number, forge.Opened, writer), c.git.PullRef(number, "merge"), "weighlock-preview", true)
	comments := gitlab.Comments(testRepo, number)
	if len(comments) != 1 || !strings.Contains(j.env, "WEIGHLOCK_COMMENT_URL="+comments[0].URL+"\n") || !strings.Contains(j.env, "WEIGHLOCK_HAS_CHANGES=true\n") {
		t.Errorf("comments %v, outputs %s\n%s", comments, j.env, j.log)
	}
	said := gitlab.Comment(testRepo, number, writer, "/deploy staging")
	j = c.gitLabJob(gitlab.CommentWebhook(said), "refs/heads/main", "weighlock-run", true)
	if c.color("staging") != "blue" {
		t.Errorf("staging is %q\n%s", c.color("staging"), j.log)
	}

	// GitLab's agents: KUBECONFIG has the contexts that the job may use and no current one, and inputs or KUBE_CONTEXT choose.
	agents := c.agents("acme/agents:prod", "acme/agents:preview")
	c.runner.Kubeconfig, c.inputs = agents, "context: acme/agents:prod, preview-context: acme/agents:preview"
	j = c.gitLabJob(push, "refs/heads/main", "weighlock-run", true)
	if c.color("staging") != "red" {
		t.Errorf("staging is %q\n%s", c.color("staging"), j.log)
	}
	c.runner.Kubeconfig = c.agents("acme/agents:preview", "acme/agents:prod")
	j = c.gitLabJob(gitlab.PullRequestWebhook(testRepo, number, forge.Synchronized, writer), c.git.PullRef(number, "merge"), "weighlock-preview", true)
	if !strings.Contains(j.env, "WEIGHLOCK_CHANGED=4\n") {
		t.Errorf("outputs %s\n%s", j.env, j.log)
	}
	c.gitLabJob(push, "refs/heads/main", "weighlock-run", false) // its agent cannot be reached
	c.runner.Kubeconfig, c.inputs, c.variables = agents, "", []string{"KUBE_CONTEXT=acme/agents:prod"}
	c.gitLabJob(push, "refs/heads/main", "weighlock-deploy-prod", true)
	c.gitLabJob(push, "refs/heads/main", "weighlock-run", true)
	c.variables = nil
	if j = c.gitLabJob(push, "refs/heads/main", "weighlock-run", false); !strings.Contains(j.log, "context") {
		t.Errorf("nothing says that a context has to be chosen:\n%s", j.log)
	}
}

// agents is a kubeconfig as GitLab gives one to jobs: a context for each agent, and no current one. The first reaches the
// cluster, the other nothing.
func (c *conversation) agents(reached, other string) string {
	c.Helper()
	var config map[string]any
	if err := yaml.Unmarshal([]byte(c.read(c.runner.Kubeconfig)), &config); err != nil {
		c.Fatal(err)
	}
	contexts := config["contexts"].([]any)
	one := contexts[0].(map[string]any)
	one["name"] = reached
	config["contexts"] = []any{one, map[string]any{"name": other, "context": map[string]any{"cluster": "gone", "user": one["context"].(map[string]any)["user"]}}}
	config["clusters"] = append(config["clusters"].([]any)[:1], map[string]any{"name": "gone", "cluster": map[string]any{"server": "https://127.0.0.1:1"}})
	delete(config, "current-context")
	text, err := yaml.Marshal(config)
	if err != nil {
		c.Fatal(err)
	}
	name := filepath.Join(c.TempDir(), "agents.yaml")
	c.put(name, string(text))
	return name
}

const pipeline = `include:
- local: templates/weighlock.yml
  inputs: {program: PROGRAM INPUTS}
- local: templates/deploy.yml
  inputs: {program: PROGRAM, target: prod, environment: prod}
`

// A gitLabRun is what a job left behind that gitlab-ci-local ran.
type gitLabRun struct{ log, env, report string }

// gitLabJob runs a job of the component for a webhook, in gitlab-ci-local.
func (c *gitLabConversation) gitLabJob(hook forgetest.Webhook, ref, name string, ok bool) gitLabRun {
	c.Helper()
	env, err := c.runner.Prepare(c.Context(), hook, ref)
	if err != nil {
		c.Fatal(err)
	}
	dir, workspace := env["HOME"], env["CI_PROJECT_DIR"]
	c.put(filepath.Join(workspace, ".gitlab-ci.yml"), strings.NewReplacer("PROGRAM INPUTS", tool(c.T, "WEIGHLOCK_BINARY")+", "+c.inputs, "PROGRAM", tool(c.T, "WEIGHLOCK_BINARY")).Replace(pipeline))
	c.copyFiles(filepath.Join(workspace, "templates"), "../../templates", "weighlock.yml", "deploy.yml")
	add := exec.CommandContext(c.Context(), "git", "add", ".gitlab-ci.yml", "templates") // else it does not see them
	add.Dir = workspace
	if out, err := add.CombinedOutput(); err != nil {
		c.Fatalf("git add: %v: %s", err, out)
	}
	args := []string{"--force-shell-executor"}
	for _, v := range c.variables {
		args = append(args, "--variable", v)
	}
	var ours []string
	for variable, value := range env {
		switch variable {
		case "PATH", "HOME", "TMPDIR":
		default:
			args = append(args, "--variable", variable+"="+value)
			ours = append(ours, variable)
		}
	}
	args = append(args, "--ignore-predefined-vars", strings.Join(ours, ","), name)
	cmd := exec.CommandContext(c.Context(), tool(c.T, "WEIGHLOCK_GITLAB_CI_LOCAL"), args...)
	cmd.Dir = workspace
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + os.TempDir()}
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || (err == nil) != ok {
		c.Fatalf("%s: %v\n%s", name, err, log.String())
	}
	j := gitLabRun{log.String(), c.read(filepath.Join(workspace, "weighlock.env")), c.read(filepath.Join(workspace, "weighlock-report/report.md"))}
	for _, secret := range []string{actiontest.ProjectToken, "first-token", "second-token"} {
		if strings.Contains(j.log+j.env+j.report, secret) {
			c.Errorf("the job shows %q:\n%s", secret, j.log)
		}
	}
	return j
}
