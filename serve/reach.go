package serve

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/weighlock/weighlock/engine/diff"
)

// A Reach remembers which clusters answer, so that one that does not costs no run more than a moment.
type Reach struct {
	// Wait is how long a cluster may take to answer. One that has not is not asked for twice as long as that took, and at least
	// for Again: what refuses at once costs little to be asked again.
	Wait, Again time.Duration
	// Slow is how long a run may be busy with a cluster before it counts against it, and Most how many such runs there may be.
	Slow time.Duration
	Most int

	mu       sync.Mutex
	clusters map[string]*reached
}

// NewReach is for a server within these limits: however slow a cluster is, a run is left for the others.
func NewReach(l *Limits) *Reach {
	return &Reach{Wait: l.cluster, Again: time.Second, Slow: 2 * time.Minute, Most: max(l.Workers-1, 1)}
}

// reached is what is known of a cluster.
type reached struct {
	asking *question // nil when nobody asks
	until  time.Time // when it may be asked again, if it did not answer
	err    error
	busy   map[*time.Time]bool // since when its runs are
}

// A question to a cluster, for all who wait for its answer.
type question struct {
	done chan struct{} // closed when what follows is known
	err  error
	cut  bool // whoever asked has gone before there was an answer
}

func (r *Reach) cluster(name string) *reached {
	if r.clusters == nil {
		r.clusters = map[string]*reached{}
	}
	c := r.clusters[name]
	if c == nil {
		c = &reached{busy: map[*time.Time]bool{}}
		r.clusters[name] = c
	}
	return c
}

// Answers returns an error if a cluster does not answer a ping, or has not a moment ago. Those who ask at the same time share one.
func (r *Reach) Answers(ctx context.Context, name string, ping func(context.Context) error) error {
	for {
		c, q, mine, err := r.question(name)
		switch {
		case err != nil:
			return err
		case mine:
			return r.ask(ctx, c, q, ping)
		}
		select {
		case <-q.done:
			if !q.cut {
				return q.err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// question is what a cluster is being asked, or is to be asked by the caller; or why that need not be.
func (r *Reach) question(name string) (c *reached, q *question, mine bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c = r.cluster(name)
	if c.err != nil && time.Now().Before(c.until) {
		return c, nil, false, c.err
	}
	if mine = c.asking == nil; mine {
		c.asking = &question{done: make(chan struct{})}
	}
	return c, c.asking, mine, nil
}

func (r *Reach) ask(ctx context.Context, c *reached, q *question, ping func(context.Context) error) error {
	began := time.Now()
	asked, cancel := context.WithTimeout(ctx, r.Wait)
	q.err = ping(asked)
	cancel()
	r.mu.Lock()
	defer r.mu.Unlock()
	defer close(q.done)
	c.asking = nil
	if q.cut = ctx.Err() != nil; q.cut { // it was not the cluster that ended this
		return ctx.Err()
	}
	c.err, c.until = q.err, time.Now().Add(max(2*time.Since(began), r.Again))
	return q.err
}

// Enter says that a run is busy with a cluster until ctx ends. It is an error where too many have been for too long.
func (r *Reach) Enter(ctx context.Context, name string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, slow := r.cluster(name), 0
	for since := range c.busy {
		if time.Since(*since) > r.Slow {
			slow++
		}
	}
	if slow >= r.Most {
		return &diff.UnreachableError{Err: fmt.Errorf("the cluster is slow: %d previews have been waiting for it for more than %s", slow, r.Slow)}
	}
	now := time.Now()
	c.busy[&now] = true
	context.AfterFunc(ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(c.busy, &now)
	})
	return nil
}
