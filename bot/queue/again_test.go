package queue_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/weighlock/weighlock/bot/queue"
)

// What has failed keeps its payload and can be taken up again, once for each time that it fails; what was done cannot.
func TestWhatHasFailedCanBeTakenUpAgain(t *testing.T) {
	each(t, func(t *testing.T, s *queue.Store) {
		failed, done := item("failed", "acme/shop", 1, queue.Deploy), item("done", "acme/shop", 2, queue.Deploy)
		failed.Subject = "push:1"
		add(t, s, failed, done)
		_, runs := claims(t, s, "one", queue.Limits{})
		if err := errors.Join(s.Finish(t.Context(), runs[0], queue.Failed, "why"), s.Finish(t.Context(), runs[1], queue.Done, "")); err != nil {
			t.Fatal(err)
		}
		a, err := s.Account(t.Context(), "acme/shop", "push:1")
		if err != nil || a == nil || a.State != queue.Failed || a.Note != "why" || a.Seq != runs[0].Seq {
			t.Fatalf("what is known of it: %+v, %v", a, err)
		}
		for n, want := range []bool{true, false} {
			if again, err := s.Again(t.Context(), runs[0].Seq); err != nil || again != want {
				t.Errorf("time %d: %v, %v", n+1, again, err)
			}
		}
		if again, err := s.Again(t.Context(), runs[1].Seq); err != nil || again {
			t.Errorf("what was done: %v, %v", again, err)
		}
		names, runs := claims(t, s, "one", queue.Limits{})
		if len(names) != 1 || names[0] != "failed" || runs[0].Again != 1 || runs[0].Attempt != 1 || string(runs[0].Body) != "{}" {
			t.Errorf("then runs %v: %+v", names, runs)
		}
	})
}

// What became of a run may quote anything: bytes that PostgreSQL does not take as text keep nothing from being stored.
func TestTextThatADatabaseDoesNotTakeIsStoredAllTheSame(t *testing.T) {
	each(t, func(t *testing.T, s *queue.Store) {
		odd := "a\x00b\xff"
		i := item(odd, "acme/"+odd, 1, queue.Command)
		i.Subject = odd
		for n, want := range []bool{true, false} {
			if added, err := s.Add(t.Context(), i); err != nil || added != want {
				t.Fatalf("time %d: added %v, %v", n, added, err)
			}
		}
		for _, end := range []func(*queue.Run) error{
			func(r *queue.Run) error { return s.Retry(t.Context(), r, 0, odd) },
			func(r *queue.Run) error { return s.Finish(t.Context(), r, queue.Failed, odd) },
		} {
			_, runs := claims(t, s, "one", queue.Limits{})
			if len(runs) != 1 {
				t.Fatalf("claimed %d", len(runs))
			}
			if err := end(runs[0]); err != nil {
				t.Error(err)
			}
		}
		a, err := s.Account(t.Context(), "acme/a\uFFFDb\uFFFD", "a\uFFFDb\uFFFD")
		if err != nil || a == nil || a.Note != "a\uFFFDb\uFFFD" {
			t.Fatalf("found %+v, %v", a, err)
		}
		if err := s.Amend(t.Context(), a.Seq, odd); err != nil {
			t.Error(err)
		}
	})
}

func TestPatienceSaysHowOftenSomethingIsTried(t *testing.T) {
	t.Parallel()
	for patience, want := range map[time.Duration]int{0: 1, 2 * time.Millisecond: 2, 10 * time.Millisecond: 4} { // pauses of 1, 2, 4, 8 ms
		s := open(t, address(t, "SQLite"))
		add(t, s, item("a", "acme/shop", 1, queue.Deploy))
		tries := 0
		h := &handlers{do: map[string]func(context.Context) queue.Outcome{"a": func(context.Context) queue.Outcome {
			tries++
			return queue.Outcome{Err: errors.New("busy"), Retry: true}
		}}}
		ends := make(chan queue.State, 10)
		r := &queue.Runner{Store: s, Handler: h, Owner: "one", Workers: 1, Backoff: time.Millisecond, Patience: patience, Log: slog.New(slog.DiscardHandler),
			Observe: func(_ *queue.Run, state queue.State, _ time.Duration) { ends <- state }}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		for state := range ends {
			if state == queue.Failed {
				break
			}
		}
		cancel()
		if err := <-done; err != nil || tries != want {
			t.Errorf("with %s it is tried %d times, want %d; %v", patience, tries, want, err)
		}
	}
}

// A new delivery shows that the forge lives: what was put off before it is tried at once and does not count that try, so that the new one
// does not wait for a pause that began when the forge was away. What has died with its process goes on waiting.
func TestADeliveryHastensWhatWasPutOffBeforeIt(t *testing.T) {
	each(t, func(t *testing.T, s *queue.Store) {
		add(t, s, item("preview", "acme/shop", 1, queue.Preview), item("deadly", "acme/shop", 2, queue.Preview), item("other", "acme/shop", 3, queue.Preview))
		for range 2 {
			_, runs := claims(t, s, "one", queue.Limits{})
			for _, r := range runs {
				if r.Delivery == "deadly" {
					continue
				}
				if err := s.Retry(t.Context(), r, time.Hour, "the forge is away"); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := s.TakeOver(t.Context(), true); err != nil {
				t.Fatal(err)
			}
		}
		_, runs := claims(t, s, "one", queue.Limits{})
		for _, r := range runs { // for the second time: now it has to wait
			if r.Delivery != "deadly" {
				t.Fatalf("%s is not put off", r.Delivery)
			}
		}
		if _, err := s.TakeOver(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		add(t, s, item("command", "acme/shop", 1, queue.Deploy), item("after the deadly", "acme/shop", 2, queue.Command))
		names, runs := claims(t, s, "one", queue.Limits{})
		if len(names) != 1 || names[0] != "preview" || runs[0].Attempt != 1 {
			t.Fatalf("then runs %v: %+v", names, runs)
		}
		finish(t, s, runs...)
		if names, _ := claims(t, s, "one", queue.Limits{}); len(names) != 1 || names[0] != "command" {
			t.Errorf("after it runs %v", names)
		}
	})
}

// Many events about one head do not keep its preview from ever ending; one about another head takes its place.
func TestAPreviewOfTheSameHeadLetsTheRunningOneEnd(t *testing.T) {
	each(t, func(t *testing.T, s *queue.Store) {
		of := func(delivery, subject string) queue.Item {
			i := item(delivery, "acme/shop", 1, queue.Preview)
			i.Subject = subject
			return i
		}
		add(t, s, of("first", "head:1"))
		_, runs := claims(t, s, "one", queue.Limits{})
		for n, c := range []struct {
			item    queue.Item
			stopped string
		}{{of("second", "head:1"), ""}, {of("third", "head:1"), ""}, {of("newer", "head:2"), string(queue.Superseded)}} {
			add(t, s, c.item)
			if stopped, err := s.Stopped(t.Context(), "one"); err != nil || stopped[runs[0].Seq] != c.stopped {
				t.Errorf("after %d more the running one is asked to stop by %v, %v", n+1, stopped, err)
			}
		}
		finish(t, s, runs...)
		if names, _ := claims(t, s, "one", queue.Limits{}); len(names) != 1 || names[0] != "newer" {
			t.Errorf("then runs %v", names)
		}
	})
}
