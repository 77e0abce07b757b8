package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// A batch gathers what is added at the same time: it is flushed together, since flushing is what takes time.
type batch struct {
	mu      sync.Mutex
	waiting []*addition
	busy    bool
}

type addition struct {
	item  Item
	added bool
	err   error
	done  chan struct{}
}

// drop takes out what nobody waits for any more, if its turn has not come: while the database does not answer, what is delivered and
// delivered again would fill the memory.
func (b *batch) drop(a *addition) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = slices.DeleteFunc(b.waiting, func(w *addition) bool { return w == a })
}

// next takes what is to be stored together; nothing, if nothing waits.
func (b *batch) next() []*addition {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := slices.Clone(b.waiting[:min(len(b.waiting), maxBatch)])
	b.waiting = slices.Delete(b.waiting, 0, len(all)) // which forgets what it held
	b.busy = len(all) > 0
	return all
}

// storable is text as both databases take it: PostgreSQL has no zero bytes, nor what is no UTF-8, and what cannot be stored would be tried again and again.
func storable(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

// maxBatch is how many items are flushed together at most.
const maxBatch = 64

// Add stores an item for good and reports whether it is new: one of the same Delivery that is known is left as it is. A preview
// takes the place of the older ones of its Key, but for one that runs about the same Subject: that may end; what of its Key was put off is tried at once. An error leaves open whether the item is there.
func (s *Store) Add(ctx context.Context, i Item) (bool, error) {
	for _, text := range []*string{&i.Delivery, &i.Source, &i.Event, &i.Key, &i.Repo, &i.Subject} {
		*text = storable(*text)
	}
	a := &addition{item: i, done: make(chan struct{})}
	s.adds.mu.Lock()
	s.adds.waiting = append(s.adds.waiting, a)
	lead := !s.adds.busy
	s.adds.busy = true
	s.adds.mu.Unlock()
	if lead {
		go s.addWaiting()
	}
	select {
	case <-a.done:
	case <-ctx.Done():
		s.adds.drop(a)
		a = &addition{err: context.Cause(ctx)}
	}
	if a.err != nil {
		return false, fmt.Errorf("storing delivery %s: %w", i.Delivery, a.err)
	}
	return a.added, nil
}

// addWaiting stores what waits until nothing does.
func (s *Store) addWaiting() {
	for {
		all := s.adds.next()
		if len(all) == 0 {
			return
		}
		ctx := context.Background() // whose requests these are is not known any more
		err := s.addAll(ctx, all)
		if err != nil && len(all) > 1 { // one must not spoil it for the others
			failed := 0
			for _, a := range all {
				if failed < 2 { // else it is the database's doing, which has taken its time to say so
					err = s.addAll(ctx, []*addition{a})
				}
				if a.err = err; err != nil {
					failed++
				}
			}
		} else {
			for _, a := range all {
				a.err = err
			}
		}
		for _, a := range all {
			close(a.done)
		}
		s.wake()
	}
}

// wake lets the runner look for what may run.
func (s *Store) wake() {
	select {
	case s.added <- struct{}{}:
	default:
	}
}

func (s *Store) addAll(ctx context.Context, all []*addition) error {
	repos := map[string]bool{}
	err := s.transaction(ctx, flushed, func(ctx context.Context, tx *sql.Tx, now int64) error {
		for _, a := range all {
			if _, known := s.repos.Load(a.item.Repo); !known && !repos[a.item.Repo] {
				if _, err := tx.ExecContext(ctx, "INSERT INTO weighlock_repos (repo, served) VALUES ($1, 0) ON CONFLICT (repo) DO NOTHING", a.item.Repo); err != nil {
					return err
				}
				repos[a.item.Repo] = true
			}
			var err error
			if a.added, err = add(ctx, tx, a.item, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		for repo := range repos {
			s.repos.Store(repo, true)
		}
	}
	return err
}

func add(ctx context.Context, tx *sql.Tx, i Item, now int64) (bool, error) {
	var seq int64
	err := tx.QueryRowContext(ctx, `INSERT INTO weighlock_items (delivery, source, event, body, key, repo, kind, received, subject)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (delivery) DO NOTHING RETURNING seq`,
		i.Delivery, i.Source, i.Event, i.Body, i.Key, i.Repo, string(i.Kind), now, i.Subject).Scan(&seq)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err == nil {
		// What the forge has sent just now shows that it lives: what was put off is tried at once, without counting, and what comes after it need
		// not wait for that. What died with its process waits for other things.
		_, err = tx.ExecContext(ctx, `UPDATE weighlock_items SET not_before = 0, attempt = attempt - 1
			WHERE key = $1 AND state IN ('waiting', 'running') AND state = 'waiting' AND not_before > $2 AND attempt > 0 AND interrupted = 0`, i.Key, now)
	}
	if err != nil || i.Kind != Preview {
		return err == nil, err
	}
	// The open ones, by the index of those. What waits comes first: what is claimed meanwhile is found running then.
	if _, err := tx.ExecContext(ctx, `UPDATE weighlock_items SET state = 'superseded', finished = $1, body = $2, journal = NULL
		WHERE key = $3 AND kind = 'preview' AND state IN ('waiting', 'running') AND state = 'waiting' AND seq < $4`, now, []byte{}, i.Key, seq); err != nil {
		return false, err
	}
	_, err = tx.ExecContext(ctx, `UPDATE weighlock_items SET cancelled = 'superseded'
		WHERE key = $1 AND kind = 'preview' AND state IN ('waiting', 'running') AND state = 'running' AND seq < $2 AND (subject = '' OR subject <> $3)`, i.Key, seq, i.Subject)
	return err == nil, err
}
