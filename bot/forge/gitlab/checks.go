package gitlab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/internal/rest"
)

const (
	// maxStatusText is what GitLab takes of a status's description, and of its
	// URL, in characters.
	maxStatusText = 255
	// pipelineAttempts is how often a commit is looked at for its pipeline, which
	// GitLab makes some time after the push.
	pipelineAttempts = 4
	// conflictAttempts is how often a status is sent while GitLab is busy with
	// another one of the same pipeline.
	conflictAttempts = 10
)

type wireStatus struct {
	ID           int64      `json:"id"`
	Name         string     `json:"name"`
	Status       string     `json:"status"`
	TargetURL    string     `json:"target_url"`
	AllowFailure bool       `json:"allow_failure"`
	CreatedAt    time.Time  `json:"created_at"`
	StartedAt    *time.Time `json:"started_at"`
	FinishedAt   *time.Time `json:"finished_at"`
}

func (s *wireStatus) state() forge.CheckState {
	switch s.Status {
	case "success":
		return forge.CheckSuccess
	case "skipped":
		return forge.CheckNeutral
	case "running", "canceling":
		return forge.CheckRunning
	case "failed", "canceled":
		return forge.CheckFailure
	case "manual":
		if s.AllowFailure { // the pipeline does not wait for it
			return forge.CheckNeutral
		}
	}
	return forge.CheckQueued
}

func (s *wireStatus) forge() forge.CheckResult {
	result := forge.CheckResult{Name: s.Name, State: s.state(), Required: !s.AllowFailure, URL: s.TargetURL, Updated: s.CreatedAt}
	if s.StartedAt != nil {
		result.Updated = *s.StartedAt
	}
	if s.FinishedAt != nil {
		result.Updated = *s.FinishedAt
	}
	return result
}

// onMergeRequest is the call that reads a commit's merge request.
func onMergeRequest(commit forge.Commit, op string) (call, error) {
	do := call{op: op, method: http.MethodGet}
	return do, do.on(commit.Repo, "/merge_requests/%d", commit.PullRequest)
}

// ChecksOf implements [forge.Checks]: the jobs of a commit's pipelines and the
// statuses that others report. The pipeline of a merge request may run on its
// merged result, or in the fork; what it says counts too, a fork's beside what
// the project's own says of the same name.
func (c *Client) ChecksOf(ctx context.Context, commit forge.Commit) ([]forge.CheckResult, error) {
	do := call{op: fmt.Sprintf("list checks of %s@%s", commit.Repo, commit.SHA), method: http.MethodGet}
	if !isCommit(commit.SHA) {
		return nil, &forge.Error{Op: do.op, Message: "want a full commit name", Err: forge.ErrInvalid}
	}
	newest := map[[2]string]wireStatus{}
	add := func(do call, reporter string) error {
		got, err := list[wireStatus](ctx, c, do)
		if err != nil {
			return err
		}
		for _, s := range got {
			if key := [2]string{reporter, s.Name}; s.ID > newest[key].ID {
				newest[key] = s
			}
		}
		return nil
	}
	if err := do.on(commit.Repo, "/repository/commits/%s/statuses", commit.SHA); err != nil {
		return nil, err
	}
	if err := add(do, ""); err != nil {
		return nil, err
	}
	if commit.PullRequest != 0 {
		read, err := onMergeRequest(commit, do.op)
		if err != nil {
			return nil, err
		}
		mr, _, err := c.mergeRequest(ctx, read)
		if err != nil {
			return nil, err
		}
		if p := mr.HeadPipeline; p != nil && mr.SHA == commit.SHA && isCommit(p.SHA) {
			reporter := ""
			if p.ProjectID != 0 && p.ProjectID != mr.TargetProjectID {
				reporter = fmt.Sprintf("project %d", p.ProjectID)
			}
			if reporter != "" || p.SHA != commit.SHA {
				do.path = fmt.Sprintf("projects/%d/repository/commits/%s/statuses", p.ProjectID, p.SHA)
				if err := add(do, reporter); err != nil {
					return nil, err
				}
			}
		}
	}
	results := make([]forge.CheckResult, 0, len(newest))
	for key, s := range newest {
		result := s.forge()
		result.Reporter = key[0]
		results = append(results, result)
	}
	slices.SortFunc(results, func(a, b forge.CheckResult) int {
		return strings.Compare(a.Name+"\x00"+a.Reporter, b.Name+"\x00"+b.Reporter)
	})
	return results, nil
}

// pipelineOf is the pipeline of a commit that a status belongs to: without it
// GitLab makes a second one, which nobody finishes. 0 when there is none.
func (c *Client) pipelineOf(ctx context.Context, commit forge.Commit, op string) (int64, error) {
	for attempt := 1; ; attempt++ {
		id, err := c.pipelineNow(ctx, commit, op)
		if err != nil || id != 0 || attempt == pipelineAttempts {
			return id, err
		}
		if err := rest.Sleep(ctx, 2*c.backoff); err != nil {
			return 0, &forge.Error{Op: op, Err: err}
		}
	}
}

func (c *Client) pipelineNow(ctx context.Context, commit forge.Commit, op string) (int64, error) {
	if commit.PullRequest != 0 {
		do, err := onMergeRequest(commit, op)
		if err != nil {
			return 0, err
		}
		mr, _, err := c.mergeRequest(ctx, do)
		if err != nil {
			return 0, err
		}
		if p := mr.HeadPipeline; p != nil && p.SHA == commit.SHA && (p.ProjectID == 0 || p.ProjectID == mr.TargetProjectID) {
			return p.ID, nil
		}
	}
	do := call{op: op, method: http.MethodGet}
	if err := do.on(commit.Repo, "/repository/commits/%s", commit.SHA); err != nil {
		return 0, err
	}
	var got struct {
		LastPipeline *struct {
			ID  int64  `json:"id"`
			SHA string `json:"sha"`
		} `json:"last_pipeline"`
	}
	if _, err := c.read(ctx, do, &got); err != nil {
		return 0, err
	}
	if p := got.LastPipeline; p != nil && p.SHA == commit.SHA {
		return p.ID, nil
	}
	return 0, nil
}

// transition is GitLab's refusal of a status that is what it is already.
var transition = regexp.MustCompile(`Cannot transition status via :\w+ from :(\w+)`)

// SetCheck implements [forge.Checks] by a commit status of the commit's
// pipeline. It is tried again while GitLab answers that it is busy with another
// one: it has not taken place then.
func (c *Client) SetCheck(ctx context.Context, commit forge.Commit, check forge.Check) error {
	do := call{op: fmt.Sprintf("set check %s of %s@%s", check.Name, commit.Repo, commit.SHA), method: http.MethodPost}
	if !isCommit(commit.SHA) {
		return &forge.Error{Op: do.op, Message: "want a full commit name", Err: forge.ErrInvalid}
	}
	if err := do.on(commit.Repo, "/statuses/%s", commit.SHA); err != nil {
		return err
	}
	pipeline, err := c.pipelineOf(ctx, commit, do.op)
	if err != nil {
		return err
	}
	state := map[forge.CheckState]string{
		forge.CheckQueued: "pending", forge.CheckRunning: "running", forge.CheckSuccess: "success",
		// A skipped status can make a pipeline a skipped one, which may not be merged.
		forge.CheckNeutral: "success", forge.CheckFailure: "failed",
	}[check.State]
	body := struct {
		State       string `json:"state"`
		Name        string `json:"name"`
		Description string `json:"description"`
		TargetURL   string `json:"target_url,omitempty"`
		PipelineID  int64  `json:"pipeline_id,omitempty"`
	}{state, check.Name, cut(check.Title, maxStatusText), check.URL, pipeline}
	if len(body.TargetURL) > maxStatusText {
		body.TargetURL = "" // half an address leads nowhere
	}
	do.body = body
	for attempt := 1; ; attempt++ {
		_, err := c.send(ctx, do, nil)
		var failed *forge.Error
		if !errors.As(err, &failed) {
			return err
		}
		if m := transition.FindStringSubmatch(failed.Message); m != nil && m[1] == state {
			return nil
		}
		if failed.Status != http.StatusConflict || attempt == conflictAttempts {
			return err
		}
		if rest.Sleep(ctx, c.backoff) != nil {
			return err
		}
	}
}

// cut shortens text to what GitLab takes, in characters.
func cut(text string, limit int) string {
	runes := []rune(text)
	if len(runes) <= limit {
		return text
	}
	return string(runes[:limit-1]) + "…"
}

// groupPath is a group's path as a segment of an address.
func groupPath(group string) (string, bool) {
	for part := range strings.SplitSeq(group, "/") {
		if part == "" || part == "." || part == ".." || strings.ContainsAny(part, " \t\r\n?#%\\") {
			return "", false
		}
	}
	return url.PathEscape(group), true
}
