package serve

import (
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/weighlock/weighlock/bot/queue"
)

// Trace lets runs be traced: each is a trace of its own, from the delivery to what became of it.
func (s *Server) Trace(p trace.TracerProvider) {
	s.worker.tracer = p.Tracer("github.com/weighlock/weighlock/serve")
}

// aboutRun is what a trace tells of a run.
func aboutRun(r *queue.Run) trace.SpanStartOption {
	return trace.WithAttributes(
		attribute.String("weighlock.delivery", r.Delivery), attribute.String("weighlock.key", r.Key), attribute.String("weighlock.kind", string(r.Kind)),
		attribute.String("weighlock.event", r.Event), attribute.Int("weighlock.attempt", r.Attempt),
	)
}

// tracedForge makes each request to a forge a step of the trace that it is made for. Addresses are told without queries.
type tracedForge struct{ next http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (t tracedForge) RoundTrip(req *http.Request) (*http.Response, error) {
	tracer := trace.SpanFromContext(req.Context()).TracerProvider().Tracer("github.com/weighlock/weighlock/serve")
	ctx, span := tracer.Start(req.Context(), "forge "+req.Method, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("http.request.method", req.Method), attribute.String("server.address", req.URL.Host), attribute.String("url.path", req.URL.Path)))
	defer span.End()
	res, err := t.next.RoundTrip(req.WithContext(ctx))
	switch {
	case err != nil:
		span.SetStatus(codes.Error, "")
	case res.StatusCode >= http.StatusBadRequest:
		span.SetStatus(codes.Error, "")
		fallthrough
	default:
		span.SetAttributes(attribute.Int("http.response.status_code", res.StatusCode))
	}
	return res, err
}
