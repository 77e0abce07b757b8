package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Run is an item that a replica has claimed.
type Run struct {
	Item
	// Seq is the item's number, Fence that of the claim.
	Seq, Fence int64
	// Received is when the delivery came.
	Received time.Time
	// Attempt counts the claims that went on to an end of their own, from 1.
	Attempt int
	// Interrupted says that an earlier run ended without a word: what it did before is not known but for the Journal.
	Interrupted bool
	// Again is how often the item was taken up again after it had failed; see [Store.Again].
	Again int
	// Cancelled says who asked to stop it before it began, "" for nobody.
	Cancelled string
	// Journal is what [Store.SetJournal] stored last.
	Journal []byte

	owner string
	lease *lease
}

// Limits bound what runs at the same time, over all replicas. Zero means no limit.
type Limits struct {
	Repo  int // of one repository
	Total int
}

// ErrLost says that a run's lease is another's now, or has ended: nothing may be done for it any more.
var ErrLost = errors.New("the lease was lost")

// DefaultLease is for how long a claim holds after a sign of life, where nobody says otherwise.
const DefaultLease = 30 * time.Second

// clusterLock is how long the lock in a cluster outlives a run that died, which lasts as long as a lease; see package lock.
func (s *Store) clusterLock() time.Duration { return s.Lease + time.Second }

// longest is how long an item is put off at most. One that is put off for longer was so by a clock that was wrong then.
const longest = 2 * time.Hour

// Claim claims the next item for owner, nil for none.
func (s *Store) Claim(ctx context.Context, owner string, l Limits) (*Run, error) {
	return s.claim(ctx, owner, func(ctx context.Context, tx *sql.Tx, now int64) (seq int64, err error) {
		if l.Total > 0 {
			var running int
			if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM weighlock_items WHERE state = 'running'").Scan(&running); err != nil || running >= l.Total {
				return 0, err
			}
		}
		// Of the repositories that may run something, the one that was served longest ago; of its items the first that is the oldest
		// open one of its key. Subqueries keep the databases from any other plan than to walk the indexes until one is found: a
		// backlog costs nothing.
		err = tx.QueryRowContext(ctx, `SELECT next.seq FROM (
				SELECT (SELECT i.seq FROM weighlock_items i WHERE i.repo = r.repo AND i.state = 'waiting' AND i.kind <> 'urgent' AND i.not_before NOT BETWEEN CAST($1 AS BIGINT) + 1 AND CAST($1 AS BIGINT) + CAST($3 AS BIGINT)
					AND i.seq = (SELECT min(o.seq) FROM weighlock_items o WHERE o.key = i.key AND o.state IN ('waiting', 'running'))
					ORDER BY i.seq LIMIT 1) AS seq
				FROM weighlock_repos r WHERE $2 = 0 OR (SELECT count(*) FROM weighlock_items o WHERE o.repo = r.repo AND o.state = 'running') < $2
				ORDER BY r.served, r.repo) next
			WHERE next.seq IS NOT NULL LIMIT 1`, now, l.Repo, longest.Milliseconds()).Scan(&seq)
		return seq, err
	})
}

// ClaimUrgent claims the next urgent item for owner, nil for none.
func (s *Store) ClaimUrgent(ctx context.Context, owner string) (*Run, error) {
	// It is looked for all the time, and there hardly ever is one.
	var one int64
	look, cancel := s.bounded(ctx)
	defer cancel()
	if err := s.db.QueryRowContext(look, "SELECT seq FROM weighlock_items WHERE state = 'waiting' AND kind = 'urgent' LIMIT 1").Scan(&one); errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return s.claim(ctx, owner, func(ctx context.Context, tx *sql.Tx, now int64) (seq int64, err error) {
		err = tx.QueryRowContext(ctx, `SELECT seq FROM weighlock_items WHERE state = 'waiting' AND kind = 'urgent' AND not_before NOT BETWEEN CAST($1 AS BIGINT) + 1 AND CAST($1 AS BIGINT) + CAST($2 AS BIGINT)
			ORDER BY seq LIMIT 1`, now, longest.Milliseconds()).Scan(&seq)
		return seq, err
	})
}

// claim claims the item that next names; 0 is none.
func (s *Store) claim(ctx context.Context, owner string, next func(ctx context.Context, tx *sql.Tx, now int64) (int64, error)) (*Run, error) {
	var r *Run
	until := time.Now().Add(s.Lease)
	err := s.transaction(ctx, exclusively, func(ctx context.Context, tx *sql.Tx, now int64) error {
		seq, err := next(ctx, tx, now)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil || seq == 0 {
			return err
		}
		c := Run{Seq: seq, owner: owner, lease: &lease{until: until}}
		var received int64
		var kind string
		var interrupted int
		err = tx.QueryRowContext(ctx, `UPDATE weighlock_items SET state = 'running', owner = $1, fence = fence + 1, lease = $2, attempt = attempt + 1
			WHERE seq = $3 AND state = 'waiting'
			RETURNING fence, delivery, source, event, body, key, repo, kind, received, attempt, interrupted, cancelled, again, journal`,
			owner, now+s.Lease.Milliseconds(), seq).Scan(&c.Fence, &c.Delivery, &c.Source, &c.Event, &c.Body, &c.Key, &c.Repo, &kind, &received, &c.Attempt, &interrupted, &c.Cancelled, &c.Again, &c.Journal)
		if errors.Is(err, sql.ErrNoRows) { // a newer preview has just taken its place
			return nil
		}
		if err != nil {
			return err
		}
		c.Kind, c.Received, c.Interrupted = Kind(kind), time.UnixMilli(received), interrupted > 0
		r = &c
		_, err = tx.ExecContext(ctx, `INSERT INTO weighlock_repos (repo, served) VALUES ($1, $2) ON CONFLICT (repo) DO UPDATE SET served = $2`, c.Repo, now)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("claiming an item: %w", err)
	}
	return r, nil
}

// Beat gives a sign of life for those runs of owner, by number. It returns those that are not lost, with who asked to stop each, ""
// for nobody. An item that owner is said to run and does not name is not kept: its claim, or its end, was stored or not without owner
// being told, and when its lease has ended it is run again.
func (s *Store) Beat(ctx context.Context, owner string, runs []int64) (map[int64]string, error) {
	out := map[int64]string{}
	if len(runs) == 0 {
		return out, nil
	}
	err := s.transaction(ctx, lazily, func(ctx context.Context, tx *sql.Tx, now int64) error {
		// They are numbers of ours: as text they are the same for both databases.
		rows, err := tx.QueryContext(ctx, "UPDATE weighlock_items SET lease = $1 WHERE owner = $2 AND state = 'running' AND seq IN ("+list(runs)+") RETURNING seq, cancelled", now+s.Lease.Milliseconds(), owner)
		if err != nil {
			return err
		}
		return scan(rows, out)
	})
	if err != nil {
		return nil, fmt.Errorf("renewing leases: %w", err)
	}
	return out, nil
}

// list is numbers as SQL has them.
func list(numbers []int64) string {
	out := make([]string, len(numbers))
	for i, n := range numbers {
		out[i] = strconv.FormatInt(n, 10)
	}
	return strings.Join(out, ", ")
}

// Stopped lists what owner runs that somebody asked to stop, by number, with who.
func (s *Store) Stopped(ctx context.Context, owner string) (map[int64]string, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	rows, err := s.db.QueryContext(ctx, `SELECT seq, cancelled FROM weighlock_items WHERE owner = $1 AND state = 'running' AND cancelled <> ''`, owner)
	if err != nil {
		return nil, err
	}
	out := map[int64]string{}
	return out, scan(rows, out)
}

func scan(rows *sql.Rows, out map[int64]string) error {
	defer rows.Close()
	for rows.Next() {
		var seq int64
		var why string
		if err := rows.Scan(&seq, &why); err != nil {
			return err
		}
		out[seq] = why
	}
	return rows.Err()
}

// update changes the item of a run that still has its lease; $1 in set is the database's time, and args follow.
func (s *Store) update(ctx context.Context, r *Run, set string, args ...any) error {
	return s.write(ctx, r, lazily, set, args...)
}

func (s *Store) write(ctx context.Context, r *Run, how mode, set string, args ...any) error {
	err := s.transaction(ctx, how, func(ctx context.Context, tx *sql.Tx, now int64) error {
		args := append([]any{now, r.Seq, r.owner, r.Fence}, args...)
		// Each parameter is used, so that PostgreSQL knows its type.
		result, err := tx.ExecContext(ctx, "UPDATE weighlock_items SET "+set+" WHERE CAST($1 AS BIGINT) > 0 AND seq = $2 AND owner = $3 AND fence = $4 AND state = 'running'", args...)
		if err != nil {
			return err
		}
		if changed, err := result.RowsAffected(); err != nil || changed == 0 {
			return errors.Join(err, ErrLost)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("storing what became of delivery %s: %w", r.Delivery, err)
	}
	return nil
}

// SetJournal stores, flushed, what a later run must know if this one dies.
func (s *Store) SetJournal(ctx context.Context, r *Run, journal []byte) error {
	return s.write(ctx, r, flushed, "journal = $5", journal)
}

// Finish ends a run, and its item, in a final state. The payload is kept no longer, but for what failed: it may be wanted again.
func (s *Store) Finish(ctx context.Context, r *Run, state State, note string) error {
	set := "state = $5, note = $6, finished = $1, journal = NULL, owner = ''"
	args := []any{string(state), storable(note)}
	if state != Failed {
		set, args = set+", body = $7", append(args, []byte{})
	}
	return s.update(ctx, r, set, args...)
}

// Again lets an item that has failed wait as if nobody had tried it, and reports whether there is such a one.
func (s *Store) Again(ctx context.Context, seq int64) (bool, error) {
	var n int64
	err := s.transaction(ctx, flushed, func(ctx context.Context, tx *sql.Tx, _ int64) error {
		result, err := tx.ExecContext(ctx, `UPDATE weighlock_items SET state = 'waiting', again = again + 1, attempt = 0, interrupted = 0, cancelled = '', not_before = 0, finished = 0
			WHERE seq = $1 AND state = 'failed' AND length(body) > 0`, seq)
		if err != nil {
			return err
		}
		n, err = result.RowsAffected()
		return err
	})
	if err != nil {
		return false, fmt.Errorf("taking item %d up again: %w", seq, err)
	}
	s.wake()
	return n > 0, nil
}

// Retry lets an item wait for another attempt, after a while.
func (s *Store) Retry(ctx context.Context, r *Run, after time.Duration, note string) error {
	return s.update(ctx, r, "state = 'waiting', owner = '', note = $5, not_before = CAST($1 AS BIGINT) + $6", storable(note), min(after, longest).Milliseconds())
}

// HandBack lets an item wait as if this run had not been; interrupted says that it may have begun to act.
func (s *Store) HandBack(ctx context.Context, r *Run, interrupted bool) error {
	mark := 0
	if interrupted {
		mark = 1
	}
	return s.update(ctx, r, "state = 'waiting', owner = '', attempt = attempt - 1, interrupted = interrupted + $5", mark)
}

// TakeOver lets wait again what dead replicas ran, and returns how many items that are. What has died more than once waits for a
// while, twice as long each time: it may be what kills, and what else runs shall not die with it again. all says that there is no other replica
// but this one, which has just begun: whatever is said to run does not.
func (s *Store) TakeOver(ctx context.Context, all bool) (int, error) {
	var n int64
	err := s.transaction(ctx, exclusively, func(ctx context.Context, tx *sql.Tx, now int64) error {
		before := now
		if all {
			before = 1 << 62
		}
		result, err := tx.ExecContext(ctx, `UPDATE weighlock_items SET state = 'waiting', owner = '', interrupted = interrupted + 1,
			not_before = CAST($1 AS BIGINT) + CASE WHEN kind = 'deploy' AND interrupted < 4 THEN CAST($3 AS BIGINT)
				WHEN interrupted = 0 THEN 0 WHEN interrupted < 8 THEN 1000 << CAST(interrupted AS INTEGER) ELSE 256000 END
			WHERE state = 'running' AND lease < $2`, now, before, s.clusterLock().Milliseconds())
		if err != nil {
			return err
		}
		n, err = result.RowsAffected()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("taking over from dead replicas: %w", err)
	}
	return int(n), nil
}

// Cancel asks to stop what is open for a Key, but for the item that asks, and returns how many items that are. Those that wait
// are run nonetheless, to say so.
func (s *Store) Cancel(ctx context.Context, key, except, who string) (int, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	result, err := s.db.ExecContext(ctx, `UPDATE weighlock_items SET cancelled = $1 WHERE key = $2 AND delivery <> $3 AND cancelled = '' AND state IN ('waiting', 'running')`, storable(who), storable(key), storable(except))
	if err != nil {
		return 0, fmt.Errorf("stopping what runs for %s: %w", key, err)
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// Heard says whether there was an item of a repository about a subject, in whatever state it is.
func (s *Store) Heard(ctx context.Context, repo, subject string) (bool, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	var n int
	err := s.db.QueryRowContext(ctx, "SELECT count(*) FROM weighlock_items WHERE repo = $1 AND subject = $2", repo, subject).Scan(&n)
	return n > 0, err
}

// LastPreview tells the last preview of a Key, in whatever state it is: its number and what it is about; 0 for none.
func (s *Store) LastPreview(ctx context.Context, key string) (seq int64, subject string, err error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	err = s.db.QueryRowContext(ctx, "SELECT seq, subject FROM weighlock_items WHERE key = $1 AND kind = 'preview' ORDER BY seq DESC LIMIT 1", storable(key)).Scan(&seq, &subject)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, "", nil
	}
	return seq, subject, err
}

// An Account is what is known of what was done about a subject.
type Account struct {
	// Seq is the number of the last item about it, State and Note are how that has ended, and Ended is when.
	Seq   int64
	State State
	Note  string
	Ended time.Time
	// Since is when the first one was received.
	Since time.Time
}

// Account tells what was done about a subject of a repository; nil while there is something open about it, or nothing was.
func (s *Store) Account(ctx context.Context, repo, subject string) (*Account, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	var a Account
	var ended, since int64
	err := s.db.QueryRowContext(ctx, `SELECT seq, state, note, finished, (SELECT min(received) FROM weighlock_items WHERE repo = $1 AND subject = $2)
		FROM weighlock_items WHERE repo = $1 AND subject = $2 ORDER BY seq DESC LIMIT 1`, repo, subject).Scan(&a.Seq, &a.State, &a.Note, &ended, &since)
	if errors.Is(err, sql.ErrNoRows) || a.State == Waiting || a.State == Running {
		return nil, nil
	}
	a.Ended, a.Since = time.UnixMilli(ended), time.UnixMilli(since)
	return &a, err
}

// Amend changes what is noted of an item that has ended.
func (s *Store) Amend(ctx context.Context, seq int64, note string) error {
	return s.transaction(ctx, lazily, func(ctx context.Context, tx *sql.Tx, _ int64) error {
		_, err := tx.ExecContext(ctx, "UPDATE weighlock_items SET note = $1 WHERE seq = $2 AND state NOT IN ('waiting', 'running')", storable(note), seq)
		return err
	})
}

// Repos lists the repositories that items were added of.
func (s *Store) Repos(ctx context.Context) ([]string, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	rows, err := s.db.QueryContext(ctx, "SELECT repo FROM weighlock_repos ORDER BY repo")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var repo string
		if err := rows.Scan(&repo); err != nil {
			return nil, err
		}
		out = append(out, repo)
	}
	return out, rows.Err()
}

// Open says whether a Key has items that wait or run.
func (s *Store) Open(ctx context.Context, key string) (bool, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	var n int
	err := s.db.QueryRowContext(ctx, "SELECT count(*) FROM weighlock_items WHERE key = $1 AND state IN ('waiting', 'running')", key).Scan(&n)
	return n > 0, err
}

// A Depth is how full the queue is of one kind.
type Depth struct {
	Waiting, Running int
	// Oldest is for how long the oldest item has waited that may run.
	Oldest time.Duration
}

// Depth says how full the queue is, by kind; a kind that has nothing open is not there.
func (s *Store) Depth(ctx context.Context) (map[Kind]Depth, error) {
	out := map[Kind]Depth{}
	err := s.transaction(ctx, lazily, func(ctx context.Context, tx *sql.Tx, now int64) error {
		rows, err := tx.QueryContext(ctx, `SELECT kind, count(*), sum(CASE WHEN state = 'running' THEN 1 ELSE 0 END), coalesce(min(CASE WHEN state = 'waiting' THEN received END), 0)
			FROM weighlock_items WHERE state IN ('waiting', 'running') GROUP BY kind`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var kind Kind
			var open int
			var oldest int64
			var d Depth
			if err := rows.Scan(&kind, &open, &d.Running, &oldest); err != nil {
				return err
			}
			d.Waiting = open - d.Running
			if oldest > 0 {
				d.Oldest = time.Duration(now-oldest) * time.Millisecond
			}
			out[kind] = d
		}
		return rows.Err()
	})
	return out, err
}

// Forget removes what ended longer ago than that. Its deliveries would be taken for new ones then, if a forge sent them again.
func (s *Store) Forget(ctx context.Context, ago time.Duration) error {
	return s.transaction(ctx, lazily, func(ctx context.Context, tx *sql.Tx, now int64) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM weighlock_items WHERE state NOT IN ('waiting', 'running') AND finished < $1", now-ago.Milliseconds())
		return err
	})
}
