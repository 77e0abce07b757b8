package github

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
)

// The wire types hold the fields of GitHub's JSON that we read. They are the
// same in a webhook's payload and in an answer of the REST API.
//
// The SDK's own types are not used for this: they fail as a whole over fields
// that do not matter to us, such as a repository's custom properties, which
// may be lists where the SDK expects strings.

type wireUser struct {
	ID    int64  `json:"id"`
	Login string `json:"login"`
	Type  string `json:"type"`
}

// forge converts a user; nil, which stands for an account that has been
// deleted, becomes the zero User.
func (u *wireUser) forge() forge.User {
	if u == nil {
		return forge.User{}
	}
	return forge.User{ID: u.ID, Login: u.Login, Bot: u.Type == "Bot"}
}

type wireRepository struct {
	ID            int64  `json:"id"`
	FullName      string `json:"full_name"`
	DefaultBranch string `json:"default_branch"`
	Private       bool   `json:"private"`
}

func (r *wireRepository) forge() (forge.Repo, error) {
	if r == nil {
		return forge.Repo{}, nil
	}
	repo, err := forge.ParseRepo(r.FullName)
	if err != nil {
		return forge.Repo{}, err
	}
	return repo, nil
}

type wireRef struct {
	Ref  string          `json:"ref"`
	SHA  string          `json:"sha"`
	Repo *wireRepository `json:"repo"`
}

type wirePullRequest struct {
	Number         int        `json:"number"`
	Title          string     `json:"title"`
	HTMLURL        string     `json:"html_url"`
	State          string     `json:"state"`
	Draft          bool       `json:"draft"`
	User           *wireUser  `json:"user"`
	Head           *wireRef   `json:"head"`
	Base           *wireRef   `json:"base"`
	MergedAt       *time.Time `json:"merged_at"`
	MergeCommitSHA string     `json:"merge_commit_sha"`
}

func (p *wirePullRequest) forge() (forge.PullRequest, error) {
	if p.Number <= 0 || p.Head == nil || p.Base == nil || p.Base.Repo == nil {
		return forge.PullRequest{}, fmt.Errorf("pull request without a number, a head or a base")
	}
	state, err := state(p.State, p.MergedAt)
	if err != nil {
		return forge.PullRequest{}, fmt.Errorf("pull request %d: %w", p.Number, err)
	}
	base, err := p.Base.Repo.forge()
	if err != nil {
		return forge.PullRequest{}, fmt.Errorf("pull request %d: base: %w", p.Number, err)
	}
	head, err := p.Head.Repo.forge()
	if err != nil {
		return forge.PullRequest{}, fmt.Errorf("pull request %d: head: %w", p.Number, err)
	}
	if !isCommit(p.Head.SHA) || !isCommit(p.Base.SHA) {
		return forge.PullRequest{}, fmt.Errorf("pull request %d: head %q or base %q is no commit", p.Number, p.Head.SHA, p.Base.SHA)
	}
	pr := forge.PullRequest{
		Repo:   base,
		Number: p.Number,
		Title:  p.Title,
		URL:    p.HTMLURL,
		State:  state,
		Draft:  p.Draft,
		Author: p.User.forge(),
		Head:   forge.Ref{Name: p.Head.Ref, SHA: p.Head.SHA, Repo: head},
		Base:   forge.Ref{Name: p.Base.Ref, SHA: p.Base.SHA, Repo: base},
		Fork:   p.Head.Repo == nil || p.Head.Repo.ID != p.Base.Repo.ID || !strings.EqualFold(p.Head.Repo.FullName, p.Base.Repo.FullName),
	}
	// Before the merge this field names a commit that GitHub made to try it.
	if state == forge.StateMerged {
		if !isCommit(p.MergeCommitSHA) {
			return forge.PullRequest{}, fmt.Errorf("pull request %d: merged as %q, which is no commit", p.Number, p.MergeCommitSHA)
		}
		pr.MergeCommit = p.MergeCommitSHA
	}
	return pr, nil
}

// wireIssue is what GitHub says of a pull request where a comment is concerned:
// there a pull request is an issue with a part of that name.
type wireIssue struct {
	Number      int    `json:"number"`
	State       string `json:"state"`
	Draft       bool   `json:"draft"`
	PullRequest *struct {
		MergedAt *time.Time `json:"merged_at"`
	} `json:"pull_request"`
}

type wireComment struct {
	ID        int64     `json:"id"`
	NodeID    string    `json:"node_id"`
	HTMLURL   string    `json:"html_url"`
	Body      string    `json:"body"`
	User      *wireUser `json:"user"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

func (c *wireComment) forge(repo forge.Repo, number int) (forge.Comment, error) {
	if c.ID <= 0 {
		return forge.Comment{}, fmt.Errorf("comment without an id")
	}
	return forge.Comment{
		Repo:    repo,
		Number:  number,
		ID:      c.ID,
		Node:    c.NodeID,
		Author:  c.User.forge(),
		Body:    c.Body,
		URL:     c.HTMLURL,
		Created: c.CreatedAt,
		Updated: c.UpdatedAt,
	}, nil
}

// state joins GitHub's two fields: a merged pull request is "closed" there.
func state(s string, mergedAt *time.Time) (forge.State, error) {
	switch {
	case s == "open":
		return forge.StateOpen, nil
	case s == "closed" && mergedAt != nil:
		return forge.StateMerged, nil
	case s == "closed":
		return forge.StateClosed, nil
	}
	return "", fmt.Errorf("state %q: want open or closed", s)
}

// isCommit tells whether s is a full commit name, of SHA-1 or SHA-256.
func isCommit(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}

// anyOf is what GitHub answers with either one thing or a list of them.
type anyOf[T any] struct {
	one  T
	many bool
}

// UnmarshalJSON reads one thing, and of a list that it is one.
func (a *anyOf[T]) UnmarshalJSON(data []byte) error {
	if a.many = len(data) > 0 && data[0] == '['; a.many {
		return nil
	}
	return json.Unmarshal(data, &a.one)
}
