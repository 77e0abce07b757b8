// Package gitlab makes GitLab a [forge.Forge]: a client of the REST API, and
// [Decode] for the payloads of webhooks. It is the only importer of GitLab's
// SDK.
//
// A merge request is a pull request here, its iid the number; a project is a
// repository, and its path with all groups the name of it; a note is a comment.
// Review comments (DiffNotes), GitLab's own notes (system notes) and internal
// notes are no comments to us.
//
// # Tokens
//
// A personal, group or project access token with the scope api does
// everything. A project's or group's token is an account of its own, which
// [Client.Self] names; give it at least the role Developer. The token of a CI
// job (CI_JOB_TOKEN) suffices for deployments; merge requests, comments, checks
// and members are beyond it: see [Config.JobToken].
//
// # Networks
//
// Proxies (HTTPS_PROXY, NO_PROXY) and private certification authorities
// (SSL_CERT_FILE, SSL_CERT_DIR) are those of the environment, as for all
// programs in Go, unless [Config.HTTPClient] says otherwise.
//
// # Limits
//
// Reads are tried up to four times: when GitLab says to wait (Retry-After,
// RateLimit-Reset), after that time, unless it is longer than a minute; when it
// fails or does not answer, after one second, then two, then four. Writes are
// tried again only when GitLab has refused them for their number and says how long
// to wait, and are kept apart: see [Config.WriteSpacing]. A read of what has not
// changed is answered from memory, once GitLab has said so.
//
// # Slash commands
//
// GitLab carries out the quick actions that it finds in a comment, on lines
// that start with a slash outside of code, ours too: /close, /merge, /approve,
// /lock and so on. It takes those lines away, and keeps no comment that holds
// nothing else. Whoever writes a comment sees to it that no such line stands in
// it.
package gitlab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/xanzy/go-gitlab"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/internal/rest"
)

// DotCom is the address of gitlab.com.
const DotCom = "https://gitlab.com"

// maxComment is how many characters GitLab accepts in a comment's body. It
// answers 400, "Note is too long (maximum is 1000000 characters)", to more.
const maxComment = 1000000

// Config says how to reach GitLab, and as whom.
type Config struct {
	// Token goes with every request to the API, and with no other.
	Token string
	// JobToken says that Token is a CI job's, CI_JOB_TOKEN. A verb that GitLab
	// does not let such a token do fails with [forge.ErrForbidden] and says which
	// token it needs; nothing is asked of GitLab then.
	JobToken bool
	// BaseURL is the installation's address, what CI_SERVER_URL holds in a CI
	// job, or the API's, what CI_API_V4_URL holds: https://gitlab.example.com,
	// also below a path, with or without /api/v4. Empty means [DotCom].
	BaseURL string
	// HTTPClient carries the requests, but for its CheckRedirect: see
	// [rest.Follow]. Nil means one that gives a request 30 seconds.
	HTTPClient *http.Client
	// Backoff is the pause before a failed read is tried again, doubled from
	// one time to the next. Zero means one second.
	Backoff time.Duration
	// WriteSpacing is the least time from one write to the next. Zero means a
	// second on gitlab.com, which limit writes by the minute, and none on
	// servers of one's own; less than zero none anywhere.
	WriteSpacing time.Duration
}

// Client is GitLab under one identity. It is safe for concurrent use.
type Client struct {
	api      *gitlab.Client
	token    string
	jobToken bool
	web      string // the installation's address, without a slash at the end
	backoff  time.Duration
	pace     *rest.Pace
	edits    rest.Edits[edited, forge.Comment]
	self     struct {
		sync.Mutex
		known forge.User
	}
}

var _ forge.Forge = (*Client)(nil)

// New makes a client. It does not speak to GitLab yet.
func New(c Config) (*Client, error) {
	if c.Token == "" {
		return nil, errors.New("gitlab: no token")
	}
	if !rest.IsToken(c.Token) {
		return nil, errors.New("gitlab: the token holds white space or other characters that no token has")
	}
	if c.BaseURL == "" {
		c.BaseURL = DotCom
	}
	web := strings.TrimSuffix(strings.TrimRight(c.BaseURL, "/"), "/api/v4")
	base, err := rest.BaseURL(web + "/api/v4")
	if err != nil {
		return nil, fmt.Errorf("gitlab: address: %w, such as %s", err, DotCom)
	}
	if c.Backoff <= 0 {
		c.Backoff = time.Second
	}
	if c.WriteSpacing == 0 && base.Host == "gitlab.com" {
		c.WriteSpacing = time.Second
	}
	plain := http.Client{Timeout: 30 * time.Second}
	if c.HTTPClient != nil {
		plain = *c.HTTPClient
	}
	plain.CheckRedirect = rest.Follow
	newClient, header := gitlab.NewClient, "PRIVATE-TOKEN"
	if c.JobToken {
		newClient, header = gitlab.NewJobClient, "JOB-TOKEN"
	}
	// The SDK would send the token to whomever a redirect leads to. It would also
	// repeat writes, and wait by a limiter that it exchanges while others use it.
	plain.Transport = &rest.Conditional{Next: rest.Authorization{Name: header, Value: rest.Always(c.Token), Base: base, Next: plain.Transport}}
	api, err := newClient("", gitlab.WithBaseURL(base.String()), gitlab.WithHTTPClient(&plain),
		gitlab.WithoutRetries(), gitlab.WithCustomLimiter(unlimited{}))
	if err != nil {
		return nil, fmt.Errorf("gitlab: %w", err)
	}
	api.UserAgent = "weighlock"
	return &Client{api: api, token: c.Token, jobToken: c.JobToken, web: web, backoff: c.Backoff, pace: rest.NewPace(c.WriteSpacing)}, nil
}

// Capabilities implements [forge.Forge]. A check of GitLab's is one line with a
// link; a review does not tell its commit; a deployment has no log.
func (c *Client) Capabilities() forge.Capabilities {
	return forge.Capabilities{SectionedOwners: true}
}

// HeadRef is refs/merge-requests/N/head.
func (c *Client) HeadRef(number int) string {
	return fmt.Sprintf("refs/merge-requests/%d/head", number)
}

// MaxComment is 1,000,000.
func (c *Client) MaxComment() int { return maxComment }

// unlimited is a limiter that never waits.
type unlimited struct{}

func (unlimited) Wait(ctx context.Context) error { return ctx.Err() }
