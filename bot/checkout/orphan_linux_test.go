package checkout_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weighlock/weighlock/bot/checkout"
)

// hangsAt, in the environment, makes the test below the process that is killed: it fetches from there.
const hangsAt = "WEIGHLOCK_TEST_HANGS_AT"

// A git that hangs does not outlive a kill -9 of who started it.
func TestGitEndsWithWhoStartedIt(t *testing.T) {
	if url := os.Getenv(hangsAt); url != "" {
		cache, err := checkout.NewCache(t.TempDir(), 0)
		if err != nil {
			t.Fatal(err)
		}
		repo, err := cache.Open(t.Context(), url, checkout.Options{Refs: []string{"refs/heads/main"}})
		if err == nil {
			_, err = repo.Tip(t.Context(), "main")
		}
		t.Fatalf("it does not hang: %v", err)
	}
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") // it takes connections and answers none
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	us := exec.Command(os.Args[0], "-test.run=^TestGitEndsWithWhoStartedIt$")
	us.Env = append(os.Environ(), hangsAt+"=http://"+l.Addr().String()+"/acme/shop.git")
	if err := us.Start(); err != nil {
		t.Fatal(err)
	}
	defer us.Wait()         //nolint:errcheck // it is killed
	defer us.Process.Kill() //nolint:errcheck // and may have been
	if err := l.(*net.TCPListener).SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Accept(); err != nil {
		t.Fatalf("it asks nothing: %v", err)
	}
	git := gits(t, us.Process.Pid)
	if len(git) == 0 {
		t.Fatal("it runs no git")
	}
	if err := us.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	deadline := time.After(15 * time.Second) // git gives up by itself after half a minute
	for _, pid := range git {
		for alive(pid) {
			select {
			case <-deadline:
				t.Fatalf("git (%s) lives on", pid)
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
}

// gits are the processes of git that a process has started.
func gits(t *testing.T, pid int) []string {
	t.Helper()
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, list := range lists {
		children, err := os.ReadFile(list)
		if err != nil {
			continue // the thread has ended
		}
		for _, child := range strings.Fields(string(children)) {
			if name, _ := os.ReadFile("/proc/" + child + "/comm"); strings.TrimSpace(string(name)) == "git" {
				out = append(out, child)
			}
		}
	}
	return out
}

// alive says whether a process runs; one that nobody has waited for does not.
func alive(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	_, state, _ := strings.Cut(string(stat), ") ")
	return err == nil && !strings.HasPrefix(state, "Z")
}
