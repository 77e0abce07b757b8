package kube

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
)

// servedBy is a cluster whose API server is a handler, by HTTP/2 as real ones are.
func servedBy(t *testing.T, h http.HandlerFunc) *Cluster {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	text := `{apiVersion: v1, kind: Config, current-context: p, clusters: [{name: c, cluster: {server: "` + server.URL + `", insecure-skip-tls-verify: true}}], users: [{name: u, user: {token: t}}], contexts: [{name: p, context: {cluster: c, user: u}}]}`
	if err := os.WriteFile(kubeconfig, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Open(Config{Kubeconfigs: []string{kubeconfig}, UserAgent: "weighlock-test"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// An API server that ends in the middle of an answer is asked again, as one that ends before it.
func TestAnAnswerThatIsCutOffIsAskedForAgain(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	c := servedBy(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		text := `{"apiVersion":"v1","kind":"SecretList","metadata":{},"items":[]}`
		if r.ProtoMajor != 2 {
			t.Errorf("by %s", r.Proto)
		}
		if asked.Add(1) != 2 { // the first one says that there is a server
			_, _ = w.Write([]byte(text))
			return
		}
		_, _ = w.Write([]byte(text[:20]))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	for range 2 {
		if _, err := c.History("").List(t.Context(), ""); err != nil {
			t.Error(err)
		}
	}
	if asked.Load() != 3 {
		t.Errorf("asked %d times", asked.Load())
	}
}

// A token that expires during a run is refused once, and renewed by that.
func TestARequestWhoseTokenHasExpiredIsSentOnceMore(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		refused, want int32
	}{"once": {1, 2}, "again and again": {100, 2}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			cluster := servedBy(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if asked.Add(1) <= c.refused {
					w.WriteHeader(http.StatusUnauthorized)
					_, _ = w.Write([]byte(`{"apiVersion":"v1","kind":"Status","status":"Failure","code":401,"reason":"Unauthorized","message":"Unauthorized"}`))
					return
				}
				_, _ = w.Write([]byte(`{"apiVersion":"v1","kind":"SecretList","metadata":{},"items":[]}`))
			})
			if _, err := cluster.History("").List(t.Context(), ""); (err != nil) != (c.refused > 1) {
				t.Errorf("got %v", err)
			}
			if asked.Load() != c.want {
				t.Errorf("asked %d times", asked.Load())
			}
		})
	}
}
