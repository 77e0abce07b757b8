package github

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v60/github"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/internal/rest"
)

// perPage is the longest page that GitHub gives.
const perPage = 100

// call is one request, in words and on the wire.
type call struct {
	op     string // for messages
	method string
	path   string     // relative to the API's address, escaped
	query  url.Values // of a list
	body   any        // what to send as JSON, or nil
	late   func() any // makes body when the turn to write has come
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
	return next, err
}

// once sends a request once.
func (c *Client) once(ctx context.Context, do call, into any) (next int, err error) {
	if do.method != http.MethodGet {
		if err := c.pace.Wait(ctx); err != nil {
			return 0, &forge.Error{Op: do.op, Err: err}
		}
		if do.late != nil {
			do.body = do.late()
		}
	}
	req, err := c.api.NewRequest(do.method, do.path, do.body)
	if err != nil {
		return 0, &forge.Error{Op: do.op, Err: fmt.Errorf("%w: %w", forge.ErrInvalid, err)}
	}
	resp, err := c.api.Do(ctx, req, into)
	if err != nil {
		return 0, c.failure(ctx, do.op, err)
	}
	return resp.NextPage, nil
}

// list reads all pages of a list. Behind a page that is full another one is
// looked for, whatever GitHub says of it: of a page that has not changed (304)
// it does not say that one has come behind it meanwhile.
func list[T any](ctx context.Context, c *Client, do call) ([]T, error) {
	var all []T
	err := pages(ctx, c, do, func(got []T) (full bool, err error) {
		if got == nil { // an empty body, or null: not the same as an empty list
			return false, errors.New("no list")
		}
		all = append(all, got...)
		return len(got) == perPage, nil
	})
	return all, err
}

// pages reads all pages of something, and gives each to a function, which says
// whether another one is to be looked for also where GitHub names none. Its
// error is one about GitHub's answer.
func pages[T any](ctx context.Context, c *Client, do call, each func(T) (full bool, err error)) error {
	path := do.path
	query := maps.Clone(do.query)
	if query == nil {
		query = url.Values{}
	}
	query.Set("per_page", strconv.Itoa(perPage))
	for page, told := 1, true; ; {
		query.Set("page", strconv.Itoa(page))
		do.path = path + "?" + query.Encode()
		var got T
		next, err := c.read(ctx, do, &got)
		if errors.Is(err, forge.ErrInvalid) && !told { // it is beyond what GitHub lists
			return nil
		}
		if err != nil {
			return err
		}
		full, err := each(got)
		told = next != 0
		switch {
		case err != nil:
			return c.misread(do, err)
		case !told && !full:
			return nil
		case !told:
			next = page + 1
		}
		if next <= page {
			return c.misread(do, fmt.Errorf("page %d is followed by page %d", page, next))
		}
		page = next
	}
}

// misread is the error of an answer that does not make sense.
func (c *Client) misread(do call, err error) error {
	return &forge.Error{Op: do.op, Message: c.clean("GitHub's answer: " + err.Error()), Err: forge.ErrUnavailable}
}

// failure says in our words how a request failed.
func (c *Client) failure(ctx context.Context, op string, err error) error {
	var (
		primary   *github.RateLimitError
		secondary *github.AbuseRateLimitError
		answer    *github.ErrorResponse
		token     *ghinstallation.HTTPError
		ours      *forge.Error
	)
	switch {
	case errors.As(err, &ours):
		return &forge.Error{Op: op + ": " + ours.Op, Status: ours.Status, Message: ours.Message, RetryAfter: ours.RetryAfter, Err: ours.Err}
	case ctx.Err() == nil && errors.As(err, &token):
		return c.tokenFailure(op, token)
	case errors.As(err, &primary):
		return &forge.Error{
			Op: op, Status: primary.Response.StatusCode, Message: c.clean(primary.Message),
			RetryAfter: max(0, time.Until(primary.Rate.Reset.Time)), Err: forge.ErrRateLimited,
		}
	case errors.As(err, &secondary):
		e := &forge.Error{Op: op, Status: secondary.Response.StatusCode, Message: c.clean(secondary.Message), Err: forge.ErrRateLimited}
		if secondary.RetryAfter != nil {
			e.RetryAfter = max(0, *secondary.RetryAfter)
		}
		return e
	case errors.As(err, &answer):
		message := answer.Message
		for _, detail := range answer.Errors {
			if detail.Message != "" {
				message += ": " + detail.Message
			}
		}
		status, after := answer.Response.StatusCode, rest.RetryAfter(answer.Response.Header, "X-RateLimit")
		return &forge.Error{Op: op, Status: status, Message: c.clean(message), RetryAfter: after, Err: rest.Kind(status, after)}
	case ctx.Err() != nil:
		return &forge.Error{Op: op, Err: ctx.Err()}
	}
	return &forge.Error{Op: op, Err: fmt.Errorf("%w: %s", forge.ErrUnavailable, c.clean(err.Error()))}
}

// clean makes what others wrote fit for one line of a message.
func (c *Client) clean(message string) string { return rest.Line(message, c.token) }
