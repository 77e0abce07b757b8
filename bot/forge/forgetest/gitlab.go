package forgetest

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/bot/forge"
)

// GitLab is a stand-in for GitLab. See [NewGitLab].
type GitLab struct {
	*standIn
	tokens map[string]string // to logins; guarded by standIn.mu
}

// NewGitLab starts a stand-in for GitLab on a free port of 127.0.0.1. Close
// ends it. Its URL is the installation's; the API is at /api/v4.
func NewGitLab(o Options) (*GitLab, error) {
	g := &GitLab{tokens: map[string]string{}}
	s, listener, err := newStandIn(dialect{
		name:        "GitLab",
		description: loadGitLab,
		// A project's path is one segment, its slashes escaped. Handlers unescape.
		path:        (*url.URL).EscapedPath,
		undescribed: func(req *http.Request) bool { return req.URL.Path == "/api/graphql" },
		login: func(req *http.Request) (string, bool) {
			token := req.Header.Get("PRIVATE-TOKEN")
			if token == "" {
				token = req.Header.Get("JOB-TOKEN")
			}
			login, known := g.tokens[token]
			return login, known
		},
		program: regexp.MustCompile(`^(project|group)_\d+_bot`).MatchString,
		refusal: gitLabRefusal,
		pullURL: func(repo forge.Repo, number int) string {
			return fmt.Sprintf("%s/%s/-/merge_requests/%d", g.url, repo, number)
		},
		commentURL: func(pull string, id int64) string { return fmt.Sprintf("%s#note_%d", pull, id) },
	}, o)
	if err != nil {
		return nil, err
	}
	g.standIn = s
	g.routes = g.newRoutes()
	g.serve(listener)
	return g, nil
}

// StartGitLab starts a stand-in for the duration of a test, which fails on
// every violation.
func StartGitLab(tb testing.TB) *GitLab {
	tb.Helper()
	g, err := NewGitLab(Options{Violation: func(err error) { tb.Errorf("%v", err) }})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(g.Close)
	return g
}

// AddToken makes a token valid, and the account that it belongs to. A project's
// token is that of an account like project_7_bot_1a2b.
func (g *GitLab) AddToken(token, login string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.user(login)
	g.tokens[token] = login
}

// gitLabRefusal is GitLab's general form of an error.
func gitLabRefusal(status int, message string, _ http.Header) object {
	if !strings.HasPrefix(message, "4") {
		message = fmt.Sprintf("%d %s", status, message)
	}
	return object{"message": message}
}
