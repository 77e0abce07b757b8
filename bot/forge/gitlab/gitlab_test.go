package gitlab_test

import (
	"testing"
	"time"

	"github.com/weighlock/weighlock/bot/forge/forgetest"
	"github.com/weighlock/weighlock/bot/forge/gitlab"
)

const token = "glpat-secret0123456789"

// connect makes a client that a test can wait for.
func connect(t *testing.T, url string) *gitlab.Client {
	t.Helper()
	c, err := gitlab.New(gitlab.Config{Token: token, BaseURL: url, Backoff: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestConformance(t *testing.T) {
	t.Parallel()
	forgetest.Conformance(t, func(t *testing.T) forgetest.Adapter {
		server := forgetest.StartGitLab(t)
		server.AddToken(token, "weighlock")
		return forgetest.Adapter{Server: server, Forge: connect(t, server.URL()), Decode: gitlab.Decode}
	})
}
