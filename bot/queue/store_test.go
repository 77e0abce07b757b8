package queue

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A file that is no database is named, with what can be done.
func TestAFileThatIsNoDatabaseIsNamed(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "w.db")
	if err := os.WriteFile(name, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), name); err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "move the file away") {
		t.Errorf("got %v", err)
	}
}

// What was put off while the clock was a day ahead is not waited for that long when it is right again.
func TestAClockThatWasAheadHoldsNothingUp(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "w.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	right := time.Now()
	claim := map[Kind]func() (*Run, error){
		Command: func() (*Run, error) { return s.Claim(t.Context(), "me", Limits{}) },
		Urgent:  func() (*Run, error) { return s.ClaimUrgent(t.Context(), "me") },
	}
	for _, c := range []struct {
		kind  Kind
		ahead time.Duration
		held  bool
	}{{Command, 0, true}, {Command, 24 * time.Hour, false}, {Urgent, 0, true}, {Urgent, 24 * time.Hour, false}} {
		name := string(c.kind) + c.ahead.String()
		if _, err := s.Add(t.Context(), Item{Delivery: name, Key: name, Repo: name, Kind: c.kind, Body: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
		s.now = func() time.Time { return right.Add(c.ahead) }
		r, err := claim[c.kind]()
		if err != nil || r == nil {
			t.Fatalf("claimed %v, %v", r, err)
		}
		if err := s.Retry(t.Context(), r, time.Minute, ""); err != nil {
			t.Fatal(err)
		}
		s.now = func() time.Time { return right }
		if r, err = claim[c.kind](); err != nil || (r == nil) != c.held {
			t.Errorf("%s, %s ahead: claimed %v, %v", c.kind, c.ahead, r, err)
		}
	}
}

// A database that cannot be written to is not ready, although it can be read.
func TestADatabaseThatTakesNothingIsNotReady(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "w.db")
	s, err := Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.db.ExecContext(t.Context(), "PRAGMA query_only = 1"); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(t.Context()); err == nil {
		t.Error("a database that can only be read is ready")
	}
}

// Whether the database takes what is written is found out by writing: SQLite does not write what stays as it was.
func TestWhoAsksWhetherTheDatabaseTakesSomethingWrites(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "w.db")
	s, err := Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	size := func() int64 {
		info, err := os.Stat(name + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	for range 3 {
		before := size()
		if err := s.Ping(t.Context()); err != nil || size() <= before {
			t.Errorf("after a ping the log has %d bytes, before it had %d: %v", size(), before, err)
		}
	}
}

// A database that has no room left refuses what does not fit, keeps what it has, and takes it once there is room.
func TestADatabaseWithoutRoomRefusesAndHeals(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "w.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	large := Item{Delivery: "large", Key: "k", Repo: "r", Kind: Command, Body: make([]byte, 1<<20)}
	for _, c := range []struct {
		pages int
		taken bool
	}{{1, false}, {1 << 20, true}} { // the least is as many as there are
		if _, err := s.db.ExecContext(t.Context(), "PRAGMA max_page_count = "+strconv.Itoa(c.pages)); err != nil {
			t.Fatal(err)
		}
		added, err := s.Add(t.Context(), large)
		if added != c.taken || (err == nil) != c.taken {
			t.Errorf("with %d pages at most: added %v, %v", c.pages, added, err)
		}
		if known, err := s.Heard(t.Context(), "r", ""); known != c.taken || err != nil {
			t.Errorf("with %d pages at most: heard of %v, %v", c.pages, known, err)
		}
	}
}

// While the database does not answer, what nobody waits for any more is not kept: forges deliver on and on.
func TestWhatNobodyWaitsForAnyMoreIsNotKept(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "w.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.writing <- struct{}{} // somebody writes, and does not come to an end
	var adds sync.WaitGroup
	deliver := func(ctx context.Context, name string) {
		adds.Go(func() {
			if _, err := s.Add(ctx, Item{Delivery: name, Key: "k", Repo: "r", Kind: Command, Body: []byte("{}")}); (err == nil) != (ctx.Err() == nil) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	waiting := func(want int) {
		for deadline := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
			s.adds.mu.Lock()
			n, busy := len(s.adds.waiting), s.adds.busy
			s.adds.mu.Unlock()
			if busy && n == want {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d wait, want %d", n, want)
			}
		}
	}
	deliver(t.Context(), "first")
	waiting(0) // it has its turn
	gone, leave := context.WithCancel(t.Context())
	for n := range 100 {
		deliver(gone, "gone "+strconv.Itoa(n))
	}
	waiting(100)
	deliver(t.Context(), "last")
	waiting(101)
	leave()
	waiting(1)
	<-s.writing
	adds.Wait()
	for subject, want := range map[string]int{"first": 1, "last": 1, "gone %": 0} {
		var n int
		if err := s.db.QueryRowContext(t.Context(), "SELECT count(*) FROM weighlock_items WHERE delivery LIKE $1", subject).Scan(&n); err != nil || n != want {
			t.Errorf("of %q there are %d, want %d: %v", subject, n, want, err)
		}
	}
}
