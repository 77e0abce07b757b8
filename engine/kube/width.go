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
// says that it has too much to do gets half of what it had. Servers' own fairness would let each wait, and users with it.
type width struct {
	mu      sync.Mutex
	limit   float64
	under   int
	waiting []chan struct{} // in the order in which they came; a closed one may go

	best    map[string]time.Duration // by sort of request
	samples int                      // since limit was looked at
	queued  float64                  // their sum
	ailing  bool                     // the server did not answer one of them
	cuts    int                      // how often limit was cut at once
}

func newWidth() *width { return &width{limit: firstWidth, best: map[string]time.Duration{}} }

// Between fewFrom and manyFrom requests of ours waiting at the server, nothing is changed.
const (
	fewFrom  = 32
	manyFrom = 48
)

// begin waits until another request may be sent. It returns how often the width had been cut at once by then.
func (w *width) begin(ctx context.Context) (cuts int, err error) {
	w.mu.Lock()
	if w.under < int(w.limit) && len(w.waiting) == 0 {
		defer w.mu.Unlock()
		w.under++
		return w.cuts, nil
	}
	turn := make(chan struct{})
	w.waiting = append(w.waiting, turn)
	w.mu.Unlock()
	select {
	case <-turn:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		return w.cuts, nil
	}
	if i := slices.Index(w.waiting, turn); i >= 0 {
		w.waiting = slices.Delete(w.waiting, i, i+1)
	} else { // its turn has come at the same moment
		w.under--
		w.next()
	}
	return 0, err
}

// next lets those go for whom there is room.
func (w *width) next() {
	for len(w.waiting) > 0 && w.under < int(w.limit) {
		close(w.waiting[0])
		w.waiting = w.waiting[1:]
		w.under++
	}
}

// end says how long a request of some sort took that was sent after so many cuts; 0 is one that had no answer and says nothing.
func (w *width) end(sort string, took time.Duration, cuts int, how answer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case how == refused && cuts == w.cuts:
		w.cut()
	case how == down:
		w.samples++
		w.ailing = true
	case how == answered && took > 0:
		w.samples++
		if best, ok := w.best[sort]; !ok || took < best {
			w.best[sort] = took
		}
		w.queued += w.limit * (1 - float64(w.best[sort])/float64(took))
	}
	w.under--
	if w.samples >= int(w.limit) { // about once in the time that a request takes
		w.adapt()
	}
	w.next()
}

// answer is what a server's answer says of how much it has to do.
type answer int

const (
	answered answer = iota
	// refused is a request that it had no room for.
	refused
	// down is one that it could not answer: for want of room, or because what stands behind it for some kinds is not there.
	down
)

// cut leaves half of what is under way, at once: where there are few requests, they would be refused again and again before
// there are samples enough. The others that are under way were sent before, and say no more than the first one.
func (w *width) cut() {
	w.limit = max(min(w.limit, float64(w.under))/2, leastWidth)
	w.cuts++
	w.samples, w.queued, w.ailing = 0, 0, false
}

func (w *width) adapt() {
	switch mean := w.queued / float64(w.samples); {
	case w.ailing:
		w.limit /= 2
	case mean < fewFrom && len(w.waiting) > 0: // else the width is not what bounds it
		w.limit++
	case mean > manyFrom:
		w.limit--
	}
	w.limit = min(max(w.limit, leastWidth), mostWidth)
	w.samples, w.queued, w.ailing = 0, 0, false
}

// bounded sends requests by next, as many at once as the server can do with, each for a minute at the most: one that accepts
// and never answers must not hold up a run for ever.
func (w *width) bounded(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		if req.Context().Value(aheadKey{}) != nil {
			return timed(next, req)
		}
		cuts, err := w.begin(req.Context())
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(req.Context(), requestTimeout)
		began := time.Now()
		res, err := next.RoundTrip(req.WithContext(ctx))
		if err != nil {
			how := answered
			if ctx.Err() != nil && req.Context().Err() == nil {
				how = down // one that takes a minute is too much, too
			}
			w.end("", 0, cuts, how)
			cancel()
			return nil, err
		}
		w.end(sortOf(req), time.Since(began), cuts, meaning(res.StatusCode))
		res.Body = &endingBody{res.Body, cancel}
		return res, nil
	})
}

// aheadKey is the context key of requests that wait for nobody's turn.
type aheadKey struct{}

// ahead is a context for the few requests that wait for nobody's turn: those that keep a lock. It is lost to others when they come late,
// as they would behind many slow ones, such as of a webhook that takes its time.
func ahead(ctx context.Context) context.Context { return context.WithValue(ctx, aheadKey{}, true) }

// timed sends a request at once, for a minute at the most.
func timed(next http.RoundTripper, req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), requestTimeout)
	return untilRead(next, req.WithContext(ctx), cancel)
}

func meaning(status int) answer {
	switch status {
	case http.StatusTooManyRequests:
		return refused
	case http.StatusServiceUnavailable:
		return down
	}
	return answered
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
