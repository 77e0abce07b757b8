package github

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

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
	// installation.id of its webhooks. Zero means the one that Repo belongs to,
	// which GitHub is asked for once it is needed.
	Installation int64
	Repo         forge.Repo
	// PrivateKey in PEM, as GitHub gives it out.
	PrivateKey []byte
}

// installed is an app's two ways to ask: as the app, and as its installation.
type installed struct {
	app  *ghinstallation.AppsTransport
	base *url.URL

	mu   sync.Mutex
	id   int64 // of the installation; 0 while that is not known
	repo forge.Repo
	// failure says in our words how a request failed.
	failure func(ctx context.Context, op string, err error) error
	tokens  *ghinstallation.Transport // nil until there was need of one

	// hooks are the deliveries that are to be sent again, by GUID.
	hooks struct {
		sync.Mutex
		failed map[string]*failedHook
	}
}

// authorize makes the client's transport one that acts for an installation.
func (a *App) authorize(base *url.URL, next http.RoundTripper) (*installed, http.RoundTripper, error) {
	if next == nil {
		next = http.DefaultTransport
	}
	app, err := ghinstallation.NewAppsTransport(next, a.ID, a.PrivateKey)
	if err != nil || a.ID <= 0 || a.Installation < 0 { // the error may quote the key
		return nil, nil, errors.New("github: want the app's ID, its installation's or a repository, and its private key in PEM")
	}
	app.BaseURL = strings.TrimSuffix(base.String(), "/")
	i := &installed{app: app, base: base, id: a.Installation, repo: a.Repo}
	i.hooks.failed = map[string]*failedHook{}
	value := func(ctx context.Context) (string, error) {
		token, err := i.token(ctx)
		return "Bearer " + token, err
	}
	return i, rest.Authorization{Name: "Authorization", Value: value, Base: base, Next: next}, nil
}

// token is one that the installation acts by.
func (i *installed) token(ctx context.Context) (string, error) {
	tokens, err := i.source(ctx)
	if err != nil {
		return "", err
	}
	return tokens.Token(ctx)
}

// source is where the installation's tokens come from. Which installation that is, is found out once.
func (i *installed) source(ctx context.Context) (*ghinstallation.Transport, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.tokens != nil {
		return i.tokens, nil
	}
	if i.id == 0 {
		if i.repo == (forge.Repo{}) {
			return nil, &forge.Error{Op: "find the app's installation", Message: "say which one it is, or name a repository", Err: forge.ErrInvalid}
		}
		var found struct {
			ID int64 `json:"id"`
		}
		path := fmt.Sprintf("repos/%s/%s/installation", url.PathEscape(i.repo.Owner), url.PathEscape(i.repo.Name))
		op := "find the app's installation for " + i.repo.String()
		if err := i.ask(ctx, path, &found); err != nil {
			return nil, i.failure(ctx, op, err)
		}
		if i.id = found.ID; i.id <= 0 {
			return nil, &forge.Error{Op: op, Message: "GitHub's answer names none", Err: forge.ErrUnavailable}
		}
	}
	i.tokens = ghinstallation.NewFromAppsTransport(i.app, i.id)
	i.tokens.BaseURL = i.app.BaseURL
	i.tokens.InstallationTokenOptions = &github.InstallationTokenOptions{} // all that the installation may do
	return i.tokens, nil
}

// ask reads something as the app itself.
func (i *installed) ask(ctx context.Context, path string, into any) error {
	asApp := github.NewClient(&http.Client{Transport: i.app, CheckRedirect: rest.Follow, Timeout: 30 * time.Second})
	asApp.BaseURL, asApp.UserAgent = i.base, userAgent
	req, err := asApp.NewRequest(http.MethodGet, path, nil)
	if err == nil {
		_, err = asApp.Do(ctx, req, into)
	}
	return err
}

// Token is what git may authenticate with now: the client's token, or one of the
// app's installation, which holds for an hour.
func (c *Client) Token(ctx context.Context) (string, error) {
	if c.installed == nil {
		return c.token, nil
	}
	token, err := c.installed.token(ctx)
	if err != nil {
		return "", c.failure(ctx, "authenticate git", err)
	}
	return token, nil
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
	var app struct {
		Slug string `json:"slug"`
	}
	err := rest.Read(ctx, c.backoff, func() error {
		if err := i.ask(ctx, "app", &app); err != nil {
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
