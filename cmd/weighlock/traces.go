package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// traces are sent by OTLP over HTTP to where OpenTelemetry's own environment variables say, and nowhere where they say nothing.
// What is not sent yet is sent by stop. The provider is handed down: SDKs of others, which look for a global one, tell nothing.
func traces(ctx context.Context, p process, log *slog.Logger) (provider trace.TracerProvider, stop func(), err error) {
	endpoint := p.getenv("OTEL_EXPORTER_OTLP_ENDPOINT") + p.getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	if kind := p.getenv("OTEL_TRACES_EXPORTER"); endpoint == "" || p.getenv("OTEL_SDK_DISABLED") == "true" || kind != "" && kind != "otlp" {
		return noop.NewTracerProvider(), func() {}, nil
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("traces: %w", err)
	}
	about, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "weighlock"), attribute.String("service.version", version)), resource.WithFromEnv())
	if err != nil {
		return nil, nil, fmt.Errorf("traces: %w", err)
	}
	sdk := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
	// Traces are for who looks at them: that they cannot be sent ends nothing.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces are not sent", "error", err) }))
	return sdk, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tracesEnd)
		defer cancel()
		if err := sdk.Shutdown(ctx); err != nil {
			log.Warn("the last traces are not sent", "error", err)
		}
	}, nil
}

// tracesEnd is for how long what is not sent yet may be sent in the end.
const tracesEnd = 5 * time.Second
