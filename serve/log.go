package serve

import (
	"io"
	"log/slog"
	"strings"
)

// NewLog writes JSON in which the configuration's secrets do not stand.
func NewLog(w io.Writer, level slog.Leveler, c *Config) *slog.Logger {
	var pairs []string
	for _, s := range c.secrets() {
		pairs = append(pairs, s, "***")
	}
	mask := strings.NewReplacer(pairs...)
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		switch a.Value.Kind() {
		case slog.KindDuration: // a number of nanoseconds is nobody's unit
			a.Value = slog.StringValue(a.Value.Duration().String())
		case slog.KindString:
			a.Value = slog.StringValue(mask.Replace(a.Value.String()))
		case slog.KindAny:
			if err, ok := a.Value.Any().(error); ok {
				a.Value = slog.StringValue(mask.Replace(err.Error()))
			}
		}
		return a
	}}))
}
