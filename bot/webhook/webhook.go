// Package webhook is the door by which a forge tells what happens: it checks who speaks, and answers with success only once
// what was said is stored.
//
// A forge that gets no success keeps the delivery as failed, and it can be asked for again; what it got a success for, it
// forgets. Therefore nothing that calls for work is answered before the [Queue] has it, and what calls for none is answered
// with success: GitLab turns hooks off that are refused.
package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
)

// MaxBody is the longest payload that forges send, in bytes.
const MaxBody = 25 << 20

// A Source is a forge whose deliveries are taken.
type Source struct {
	// Name tells the sources apart: deliveries' IDs begin with it.
	Name string
	// Verify finds out whether a delivery comes from the forge, and its event and ID.
	Verify Verify
	// Decode reads a verified payload; see [forge.Event].
	Decode func(event, delivery string, payload []byte) (forge.Event, error)
}

// A Verify says what a request delivers, if it was made by who knows one of the secrets; else [ErrForged].
type Verify func(header http.Header, body []byte, now time.Time) (Header, error)

// A Header is what a delivery's headers say.
type Header struct {
	// Event is the event's name in the forge's words, ID the delivery's.
	Event, ID string
}

// ErrForged says that a request was not made by the forge, or not lately.
var ErrForged = errors.New("the signature is not by one of the secrets")

// A Queue takes what was delivered. It returns nil only once the delivery is stored for good, or known, or calls for nothing.
type Queue interface {
	Take(ctx context.Context, d Delivery) (Outcome, error)
}

// A Delivery is a verified event, as it came and decoded.
type Delivery struct {
	Source string
	Header
	Body  []byte
	Event forge.Event
}

// An Outcome is what became of a request, for the metrics.
type Outcome string

// What a request comes to. The queue says one of the first three.
const (
	Stored    Outcome = "stored"
	Known     Outcome = "known"
	Ignored   Outcome = "ignored"
	Forged    Outcome = "forged"
	TooLong   Outcome = "too-long"
	Malformed Outcome = "malformed"
	Refused   Outcome = "not-stored"
)

// A Door is the handler of a source's requests.
type Door struct {
	Source Source
	Queue  Queue
	Now    func() time.Time
	Log    *slog.Logger
	// Observe, if not nil, is told of each request.
	Observe func(source string, o Outcome, took time.Duration)
}

// ServeHTTP takes a delivery.
func (d *Door) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	began := time.Now()
	outcome, status := d.serve(w, req)
	if d.Observe != nil {
		d.Observe(d.Source.Name, outcome, time.Since(began))
	}
	w.WriteHeader(status)
	// Nothing of what the sender sent comes back: who guesses learns nothing.
	_, _ = io.WriteString(w, string(outcome)+"\n") // the forge looks at the status
}

func (d *Door) serve(w http.ResponseWriter, req *http.Request) (Outcome, int) {
	ctx := req.Context()
	if req.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return Malformed, http.StatusMethodNotAllowed
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, MaxBody))
	if long := new(http.MaxBytesError); errors.As(err, &long) {
		return TooLong, http.StatusRequestEntityTooLarge
	}
	if err != nil { // the connection broke
		return Malformed, http.StatusBadRequest
	}
	header, err := d.Source.Verify(req.Header, body, d.Now())
	if err != nil {
		d.Log.WarnContext(ctx, "a request is refused", "source", d.Source.Name, "from", req.RemoteAddr, "error", err)
		return Forged, http.StatusUnauthorized
	}
	log := d.Log.With("source", d.Source.Name, "event", header.Event, "delivery", header.ID)
	header.ID = d.Source.Name + ":" + header.ID
	event, err := d.Source.Decode(header.Event, header.ID, body)
	if err != nil {
		// A success would mean that it is taken care of. The forge keeps it as failed, for who mends what does not understand it.
		log.ErrorContext(ctx, "a delivery is not understood", "error", err)
		return Malformed, http.StatusInternalServerError
	}
	outcome, err := d.Queue.Take(ctx, Delivery{Source: d.Source.Name, Header: header, Body: body, Event: event})
	if err != nil {
		log.ErrorContext(ctx, "a delivery is not stored", "error", err)
		w.Header().Set("Retry-After", "10")
		return Refused, http.StatusServiceUnavailable
	}
	log.DebugContext(ctx, "delivery", "outcome", outcome, "repo", fmt.Sprint(event.From().Repo))
	return outcome, http.StatusOK
}
