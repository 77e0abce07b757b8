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

// started is when the stand-in's clock starts.
var started = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

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
	client, now := connectApp(t, server, 4), started
	n, err := client.Redeliver(t.Context(), now.Add(-time.Hour), now)
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
	if n, err := client.Redeliver(t.Context(), now.Add(time.Hour), now); err != nil || n != 0 {
		t.Errorf("of those after all of them: %d, %v", n, err)
	}
}

// What fails each time it is sent again is asked for less and less often.
func TestWhatFailsAgainIsAskedForLessAndLess(t *testing.T) {
	t.Parallel()
	k, _ := key()
	server := forgetest.StartGitHub(t)
	server.AddApp("weighlock", 17, 4, &k.PublicKey)
	client, began := connectApp(t, server, 4), started
	var asked []time.Duration
	for after := time.Duration(0); after <= 16*time.Minute; after += time.Minute {
		n, err := client.Redeliver(t.Context(), began.Add(-time.Hour), began.Add(after))
		if err != nil {
			t.Fatal(err)
		}
		if after == 0 {
			server.Delivered(forgetest.Webhook{Name: "push", Delivery: "not-understood"}, 500)
		} else if n > 0 {
			asked = append(asked, after)
			server.Delivered(forgetest.Webhook{Name: "push", Delivery: "not-understood"}, 500)
		}
	}
	if want := []time.Duration{1 * time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute}; !slices.Equal(asked, want) {
		t.Errorf("asked after %v, want %v", asked, want)
	}
	if n, err := client.Redeliver(t.Context(), began.Add(-time.Hour), began.Add(100*time.Hour)); err != nil || n != 0 {
		t.Errorf("after more than three days: %d, %v", n, err)
	}
}

// One that GitHub does not send again holds up none of those behind it.
func TestAWebhookThatIsNotSentAgainHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	k, _ := key()
	server := forgetest.StartGitHub(t)
	server.AddApp("weighlock", 17, 4, &k.PublicKey)
	for _, name := range []string{"refused", "second", "third"} {
		server.Delivered(forgetest.Webhook{Name: "push", Delivery: name}, 503)
	}
	client := connectApp(t, server, 4)
	server.Fail(forgetest.Fault{Method: "POST", Path: "/app/hook/deliveries/*/attempts", Status: 422})
	n, err := client.Redeliver(t.Context(), started.Add(-time.Hour), started)
	if n != 2 || !errors.Is(err, forge.ErrInvalid) || len(server.Wanted()) != 2 {
		t.Errorf("asked for %d, %v", n, err)
	}
	if n, err := client.Redeliver(t.Context(), started.Add(-time.Hour), started.Add(time.Second)); n != 0 || err != nil {
		t.Errorf("a second later: asked for %d, %v", n, err)
	}
}

func TestWithoutAnAppNobodyIsAskedAgain(t *testing.T) {
	t.Parallel()
	server := forgetest.StartGitHub(t)
	client, err := github.New(github.Config{Token: token, BaseURL: server.URL()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Redeliver(t.Context(), time.Time{}, time.Time{}); !errors.Is(err, forge.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}
