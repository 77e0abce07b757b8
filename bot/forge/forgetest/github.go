package forgetest

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/bot/forge"
)

// ActionsLogin is the account whose name is on what an Actions token writes.
const ActionsLogin = "github-actions[bot]"

// Token is what a token stands for.
type Token struct {
	// Login of the account. [Token.Actions] makes it [ActionsLogin].
	Login string
	// Actions marks the token of an Actions job: it may not ask who it is, and
	// may write to every repository without being a collaborator.
	Actions bool
	// ReadOnly refuses writes, as with an Actions token in a job for a pull
	// request from a fork.
	ReadOnly bool
}

// GitHub is a stand-in for GitHub. See [NewGitHub].
type GitHub struct {
	*standIn
	tokens map[string]Token // guarded by standIn.mu
	apps   []gitHubApp
	// attempts are the deliveries of webhooks, wanted those that were asked for again.
	attempts []hookDelivery
	wanted   []Webhook
	// examples and usersJSON are what was read of GitHub's examples; guarded by standIn.mu.
	examples  map[exampleKey]object
	usersJSON map[forge.User]object
}

// NewGitHub starts a stand-in for GitHub on a free port of 127.0.0.1. Close
// ends it.
func NewGitHub(o Options) (*GitHub, error) {
	g := &GitHub{tokens: map[string]Token{}, examples: map[exampleKey]object{}, usersJSON: map[forge.User]object{}}
	s, listener, err := newStandIn(dialect{
		name:        "GitHub",
		description: loadGitHub,
		path:        gitHubPath,
		undescribed: func(req *http.Request) bool { return req.URL.Path == "/graphql" },
		login: func(req *http.Request) (string, bool) {
			token, known := g.tokens[bearer(req)]
			if app := g.appOf(req); app != nil {
				return app.slug + botSuffix, true
			}
			return token.Login, known
		},
		program: func(login string) bool { return strings.HasSuffix(login, botSuffix) },
		refusal: gitHubRefusal,
		pullURL: func(repo forge.Repo, number int) string { return fmt.Sprintf("%s/%s/pull/%d", gitHubURL, repo, number) },
		commentURL: func(pull string, id int64) string {
			return fmt.Sprintf("%s#issuecomment-%d", pull, id)
		},
	}, o)
	if err != nil {
		return nil, err
	}
	g.standIn = s
	g.users[ActionsLogin] = forge.User{ID: 41898282, Login: ActionsLogin, Bot: true}
	g.routes = g.newRoutes()
	g.serve(listener)
	return g, nil
}

// StartGitHub starts a stand-in for the duration of a test, which fails on
// every violation.
func StartGitHub(tb testing.TB) *GitHub {
	tb.Helper()
	g, err := NewGitHub(Options{Violation: func(err error) { tb.Errorf("%v", err) }})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(g.Close)
	return g
}

// AddToken makes a token valid, and its account.
func (g *GitHub) AddToken(token string, means Token) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if means.Actions {
		means.Login = ActionsLogin
	}
	g.user(means.Login)
	g.tokens[token] = means
}

// gitHubPath makes what follows these words one segment: paths and branches
// hold slashes.
func gitHubPath(u *url.URL) string {
	for _, word := range []string{"/contents/", "/branches/"} {
		if before, after, found := strings.Cut(u.Path, word); found {
			return before + word + url.PathEscape(after)
		}
	}
	return u.Path
}

// gitHubRefusal is GitHub's general form of an error. The address in it is what
// tells clients of a rate limit.
func gitHubRefusal(status int, message string, header http.Header) object {
	docs := docsURL
	if header.Get("Retry-After") != "" && (status == http.StatusForbidden || status == http.StatusTooManyRequests) {
		docs += "/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits"
	}
	return object{"message": message, "documentation_url": docs, "status": strconv.Itoa(status)}
}

// bearer is the token of a request, in either of the forms that GitHub takes.
func bearer(req *http.Request) string {
	scheme, token, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "bearer") || strings.EqualFold(scheme, "token") {
		return token
	}
	return ""
}
