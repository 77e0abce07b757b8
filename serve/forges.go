package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/weighlock/weighlock/bot/checkout"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/github"
	"github.com/weighlock/weighlock/bot/forge/gitlab"
	"github.com/weighlock/weighlock/bot/webhook"
)

// A source is a forge as it is configured: its webhooks, and us on it.
type source struct {
	config  *ForgeConfig
	verify  webhook.Verify
	metrics *metrics // nil for none

	// swept has, by repository, the number of the open pull request that was looked at last.
	swept sync.Map
	// told has the repositories of which it was told that they are gone, or have another name.
	told sync.Map

	mu      sync.Mutex
	clients map[identity]*client
}

// An identity is an installation of a GitHub App, by its number or by a repository that it acts for; else zero.
type identity struct {
	installation int64
	repo         forge.Repo
}

// A client is a forge under one identity, which git has, too.
type client struct {
	forge.Forge
	user  string
	token func(context.Context) (string, error)
}

func newSource(c *ForgeConfig, m *metrics) (*source, error) {
	s := &source{config: c, metrics: m, clients: map[identity]*client{}}
	var err error
	switch {
	case len(c.Secrets)+len(c.SigningTokens) == 0: // it is only polled
	case c.Kind == kindGitHub:
		s.verify, err = webhook.GitHub(values(c.Secrets))
	default:
		s.verify, err = webhook.GitLab(values(c.Secrets), values(c.SigningTokens))
	}
	if err == nil {
		_, err = s.client(0, forge.Repo{}) // a mistake, such as in an app's key, is told when the server starts
	}
	if err != nil {
		return nil, fmt.Errorf("forge %s: %w", c.Name, err)
	}
	return s, nil
}

func values(secrets []Secret) []string {
	var out []string
	for i := range secrets {
		out = append(out, secrets[i].Value())
	}
	return out
}

// client is us on the forge, for an installation of a GitHub App: 0 is the configured one, or else the one that acts for repo.
func (s *source) client(installation int64, repo forge.Repo) (*client, error) {
	if s.config.App == nil {
		installation = 0
	} else if installation == 0 {
		installation = s.config.App.Installation
	}
	who := identity{installation: installation}
	if s.config.App != nil && installation == 0 {
		who.repo = repo
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.clients[who]; c != nil {
		return c, nil
	}
	c := &client{}
	if s.config.Kind == kindGitLab {
		token := s.config.Token.Value()
		f, err := gitlab.New(gitlab.Config{Token: token, BaseURL: s.config.API, HTTPClient: s.http(who)})
		if err != nil {
			return nil, err
		}
		c.Forge, c.user, c.token = f, "oauth2", func(context.Context) (string, error) { return token, nil }
	} else {
		config := github.Config{Token: s.config.Token.Value(), BaseURL: s.config.API, HTTPClient: s.http(who)}
		if app := s.config.App; app != nil {
			config.App = &github.App{ID: app.ID, Installation: installation, Repo: who.repo, PrivateKey: []byte(app.PrivateKey.Value())}
		}
		f, err := github.New(config)
		if err != nil {
			return nil, err
		}
		c.Forge, c.user, c.token = f, "x-access-token", f.Token
	}
	s.clients[who] = c
	return c, nil
}

// http carries what is asked of the forge; nil is the clients' own.
func (s *source) http(who identity) *http.Client {
	if s.metrics == nil {
		return nil
	}
	return &http.Client{Timeout: 30 * time.Second, Transport: budgeted{tracedForge{http.DefaultTransport}, s.metrics.budgets, s.metrics.refused, s.config.Name, who}}
}

// decode reads a delivery's payload, or what the reconciler made.
func (s *source) decode(event, delivery string, payload []byte) (forge.Event, error) {
	switch {
	case ours(event):
		var m missed
		if err := json.Unmarshal(payload, &m); err != nil {
			return nil, err
		}
		return m.event(event, delivery), nil
	case s.config.Kind == kindGitLab:
		return gitlab.Decode(event, delivery, payload)
	}
	return github.Decode(event, delivery, payload)
}

// door is what the webhook's door needs to know. What the reconciler makes does not come in by it.
func (s *source) door() webhook.Source {
	promising := webhook.GitHubPromising
	if s.config.Kind == kindGitLab {
		promising = webhook.GitLabPromising
	}
	return webhook.Source{Name: s.config.Name, Promising: promising, Verify: s.verify, Decode: func(event, delivery string, payload []byte) (forge.Event, error) {
		if ours(event) {
			return forge.Ignored{Reason: "an event of our own"}, nil
		}
		return s.decode(event, delivery, payload)
	}}
}

// clone opens a repository's mirror.
func (s *source) clone(cache *checkout.Cache, c *client, repo forge.Repo) func(ctx context.Context, refs ...string) (*checkout.Repo, error) {
	return func(ctx context.Context, refs ...string) (*checkout.Repo, error) {
		token, err := c.token(ctx)
		if err != nil {
			return nil, err
		}
		return cache.Open(ctx, s.config.Git+"/"+repo.String()+".git", checkout.Options{Refs: refs, Auth: checkout.Auth{User: c.user, Token: token, Renew: c.token}})
	}
}

// What the server itself makes: of what no delivery told, and of what the forge is still to be told.
const (
	missedPull    = "weighlock: pull request"
	missedComment = "weighlock: comment"
	missedPush    = "weighlock: push"
	missedRecord  = "weighlock: record"
)

// ours says whether an event is of the reconciler's making.
func ours(event string) bool {
	return event == missedPull || event == missedComment || event == missedPush || event == missedRecord
}

// A missed is something that no delivery told, as the queue keeps it. Installation is where GitHub's payloads have it.
type missed struct {
	PullRequest  *forge.PullRequest  `json:"pullRequest,omitempty"`
	Comment      *forge.Comment      `json:"comment,omitempty"`
	Push         *forge.BranchPushed `json:"push,omitempty"`
	Records      []record            `json:"records,omitempty"`
	Installation struct {
		ID int64 `json:"id"`
	} `json:"installation"`
}

func (m missed) event(name, delivery string) forge.Event {
	from := forge.Delivery{ID: delivery}
	switch {
	case name == missedPull && m.PullRequest != nil:
		from.Repo = m.PullRequest.Repo
		return forge.PullRequestChanged{Delivery: from, Action: forge.Synchronized, PullRequest: *m.PullRequest}
	case name == missedComment && m.Comment != nil:
		from.Repo = m.Comment.Repo
		return forge.CommentCreated{Delivery: from, Comment: *m.Comment}
	}
	if name == missedPush && m.Push != nil {
		m.Push.ID = delivery
		return *m.Push
	}
	return forge.Ignored{Delivery: from, Reason: "an event of our own that is empty"}
}
