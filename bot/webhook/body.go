package webhook

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// What is held of bodies at the same time, in bytes, before anybody knows whose they are. Nearly all payloads are small: long ones
// have a bound of their own, so that who sends those keeps out none of the others.
const (
	smallBody   = 256 << 10
	smallBodies = 64 << 20
	longBodies  = 4 * MaxBody
)

// errFull says that no more can be held now.
var errFull = errors.New("too much is being delivered at the same time")

// Bodies bound what all doors of a program hold of bodies at the same time.
type Bodies struct{ small, long *semaphore.Weighted }

// NewBodies is the bound of a program.
func NewBodies() *Bodies {
	return &Bodies{small: semaphore.NewWeighted(smallBodies), long: semaphore.NewWeighted(longBodies)}
}

// read reads the body of a request; done says that it is held no more.
func (b *Bodies) read(w http.ResponseWriter, req *http.Request) (body []byte, done func(), err error) {
	size := req.ContentLength
	switch {
	case size > MaxBody:
		return nil, func() {}, &http.MaxBytesError{Limit: MaxBody}
	case size < 0: // it is not said
		size = MaxBody
	}
	held := b.small
	if size > smallBody {
		held = b.long
	}
	if !held.TryAcquire(size) {
		return nil, func() {}, errFull
	}
	done = func() { held.Release(size) }
	if req.ContentLength >= 0 { // without what a buffer that grows has in vain
		body = make([]byte, size)
		_, err = io.ReadFull(req.Body, body)
		return body, done, err
	}
	body, err = io.ReadAll(http.MaxBytesReader(w, req.Body, MaxBody))
	return body, done, err
}

// payload is the event in a body: the whole, or, as GitHub sends it where nobody has chosen JSON, a form's field.
func payload(header http.Header, body []byte) ([]byte, error) {
	if kind, _, err := mime.ParseMediaType(header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return body, nil
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	if !form.Has("payload") {
		return nil, errors.New("the form has no field payload")
	}
	return []byte(form.Get("payload")), nil
}

// refusals are requests that nobody knows the secret of. Strangers can make many: the log has one line a minute of them.
type refusals struct {
	mu     sync.Mutex
	told   time.Time
	untold int
}

const tellEvery = time.Minute

func (d *Door) warn(ctx context.Context, req *http.Request, err error) {
	r := &d.refused
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := time.Now(); now.Sub(r.told) >= tellEvery {
		d.Log.WarnContext(ctx, "a request is refused", "source", d.Source.Name, "from", req.RemoteAddr, "error", err, "others", r.untold)
		r.told, r.untold = now, 0
		return
	}
	r.untold++
}
