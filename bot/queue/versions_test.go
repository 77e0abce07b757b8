package queue_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/bot/queue"
)

// What an earlier version has left is taken up where it stands: what waits, what ran with its journal, and what is known to be done.
func TestADatabaseOfAnEarlierVersionIsTakenUpAsItStands(t *testing.T) {
	t.Parallel()
	for version := 1; version < queue.Versions; version++ {
		for _, name := range []string{"SQLite", "PostgreSQL"} {
			t.Run(fmt.Sprintf("%s %d", name, version), func(t *testing.T) {
				t.Parallel()
				where := address(t, name)
				left(t, name, where, version)
				s := open(t, where)
				if added, err := s.Add(t.Context(), item("done", "acme/shop", 3, queue.Command)); added || err != nil {
					t.Errorf("what was done is added again: %v, %v", added, err)
				}
				if n, err := s.TakeOver(t.Context(), true); n != 1 || err != nil {
					t.Errorf("taken over: %d, %v", n, err)
				}
				names, runs := claims(t, s, "one", queue.Limits{})
				if !slices.Equal(names, []string{"waits"}) || string(runs[0].Body) != "{}" || runs[0].Again != 0 {
					t.Errorf("claimed %v", names)
				}
				all, err := s.Entries(t.Context(), 10)
				if err != nil || len(all) != 2 || all[1].State != queue.Waiting || all[1].Interrupted != 1 {
					t.Errorf("open are %+v, %v", all, err)
				}
			})
		}
	}
}

// left makes a database as an earlier version has left it.
func left(t *testing.T, name, where string, version int) {
	t.Helper()
	db, err := sql.Open(map[string]string{"SQLite": "sqlite", "PostgreSQL": "pgx"}[name], where)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	statements := queue.Schema(version, name == "PostgreSQL")
	for _, i := range []struct {
		delivery, state, kind string
		number                int
	}{{"waits", "waiting", "command", 1}, {"ran", "running", "deploy", 2}, {"done", "done", "command", 3}} {
		statements = append(statements, fmt.Sprintf("INSERT INTO weighlock_items (delivery, source, event, body, key, repo, kind, subject, state, received, owner, lease) VALUES ('%s', 'github', 'push', '{}', 'acme/shop#%d', 'acme/shop', '%s', '', '%s', 1, 'earlier', 1)",
			i.delivery, i.number, i.kind, i.state))
	}
	if version > 1 { // the first one did that only later
		statements = append(statements, "INSERT INTO weighlock_repos (repo, served) VALUES ('acme/shop', 0)")
	}
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", strings.TrimSpace(s), err)
		}
	}
}

// Another name of a SQLite file lets no other process in.
func TestAnotherNameOfASQLiteFileIsTheSameFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, link := filepath.Join(dir, "weighlock.db"), filepath.Join(dir, "link.db")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	s := open(t, file)
	if _, err := queue.Open(t.Context(), link); err == nil || !strings.Contains(err.Error(), "another process uses it") {
		t.Errorf("by another name: %v", err)
	}
	if _, err := s.Add(t.Context(), item("a", "acme/shop", 1, queue.Command)); err != nil {
		t.Error(err)
	}
}
