package main

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/weighlock/weighlock/bot/forge/forgetest"
	"github.com/weighlock/weighlock/bot/queue"
	"github.com/weighlock/weighlock/serve"
)

// What an item is about, and what it notes, may quote anything: a terminal gets no orders by it.
func TestTheQueueIsPrintedWithoutWhatATerminalObeys(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	q := serve.Queue{Items: []queue.Entry{{ID: 1, Key: "github:acme/\x1b]0;x\a#1", State: queue.Failed, Note: "a\tb\x1b[2J\u009b31m\nmore"}}}
	if err := printQueue(&out, q, time.Now()); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(out.String(), "\x1b\a\u009b\t") || !strings.Contains(out.String(), `a b\u001b[2J\u009b31m`) {
		t.Errorf("printed %q", out.String())
	}
}

// What has failed is listed, and tried again when an operator asks for it; the server tells that its own host alone, and it answers a check
// of its health.
func TestAnOperatorSeesTheQueueAndHasWhatFailedTriedAgain(t *testing.T) {
	t.Parallel()
	h := openHelpdesk(t, false, "{reconcile: 0s, retry: 0s}")
	h.forge.Fail(forgetest.Fault{Status: http.StatusUnauthorized, Times: 1000})
	c := h.ask(testRepo, 0)
	if h.answered(c) {
		t.Fatal("it was answered nonetheless")
	}
	h.forge.Mend()
	at := "--internal=" + h.server.Internal()
	code, said := inside(t, "serve", "queue", at)
	item := regexp.MustCompile(`(?m)^(\d+)\s+failed\s+command\s.* github:acme/shop#1 .*not authorized`).FindStringSubmatch(said)
	if code != 0 || item == nil {
		t.Fatalf("the queue: exit code %d\n%s", code, said)
	}
	if code, said := inside(t, "serve", "retry", at, item[1]); code != 0 || !h.answered(c) {
		t.Errorf("tried again: exit code %d, %s", code, said)
	}
	if code, said := inside(t, "serve", "retry", at, item[1], "x"); code == 0 || !strings.Contains(said, "there is no item "+item[1]+" that has failed") || !strings.Contains(said, `"x" is not an ID`) {
		t.Errorf("and again: exit code %d, %s", code, said)
	}
	if code, said := inside(t, "serve", "queue", at); code != 0 || !strings.Contains(said, "Nothing waits, runs or has failed.") {
		t.Errorf("then: exit code %d, %s", code, said)
	}
	if code, said := inside(t, "health", "--url", "http://"+h.server.Internal()+"/healthz"); code != 0 || said != "ok\n" {
		t.Errorf("its health: exit code %d, %q", code, said)
	}
}
