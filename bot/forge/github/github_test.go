package github_test

import (
	"testing"
	"time"

	"github.com/weighlock/weighlock/bot/forge/forgetest"
	"github.com/weighlock/weighlock/bot/forge/github"
)

const token = "ghp_secret0123456789"

// connect makes a client that a test can wait for.
func connect(t *testing.T, url string) *github.Client {
	t.Helper()
	c, err := github.New(github.Config{Token: token, BaseURL: url, Backoff: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestConformance(t *testing.T) {
	t.Parallel()
	forgetest.Conformance(t, func(t *testing.T) forgetest.Adapter {
		server := forgetest.StartGitHub(t)
		server.AddToken(token, forgetest.Token{Login: "weighlock"})
		return forgetest.Adapter{Server: server, Forge: connect(t, server.URL()), Decode: github.Decode}
	})
}

func TestConformanceOfAnApp(t *testing.T) {
	t.Parallel()
	k, _ := key()
	forgetest.Conformance(t, func(t *testing.T) forgetest.Adapter {
		server := forgetest.StartGitHub(t)
		server.AddApp("weighlock", 17, 4, &k.PublicKey)
		client := connectApp(t, server, 4)
		if _, err := client.Self(t.Context()); err != nil { // fetches the token, which is none of the suite's matters
			t.Fatal(err)
		}
		return forgetest.Adapter{Server: server, Forge: client, Decode: github.Decode}
	})
}
