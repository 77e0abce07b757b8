package lock

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Records are the locks of a cluster. Its errors are a *[RightsError] where the user lacks a right.
type Records interface {
	// Get returns the record of that name, or nil when there is none.
	Get(ctx context.Context, name string) (*Record, error)
	// Put stores a record: a new one if its Version is empty, else in the place of that version. It returns the record
	// as stored; [ErrChanged] says that somebody else was faster.
	Put(ctx context.Context, r Record) (Record, error)
	// Remove removes that version of a record. It is no error if it is gone, and [ErrChanged] if it is another's now.
	Remove(ctx context.Context, r Record) error
	// List returns all records, sorted by name.
	List(ctx context.Context) ([]Record, error)
}

// ErrChanged says that a record is not the one that it was when it was read.
var ErrChanged = errors.New("the lock has changed hands meanwhile")

// A Claim is who wants a target, and what for.
type Claim struct{ Target, Discriminator, Holder, Why string }

// Options say how locks behave in time.
type Options struct {
	// Now is the clock.
	Now func() time.Time
	// Duration is for how long a lock stands without a sign of life; it is renewed three times as often. Default 30 s.
	Duration time.Duration
}

const defaultDuration = 30 * time.Second

// A Lock is a target that this run may work on until Release.
type Lock struct {
	records Records
	opts    Options
	ctx     context.Context
	lose    context.CancelCauseFunc
	stop    chan struct{}
	done    chan struct{}
	once    sync.Once
	record  Record // written by renew alone until done is closed
}

// Acquire takes the claimed target for a run. A *[HeldError] says who else has it; a lock that has expired is taken
// over. Acquire does not wait.
func Acquire(ctx context.Context, records Records, c Claim, opts Options) (*Lock, error) {
	if opts.Duration <= 0 {
		opts.Duration = defaultDuration
	}
	now := opts.Now()
	want := Record{Target: c.Target, Discriminator: c.Discriminator, Holder: c.Holder, Why: c.Why, Since: now, Renewed: now, Duration: opts.Duration}
	hold, err := records.Get(ctx, Record{Discriminator: c.Discriminator, Hold: true}.Name())
	if err != nil {
		return nil, err
	}
	if hold != nil && hold.Holder != c.Holder {
		return nil, &HeldError{*hold}
	}
	held, err := records.Get(ctx, want.Name())
	if err != nil {
		return nil, err
	}
	if held != nil {
		if !held.Expired(now) {
			return nil, &HeldError{*held}
		}
		want.Version = held.Version
	}
	stored, err := records.Put(ctx, want)
	if errors.Is(err, ErrChanged) {
		return nil, faster(ctx, records, want)
	}
	if err != nil {
		return nil, err
	}
	l := &Lock{records: records, opts: opts, record: stored, stop: make(chan struct{}), done: make(chan struct{})}
	l.ctx, l.lose = context.WithCancelCause(ctx)
	go l.renew()
	return l, nil
}

// faster says who took the lock while we were about to.
func faster(ctx context.Context, records Records, want Record) error {
	held, err := records.Get(ctx, want.Name())
	switch {
	case err != nil:
		return err
	case held == nil:
		return fmt.Errorf("target %q: %w; try again", want.Target, ErrChanged)
	}
	return &HeldError{*held}
}

// Context is done when the lock is lost, released, or the context of Acquire ends: whoever works under the lock works
// with it. Its cause says that the lock was lost.
func (l *Lock) Context() context.Context { return l.ctx }

// renew keeps the lock alive until it is released or lost.
func (l *Lock) renew() {
	defer close(l.done)
	tick := time.NewTicker(l.opts.Duration / 3)
	defer tick.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-l.ctx.Done():
			return
		case <-tick.C:
		}
		next := l.record
		next.Renewed = l.opts.Now()
		stored, err := l.put(next)
		switch {
		case err == nil:
			l.record = stored
		case errors.Is(err, ErrChanged):
			l.lose(fmt.Errorf("target %q: %w: somebody has taken the lock away", l.record.Target, ErrChanged))
			return
		case l.record.Expired(l.opts.Now()):
			l.lose(fmt.Errorf("target %q: the lock could not be renewed in time: %w", l.record.Target, err))
			return
		}
	}
}

// put stores a renewal, within the time that is left of the lock.
func (l *Lock) put(next Record) (Record, error) {
	ctx, cancel := context.WithTimeout(l.ctx, l.opts.Duration/3)
	defer cancel()
	return l.records.Put(ctx, next)
}

// Release gives the target back. It may be called more than once, and with a context that is not the run's, which may
// have ended.
func (l *Lock) Release(ctx context.Context) error {
	var err error
	l.once.Do(func() {
		close(l.stop)
		<-l.done
		err = l.records.Remove(ctx, l.record)
		if errors.Is(err, ErrChanged) {
			err = nil // it expired and is another's now
		}
		l.lose(context.Canceled)
	})
	return err
}

// Hold keeps the runs of all others out until Unhold. Holding again what one holds already renews why.
func Hold(ctx context.Context, records Records, c Claim, now time.Time) (Record, error) {
	want := Record{Target: c.Target, Discriminator: c.Discriminator, Holder: c.Holder, Why: c.Why, Hold: true, Since: now, Renewed: now}
	held, err := records.Get(ctx, want.Name())
	if err != nil {
		return Record{}, err
	}
	if held != nil {
		if held.Holder != c.Holder {
			return Record{}, &HeldError{*held}
		}
		want.Since, want.Version = held.Since, held.Version
	}
	stored, err := records.Put(ctx, want)
	if errors.Is(err, ErrChanged) {
		return Record{}, faster(ctx, records, want)
	}
	return stored, err
}

// Unhold gives up a hold, whoever has it: a person who has left must not lock a target for ever. It returns the record
// that was removed, nil when there was none.
func Unhold(ctx context.Context, records Records, discriminator string) (*Record, error) {
	held, err := records.Get(ctx, Record{Discriminator: discriminator, Hold: true}.Name())
	if err != nil || held == nil {
		return nil, err
	}
	return held, records.Remove(ctx, *held)
}
