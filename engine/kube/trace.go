package kube

import (
	"net/http"
	"time"
)

// A Request is one that was sent to a cluster, without what it and its answer say.
type Request struct {
	Method, URL string
	// Took is the time until the head of the answer.
	Took time.Duration
	// Status is the answer's; 0 where there was none, which Err says why.
	Status int
	Err    error
}

// traced tells of what is sent by next.
func (c Config) traced(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		start := time.Now()
		res, err := next.RoundTrip(req)
		r := Request{Method: req.Method, URL: req.URL.Redacted(), Took: time.Since(start), Err: err}
		if err == nil {
			r.Status = res.StatusCode
		}
		c.Trace(r)
		return res, err
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements [http.RoundTripper].
func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
