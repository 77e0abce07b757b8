package lock

import (
	"cmp"
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
type Claim struct {
	// Target is the target's name, for people; Discriminator is what is locked.
	Target, Discriminator string
	// Holder names a run, and no other one: two runs of one user keep each other out.
	Holder string
	// Person is who started the run, and whose a hold is: their own hold does not keep their runs out. Default: Holder.
	Person string
	// Why says what for.
	Why string
}

func (c Claim) person() string { return cmp.Or(c.Person, c.Holder) }

// Options say how locks behave in time.
type Options struct {
	// Now is the clock.
	Now func() time.Time
	// Duration is for how long a lock stands without a sign of life; it is renewed three times as often. Default 30 s.
	Duration time.Duration
	// Watching, if set, is told of a lock that has expired, before it is watched for the given time.
	Watching func(expired Record, during time.Duration)
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

// Acquire takes the claimed target for a run. A *[HeldError] says who else has it; nobody is waited for. A lock that has
// expired is taken over when its holder gives no sign of life while it is watched for half of its duration: that its time
// is over may be due to a clock that is wrong. The caller releases what it got.
func Acquire(ctx context.Context, records Records, c Claim, opts Options) (*Lock, error) {
	if opts.Duration <= 0 {
		opts.Duration = defaultDuration
	}
	if err := heldBack(ctx, records, c); err != nil {
		return nil, err
	}
	version, err := free(ctx, records, c, opts)
	if err != nil {
		return nil, err
	}
	now := opts.Now().Truncate(time.Microsecond) // what a Lease can store
	want := Record{
		Target: c.Target, Discriminator: c.Discriminator, Holder: c.Holder, Why: c.Why, Since: now, Renewed: now, Duration: opts.Duration, Version: version,
	}
	stored, err := records.Put(ctx, want)
	if errors.Is(err, ErrChanged) {
		stored, err = own(ctx, records, want)
	}
	if errors.Is(err, ErrChanged) {
		return nil, faster(ctx, records, want)
	}
	if err != nil {
		return nil, err
	}
	// Once more: whoever puts a hold on looks for a run afterwards, and we for a hold, so that one of us sees the other.
	if err := heldBack(ctx, records, c); err != nil {
		return nil, errors.Join(err, records.Remove(ctx, stored))
	}
	l := &Lock{records: records, opts: opts, record: stored, stop: make(chan struct{}), done: make(chan struct{})}
	l.ctx, l.lose = context.WithCancelCause(ctx)
	go l.renew(context.WithoutCancel(ctx))
	return l, nil
}

// heldBack is an error where somebody else holds the target.
func heldBack(ctx context.Context, records Records, c Claim) error {
	hold, err := records.Get(ctx, Record{Discriminator: c.Discriminator, Hold: true}.Name())
	if err == nil && hold != nil && hold.Holder != c.person() {
		err = &HeldError{*hold}
	}
	return err
}

// Check says who keeps a claim out now, by a *[HeldError]; it takes nothing. A claim that passes may still be refused by
// [Acquire].
func Check(ctx context.Context, records Records, c Claim, now time.Time) error {
	if err := heldBack(ctx, records, c); err != nil {
		return err
	}
	held, err := Running(ctx, records, c.Discriminator, now)
	if err == nil && held != nil {
		err = &HeldError{*held}
	}
	return err
}

// free returns the version of the record to put a new one in the place of, "" where there is none.
func free(ctx context.Context, records Records, c Claim, opts Options) (string, error) {
	name := Record{Discriminator: c.Discriminator}.Name()
	held, err := records.Get(ctx, name)
	if err != nil || held == nil {
		return "", err
	}
	if !held.Expired(opts.Now()) {
		return "", &HeldError{*held}
	}
	if opts.Watching != nil {
		opts.Watching(*held, held.Duration/2)
	}
	wait := time.NewTimer(held.Duration / 2) // a living holder renews more often
	defer wait.Stop()
	select {
	case <-ctx.Done():
		return "", context.Cause(ctx)
	case <-wait.C:
	}
	now, err := records.Get(ctx, name)
	if err != nil || now == nil {
		return "", err
	}
	if now.Version != held.Version {
		return "", &HeldError{*now}
	}
	return now.Version, nil
}

// own puts a record after [ErrChanged], if the one that is there is ours: an earlier request was carried out although its
// answer got lost. [ErrChanged] if it is another's.
func own(ctx context.Context, records Records, want Record) (Record, error) {
	live, err := records.Get(ctx, want.Name())
	if err != nil {
		return Record{}, err
	}
	if live == nil || !live.same(want) {
		return Record{}, ErrChanged
	}
	want.Version = live.Version
	return records.Put(ctx, want)
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

// renew keeps the lock alive until it is released or lost, also when the run is interrupted: what is under way is finished.
func (l *Lock) renew(ctx context.Context) {
	defer close(l.done)
	tick := time.NewTicker(l.opts.Duration / 3)
	defer tick.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-tick.C:
		}
		next := l.record
		next.Renewed = l.opts.Now().Truncate(time.Microsecond)
		stored, err := l.put(ctx, next)
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

// put stores a renewal, in time for the next one.
func (l *Lock) put(ctx context.Context, next Record) (Record, error) {
	ctx, cancel := context.WithTimeout(ctx, l.opts.Duration/3)
	defer cancel()
	stored, err := l.records.Put(ctx, next)
	if errors.Is(err, ErrChanged) {
		return own(ctx, l.records, next)
	}
	return stored, err
}

// Release gives the target back. It may be called more than once, and with a context that is not the run's, which may
// have ended.
func (l *Lock) Release(ctx context.Context) error {
	var err error
	l.once.Do(func() {
		close(l.stop)
		<-l.done
		err = l.remove(ctx)
		l.lose(context.Canceled)
	})
	return err
}

// remove removes our record. One that expired and is another's now is left alone.
func (l *Lock) remove(ctx context.Context) error {
	err := l.records.Remove(ctx, l.record)
	if !errors.Is(err, ErrChanged) {
		return err
	}
	live, err := l.records.Get(ctx, l.record.Name())
	if err != nil || live == nil || !live.same(l.record) {
		return err
	}
	if err := l.records.Remove(ctx, *live); !errors.Is(err, ErrChanged) {
		return err
	}
	return nil
}

// Hold keeps the runs of all others out until Unhold. Holding again what one holds already renews why.
func Hold(ctx context.Context, records Records, c Claim, now time.Time) (Record, error) {
	now = now.Truncate(time.Microsecond)
	want := Record{Target: c.Target, Discriminator: c.Discriminator, Holder: c.person(), Why: c.Why, Hold: true, Since: now, Renewed: now}
	held, err := records.Get(ctx, want.Name())
	if err != nil {
		return Record{}, err
	}
	if held != nil {
		if held.Holder != want.Holder {
			return Record{}, &HeldError{*held}
		}
		want.Since, want.Version = held.Since, held.Version
	}
	stored, err := records.Put(ctx, want)
	if errors.Is(err, ErrChanged) {
		stored, err = own(ctx, records, want)
	}
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

// Running returns the record of a run that works on the target, nil when there is none.
func Running(ctx context.Context, records Records, discriminator string, now time.Time) (*Record, error) {
	held, err := records.Get(ctx, Record{Discriminator: discriminator}.Name())
	if err != nil || held == nil || held.Expired(now) {
		return nil, err
	}
	return held, nil
}
