package gitlab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/xanzy/go-gitlab"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/internal/rest"
)

// perPage is the longest page that GitLab gives.
const perPage = 100

// graphQL is the path of GitLab's other API, beside the REST API's.
const graphQL = "../graphql"

// call is one request, in words and on the wire.
type call struct {
	op     string // for messages
	method string
	path   string     // relative to the API's address, escaped
	repo   forge.Repo // that path is below, if it is
	query  url.Values
	body   any        // what to send as JSON, or nil
	late   func() any // makes body when the turn to write has come
	job    bool       // GitLab lets the token of a CI job do this
}

// on sets the path to one below a project's.
func (do *call) on(repo forge.Repo, format string, args ...any) error {
	parsed, err := forge.ParseRepo(repo.String())
	if err != nil || parsed != repo {
		return &forge.Error{Op: do.op, Message: "want a project as group/name", Err: forge.ErrInvalid}
	}
	do.repo, do.path = repo, "projects/"+url.PathEscape(repo.String())+fmt.Sprintf(format, args...)
	return nil
}

// read sends a request that changes nothing, and repeats it when that may
// help. It returns the number of the next page, 0 when there is none.
func (c *Client) read(ctx context.Context, do call, into any) (next int, err error) {
	err = rest.Read(ctx, c.backoff, func() error {
		next, err = c.send(ctx, do, into)
		return err
	})
	return next, err
}

// send sends a request; a write again where the forge says that it came too
// soon, which is not to have taken place.
func (c *Client) send(ctx context.Context, do call, into any) (next int, err error) {
	if do.method == http.MethodGet {
		return c.once(ctx, do, into)
	}
	err = rest.Write(ctx, func() error {
		next, err = c.once(ctx, do, into)
		return err
	})
	if failed := new(forge.Error); errors.As(err, &failed) && failed.Status == http.StatusMethodNotAllowed && do.repo != (forge.Repo{}) {
		return c.sendByNumber(ctx, do, into, err)
	}
	return next, err
}

// sendByNumber sends a write once more, to the project by its number: to one that was renamed or moved GitLab takes reads by its old
// path, and no writes (405). refused is what it said.
func (c *Client) sendByNumber(ctx context.Context, do call, into any, refused error) (next int, err error) {
	project, err := c.project(ctx, do.repo)
	if err != nil || project.ID == 0 || strings.EqualFold(project.PathWithNamespace, do.repo.String()) {
		return 0, refused
	}
	do.path = fmt.Sprintf("projects/%d", project.ID) + strings.TrimPrefix(do.path, "projects/"+url.PathEscape(do.repo.String()))
	err = rest.Write(ctx, func() error {
		next, err = c.once(ctx, do, into)
		return err
	})
	return next, err
}

// once sends a request once.
func (c *Client) once(ctx context.Context, do call, into any) (next int, err error) {
	if c.jobToken && !do.job {
		return 0, &forge.Error{
			Op: do.op, Err: forge.ErrForbidden,
			Message: "GitLab does not let a CI_JOB_TOKEN do this; use a project access token with the scope api and the role Developer",
		}
	}
	if do.method != http.MethodGet && do.path != graphQL { // we only ask there
		if err := c.pace.Wait(ctx); err != nil {
			return 0, &forge.Error{Op: do.op, Err: err}
		}
		if do.late != nil {
			do.body = do.late()
		}
	}
	req, err := c.api.NewRequest(do.method, do.path, do.body, []gitlab.RequestOptionFunc{gitlab.WithContext(ctx)})
	if err != nil {
		return 0, &forge.Error{Op: do.op, Err: fmt.Errorf("%w: %s", forge.ErrInvalid, c.clean(err.Error()))}
	}
	if do.path == graphQL {
		req.URL = c.api.BaseURL().JoinPath(graphQL)
	}
	req.URL.RawQuery = do.query.Encode()
	resp, err := c.api.Do(req, into)
	if err != nil {
		return 0, c.failure(ctx, do.op, resp, err)
	}
	return resp.NextPage, nil
}

// list reads all pages of a list.
func list[T any](ctx context.Context, c *Client, do call) ([]T, error) {
	var all []T
	query := url.Values{"per_page": {strconv.Itoa(perPage)}}
	for name, values := range do.query {
		query[name] = values
	}
	do.query = query
	for page := 1; ; {
		query.Set("page", strconv.Itoa(page))
		var got []T
		next, err := c.read(ctx, do, &got)
		if err != nil {
			return nil, err
		}
		if got == nil { // null is not the same as an empty list
			return nil, c.misread(do, errors.New("no list"))
		}
		all = append(all, got...)
		if next == 0 {
			return all, nil
		}
		if next <= page {
			return nil, c.misread(do, fmt.Errorf("page %d is followed by page %d", page, next))
		}
		page = next
	}
}

// misread is the error of an answer that does not make sense.
func (c *Client) misread(do call, err error) error {
	return &forge.Error{Op: do.op, Message: c.clean("GitLab's answer: " + err.Error()), Err: forge.ErrUnavailable}
}

// failure says in our words how a request failed.
func (c *Client) failure(ctx context.Context, op string, resp *gitlab.Response, err error) error {
	var answer *gitlab.ErrorResponse
	switch {
	case errors.As(err, &answer):
		status, after := answer.Response.StatusCode, rest.RetryAfter(answer.Response.Header, "RateLimit")
		said := strings.TrimPrefix(message(answer), fmt.Sprintf("%d ", status)) // "403 Forbidden" tells the status twice
		return &forge.Error{Op: op, Status: status, Message: c.clean(said), RetryAfter: after, Err: rest.Kind(status, after)}
	case errors.Is(err, gitlab.ErrNotFound): // the SDK throws GitLab's account of it away
		return &forge.Error{Op: op, Status: http.StatusNotFound, Message: http.StatusText(http.StatusNotFound), Err: forge.ErrNotFound}
	case ctx.Err() != nil:
		return &forge.Error{Op: op, Err: ctx.Err()}
	}
	failed := &forge.Error{Op: op, Err: fmt.Errorf("%w: %s", forge.ErrUnavailable, c.clean(err.Error()))}
	if resp != nil { // an answer that broke off
		failed.Status = resp.StatusCode
	}
	return failed
}

// message is GitLab's account of an error: {"message": …} or {"error": …}, where
// the first may be an object with lists for fields.
func message(answer *gitlab.ErrorResponse) string {
	var wire struct {
		Message     any    `json:"message"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if err := json.Unmarshal(answer.Body, &wire); err != nil {
		return string(answer.Body)
	}
	switch m := wire.Message.(type) {
	case nil:
		if wire.Description != "" {
			return wire.Error + ": " + wire.Description
		}
		return wire.Error
	case string:
		return m
	default:
		text, err := json.Marshal(m)
		if err != nil {
			return answer.Message
		}
		return string(text)
	}
}

// clean makes what others wrote fit for one line of a message.
func (c *Client) clean(message string) string { return rest.Line(message, c.token) }
