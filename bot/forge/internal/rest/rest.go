// Package rest is what the adapters do alike when they speak to a forge's REST
// API: which requests are repeated and when, who gets to see the token, which
// redirects are followed, what a status means.
package rest

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
)

const (
	// attempts is how often a read is tried in all.
	attempts = 4
	// longestWait is the longest pause that a read makes because the forge asks
	// for it. Longer ones are for the caller to decide about.
	longestWait = time.Minute
	// longestLine bounds what is passed on of a forge's account of an error.
	longestLine = 300
)

// Read calls what reads from a forge, again when that may help: when the forge
// says to wait, after that time; when it fails or does not answer, after the
// backoff, which doubles from one time to the next. It returns the last error.
func Read(ctx context.Context, backoff time.Duration, read func() error) error {
	for attempt := 1; ; attempt++ {
		err := read()
		var failed *forge.Error
		if err == nil || attempt == attempts || !errors.As(err, &failed) {
			return err
		}
		pause := backoff << (attempt - 1)
		switch {
		case errors.Is(err, forge.ErrRateLimited):
			pause = failed.RetryAfter
			if pause == 0 { // forges count by the minute
				pause = longestWait
			}
		case !errors.Is(err, forge.ErrUnavailable):
			return err
		}
		if pause > longestWait {
			return err
		}
		if Sleep(ctx, pause) != nil {
			return err // what the forge said tells more than that time is up
		}
	}
}

// Write calls what writes to a forge, and again only where the forge has refused
// it for coming too fast and says for how long: then it did not take place.
func Write(ctx context.Context, write func() error) error {
	for attempt := 1; ; attempt++ {
		err := write()
		var failed *forge.Error
		if attempt == attempts || !errors.Is(err, forge.ErrRateLimited) || !errors.As(err, &failed) || failed.RetryAfter <= 0 || failed.RetryAfter > longestWait {
			return err
		}
		if Sleep(ctx, failed.RetryAfter) != nil {
			return err
		}
	}
}

// Sleep waits, or returns the error of a context that ends before.
func Sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Kind sorts an HTTP status. A forge tells a rate limit from a missing right by
// the time to wait.
func Kind(status int, after time.Duration) error {
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

// RetryAfter reads how long a forge asks to wait: Retry-After in seconds, else,
// where nothing remains of the limit, the time at which it is reset. Prefix is
// that of the headers about the limit, such as X-RateLimit.
func RetryAfter(h http.Header, prefix string) time.Duration {
	if s, err := strconv.Atoi(h.Get("Retry-After")); err == nil && s > 0 {
		return time.Duration(s) * time.Second
	}
	if h.Get(prefix+"-Remaining") != "0" {
		return 0
	}
	reset, err := strconv.ParseInt(h.Get(prefix+"-Reset"), 10, 64)
	if err != nil {
		return 0
	}
	return max(0, time.Until(time.Unix(reset, 0)))
}

// Line makes what others wrote fit for one line of a message, without our
// token, should somebody have sent it back.
func Line(text, token string) string {
	if token != "" {
		text = strings.ReplaceAll(text, token, "***")
	}
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > longestLine {
		text = string(runes[:longestLine]) + "…"
	}
	return text
}

// BaseURL reads the address of an API. It ends in a slash.
func BaseURL(address string) (*url.URL, error) {
	base, err := url.Parse(strings.TrimRight(address, "/") + "/")
	if err != nil {
		return nil, errors.New("not a URL")
	}
	if base.Scheme != "https" && base.Scheme != "http" || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, errors.New("want http or https, a host and a path, no more")
	}
	return base, nil
}

// IsToken tells whether a token can stand in a header as it is.
func IsToken(token string) bool {
	return token != "" && !strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' })
}

// Authorization puts a header on requests to the API's own host. A redirect to
// another host goes without it: left to themselves, SDKs and net/http would
// send some along.
type Authorization struct {
	Name string
	// Value gives what the header holds now.
	Value func(context.Context) (string, error)
	Base  *url.URL
	Next  http.RoundTripper // nil means http.DefaultTransport
}

// Always is a value that stays.
func Always(value string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return value, nil }
}

// RoundTrip implements [http.RoundTripper].
func (a Authorization) RoundTrip(req *http.Request) (*http.Response, error) {
	next := a.Next
	if next == nil {
		next = http.DefaultTransport
	}
	req = req.Clone(req.Context())
	req.Header.Del(a.Name)
	if req.URL.Scheme == a.Base.Scheme && req.URL.Host == a.Base.Host {
		value, err := a.Value(req.Context())
		if err != nil {
			return nil, err
		}
		req.Header.Set(a.Name, value)
	}
	return next.RoundTrip(req)
}

// Follow is a client's CheckRedirect. Reads go where they are sent. A write does where it shall be repeated as it is (307, 308) at the
// same server, as GitHub says of a repository that was renamed: followed else, a POST would turn into a GET and seem to have succeeded.
func Follow(req *http.Request, via []*http.Request) error {
	first := via[0]
	same := req.Response.StatusCode == http.StatusTemporaryRedirect || req.Response.StatusCode == http.StatusPermanentRedirect
	if len(via) > 5 || first.Method != http.MethodGet && (!same || req.URL.Host != first.URL.Host || req.URL.Scheme != first.URL.Scheme) {
		return http.ErrUseLastResponse
	}
	return nil
}
