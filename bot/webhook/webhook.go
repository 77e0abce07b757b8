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
	// Promising says whether a request may be the forge's, by its headers alone: of others nothing is read.
	Promising func(header http.Header) bool
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
	Take(ctx context.Context, d Delivery) (Answer, error)
}

// An Answer is what became of a delivery, and where that is not plain, why.
type Answer struct {
	Outcome Outcome
	Why     string
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
	// Bodies are the same for all doors of a program.
	Bodies *Bodies
	Now    func() time.Time
	Log    *slog.Logger
	// Observe, if not nil, is told of each request.
	Observe func(source string, o Outcome, took time.Duration)

	refused refusals
}

// storeTime is how long storing a delivery may take: forges wait for ten seconds.
const storeTime = 8 * time.Second

// ServeHTTP takes a delivery.
func (d *Door) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	began := time.Now()
	a, status := d.serve(w, req)
	if d.Observe != nil {
		d.Observe(d.Source.Name, a.Outcome, time.Since(began))
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	// Who guesses learns nothing: only who knows the secret is told why.
	text := string(a.Outcome)
	if a.Why != "" {
		text += ": " + a.Why
	}
	_, _ = io.WriteString(w, text+"\n") // the forge looks at the status, people at the rest
}

func (d *Door) serve(w http.ResponseWriter, req *http.Request) (Answer, int) {
	ctx := req.Context()
	if req.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return Answer{Outcome: Malformed}, http.StatusMethodNotAllowed
	}
	if !d.Source.Promising(req.Header) {
		d.warn(ctx, req, fmt.Errorf("%w: the headers that a forge sends are not there", ErrForged))
		return Answer{Outcome: Forged}, http.StatusUnauthorized
	}
	body, done, err := d.Bodies.read(w, req)
	defer done()
	switch long := new(http.MaxBytesError); {
	case errors.As(err, &long):
		return Answer{Outcome: TooLong}, http.StatusRequestEntityTooLarge
	case errors.Is(err, errFull):
		w.Header().Set("Retry-After", "10")
		return Answer{Outcome: Refused}, http.StatusServiceUnavailable
	case err != nil: // the connection broke
		return Answer{Outcome: Malformed}, http.StatusBadRequest
	}
	header, err := d.Source.Verify(req.Header, body, d.Now())
	if err != nil {
		d.warn(ctx, req, err)
		return Answer{Outcome: Forged}, http.StatusUnauthorized
	}
	log := d.Log.With("source", d.Source.Name, "event", header.Event, "delivery", header.ID)
	header.ID = d.Source.Name + ":" + header.ID
	if body, err = payload(req.Header, body); err != nil {
		log.ErrorContext(ctx, "a delivery is not understood: set the webhook's content type to application/json", "error", err)
		return Answer{Malformed, "set the webhook's content type to application/json"}, http.StatusUnsupportedMediaType
	}
	event, err := d.Source.Decode(header.Event, header.ID, body)
	if err != nil {
		// A success would mean that it is taken care of. The forge keeps it as failed, for who mends what does not understand it.
		log.ErrorContext(ctx, "a delivery is not understood", "error", err)
		return Answer{Outcome: Malformed}, http.StatusInternalServerError
	}
	store, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	a, err := d.Queue.Take(store, Delivery{Source: d.Source.Name, Header: header, Body: body, Event: event})
	if err != nil {
		log.ErrorContext(ctx, "a delivery is not stored", "error", err)
		w.Header().Set("Retry-After", "10")
		return Answer{Outcome: Refused}, http.StatusServiceUnavailable
	}
	log.DebugContext(ctx, "delivery", "outcome", a.Outcome, "why", a.Why, "repo", fmt.Sprint(event.From().Repo))
	return a, http.StatusOK
}
