package main

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	v1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/weighlock/weighlock/action/actiontest"
	"github.com/weighlock/weighlock/serve/servetest"
)

// A run is a trace, with what it did for each target and asked of the forge, and with nothing that is secret.
func TestServeTracesRuns(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var raw strings.Builder
	spans := map[string]*v1.Span{} // by ID
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		var export collector.ExportTraceServiceRequest
		if err != nil || req.URL.Path != "/v1/traces" || proto.Unmarshal(body, &export) != nil {
			t.Errorf("%s %s is no export: %v", req.Method, req.URL, err)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		raw.Write(body)
		for _, r := range export.GetResourceSpans() {
			for _, s := range r.GetScopeSpans() {
				for _, span := range s.GetSpans() {
					spans[hex.EncodeToString(span.GetSpanId())] = span
				}
			}
		}
	}))
	defer server.Close()
	c := converse(t)
	c.env = []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + server.URL}
	s := c.served("")
	c.deliver(s, c.openPullRequest(change))
	c.deliver(s, c.command(writer, "/deploy staging"))
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	above := map[string]string{"render": "preview", "diff": "preview", "preview": "run", "deploy": "run", "forge GET": ""}
	seen := map[string]int{}
	for _, span := range spans {
		seen[span.GetName()]++
		want := above[span.GetName()]
		if want == "" {
			continue
		}
		if parent := spans[hex.EncodeToString(span.GetParentSpanId())]; parent.GetName() != want {
			t.Errorf("%s is below %q, expected %s", span.GetName(), parent.GetName(), want)
		}
	}
	for name := range above {
		if seen[name] == 0 {
			t.Errorf("there is no %s among %v", name, seen)
		}
	}
	for _, secret := range []string{servetest.Secret, actiontest.ActionsToken, "second-token", "first-token"} {
		if strings.Contains(raw.String(), secret) {
			t.Errorf("the traces hold %q", secret)
		}
	}
}
