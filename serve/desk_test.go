package serve

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/weighlock/weighlock/bot/queue"
)

// What the queue holds names repositories: it is told to the server's own host, and to no page of a browser there.
func TestTheQueueIsShownToTheServersHostAlone(t *testing.T) {
	t.Parallel()
	store, err := queue.Open(t.Context(), filepath.Join(t.TempDir(), "weighlock.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	desk := (&Server{store: store}).desk()
	for _, c := range []struct {
		method, from, site string
		want               int
	}{
		{http.MethodGet, "127.0.0.1:5000", "", http.StatusOK},
		{http.MethodGet, "[::1]:5000", "", http.StatusOK},
		{http.MethodGet, "10.0.0.7:5000", "", http.StatusForbidden},
		{http.MethodPost, "10.0.0.7:5000", "", http.StatusForbidden},
		{http.MethodPost, "127.0.0.1:5000", "cross-site", http.StatusForbidden},
		{http.MethodPost, "127.0.0.1:5000", "", http.StatusNotFound}, // there is no such item
	} {
		path := "/queue"
		if c.method == http.MethodPost {
			path = "/queue/7/retry"
		}
		req := httptest.NewRequestWithContext(t.Context(), c.method, path, nil)
		req.RemoteAddr = c.from
		if c.site != "" {
			req.Header.Set("Sec-Fetch-Site", c.site)
		}
		w := httptest.NewRecorder()
		desk.ServeHTTP(w, req)
		if w.Code != c.want {
			t.Errorf("%s by %s %s: %d, want %d", c.method, c.from, c.site, w.Code, c.want)
		}
	}
}
