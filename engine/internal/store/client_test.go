package store_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weighlock/weighlock/engine/internal/store"
)

// environ is an environment; what it lacks is not set.
type environ map[string]string

func (e environ) lookup(name string) (string, bool) { v, ok := e[name]; return v, ok }

// want checks an answer.
func want(t *testing.T, a store.Answer, err error, text string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(string(a.Text)); got != text {
		t.Errorf("got %q, want %q", got, text)
	}
}

// wantMissing checks that an error says that something does not exist.
func wantMissing(t *testing.T, err error) {
	t.Helper()
	var missing *store.MissingError
	if !errors.As(err, &missing) {
		t.Errorf("got %v, want a MissingError", err)
	}
}

// wantError checks that an error holds all parts, is none about something missing and holds none of the secrets of these tests.
func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("got no error")
	}
	var missing *store.MissingError
	if errors.As(err, &missing) {
		t.Errorf("%v: is a MissingError; what is there but cannot be read is not missing", err)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("got %q, want %q in it", err, p)
		}
	}
	if strings.Contains(err.Error(), "s3cret") {
		t.Errorf("%q holds a secret", err)
	}
}

// write writes a file of the test's own.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// dialing returns a transport that finds the server at addr under every name.
func dialing(base *http.Transport, addr string) *http.Transport {
	t := base.Clone()
	t.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
	return t
}

func TestEachThingIsAskedForOnce(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	asked := map[string]int{}
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked[r.URL.Path]++
		mu.Unlock()
		if r.URL.Path == "/gone" {
			http.NotFound(w, r)
		}
	})
	c := store.NewClient(store.Options{Env: environ{}.lookup})
	var wg sync.WaitGroup
	for range 8 {
		for _, path := range []string{"/a", "/b", "/gone"} {
			wg.Go(func() { _, _ = c.HTTP(t.Context(), store.HTTPRequest{URL: server + path}) })
		}
	}
	wg.Wait()
	for path, n := range asked {
		if n != 1 {
			t.Errorf("%s was asked for %d times, want once", path, n)
		}
	}
	if len(asked) != 3 {
		t.Errorf("asked for %v, want three things", asked)
	}
}

func TestServersThatDoNotAnswerAreGivenUp(t *testing.T) {
	t.Parallel()
	server := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	c := store.NewClient(store.Options{Env: environ{}.lookup, Timeout: 50 * time.Millisecond})
	_, err := c.HTTP(t.Context(), store.HTTPRequest{URL: server + "/slow"})
	wantError(t, err, "no answer within 50ms", "/slow")
}
