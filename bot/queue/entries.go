package queue

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// An Entry is what the queue knows of an item, for who operates it.
type Entry struct {
	// ID is what [Store.Again] takes.
	ID    int64  `json:"id"`
	Key   string `json:"key"`
	Kind  Kind   `json:"kind"`
	State State  `json:"state"`
	// Event is the forge's name of it, Subject what it is about.
	Event   string `json:"event"`
	Subject string `json:"subject"`
	// Attempts counts those of this time, Again how often it was taken up again, Interrupted how often it died with its process.
	Attempts    int    `json:"attempts"`
	Again       int    `json:"again"`
	Interrupted int    `json:"interrupted"`
	Note        string `json:"note,omitempty"`
	// Received is when it came; Next, of what waits, when it may run, and Ended, of what has ended, when that was. Owner is who runs it.
	Received time.Time `json:"received"`
	Next     time.Time `json:"next,omitzero"`
	Ended    time.Time `json:"ended,omitzero"`
	Owner    string    `json:"owner,omitempty"`
}

// Entries lists what is open, the oldest first, and then what has failed, the newest first: so many of each at most.
func (s *Store) Entries(ctx context.Context, most int) ([]Entry, error) {
	var out []Entry
	err := s.transaction(ctx, lazily, func(ctx context.Context, tx *sql.Tx, _ int64) error {
		for _, which := range []string{"state IN ('waiting', 'running') ORDER BY seq", "state NOT IN ('waiting', 'running') AND state = 'failed' ORDER BY finished DESC"} {
			if err := entries(ctx, tx, which, most, &out); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing the queue: %w", err)
	}
	return out, nil
}

func entries(ctx context.Context, tx *sql.Tx, which string, most int, out *[]Entry) error {
	rows, err := tx.QueryContext(ctx, "SELECT seq, key, kind, state, event, subject, attempt, again, interrupted, note, received, not_before, finished, owner FROM weighlock_items WHERE "+which+" LIMIT $1", most)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var e Entry
		var received, next, ended int64
		if err := rows.Scan(&e.ID, &e.Key, &e.Kind, &e.State, &e.Event, &e.Subject, &e.Attempts, &e.Again, &e.Interrupted, &e.Note, &received, &next, &ended, &e.Owner); err != nil {
			return err
		}
		e.Received, e.Next, e.Ended = at(received), at(next), at(ended)
		if e.State != Waiting {
			e.Next = time.Time{}
		}
		*out = append(*out, e)
	}
	return rows.Err()
}

// at is a time as the database keeps it; 0 is none.
func at(milliseconds int64) time.Time {
	if milliseconds == 0 {
		return time.Time{}
	}
	return time.UnixMilli(milliseconds).UTC()
}
