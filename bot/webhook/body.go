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
	firstBody   = 16 << 10
	smallBody   = 256 << 10
	smallBodies = 64 << 20
	longBodies  = 4 * MaxBody
)

// bodyTime is how long a body may take to come: forges wait for no longer for an answer.
const bodyTime = 10 * time.Second

// errFull says that no more can be held now.
var errFull = errors.New("too much is being delivered at the same time")

// Bodies bound what all doors of a program hold of bodies at the same time.
type Bodies struct{ small, long *semaphore.Weighted }

// NewBodies is the bound of a program.
func NewBodies() *Bodies {
	return &Bodies{small: semaphore.NewWeighted(smallBodies), long: semaphore.NewWeighted(longBodies)}
}

// read reads the body of a request; done says that it is held no more. What has come counts, and not what is said to come: who only
// opens connections keeps nobody out.
func (b *Bodies) read(w http.ResponseWriter, req *http.Request) (body []byte, done func(), err error) {
	size, known := req.ContentLength, req.ContentLength >= 0
	if size > MaxBody {
		return nil, func() {}, &http.MaxBytesError{Limit: MaxBody}
	}
	from := io.Reader(req.Body)
	if !known {
		size, from = MaxBody, http.MaxBytesReader(w, req.Body, MaxBody)
	}
	// A handler that is called by no server has no deadlines.
	deadline := http.NewResponseController(w)
	_ = deadline.SetReadDeadline(time.Now().Add(bodyTime))
	defer func() {
		if err == nil { // the server sets its own for the next request; what is left of a body that was not taken, it reads, too
			_ = deadline.SetReadDeadline(time.Time{})
		}
	}()

	var held int64
	done = func() { b.of(held).Release(held) }
	for err == nil && int64(len(body)) < size {
		if len(body) == cap(body) {
			more := min(max(2*held, firstBody), size)
			if !b.of(more).TryAcquire(more) {
				return nil, done, errFull
			}
			body = append(make([]byte, 0, more), body...)
			done()
			held = more
		}
		var n int
		n, err = from.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
	}
	switch short := int64(len(body)) < size; {
	case known && short && errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	case known && !short, errors.Is(err, io.EOF):
		err = nil
	case err == nil: // it is as long as one may be; is there more?
		if _, err = io.ReadFull(from, make([]byte, 1)); errors.Is(err, io.EOF) {
			err = nil
		}
	}
	return body, done, err
}

// of is the bound of what has a length.
func (b *Bodies) of(size int64) *semaphore.Weighted {
	if size > smallBody {
		return b.long
	}
	return b.small
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
