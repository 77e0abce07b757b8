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
	return connectAs(t, url, token)
}

func connectAs(t *testing.T, url, token string) *github.Client {
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

// installation is a token like that of an app's installation.
const installation = "ghs_secret0123456789"

func TestConformanceOfAnApp(t *testing.T) {
	t.Parallel()
	forgetest.Conformance(t, func(t *testing.T) forgetest.Adapter {
		server := forgetest.StartGitHub(t)
		server.AddToken(installation, forgetest.Token{Login: "weighlock[bot]"})
		return forgetest.Adapter{Server: server, Forge: connectAs(t, server.URL(), installation), Decode: github.Decode}
	})
}
