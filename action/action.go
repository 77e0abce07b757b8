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
	// Notice says what people should know of how the job was started; "" for nothing.
	Notice string
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
	job := &Job{Event: event, Forge: client, Workspace: workspace, Token: token, ServerURL: getenv("GITHUB_SERVER_URL"), Run: RunURL(getenv)}
	if name == "pull_request_target" {
		job.Notice = noticeTarget
	}
	return job, nil
}

// RunURL is the address of the run that a GitHub job is part of, by its attempt; "" in no such job.
func RunURL(getenv func(string) string) string {
	id := getenv("GITHUB_RUN_ID")
	if id == "" {
		return ""
	}
	return cmp.Or(getenv("GITHUB_SERVER_URL"), "https://github.com") + "/" + getenv("GITHUB_REPOSITORY") + "/actions/runs/" + id + "/attempts/" + cmp.Or(getenv("GITHUB_RUN_ATTEMPT"), "1")
}

// noticeTarget explains what holds for jobs that GitHub starts with the base branch's rights for what others bring.
const noticeTarget = "This job runs for `pull_request_target`: with the workflow, the program's version, the policy and the credentials of the base branch. " +
	"Of the pull request nothing is run. Its project is rendered as data: that of a fork without credentials and network, and after `/ok-to-test` without environment, keys or remotes that are not listed."

// Run hands the event to the bot and reports the outcome to the runner, errors of the project where they stand. It returns
// what was found, and an error when the job should end red.
func Run(ctx context.Context, job *Job, b *bot.Bot, runner Runner) (*Results, error) {
	results := &Results{event: job.Event}
	b.Observer = results
	out, err := b.Handle(ctx, job.Event)
	results.Summary = out.Summary
	if job.Notice != "" {
		results.Summary += "\n<sub>" + job.Notice + "</sub>\n"
	}
	if out.Summary != "" {
		runner.AddStepSummary(results.Summary)
	}
	for _, f := range results.findings {
		annotate(runner, job.Workspace, f.Project, f.Err)
	}
	if err != nil {
		Show(runner, job.Workspace, "", err)
		return results, &ShownError{err}
	}
	if out.Failed {
		return results, errors.New("not everything went well; the report says what")
	}
	return results, nil
}

// A ShownError is one that the runner has shown.
type ShownError struct{ err error }

func (e *ShownError) Error() string { return e.err.Error() }
func (e *ShownError) Unwrap() error { return e.err }
