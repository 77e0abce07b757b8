package github_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"sync"
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
