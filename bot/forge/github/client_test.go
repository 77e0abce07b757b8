package github_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/forgetest"
	"github.com/weighlock/weighlock/bot/forge/github"
)

var shop = forge.Repo{Owner: "acme", Name: "shop"}

// answering is a server that the stand-in cannot be, because GitHub's
// description does not know such answers.
func answering(t *testing.T, handle http.HandlerFunc) *github.Client {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return connect(t, server.URL)
}

// carrier is an http.RoundTripper made of a function.
type carrier func(*http.Request) (*http.Response, error)

func (c carrier) RoundTrip(req *http.Request) (*http.Response, error) { return c(req) }

func TestNewRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		config github.Config
		want   string
	}{
		{github.Config{}, "no token"},
		{github.Config{Token: token + "\n"}, "white space"},
		{github.Config{Token: token, BaseURL: "api.github.com"}, "such as https://api.github.com"},
		{github.Config{Token: token, BaseURL: "ftp://api.github.com"}, "such as"},
		{github.Config{Token: token, BaseURL: "https://me:" + token + "@github.com"}, "such as"},
		{github.Config{Token: token, BaseURL: "https://x/%zz?" + token}, "not a URL"},
	} {
		_, err := github.New(tt.config)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: want an error with %q", err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), token) {
			t.Errorf("%q shows the token", err)
		}
	}
}

func TestErrorsTellTheirKindAndTheTime(t *testing.T) {
	t.Parallel()
	inAnHour := strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 10)
	const secondary = `{"message":"You have exceeded a secondary rate limit","documentation_url":"https://docs.github.com/x#about-secondary-rate-limits"}`
	forgetest.Answers(t, shop, token, func(t *testing.T, url string) forge.Forge { return connect(t, url) }, []forgetest.Answer{
		{Status: 401, Body: `{"message":"Bad credentials"}`, Kind: forge.ErrUnauthorized, Want: "read acme/shop#1: not authorized (HTTP 401): Bad credentials"},
		{Status: 403, Body: `{"message":"Resource protected by organization SAML enforcement"}`, Kind: forge.ErrForbidden, Want: "forbidden"},
		{Status: 403, Header: map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": inAnHour}, Body: `{"message":"API rate limit exceeded"}`, Kind: forge.ErrRateLimited, Minutes: 60, Want: "API rate limit exceeded; retry in "},
		{Status: 429, Header: map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": inAnHour}, Body: `{"message":"slow"}`, Kind: forge.ErrRateLimited, Minutes: 60, Want: "slow"},
		{Status: 403, Header: map[string]string{"Retry-After": "1800"}, Body: secondary, Kind: forge.ErrRateLimited, Minutes: 30, Want: "secondary rate limit"},
		{Status: 403, Header: map[string]string{"Retry-After": "1800"}, Body: `{"message":"wait"}`, Kind: forge.ErrRateLimited, Minutes: 30, Want: "wait"},
		{Status: 404, Body: `{"message":"Not Found"}`, Kind: forge.ErrNotFound, Want: "not found (HTTP 404)"},
		{Status: 410, Body: `{"message":"This issue was deleted"}`, Kind: forge.ErrNotFound, Want: "deleted"},
		{Status: 422, Body: `{"message":"Validation Failed","errors":[{"message":"Body is too long"}]}`, Kind: forge.ErrInvalid, Want: "Validation Failed: Body is too long"},
		{Status: 422, Body: `{"message":"Validation Failed","errors":["odd"]}`, Kind: forge.ErrInvalid, Want: "Validation Failed: odd"},
		{Status: 502, Body: "<html>\nbad gateway " + token + "</html>", Kind: forge.ErrUnavailable, Want: "unavailable (HTTP 502)"},
		{Status: 500, Body: `{"message":"line one\nline two: ` + token + strings.Repeat("x", 1000) + `"}`, Kind: forge.ErrUnavailable, Want: "line one line two: ***xxx"},
		{Status: 200, Body: "<html>", Kind: forge.ErrUnavailable, Want: "unavailable"},
		{Status: 200, Kind: forge.ErrUnavailable, Want: "GitHub's answer: pull request without a number"},
		{Status: 200, Body: `{"number":1,"state":"open"}`, Kind: forge.ErrUnavailable, Want: "GitHub's answer: pull request without a number"},
	})
}

func TestPagesThatGoInCirclesAreAnError(t *testing.T) {
	t.Parallel()
	client := answering(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Link", fmt.Sprintf(`<http://%s%s?page=1>; rel="next"`, req.Host, req.URL.Path))
		io.WriteString(w, "[]")
	})
	if _, err := client.Comments(t.Context(), shop, 1); err == nil || !strings.Contains(err.Error(), "page 1 is followed by page 1") {
		t.Errorf("got %v", err)
	}
}

func TestAReadWaitsForAsLongAsGitHubAsks(t *testing.T) {
	t.Parallel()
	for _, status := range []int{403, 429} {
		server := forgetest.StartGitHub(t)
		server.AddToken(token, forgetest.Token{Login: "weighlock"})
		server.Fail(forgetest.Fault{Status: status, RetryAfter: time.Second})
		begin := time.Now()
		if _, err := connect(t, server.URL()).Self(t.Context()); err != nil {
			t.Errorf("HTTP %d: %v", status, err)
		}
		if took := time.Since(begin); took < time.Second || len(server.Exchanges()) != 2 {
			t.Errorf("HTTP %d: %d requests in %s, want 2 and a second between them", status, len(server.Exchanges()), took)
		}
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	t.Parallel()
	server := forgetest.StartGitHub(t)
	server.AddToken(token, forgetest.Token{Login: "weighlock"})
	server.Fail(forgetest.Fault{Status: 429, RetryAfter: 50 * time.Second})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := connect(t, server.URL()).Self(ctx); !errors.Is(err, forge.ErrRateLimited) || len(server.Exchanges()) != 1 {
		t.Errorf("%d requests, %v; want one, and what GitHub said", len(server.Exchanges()), err)
	}
	if ctx.Err() == nil {
		t.Error("it did not wait")
	}
}

func TestTheTokenDoesNotFollowARedirectToAnotherHost(t *testing.T) {
	t.Parallel()
	seen := make(chan string, 1)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		seen <- req.Header.Get("Authorization")
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(other.Close)
	client := answering(t, func(w http.ResponseWriter, req *http.Request) {
		if got, want := req.Header.Get("Authorization"), "Bearer "+token; got != want {
			t.Errorf("authorization is %q", got)
		}
		http.Redirect(w, req, other.URL, http.StatusMovedPermanently)
	})
	if _, err := client.PullRequest(t.Context(), shop, 1); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if got := <-seen; got != "" {
		t.Errorf("the other host got %q", got)
	}
}

func TestAWriteToARenamedRepositoryFails(t *testing.T) {
	t.Parallel()
	client := answering(t, func(w http.ResponseWriter, req *http.Request) {
		if req.Method != http.MethodPost {
			t.Errorf("a %s request", req.Method)
		}
		w.Header().Set("Location", "/repositories/1/issues/1/comments")
		w.WriteHeader(http.StatusMovedPermanently)
		io.WriteString(w, `{"message":"Moved Permanently"}`)
	})
	if got, err := client.CreateComment(t.Context(), shop, 1, "x"); !errors.Is(err, forge.ErrNotFound) || !strings.Contains(err.Error(), "Moved Permanently") {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestAnActionsTokenIsTheActionsBot(t *testing.T) {
	t.Parallel()
	server := forgetest.StartGitHub(t)
	server.AddToken(token, forgetest.Token{Actions: true})
	server.AddRepo(shop, forgetest.RepoOptions{})
	number := server.OpenPullRequest(forgetest.NewPullRequest{Repo: shop, Author: "amy"})
	client := connect(t, server.URL())
	self, err := client.Self(t.Context())
	if want := (forge.User{ID: 41898282, Login: "github-actions[bot]", Bot: true}); err != nil || self != want {
		t.Fatalf("got %+v, %v; want %+v", self, err, want)
	}
	ours, err := client.CreateComment(t.Context(), shop, number, "ours")
	if err != nil || !self.Same(ours.Author) {
		t.Errorf("our comment is by %+v, we are %+v: %v", ours.Author, self, err)
	}
}

func TestATokenOfAnAppIsThatAppsBotOrNobody(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		base, answer string
		want         forge.User
	}{
		{"https://api.github.com", `{"data":{"viewer":{"login":"deployer[bot]","databaseId":77}}}`, forge.User{ID: 77, Login: "deployer[bot]", Bot: true}},
		{"https://git.acme.example/api/v3", `{"data":{"viewer":{"login":"github-actions[bot]","databaseId":5}}}`, forge.User{ID: 5, Login: "github-actions[bot]", Bot: true}},
		{"https://api.github.com", `{"data":{"viewer":{"login":"amy","databaseId":77}}}`, forge.User{}},
		{"https://api.github.com", `{"data":{"viewer":{"login":"deployer[bot]"}}}`, forge.User{}},
		{"https://api.github.com", `{"data":null,"errors":[{"type":"FORBIDDEN","message":"Resource not accessible by integration"}]}`, forge.User{}},
		{"https://api.github.com", `{}`, forge.User{}},
	} {
		asked := []string{}
		client, err := github.New(github.Config{Token: token, BaseURL: tt.base, HTTPClient: &http.Client{Transport: carrier(func(req *http.Request) (*http.Response, error) {
			asked = append(asked, req.URL.String())
			status, body := http.StatusOK, tt.answer
			if strings.HasSuffix(req.URL.Path, "/user") {
				status, body = http.StatusForbidden, `{"message":"Resource not accessible by integration"}`
			}
			return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
		})}})
		if err != nil {
			t.Fatal(err)
		}
		self, err := client.Self(t.Context())
		if self != tt.want || (err == nil) != (tt.want.ID != 0) {
			t.Errorf("%s: got %+v, %v; want %+v", tt.answer, self, err, tt.want)
		}
		if err == nil { // once is enough
			if again, err := client.Self(t.Context()); err != nil || again != self || len(asked) != 2 {
				t.Errorf("got %+v, %v; asked %q", again, err, asked)
			}
		}
		if want := strings.Replace(tt.base, "/v3", "", 1) + "/graphql"; asked[1] != want {
			t.Errorf("asked %s, want %s", asked[1], want)
		}
	}
}

func TestOtherRefusalsDoNotMakeUsTheActionsBot(t *testing.T) {
	t.Parallel()
	client := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		io.WriteString(w, `{"message":"Your IP address is not permitted"}`)
	})
	if self, err := client.Self(t.Context()); !errors.Is(err, forge.ErrForbidden) {
		t.Errorf("got %+v, %v", self, err)
	}
}

func TestATokenThatMayOnlyReadIsForbiddenToWrite(t *testing.T) {
	t.Parallel()
	server := forgetest.StartGitHub(t)
	server.AddToken(token, forgetest.Token{Actions: true, ReadOnly: true})
	server.AddRepo(shop, forgetest.RepoOptions{})
	number := server.OpenPullRequest(forgetest.NewPullRequest{Repo: shop, Author: "amy"})
	if _, err := connect(t, server.URL()).CreateComment(t.Context(), shop, number, "x"); !errors.Is(err, forge.ErrForbidden) {
		t.Errorf("got %v", err)
	}
}

func TestARoleCountsForWhatItAmountsTo(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		legacy, role string
		want         forge.Permission
		fails        bool
	}{
		{"admin", "admin", forge.Admin, false},
		{"write", "maintain", forge.Maintain, false},
		{"write", "release-managers", forge.Write, false}, // a role that the organisation made
		{"write", "admin", forge.Write, false},
		{"write", "", forge.Write, false},
		{"read", "triage", forge.Triage, false},
		{"read", "maintain", forge.Read, false},
		{"none", "", forge.NoPermission, false},
		{"", "admin", forge.NoPermission, true},
		{"owner", "admin", forge.NoPermission, true},
	} {
		client := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"permission":%q,"role_name":%q,"user":{"id":5,"login":"amy"}}`, tt.legacy, tt.role)
		})
		got, err := client.Permission(t.Context(), shop, forge.User{ID: 5, Login: "amy"})
		if got != tt.want || (err != nil) != tt.fails {
			t.Errorf("permission %q, role %q: got %s, %v; want %s", tt.legacy, tt.role, got, err, tt.want)
		}
	}
}

func TestNamesThatAreNoneAreNotSent(t *testing.T) {
	t.Parallel()
	client := answering(t, func(_ http.ResponseWriter, req *http.Request) { t.Errorf("sent %s", req.URL) })
	for _, repo := range []forge.Repo{{}, {Owner: "acme"}, {Owner: "..", Name: "shop"}, {Owner: "group/sub", Name: "shop"}, {Owner: "acme", Name: "shop/pulls"}, {Owner: "acme", Name: "shop?x"}} {
		if _, err := client.PullRequest(t.Context(), repo, 1); !errors.Is(err, forge.ErrInvalid) {
			t.Errorf("%s: got %v", repo, err)
		}
	}
	for _, sha := range []string{"", "main", "abc123", "../" + strings.Repeat("a", 37)} {
		if _, err := client.PullRequestsOf(t.Context(), shop, sha); !errors.Is(err, forge.ErrInvalid) {
			t.Errorf("%q: got %v", sha, err)
		}
	}
}
