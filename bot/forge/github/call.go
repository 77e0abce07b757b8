package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/weighlock/weighlock/bot/forge"
)

const (
	// perPage is the longest page that GitHub gives.
	perPage = 100
	// readAttempts is how often a read is tried in all.
	readAttempts = 4
	// longestWait is the longest pause that a read makes because GitHub asks
	// for it. The hourly limit resets after up to an hour; the caller decides
	// about that.
	longestWait = time.Minute
	// longestMessage bounds what is passed on of GitHub's account of an error.
	longestMessage = 300
)

// call is one request, in words and on the wire.
type call struct {
	op     string // for messages
	method string
	path   string // relative to the API's address, escaped
	body   any    // what to send as JSON, or nil
}

// read sends a request that changes nothing, and repeats it when that may
// help. It returns the number of the next page, 0 when there is none.
func (c *Client) read(ctx context.Context, do call, into any) (next int, err error) {
	for attempt := 1; ; attempt++ {
		next, err = c.send(ctx, do, into)
		var failed *forge.Error
		if err == nil || attempt == readAttempts || !errors.As(err, &failed) {
			return next, err
		}
		pause := c.backoff << (attempt - 1)
		switch {
		case errors.Is(err, forge.ErrRateLimited):
			pause = failed.RetryAfter
			if pause == 0 { // GitHub wants a minute when it names no time
				pause = longestWait
			}
		case !errors.Is(err, forge.ErrUnavailable):
			return next, err
		}
		if pause > longestWait {
			return next, err
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return next, err // what GitHub said tells more than that time is up
		case <-timer.C:
		}
	}
}

// send sends a request once.
func (c *Client) send(ctx context.Context, do call, into any) (next int, err error) {
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

// list reads all pages of a list.
func list[T any](ctx context.Context, c *Client, do call) ([]T, error) {
	var all []T
	path := do.path
	for page := 1; ; {
		do.path = fmt.Sprintf("%s?per_page=%d&page=%d", path, perPage, page)
		var got []T
		next, err := c.read(ctx, do, &got)
		if err != nil {
			return nil, err
		}
		if got == nil { // an empty body, or null: not the same as an empty list
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
	return &forge.Error{Op: do.op, Message: c.clean("GitHub's answer: " + err.Error()), Err: forge.ErrUnavailable}
}

// failure says in our words how a request failed.
func (c *Client) failure(ctx context.Context, op string, err error) error {
	var (
		primary   *github.RateLimitError
		secondary *github.AbuseRateLimitError
		answer    *github.ErrorResponse
	)
	switch {
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
		status, after := answer.Response.StatusCode, retryAfter(answer.Response.Header)
		return &forge.Error{Op: op, Status: status, Message: c.clean(message), RetryAfter: after, Err: kind(status, after)}
	case ctx.Err() != nil:
		return &forge.Error{Op: op, Err: ctx.Err()}
	}
	return &forge.Error{Op: op, Err: fmt.Errorf("%w: %s", forge.ErrUnavailable, c.clean(err.Error()))}
}

// kind sorts an HTTP status. GitHub tells a rate limit from a missing right by
// the time to wait.
func kind(status int, after time.Duration) error {
	switch {
	case status == http.StatusTooManyRequests, status == http.StatusForbidden && after > 0:
		return forge.ErrRateLimited
	case status == http.StatusUnauthorized:
		return forge.ErrUnauthorized
	case status == http.StatusForbidden:
		return forge.ErrForbidden
	case status == http.StatusNotFound, status == http.StatusGone, status/100 == 3:
		return forge.ErrNotFound // 3xx: a write to a repository that was renamed
	case status >= 500:
		return forge.ErrUnavailable
	}
	return forge.ErrInvalid
}

// retryAfter reads how long GitHub asks to wait: Retry-After in seconds, else,
// where nothing remains, the time at which the limit is reset.
func retryAfter(h http.Header) time.Duration {
	if s, err := strconv.Atoi(h.Get("Retry-After")); err == nil && s > 0 {
		return time.Duration(s) * time.Second
	}
	if h.Get("X-RateLimit-Remaining") != "0" {
		return 0
	}
	reset, err := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64)
	if err != nil {
		return 0
	}
	return max(0, time.Until(time.Unix(reset, 0)))
}

// clean makes what others wrote fit for one line of a message, without our
// token, should somebody have sent it back.
func (c *Client) clean(message string) string {
	if c.token != "" {
		message = strings.ReplaceAll(message, c.token, "***")
	}
	message = strings.Join(strings.Fields(message), " ")
	if runes := []rune(message); len(runes) > longestMessage {
		message = string(runes[:longestMessage]) + "…"
	}
	return message
}
