package queue_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/weighlock/weighlock/bot/queue"
)

// A replica keeps alive what it runs, and nothing else: an item whose claim, or whose end, it never came to know is run again.
func TestWhatAReplicaDoesNotKnowToRunIsTakenOver(t *testing.T) {
	each(t, func(t *testing.T, s *queue.Store) {
		s.Lease = time.Second
		began, end := make(chan struct{}), make(chan struct{})
		ends := make(chan string, 10)
		r := &queue.Runner{Store: s, Owner: "one", Workers: 1, Log: slog.New(slog.DiscardHandler), Handler: &handlers{do: map[string]func(context.Context) queue.Outcome{
			"busy": func(context.Context) queue.Outcome { close(began); <-end; return queue.Outcome{} },
		}}, Observe: func(r *queue.Run, state queue.State, _ time.Duration) { ends <- r.Delivery + " " + string(state) }}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		defer func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}()
		add(t, s, item("busy", "acme/shop", 1, queue.Command))
		<-began
		add(t, s, item("unknown", "acme/shop", 2, queue.Preview))
		if claimed, _ := claims(t, s, "one", queue.Limits{}); len(claimed) != 1 { // the database did it, and its answer was lost
			t.Fatalf("claimed %v", claimed)
		}
		close(end)
		for _, want := range []string{"busy done", "unknown done"} {
			select {
			case got := <-ends:
				if got != want {
					t.Errorf("got %q, want %q", got, want)
				}
			case <-time.After(30 * time.Second):
				t.Fatalf("not %q after thirty leases", want)
			}
		}
	})
}

// A wire leads to a database, until it is cut: what goes by it then arrives nowhere, and no side is told.
type wire struct {
	listener net.Listener
	mu       sync.Mutex
	cut      chan struct{} // closed when what is open now has been cut
	mended   chan struct{} // closed when new connections lead to the database again
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{listener: l, cut: make(chan struct{}), mended: make(chan struct{})}
	close(w.mended)
	var open sync.WaitGroup
	ctx, end := context.WithCancel(context.Background())
	open.Go(func() {
		for {
			here, err := l.Accept()
			if err != nil {
				return
			}
			w.mu.Lock()
			cut, mended := w.cut, w.mended
			w.mu.Unlock()
			open.Go(func() {
				defer here.Close()
				select {
				case <-mended:
				case <-ctx.Done():
					return
				}
				there, err := net.Dial("tcp", to)
				if err != nil {
					t.Error(err)
					return
				}
				defer there.Close()
				var both sync.WaitGroup
				pass := func(from, to net.Conn) {
					buffer := make([]byte, 32<<10)
					for {
						n, err := from.Read(buffer)
						select {
						case <-cut:
							<-ctx.Done()
							return
						default:
						}
						if _, writeErr := to.Write(buffer[:n]); errors.Join(err, writeErr) != nil {
							_ = to.Close() // the other side is done
							return
						}
					}
				}
				both.Go(func() { pass(here, there) })
				both.Go(func() { pass(there, here) })
				defer both.Wait()
				stop := context.AfterFunc(ctx, func() { _, _ = here.Close(), there.Close() })
				defer stop()
				both.Wait()
			})
		}
	})
	t.Cleanup(func() {
		end()
		_ = l.Close()
		open.Wait()
	})
	return w
}

// sever cuts what is open, and lets new connections wait until mend is called.
func (w *wire) sever() (mend func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.cut)
	w.cut, w.mended = make(chan struct{}), make(chan struct{})
	mended := w.mended
	return func() { close(mended) }
}

// A database that has gone without a word is given up in time: what runs is stopped before another replica may run it, and all goes on
// by new connections once there is one again.
func TestADatabaseThatIsGoneWithoutAWordIsGivenUp(t *testing.T) {
	t.Parallel()
	address, err := url.Parse(address(t, "PostgreSQL"))
	if err != nil {
		t.Fatal(err)
	}
	w := newWire(t, address.Host)
	address.Host = w.listener.Addr().String()
	s := open(t, address.String())
	s.Lease = 3 * time.Second
	began, lost := make(chan struct{}, 1), make(chan error, 1)
	first := true
	ended, stop := run(t, s, "one", &handlers{do: map[string]func(context.Context) queue.Outcome{"a": func(ctx context.Context) queue.Outcome {
		if !first {
			return queue.Outcome{}
		}
		first = false
		began <- struct{}{}
		<-ctx.Done()
		lost <- context.Cause(ctx)
		return queue.Outcome{Err: ctx.Err()}
	}}})
	defer stop()
	add(t, s, item("a", "acme/shop", 1, queue.Preview))
	<-began
	mend := w.sever()
	since := time.Now()
	select {
	case err := <-lost:
		if !errors.Is(err, queue.ErrLost) || time.Since(since) > s.Lease {
			t.Errorf("it was stopped after %s: %v", time.Since(since), err)
		}
	case <-time.After(time.Minute):
		t.Fatal("what runs goes on without a lease")
	}
	mend()
	select {
	case got := <-ended:
		if got != "a done" {
			t.Errorf("it ended as %q", got)
		}
	case <-time.After(time.Minute):
		t.Fatal("nothing is run any more")
	}
	add(t, s, item("b", "acme/shop", 2, queue.Preview))
}
