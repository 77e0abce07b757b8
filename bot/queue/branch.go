package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Branch says at which commit a branch was seen last, "" if it never was, and how often it has moved since it is known.
func (s *Store) Branch(ctx context.Context, name string) (tip string, moves int64, err error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	err = s.db.QueryRowContext(ctx, "SELECT tip, moves FROM weighlock_branches WHERE name = $1", name).Scan(&tip, &moves)
	if errors.Is(err, sql.ErrNoRows) {
		return "", 0, nil
	}
	if err != nil {
		err = fmt.Errorf("where branch %s was seen: %w", name, err)
	}
	return tip, moves, err
}

// SetBranch stores where a branch was seen, unless another replica has seen it move since [Store.Branch] told moves.
func (s *Store) SetBranch(ctx context.Context, name, tip string, moves int64) error {
	return s.transaction(ctx, lazily, func(ctx context.Context, tx *sql.Tx, _ int64) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO weighlock_branches (name, tip, moves) VALUES ($1, $2, 1)
			ON CONFLICT (name) DO UPDATE SET tip = excluded.tip, moves = weighlock_branches.moves + 1 WHERE weighlock_branches.moves = $3`, name, tip, moves)
		return err
	})
}

// Recent lists the keys of a repository that something was added of in the last time.
func (s *Store) Recent(ctx context.Context, repo string, last time.Duration) ([]string, error) {
	var out []string
	err := s.transaction(ctx, lazily, func(ctx context.Context, tx *sql.Tx, now int64) error {
		rows, err := tx.QueryContext(ctx, "SELECT DISTINCT key FROM weighlock_items WHERE repo = $1 AND received > $2 ORDER BY key", repo, now-last.Milliseconds())
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var key string
			if err := rows.Scan(&key); err != nil {
				return err
			}
			out = append(out, key)
		}
		return rows.Err()
	})
	return out, err
}

// AccountOf tells what was done about a delivery that was added in the last time; nil while it is open, or where there is none.
func (s *Store) AccountOf(ctx context.Context, delivery string, last time.Duration) (*Account, error) {
	var a Account
	err := s.transaction(ctx, lazily, func(ctx context.Context, tx *sql.Tx, now int64) error {
		return tx.QueryRowContext(ctx, "SELECT seq, state, note FROM weighlock_items WHERE delivery = $1 AND received > $2 AND state NOT IN ('waiting', 'running')",
			delivery, now-last.Milliseconds()).Scan(&a.Seq, &a.State, &a.Note)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &a, err
}
