package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/net/http/httpproxy"
)

// Options say how stores are reached.
type Options struct {
	// Env looks up environment variables: credentials, addresses, proxies.
	Env func(name string) (string, bool)
	// AWS is as whom AWS is asked where the environment does not say.
	AWS AWSIdentity
	// Timeout bounds the wait for one answer, repeated tries included; default: 15 s.
	Timeout time.Duration
	// Transport replaces the way to servers; for tests.
	Transport *http.Transport
	// GCPEndpoint replaces the address of Google Secret Manager; for tests.
	GCPEndpoint string
}

const defaultTimeout = 15 * time.Second

// maxAnswer is the most that a server may answer, in bytes. Variables are read by people.
const maxAnswer = 10 << 20

// A Client asks stores. It is safe for concurrent use.
type Client struct {
	opts      Options
	transport func() *http.Transport

	mu    sync.Mutex
	asked map[string]func() (Answer, error)
}

// NewClient returns a client of which nothing is known yet.
func NewClient(opts Options) *Client {
	opts.Timeout = cmp.Or(opts.Timeout, defaultTimeout)
	c := &Client{opts: opts, asked: map[string]func() (Answer, error){}}
	c.transport = sync.OnceValue(c.newTransport)
	return c
}

func (c *Client) newTransport() *http.Transport {
	if c.opts.Transport != nil {
		return c.opts.Transport
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	proxy := (&httpproxy.Config{HTTPProxy: c.env("HTTP_PROXY", "http_proxy"), HTTPSProxy: c.env("HTTPS_PROXY", "https_proxy"), NoProxy: c.env("NO_PROXY", "no_proxy")}).ProxyFunc()
	t.Proxy = func(r *http.Request) (*url.URL, error) { return proxy(r.URL) }
	return t
}

// An Answer is what a store holds.
type Answer struct {
	// Text is a document of YAML or JSON.
	Text []byte
	// Secret says that credentials were needed to get it.
	Secret bool
	// MediaType is what a web server said that it is, such as text/html; "" for stores.
	MediaType string
}

// A MissingError says that a store was asked and has no such thing. That it may not be read is another error.
type MissingError struct {
	// What names the thing and its store.
	What string
}

// Error names what is missing.
func (e *MissingError) Error() string { return e.What + " does not exist" }

// env returns the first of the variables that is set and not empty.
func (c *Client) env(names ...string) string {
	for _, n := range names {
		if v, ok := c.opts.Env(n); ok && v != "" {
			return v
		}
	}
	return ""
}

// once answers a question from memory, or asks it. The question's type names the store.
func (c *Client) once(ctx context.Context, question any, ask func(context.Context) (Answer, error)) (Answer, error) {
	data, err := json.Marshal(question)
	if err != nil {
		return Answer{}, err
	}
	key := fmt.Sprintf("%T%s", question, data)
	c.mu.Lock()
	answer := c.asked[key]
	if answer == nil {
		answer = sync.OnceValues(func() (Answer, error) {
			limited, cancel := context.WithTimeout(ctx, c.opts.Timeout)
			defer cancel()
			a, err := ask(limited)
			if errors.Is(limited.Err(), context.DeadlineExceeded) && ctx.Err() == nil && err != nil {
				err = fmt.Errorf("no answer within %s: %w", c.opts.Timeout, err)
			}
			return a, err
		})
		c.asked[key] = answer
	}
	c.mu.Unlock()
	return answer()
}
