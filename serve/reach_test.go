package serve

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weighlock/weighlock/engine/diff"
)

func TestADeadClusterIsAskedOnceInAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, asked, dead := NewReach(&Limits{Workers: 4, cluster: defaultCluster}), 0, errors.New("no route to host")
		ping := func(ctx context.Context) error {
			asked++
			<-ctx.Done()
			return dead
		}
		began := time.Now()
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if err := r.Answers(t.Context(), "east", ping); !errors.Is(err, dead) {
					t.Errorf("found %v", err)
				}
			})
		}
		all.Wait()
		if took := time.Since(began); asked != 1 || took != r.Wait {
			t.Errorf("it was asked %d times, for %s", asked, took)
		}
		if err := r.Answers(t.Context(), "east", ping); asked != 1 || !errors.Is(err, dead) {
			t.Errorf("a moment later it was asked again: %d, %v", asked, err)
		}
		if err := r.Answers(t.Context(), "west", func(context.Context) error { return nil }); err != nil {
			t.Errorf("another one: %v", err)
		}
		time.Sleep(2 * r.Wait)
		if err := r.Answers(t.Context(), "east", func(context.Context) error { return nil }); err != nil {
			t.Errorf("once it answers again: %v", err)
		}
	})
}

func TestWhoIsCancelledSaysNothingOfTheCluster(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := NewReach(&Limits{Workers: 4, cluster: defaultCluster})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Answers(ctx, "east", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }); err == nil {
			t.Fatal("it has answered")
		}
		if err := r.Answers(t.Context(), "east", func(context.Context) error { return nil }); err != nil {
			t.Errorf("the next one is told %v", err)
		}
	})
}

func TestASlowClusterLeavesARunForOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := NewReach(&Limits{Workers: 3, cluster: defaultCluster})
		ctx, end := context.WithCancel(t.Context())
		for range 3 {
			if err := r.Enter(ctx, "east"); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(r.Slow + time.Second)
		if err := r.Enter(t.Context(), "east"); !errors.As(err, new(*diff.UnreachableError)) {
			t.Errorf("found %v", err)
		}
		if err := r.Enter(t.Context(), "west"); err != nil {
			t.Errorf("another one: %v", err)
		}
		end()
		synctest.Wait()
		if err := r.Enter(t.Context(), "east"); err != nil {
			t.Errorf("once these have ended: %v", err)
		}
	})
}

// Whoever waits for what another run asks a cluster does not take its end for an answer: it asks itself.
func TestWhoAskedAndWentHasLearntNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, down := NewReach(&Limits{Workers: 4, cluster: defaultCluster}), errors.New("connection refused")
		ctx, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			if err := r.Answers(ctx, "east", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }); !errors.Is(err, context.Canceled) {
				t.Errorf("who went: %v", err)
			}
		})
		synctest.Wait()
		all.Go(func() {
			if err := r.Answers(t.Context(), "east", func(context.Context) error { return down }); !errors.Is(err, down) {
				t.Errorf("who waited: %v", err)
			}
		})
		synctest.Wait()
		leave()
		all.Wait()
	})
}
