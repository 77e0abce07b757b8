// Package action is the door by which a CI job comes in: a job is an event too. It reads the event that started the job
// from the runner's environment and hands it to the bot.
package action

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/weighlock/weighlock/bot"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/github"
)

// A Job is what a CI job's environment says.
type Job struct {
	Event forge.Event
	Forge forge.Forge
	// Workspace is the directory that the repository is checked out in.
	Workspace string
	// Token may fetch from the repository, as User; "" leaves that to what the checkout configured.
	User, Token string
	// ServerURL is the web address of the server, such as https://github.com.
	ServerURL string
	// Run is the address of the job's run.
	Run string
}

// ReadGitHub reads the environment of a GitHub job. All that is missing is reported at once.
func ReadGitHub(getenv func(string) string) (*Job, error) {
	var errs []error
	need := func(name, why string) string {
		v := getenv(name)
		if v == "" {
			errs = append(errs, fmt.Errorf("%s is not set: %s", name, why))
		}
		return v
	}
	name := need("GITHUB_EVENT_NAME", "this command runs in a GitHub Actions job")
	path := need("GITHUB_EVENT_PATH", "this command runs in a GitHub Actions job")
	api := need("GITHUB_API_URL", "this command runs in a GitHub Actions job")
	repository := need("GITHUB_REPOSITORY", "this command runs in a GitHub Actions job")
	token := need("GITHUB_TOKEN", "pass it to the step: env: {GITHUB_TOKEN: ${{ github.token }}}")
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	repo, err := forge.ParseRepo(repository)
	if err != nil {
		return nil, fmt.Errorf("GITHUB_REPOSITORY: %w", err)
	}
	payload, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the event (GITHUB_EVENT_PATH): %w", err)
	}
	event, err := github.Decode(name, getenv("GITHUB_RUN_ID"), payload)
	if err != nil {
		return nil, fmt.Errorf("event file %s: %w", path, err)
	}
	if from := event.From().Repo; from != repo && from != (forge.Repo{}) {
		return nil, fmt.Errorf("event file %s is about repository %s, but GITHUB_REPOSITORY is %s", path, from, repo)
	}
	client, err := github.New(github.Config{Token: token, BaseURL: api})
	if err != nil {
		return nil, err
	}
	workspace := getenv("GITHUB_WORKSPACE")
	if workspace == "" {
		workspace = "."
	}
	return &Job{Event: event, Forge: client, Workspace: workspace, Token: token, ServerURL: getenv("GITHUB_SERVER_URL"), Run: RunURL(getenv)}, nil
}

// RunURL is the address of the run that a GitHub job is part of, by its attempt; "" in no such job.
func RunURL(getenv func(string) string) string {
	id := getenv("GITHUB_RUN_ID")
	if id == "" {
		return ""
	}
	return cmp.Or(getenv("GITHUB_SERVER_URL"), "https://github.com") + "/" + getenv("GITHUB_REPOSITORY") + "/actions/runs/" + id + "/attempts/" + cmp.Or(getenv("GITHUB_RUN_ATTEMPT"), "1")
}

// A Runner shows what became of a job. GitHub's is [githubactions.Action], GitLab's is [GitLabLog].
type Runner interface {
	// AddStepSummary shows the report, which is Markdown.
	AddStepSummary(markdown string)
	// Errorf shows an error.
	Errorf(format string, args ...any)
}

// Run hands the event to the bot and reports the outcome to the runner. It returns an error when the job should end red.
func Run(ctx context.Context, job *Job, b *bot.Bot, runner Runner) error {
	out, err := b.Handle(ctx, job.Event)
	if out.Summary != "" {
		runner.AddStepSummary(out.Summary)
	}
	if err != nil {
		runner.Errorf("%v", err)
		return err
	}
	if out.Failed {
		return errors.New("not everything went well; the report says what")
	}
	return nil
}
