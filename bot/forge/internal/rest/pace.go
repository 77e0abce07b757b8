package rest

import (
	"context"
	"sync"
	"time"
)

// Pace keeps writes apart. Forges limit them by the minute, and punish who sends
// them as fast as they go.
type Pace struct {
	spacing time.Duration
	mu      sync.Mutex
	next    time.Time // when the next write may go
}

// NewPace makes one that lets a write go each time that the spacing has passed;
// at a second that is 60 a minute. Zero and less let all go.
func NewPace(spacing time.Duration) *Pace { return &Pace{spacing: spacing} }

// Wait waits for our turn, or returns the error of a context that ends before.
// Those who wait go in the order in which they came.
func (p *Pace) Wait(ctx context.Context) error {
	if err := ctx.Err(); err != nil || p.spacing <= 0 {
		return err
	}
	p.mu.Lock()
	now := time.Now()
	turn := p.next
	if turn.Before(now) {
		turn = now
	}
	p.next = turn.Add(p.spacing)
	p.mu.Unlock()
	return Sleep(ctx, turn.Sub(now))
}
