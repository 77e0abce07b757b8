package rest

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"strconv"
	"sync"
)

const (
	// keptInAll bounds how much is kept of answers, and keptBytes how long each
	// may be. Who asks about one pull request after the other, and then begins
	// anew, has use for what is kept only where all of it is.
	keptInAll = 16 << 20
	keptBytes = 1 << 20
	// keptBeside is about how much an answer takes beside its body.
	keptBeside = 4 << 10
)

// Conditional carries reads that ask whether there is news: answers are kept
// with the tag (ETag) that the forge gave them, and when it says that they still
// hold (304), they are answered again. GitHub does not count such reads.
//
// It belongs to one identity: what one account may read another may not.
type Conditional struct {
	// Next carries the requests. Nil means [http.DefaultTransport], which goes
	// through the proxies of HTTPS_PROXY and trusts the authorities of SSL_CERT_FILE.
	Next http.RoundTripper

	mu    sync.Mutex
	kept  map[string]answer
	order []string // addresses, those kept longest first
	size  int      // of what is kept
}

type answer struct {
	header http.Header
	body   []byte
}

func (a answer) size() int { return len(a.body) + keptBeside }

// RoundTrip implements [http.RoundTripper].
func (c *Conditional) RoundTrip(req *http.Request) (*http.Response, error) {
	next := c.Next
	if next == nil {
		next = http.DefaultTransport
	}
	if req.Method != http.MethodGet || req.Header.Get("If-None-Match") != "" || req.Header.Get("Range") != "" {
		return next.RoundTrip(req)
	}
	address := req.URL.String() + "\n" + req.Header.Get("Accept")
	c.mu.Lock()
	have, known := c.kept[address]
	c.mu.Unlock()
	if known {
		req = req.Clone(req.Context())
		req.Header.Set("If-None-Match", have.header.Get("ETag"))
	}
	resp, err := next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	switch {
	case known && resp.StatusCode == http.StatusNotModified:
		resp.Body.Close()
		header := have.header.Clone()
		maps.Copy(header, resp.Header) // the limits are those of now
		header.Set("Content-Length", strconv.Itoa(len(have.body)))
		resp.Status, resp.StatusCode, resp.Header = "200 OK", http.StatusOK, header
		resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(have.body)), int64(len(have.body))
	case resp.StatusCode == http.StatusOK && resp.Header.Get("ETag") != "":
		body, err := io.ReadAll(io.LimitReader(resp.Body, keptBytes+1))
		if err != nil {
			resp.Body.Close()
			return nil, err
		}
		if len(body) > keptBytes {
			resp.Body = readCloser{io.MultiReader(bytes.NewReader(body), resp.Body), resp.Body}
			break
		}
		resp.Body.Close()
		resp.Body = io.NopCloser(bytes.NewReader(body))
		c.keep(address, answer{resp.Header.Clone(), body})
	}
	return resp, nil
}

func (c *Conditional) keep(address string, a answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil {
		c.kept = map[string]answer{}
	}
	if before, known := c.kept[address]; known {
		c.size -= before.size()
	} else {
		c.order = append(c.order, address)
	}
	c.kept[address] = a
	c.size += a.size()
	for c.size > keptInAll {
		c.size -= c.kept[c.order[0]].size()
		delete(c.kept, c.order[0])
		c.order = c.order[1:]
	}
}

type readCloser struct {
	io.Reader
	io.Closer
}
