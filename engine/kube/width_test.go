package kube

import (
	"context"
	"errors"
	"net/http/httptest"
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
				if err := w.begin(t.Context()); err != nil {
					t.Error(err)
					return
				}
				began := time.Now()
				time.Sleep(s.distance / 2)
				workers <- struct{}{}
				time.Sleep(s.work)
				<-workers
				time.Sleep(s.distance / 2)
				w.end("", time.Since(began), false)
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

// A server that has too much to do gets half, and not less than some.
func TestWidthIsHalvedWhenRefused(t *testing.T) {
	t.Parallel()
	w := newWidth()
	for range 10 {
		for range int(w.limit) {
			if err := w.begin(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		before := w.limit
		for range int(before) {
			w.end("", time.Millisecond, true)
		}
		if want := max(before/2, leastWidth); w.limit != want {
			t.Errorf("%v after %v, want %v", w.limit, before, want)
		}
	}
}

// What has no answer says nothing of how much the server can do with.
func TestWidthDoesNotGrowByWhatFails(t *testing.T) {
	t.Parallel()
	w := newWidth()
	w.waiting = append(w.waiting, make(chan struct{}))
	for range 100 {
		w.under = mostWidth + 1
		w.end("", 0, false)
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
		if err := w.begin(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if err := w.begin(ctx); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
	done := make(chan error)
	go func() { done <- w.begin(t.Context()) }()
	w.end("", 0, false)
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
