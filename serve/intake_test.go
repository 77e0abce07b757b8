package serve

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/queue"
	"github.com/weighlock/weighlock/bot/webhook"
)

// Who sets a webhook up and sees nothing happen finds out why: in the answer, and once a repository in the log.
func TestWhatIsIgnoredLeavesATrace(t *testing.T) {
	t.Parallel()
	store, err := queue.Open(t.Context(), filepath.Join(t.TempDir(), "weighlock.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	var log bytes.Buffer
	in := &intake{config: &ForgeConfig{Name: "github", Repositories: []RepositoryConfig{{Name: "amce/*"}}}, store: store, log: slog.New(slog.NewJSONHandler(&log, nil))}
	from := func(owner string) forge.Delivery { return forge.Delivery{Repo: forge.Repo{Owner: owner, Name: "shop"}} }
	const elsewhere = "acme/shop is not among the repositories of the forge github in the server's configuration"
	for _, c := range []struct {
		event forge.Event
		name  string
		want  webhook.Answer
	}{
		{forge.BranchPushed{Delivery: from("acme"), Branch: "main"}, "push", webhook.Answer{Outcome: webhook.Ignored, Why: elsewhere}},
		{forge.BranchPushed{Delivery: from("acme"), Branch: "main"}, "push", webhook.Answer{Outcome: webhook.Ignored, Why: elsewhere}},
		{forge.Ignored{Delivery: from("amce"), Reason: "star is none of the events"}, "star", webhook.Answer{Outcome: webhook.Ignored, Why: "star is none of the events"}},
		{forge.Ignored{Delivery: from("amce"), Reason: "none"}, "ping", webhook.Answer{Outcome: webhook.Ignored, Why: "none"}},
		{forge.CommentCreated{Delivery: from("amce"), Comment: forge.Comment{Body: "fine"}}, "issue_comment", webhook.Answer{Outcome: webhook.Ignored, Why: "it calls for nothing"}},
		{forge.BranchPushed{Delivery: from("amce"), Branch: "main"}, "push", webhook.Answer{Outcome: webhook.Stored}},
	} {
		got, err := in.Take(t.Context(), webhook.Delivery{Source: "github", Header: webhook.Header{Event: c.name, ID: "github:1"}, Event: c.event, Body: []byte("{}")})
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v, want %+v", c.name, got, err, c.want)
		}
	}
	for text, want := range map[string]int{"deliveries of a repository are ignored": 1, "is heard of by its webhook for the first time": 1, "a webhook works": 1, elsewhere: 1} {
		if n := strings.Count(log.String(), text); n != want {
			t.Errorf("the log says %q %d times, want %d:\n%s", text, n, want, log.String())
		}
	}
}
