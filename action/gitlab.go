package action

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/gitlab"
)

// tokenVariable holds the token that speaks to GitLab. That of the job itself may neither read merge requests nor comment.
const tokenVariable = "WEIGHLOCK_TOKEN"

// ReadGitLab reads the environment of a GitLab job. All that is missing is reported at once.
//
// A merge request's pipeline previews it, that of a merge train what the train would merge, a branch's pipeline deploys what the branch deploys. Comments start no
// pipelines; a webhook that triggers one does, and hands its payload to the job as TRIGGER_PAYLOAD:
// https://docs.gitlab.com/ci/triggers/#use-a-webhook-payload.
func ReadGitLab(ctx context.Context, getenv func(string) string) (*Job, error) {
	var errs []error
	need := func(name, why string) string {
		v := getenv(name)
		if v == "" {
			errs = append(errs, fmt.Errorf("%s is not set: %s", name, why))
		}
		return v
	}
	const job = "this command runs in a GitLab CI job"
	source, api, path := need("CI_PIPELINE_SOURCE", job), need("CI_API_V4_URL", job), need("CI_PROJECT_PATH", job)
	token := need(tokenVariable, "give it a project or group access token with the scope api and the role Developer, as a masked variable; the job's own token may neither read merge requests nor comment")
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	repo, err := forge.ParseRepo(path)
	if err != nil {
		return nil, fmt.Errorf("CI_PROJECT_PATH: %w", err)
	}
	client, err := gitlab.New(gitlab.Config{Token: token, BaseURL: api})
	if err != nil {
		return nil, err
	}
	out := &Job{
		Forge: client, Workspace: cmp.Or(getenv("CI_PROJECT_DIR"), "."), ServerURL: getenv("CI_SERVER_URL"), Run: getenv("CI_JOB_URL"),
		User: "gitlab-ci-token", Token: getenv("CI_JOB_TOKEN"),
	}
	p := pipeline{getenv: getenv, repo: repo, source: source}
	out.Event, err = p.event(ctx, client)
	return out, err
}

// pipeline is what a job's variables say of how its pipeline was started.
type pipeline struct {
	getenv func(string) string
	repo   forge.Repo
	source string
}

func (p pipeline) event(ctx context.Context, f forge.Forge) (forge.Event, error) {
	switch p.source {
	case "merge_request_event":
		return p.mergeRequest(ctx, f)
	case "push":
		return p.push(), nil
	case "trigger":
		if file := p.getenv("TRIGGER_PAYLOAD"); file != "" {
			return p.triggered(ctx, f, file)
		}
	}
	return p.ignored("a pipeline that was started by %s, which calls for nothing", p.source), nil
}

func (p pipeline) delivery() forge.Delivery {
	id, _ := strconv.ParseInt(p.getenv("GITLAB_USER_ID"), 10, 64) // unknown is 0
	return forge.Delivery{
		ID: p.getenv("CI_PIPELINE_ID"), Repo: p.repo, DefaultBranch: p.getenv("CI_DEFAULT_BRANCH"),
		Private: p.getenv("CI_PROJECT_VISIBILITY") == "private" || p.getenv("CI_PROJECT_VISIBILITY") == "internal",
		Sender:  forge.User{ID: id, Login: p.getenv("GITLAB_USER_LOGIN")},
	}
}

func (p pipeline) ignored(format string, args ...any) forge.Event {
	return forge.Ignored{Delivery: p.delivery(), Reason: fmt.Sprintf(format, args...)}
}

// mergeRequest is the change of the merge request that the pipeline is for, as it is now.
func (p pipeline) mergeRequest(ctx context.Context, f forge.Forge) (forge.Event, error) {
	if to := p.getenv("CI_MERGE_REQUEST_PROJECT_PATH"); to != p.repo.String() {
		return p.ignored("a pipeline of the fork %s; run it in %s, where the merge request is", p.repo, to), nil
	}
	number, err := strconv.Atoi(p.getenv("CI_MERGE_REQUEST_IID"))
	if err != nil || number <= 0 {
		return nil, fmt.Errorf("CI_MERGE_REQUEST_IID: found %q, expected the merge request's number", p.getenv("CI_MERGE_REQUEST_IID"))
	}
	if p.getenv("CI_MERGE_REQUEST_EVENT_TYPE") == "merge_train" {
		return forge.MergeQueued{
			Delivery: p.delivery(), SHA: p.getenv("CI_COMMIT_SHA"), Number: number,
			Base: forge.Ref{Name: p.getenv("CI_MERGE_REQUEST_TARGET_BRANCH_NAME"), SHA: p.getenv("CI_MERGE_REQUEST_TARGET_BRANCH_SHA"), Repo: p.repo},
		}, nil
	}
	pr, err := f.PullRequest(ctx, p.repo, number)
	if err != nil {
		return nil, err
	}
	// In a pipeline of the merged result CI_COMMIT_SHA is not the head.
	head := cmp.Or(p.getenv("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA"), p.getenv("CI_COMMIT_SHA"))
	if pr.Head.SHA != head {
		return p.ignored("%s has moved on from %s, whose pipeline this is, to %s", pr, head, pr.Head.SHA), nil
	}
	return forge.PullRequestChanged{Delivery: p.delivery(), Action: forge.Synchronized, PullRequest: pr}, nil
}

// push is the push of a branch.
func (p pipeline) push() forge.Event {
	branch := p.getenv("CI_COMMIT_BRANCH")
	if branch == "" {
		return p.ignored("a pipeline of a tag")
	}
	before := p.getenv("CI_COMMIT_BEFORE_SHA")
	if strings.Trim(before, "0") == "" {
		before = ""
	}
	return forge.BranchPushed{Delivery: p.delivery(), Branch: branch, Before: before, After: p.getenv("CI_COMMIT_SHA")}
}

// triggered is the comment whose webhook started the pipeline. Whoever holds the trigger token may send any payload, so a
// comment counts only if GitLab has it, by that author, in those words, and as it was written at first.
func (p pipeline) triggered(ctx context.Context, f forge.Forge, file string) (forge.Event, error) {
	payload, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the webhook's payload (TRIGGER_PAYLOAD): %w", err)
	}
	var kind struct {
		ObjectKind string `json:"object_kind"`
	}
	if err := json.Unmarshal(payload, &kind); err != nil {
		return nil, fmt.Errorf("the webhook's payload (TRIGGER_PAYLOAD): %w", err)
	}
	if kind.ObjectKind != "note" {
		return p.ignored("a webhook about a %s; let the one that triggers pipelines send comments alone, the rest starts pipelines of its own", kind.ObjectKind), nil
	}
	event, err := gitlab.Decode("Note Hook", p.getenv("CI_PIPELINE_ID"), payload)
	if err != nil {
		return nil, err
	}
	if from := event.From().Repo; from != p.repo && from != (forge.Repo{}) {
		return nil, fmt.Errorf("the webhook is about %s, but the pipeline is of %s", from, p.repo)
	}
	said, ok := event.(forge.CommentCreated)
	if !ok {
		return event, nil
	}
	comments, err := f.Comments(ctx, p.repo, said.Comment.Number)
	if err != nil {
		return nil, fmt.Errorf("looking for the comment that the webhook tells of: %w", err)
	}
	for _, c := range comments {
		if c.ID != said.Comment.ID || !c.Author.Same(said.Comment.Author) || c.Body != said.Comment.Body {
			continue
		}
		if edited, err := f.Edited(ctx, c); err != nil || edited {
			return p.ignored("a comment that was edited: write a new one"), err
		}
		said.Comment.Created = c.Created // what the payload says of it is the sender's
		return said, nil
	}
	return p.ignored("a webhook about a comment that is not there, or not as it says"), nil
}
