package forge

import (
	"context"
	"time"
)

// Checks reads and writes what is said of a commit: GitHub's check runs and
// commit statuses, GitLab's commit statuses and the jobs of its pipelines.
type Checks interface {
	// SetCheck makes the check of that name on a commit, or changes it. Forges
	// delete no check: keep names stable, and finish what has begun.
	SetCheck(ctx context.Context, commit Commit, check Check) error

	// ChecksOf lists what is said of a commit, ours too, the newest of each name
	// and reporter. A check that the branch requires and nobody has reported yet
	// is among them as [CheckQueued]. What cannot be read whole is an error.
	ChecksOf(ctx context.Context, commit Commit) ([]CheckResult, error)
}

// Commit names a commit that has checks.
type Commit struct {
	Repo Repo
	// SHA is the commit, in full.
	SHA string
	// Branch is the one whose rules say which checks are required: a pull
	// request's base. Empty asks for no rules.
	Branch string
	// PullRequest whose head the commit is, or 0. GitLab may run its pipeline on
	// another commit or in a fork, and needs it to find that.
	PullRequest int
}

// Commit is the head of a pull request, for its checks.
func (p PullRequest) Commit() Commit {
	return Commit{Repo: p.Repo, SHA: p.Head.SHA, Branch: p.Base.Name, PullRequest: p.Number}
}

// CheckState is how far a check is, and how it ended.
type CheckState string

// The states of a check. What a forge calls cancelled, timed out or waiting for
// an action is failed; what it calls skipped is neutral; a job that somebody
// must start is neutral where the pipeline succeeds without it, else queued.
const (
	CheckQueued  CheckState = "queued"
	CheckRunning CheckState = "running"
	CheckSuccess CheckState = "success"
	CheckFailure CheckState = "failure"
	CheckNeutral CheckState = "neutral" // ended, and stands in nobody's way
)

// Finished tells whether nothing more is to come.
func (s CheckState) Finished() bool {
	return s == CheckSuccess || s == CheckFailure || s == CheckNeutral
}

// Green tells whether it ended and stands in nobody's way.
func (s CheckState) Green() bool { return s == CheckSuccess || s == CheckNeutral }

// Check is one that we report.
type Check struct {
	// Name tells it from others on the same commit.
	Name  string
	State CheckState
	// Title is one line, cut at a forge's limit.
	Title string
	// Summary is Markdown, for the forge's page about the check. It is dropped
	// where [Capabilities].CheckSummary is false, and cut at a forge's limit.
	Summary string
	// URL leads to more, or is empty.
	URL string
}

// CheckResult is one that somebody reported, or that is required.
type CheckResult struct {
	Name string
	// Reporter is the app that reported it, GitHub's name for it; empty for commit
	// statuses and on GitLab.
	Reporter string
	State    CheckState
	// Required is true of what the branch requires; on GitLab of everything that
	// is not allowed to fail.
	Required bool
	// URL is its page for people, or empty.
	URL string
	// Updated is the time of the newest news, zero of one not reported yet.
	Updated time.Time
}
