package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/weighlock/weighlock/bot/forge"
)

// PullRequest implements [forge.Forge].
func (c *Client) PullRequest(ctx context.Context, repo forge.Repo, number int) (forge.PullRequest, error) {
	do := call{op: fmt.Sprintf("read %s#%d", repo, number), method: http.MethodGet}
	if err := do.on(repo, "pulls/%d", number); err != nil {
		return forge.PullRequest{}, err
	}
	var got wirePullRequest
	if _, err := c.read(ctx, do, &got); err != nil {
		return forge.PullRequest{}, err
	}
	pr, err := got.forge()
	if err != nil {
		return forge.PullRequest{}, c.misread(do, err)
	}
	return pr, nil
}

// PullRequestsOf implements [forge.Forge]. Of a commit that is not on the
// default branch GitHub tells the open pull requests only.
func (c *Client) PullRequestsOf(ctx context.Context, repo forge.Repo, sha string) ([]forge.PullRequest, error) {
	do := call{op: fmt.Sprintf("list pull requests of %s@%s", repo, sha), method: http.MethodGet}
	if !isCommit(sha) {
		return nil, &forge.Error{Op: do.op, Message: "want a full commit name", Err: forge.ErrInvalid}
	}
	if err := do.on(repo, "commits/%s/pulls", sha); err != nil {
		return nil, err
	}
	got, err := list[wirePullRequest](ctx, c, do)
	var failed *forge.Error
	if errors.As(err, &failed) && failed.Status == http.StatusUnprocessableEntity {
		return nil, nil // "No commit found for SHA"
	}
	if err != nil {
		return nil, err
	}
	prs := make([]forge.PullRequest, len(got))
	for i := range got {
		if prs[i], err = got[i].forge(); err != nil {
			return nil, c.misread(do, err)
		}
	}
	return prs, nil
}

// Comments implements [forge.Forge].
func (c *Client) Comments(ctx context.Context, repo forge.Repo, number int) ([]forge.Comment, error) {
	do := call{op: fmt.Sprintf("list comments of %s#%d", repo, number), method: http.MethodGet}
	if err := do.on(repo, "issues/%d/comments", number); err != nil {
		return nil, err
	}
	got, err := list[wireComment](ctx, c, do)
	if err != nil {
		return nil, err
	}
	comments := make([]forge.Comment, len(got))
	for i := range got {
		if comments[i], err = got[i].forge(repo, number); err != nil {
			return nil, c.misread(do, err)
		}
	}
	return comments, nil
}

type commentBody struct {
	Body string `json:"body"`
}

// Edited implements [forge.Forge].
func (c *Client) Edited(_ context.Context, comment forge.Comment) (bool, error) {
	return !comment.Updated.Equal(comment.Created), nil
}

// CreateComment implements [forge.Forge].
func (c *Client) CreateComment(ctx context.Context, repo forge.Repo, number int, body string) (forge.Comment, error) {
	do := call{op: fmt.Sprintf("comment on %s#%d", repo, number), method: http.MethodPost, body: commentBody{body}}
	if err := do.on(repo, "issues/%d/comments", number); err != nil {
		return forge.Comment{}, err
	}
	return c.writeComment(ctx, do, repo, number)
}

// UpdateComment implements [forge.Forge].
func (c *Client) UpdateComment(ctx context.Context, comment forge.Comment, body string) (forge.Comment, error) {
	do := call{op: fmt.Sprintf("update comment %d of %s#%d", comment.ID, comment.Repo, comment.Number), method: http.MethodPatch}
	if err := do.on(comment.Repo, "issues/comments/%d", comment.ID); err != nil {
		return forge.Comment{}, err
	}
	return c.edits.Do(ctx, edited{comment.Repo, comment.ID}, body, func(newest func() string) (forge.Comment, error) {
		do.late = func() any { return commentBody{newest()} }
		return c.writeComment(ctx, do, comment.Repo, comment.Number)
	})
}

// edited names a comment that is edited.
type edited struct {
	repo forge.Repo
	id   int64
}

// DeleteComment implements [forge.Forge].
func (c *Client) DeleteComment(ctx context.Context, comment forge.Comment) error {
	do := call{op: fmt.Sprintf("delete comment %d of %s#%d", comment.ID, comment.Repo, comment.Number), method: http.MethodDelete}
	if err := do.on(comment.Repo, "issues/comments/%d", comment.ID); err != nil {
		return err
	}
	_, err := c.send(ctx, do, nil)
	if errors.Is(err, forge.ErrNotFound) {
		return nil
	}
	return err
}

func (c *Client) writeComment(ctx context.Context, do call, repo forge.Repo, number int) (forge.Comment, error) {
	var got wireComment
	if _, err := c.send(ctx, do, &got); err != nil {
		return forge.Comment{}, err
	}
	comment, err := got.forge(repo, number)
	if err != nil {
		return forge.Comment{}, c.misread(do, err)
	}
	return comment, nil
}

// React implements [forge.Forge].
func (c *Client) React(ctx context.Context, comment forge.Comment, reaction forge.Reaction) error {
	do := call{
		op:     fmt.Sprintf("react to comment %d of %s#%d", comment.ID, comment.Repo, comment.Number),
		method: http.MethodPost,
		body: struct {
			Content forge.Reaction `json:"content"`
		}{reaction},
	}
	if err := do.on(comment.Repo, "issues/comments/%d/reactions", comment.ID); err != nil {
		return err
	}
	_, err := c.send(ctx, do, nil)
	return err
}

// Permission implements [forge.Forge]. GitHub is asked by login; the answer
// counts only when it is about the account with the user's id, because a
// login may have changed hands.
func (c *Client) Permission(ctx context.Context, repo forge.Repo, user forge.User) (forge.Permission, error) {
	do := call{op: fmt.Sprintf("read permission of %s in %s", user.Login, repo), method: http.MethodGet}
	if user.Login == "" || strings.ContainsAny(user.Login, "./\\?#% ") {
		return forge.NoPermission, &forge.Error{Op: do.op, Message: "no account has this login", Err: forge.ErrNotFound}
	}
	if err := do.on(repo, "collaborators/%s/permission", url.PathEscape(user.Login)); err != nil {
		return forge.NoPermission, err
	}
	var got struct {
		Permission string    `json:"permission"`
		RoleName   string    `json:"role_name"`
		User       *wireUser `json:"user"`
	}
	if _, err := c.read(ctx, do, &got); err != nil {
		return forge.NoPermission, err
	}
	if user.ID != 0 && got.User.forge().ID != user.ID {
		return forge.NoPermission, &forge.Error{
			Op: do.op, Message: "the login belongs to another account now", Err: forge.ErrNotFound,
		}
	}
	p, err := permission(got.Permission, got.RoleName)
	if err != nil {
		return forge.NoPermission, c.misread(do, err)
	}
	return p, nil
}

// permission joins the two fields of GitHub's answer. The older one knows no
// maintain, which it calls write, and no triage, which it calls read. The role
// says those apart, but it may also be one that the organisation made up, and
// then only the older field says what it amounts to.
func permission(legacy, role string) (forge.Permission, error) {
	p, err := forge.ParsePermission(legacy)
	switch {
	case err != nil:
		return forge.NoPermission, err
	case p == forge.Write && role == "maintain":
		return forge.Maintain, nil
	case p == forge.Read && role == "triage":
		return forge.Triage, nil
	}
	return p, nil
}

// Self implements [forge.Forge]; the package comment says how. Who a token is stays the same: GitHub is asked until it has
// said so once.
func (c *Client) Self(ctx context.Context) (forge.User, error) {
	c.self.Lock()
	defer c.self.Unlock()
	if c.self.known.ID != 0 {
		return c.self.known, nil
	}
	who, err := c.whoami(ctx)
	if err == nil {
		c.self.known = who
	}
	return who, err
}

func (c *Client) whoami(ctx context.Context) (forge.User, error) {
	if c.installed != nil {
		return c.installed.self(ctx, c)
	}
	do := call{op: "read who we are", method: http.MethodGet, path: "user"}
	var got wireUser
	_, err := c.read(ctx, do, &got)
	var failed *forge.Error
	if errors.As(err, &failed) && errors.Is(err, forge.ErrForbidden) && strings.Contains(failed.Message, "not accessible by integration") {
		return c.viewer(ctx, do.op)
	}
	if err != nil {
		return forge.User{}, err
	}
	if got.ID == 0 || got.Login == "" {
		return forge.User{}, c.misread(do, errors.New("user without id or login"))
	}
	return got.forge(), nil
}

// on sets the path to one below a repository's.
func (do *call) on(repo forge.Repo, format string, args ...any) error {
	parsed, err := forge.ParseRepo(repo.String())
	if err != nil || parsed != repo || strings.Contains(repo.Owner, "/") {
		return &forge.Error{Op: do.op, Message: "want a repository as owner/name", Err: forge.ErrInvalid}
	}
	do.path = "repos/" + url.PathEscape(repo.Owner) + "/" + url.PathEscape(repo.Name) + "/" + fmt.Sprintf(format, args...)
	return nil
}
