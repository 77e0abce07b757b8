package gitlab_test

import (
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
	"github.com/weighlock/weighlock/bot/forge/gitlab"
)

var shop = forge.Repo{Owner: "acme/web", Name: "shop"}

// answering is a server that the stand-in cannot be, because GitLab's
// description does not know such answers.
func answering(t *testing.T, handle http.HandlerFunc) *gitlab.Client {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return connect(t, server.URL)
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		config gitlab.Config
		want   string
	}{
		{gitlab.Config{}, "no token"},
		{gitlab.Config{Token: token + "\n"}, "white space"},
		{gitlab.Config{Token: token, BaseURL: "gitlab.com"}, "such as https://gitlab.com"},
		{gitlab.Config{Token: token, BaseURL: "ftp://gitlab.com"}, "such as"},
		{gitlab.Config{Token: token, BaseURL: "https://me:" + token + "@gitlab.com"}, "such as"},
		{gitlab.Config{Token: token, BaseURL: "https://x/%zz?" + token}, "not a URL"},
	} {
		_, err := gitlab.New(tt.config)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: want an error with %q", err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), token) {
			t.Errorf("%q shows the token", err)
		}
	}
}

func TestTheAddressMayBeTheInstallationsOrTheAPIs(t *testing.T) {
	t.Parallel()
	for _, suffix := range []string{"", "/", "/api/v4", "/api/v4/"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.URL.Path != "/git/api/v4/user" || req.Header.Get("PRIVATE-TOKEN") != token {
				t.Errorf("asked %s with the headers %v", req.URL.Path, req.Header)
			}
			io.WriteString(w, `{"id":7,"username":"weighlock"}`)
		}))
		t.Cleanup(server.Close)
		if _, err := connect(t, server.URL+"/git"+suffix).Self(t.Context()); err != nil {
			t.Errorf("%q: %v", suffix, err)
		}
	}
}

func TestErrorsTellTheirKindAndTheTime(t *testing.T) {
	t.Parallel()
	inAnHour := strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 10)
	forgetest.Answers(t, shop, token, func(t *testing.T, url string) forge.Forge { return connect(t, url) }, []forgetest.Answer{
		{Status: 401, Body: `{"message":"401 Unauthorized"}`, Kind: forge.ErrUnauthorized, Want: "read acme/web/shop!1: not authorized (HTTP 401): Unauthorized"},
		{Status: 403, Body: `{"error":"insufficient_scope","error_description":"The request requires higher privileges"}`, Kind: forge.ErrForbidden, Want: "insufficient_scope: The request requires"},
		{Status: 429, Header: map[string]string{"RateLimit-Remaining": "0", "RateLimit-Reset": inAnHour}, Body: "Retry later\n", Kind: forge.ErrRateLimited, Minutes: 60, Want: "Retry later; retry in "},
		{Status: 429, Header: map[string]string{"Retry-After": "1800"}, Body: `{"message":{"error":"slow"}}`, Kind: forge.ErrRateLimited, Minutes: 30, Want: `{"error":"slow"}`},
		{Status: 404, Body: `{"message":"404 Not found"}`, Kind: forge.ErrNotFound, Want: "not found (HTTP 404)"},
		{Status: 422, Body: `{"message":{"base":["is odd"]}}`, Kind: forge.ErrInvalid, Want: `{"base":["is odd"]}`},
		{Status: 502, Body: "<html>\nbad gateway " + token + "</html>", Kind: forge.ErrUnavailable, Want: "unavailable (HTTP 502)"},
		{Status: 500, Body: `{"message":"line one\nline two: ` + token + strings.Repeat("x", 1000) + `"}`, Kind: forge.ErrUnavailable, Want: "line one line two: ***xxx"},
		{Status: 200, Body: "<html>", Kind: forge.ErrUnavailable, Want: "unavailable"},
		{Status: 200, Body: `{"iid":1,"state":"opened"}`, Kind: forge.ErrUnavailable, Want: "GitLab's answer: merge request without a number or a project"},
	})
}

func TestPagesThatGoInCirclesAreAnError(t *testing.T) {
	t.Parallel()
	client := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Next-Page", "1")
		io.WriteString(w, "[]")
	})
	if _, err := client.Comments(t.Context(), shop, 1); err == nil || !strings.Contains(err.Error(), "page 1 is followed by page 1") {
		t.Errorf("got %v", err)
	}
}

func TestTheTokenDoesNotFollowARedirectToAnotherHost(t *testing.T) {
	t.Parallel()
	seen := make(chan string, 1)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		seen <- req.Header.Get("PRIVATE-TOKEN")
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(other.Close)
	client := answering(t, func(w http.ResponseWriter, req *http.Request) {
		http.Redirect(w, req, other.URL, http.StatusMovedPermanently)
	})
	if _, err := client.PullRequest(t.Context(), shop, 1); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if got := <-seen; got != "" {
		t.Errorf("the other host got %q", got)
	}
}

func TestAJobTokenIsToldWhichTokenIsNeeded(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) { t.Errorf("sent %s", req.URL) }))
	t.Cleanup(server.Close)
	client, err := gitlab.New(gitlab.Config{Token: token, JobToken: true, BaseURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateComment(t.Context(), shop, 1, "hello"); !errors.Is(err, forge.ErrForbidden) || !strings.Contains(err.Error(), "project access token") {
		t.Errorf("got %v", err)
	}
}

func TestBlockedAndWaitingMembersHaveNoPermission(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		state, membership string
		want              forge.Permission
	}{
		{"active", "active", forge.Write}, {"active", "", forge.Write},
		{"blocked", "active", forge.NoPermission}, {"active", "awaiting", forge.NoPermission}, {"", "", forge.NoPermission},
	} {
		client := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"id":5,"username":"amy","state":%q,"membership_state":%q,"access_level":30}`, tt.state, tt.membership)
		})
		got, err := client.Permission(t.Context(), shop, forge.User{ID: 5, Login: "amy"})
		if err != nil || got != tt.want {
			t.Errorf("%+v: got %s, %v", tt, got, err)
		}
	}
}

func TestNamesThatAreNoneAreNotSent(t *testing.T) {
	t.Parallel()
	client := answering(t, func(_ http.ResponseWriter, req *http.Request) { t.Errorf("sent %s", req.URL) })
	for _, repo := range []forge.Repo{{}, {Owner: "acme"}, {Owner: "..", Name: "shop"}, {Owner: "acme", Name: "shop/pulls"}, {Owner: "acme", Name: "shop?x"}} {
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

// Each look at a merge request asks who we are.
func TestWhoATokenIsIsAskedOnce(t *testing.T) {
	t.Parallel()
	asked := 0
	client := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		if asked++; asked == 1 {
			http.Error(w, `{"message":"401 Unauthorized"}`, http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, `{"id":7,"username":"weighlock-bot"}`)
	})
	if who, err := client.Self(t.Context()); !errors.Is(err, forge.ErrUnauthorized) {
		t.Errorf("at first: %+v, %v", who, err)
	}
	for range 2 {
		if who, err := client.Self(t.Context()); err != nil || who.ID != 7 {
			t.Errorf("then: %+v, %v", who, err)
		}
	}
	if asked != 2 {
		t.Errorf("asked %d times, want 2", asked)
	}
}
