package actiontest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/forgetest"
)

// ActionsToken is the token that jobs get.
const ActionsToken = "ghs_actions_token"

// A Runner runs jobs: the program as a process, in a fresh checkout, with the environment that GitHub gives.
type Runner struct {
	// Program and its leading arguments; "action" is appended.
	Program []string
	// Env is added to each job's environment.
	Env        []string
	Repo       forge.Repo
	Git        *Git
	GitHub     *forgetest.GitHub
	Kubeconfig string
	// Dir is where jobs get their directories.
	Dir string
	// Full checks the whole history out, as actions/checkout does with fetch-depth: 0, in one clone that all jobs share and
	// that takes its objects from the server's disk.
	Full bool
	n    int
}

// A Job is what a job left behind.
type Job struct {
	ExitCode int
	// Output is what it printed, on both streams.
	Output string
	// Summary is its step summary.
	Summary string
}

// Prepare makes what a job for a webhook meets: a fresh checkout of ref, one commit deep as actions/checkout makes it by
// default, and the runner's environment.
func (r *Runner) Prepare(ctx context.Context, hook forgetest.Webhook, ref string) (map[string]string, error) {
	r.n++
	dir := filepath.Join(r.Dir, fmt.Sprintf("job-%d", r.n))
	workspace := filepath.Join(dir, "workspace")
	if err := os.MkdirAll(workspace, 0o755); err != nil {
		return nil, err
	}
	steps := [][]string{
		{"init", "--quiet", "--initial-branch=main"}, {"remote", "add", "origin", r.Git.URL()},
		{"fetch", "--quiet", "--no-tags", "--depth=1", "origin", "+" + ref + ":refs/remotes/job"}, {"checkout", "--quiet", "--detach", "refs/remotes/job"},
	}
	if r.Full {
		commit, err := git(ctx, r.Git.bare, "rev-parse", ref)
		if err != nil {
			return nil, err
		}
		workspace, steps = filepath.Join(r.Dir, "workspace"), [][]string{{"checkout", "--quiet", "--force", "--detach", commit}}
		if r.n == 1 {
			steps = append([][]string{
				{"clone", "--quiet", "--shared", "--no-checkout", r.Git.bare, "."}, {"remote", "set-url", "origin", r.Git.URL()},
			}, steps...)
		}
		if err := os.MkdirAll(workspace, 0o755); err != nil {
			return nil, err
		}
	}
	for _, args := range steps {
		if _, err := git(ctx, workspace, args...); err != nil {
			return nil, err
		}
	}
	event := filepath.Join(dir, "event.json")
	if err := os.WriteFile(event, hook.Body, 0o600); err != nil {
		return nil, err
	}
	summary := filepath.Join(dir, "summary.md")
	if err := os.WriteFile(summary, nil, 0o600); err != nil {
		return nil, err
	}
	return map[string]string{
		"PATH": os.Getenv("PATH"), "HOME": dir, "TMPDIR": os.TempDir(), "KUBECONFIG": r.Kubeconfig,
		"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": hook.Name, "GITHUB_EVENT_PATH": event,
		"GITHUB_API_URL": r.GitHub.URL(), "GITHUB_REPOSITORY": r.Repo.String(), "GITHUB_TOKEN": ActionsToken,
		"GITHUB_WORKSPACE": workspace, "GITHUB_STEP_SUMMARY": summary, "GITHUB_RUN_ID": fmt.Sprint(r.n),
	}, nil
}

// Run runs a job for a webhook, with ref checked out.
func (r *Runner) Run(ctx context.Context, hook forgetest.Webhook, ref string) (Job, error) {
	env, err := r.Prepare(ctx, hook, ref)
	if err != nil {
		return Job{}, err
	}
	cmd := exec.CommandContext(ctx, r.Program[0], append(r.Program[1:], "action")...)
	cmd.Dir = env["GITHUB_WORKSPACE"]
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Env = append(cmd.Env, r.Env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return Job{}, err
	}
	text, err := os.ReadFile(env["GITHUB_STEP_SUMMARY"])
	return Job{ExitCode: cmd.ProcessState.ExitCode(), Output: out.String(), Summary: strings.TrimSpace(string(text))}, err
}
