package github_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/forgetest"
	"github.com/weighlock/weighlock/bot/forge/github"
)

// key is a private key of an app: one for all tests, as making one takes long.
var key = sync.OnceValues(func() (*rsa.PrivateKey, []byte) {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)})
})

func connectApp(t *testing.T, server *forgetest.GitHub, installation int64) *github.Client {
	t.Helper()
	_, private := key()
	client, err := github.New(github.Config{
		App: &github.App{ID: 17, Installation: installation, PrivateKey: private}, BaseURL: server.URL(), Backoff: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestAnAppActsAsItsOwnAccount(t *testing.T) {
	t.Parallel()
	k, _ := key()
	server := forgetest.StartGitHub(t)
	server.AddApp("weighlock", 17, 4, &k.PublicKey)
	server.AddRepo(shop, forgetest.RepoOptions{})
	server.SetPermission(shop, "weighlock[bot]", forge.Write)
	number := server.OpenPullRequest(forgetest.NewPullRequest{
		Repo: shop, Author: "amy", Head: forge.Ref{SHA: strings.Repeat("a", 40)}, Base: forge.Ref{SHA: strings.Repeat("b", 40)},
	})
	client := connectApp(t, server, 4)
	self, err := client.Self(t.Context())
	if err != nil || self != server.AddUser("weighlock[bot]") || !self.Bot {
		t.Errorf("we are %+v, %v", self, err)
	}
	comment, err := client.CreateComment(t.Context(), shop, number, "hello")
	if err != nil || comment.Author != self {
		t.Errorf("got %+v, %v", comment, err)
	}
	pr, err := client.PullRequest(t.Context(), shop, number)
	if err == nil {
		err = client.SetCheck(t.Context(), pr.Commit(), forge.Check{Name: "weighlock", State: forge.CheckRunning, Title: "at work", Summary: "soon"})
	}
	if got := server.Checks(shop, pr.Head.SHA); err != nil || len(got) != 1 || got[0].Reporter != "weighlock" || got[0].Summary != "soon" {
		t.Errorf("people see %+v, %v", got, err)
	}
	tokens := 0
	for _, e := range server.Exchanges() {
		if strings.HasSuffix(e.Path, "/access_tokens") {
			tokens++
		}
	}
	if tokens != 1 {
		t.Errorf("%d tokens for one hour, want 1", tokens)
	}
}

func TestAnInstallationIsFoundByRepository(t *testing.T) {
	t.Parallel()
	k, private := key()
	server := forgetest.StartGitHub(t)
	server.AddApp("weighlock", 17, 4, &k.PublicKey)
	server.AddRepo(shop, forgetest.RepoOptions{Private: true})
	server.SetPermission(shop, "weighlock[bot]", forge.Write)
	connect := func(repo forge.Repo) *github.Client {
		client, err := github.New(github.Config{App: &github.App{ID: 17, Repo: repo, PrivateKey: private}, BaseURL: server.URL(), Backoff: time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		return client
	}
	client := connect(shop)
	for range 2 {
		if _, err := client.Repository(t.Context(), shop); err != nil {
			t.Fatal(err)
		}
	}
	asked := 0
	for _, e := range server.Exchanges() {
		if strings.HasSuffix(e.Path, "/installation") {
			asked++
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	_, err := connect(forge.Repo{Owner: "acme", Name: "other"}).Repository(t.Context(), shop)
	if !errors.Is(err, forge.ErrNotFound) || !strings.Contains(err.Error(), "find the app's installation for acme/other") {
		t.Errorf("where it is not installed: %v", err)
	}
	if _, err := connect(forge.Repo{}).Token(t.Context()); !errors.Is(err, forge.ErrInvalid) {
		t.Errorf("without a repository: %v", err)
	}
	server.Fail(forgetest.Fault{Method: "GET", Path: "/repos/*/*/installation", Status: 502, Times: 1})
	if _, err := connect(shop).Repository(t.Context(), shop); err != nil {
		t.Errorf("a failure that passes: %v", err)
	}
}

func TestAnAppThatIsNotInstalledIsToldSo(t *testing.T) {
	t.Parallel()
	k, _ := key()
	server := forgetest.StartGitHub(t)
	server.AddApp("weighlock", 17, 4, &k.PublicKey)
	_, err := connectApp(t, server, 5).PullRequest(t.Context(), shop, 1)
	if !errors.Is(err, forge.ErrNotFound) || !strings.Contains(err.Error(), "fetch a token of the app's installation") {
		t.Errorf("got %v", err)
	}
}

// appAnswering is an app's client at a server that the stand-in cannot be.
func appAnswering(t *testing.T, app github.App, timeout time.Duration, handle http.HandlerFunc) *github.Client {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	app.ID = 17
	_, app.PrivateKey = key()
	client, err := github.New(github.Config{App: &app, BaseURL: server.URL, Backoff: time.Millisecond, HTTPClient: &http.Client{Timeout: timeout}})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// Whoever removes an app and installs it anew has another installation: who looked for it by a repository finds that one.
func TestAnInstallationThatIsGoneIsLookedForAnew(t *testing.T) {
	t.Parallel()
	var installed atomic.Int64
	installed.Store(4)
	client := appAnswering(t, github.App{Repo: shop}, 0, func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/repos/acme/shop/installation":
			fmt.Fprintf(w, `{"id":%d}`, installed.Load())
		case fmt.Sprintf("/app/installations/%d/access_tokens", installed.Load()):
			// It is about to end: the next one is asked for soon.
			fmt.Fprintf(w, `{"token":"ghs_of%d","expires_at":%q}`, installed.Load(), time.Now().Add(time.Second).Format(time.RFC3339))
		default:
			http.Error(w, `{"message":"Not Found"}`, http.StatusNotFound)
		}
	})
	for _, id := range []int64{4, 5} {
		installed.Store(id)
		if token, err := client.Token(t.Context()); token != fmt.Sprint("ghs_of", id) || err != nil {
			t.Errorf("of installation %d: %q, %v", id, token, err)
		}
	}
	installed.Store(-1)
	if _, err := client.Token(t.Context()); !errors.Is(err, forge.ErrUnavailable) {
		t.Errorf("of no installation: %v", err)
	}
}

// What GitHub says of an app that gets no token is told, and what may be mended is no final answer.
func TestWhyAnAppGetsNoTokenIsTold(t *testing.T) {
	t.Parallel()
	for status, message := range map[int]string{
		http.StatusForbidden:    "This installation has been suspended",
		http.StatusUnauthorized: "'Expiration time' claim ('exp') is too far in the future",
	} {
		client := appAnswering(t, github.App{Installation: 4}, 0, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"message":%q}`, message)
		})
		if _, err := client.PullRequest(t.Context(), shop, 1); !errors.Is(err, forge.ErrUnauthorized) || !strings.Contains(err.Error(), message) {
			t.Errorf("%d: %v", status, err)
		}
	}
}

// All that an installation asks for waits for its token, so that this has an end where the one who asks has none, such as git.
func TestATokenThatDoesNotComeIsNotWaitedForForEver(t *testing.T) {
	t.Parallel()
	client := appAnswering(t, github.App{Installation: 4}, 50*time.Millisecond, func(_ http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body) // only then is it noticed who goes
		<-req.Context().Done()
	})
	if _, err := client.Token(t.Context()); !errors.Is(err, forge.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

func TestAnAppWithoutAKeyIsRefused(t *testing.T) {
	t.Parallel()
	_, private := key()
	for _, config := range []github.Config{
		{App: &github.App{ID: 17, Installation: 4, PrivateKey: []byte("secret words")}},
		{App: &github.App{ID: 17, Installation: -1, PrivateKey: private}},
		{App: &github.App{ID: 17, Installation: 4, PrivateKey: private}, Token: token},
	} {
		if _, err := github.New(config); err == nil || strings.Contains(err.Error(), "secret words") {
			t.Errorf("got %v", err)
		}
	}
}
