package queue_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weighlock/weighlock/bot/queue"
	"github.com/weighlock/weighlock/bot/queue/queuetest"
)

var server *queuetest.Server

func TestMain(m *testing.M) {
	var err error
	if server, err = queuetest.Start(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := server.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// each runs a test on both databases.
func each(t *testing.T, test func(t *testing.T, s *queue.Store)) {
	t.Parallel()
	for _, name := range []string{"SQLite", "PostgreSQL"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t, address(t, name)))
		})
	}
}

func address(t *testing.T, name string) string {
	t.Helper()
	if name == "SQLite" {
		return filepath.Join(t.TempDir(), "weighlock.db")
	}
	url, err := server.Database(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return url
}

func open(t *testing.T, address string) *queue.Store {
	t.Helper()
	s, err := queue.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func item(delivery, repo string, number int, kind queue.Kind) queue.Item {
	return queue.Item{Delivery: delivery, Source: "github", Event: "push", Body: []byte("{}"), Key: fmt.Sprintf("%s#%d", repo, number), Repo: repo, Kind: kind}
}

func add(t *testing.T, s *queue.Store, items ...queue.Item) {
	t.Helper()
	for _, i := range items {
		if added, err := s.Add(t.Context(), i); err != nil || !added {
			t.Fatalf("adding %s: %v, %v", i.Delivery, added, err)
		}
	}
}

// claims claims all that may run now and returns the deliveries in order.
func claims(t *testing.T, s *queue.Store, owner string, l queue.Limits) (names []string, runs []*queue.Run) {
	t.Helper()
	for {
		r, err := s.Claim(t.Context(), owner, l)
		if err != nil {
			t.Fatal(err)
		}
		if r == nil {
			return names, runs
		}
		names, runs = append(names, r.Delivery), append(runs, r)
	}
}

func finish(t *testing.T, s *queue.Store, runs ...*queue.Run) {
	t.Helper()
	for _, r := range runs {
		if err := s.Finish(t.Context(), r, queue.Done, ""); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheSameDeliveryIsThereOnce(t *testing.T) {
	each(t, func(t *testing.T, s *queue.Store) {
		add(t, s, item("a", "acme/shop", 1, queue.Command))
		if added, err := s.Add(t.Context(), item("a", "acme/shop", 1, queue.Command)); err != nil || added {
			t.Errorf("the second time: added %v, %v", added, err)
		}
		names, runs := claims(t, s, "one", queue.Limits{})
		finish(t, s, runs...)
		if added, err := s.Add(t.Context(), item("a", "acme/shop", 1, queue.Command)); err != nil || added || len(names) != 1 {
			t.Errorf("after it was done: added %v, %v; ran %v", added, err, names)
		}
	})
}

func TestTheLastPreviewOfAPullRequestIsKnownWhateverBecameOfIt(t *testing.T) {
	each(t, func(t *testing.T, s *queue.Store) {
		about := func(delivery, subject string, number int, kind queue.Kind) queue.Item {
			i := item(delivery, "acme/shop", number, kind)
			i.Subject = subject
			return i
		}
		key := about("", "", 1, queue.Preview).Key
		if seq, subject, err := s.LastPreview(t.Context(), key); seq != 0 || subject != "" || err != nil {
			t.Errorf("before there is one: %d, %q, %v", seq, subject, err)
		}
		var last int64
		for n, i := range []queue.Item{about("a", "head:1", 1, queue.Preview), about("b", "head:2", 1, queue.Preview), about("c", "head:1", 1, queue.Preview)} {
			add(t, s, i, about(fmt.Sprint("other ", n), "comment", 1, queue.Command), about(fmt.Sprint("elsewhere ", n), "head:9", 2, queue.Preview))
			seq, subject, err := s.LastPreview(t.Context(), key)
			if err != nil || subject != i.Subject || seq <= last {
				t.Errorf("after %s: %d, %q, %v", i.Delivery, seq, subject, err)
			}
			last = seq
		}
	})
}

func TestItemsOfOnePullRequestRunOneByOneInTheirOrder(t *testing.T) {
	each(t, func(t *testing.T, s *queue.Store) {
		add(t, s, item("a", "acme/shop", 1, queue.Command), item("b", "acme/shop", 1, queue.Deploy), item("c", "acme/shop", 2, queue.Command))
		names, runs := claims(t, s, "one", queue.Limits{})
		if want := []string{"a", "c"}; !slices.Equal(names, want) {
			t.Fatalf("at first: %v, want %v", names, want)
		}
		if again, _ := claims(t, s, "two", queue.Limits{}); again != nil {
			t.Fatalf("another replica gets %v", again)
		}
		// One that waits for another attempt keeps its place.
		if err := s.Retry(t.Context(), runs[0], time.Hour, "later"); err != nil {
			t.Fatal(err)
		}
		finish(t, s, runs[1])
		if names, _ := claims(t, s, "one", queue.Limits{}); names != nil {
			t.Errorf("while the first waits: %v", names)
		}
	})
}

func TestANewerPreviewTakesThePlaceOfOlderOnesAndOfNothingElse(t *testing.T) {
	each(t, func(t *testing.T, s *queue.Store) {
		add(t, s, item("old", "acme/shop", 1, queue.Preview))
		_, running := claims(t, s, "one", queue.Limits{})
		add(t, s, item("command", "acme/shop", 1, queue.Command), item("waiting", "acme/shop", 1, queue.Preview), item("other", "acme/shop", 2, queue.Preview),
			item("new", "acme/shop", 1, queue.Preview))
		stopped, err := s.Stopped(t.Context(), "one")
		if err != nil || stopped[running[0].Seq] != string(queue.Superseded) {
			t.Errorf("the one that runs is asked to stop by %v, %v", stopped, err)
		}
		var ran []string
		for finish(t, s, running...); ; finish(t, s, running...) {
			var names []string
			if names, running = claims(t, s, "one", queue.Limits{}); names == nil {
				break
			}
			ran = append(ran, names...)
		}
		if want := []string{"command", "other", "new"}; !slices.Equal(ran, want) {
			t.Errorf("ran %v, want %v", ran, want)
		}
	})
}

func TestABusyRepositoryDoesNotHoldUpTheOthers(t *testing.T) {
	each(t, func(t *testing.T, s *queue.Store) {
		for n := range 6 {
			add(t, s, item(fmt.Sprint("busy", n), "acme/busy", n, queue.Command))
		}
		add(t, s, item("quiet", "acme/quiet", 1, queue.Command))
		var order []string
		for range 4 {
			r, err := s.Claim(t.Context(), "one", queue.Limits{Repo: 2})
			if err != nil || r == nil {
				break
			}
			order = append(order, r.Delivery)
		}
		if len(order) != 3 || !slices.Contains(order[:2], "quiet") {
			t.Errorf("ran %v, want the quiet one among the first two, and two of the busy ones", order)
		}
	})
}

func TestTheLimitInAllHoldsOverReplicas(t *testing.T) {
	each(t, func(t *testing.T, s *queue.Store) {
		for n := range 5 {
			add(t, s, item(fmt.Sprint(n), fmt.Sprint("acme/", n), 1, queue.Command))
		}
		one, _ := claims(t, s, "one", queue.Limits{Total: 2})
		two, _ := claims(t, s, "two", queue.Limits{Total: 3})
		if len(one) != 2 || len(two) != 1 {
			t.Errorf("one runs %v, two runs %v", one, two)
		}
	})
}

func TestWhatADeadReplicaRanIsTakenOver(t *testing.T) {
	each(t, func(t *testing.T, s *queue.Store) {
		add(t, s, item("a", "acme/shop", 1, queue.Command), item("b", "acme/shop", 2, queue.Deploy))
		_, runs := claims(t, s, "dead", queue.Limits{})
		if err := s.SetJournal(t.Context(), runs[0], []byte("began")); err != nil {
			t.Fatal(err)
		}
		if n, err := s.TakeOver(t.Context(), false); err != nil || n != 0 {
			t.Errorf("while it lives: %d, %v", n, err)
		}
		if n, err := s.TakeOver(t.Context(), true); err != nil || n != 2 {
			t.Errorf("taken over: %d, %v", n, err)
		}
		names, again := claims(t, s, "heir", queue.Limits{})
		// The deploy waits for the lock in the cluster.
		if !slices.Equal(names, []string{"a"}) || !again[0].Interrupted || string(again[0].Journal) != "began" || again[0].Attempt != 2 {
			t.Fatalf("the heir runs %v: %+v", names, again)
		}
		// A dead one that comes back writes nothing.
		for _, err := range []error{
			s.Finish(t.Context(), runs[0], queue.Done, ""), s.SetJournal(t.Context(), runs[0], nil), s.Retry(t.Context(), runs[0], 0, ""), s.HandBack(t.Context(), runs[0], false),
		} {
			if !errors.Is(err, queue.ErrLost) {
				t.Errorf("the dead one: %v", err)
			}
		}
		if alive, err := s.Beat(t.Context(), "dead", []int64{runs[0].Seq, runs[1].Seq}); err != nil || len(alive) != 0 {
			t.Errorf("the dead one still has %v, %v", alive, err)
		}
		finish(t, s, again...)
	})
}

func TestWhatDiesAgainAndAgainWaits(t *testing.T) {
	each(t, func(t *testing.T, s *queue.Store) {
		add(t, s, item("a", "acme/shop", 1, queue.Command), item("b", "acme/shop", 2, queue.Command))
		for n, want := range [][]string{{"a", "b"}, {"a", "b"}, nil} {
			if names, _ := claims(t, s, fmt.Sprint("dies", n), queue.Limits{}); !slices.Equal(names, want) {
				t.Errorf("start %d runs %v, want %v", n, names, want)
			}
			if _, err := s.TakeOver(t.Context(), true); err != nil {
				t.Fatal(err)
			}
		}
		add(t, s, item("c", "acme/shop", 3, queue.Command))
		names, runs := claims(t, s, "lives", queue.Limits{})
		if !slices.Equal(names, []string{"c"}) {
			t.Errorf("what has not died runs: %v", names)
		}
		finish(t, s, runs...)
	})
}

func TestCancelStopsWhatRunsAndWhatWaitsButNotItself(t *testing.T) {
	each(t, func(t *testing.T, s *queue.Store) {
		add(t, s, item("a", "acme/shop", 1, queue.Deploy), item("b", "acme/shop", 1, queue.Deploy), item("c", "acme/shop", 2, queue.Deploy), item("cancel", "acme/shop", 1, queue.Command))
		_, runs := claims(t, s, "one", queue.Limits{})
		n, err := s.Cancel(t.Context(), "acme/shop#1", "cancel", "@grace")
		if err != nil || n != 2 {
			t.Errorf("stopped %d, %v", n, err)
		}
		if stopped, err := s.Stopped(t.Context(), "one"); err != nil || len(stopped) != 1 || stopped[runs[0].Seq] != "@grace" {
			t.Errorf("asked to stop: %v, %v", stopped, err)
		}
		finish(t, s, runs...)
		if _, runs := claims(t, s, "one", queue.Limits{}); len(runs) != 1 || runs[0].Delivery != "b" || runs[0].Cancelled != "@grace" {
			t.Errorf("next: %+v", runs)
		}
	})
}

func TestASQLiteFileIsForOneProcess(t *testing.T) {
	t.Parallel()
	path := address(t, "SQLite")
	open(t, path)
	if s, err := queue.Open(t.Context(), path); err == nil || !strings.Contains(err.Error(), "PostgreSQL") {
		t.Errorf("the second: %v, %v", s, err)
	}
}

// handlers are functions for each delivery.
type handlers struct {
	mu  sync.Mutex
	do  map[string]func(ctx context.Context) queue.Outcome
	ran []string
}

func (h *handlers) Handle(ctx context.Context, r *queue.Run, _ bool) queue.Outcome {
	h.mu.Lock()
	h.ran = append(h.ran, r.Delivery)
	do := h.do[r.Delivery]
	h.mu.Unlock()
	if do == nil {
		return queue.Outcome{}
	}
	return do(ctx)
}

// run runs a runner until it is stopped, and tells of the ends of runs.
func run(t *testing.T, s *queue.Store, owner string, h queue.Handler) (ended <-chan string, stop func()) {
	t.Helper()
	ends := make(chan string, 100)
	r := &queue.Runner{Store: s, Handler: h, Owner: owner, Workers: 4, Grace: time.Millisecond, Backoff: time.Millisecond, Patience: time.Second, Log: slog.New(slog.DiscardHandler),
		Observe: func(r *queue.Run, state queue.State, _ time.Duration) { ends <- r.Delivery + " " + string(state) }}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	return ends, sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestARunnerStopsRetriesAndSurvivesPanics(t *testing.T) {
	each(t, func(t *testing.T, s *queue.Store) {
		began := make(chan string, 10)
		until := func(ctx context.Context, name string) queue.Outcome {
			began <- name
			<-ctx.Done()
			return queue.Outcome{Err: context.Cause(ctx)}
		}
		tries := 0
		h := &handlers{do: map[string]func(context.Context) queue.Outcome{
			"preview": func(ctx context.Context) queue.Outcome { return until(ctx, "preview") },
			"deploy":  func(ctx context.Context) queue.Outcome { return until(ctx, "deploy") },
			"panics":  func(context.Context) queue.Outcome { panic("oh") },
			"flaky": func(context.Context) queue.Outcome {
				if tries++; tries == 1 {
					return queue.Outcome{Err: errors.New("busy"), Retry: true}
				}
				return queue.Outcome{}
			},
		}}
		ended, stop := run(t, s, "one", h)
		defer stop()
		add(t, s, item("preview", "acme/shop", 1, queue.Preview), item("deploy", "acme/shop", 2, queue.Deploy))
		for range 2 {
			<-began
		}
		add(t, s, item("newer", "acme/shop", 1, queue.Preview), item("panics", "acme/shop", 3, queue.Command), item("flaky", "acme/shop", 4, queue.Command))
		if _, err := s.Cancel(t.Context(), "acme/shop#2", "", "@grace"); err != nil {
			t.Fatal(err)
		}
		got := map[string]bool{}
		for len(got) < 6 {
			got[<-ended] = true
		}
		for _, want := range []string{"preview superseded", "deploy cancelled", "newer done", "panics failed", "flaky waiting", "flaky done"} {
			if !got[want] {
				t.Errorf("not %q; got %v", want, got)
			}
		}
	})
}

func TestWhatWasStoppedBeforeItBeganMaySaySo(t *testing.T) {
	each(t, func(t *testing.T, s *queue.Store) {
		add(t, s, item("a", "acme/shop", 1, queue.Deploy))
		if _, err := s.Cancel(t.Context(), "acme/shop#1", "", "@grace"); err != nil {
			t.Fatal(err)
		}
		h := &handlers{do: map[string]func(context.Context) queue.Outcome{"a": func(ctx context.Context) queue.Outcome {
			select {
			case <-ctx.Done():
				return queue.Outcome{Note: "stopped", Err: ctx.Err()}
			case <-time.After(time.Second): // several looks at who asks to stop what
				return queue.Outcome{}
			}
		}}}
		ended, stop := run(t, s, "one", h)
		defer stop()
		if got := <-ended; got != "a done" {
			t.Errorf("it ended as %q", got)
		}
	})
}

func TestShutdownHandsBackWhatRuns(t *testing.T) {
	each(t, func(t *testing.T, s *queue.Store) {
		began := make(chan struct{}, 2)
		until := func(ctx context.Context) queue.Outcome {
			began <- struct{}{}
			<-ctx.Done()
			return queue.Outcome{Err: context.Cause(ctx)}
		}
		_, stop := run(t, s, "one", &handlers{do: map[string]func(context.Context) queue.Outcome{"preview": until, "deploy": until}})
		add(t, s, item("preview", "acme/shop", 1, queue.Preview), item("deploy", "acme/shop", 2, queue.Deploy))
		<-began
		<-began
		stop()
		ended, stop := run(t, s, "two", &handlers{})
		defer stop()
		got := map[string]bool{<-ended: true, <-ended: true}
		if !got["preview done"] || !got["deploy done"] {
			t.Errorf("afterwards: %v", got)
		}
	})
}

func benchAddress(b *testing.B, database string) string {
	b.Helper()
	if database == "SQLite" {
		return filepath.Join(b.TempDir(), "weighlock.db")
	}
	url, err := server.Database(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return url
}

func BenchmarkAdd(b *testing.B) {
	for _, name := range []string{"SQLite", "PostgreSQL"} {
		b.Run(name, func(b *testing.B) {
			s, err := queue.Open(b.Context(), benchAddress(b, name))
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			body := make([]byte, 30_000)
			var n atomic.Int64
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					i := item(fmt.Sprint(n.Add(1)), "acme/shop", int(n.Load()%100), queue.Preview)
					i.Body = body
					if _, err := s.Add(b.Context(), i); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

func BenchmarkClaimFromABacklog(b *testing.B) {
	for _, name := range []string{"SQLite", "PostgreSQL"} {
		for _, size := range []int{5_000, 50_000} {
			b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) {
				s, err := queue.Open(b.Context(), benchAddress(b, name))
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				var adds sync.WaitGroup
				for n := range 64 {
					adds.Go(func() {
						for n := n; n < size; n += 64 {
							i := item(fmt.Sprint(n), fmt.Sprintf("acme/shop%d", n%10), n%(size/25), queue.Command)
							i.Body = make([]byte, 10_000)
							if _, err := s.Add(b.Context(), i); err != nil {
								b.Error(err)
							}
						}
					})
				}
				adds.Wait()
				for b.Loop() {
					r, err := s.Claim(b.Context(), "one", queue.Limits{Repo: 2})
					if err == nil {
						err = s.Finish(b.Context(), r, queue.Done, "")
					}
					if err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
