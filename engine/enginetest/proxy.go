package enginetest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"
)

// Proxy returns the path of a kubeconfig whose requests reach the cluster through a proxy, which is made of what forwards them.
// They arrive as whom config says, whoever sends them.
func Proxy(tb testing.TB, config *rest.Config, proxy func(forward http.Handler) http.Handler) (kubeconfig string) {
	tb.Helper()
	transport, err := rest.TransportFor(config)
	if err != nil {
		tb.Fatal(err)
	}
	target, err := url.Parse(config.Host)
	if err != nil {
		tb.Fatal(err)
	}
	forward := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	server := httptest.NewServer(proxy(forward))
	tb.Cleanup(server.Close)
	kubeconfig = filepath.Join(tb.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: p, clusters: [{name: c, cluster: {server: %q}}], users: [{name: u, user: {}}], contexts: [{name: p, context: {cluster: c, user: u}}]}`, server.URL)
	if err := os.WriteFile(kubeconfig, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	return kubeconfig
}

// Refuse answers a request as the API server does when it refuses.
func Refuse(w http.ResponseWriter, code int, reason, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]any{"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message})
}

// Faults fail a part of the requests to a cluster, in the ways that API servers and what stands in front of them do.
type Faults struct {
	mu     sync.Mutex
	random *rand.Rand
	rate   float64
	count  int
}

// NewFaults fail nothing before [Faults.SetRate]. The seed decides what fails, and how.
func NewFaults(seed uint64) *Faults { return &Faults{random: rand.New(rand.NewPCG(seed, 3))} }

// SetRate says which part of the requests fails from now on, from 0 to 1.
func (f *Faults) SetRate(rate float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rate = rate
}

// Count is how many requests have failed.
func (f *Faults) Count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count
}

// next says how the next request fails; -1 if it does not.
func (f *Faults) next() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.random.Float64() >= f.rate {
		return -1
	}
	f.count++
	return f.random.IntN(7)
}

// Proxy is for [Proxy].
func (f *Faults) Proxy(forward http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reset := func() { panic(http.ErrAbortHandler) }
		switch f.next() {
		case 0: // before it was carried out
			reset()
		case 1: // after it was carried out: the answer is lost
			forward.ServeHTTP(httptest.NewRecorder(), r)
			reset()
		case 2:
			w.Header().Set("Retry-After", "0")
			Refuse(w, http.StatusTooManyRequests, "TooManyRequests", "slow down")
		case 3: // a load balancer
			http.Error(w, "something went wrong", http.StatusInternalServerError)
		case 4:
			Refuse(w, http.StatusServiceUnavailable, "ServiceUnavailable", "the server is currently unable to handle the request")
		case 5:
			forward.ServeHTTP(httptest.NewRecorder(), r)
			Refuse(w, http.StatusInternalServerError, "InternalError", "etcdserver: request timed out")
		case 6:
			select {
			case <-r.Context().Done():
			case <-time.After(100 * time.Millisecond):
				forward.ServeHTTP(w, r)
			}
		default:
			forward.ServeHTTP(w, r)
		}
	})
}
