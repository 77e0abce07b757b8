package kube

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// server answers requests as one that works on some at once and lets others wait would, on the way that is distance away.
type server struct {
	distance, work time.Duration
	workers        int
}

// settled is the width with which a thousand requests end up, of a client that would send them all at once.
func settled(t *testing.T, s server) (limit float64) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w, workers := newWidth(), make(chan struct{}, s.workers)
		for range 2000 {
			go func() {
				cuts, err := w.begin(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				began := time.Now()
				time.Sleep(s.distance / 2)
				workers <- struct{}{}
				time.Sleep(s.work)
				<-workers
				time.Sleep(s.distance / 2)
				w.end("", time.Since(began), cuts, answered)
			}()
		}
		synctest.Wait() // all wait, or are under way
		for {
			w.mu.Lock()
			waiting := len(w.waiting)
			limit = w.limit
			w.mu.Unlock()
			if waiting < 200 {
				break
			}
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Minute) // the others are answered
	})
	return limit
}

// A server that is far away gets many requests at once, one that has its hands full few.
func TestWidthFollowsTheServer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		server      server
		least, most float64
	}{
		{"near, two at work", server{time.Millisecond, 2 * time.Millisecond, 2}, 32, 50},
		{"far, sixty-four at work", server{80 * time.Millisecond, 2 * time.Millisecond, 64}, 56, 64},
		{"far, two at work", server{80 * time.Millisecond, 2 * time.Millisecond, 2}, 40, 64},
		{"one at work", server{0, 10 * time.Millisecond, 1}, 32, 49},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := settled(t, c.server); got < c.least || got > c.most {
				t.Errorf("the width is %v, want %v to %v", got, c.least, c.most)
			}
		})
	}
}

// A server that does not answer for a while gets half, and not less than some.
func TestWidthIsHalvedWhenTheServerIsDown(t *testing.T) {
	t.Parallel()
	w := newWidth()
	for range 10 {
		for range int(w.limit) {
			if _, err := w.begin(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		before := w.limit
		for range int(before) {
			w.end("", time.Millisecond, 0, down)
		}
		if want := max(before/2, leastWidth); w.limit != want {
			t.Errorf("%v after %v, want %v", w.limit, before, want)
		}
	}
}

// A server that has no room gets half of what is under way with the first one that it refuses; the others that were sent
// with it say the same. So also a few requests find their width.
func TestWidthIsHalvedAtOnceWhenRefused(t *testing.T) {
	t.Parallel()
	w := newWidth()
	for _, want := range []float64{10, 5, 2.5, leastWidth, leastWidth} {
		under := min(20, int(w.limit))
		var sent []int
		for range under {
			cuts, err := w.begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			sent = append(sent, cuts)
		}
		for _, cuts := range sent {
			if w.end("", time.Millisecond, cuts, refused); w.limit != want && !(under == 2 && w.limit == leastWidth) {
				t.Errorf("%v after %d were refused, want %v", w.limit, under, want)
			}
		}
	}
}

// thrifty is a server that has room for some requests and refuses the others; it is asked again after a second.
type thrifty struct {
	room    chan struct{}
	refused atomic.Int32
}

func (s *thrifty) RoundTrip(*http.Request) (*http.Response, error) {
	select {
	case s.room <- struct{}{}:
		time.Sleep(50 * time.Millisecond)
		<-s.room
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
	default:
		time.Sleep(time.Millisecond)
		s.refused.Add(1)
		return &http.Response{StatusCode: http.StatusTooManyRequests, Body: http.NoBody}, nil
	}
}

// Forty requests are less than the width is at first, and are refused by a server that has room for four: most of them once.
func TestFewRequestsAreNotRefusedAgainAndAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &thrifty{room: make(chan struct{}, 4)}
		client, began := newWidth().bounded(s), time.Now()
		var all sync.WaitGroup
		for range 40 {
			all.Go(func() {
				for {
					res, err := client.RoundTrip(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1/pods", nil))
					if err != nil {
						t.Error(err)
						return
					}
					res.Body.Close()
					if res.StatusCode == http.StatusOK {
						return
					}
					time.Sleep(time.Second)
				}
			})
		}
		all.Wait()
		t.Logf("%d were refused, in %v", s.refused.Load(), time.Since(began))
		if n := s.refused.Load(); n > 80 {
			t.Errorf("%d were refused", n)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// What has no answer says nothing of how much the server can do with.
func TestWidthDoesNotGrowByWhatFails(t *testing.T) {
	t.Parallel()
	w := newWidth()
	w.waiting = append(w.waiting, make(chan struct{}))
	for range 100 {
		w.under = mostWidth + 1
		w.end("", 0, 0, answered)
	}
	if w.limit != firstWidth {
		t.Errorf("the width is %v", w.limit)
	}
}

// Who gives up waiting takes nobody's place.
func TestWidthForgetsThoseWhoGiveUp(t *testing.T) {
	t.Parallel()
	w := newWidth()
	for range firstWidth {
		if _, err := w.begin(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if _, err := w.begin(ctx); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
	done := make(chan error)
	go func() { _, err := w.begin(t.Context()); done <- err }()
	w.end("", 0, 0, answered)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if len(w.waiting) != 0 || w.under != firstWidth {
		t.Errorf("%d wait, %d are under way", len(w.waiting), w.under)
	}
}

func TestSortOfARequestIsWhatIsDoneToWhichKind(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"/api/v1/namespaces/a/configmaps/b?dryRun=All":       "PATCH dry api/v1/configmaps/NAME",
		"/apis/apps/v1/namespaces/a/deployments/b":           "PATCH apis/apps/v1/deployments/NAME",
		"/api/v1/namespaces/a":                               "PATCH api/v1/namespaces/NAME",
		"/apis/apps/v1/deployments":                          "PATCH apis/apps/v1/deployments",
		"/apis/rbac.authorization.k8s.io/v1/clusterroles/a":  "PATCH apis/rbac.authorization.k8s.io/v1/clusterroles/NAME",
		"/api/v1/namespaces/a/serviceaccounts/default/token": "PATCH api/v1/serviceaccounts/NAME/token",
		"/apis": "PATCH apis",
	} {
		if got := sortOf(httptest.NewRequest("PATCH", url, nil)); got != want {
			t.Errorf("%s: got %s, want %s", url, got, want)
		}
	}
}
