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

// graphql asks what only GitHub's other API tells. It is at /graphql, and on an Enterprise Server beside the REST API's
// /api/v3. An answer may hold errors and be a 200 all the same.
func (c *Client) graphql(ctx context.Context, op, query string, into any) error {
	path := "graphql"
	if strings.HasSuffix(c.api.BaseURL.Path, "/v3/") {
		path = "../graphql"
	}
	do := call{op: op, method: http.MethodPost, path: path}
	return rest.Read(ctx, c.backoff, func() error {
		req, err := c.api.NewRequest(do.method, do.path, map[string]string{"query": query})
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
	if err := c.graphql(ctx, op, "query { viewer { login databaseId } }", &got); err != nil {
		return forge.User{}, err
	}
	name, isApp := strings.CutSuffix(got.Viewer.Login, "[bot]")
	if !isApp || !isName(name) || got.Viewer.DatabaseID <= 0 {
		return forge.User{}, c.misread(call{op: op}, errors.New("the viewer is no app's account"))
	}
	return forge.User{ID: got.Viewer.DatabaseID, Login: got.Viewer.Login, Bot: true}, nil
}
