package gitlab

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
)

// The wire types hold the fields of GitLab's JSON that we read. The SDK's own
// types are not used for this: they fail as a whole over fields that do not
// matter to us, such as a date in another form, and do not tell null from zero.

type wireUser struct {
	ID       int64  `json:"id"`
	Username string `json:"username"`
	State    string `json:"state"`
	Bot      bool   `json:"bot"`
}

// programs are the names that GitLab gives to the accounts of access tokens and
// of services. It says of them that they are bots only where one asks for the
// account by itself.
var programs = regexp.MustCompile(`^((project|group)_[0-9]+_bot[0-9a-z_]*|service_account_[0-9a-z_]+)$`)

// forge converts a user; nil becomes the zero User.
func (u *wireUser) forge() forge.User {
	if u == nil {
		return forge.User{}
	}
	return forge.User{ID: u.ID, Login: u.Username, Bot: u.Bot || programs.MatchString(u.Username)}
}

type wireProject struct {
	ID                int64  `json:"id"`
	PathWithNamespace string `json:"path_with_namespace"`
	Visibility        string `json:"visibility"`
	DefaultBranch     string `json:"default_branch"`
}

type wireMergeRequest struct {
	IID             int       `json:"iid"`
	Title           string    `json:"title"`
	WebURL          string    `json:"web_url"`
	State           string    `json:"state"`
	Draft           bool      `json:"draft"`
	Author          *wireUser `json:"author"`
	SourceBranch    string    `json:"source_branch"`
	TargetBranch    string    `json:"target_branch"`
	SourceProjectID int64     `json:"source_project_id"` // null when it has been deleted
	TargetProjectID int64     `json:"target_project_id"`
	SHA             string    `json:"sha"`
	MergeCommitSHA  string    `json:"merge_commit_sha"`
	SquashCommitSHA string    `json:"squash_commit_sha"`
	References      struct {
		Full string `json:"full"`
	} `json:"references"`
	ChangesCount *string `json:"changes_count"` // null until it is worked out, "1000+" when there are more
	HeadPipeline *struct {
		ID        int64  `json:"id"`
		ProjectID int64  `json:"project_id"`
		SHA       string `json:"sha"`
	} `json:"head_pipeline"`
	DiffRefs *struct {
		StartSHA string `json:"start_sha"` // the target branch, when the head moved last
	} `json:"diff_refs"`
}

// errUnprepared: GitLab works out a merge request's commits after it has been
// opened.
var errUnprepared = errors.New("it has no commits, or GitLab still prepares it")

// forge converts a merge request, but for the source project's path, which
// GitLab tells by number only.
func (m *wireMergeRequest) forge() (forge.PullRequest, error) {
	if m.IID <= 0 || m.TargetProjectID == 0 {
		return forge.PullRequest{}, errors.New("merge request without a number or a project")
	}
	fail := func(err error) (forge.PullRequest, error) {
		return forge.PullRequest{}, fmt.Errorf("merge request %d: %w", m.IID, err)
	}
	state, err := state(m.State)
	if err != nil {
		return fail(err)
	}
	path, _, _ := strings.Cut(m.References.Full, "!")
	repo, err := forge.ParseRepo(path)
	if err != nil {
		return fail(err)
	}
	if m.SHA == "" || m.DiffRefs == nil {
		return fail(errUnprepared)
	}
	if !isCommit(m.SHA) || !isCommit(m.DiffRefs.StartSHA) {
		return fail(fmt.Errorf("head %q or base %q is no commit", m.SHA, m.DiffRefs.StartSHA))
	}
	pr := forge.PullRequest{
		Repo:   repo,
		Number: m.IID,
		Title:  m.Title,
		URL:    m.WebURL,
		State:  state,
		Draft:  m.Draft,
		Author: m.Author.forge(),
		Head:   forge.Ref{Name: m.SourceBranch, SHA: m.SHA},
		Base:   forge.Ref{Name: m.TargetBranch, SHA: m.DiffRefs.StartSHA, Repo: repo},
		Fork:   m.SourceProjectID != m.TargetProjectID,
	}
	if !pr.Fork {
		pr.Head.Repo = repo
	}
	if state == forge.StateMerged {
		// Without a merge commit the squashed one is the last, without that the
		// head itself.
		pr.MergeCommit = m.MergeCommitSHA
		if pr.MergeCommit == "" {
			pr.MergeCommit = m.SquashCommitSHA
		}
		if pr.MergeCommit == "" {
			pr.MergeCommit = m.SHA
		}
		if !isCommit(pr.MergeCommit) {
			return fail(fmt.Errorf("merged as %q, which is no commit", pr.MergeCommit))
		}
	}
	return pr, nil
}

type wireNote struct {
	ID        int64     `json:"id"`
	Type      string    `json:"type"`
	Body      string    `json:"body"`
	Author    *wireUser `json:"author"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	System    bool      `json:"system"`
	Internal  bool      `json:"internal"`
}

// onCode is the type of notes that sit on lines of code.
const onCode = "DiffNote"

// isComment tells whether a note is a comment to us.
func (n *wireNote) isComment() bool { return !n.System && !n.Internal && n.Type != onCode }

func (n *wireNote) forge(c *Client, repo forge.Repo, number int) (forge.Comment, error) {
	if n.ID <= 0 {
		return forge.Comment{}, errors.New("note without an id")
	}
	return forge.Comment{
		Repo:    repo,
		Number:  number,
		ID:      n.ID,
		Author:  n.Author.forge(),
		Body:    n.Body,
		URL:     fmt.Sprintf("%s/%s/-/merge_requests/%d#note_%d", c.web, repo, number, n.ID),
		Created: n.CreatedAt,
		Updated: n.UpdatedAt,
	}, nil
}

// state reads GitLab's word for a merge request's state. A locked one is being
// merged this moment.
func state(s string) (forge.State, error) {
	switch s {
	case "opened", "locked":
		return forge.StateOpen, nil
	case "closed":
		return forge.StateClosed, nil
	case "merged":
		return forge.StateMerged, nil
	}
	return "", fmt.Errorf("state %q: want opened, locked, closed or merged", s)
}

// isCommit tells whether s is a full commit name, of SHA-1 or SHA-256.
func isCommit(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}
