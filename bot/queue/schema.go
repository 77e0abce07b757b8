package queue

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// migrations bring the schema from one version to the next; they are only ever appended to. Times are milliseconds since 1970.
// What is large comes last, so that SQLite need not read it to get at the rest. SEQ and BYTES stand for what the two databases call differently.
var migrations = []string{`
CREATE TABLE weighlock_items (
	seq SEQ,
	delivery TEXT NOT NULL UNIQUE,
	source TEXT NOT NULL,
	event TEXT NOT NULL,
	key TEXT NOT NULL,
	repo TEXT NOT NULL,
	kind TEXT NOT NULL,
	subject TEXT NOT NULL,
	state TEXT NOT NULL DEFAULT 'waiting',
	received BIGINT NOT NULL,
	not_before BIGINT NOT NULL DEFAULT 0,
	attempt BIGINT NOT NULL DEFAULT 0,
	interrupted BIGINT NOT NULL DEFAULT 0,
	cancelled TEXT NOT NULL DEFAULT '',
	owner TEXT NOT NULL DEFAULT '',
	fence BIGINT NOT NULL DEFAULT 0,
	lease BIGINT NOT NULL DEFAULT 0,
	finished BIGINT NOT NULL DEFAULT 0,
	note TEXT NOT NULL DEFAULT '',
	journal BYTES,
	body BYTES NOT NULL
);
CREATE INDEX weighlock_items_open ON weighlock_items (key, seq) WHERE state IN ('waiting', 'running');
CREATE INDEX weighlock_items_subject ON weighlock_items (repo, subject);
CREATE INDEX weighlock_items_running ON weighlock_items (repo) WHERE state = 'running';
CREATE INDEX weighlock_items_finished ON weighlock_items (finished) WHERE state NOT IN ('waiting', 'running');
CREATE TABLE weighlock_repos (repo TEXT PRIMARY KEY, served BIGINT NOT NULL);
`, `
CREATE INDEX weighlock_items_waiting ON weighlock_items (repo, seq) WHERE state = 'waiting';
CREATE INDEX weighlock_repos_served ON weighlock_repos (served, repo);
INSERT INTO weighlock_repos (repo, served) SELECT DISTINCT repo, 0 FROM weighlock_items WHERE seq > 0 ON CONFLICT (repo) DO NOTHING;
`, `
CREATE TABLE weighlock_branches (name TEXT PRIMARY KEY, tip TEXT NOT NULL, moves BIGINT NOT NULL);
CREATE INDEX weighlock_items_received ON weighlock_items (repo, received);
`, `
CREATE INDEX weighlock_items_urgent ON weighlock_items (seq) WHERE state = 'waiting' AND kind = 'urgent';
`, `
ALTER TABLE weighlock_items ADD COLUMN again BIGINT NOT NULL DEFAULT 0;
`, `
CREATE INDEX weighlock_items_previews ON weighlock_items (key, seq) WHERE kind = 'preview';
`}

// A dialect is what the databases say differently.
type dialect struct {
	replace *strings.Replacer
	// begin are what transactions of each mode begin with; the last column is milliseconds since 1970 as the database sees them,
	// which all replicas share. Empty means that there is nothing to do, and that the clock is our own.
	begin [3]string
}

var (
	sqlite = dialect{replace: strings.NewReplacer("SEQ", "INTEGER PRIMARY KEY AUTOINCREMENT", "BYTES", "BLOB")}
	// The number is our own, and the same in all replicas.
	postgres = dialect{
		replace: strings.NewReplacer("SEQ", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "BYTES", "BYTEA"),
		begin: [3]string{
			flushed:     "SELECT '', " + postgresClock,
			lazily:      "SELECT set_config('synchronous_commit', 'off', true), " + postgresClock,
			exclusively: "SELECT pg_advisory_xact_lock(7093116014)::text || set_config('synchronous_commit', 'off', true), " + postgresClock,
		},
	}
)

const postgresClock = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"

// migrate brings the schema up to date. A schema that is newer than the program is refused: what it says is not understood.
func (s *Store) migrate(ctx context.Context) error {
	return s.transact(ctx, exclusively, func(ctx context.Context, tx *sql.Tx, _ int64) error {
		if _, err := tx.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS weighlock_schema (version BIGINT NOT NULL)"); err != nil {
			return err
		}
		var version int
		if err := tx.QueryRowContext(ctx, "SELECT coalesce(max(version), 0) FROM weighlock_schema").Scan(&version); err != nil {
			return err
		}
		if version > len(migrations) {
			return fmt.Errorf("the database's schema is of version %d, and this program knows versions up to %d: run the newer program", version, len(migrations))
		}
		for ; version < len(migrations); version++ {
			for statement := range strings.SplitSeq(s.dialect.replace.Replace(migrations[version]), ";") {
				if strings.TrimSpace(statement) == "" {
					continue
				}
				if _, err := tx.ExecContext(ctx, statement); err != nil {
					return fmt.Errorf("schema version %d: %w", version+1, err)
				}
			}
			if _, err := tx.ExecContext(ctx, "INSERT INTO weighlock_schema (version) VALUES ($1)", version+1); err != nil {
				return err
			}
		}
		return nil
	})
}
