package main

import (
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/weighlock/weighlock/engine/kube"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/render"
)

// debugLog tells on standard error what a run does, if --debug is given: which project, target and cluster, where everything
// comes from, and each request to the cluster. What is told holds no value of an argument, a variable or an object; and
// should one get into a name or an address, it is masked as soon as it is known to be secret.
type debugLog struct {
	*slog.Logger
	level *slog.LevelVar
	mask  *atomic.Pointer[func(string) string]
}

func newDebugLog(p process) debugLog {
	d := debugLog{level: &slog.LevelVar{}, mask: &atomic.Pointer[func(string) string]{}}
	d.Logger = slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: d.level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if mask := d.mask.Load(); mask != nil && a.Key != slog.TimeKey && a.Key != slog.LevelKey {
			a.Value = slog.StringValue((*mask)(a.Value.String()))
		}
		return a
	}}))
	return d
}

func (d debugLog) target(p *project.Project, t project.Target) {
	d.Debug("project", "sourceRoot", p.Source().Root(), "directory", p.Dir())
	d.Debug("target", "name", t.Name, "context", t.Context, "discriminator", t.Discriminator, "derived", t.Derived, "args", slices.Sorted(maps.Keys(t.Args)))
}

func (d debugLog) rendered(m *render.Manifests) {
	mask := m.Secrets.Text
	d.mask.Store(&mask)
	for _, s := range m.Sources {
		d.Debug("source", "kind", s.Kind, "url", s.URL, "ref", s.Ref, "id", s.ID, "directory", s.Dir)
	}
	items := 0
	for _, s := range m.Stages {
		items += len(s.Items)
	}
	d.Debug("rendered", "stages", len(m.Stages), "items", items, "objects", m.Len())
}

func (d debugLog) request(r kube.Request) {
	result := slog.Any("error", r.Err)
	if r.Err == nil {
		result = slog.Int("status", r.Status)
	}
	d.Debug("request", "method", r.Method, "url", r.URL, "took", r.Took.Round(time.Microsecond), result)
}
