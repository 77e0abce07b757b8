package gitlab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/internal/rest"
)

// PullRequest implements [forge.Forge]. The base's commit is the target branch
// at the time when the head moved last.
func (c *Client) PullRequest(ctx context.Context, repo forge.Repo, number int) (forge.PullRequest, error) {
	do := call{op: fmt.Sprintf("read %s!%d", repo, number), method: http.MethodGet}
	if err := do.on(repo, "/merge_requests/%d", number); err != nil {
		return forge.PullRequest{}, err
	}
	got, pr, err := c.mergeRequest(ctx, do)
	source := got.SourceProjectID
	if err != nil || !pr.Fork || source == 0 {
		return pr, err
	}
	pr.Head.Repo, err = c.projectPath(ctx, source)
	if errors.Is(err, forge.ErrNotFound) { // deleted since, or not for us to see
		return pr, nil
	}
	if err != nil {
		return forge.PullRequest{}, err
	}
	return pr, nil
}

// mergeRequest reads a merge request. Of a new one another attempt may tell more.
func (c *Client) mergeRequest(ctx context.Context, do call) (got wireMergeRequest, pr forge.PullRequest, err error) {
	err = rest.Read(ctx, c.backoff, func() error {
		got = wireMergeRequest{}
		if _, err := c.send(ctx, do, &got); err != nil {
			return err
		}
		var err error
		if pr, err = got.forge(); err != nil {
			return c.misread(do, err)
		}
		return nil
	})
	return got, pr, err
}

// projectPath is the path of a project that is known by number.
func (c *Client) projectPath(ctx context.Context, id int64) (forge.Repo, error) {
	do := call{op: fmt.Sprintf("read project %d", id), method: http.MethodGet, path: fmt.Sprintf("projects/%d", id)}
	var got wireProject
	if _, err := c.read(ctx, do, &got); err != nil {
		return forge.Repo{}, err
	}
	repo, err := forge.ParseRepo(got.PathWithNamespace)
	if err != nil {
		return forge.Repo{}, c.misread(do, err)
	}
	return repo, nil
}

// project reads a project.
func (c *Client) project(ctx context.Context, repo forge.Repo) (wireProject, error) {
	do := call{op: fmt.Sprintf("read project %s", repo), method: http.MethodGet}
	if err := do.on(repo, ""); err != nil {
		return wireProject{}, err
	}
	var got wireProject
	_, err := c.read(ctx, do, &got)
	return got, err
}

// PullRequestsOf implements [forge.Forge].
func (c *Client) PullRequestsOf(ctx context.Context, repo forge.Repo, sha string) ([]forge.PullRequest, error) {
	do := call{op: fmt.Sprintf("list merge requests of %s@%s", repo, sha), method: http.MethodGet}
	if !isCommit(sha) {
		return nil, &forge.Error{Op: do.op, Message: "want a full commit name", Err: forge.ErrInvalid}
	}
	if err := do.on(repo, "/repository/commits/%s/merge_requests", sha); err != nil {
		return nil, err
	}
	got, err := list[struct {
		IID   int    `json:"iid"`
		State string `json:"state"`
	}](ctx, c, do)
	if errors.Is(err, forge.ErrNotFound) {
		// Either the commit is not there, which is no error, or the project.
		_, err := c.project(ctx, repo)
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	var prs []forge.PullRequest
	for _, m := range got {
		if m.State == "closed" { // it held the commit and came to nothing
			continue
		}
		// The list tells neither the base's commit nor the fork.
		pr, err := c.PullRequest(ctx, repo, m.IID)
		if err != nil {
			return nil, err
		}
		prs = append(prs, pr)
	}
	return prs, nil
}

// Comments implements [forge.Forge].
func (c *Client) Comments(ctx context.Context, repo forge.Repo, number int) ([]forge.Comment, error) {
	do := call{
		op: fmt.Sprintf("list comments of %s!%d", repo, number), method: http.MethodGet,
		query: url.Values{"order_by": {"created_at"}, "sort": {"asc"}, "activity_filter": {"only_comments"}},
	}
	if err := do.on(repo, "/merge_requests/%d/notes", number); err != nil {
		return nil, err
	}
	got, err := list[wireNote](ctx, c, do)
	if err != nil {
		return nil, err
	}
	comments := make([]forge.Comment, 0, len(got))
	for i := range got {
		if !got[i].isComment() {
			continue
		}
		comment, err := got[i].forge(c, repo, number)
		if err != nil {
			return nil, c.misread(do, err)
		}
		comments = append(comments, comment)
	}
	return comments, nil
}

type noteBody struct {
	Body string `json:"body"`
}

// Edited implements [forge.Forge]. Each reaction moves the time at which GitLab says that a note was updated; when it was edited the
// GraphQL API alone tells.
func (c *Client) Edited(ctx context.Context, comment forge.Comment) (bool, error) {
	if comment.Updated.Equal(comment.Created) {
		return false, nil
	}
	do := call{op: fmt.Sprintf("read whether comment %d of %s!%d was edited", comment.ID, comment.Repo, comment.Number), method: http.MethodPost, path: graphQL}
	do.body = map[string]any{
		"query": "query($id: NoteID!) { note(id: $id) { lastEditedAt } }", "variables": map[string]string{"id": fmt.Sprintf("gid://gitlab/Note/%d", comment.ID)},
	}
	var got struct {
		Data struct {
			Note *struct {
				LastEditedAt *time.Time `json:"lastEditedAt"`
			} `json:"note"`
		} `json:"data"`
		Errors []struct {
			Message string `json:"message"`
		} `json:"errors"`
	}
	err := rest.Read(ctx, c.backoff, func() error {
		_, err := c.once(ctx, do, &got)
		return err
	})
	switch {
	case err != nil:
		return false, err
	case len(got.Errors) > 0:
		return false, &forge.Error{Op: do.op, Message: c.clean(got.Errors[0].Message), Err: forge.ErrInvalid}
	case got.Data.Note == nil:
		return false, &forge.Error{Op: do.op, Status: http.StatusNotFound, Message: http.StatusText(http.StatusNotFound), Err: forge.ErrNotFound}
	}
	return got.Data.Note.LastEditedAt != nil, nil
}

// CreateComment implements [forge.Forge].
func (c *Client) CreateComment(ctx context.Context, repo forge.Repo, number int, body string) (forge.Comment, error) {
	do := call{op: fmt.Sprintf("comment on %s!%d", repo, number), method: http.MethodPost, body: noteBody{body}}
	if err := do.on(repo, "/merge_requests/%d/notes", number); err != nil {
		return forge.Comment{}, err
	}
	return c.writeNote(ctx, do, repo, number)
}

// UpdateComment implements [forge.Forge].
func (c *Client) UpdateComment(ctx context.Context, comment forge.Comment, body string) (forge.Comment, error) {
	do := call{
		op:     fmt.Sprintf("update comment %d of %s!%d", comment.ID, comment.Repo, comment.Number),
		method: http.MethodPut,
	}
	if err := do.on(comment.Repo, "/merge_requests/%d/notes/%d", comment.Number, comment.ID); err != nil {
		return forge.Comment{}, err
	}
	return c.edits.Do(ctx, edited{comment.Repo, comment.ID}, body, func(newest func() string) (forge.Comment, error) {
		do.late = func() any { return noteBody{newest()} }
		return c.writeNote(ctx, do, comment.Repo, comment.Number)
	})
}

// edited names a note that is edited.
type edited struct {
	repo forge.Repo
	id   int64
}

// DeleteComment implements [forge.Forge].
func (c *Client) DeleteComment(ctx context.Context, comment forge.Comment) error {
	do := call{op: fmt.Sprintf("delete comment %d of %s!%d", comment.ID, comment.Repo, comment.Number), method: http.MethodDelete}
	if err := do.on(comment.Repo, "/merge_requests/%d/notes/%d", comment.Number, comment.ID); err != nil {
		return err
	}
	_, err := c.send(ctx, do, nil)
	if errors.Is(err, forge.ErrNotFound) {
		return nil
	}
	return err
}

func (c *Client) writeNote(ctx context.Context, do call, repo forge.Repo, number int) (forge.Comment, error) {
	var got wireNote
	if _, err := c.send(ctx, do, &got); err != nil {
		return forge.Comment{}, err
	}
	comment, err := got.forge(c, repo, number)
	if err != nil { // all that was written were quick actions, or GitLab is not itself
		return forge.Comment{}, c.misread(do, err)
	}
	return comment, nil
}

// wireAward is a reaction; forge.Reaction has GitLab's names of emoji.
type wireAward struct {
	Name forge.Reaction `json:"name"`
	User *wireUser      `json:"user"`
}

// HideComment is what GitLab cannot do.
func (c *Client) HideComment(_ context.Context, comment forge.Comment) error {
	return &forge.Error{Op: fmt.Sprintf("hide note %d of %s!%d", comment.ID, comment.Repo, comment.Number), Message: "GitLab hides no notes", Err: forge.ErrUnsupported}
}

// React implements [forge.Forge].
func (c *Client) React(ctx context.Context, comment forge.Comment, reaction forge.Reaction) error {
	do := call{
		op:     fmt.Sprintf("react to comment %d of %s!%d", comment.ID, comment.Repo, comment.Number),
		method: http.MethodPost,
		body: struct {
			Name forge.Reaction `json:"name"`
		}{reaction},
	}
	if err := do.on(comment.Repo, "/merge_requests/%d/notes/%d/award_emoji", comment.Number, comment.ID); err != nil {
		return err
	}
	_, refused := c.send(ctx, do, nil)
	if !errors.Is(refused, forge.ErrNotFound) && !errors.Is(refused, forge.ErrInvalid) {
		return refused
	}
	// GitLab refuses the second of the same reactions, as it does one below a
	// comment that is not there.
	do.method, do.body = http.MethodGet, nil
	awards, err := list[wireAward](ctx, c, do)
	if err != nil {
		return refused
	}
	self, err := c.Self(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(awards, func(a wireAward) bool { return a.Name == reaction && a.User.forge().Same(self) }) {
		return nil
	}
	return refused
}

// Access levels of GitLab; others lie between them.
const (
	guest      = 10
	reporter   = 20
	developer  = 30
	maintainer = 40
	owner      = 50
)

// Permission implements [forge.Forge]. GitLab is asked by id: membership of the
// project or of a group above it, by invitation of a group too. Who is no
// member may read a public or internal project.
func (c *Client) Permission(ctx context.Context, repo forge.Repo, user forge.User) (forge.Permission, error) {
	do := call{op: fmt.Sprintf("read permission of %s in %s", user.Login, repo), method: http.MethodGet}
	if user.ID <= 0 || user.Login == "" || strings.ContainsAny(user.Login, "/\\?#% ") {
		return forge.NoPermission, &forge.Error{Op: do.op, Message: "no account has this login and id", Err: forge.ErrNotFound}
	}
	if err := do.on(repo, "/members/all/%d", user.ID); err != nil {
		return forge.NoPermission, err
	}
	var member struct {
		wireUser
		AccessLevel     int    `json:"access_level"`
		MembershipState string `json:"membership_state"`
	}
	_, err := c.read(ctx, do, &member)
	if errors.Is(err, forge.ErrNotFound) {
		return c.permissionOfStranger(ctx, repo, user)
	}
	if err != nil {
		return forge.NoPermission, err
	}
	if member.ID != user.ID {
		return forge.NoPermission, c.misread(do, errors.New("it is about another account"))
	}
	// Blocked accounts stay members, and so do those that wait for a seat.
	if member.State != "active" || member.MembershipState != "" && member.MembershipState != "active" {
		return forge.NoPermission, nil
	}
	return permission(member.AccessLevel), nil
}

// permissionOfStranger is what somebody may do who is no member.
func (c *Client) permissionOfStranger(ctx context.Context, repo forge.Repo, user forge.User) (forge.Permission, error) {
	project, err := c.project(ctx, repo)
	if err != nil {
		return forge.NoPermission, err
	}
	do := call{op: "read account " + user.Login, method: http.MethodGet, path: fmt.Sprintf("users/%d", user.ID)}
	var account wireUser
	if _, err := c.read(ctx, do, &account); err != nil {
		return forge.NoPermission, err
	}
	if account.State == "active" && (project.Visibility == "public" || project.Visibility == "internal") {
		return forge.Read, nil
	}
	return forge.NoPermission, nil
}

func permission(level int) forge.Permission {
	switch {
	case level >= owner:
		return forge.Admin
	case level >= maintainer:
		return forge.Maintain
	case level >= developer:
		return forge.Write
	case level >= reporter:
		return forge.Triage
	case level >= guest:
		return forge.Read
	}
	return forge.NoPermission
}

// Self implements [forge.Forge]. Who a token is stays the same: GitLab is asked until it has said so once.
func (c *Client) Self(ctx context.Context) (forge.User, error) {
	c.self.Lock()
	defer c.self.Unlock()
	if c.self.known.ID != 0 {
		return c.self.known, nil
	}
	do := call{op: "read who we are", method: http.MethodGet, path: "user"}
	var got wireUser
	if _, err := c.read(ctx, do, &got); err != nil {
		return forge.User{}, err
	}
	if got.ID == 0 || got.Username == "" {
		return forge.User{}, c.misread(do, errors.New("user without id or username"))
	}
	c.self.known = got.forge()
	return c.self.known, nil
}
