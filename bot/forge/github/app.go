package github

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

	// timeout is how long a token may take to come; 0 has no end.
	timeout time.Duration

	mu   sync.Mutex
	id   int64 // of the installation; 0 while that is not known
	repo forge.Repo
	// found says that id is the one that was found for repo.
	found bool
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

// token is one that the installation acts by. Whoever needs one waits for who asks for it: that has an end, whatever the caller's has.
func (i *installed) token(ctx context.Context) (string, error) {
	if i.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, i.timeout)
		defer cancel()
	}
	for again := false; ; again = true {
		tokens, err := i.source(ctx)
		if err != nil {
			return "", err
		}
		token, err := tokens.Token(ctx)
		if again || !i.gone(tokens, err) {
			return token, err
		}
	}
}

// gone forgets an installation that was found for a repository and that GitHub does not know any more: the app may have been installed anew,
// which makes another one.
func (i *installed) gone(tokens *ghinstallation.Transport, err error) bool {
	var failed *ghinstallation.HTTPError
	if !errors.As(err, &failed) || failed.Response == nil || failed.Response.StatusCode != http.StatusNotFound {
		return false
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.found {
		return false
	}
	failed.Response.Body.Close()
	if i.tokens == tokens {
		i.id, i.found, i.tokens = 0, false, nil
	}
	return true
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
		if found.ID <= 0 {
			return nil, &forge.Error{Op: op, Message: "GitHub's answer names none", Err: forge.ErrUnavailable}
		}
		i.id, i.found = found.ID, true
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

// tokenFailure says how the fetching of a token failed. An installation that was suspended (403) may act again some day, as may an app whose
// key, or clock, is not right.
func (c *Client) tokenFailure(op string, err *ghinstallation.HTTPError) error {
	op += ": fetch a token of the app's installation"
	if err.Response == nil {
		return &forge.Error{Op: op, Err: fmt.Errorf("%w: %s", forge.ErrUnavailable, c.clean(err.Message))}
	}
	defer err.Response.Body.Close()
	var said struct {
		Message string `json:"message"`
	}
	_ = json.NewDecoder(io.LimitReader(err.Response.Body, 64<<10)).Decode(&said) // the status tells as well
	status, after := err.Response.StatusCode, rest.RetryAfter(err.Response.Header, "X-RateLimit")
	kind := rest.Kind(status, after)
	if errors.Is(kind, forge.ErrForbidden) {
		kind = forge.ErrUnauthorized
	}
	return &forge.Error{Op: op, Status: status, Message: c.clean(said.Message), RetryAfter: after, Err: kind}
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
