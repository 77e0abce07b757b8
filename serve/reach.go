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
	// Wait is how long a cluster may take to answer, and Again how long it is not asked after it has not.
	Wait, Again time.Duration
	// Slow is how long a run may be busy with a cluster before it counts against it, and Most how many such runs there may be.
	Slow time.Duration
	Most int

	mu       sync.Mutex
	clusters map[string]*reached
}

// NewReach is for a server that has so many runs at once: however slow a cluster is, a run is left for the others.
func NewReach(workers int) *Reach {
	return &Reach{Wait: 10 * time.Second, Again: 20 * time.Second, Slow: 2 * time.Minute, Most: max(workers-1, 1)}
}

// reached is what is known of a cluster.
type reached struct {
	asking chan struct{} // closed when the answer is there; nil when nobody asks
	failed time.Time
	err    error
	busy   map[*time.Time]bool // since when its runs are
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
	r.mu.Lock()
	c := r.cluster(name)
	if c.err != nil && time.Since(c.failed) < r.Again {
		defer r.mu.Unlock()
		return c.err
	}
	if asking := c.asking; asking != nil {
		r.mu.Unlock()
		select {
		case <-asking:
			r.mu.Lock()
			defer r.mu.Unlock()
			return c.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	c.asking = make(chan struct{})
	r.mu.Unlock()

	asked, cancel := context.WithTimeout(ctx, r.Wait)
	err := ping(asked)
	cancel()
	r.mu.Lock()
	defer r.mu.Unlock()
	close(c.asking)
	c.asking = nil
	if ctx.Err() != nil { // it was not the cluster that ended this
		return ctx.Err()
	}
	c.err, c.failed = err, time.Now()
	return err
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
