package kube

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// How many requests are under way at once. Servers take more than 64 on one connection, but not much more (100).
const (
	firstWidth = 48
	leastWidth = 2
	mostWidth  = 64
)

// width adapts how many requests are under way to what the server answers. As in TCP Vegas (Brakmo and Peterson, 1995), the
// time beyond the best one of requests of the same sort is taken for waiting in line: from it follows how many of ours wait.
// Where few do, as on a long way to the server, there may be more; where many do, more would only wait longer. A server that
// says that it has too much to do gets half. Servers' own fairness would let each wait, and users with it.
type width struct {
	mu      sync.Mutex
	limit   float64
	under   int
	waiting []chan struct{} // in the order in which they came; a closed one may go

	best    map[string]time.Duration // by sort of request
	samples int                      // since limit was looked at
	queued  float64                  // their sum
	refused bool
}

func newWidth() *width { return &width{limit: firstWidth, best: map[string]time.Duration{}} }

// Between fewFrom and manyFrom requests of ours waiting at the server, nothing is changed.
const (
	fewFrom  = 32
	manyFrom = 48
)

// begin waits until another request may be sent.
func (w *width) begin(ctx context.Context) error {
	w.mu.Lock()
	if w.under < int(w.limit) && len(w.waiting) == 0 {
		w.under++
		w.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	w.waiting = append(w.waiting, turn)
	w.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if i := slices.Index(w.waiting, turn); i >= 0 {
		w.waiting = slices.Delete(w.waiting, i, i+1)
	} else { // its turn has come at the same moment
		w.under--
		w.next()
	}
	return context.Cause(ctx)
}

// next lets those go for whom there is room.
func (w *width) next() {
	for len(w.waiting) > 0 && w.under < int(w.limit) {
		close(w.waiting[0])
		w.waiting = w.waiting[1:]
		w.under++
	}
}

// end says how long a request of some sort took; 0 is one that had no answer and says nothing. One that the server refused for having
// too much to do says no more than that.
func (w *width) end(sort string, took time.Duration, refused bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.under--
	w.refused = w.refused || refused
	if refused || took > 0 {
		w.samples++
	}
	if !refused && took > 0 {
		if best, ok := w.best[sort]; !ok || took < best {
			w.best[sort] = took
		}
		w.queued += w.limit * (1 - float64(w.best[sort])/float64(took))
	}
	if w.samples >= int(w.limit) { // about once in the time that a request takes
		w.adapt()
	}
	w.next()
}

func (w *width) adapt() {
	switch mean := w.queued / float64(w.samples); {
	case w.refused:
		w.limit /= 2
	case mean < fewFrom && len(w.waiting) > 0: // else the width is not what bounds it
		w.limit++
	case mean > manyFrom:
		w.limit--
	}
	w.limit = min(max(w.limit, leastWidth), mostWidth)
	w.samples, w.queued, w.refused = 0, 0, false
}

// bounded sends requests by next, as many at once as the server can do with, each for a minute at the most: one that accepts
// and never answers must not hold up a run for ever.
func (w *width) bounded(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		if err := w.begin(req.Context()); err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(req.Context(), requestTimeout)
		began := time.Now()
		res, err := next.RoundTrip(req.WithContext(ctx))
		if err != nil {
			w.end("", 0, ctx.Err() != nil && req.Context().Err() == nil) // one that takes a minute is refused, too
			cancel()
			return nil, err
		}
		w.end(sortOf(req), time.Since(began), res.StatusCode == http.StatusTooManyRequests || res.StatusCode == http.StatusServiceUnavailable)
		res.Body = &endingBody{res.Body, cancel}
		return res, nil
	})
}

// sortOf tells requests apart that take different times: by what is done to which kind.
func sortOf(req *http.Request) string {
	parts := strings.Split(strings.Trim(req.URL.Path, "/"), "/")
	if i := slices.Index(parts, "namespaces"); i >= 0 && i+2 < len(parts) {
		parts = slices.Delete(parts, i, i+2)
	}
	if root := 3 + strings.Count(req.URL.Path, "/apis/"); len(parts) > root { // api/v1/KIND, apis/GROUP/VERSION/KIND
		parts[root] = "NAME"
	}
	dry := ""
	if req.URL.Query().Has("dryRun") {
		dry = " dry"
	}
	return req.Method + dry + " " + strings.Join(parts, "/")
}
