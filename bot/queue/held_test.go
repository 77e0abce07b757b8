package queue_test

import (
	"errors"
	"testing"
	"time"

	"github.com/weighlock/weighlock/bot/queue"
)

// Who was stopped for longer than a lease finds that another replica has the run; who was not taken over holds it again.
func TestWhoWasStoppedForLongerThanALeaseAsksWhetherTheRunIsStillItsOwn(t *testing.T) {
	t.Parallel()
	where := address(t, "PostgreSQL")
	one, two := open(t, where), open(t, where)
	one.Lease, two.Lease = 2*time.Second, 2*time.Second // a transaction may take as long, too
	add(t, one, item("a", "acme/shop", 1, queue.Preview))
	_, runs := claims(t, one, "one", queue.Limits{})
	r := runs[0]
	if err := one.Held(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	<-time.After(one.Lease) // as it is for who is stopped
	if err := one.Held(t.Context(), r); err != nil {
		t.Errorf("nobody has taken it over: %v", err)
	}
	<-time.After(one.Lease + time.Millisecond)
	for deadline := time.Now().Add(time.Minute); ; {
		n, err := two.TakeOver(t.Context(), false)
		if err != nil || time.Now().After(deadline) {
			t.Fatal(n, err)
		}
		if n > 0 {
			break
		}
	}
	if names, _ := claims(t, two, "two", queue.Limits{}); len(names) != 1 {
		t.Fatalf("the other one claims %v", names)
	}
	if err := one.Held(t.Context(), r); !errors.Is(err, queue.ErrLost) {
		t.Errorf("the other one has it: %v", err)
	}
}
