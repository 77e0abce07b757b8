package lock_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weighlock/weighlock/engine/lock"
)

// memory keeps records as an API server does, versions and all. The real one is tested with package kube; what is proven
// here is what happens in time, which needs a clock that tests can turn.
type memory struct {
	mu      sync.Mutex
	records map[string]lock.Record
	version int
	down    bool
	mute    bool // answers of writes get lost: what was carried out seems to have changed hands
}

var errDown = errors.New("the server is down")

func (m *memory) Get(_ context.Context, name string) (*lock.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.records[name]
	if !ok {
		return nil, nil
	}
	return &r, nil
}

func (m *memory) Put(_ context.Context, r lock.Record) (lock.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return r, errDown
	}
	if m.records[r.Name()].Version != r.Version {
		return r, lock.ErrChanged
	}
	m.version++
	r.Version = strconv.Itoa(m.version)
	if m.records == nil {
		m.records = map[string]lock.Record{}
	}
	m.records[r.Name()] = r
	if m.mute { // as a client sees it that has sent the request again
		m.mute = false
		return lock.Record{}, lock.ErrChanged
	}
	return r, nil
}

func (m *memory) Remove(_ context.Context, r lock.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if stored, ok := m.records[r.Name()]; ok && stored.Version != r.Version {
		return lock.ErrChanged
	}
	delete(m.records, r.Name())
	return nil
}

func (m *memory) List(context.Context) ([]lock.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Values(m.records)), nil
}

func (m *memory) setDown(down bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = down
}

var options = lock.Options{Now: time.Now, Duration: 30 * time.Second}

func claim(holder string) lock.Claim {
	return lock.Claim{Target: "prod", Discriminator: "shop-prod", Holder: holder, Why: "deploy of 1a2b3c4"}
}

func acquire(t *testing.T, m *memory, holder string) *lock.Lock {
	t.Helper()
	l, err := lock.Acquire(t.Context(), m, claim(holder), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Release(context.Background()) })
	return l
}

func wantHeldBy(t *testing.T, m *memory, holder string) {
	t.Helper()
	l, err := lock.Acquire(t.Context(), m, claim("somebody"), options)
	var held *lock.HeldError
	switch {
	case err == nil:
		_ = l.Release(t.Context())
		t.Errorf("acquired, want held by %s", holder)
	case !errors.As(err, &held) || held.Record.Holder != holder:
		t.Errorf("got %v, want held by %s", err, holder)
	}
}

func TestALockThatIsRenewedOutlivesItsDuration(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		l := acquire(t, m, "alice")
		time.Sleep(10 * time.Minute)
		wantHeldBy(t, m, "alice")
		if err := l.Context().Err(); err != nil {
			t.Errorf("lost: %v", context.Cause(l.Context()))
		}
	})
}

func TestALockOutlivesAnswersThatGetLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{mute: true}
		l := acquire(t, m, "alice")
		m.mu.Lock()
		m.mute = true
		m.mu.Unlock()
		time.Sleep(time.Minute)
		wantHeldBy(t, m, "alice")
		if err := l.Context().Err(); err != nil {
			t.Errorf("lost: %v", context.Cause(l.Context()))
		}
		m.mu.Lock()
		m.mute = true
		m.mu.Unlock()
		time.Sleep(10 * time.Second)
		if err := l.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		acquire(t, m, "bob")
	})
}

// A run that is interrupted finishes what is under way; the target is its own until then.
func TestALockIsKeptUntilItsReleaseThoughTheRunIsInterrupted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		ctx, interrupt := context.WithCancel(t.Context())
		l, err := lock.Acquire(ctx, m, claim("alice"), options)
		if err != nil {
			t.Fatal(err)
		}
		interrupt()
		time.Sleep(5 * time.Minute)
		wantHeldBy(t, m, "alice")
		if l.Context().Err() == nil {
			t.Error("the run is not told of the interruption")
		}
		if err := l.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		acquire(t, m, "bob")
	})
}

func TestAClockThatIsWrongDoesNotTakeALivingLock(t *testing.T) {
	t.Parallel()
	for name, skew := range map[string]time.Duration{"ahead": time.Hour, "behind": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := &memory{}
				acquire(t, m, "alice")
				wrong := lock.Options{Now: func() time.Time { return time.Now().Add(skew) }, Duration: 30 * time.Second}
				var held *lock.HeldError
				if _, err := lock.Acquire(t.Context(), m, claim("bob"), wrong); !errors.As(err, &held) || held.Record.Holder != "alice" {
					t.Errorf("got %v, want held by alice", err)
				}
			})
		})
	}
}

func TestTwoRunsOfOnePersonKeepEachOtherOutAndTheirOwnHoldDoesNot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		run := func(holder, person string) lock.Claim {
			return lock.Claim{Target: "prod", Discriminator: "shop-prod", Holder: holder, Person: person}
		}
		if _, err := lock.Hold(t.Context(), m, run("laptop 1", "alice"), time.Now()); err != nil {
			t.Fatal(err)
		}
		l, err := lock.Acquire(t.Context(), m, run("laptop 2", "alice"), options)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Release(t.Context())
		var held *lock.HeldError
		if _, err := lock.Acquire(t.Context(), m, run("laptop 3", "alice"), options); !errors.As(err, &held) || held.Record.Holder != "laptop 2" {
			t.Errorf("got %v, want held by the other run", err)
		}
		if r, err := lock.Running(t.Context(), m, "shop-prod", time.Now()); err != nil || r == nil || r.Holder != "laptop 2" {
			t.Errorf("got %v, %v, want the run", r, err)
		}
		if _, err := lock.Acquire(t.Context(), m, run("ci 1", "bob"), options); !errors.As(err, &held) || held.Record.Holder != "alice" {
			t.Errorf("got %v, want held by alice", err)
		}
	})
}

// late is a store in which somebody puts a hold on right after a run has looked for one.
type late struct {
	*memory
	looked bool
}

func (l *late) Get(ctx context.Context, name string) (*lock.Record, error) {
	r, err := l.memory.Get(ctx, name)
	if !l.looked {
		l.looked = true
		_, holdErr := lock.Hold(ctx, l.memory, claim("alice"), time.Now())
		err = errors.Join(err, holdErr)
	}
	return r, err
}

func TestAHoldThatComesWhileARunBeginsIsSeen(t *testing.T) {
	t.Parallel()
	l := &late{memory: &memory{}}
	var held *lock.HeldError
	if _, err := lock.Acquire(t.Context(), l, claim("bob"), options); !errors.As(err, &held) || held.Record.Holder != "alice" {
		t.Fatalf("got %v, want held by alice", err)
	}
	if r, err := lock.Running(t.Context(), l, "shop-prod", time.Now()); r != nil || err != nil {
		t.Errorf("it left %v, %v", r, err)
	}
}

func TestALockIsFreeAfterItsRelease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		l := acquire(t, m, "alice")
		for range 2 { // twice does no harm
			if err := l.Release(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if l.Context().Err() == nil {
			t.Error("its context is not done")
		}
		acquire(t, m, "bob")
	})
}

func TestALockOfADeadRunIsTakenOverWhenItExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		dead := lock.Record{Target: "prod", Discriminator: "shop-prod", Holder: "dead", Since: time.Now(), Renewed: time.Now(), Duration: 30 * time.Second}
		if _, err := m.Put(t.Context(), dead); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Second)
		wantHeldBy(t, m, "dead")
		time.Sleep(time.Second)
		acquire(t, m, "alice")
	})
}

func TestARunWhoseLockIsTakenStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		l := acquire(t, m, "alice")
		r, _ := m.Get(t.Context(), lock.Record{Discriminator: "shop-prod"}.Name())
		r.Holder = "thief"
		if _, err := m.Put(t.Context(), *r); err != nil {
			t.Fatal(err)
		}
		time.Sleep(11 * time.Second)
		if cause := context.Cause(l.Context()); !errors.Is(cause, lock.ErrChanged) {
			t.Errorf("got %v, want that the lock was taken", cause)
		}
		if err := l.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantHeldBy(t, m, "thief")
	})
}

func TestABriefOutageDoesNotLoseALockButALongOneDoes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		l := acquire(t, m, "alice")
		m.setDown(true)
		time.Sleep(25 * time.Second)
		m.setDown(false)
		time.Sleep(10 * time.Second)
		if l.Context().Err() != nil {
			t.Fatalf("lost after a brief outage: %v", context.Cause(l.Context()))
		}
		m.setDown(true)
		time.Sleep(time.Minute)
		if cause := context.Cause(l.Context()); !errors.Is(cause, errDown) {
			t.Errorf("after a minute without the server: got %v, want that it was lost because of it", cause)
		}
	})
}

func TestAHoldKeepsOthersOutUntilItIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		if _, err := lock.Hold(t.Context(), m, claim("alice"), time.Now()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(24 * time.Hour)
		wantHeldBy(t, m, "alice")
		var held *lock.HeldError
		if _, err := lock.Hold(t.Context(), m, claim("bob"), time.Now()); !errors.As(err, &held) {
			t.Errorf("bob holds what alice holds: %v", err)
		}
		if err := acquire(t, m, "alice").Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		if r, err := lock.Unhold(t.Context(), m, "shop-prod"); err != nil || r == nil || r.Holder != "alice" {
			t.Errorf("got %v, %v", r, err)
		}
		if r, err := lock.Unhold(t.Context(), m, "shop-prod"); err != nil || r != nil {
			t.Errorf("a second time: got %v, %v", r, err)
		}
		acquire(t, m, "bob")
	})
}

func TestOneOfManyWins(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		var won, lost int
		var mu sync.Mutex
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				l, err := lock.Acquire(t.Context(), m, claim(strconv.Itoa(i)), options)
				mu.Lock()
				defer mu.Unlock()
				var held *lock.HeldError
				switch {
				case err == nil:
					won++
					t.Cleanup(func() { _ = l.Release(context.Background()) })
				case errors.As(err, &held):
					lost++
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won != 1 || lost != 19 {
			t.Errorf("%d won and %d lost", won, lost)
		}
	})
}

func TestAHeldErrorSaysWhoSinceWhenWhyAndWhatToDo(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	run := lock.Record{Target: "prod", Holder: "alice", Why: "deploy of 1a2b3c4", Since: at, Renewed: at.Add(time.Minute), Duration: 30 * time.Second}
	hold := run
	hold.Hold = true
	for _, c := range []struct {
		record lock.Record
		want   []string
	}{
		{run, []string{"held by alice since 2026-01-02T03:04:05Z (deploy of 1a2b3c4)", "expires by itself at 2026-01-02T03:05:35Z"}},
		{hold, []string{"held by alice", "weighlock unlock --target prod"}},
	} {
		for _, want := range c.want {
			if got := (&lock.HeldError{Record: c.record}).Error(); !strings.Contains(got, want) {
				t.Errorf("%q is not in: %s", want, got)
			}
		}
	}
}
