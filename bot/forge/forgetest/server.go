package forgetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
)

// Options of a stand-in. The zero value serves.
type Options struct {
	// Violation is told, from the server's goroutines, of every request,
	// response and payload that the forge's description refuses. It must not
	// call the stand-in. Nil writes them to standard error.
	Violation func(error)
	// Clock gives the times of what happens on the server. Nil means one that
	// starts with 2026 and moves on by a second each time it is looked at, so
	// that tests see the same times always.
	Clock func() time.Time
}

// Exchange is a request that the server got, with its answer. The token is not
// kept.
type Exchange struct {
	Method string
	Path   string
	Query  string
	// Login of the token's account; empty when the token is not known.
	Login        string
	RequestBody  string
	Status       int
	ResponseBody string
}

// Fault makes requests fail.
type Fault struct {
	// Method and Path tell which requests; Path is a pattern of [path.Match],
	// such as "/repos/*/*/issues/*/comments". Empty means any.
	Method, Path string
	// Status of the answer.
	Status int
	// Times is how many requests fail. Zero means one.
	Times int
	// Message in the answer. Empty means the status's text.
	Message string
	// RetryAfter asks the client to wait, in whole seconds; with status 403 or
	// 429 it is a rate limit.
	RetryAfter time.Duration
	// Late lets the request take effect and loses only the answer, as when a
	// gateway gives up.
	Late bool
}

// GitHub is a stand-in for GitHub. See [NewGitHub].
type GitHub struct {
	violation   func(error)
	description *description
	routes      *http.ServeMux
	server      *http.Server
	url         string

	mu        sync.Mutex // guards all below
	clock     func() time.Time
	repos     map[forge.Repo]*repository
	users     map[string]forge.User
	tokens    map[string]Token
	faults    []Fault
	exchanges []Exchange
	lastID    int64
	delivered int
}

// NewGitHub starts a stand-in for GitHub on a free port of 127.0.0.1. Close
// ends it.
func NewGitHub(o Options) (*GitHub, error) {
	description, err := loadDescription()
	if err != nil {
		return nil, err
	}
	if o.Violation == nil {
		o.Violation = func(err error) { fmt.Fprintln(os.Stderr, "stand-in for GitHub:", err) }
	}
	if o.Clock == nil {
		o.Clock = tickingClock()
	}
	g := &GitHub{
		violation:   o.Violation,
		description: description,
		clock:       o.Clock,
		repos:       map[forge.Repo]*repository{},
		users:       map[string]forge.User{},
		tokens:      map[string]Token{},
		lastID:      1000,
	}
	g.users[ActionsLogin] = forge.User{ID: 41898282, Login: ActionsLogin, Bot: true}
	g.routes = g.newRoutes()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	g.url = "http://" + listener.Addr().String()
	g.server = &http.Server{Handler: http.HandlerFunc(g.serve), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = g.server.Serve(listener) }() // returns when the server is closed
	return g, nil
}

// StartGitHub starts a stand-in for the duration of a test, which fails on
// every violation.
func StartGitHub(tb testing.TB) *GitHub {
	tb.Helper()
	g, err := NewGitHub(Options{Violation: func(err error) { tb.Errorf("%v", err) }})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(g.Close)
	return g
}

// URL is the address of the API, for the client's configuration or
// GITHUB_API_URL.
func (g *GitHub) URL() string { return g.url }

// Close ends the server, after the requests under way.
func (g *GitHub) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := g.server.Shutdown(ctx); err != nil {
		g.server.Close()
	}
}

// Fail makes coming requests fail. Several faults apply in the order given.
func (g *GitHub) Fail(f Fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f.Times = max(1, f.Times)
	if _, err := path.Match(f.Path, ""); err != nil {
		panic(fmt.Sprintf("forgetest: fault on %q: %v", f.Path, err))
	}
	g.faults = append(g.faults, f)
}

// Exchanges returns all requests so far with their answers, in the order in
// which they were answered.
func (g *GitHub) Exchanges() []Exchange {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]Exchange(nil), g.exchanges...)
}

// serve answers a request and checks both sides of it.
func (g *GitHub) serve(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, 25<<20))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer := g.answer(req, body)
	for name, values := range answer.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(answer.body.Len()))
	w.WriteHeader(answer.status)
	_, _ = w.Write(answer.body.Bytes()) // who does not listen any more has not lost a thing
}

func (g *GitHub) answer(req *http.Request, body []byte) *response {
	g.mu.Lock()
	defer g.mu.Unlock()
	answer := &response{header: http.Header{}}
	token, known := g.tokens[bearer(req)]

	operation, err := g.description.request(req, body)
	if err == nil {
		req.Body = io.NopCloser(bytes.NewReader(body))
		g.perform(answer, req, token, known)
		err = operation.response(answer)
	}
	if err != nil {
		g.violation(err)
		answer.reset()
		answer.refuse(http.StatusInternalServerError, "violation: "+err.Error())
	}
	g.exchanges = append(g.exchanges, Exchange{
		Method: req.Method, Path: req.URL.Path, Query: req.URL.RawQuery, Login: token.Login,
		RequestBody: string(body), Status: answer.status, ResponseBody: answer.body.String(),
	})
	return answer
}

// perform lets the request have its effect, unless a fault or the token
// prevents it.
func (g *GitHub) perform(answer *response, req *http.Request, token Token, known bool) {
	fault, failing := g.takeFault(req)
	if !failing || fault.Late {
		if known {
			g.routes.ServeHTTP(answer, req.WithContext(withToken(req.Context(), token)))
		} else {
			answer.refuse(http.StatusUnauthorized, "Bad credentials")
		}
	}
	if failing {
		answer.reset()
		if fault.RetryAfter > 0 {
			answer.header.Set("Retry-After", strconv.Itoa(int(fault.RetryAfter/time.Second)))
		}
		if fault.Message == "" {
			fault.Message = http.StatusText(fault.Status)
		}
		answer.refuse(fault.Status, fault.Message)
	}
}

func (g *GitHub) takeFault(req *http.Request) (Fault, bool) {
	for i := range g.faults {
		f := &g.faults[i]
		match, _ := path.Match(f.Path, req.URL.Path) // Fail has checked the pattern
		if f.Times > 0 && (f.Method == "" || f.Method == req.Method) && (f.Path == "" || match) {
			f.Times--
			return *f, true
		}
	}
	return Fault{}, false
}

func tickingClock() func() time.Time {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return func() time.Time {
		now = now.Add(time.Second)
		return now
	}
}
