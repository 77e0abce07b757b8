package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/internal/rest"
)

// graphQL is a question to GitHub's other API, with what it is about.
type graphQL struct {
	Query     string            `json:"query"`
	Variables map[string]string `json:"variables,omitempty"`
}

// graphql asks what only GitHub's other API tells. It is at /graphql, and on an Enterprise Server beside the REST API's
// /api/v3. An answer may hold errors and be a 200 all the same.
func (c *Client) graphql(ctx context.Context, op string, ask graphQL, into any) error {
	path := "graphql"
	if strings.HasSuffix(c.api.BaseURL.Path, "/v3/") {
		path = "../graphql"
	}
	do := call{op: op, method: http.MethodPost, path: path}
	return rest.Read(ctx, c.backoff, func() error {
		req, err := c.api.NewRequest(do.method, do.path, ask)
		if err != nil {
			return &forge.Error{Op: op, Err: fmt.Errorf("%w: %w", forge.ErrInvalid, err)}
		}
		got := struct {
			Data   any `json:"data"`
			Errors []struct {
				Type    string `json:"type"`
				Message string `json:"message"`
			} `json:"errors"`
		}{Data: into}
		if _, err := c.api.Do(ctx, req, &got); err != nil {
			return c.failure(ctx, op, err)
		}
		if len(got.Errors) == 0 {
			return nil
		}
		kind := map[string]error{"FORBIDDEN": forge.ErrForbidden, "NOT_FOUND": forge.ErrNotFound, "RATE_LIMITED": forge.ErrRateLimited}[got.Errors[0].Type]
		if kind == nil {
			kind = forge.ErrInvalid
		}
		return &forge.Error{Op: op, Message: c.clean(got.Errors[0].Message), Err: kind}
	})
}

// viewer is the account of a token that acts for an app's installation: GET /user is not for these. Nothing is taken for
// granted: who is taken for somebody else would edit that one's comments.
func (c *Client) viewer(ctx context.Context, op string) (forge.User, error) {
	var got struct {
		Viewer struct {
			Login      string `json:"login"`
			DatabaseID int64  `json:"databaseId"`
		} `json:"viewer"`
	}
	if err := c.graphql(ctx, op, graphQL{Query: "query { viewer { login databaseId } }"}, &got); err != nil {
		return forge.User{}, err
	}
	name, isApp := strings.CutSuffix(got.Viewer.Login, "[bot]")
	if !isApp || !isName(name) || got.Viewer.DatabaseID <= 0 {
		return forge.User{}, c.misread(call{op: op}, errors.New("the viewer is no app's account"))
	}
	return forge.User{ID: got.Viewer.DatabaseID, Login: got.Viewer.Login, Bot: true}, nil
}

// hide is said once more without harm, so that it is sent again where a read would be.
const hide = "mutation($id: ID!) { minimizeComment(input: {subjectId: $id, classifier: OUTDATED}) { minimizedComment { isMinimized } } }"

// HideComment implements [forge.Forge].
func (c *Client) HideComment(ctx context.Context, comment forge.Comment) error {
	op := fmt.Sprintf("hide comment %d of %s#%d", comment.ID, comment.Repo, comment.Number)
	if comment.Node == "" {
		return &forge.Error{Op: op, Message: "it was not read from GitHub", Err: forge.ErrInvalid}
	}
	if err := c.pace.Wait(ctx); err != nil {
		return &forge.Error{Op: op, Err: err}
	}
	var got struct {
		Minimize struct {
			Comment struct {
				Minimized bool `json:"isMinimized"`
			} `json:"minimizedComment"`
		} `json:"minimizeComment"`
	}
	if err := c.graphql(ctx, op, graphQL{hide, map[string]string{"id": comment.Node}}, &got); err != nil {
		return err
	}
	if !got.Minimize.Comment.Minimized {
		return c.misread(call{op: op}, errors.New("it is not hidden"))
	}
	return nil
}
