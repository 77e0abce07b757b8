package project

import (
	"context"
	"sync/atomic"
	"time"
)

type clockKey struct{}

// WatchClock returns a context under which it is noticed whether templates ask what time it is: what they make of it is
// something else each time.
func WatchClock(ctx context.Context) (watched context.Context, asked func() bool) {
	var seen atomic.Bool
	return context.WithValue(ctx, clockKey{}, &seen), seen.Load
}

// clock is what templates see as the time; nil when they must not.
func (s *Source) clock(ctx context.Context) func() time.Time {
	seen, ok := ctx.Value(clockKey{}).(*atomic.Bool)
	if s.now == nil || !ok {
		return s.now
	}
	return func() time.Time {
		seen.Store(true)
		return s.now()
	}
}
