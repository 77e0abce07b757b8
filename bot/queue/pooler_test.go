package queue_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	neturl "net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weighlock/weighlock/bot/queue"
)

// Behind PgBouncer in its mode "transaction" each transaction may have another connection, and statements that were prepared by name are not there:
// all goes well all the same.
func TestAPoolerMayGiveEachTransactionAnotherConnection(t *testing.T) {
	t.Parallel()
	url := pooled(t, address(t, "PostgreSQL"))
	stores := []*queue.Store{open(t, url), open(t, url), open(t, url)}
	const items = 60
	var all sync.WaitGroup
	for n, s := range stores {
		all.Go(func() {
			for i := range items {
				if _, err := s.Add(t.Context(), item(fmt.Sprint("of ", n, " ", i), "acme/shop", i, queue.Command)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	ended := make(chan string, 3*items)
	ctx, end := context.WithCancel(t.Context())
	for n, s := range stores {
		r := &queue.Runner{Store: s, Owner: fmt.Sprint(n), Workers: 4, Log: slog.New(slog.DiscardHandler), Handler: &handlers{}, Observe: func(r *queue.Run, state queue.State, _ time.Duration) {
			ended <- r.Delivery + " " + string(state)
		}}
		all.Go(func() {
			if err := r.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	defer all.Wait()
	defer end()
	seen := map[string]bool{}
	for range 3 * items {
		select {
		case what := <-ended:
			if seen[what] || !strings.HasSuffix(what, " done") {
				t.Errorf("ended: %s, seen before: %v", what, seen[what])
			}
			seen[what] = true
		case <-time.After(time.Minute):
			t.Fatalf("only %d of %d have ended", len(seen), 3*items)
		}
	}
}

// pooled leads to a database by way of a pooler with few connections. The test is skipped where PgBouncer is not installed.
func pooled(t *testing.T, address string) string {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/pgbouncer"); err != nil {
			t.Fatal("PgBouncer is not installed: make deps installs it")
		}
	}
	to, err := neturl.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "weighlock-pgbouncer-") // nobody may look into a test's own
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	config := filepath.Join(dir, "pgbouncer.ini")
	text := fmt.Sprintf("[databases]\n* = host=%s port=%s user=%s\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\ndefault_pool_size = 5\n",
		to.Hostname(), to.Port(), to.User.Username(), port)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{config}
	if os.Getuid() == 0 { // it refuses to run as root
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		args = []string{"-u", "nobody", config}
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	})
	to.Host = net.JoinHostPort("127.0.0.1", fmt.Sprint(port))
	for deadline := time.Now().Add(time.Minute); ; {
		conn, err := net.Dial("tcp", to.Host)
		if err == nil {
			if err := conn.Close(); err != nil {
				t.Fatal(err)
			}
			return to.String()
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}
