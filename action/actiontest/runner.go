package actiontest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/forgetest"
)

// ActionsToken is the token that GitHub's jobs get; ProjectToken is GitLab's, of the account ProjectBot.
const (
	ActionsToken = "ghs_actions_token"
	ProjectToken = "glpat-project-token"
	ProjectBot   = "project_7_bot_1a2b"
)

// A Runner runs jobs: the program as a process, in a fresh checkout, with the environment that the forge gives.
type Runner struct {
	// Program and its leading arguments; "action" is appended.
	Program []string
	// Env is added to each job's environment.
	Env  []string
	Repo forge.Repo
	Git  *Git
	// GitHub or GitLab is where the jobs come from; the other one is nil.
	GitHub     *forgetest.GitHub
	GitLab     *forgetest.GitLab
	Kubeconfig string
	// Train, if it is not empty, makes merge requests' pipelines those of a merge train that ends in this commit.
	Train string
	// Dir is where jobs get their directories.
	Dir string
	// Full is as if the whole history was checked out, as actions/checkout does with fetch-depth: 0, but without files: in one
	// clone that all jobs share and that has the server's disk for its remote.
	Full bool
	n    int
	laid string // what the clone of Full is one of
}

// A Job is what a job left behind.
type Job struct {
	ExitCode int
	// Output is what it printed, on both streams.
	Output string
	// Summary is its step summary; GitLab has none, and the report is part of the output.
	Summary string
}

// Prepare makes what a job for a webhook meets: a fresh checkout of ref, one commit deep as actions/checkout makes it by
// default, and the runner's environment.
func (r *Runner) Prepare(ctx context.Context, hook forgetest.Webhook, ref string) (map[string]string, error) {
	r.n++
	dir := filepath.Join(r.Dir, fmt.Sprintf("job-%d", r.n))
	workspace := filepath.Join(dir, "workspace")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	steps := [][]string{
		{"init", "--quiet", "--initial-branch=main"}, {"remote", "add", "origin", r.Git.URL()},
		{"fetch", "--quiet", "--no-tags", "--depth=1", "origin", "+" + ref + ":refs/remotes/job"}, {"checkout", "--quiet", "--detach", "refs/remotes/job"},
	}
	if r.Full {
		var err error
		if workspace, err = r.full(ref); err != nil {
			return nil, err
		}
		steps = nil
	} else if err := os.MkdirAll(workspace, 0o755); err != nil {
		return nil, err
	}
	for _, args := range steps {
		if _, err := git(ctx, workspace, nil, args...); err != nil {
			return nil, err
		}
	}
	env := map[string]string{"PATH": os.Getenv("PATH"), "HOME": dir, "TMPDIR": os.TempDir(), "KUBECONFIG": r.Kubeconfig, "CI": "true"}
	event := filepath.Join(dir, "event.json")
	if err := os.WriteFile(event, hook.Body, 0o600); err != nil {
		return nil, err
	}
	p := prepared{env: env, workspace: workspace, event: event}
	if r.GitLab != nil {
		return env, r.gitLab(p, hook)
	}
	return env, r.gitHub(p, hook)
}

// full is the clone of Full, at a ref.
func (r *Runner) full(ref string) (string, error) {
	commit, err := r.Git.at(ref)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(r.Dir, "workspace")
	clone := filepath.Join(dir, ".git")
	if r.laid != r.Git.bare {
		r.laid = r.Git.bare
		err = errors.Join(lay(clone, "main", remote(r.Git.bare)),
			os.WriteFile(filepath.Join(clone, "objects", "info", "alternates"), []byte(filepath.Join(r.Git.bare, "objects")+"\n"), 0o644))
	}
	return dir, errors.Join(err, os.WriteFile(filepath.Join(clone, "HEAD"), []byte(commit+"\n"), 0o644))
}

// prepared is what a job has on any forge.
type prepared struct {
	env              map[string]string
	workspace, event string
}

func (r *Runner) gitHub(p prepared, hook forgetest.Webhook) error {
	summary := filepath.Join(p.env["HOME"], "summary.md")
	maps.Copy(p.env, map[string]string{
		"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": hook.Name, "GITHUB_EVENT_PATH": p.event,
		"GITHUB_API_URL": r.GitHub.URL(), "GITHUB_REPOSITORY": r.Repo.String(), "GITHUB_TOKEN": ActionsToken,
		"GITHUB_WORKSPACE": p.workspace, "GITHUB_STEP_SUMMARY": summary, "GITHUB_RUN_ID": fmt.Sprint(r.n),
	})
	return os.WriteFile(summary, nil, 0o600)
}

// gitLab gives a job the variables that GitLab gives one for what a webhook tells of. A comment starts none by itself: its
// webhook triggers the pipeline.
func (r *Runner) gitLab(p prepared, hook forgetest.Webhook) error {
	var told struct {
		Before       string `json:"before"`
		After        string `json:"after"`
		Ref          string `json:"ref"`
		UserID       int64  `json:"user_id"`
		UserUsername string `json:"user_username"`
		User         struct {
			ID       int64  `json:"id"`
			Username string `json:"username"`
		} `json:"user"`
		Attributes struct {
			IID    int `json:"iid"`
			Target struct {
				Path string `json:"path_with_namespace"`
			} `json:"target"`
			LastCommit struct {
				ID string `json:"id"`
			} `json:"last_commit"`
		} `json:"object_attributes"`
	}
	if err := json.Unmarshal(hook.Body, &told); err != nil {
		return err
	}
	maps.Copy(p.env, map[string]string{
		"GITLAB_CI": "true", "CI_SERVER_URL": r.GitLab.URL(), "CI_API_V4_URL": r.GitLab.URL() + "/api/v4", "CI_PROJECT_PATH": r.Repo.String(),
		"CI_PROJECT_DIR": p.workspace, "CI_DEFAULT_BRANCH": "main", "CI_PROJECT_VISIBILITY": "private", "CI_PIPELINE_ID": fmt.Sprint(r.n),
		"CI_JOB_URL": fmt.Sprintf("%s/%s/-/jobs/%d", r.GitLab.URL(), r.Repo, r.n), "WEIGHLOCK_TOKEN": ProjectToken,
		"GITLAB_USER_ID": fmt.Sprint(cmp.Or(told.User.ID, told.UserID)), "GITLAB_USER_LOGIN": cmp.Or(told.User.Username, told.UserUsername),
	})
	switch hook.Name {
	case "Merge Request Hook":
		r.GitLab.AddPipeline(r.Repo, told.Attributes.LastCommit.ID)
		maps.Copy(p.env, map[string]string{
			"CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_IID": fmt.Sprint(told.Attributes.IID),
			"CI_MERGE_REQUEST_PROJECT_PATH": told.Attributes.Target.Path, "CI_COMMIT_SHA": told.Attributes.LastCommit.ID,
			"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main", "CI_MERGE_REQUEST_EVENT_TYPE": "detached",
		})
		if r.Train != "" {
			r.GitLab.AddPipeline(r.Repo, r.Train)
			maps.Copy(p.env, map[string]string{
				"CI_MERGE_REQUEST_EVENT_TYPE": "merge_train", "CI_COMMIT_SHA": r.Train, "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": told.Attributes.LastCommit.ID,
			})
		}
	case "Push Hook":
		r.GitLab.AddPipeline(r.Repo, told.After)
		maps.Copy(p.env, map[string]string{
			"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": strings.TrimPrefix(told.Ref, "refs/heads/"),
			"CI_COMMIT_BEFORE_SHA": told.Before, "CI_COMMIT_SHA": told.After,
		})
	default:
		p.env["CI_PIPELINE_SOURCE"], p.env["TRIGGER_PAYLOAD"] = "trigger", p.event
	}
	return nil
}

// Run runs a job for a webhook, with ref checked out.
func (r *Runner) Run(ctx context.Context, hook forgetest.Webhook, ref string) (Job, error) {
	env, err := r.Prepare(ctx, hook, ref)
	if err != nil {
		return Job{}, err
	}
	cmd := exec.CommandContext(ctx, r.Program[0], append(r.Program[1:], "action")...)
	cmd.Dir = cmp.Or(env["GITHUB_WORKSPACE"], env["CI_PROJECT_DIR"])
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
	job := Job{ExitCode: cmd.ProcessState.ExitCode(), Output: out.String()}
	if file := env["GITHUB_STEP_SUMMARY"]; file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return job, err
		}
		job.Summary = strings.TrimSpace(string(text))
	}
	return job, nil
}
