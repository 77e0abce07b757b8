package kube

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"strconv"
)

// storageDown is how the API server says, with 429, that it cannot serve a kind at all: what is stored of it cannot be read, such as
// where the version in which it is stored has gone, or a conversion webhook.
var storageDown = regexp.MustCompile(`storage is \(re\)initializing(: failed to )?`)

// startingUp is up to what Retry-After, in seconds, a kind is on its way: the server asks for the more time the longer it has tried.
const startingUp = 10

// unready keeps the client from coming back for minutes for a kind that the API server cannot serve, as it would for a server that
// has too much to do: one such kind, of whomever, would hold up every comparison. Retries for brief outages are enough.
func unready(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		res, err := next.RoundTrip(req)
		if err != nil || res.StatusCode != http.StatusTooManyRequests {
			return res, err
		}
		body, err := io.ReadAll(io.LimitReader(res.Body, maxRefusal))
		res.Body.Close()
		if err != nil {
			return nil, err
		}
		res.Body = io.NopCloser(bytes.NewReader(body))
		after, _ := strconv.Atoi(res.Header.Get("Retry-After"))
		if found := storageDown.FindSubmatch(body); found != nil && (len(found[1]) > 0 || after > startingUp) {
			res.Header.Del("Retry-After")
			res.StatusCode = http.StatusServiceUnavailable // which says nothing of how much it has to do
		}
		return res, nil
	})
}
