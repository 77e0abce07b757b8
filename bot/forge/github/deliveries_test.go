package github_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/forgetest"
	"github.com/weighlock/weighlock/bot/forge/github"
)

func TestWebhooksThatFailedAreAskedForAgain(t *testing.T) {
	t.Parallel()
	k, _ := key()
	server := forgetest.StartGitHub(t)
	server.AddApp("weighlock", 17, 4, &k.PublicKey)
	hook := func(name string) forgetest.Webhook { return forgetest.Webhook{Name: "push", Delivery: name} }
	server.Delivered(hook("failed-first"), 503)
	for n := range 150 { // more than a page
		server.Delivered(hook(fmt.Sprint("fine-", n)), 200)
	}
	server.Delivered(hook("failed-last"), 0)
	server.Delivered(hook("fine-later"), 500)
	server.Delivered(hook("fine-later"), 200)
	client := connectApp(t, server, 4)
	n, err := client.Redeliver(t.Context(), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	if err != nil || n != 2 {
		t.Errorf("asked for %d, %v", n, err)
	}
	var names []string
	for _, w := range server.Wanted() {
		names = append(names, w.Delivery)
	}
	if want := []string{"failed-first", "failed-last"}; !slices.Equal(names, want) {
		t.Errorf("asked for %v, want %v", names, want)
	}
	if n, err := client.Redeliver(t.Context(), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)); err != nil || n != 0 {
		t.Errorf("of those after all of them: %d, %v", n, err)
	}
}

func TestWithoutAnAppNobodyIsAskedAgain(t *testing.T) {
	t.Parallel()
	server := forgetest.StartGitHub(t)
	client, err := github.New(github.Config{Token: token, BaseURL: server.URL()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Redeliver(t.Context(), time.Time{}); !errors.Is(err, forge.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}
