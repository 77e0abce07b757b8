package github

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v60/github"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/internal/rest"
)

// App is a GitHub App as it is installed for an account. The client fetches its
// tokens, which hold for an hour, as it needs them.
type App struct {
	// ID of the app, on its page of settings.
	ID int64
	// Installation is which account and repositories it acts for, the
	// installation.id of its webhooks.
	Installation int64
	// PrivateKey in PEM, as GitHub gives it out.
	PrivateKey []byte
}

// installed is an app's two ways to ask: as the app, and as its installation.
type installed struct {
	app   http.RoundTripper
	base  *url.URL
	token func(context.Context) (string, error)
}

// authorize makes the client's transport one that acts for an installation.
func (a *App) authorize(base *url.URL, next http.RoundTripper) (*installed, http.RoundTripper, error) {
	if next == nil {
		next = http.DefaultTransport
	}
	app, err := ghinstallation.NewAppsTransport(next, a.ID, a.PrivateKey)
	if err != nil || a.ID <= 0 || a.Installation <= 0 { // the error may quote the key
		return nil, nil, errors.New("github: want the app's ID, its installation's, and its private key in PEM")
	}
	address := strings.TrimSuffix(base.String(), "/")
	app.BaseURL = address
	tokens := ghinstallation.NewFromAppsTransport(app, a.Installation)
	tokens.BaseURL = address
	tokens.InstallationTokenOptions = &github.InstallationTokenOptions{} // all that the installation may do
	value := func(ctx context.Context) (string, error) {
		token, err := tokens.Token(ctx)
		return "Bearer " + token, err
	}
	return &installed{app: app, base: base, token: tokens.Token}, rest.Authorization{Name: "Authorization", Value: value, Base: base, Next: next}, nil
}

// Token is what git may authenticate with now: the client's token, or one of the
// app's installation, which holds for an hour.
func (c *Client) Token(ctx context.Context) (string, error) {
	if c.installed == nil {
		return c.token, nil
	}
	token, err := c.installed.token(ctx)
	if failed := new(ghinstallation.HTTPError); errors.As(err, &failed) {
		return "", c.tokenFailure("authenticate git", failed)
	}
	return token, err
}

// InstallationOf is the installation of the app that a webhook's payload was
// sent to, 0 when it was sent to none.
func InstallationOf(payload []byte) int64 {
	var wire struct {
		Installation struct {
			ID int64 `json:"id"`
		} `json:"installation"`
	}
	if json.Unmarshal(payload, &wire) != nil {
		return 0
	}
	return wire.Installation.ID
}

// tokenFailure says how the fetching of a token failed.
func (c *Client) tokenFailure(op string, err *ghinstallation.HTTPError) error {
	op += ": fetch a token of the app's installation"
	if err.Response == nil {
		return &forge.Error{Op: op, Err: fmt.Errorf("%w: %s", forge.ErrUnavailable, c.clean(err.Message))}
	}
	err.Response.Body.Close()
	status, after := err.Response.StatusCode, rest.RetryAfter(err.Response.Header, "X-RateLimit")
	return &forge.Error{Op: op, Status: status, RetryAfter: after, Err: rest.Kind(status, after)}
}

// self is the account of an app: what its name is, the app itself is asked;
// which id it has, anybody may know.
func (i *installed) self(ctx context.Context, c *Client) (forge.User, error) {
	do := call{op: "read who we are", method: http.MethodGet}
	asApp := github.NewClient(&http.Client{Transport: i.app, CheckRedirect: rest.FollowReads})
	asApp.BaseURL, asApp.UserAgent = i.base, c.api.UserAgent
	var app struct {
		Slug string `json:"slug"`
	}
	err := rest.Read(ctx, c.backoff, func() error {
		req, err := asApp.NewRequest(http.MethodGet, "app", nil)
		if err == nil {
			_, err = asApp.Do(ctx, req, &app)
		}
		if err != nil {
			return c.failure(ctx, do.op, err)
		}
		return nil
	})
	if err != nil {
		return forge.User{}, err
	}
	if !isName(app.Slug) {
		return forge.User{}, c.misread(do, fmt.Errorf("the app's name is %q", app.Slug))
	}
	do.path = "users/" + url.PathEscape(app.Slug+"[bot]")
	var account wireUser
	if _, err := c.read(ctx, do, &account); err != nil {
		return forge.User{}, err
	}
	if account.ID == 0 || account.Type != "Bot" {
		return forge.User{}, c.misread(do, errors.New("it is no app's account"))
	}
	return account.forge(), nil
}
