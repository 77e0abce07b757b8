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
	for _, tt := range []struct {
		status  int
		header  map[string]string
		body    string
		kind    error
		minutes int // to wait
		want    string
	}{
		{401, nil, `{"message":"Bad credentials"}`, forge.ErrUnauthorized, 0, "read acme/shop#1: not authorized (HTTP 401): Bad credentials"},
		{403, nil, `{"message":"Resource protected by organization SAML enforcement"}`, forge.ErrForbidden, 0, "forbidden"},
		{403, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": inAnHour}, `{"message":"API rate limit exceeded"}`, forge.ErrRateLimited, 60, "API rate limit exceeded; retry in "},
		{429, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": inAnHour}, `{"message":"slow"}`, forge.ErrRateLimited, 60, "slow"},
		{403, map[string]string{"Retry-After": "1800"}, secondary, forge.ErrRateLimited, 30, "secondary rate limit"},
		{403, map[string]string{"Retry-After": "1800"}, `{"message":"wait"}`, forge.ErrRateLimited, 30, "wait"},
		{404, nil, `{"message":"Not Found"}`, forge.ErrNotFound, 0, "not found (HTTP 404)"},
		{410, nil, `{"message":"This issue was deleted"}`, forge.ErrNotFound, 0, "deleted"},
		{422, nil, `{"message":"Validation Failed","errors":[{"message":"Body is too long"}]}`, forge.ErrInvalid, 0, "Validation Failed: Body is too long"},
		{422, nil, `{"message":"Validation Failed","errors":["odd"]}`, forge.ErrInvalid, 0, "Validation Failed: odd"},
		{502, nil, "<html>\nbad gateway " + token + "</html>", forge.ErrUnavailable, 0, "unavailable (HTTP 502)"},
		{500, nil, `{"message":"line one\nline two: ` + token + strings.Repeat("x", 1000) + `"}`, forge.ErrUnavailable, 0, "line one line two: ***xxx"},
		{200, nil, "<html>", forge.ErrUnavailable, 0, "unavailable"},
		{200, nil, "", forge.ErrUnavailable, 0, "GitHub's answer: pull request without a number"},
		{200, nil, `{"number":1,"state":"open"}`, forge.ErrUnavailable, 0, "GitHub's answer: pull request without a number"},
	} {
		client := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			for name, value := range tt.header {
				w.Header().Set(name, value)
			}
			w.WriteHeader(tt.status)
			io.WriteString(w, tt.body)
		})
		_, err := client.PullRequest(t.Context(), shop, 1)
		var failed *forge.Error
		if !errors.Is(err, tt.kind) || !errors.As(err, &failed) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("HTTP %d %s: got %v\nwant %q and that it is: %v", tt.status, tt.body, err, tt.want, tt.kind)
			continue
		}
		if wait := failed.RetryAfter.Minutes(); wait > float64(tt.minutes) || wait < float64(tt.minutes)-1 {
			t.Errorf("HTTP %d: retry after %s, want %d minutes", tt.status, failed.RetryAfter, tt.minutes)
		}
		if strings.Contains(err.Error(), token) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 500 {
			t.Errorf("HTTP %d: %q is not fit to be shown", tt.status, err)
		}
	}
}

func TestAnEmptyAnswerIsNotAnEmptyList(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "null"} {
		client := answering(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) })
		if got, err := client.Comments(t.Context(), shop, 1); !errors.Is(err, forge.ErrUnavailable) {
			t.Errorf("%q: got %v, %v", body, got, err)
		}
	}
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
