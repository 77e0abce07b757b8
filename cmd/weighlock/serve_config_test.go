package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/forgetest"
)

// A repository is taken out of the configuration while something of it waits: commands are answered, and nothing else is said or done there.
func TestServeAnswersWhatWaitsForARepositoryThatItServesNoMore(t *testing.T) {
	t.Parallel()
	h := openHelpdesk(t, false, "{reconcile: 0s, grace: 1s}")
	h.forge.Fail(forgetest.Fault{Status: http.StatusServiceUnavailable, Times: 1_000_000})
	asked := h.ask(testRepo, 0)
	deploy := h.forge.Comment(testRepo, h.pulls[testRepo][1], writer, "/deploy prod")
	for _, hook := range []forgetest.Webhook{
		h.forge.CommentWebhook(deploy), h.forge.PullRequestWebhook(testRepo, h.pulls[testRepo][2], forge.Synchronized, writer),
		h.forge.PushWebhook(forgetest.Push{Repo: testRepo, Branch: "main", After: strings.Repeat("3", 40), By: writer}),
	} {
		if status, err := h.server.Deliver(t.Context(), hook); err != nil || status != http.StatusOK {
			t.Fatalf("status %d, %v", status, err)
		}
	}
	if err := h.server.Stop(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(h.server.Dir, "server.yaml")
	config, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(config), "['*/*']", "[another/one]", 1)
	if changed == string(config) {
		t.Fatal("the configuration names other repositories")
	}
	if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	h.forge.Mend()
	h.start(h.server)
	if err := h.server.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n, number := range h.pulls[testRepo][:3] {
		said := ""
		for _, c := range h.forge.Comments(testRepo, number) {
			if c.ID != asked.ID && c.ID != deploy.ID {
				said += c.Body
			}
		}
		if answered := strings.Contains(said, "the server does nothing for "+testRepo.String()+" any more"); answered != (n < 2) || n == 2 && said != "" {
			t.Errorf("on pull request %d is said: %s", number, said)
		}
	}
	if n := strings.Count(h.server.Log(), `"state":"done"`); n != 4 {
		t.Errorf("%d items are done", n)
	}
}
