package queue

import (
	"context"
	"sync"
	"time"
)

// A lease is until when a claim surely holds, as this process knows it.
type lease struct {
	mu    sync.Mutex
	until time.Time
}

func (l *lease) renew(until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until = until
}

// holds judges by the clock that only goes forward and by the one on the wall: of a machine that slept the latter alone knows.
func (l *lease) holds() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	return now.Before(l.until) && now.Round(0).Before(l.until.Round(0))
}

// Held returns nil where a run still has its lease, so that what it does is not done beside another replica. It is asked before each thing that others
// see: a process that was stopped for longer than its lease, and goes on, is not told of it before it looks.
func (s *Store) Held(ctx context.Context, r *Run) error {
	if !s.Shared() || r.lease == nil || r.lease.holds() {
		return nil
	}
	until := time.Now().Add(s.Lease)
	err := s.update(ctx, r, "lease = CAST($1 AS BIGINT) + $5", s.Lease.Milliseconds())
	if err == nil {
		r.lease.renew(until)
	}
	return err
}
