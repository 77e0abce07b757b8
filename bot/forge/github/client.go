// Package github makes GitHub a [forge.Forge]: a client of the REST API, and
// [Decode] for the payloads of webhooks and of CI jobs' event files. It is the
// only importer of GitHub's SDK.
//
// # Who we are
//
// GET /user answers for the token of a person or of a machine account. One that
// acts for an app's installation may not ask it, be that GitHub Actions, whose
// comments are those of github-actions[bot], or another app: the viewer of the
// GraphQL API is who it is. Where that is not told either, [Client.Self] fails.
// An app (see [App]) is asked for its name.
//
// # Networks
//
// Proxies (HTTPS_PROXY, NO_PROXY) and private certification authorities
// (SSL_CERT_FILE, SSL_CERT_DIR) are those of the environment, as for all
// programs in Go, unless [Config.HTTPClient] says otherwise.
//
// # Limits
//
// Reads are tried up to four times: when GitHub says to wait, after that time,
// unless it is longer than a minute; when it fails or does not answer, after
// one second, then two, then four. Writes are tried again only when GitHub has
// refused them for their number and says how long to wait, and are kept apart: see
// [Config.WriteSpacing]. A read of what has not changed is answered from memory,
// once GitHub has said so, and does not count.
package github

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/internal/rest"
)

// DotCom is the address of github.com's API.
const DotCom = "https://api.github.com"

// maxComment is how many characters GitHub accepts in a comment's body. It
// answers 422, "Body is too long (maximum is 65536 characters)", to more.
const maxComment = 65536

// Config says how to reach GitHub, and as whom.
type Config struct {
	// Token goes with every request to the API, and with no other. Empty when
	// HTTPClient puts its own authorization on requests.
	Token string
	// App is what we act as in place of a token's account.
	App *App
	// BaseURL is the API's address, what GITHUB_API_URL holds in a CI job:
	// https://api.github.com, or https://HOST/api/v3 on a GitHub Enterprise
	// Server. Empty means [DotCom].
	BaseURL string
	// HTTPClient carries the requests, but for its CheckRedirect: see
	// [rest.Follow]. Nil means one that gives a request 30 seconds.
	HTTPClient *http.Client
	// Backoff is the pause before a failed read is tried again, doubled from
	// one time to the next. Zero means one second.
	Backoff time.Duration
	// WriteSpacing is the least time from one write to the next. Zero means a
	// second on github.com and ghe.com, which limit writes by the minute, and none on
	// servers of one's own; less than zero none anywhere.
	WriteSpacing time.Duration
}

// Client is GitHub under one identity. It is safe for concurrent use.
type Client struct {
	api       *github.Client
	token     string
	app       bool       // who we are may write check runs
	installed *installed // nil without [Config.App]
	backoff   time.Duration
	pace      *rest.Pace
	edits     rest.Edits[edited, forge.Comment]
	self      struct {
		sync.Mutex
		known forge.User
	}
}

var _ forge.Forge = (*Client)(nil)

// New makes a client. It does not speak to GitHub yet.
func New(c Config) (*Client, error) {
	switch {
	case c.Token == "" && c.App == nil && c.HTTPClient == nil:
		return nil, errors.New("github: no token")
	case c.Token != "" && c.App != nil:
		return nil, errors.New("github: a token and an app; want one of them")
	}
	if c.Token != "" && !rest.IsToken(c.Token) {
		return nil, errors.New("github: the token holds white space or other characters that no token has")
	}
	if c.BaseURL == "" {
		c.BaseURL = DotCom
	}
	base, err := rest.BaseURL(c.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("github: API address: %w, such as %s or https://HOST/api/v3", err, DotCom)
	}
	if c.Backoff <= 0 {
		c.Backoff = time.Second
	}
	if c.WriteSpacing == 0 && (base.Host == "api.github.com" || strings.HasSuffix(base.Host, ".ghe.com")) {
		c.WriteSpacing = time.Second
	}
	plain := http.Client{Timeout: 30 * time.Second}
	if c.HTTPClient != nil {
		plain = *c.HTTPClient
	}
	plain.CheckRedirect = rest.Follow
	if c.Token != "" {
		plain.Transport = rest.Authorization{Name: "Authorization", Value: rest.Always("Bearer " + c.Token), Base: base, Next: plain.Transport}
	}
	var as *installed
	if c.App != nil {
		if as, plain.Transport, err = c.App.authorize(base, plain.Transport); err != nil {
			return nil, err
		}
	}
	plain.Transport = &rest.Conditional{Next: plain.Transport}
	api := github.NewClient(&plain)
	api.BaseURL = base
	api.UserAgent = userAgent
	client := &Client{
		api: api, token: c.Token, installed: as, app: as != nil || strings.HasPrefix(c.Token, installationToken),
		backoff: c.Backoff, pace: rest.NewPace(c.WriteSpacing),
	}
	if as != nil {
		as.failure, as.timeout = client.failure, plain.Timeout
	}
	return client, nil
}

const userAgent = "weighlock"

// installationToken is how tokens begin that act for an installation of an app:
// those of GitHub Actions too. Only they may write check runs.
const installationToken = "ghs_"

// Capabilities implements [forge.Forge]. Checks of a token that is a person's
// are commit statuses, which have no page.
func (c *Client) Capabilities() forge.Capabilities {
	return forge.Capabilities{CheckSummary: c.app, RequiredByName: true, ReviewCommits: true, InactiveDeployments: true, HideComments: true, DeploymentLogs: true}
}

// HeadRef is refs/pull/N/head.
func (c *Client) HeadRef(number int) string { return fmt.Sprintf("refs/pull/%d/head", number) }

// MaxComment is 65536.
func (c *Client) MaxComment() int { return maxComment }
