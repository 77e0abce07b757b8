package github

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
)

const (
	// ours is the external id of our check runs: nobody can change another app's,
	// which may have the same name.
	ours = "weighlock"
	// What GitHub takes, in characters.
	maxSummary           = 65535
	maxStatusDescription = 140
)

type wireCheckRun struct {
	ID          int64      `json:"id"`
	Name        string     `json:"name"`
	ExternalID  string     `json:"external_id"`
	Status      string     `json:"status"`
	Conclusion  string     `json:"conclusion"`
	HTMLURL     string     `json:"html_url"`
	StartedAt   *time.Time `json:"started_at"`
	CompletedAt *time.Time `json:"completed_at"`
	App         *struct {
		Slug string `json:"slug"`
	} `json:"app"`
}

func (r *wireCheckRun) state() forge.CheckState {
	switch r.Status {
	case "completed":
	case "in_progress":
		return forge.CheckRunning
	default: // queued, waiting, requested, pending
		return forge.CheckQueued
	}
	switch r.Conclusion {
	case "success":
		return forge.CheckSuccess
	case "neutral", "skipped":
		return forge.CheckNeutral
	}
	return forge.CheckFailure // cancelled, timed_out, action_required, stale and what comes to be
}

func (r *wireCheckRun) forge() forge.CheckResult {
	result := forge.CheckResult{Name: r.Name, State: r.state(), URL: r.HTMLURL}
	if r.App != nil {
		result.Reporter = r.App.Slug
	}
	switch {
	case r.CompletedAt != nil:
		result.Updated = *r.CompletedAt
	case r.StartedAt != nil:
		result.Updated = *r.StartedAt
	}
	return result
}

// checkRuns lists the newest check run of each app and name; with a name, of
// that one only.
func (c *Client) checkRuns(ctx context.Context, commit forge.Commit, name string) ([]wireCheckRun, error) {
	do := call{op: fmt.Sprintf("list check runs of %s@%s", commit.Repo, commit.SHA), method: http.MethodGet, query: url.Values{"filter": {"latest"}}}
	if name != "" {
		do.query.Set("check_name", name)
	}
	if err := do.onCommit(commit, "commits/%s/check-runs"); err != nil {
		return nil, err
	}
	var all []wireCheckRun
	total := 0
	err := pages(ctx, c, do, func(got struct {
		TotalCount *int           `json:"total_count"`
		CheckRuns  []wireCheckRun `json:"check_runs"`
	}) (full bool, err error) {
		if got.TotalCount == nil || got.CheckRuns == nil {
			return false, errors.New("no list of check runs")
		}
		total = *got.TotalCount
		all = append(all, got.CheckRuns...)
		return false, nil // a page that tells the total changes with it
	})
	if err == nil && len(all) < total {
		err = c.misread(do, fmt.Errorf("%d of %d check runs", len(all), total))
	}
	return all, err
}

// statuses lists the newest commit status of each name.
func (c *Client) statuses(ctx context.Context, commit forge.Commit) ([]forge.CheckResult, error) {
	do := call{op: fmt.Sprintf("list commit statuses of %s@%s", commit.Repo, commit.SHA), method: http.MethodGet}
	if err := do.onCommit(commit, "commits/%s/status"); err != nil {
		return nil, err
	}
	var all []forge.CheckResult
	total := 0
	err := pages(ctx, c, do, func(got struct {
		TotalCount *int `json:"total_count"`
		Statuses   []struct {
			Context   string    `json:"context"`
			State     string    `json:"state"`
			TargetURL string    `json:"target_url"`
			UpdatedAt time.Time `json:"updated_at"`
		} `json:"statuses"`
	}) (full bool, err error) {
		if got.TotalCount == nil || got.Statuses == nil {
			return false, errors.New("no list of statuses")
		}
		total = *got.TotalCount
		for _, s := range got.Statuses {
			result := forge.CheckResult{Name: s.Context, State: forge.CheckFailure, URL: s.TargetURL, Updated: s.UpdatedAt}
			switch s.State {
			case "success":
				result.State = forge.CheckSuccess
			case "pending":
				result.State = forge.CheckRunning
			}
			all = append(all, result)
		}
		return false, nil
	})
	if err == nil && len(all) < total {
		err = c.misread(do, fmt.Errorf("%d of %d statuses", len(all), total))
	}
	return all, err
}

// required lists the names that a branch's protection and rulesets require.
func (c *Client) required(ctx context.Context, repo forge.Repo, branch string) ([]string, error) {
	do := call{op: fmt.Sprintf("read what checks %s of %s requires", branch, repo), method: http.MethodGet}
	if err := do.on(repo, "rules/branches/%s", url.PathEscape(branch)); err != nil {
		return nil, err
	}
	names := map[string]bool{}
	rules, err := list[struct {
		Type       string `json:"type"`
		Parameters struct {
			Checks []struct {
				Context string `json:"context"`
			} `json:"required_status_checks"`
		} `json:"parameters"`
	}](ctx, c, do)
	if err != nil {
		return nil, err
	}
	for _, rule := range rules {
		if rule.Type == "required_status_checks" {
			for _, check := range rule.Parameters.Checks {
				names[check.Context] = true
			}
		}
	}
	if err := do.on(repo, "branches/%s", url.PathEscape(branch)); err != nil {
		return nil, err
	}
	var got struct {
		Name       string `json:"name"`
		Protection struct {
			Checks struct {
				Contexts []string `json:"contexts"`
			} `json:"required_status_checks"`
		} `json:"protection"`
	}
	if _, err := c.read(ctx, do, &got); err != nil {
		return nil, err
	}
	if got.Name != branch {
		return nil, c.misread(do, fmt.Errorf("it is about the branch %q", got.Name))
	}
	for _, name := range got.Protection.Checks.Contexts {
		names[name] = true
	}
	return slices.Sorted(maps.Keys(names)), nil
}

// ChecksOf implements [forge.Checks]: check runs, commit statuses, and what the
// branch's protection and rulesets require by name. A workflow that a ruleset
// requires counts as what it reports.
func (c *Client) ChecksOf(ctx context.Context, commit forge.Commit) ([]forge.CheckResult, error) {
	runs, err := c.checkRuns(ctx, commit, "")
	if err != nil {
		return nil, err
	}
	results, err := c.statuses(ctx, commit)
	if err != nil {
		return nil, err
	}
	// "Latest" is so within a check suite, and an app may have several.
	newest := map[[2]string]forge.CheckResult{}
	ids := map[[2]string]int64{}
	for i := range runs {
		result := runs[i].forge()
		key := [2]string{result.Reporter, result.Name}
		if runs[i].ID > ids[key] {
			newest[key], ids[key] = result, runs[i].ID
		}
	}
	results = slices.AppendSeq(results, maps.Values(newest))
	if commit.Branch != "" {
		required, err := c.required(ctx, commit.Repo, commit.Branch)
		if err != nil {
			return nil, err
		}
		for _, name := range required {
			reported := false
			for i := range results {
				if results[i].Name == name {
					results[i].Required, reported = true, true
				}
			}
			if !reported {
				results = append(results, forge.CheckResult{Name: name, State: forge.CheckQueued, Required: true})
			}
		}
	}
	slices.SortFunc(results, func(a, b forge.CheckResult) int {
		return strings.Compare(a.Name+"\x00"+a.Reporter, b.Name+"\x00"+b.Reporter)
	})
	return results, nil
}

// SetCheck implements [forge.Checks]: a check run where our token is that of an
// app or of GitHub Actions, a commit status elsewhere.
func (c *Client) SetCheck(ctx context.Context, commit forge.Commit, check forge.Check) error {
	if c.app {
		return c.setCheckRun(ctx, commit, check)
	}
	do := call{op: fmt.Sprintf("set status %s of %s@%s", check.Name, commit.Repo, commit.SHA), method: http.MethodPost}
	if err := do.onCommit(commit, "statuses/%s"); err != nil {
		return err
	}
	state := map[forge.CheckState]string{
		forge.CheckQueued: "pending", forge.CheckRunning: "pending", forge.CheckSuccess: "success",
		forge.CheckNeutral: "success", forge.CheckFailure: "failure",
	}[check.State]
	do.body = struct {
		State       string `json:"state"`
		Context     string `json:"context"`
		Description string `json:"description"`
		TargetURL   string `json:"target_url,omitempty"`
	}{state, check.Name, cut(check.Title, maxStatusDescription), check.URL}
	_, err := c.send(ctx, do, nil)
	return err
}

type checkRunBody struct {
	Name       string          `json:"name,omitempty"`
	HeadSHA    string          `json:"head_sha,omitempty"`
	ExternalID string          `json:"external_id,omitempty"`
	Status     string          `json:"status"`
	Conclusion string          `json:"conclusion,omitempty"`
	DetailsURL string          `json:"details_url,omitempty"`
	Output     *checkRunOutput `json:"output,omitempty"`
}

type checkRunOutput struct {
	Title   string `json:"title"`
	Summary string `json:"summary"`
}

// setCheckRun changes our unfinished check run of that name, or makes one: what
// has ended stays, and a new one stands in front of it.
func (c *Client) setCheckRun(ctx context.Context, commit forge.Commit, check forge.Check) error {
	have, err := c.checkRuns(ctx, commit, check.Name)
	if err != nil {
		return err
	}
	do := call{op: fmt.Sprintf("set check %s of %s@%s", check.Name, commit.Repo, commit.SHA), method: http.MethodPost}
	body := checkRunBody{Name: check.Name, HeadSHA: commit.SHA, ExternalID: ours, Status: "completed", DetailsURL: check.URL}
	switch check.State {
	case forge.CheckQueued:
		body.Status = "queued"
	case forge.CheckRunning:
		body.Status = "in_progress"
	default:
		body.Conclusion = string(check.State) // GitHub's words are the same
	}
	if check.Title != "" || check.Summary != "" {
		body.Output = &checkRunOutput{Title: check.Title, Summary: cut(check.Summary, maxSummary)}
	}
	if err := do.onCommit(commit, "check-runs"); err != nil {
		return err
	}
	for i := range have {
		if have[i].ExternalID == ours && have[i].Name == check.Name && !have[i].state().Finished() {
			do.method = http.MethodPatch
			if err := do.on(commit.Repo, "check-runs/%d", have[i].ID); err != nil {
				return err
			}
			body.HeadSHA = "" // cannot change
			break
		}
	}
	do.body = body
	_, err = c.send(ctx, do, nil)
	return err
}

// onCommit sets the path to one about a commit.
func (do *call) onCommit(commit forge.Commit, format string) error {
	if !isCommit(commit.SHA) {
		return &forge.Error{Op: do.op, Message: "want a full commit name", Err: forge.ErrInvalid}
	}
	if !strings.Contains(format, "%s") {
		return do.on(commit.Repo, "%s", format)
	}
	return do.on(commit.Repo, format, commit.SHA)
}

// cut shortens text to what GitHub takes, in characters.
func cut(text string, limit int) string {
	runes := []rune(text)
	if len(runes) <= limit {
		return text
	}
	return string(runes[:limit-1]) + "…"
}
