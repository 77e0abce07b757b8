package bot

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// traced begins a step of what is traced in ctx, if anything is, and returns what ends it. Of an error nothing is told but that
// there was one: its text may be that of others.
func traced(ctx context.Context, step string, target ID) (context.Context, func(error)) {
	tracer := trace.SpanFromContext(ctx).TracerProvider().Tracer("github.com/weighlock/weighlock/bot")
	ctx, span := tracer.Start(ctx, step, trace.WithAttributes(attribute.String("weighlock.target", string(target))))
	return ctx, func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}
