package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// The causes with which a run's context ends, other than [ErrLost].
var (
	// ErrSuperseded says that a newer preview takes this one's place.
	ErrSuperseded = errors.New("superseded by a newer one")
	// ErrShutdown says that the program ends.
	ErrShutdown = errors.New("the program is shutting down")
)

// A CancelledError is the cause with which a run's context ends that somebody asked to stop.
type CancelledError struct{ By string }

func (e *CancelledError) Error() string { return "cancelled by " + e.By }

// An Outcome is what a run came to.
type Outcome struct {
	// Note is for the log and for whoever looks into the database.
	Note string
	// Err is why it was not done; nil where it was, or where it was refused with an answer.
	Err error
	// Retry says that another attempt may go better, after RetryAfter at least.
	Retry      bool
	RetryAfter time.Duration
}

// A Handler does what an item calls for. It must end soon after its context, whose cause says why; whoever was interrupted
// returns an error. last says that there will be no other attempt.
type Handler interface {
	Handle(ctx context.Context, r *Run, last bool) Outcome
}

// Patience is for how long an item is tried that fails for causes that may pass, where nobody says otherwise.
const Patience = time.Hour

// A Runner runs what the store holds.
type Runner struct {
	Store   *Store
	Handler Handler
	// Owner names this replica, and no other one and no earlier process.
	Owner string
	// Workers is how many items run at the same time.
	Workers int
	Limits  Limits
	// Grace is how long what writes to a cluster may go on when the program ends. Previews are stopped at once: they are taken
	// up again.
	Grace time.Duration
	// Patience is for how long an item is tried that fails for causes that may pass: the sum of the pauses. 0 is once.
	Patience time.Duration
	// Backoff is the pause after a first attempt that failed; it doubles, up to five minutes. Default: two seconds.
	Backoff time.Duration
	Log     *slog.Logger
	// Observe, if not nil, is told of each run that has ended.
	Observe func(r *Run, state State, took time.Duration)

	mu      sync.Mutex
	running map[int64]*running
}

type running struct {
	run   *Run
	began time.Time
	stop  context.CancelCauseFunc
}

// poll is how often the runner looks for what other replicas, or time, let run; four times as often for who asks to stop something.
const poll = time.Second

// Busy says how many items run here now, but for the urgent ones, and for how long the oldest of each kind has.
func (r *Runner) Busy() (n int, oldest map[Kind]time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	oldest = map[Kind]time.Duration{}
	for _, run := range r.running {
		kind := run.run.Kind
		if kind != Urgent {
			n++
		}
		oldest[kind] = max(oldest[kind], time.Since(run.began))
	}
	return n, oldest
}

// Run runs items until ctx ends, and then until what runs has ended or was handed back.
func (r *Runner) Run(ctx context.Context) error {
	r.running = map[int64]*running{}
	if _, err := r.Store.TakeOver(ctx, !r.Store.Shared()); err != nil {
		return err
	}
	// The leases are kept until the last run has ended.
	alive, die := context.WithCancel(context.WithoutCancel(ctx))
	defer die()
	var background sync.WaitGroup
	background.Go(func() { r.beat(alive) })
	background.Go(func() { r.watch(alive) })

	all := []lane{
		{make(chan struct{}, urgentWorkers), func(ctx context.Context) (*Run, error) { return r.Store.ClaimUrgent(ctx, r.Owner) }},
		{make(chan struct{}, max(1, r.Workers)), func(ctx context.Context) (*Run, error) { return r.Store.Claim(ctx, r.Owner, r.Limits) }},
	}
	freed := make(chan struct{}, 1)
	var workers sync.WaitGroup
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for ctx.Err() == nil {
		if slices.ContainsFunc(all, func(l lane) bool { return r.fill(ctx, l, freed, &workers) }) {
			continue
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-freed:
		case <-r.Store.Added():
		}
	}
	r.drain(&workers)
	die()
	background.Wait()
	return nil
}

// urgentWorkers is how many urgent items run at the same time, beside the others.
const urgentWorkers = 4

// A lane is a number of workers and what they take.
type lane struct {
	slots chan struct{}
	claim func(ctx context.Context) (*Run, error)
}

// fill claims one item and runs it, if there is one and a worker of the lane is free.
func (r *Runner) fill(ctx context.Context, l lane, freed chan struct{}, workers *sync.WaitGroup) bool {
	select {
	case l.slots <- struct{}{}:
	default:
		return false
	}
	run, err := l.claim(ctx)
	if err != nil && ctx.Err() == nil {
		r.Log.ErrorContext(ctx, "no work is taken", "error", err)
	}
	if run == nil {
		<-l.slots
		return false
	}
	// The run outlives ctx: drain decides for how long.
	runCtx, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	r.mu.Lock()
	r.running[run.Seq] = &running{run: run, began: time.Now(), stop: stop}
	r.mu.Unlock()
	workers.Go(func() {
		r.work(runCtx, run)
		r.mu.Lock()
		delete(r.running, run.Seq)
		r.mu.Unlock()
		stop(nil)
		<-l.slots
		select {
		case freed <- struct{}{}:
		default:
		}
	})
	return true
}

// work runs an item and stores what became of it.
func (r *Runner) work(ctx context.Context, run *Run) {
	began := time.Now()
	log := r.Log.With("delivery", run.Delivery, "key", run.Key, "kind", run.Kind, "attempt", run.Attempt)
	out := r.handle(ctx, run)
	state, end := r.ending(ctx, run, out)
	if end == nil {
		log.WarnContext(ctx, "a run was lost", "cause", context.Cause(ctx))
		return
	}
	// What was done must be stored whatever happens meanwhile; if it cannot be, the lease ends and the item is run again.
	for pause := 100 * time.Millisecond; ; pause *= 2 {
		err := end(context.WithoutCancel(ctx))
		if err == nil {
			break
		}
		log.ErrorContext(ctx, "what became of a run cannot be stored", "error", err)
		if errors.Is(err, ErrLost) || pause > r.Store.Lease {
			return
		}
		<-time.After(pause)
	}
	took := time.Since(began)
	level := slog.LevelInfo
	if state == Failed {
		level = slog.LevelError
	}
	log.Log(ctx, level, "run ended", "state", state, "took", took.Round(time.Millisecond), "note", out.Note, "error", out.Err)
	if r.Observe != nil {
		r.Observe(run, state, took)
	}
}

// ending says in which state a run ends, and how that is stored; nil where it is not ours to store any more.
func (r *Runner) ending(ctx context.Context, run *Run, out Outcome) (State, func(context.Context) error) {
	finish := func(state State) (State, func(context.Context) error) {
		note := out.Note
		if out.Err != nil {
			note = out.Err.Error()
		}
		return state, func(ctx context.Context) error { return r.Store.Finish(ctx, run, state, note) }
	}
	cause := context.Cause(ctx)
	stopped := new(CancelledError)
	switch {
	case errors.Is(cause, ErrLost):
		return Running, nil
	case out.Err == nil:
		return finish(Done)
	case errors.Is(cause, ErrSuperseded):
		return finish(Superseded)
	case errors.As(cause, &stopped), run.Cancelled != "" && !out.Retry: // what it had begun may have to be brought to its end yet
		return finish(Cancelled)
	case errors.Is(cause, ErrShutdown):
		return Waiting, func(ctx context.Context) error { return r.Store.HandBack(ctx, run, run.Kind == Deploy) }
	case out.Retry && !r.last(run):
		after := max(r.backoff(run.Attempt), out.RetryAfter)
		return Waiting, func(ctx context.Context) error { return r.Store.Retry(ctx, run, after, out.Err.Error()) }
	}
	return finish(Failed)
}

// backoff is the pause after an attempt.
func (r *Runner) backoff(attempt int) time.Duration {
	return min(cmp.Or(r.Backoff, 2*time.Second)<<min(attempt-1, 10), 5*time.Minute)
}

// last says whether patience ends with this attempt.
func (r *Runner) last(run *Run) bool {
	var paused time.Duration
	for n := 1; n <= run.Attempt && paused <= r.Patience; n++ {
		paused += r.backoff(n)
	}
	return paused > r.Patience
}

// handle lets the handler do it. A panic is this item's failure, not the program's.
func (r *Runner) handle(ctx context.Context, run *Run) (out Outcome) {
	defer func() {
		if p := recover(); p != nil {
			r.Log.ErrorContext(ctx, "a run panicked", "delivery", run.Delivery, "panic", p)
			out = Outcome{Err: fmt.Errorf("this is a mistake in weighlock: panic: %v", p)}
		}
	}()
	return r.Handler.Handle(ctx, run, r.last(run))
}

// beat keeps the leases, lets run again what nobody keeps, and stops what is ours no more. Where another replica could take it over, the
// database has only a part of the time that is left: it is to be asked once more by another connection.
func (r *Runner) beat(ctx context.Context) {
	every := r.Store.Lease / 5
	tick := time.NewTicker(every)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		tried := time.Now()
		before := r.ours()
		alive, n, err := r.keep(ctx, before, max((r.Store.Lease-every-time.Since(last))/2, every/4))
		if err != nil {
			r.Log.ErrorContext(ctx, "leases are not renewed", "error", err)
		}
		switch {
		case alive != nil:
			last = tried
			r.stop(before, func(seq int64) error {
				if _, ok := alive[seq]; !ok {
					return ErrLost
				}
				r.running[seq].run.lease.renew(tried.Add(r.Store.Lease))
				return nil
			})
		case r.Store.Shared() && time.Since(last) > r.Store.Lease-every: // soon another replica will run what we do
			r.stop(before, func(int64) error { return ErrLost })
		}
		if n > 0 {
			r.Log.WarnContext(ctx, "took over what a dead replica ran, or what nobody knew of", "items", n)
		}
	}
}

// keep renews the leases of runs, and takes over what has none. Those that are still ours are nil where that is not known.
func (r *Runner) keep(ctx context.Context, runs []int64, patience time.Duration) (alive map[int64]string, taken int, err error) {
	if r.Store.Shared() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	if alive, err = r.Store.Beat(ctx, r.Owner, runs); err != nil {
		return nil, 0, err
	}
	taken, err = r.Store.TakeOver(ctx, false)
	return alive, taken, err
}

// watch stops what somebody asked to stop.
func (r *Runner) watch(ctx context.Context) {
	tick := time.NewTicker(poll / 4)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		ours := r.unstopped()
		if len(ours) == 0 {
			continue
		}
		stopped, err := r.Store.Stopped(ctx, r.Owner)
		if err != nil {
			continue // the lease is lost if this goes on, and that is told
		}
		r.stop(ours, func(seq int64) error {
			switch who := stopped[seq]; who {
			case "":
				return nil
			case string(Superseded):
				return ErrSuperseded
			default:
				return &CancelledError{By: who}
			}
		})
	}
}

// ours are the numbers of what runs here now.
func (r *Runner) ours() []int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]int64, 0, len(r.running))
	for seq := range r.running {
		out = append(out, seq)
	}
	return out
}

// unstopped are those of ours whom nobody had asked to stop when they began: the others run to say so.
func (r *Runner) unstopped() []int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []int64
	for seq, run := range r.running {
		if run.run.Cancelled == "" {
			out = append(out, seq)
		}
	}
	return out
}

// stop ends the contexts of those runs for which there is a cause.
func (r *Runner) stop(seqs []int64, cause func(seq int64) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, seq := range seqs {
		if run := r.running[seq]; run != nil {
			if err := cause(seq); err != nil {
				run.stop(err)
			}
		}
	}
}

// drain waits for what runs: previews are stopped, the others may go on for the grace period.
func (r *Runner) drain(workers *sync.WaitGroup) {
	r.mu.Lock()
	for _, run := range r.running {
		if run.run.Kind == Preview {
			run.stop(ErrShutdown)
		}
	}
	r.mu.Unlock()
	done := make(chan struct{})
	go func() { workers.Wait(); close(done) }()
	select {
	case <-done:
		return
	case <-time.After(r.Grace):
	}
	r.stop(r.ours(), func(int64) error { return ErrShutdown })
	<-done
}
