package queue_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/bot/queue"
)

func TestAnAddressOfNoKnownKindIsRefusedAndNotQuoted(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"host=127.0.0.1 user=u password=hunter22 dbname=x", "dbname=x password=hunter22", "mysql://u:hunter22@db/x"} {
		s, err := queue.Open(t.Context(), address)
		if err == nil {
			s.Close()
		}
		if err == nil || strings.Contains(err.Error(), "hunter22") || !strings.Contains(err.Error(), "postgres://USER") {
			t.Errorf("%q: %v", address, err)
		}
	}
	url, err := server.Database(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(url, "://")
	if s := open(t, "Postgres://"+rest); !s.Shared() {
		t.Error("a scheme in capitals is taken for a file")
	}
}

func TestTheFilesOfADatabaseAreForUsAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "weighlock.db"), nil, 0o644); err != nil { // as an earlier version made it
		t.Fatal(err)
	}
	add(t, open(t, filepath.Join(dir, "weighlock.db")), item("a", "acme/shop", 1, queue.Command))
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) < 2 {
		t.Fatalf("found %v, %v", entries, err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v, %v", e.Name(), info.Mode(), err)
		}
	}
}

// What stops others must not wait for them.
func TestAnUrgentItemWaitsForNothing(t *testing.T) {
	each(t, func(t *testing.T, s *queue.Store) {
		add(t, s, item("a", "acme/shop", 1, queue.Deploy), item("b", "acme/shop", 2, queue.Deploy), item("c", "acme/shop", 1, queue.Urgent))
		if names, _ := claims(t, s, "one", queue.Limits{Repo: 1, Total: 1}); len(names) != 1 || names[0] != "a" {
			t.Fatalf("with a limit of one: %v", names)
		}
		r, err := s.ClaimUrgent(t.Context(), "one")
		if err != nil || r == nil || r.Delivery != "c" {
			t.Fatalf("of urgent ones: %+v, %v", r, err)
		}
		if again, err := s.ClaimUrgent(t.Context(), "one"); err != nil || again != nil {
			t.Errorf("once more: %+v, %v", again, err)
		}
		finish(t, s, r)
	})
}
