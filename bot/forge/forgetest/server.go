package forgetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
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
	// Sample checks one exchange and one payload in so many, and keeps no other exchange, for tests with very many of them. Zero
	// means all.
	Sample int
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
	// Status of the answer. Zero leaves the answer as it is, for Cut and Delay
	// alone.
	Status int
	// Times is how many requests fail. Zero means one.
	Times int
	// Skip is how many requests pass before.
	Skip int
	// Message in the answer. Empty means the status's text.
	Message string
	// RetryAfter asks the client to wait, in whole seconds; with status 403 or
	// 429 it is a rate limit.
	RetryAfter time.Duration
	// Late lets the request take effect and loses only the answer, as when a
	// gateway gives up.
	Late bool
	// Cut breaks the connection in the middle of the answer's body.
	Cut bool
	// Delay is how long the answer takes, at most: it ends when the client gives
	// up.
	Delay time.Duration
}

// dialect is a forge's own way to say things.
type dialect struct {
	name        string
	description func() (*description, error)
	// path is a request's path, for routes and for the description: one segment
	// for each thing that it names.
	path func(*url.URL) string
	// undescribed tells a request that the description is silent about, and that
	// is served all the same.
	undescribed func(*http.Request) bool
	// login tells the account that a request is made in the name of.
	login func(*http.Request) (login string, known bool)
	// program tells whether a login is a program's.
	program func(login string) bool
	// refusal is the general form of an error.
	refusal func(status int, message string, header http.Header) object
	// pullURL and commentURL are pages for people.
	pullURL    func(repo forge.Repo, number int) string
	commentURL func(pull string, id int64) string
}

// standIn is what the stand-ins of all forges share: the state, and a server
// that checks what comes and goes.
type standIn struct {
	dialect
	violation func(error)
	described *description
	sample    int
	routes    *http.ServeMux
	server    *http.Server
	url       string

	mu        sync.Mutex // guards all below
	clock     func() time.Time
	repos     map[forge.Repo]*repository
	moved     map[forge.Repo]*repository // by the names that they had
	users     map[string]forge.User
	teams     map[string][]string // logins
	faults    []Fault
	exchanges []Exchange
	lastID    int64
	delivered int
	asked     int // requests
}

// newStandIn makes one with nothing in it, at an address of its own. Serve
// lets it answer.
func newStandIn(d dialect, o Options) (*standIn, net.Listener, error) {
	described, err := d.description()
	if err != nil {
		return nil, nil, err
	}
	if o.Violation == nil {
		o.Violation = func(err error) { fmt.Fprintf(os.Stderr, "stand-in for %s: %v\n", d.name, err) }
	}
	if o.Clock == nil {
		o.Clock = tickingClock()
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	return &standIn{
		dialect:   d,
		violation: o.Violation,
		sample:    max(1, o.Sample),
		described: described,
		clock:     o.Clock,
		repos:     map[forge.Repo]*repository{},
		moved:     map[forge.Repo]*repository{},
		users:     map[string]forge.User{},
		teams:     map[string][]string{},
		lastID:    1000,
		url:       "http://" + listener.Addr().String(),
	}, listener, nil
}

// serve starts to answer. The routes must be there.
func (s *standIn) serve(listener net.Listener) {
	s.server = &http.Server{Handler: http.HandlerFunc(s.handle), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.server.Serve(listener) }() // returns when the server is closed
}

// URL is the address of the server, for the client's configuration.
func (s *standIn) URL() string { return s.url }

// Close ends the server, after the requests under way.
func (s *standIn) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.server.Shutdown(ctx); err != nil {
		s.server.Close()
	}
}

// Mend ends all faults.
func (s *standIn) Mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Fail makes coming requests fail. Several faults apply in the order given.
func (s *standIn) Fail(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.Times = max(1, f.Times)
	if _, err := path.Match(f.Path, ""); err != nil {
		panic(fmt.Sprintf("forgetest: fault on %q: %v", f.Path, err))
	}
	s.faults = append(s.faults, f)
}

// Exchanges returns all requests so far with their answers, in the order in
// which they were answered.
func (s *standIn) Exchanges() []Exchange {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Exchange(nil), s.exchanges...)
}

// response is an answer while it is being made.
type response struct {
	status  int
	header  http.Header
	body    bytes.Buffer
	refusal func(status int, message string, header http.Header) object
}

func (r *response) Header() http.Header         { return r.header }
func (r *response) WriteHeader(status int)      { r.status = status }
func (r *response) Write(p []byte) (int, error) { return r.body.Write(p) }

func (r *response) reset() {
	clear(r.header)
	r.body.Reset()
	r.status = 0
}

func (r *response) json(status int, v any) {
	r.header.Set("Content-Type", "application/json; charset=utf-8")
	r.status = status
	enc := json.NewEncoder(&r.body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // our own maps
	}
}

// refuse answers with the forge's general form of an error.
func (r *response) refuse(status int, message string) {
	r.json(status, r.refusal(status, message, r.header))
}

// refer says at which address a repository is that was renamed.
func (r *response) refer(status int, to string) {
	r.refuse(status, "Moved Permanently")
	r.header.Set("Location", to)
}

// numbered is a request's path by the name of the repository that GitHub's redirects name by number.
func (s *standIn) numbered(path string) string {
	rest, ok := strings.CutPrefix(path, "/repositories/")
	if !ok {
		return path
	}
	id, rest, _ := strings.Cut(rest, "/")
	for name, r := range s.repos {
		if strconv.FormatInt(r.id, 10) == id {
			return strings.TrimSuffix("/repos/"+name.String()+"/"+rest, "/")
		}
	}
	return path
}

// handle answers a request and checks both sides of it.
func (s *standIn) handle(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, 25<<20))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	req.URL = &url.URL{Path: s.path(req.URL), RawQuery: req.URL.RawQuery}
	answer, fault := s.answer(req, body)
	if fault.Delay > 0 {
		timer := time.NewTimer(fault.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-req.Context().Done():
			return
		}
	}
	for name, values := range answer.header {
		w.Header()[name] = values
	}
	if answer.status != http.StatusNotModified {
		w.Header().Set("Content-Length", strconv.Itoa(answer.body.Len()))
	}
	w.WriteHeader(answer.status)
	if fault.Cut {
		_, _ = w.Write(answer.body.Bytes()[:answer.body.Len()/2])
		panic(http.ErrAbortHandler) // the server's way to break a connection
	}
	_, _ = w.Write(answer.body.Bytes()) // who does not listen any more has not lost a thing
}

func (s *standIn) answer(req *http.Request, body []byte) (*response, Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := &response{header: http.Header{}, refusal: s.refusal}
	login, known := s.login(req)
	fault, failing := Fault{}, false

	var operation *operation
	var err error
	s.asked++
	req.URL.Path = s.numbered(req.URL.Path)
	sampled := s.asked%s.sample == 0
	if sampled && !s.undescribed(req) {
		operation, err = s.described.request(req, body)
	}
	if err == nil {
		fault, failing = s.takeFault(req)
		failing = failing && fault.Status != 0
		req.Body = io.NopCloser(bytes.NewReader(body))
		switch {
		case failing && !fault.Late:
		case !known:
			answer.refuse(http.StatusUnauthorized, "Bad credentials")
		default:
			s.routes.ServeHTTP(answer, req)
		}
		if failing {
			answer.fail(fault)
		}
		if operation != nil && answer.header.Get("Location") == "" { // where a repository is now, the descriptions do not say of all operations
			err = operation.response(answer)
		}
		if err == nil {
			answer.tag(req)
		}
	}
	if err != nil {
		s.violation(err)
		answer.reset()
		answer.refuse(http.StatusInternalServerError, "violation: "+err.Error())
	}
	if sampled {
		s.exchanges = append(s.exchanges, Exchange{
			Method: req.Method, Path: req.URL.Path, Query: req.URL.RawQuery, Login: login,
			RequestBody: string(body), Status: answer.status, ResponseBody: answer.body.String(),
		})
	}
	return answer, fault
}

// tag gives an answer to a read its tag, and leaves the answer out where the
// client has it already. As on GitHub, the tag is the body's alone, and what is
// left out has no links: that a page has come behind this one is not told then.
func (r *response) tag(req *http.Request) {
	if req.Method != http.MethodGet || r.status != http.StatusOK {
		return
	}
	sum := sha256.Sum256(r.body.Bytes())
	etag := fmt.Sprintf(`W/"%x"`, sum[:16])
	r.header.Set("ETag", etag)
	if req.Header.Get("If-None-Match") == etag {
		r.status = http.StatusNotModified
		r.body.Reset()
		r.header.Del("Link")
	}
}

// fail replaces an answer by what the fault says.
func (r *response) fail(f Fault) {
	r.reset()
	if f.RetryAfter > 0 {
		r.header.Set("Retry-After", strconv.Itoa(int(f.RetryAfter/time.Second)))
	}
	if f.Message == "" {
		f.Message = http.StatusText(f.Status)
	}
	r.refuse(f.Status, f.Message)
}

func (s *standIn) takeFault(req *http.Request) (Fault, bool) {
	for i := range s.faults {
		f := &s.faults[i]
		match, _ := path.Match(f.Path, req.URL.Path) // Fail has checked the pattern
		if f.Times > 0 && (f.Method == "" || f.Method == req.Method) && (f.Path == "" || match) {
			if f.Skip > 0 {
				f.Skip--
				continue
			}
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
