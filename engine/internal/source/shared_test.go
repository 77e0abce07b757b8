package source_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weighlock/weighlock/engine/internal/source"
)

// asChild makes the test binary a program that gets one branch, or one chart, from one cache, for tests with several
// processes.
const asChild = "WEIGHLOCK_TEST_FETCH"

func TestMain(m *testing.M) {
	args := strings.Fields(os.Getenv(asChild))
	if len(args) == 0 {
		os.Exit(m.Run())
	}
	said, err := fetchAsChild(source.NewCache(args[0], source.Options{Environ: bareEnv()}), args[1:])
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Print(said)
}

// fetchAsChild gets the repository, or the version of a chart, that args name, and returns where the tree is, or what the
// archive's digest is.
func fetchAsChild(c *source.Cache, args []string) (string, error) {
	if len(args) == 1 {
		tree, err := c.Git(context.Background(), source.GitRef{URL: args[0]})
		return tree.Dir, err
	}
	chart, err := c.Chart(context.Background(), source.ChartRef{Repo: args[0], Version: args[1], Name: strings.Join(args[2:], "")})
	return digestOf(string(chart.Archive)), err
}

func child(t *testing.T, dir string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(bareEnv(), asChild+"="+dir+" "+strings.Join(args, " "))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, &out
}

// counted counts the requests that fetch.
func counted(n *atomic.Int32) func(http.ResponseWriter, *http.Request) http.ResponseWriter {
	return func(w http.ResponseWriter, req *http.Request) http.ResponseWriter {
		if strings.HasSuffix(req.URL.Path, "/git-upload-pack") {
			n.Add(1)
		}
		return w
	}
}

func TestProcessesShareACache(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	u.commit(shop, "refs/heads/main")
	var alone, together atomic.Int32
	mustGit(t, source.NewCache(t.TempDir(), options()), source.GitRef{URL: server{upstream: u, before: counted(&alone)}.serve(t)})
	url := server{upstream: u, before: counted(&together)}.serve(t)
	dir := t.TempDir()
	const processes = 3
	var children [processes]*exec.Cmd
	var said [processes]*bytes.Buffer
	for i := range processes {
		children[i], said[i] = child(t, dir, url)
	}
	for i, c := range children {
		if err := c.Wait(); err != nil {
			t.Fatalf("%v: %s", err, said[i])
		}
		if got := read(t, said[i].String()); len(got) != len(shop) {
			t.Errorf("process %d got %q", i, got)
		}
	}
	// Each asks for the refs, which is one request by POST; one alone fetches.
	if want := alone.Load() + processes - 1; together.Load() != want {
		t.Errorf("%d requests for %d processes, want %d", together.Load(), processes, want)
	}
}

func TestGoroutinesShareACache(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	commit := u.commit(shop, "refs/heads/main")
	url := server{upstream: u}.serve(t)
	c := source.NewCache(t.TempDir(), options())
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			tree, err := c.Git(t.Context(), source.GitRef{URL: url})
			if err != nil || tree.Commit != commit {
				t.Errorf("got %+v, %v", tree, err)
			}
		})
	}
	all.Wait()
}

// stalling is a server that stops in the middle of the first pack it sends.
type stalling struct {
	http.ResponseWriter
	sent    int
	reached chan struct{} // closed when it stands still
	release chan struct{}
}

const stallAfter = 40 << 10

func (s *stalling) Write(p []byte) (int, error) {
	n := 0
	if s.sent < stallAfter && s.sent+len(p) >= stallAfter {
		n = stallAfter - s.sent
		if _, err := s.ResponseWriter.Write(p[:n]); err != nil {
			return 0, err
		}
		s.ResponseWriter.(http.Flusher).Flush()
		close(s.reached)
		<-s.release
	}
	s.sent += len(p)
	m, err := s.ResponseWriter.Write(p[n:])
	return n + m, err
}

// noise is a file that does not get smaller in a pack.
func noise(n int) string {
	var b strings.Builder
	for x := uint64(1); b.Len() < n; {
		x = x*6364136223846793005 + 1442695040888963407
		fmt.Fprintf(&b, "%x\n", x)
	}
	return b.String()
}

func TestAMirrorRecoversFromAProcessKilledWhileFetching(t *testing.T) {
	t.Parallel()
	// Not t.TempDir: git outlives its parent for a while and goes on writing, which would fail the test at its end.
	dir, err := os.MkdirTemp("", "weighlock-source-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		deadline := time.Now().Add(30 * time.Second)
		for os.RemoveAll(dir) != nil && time.Now().Before(deadline) {
			time.Sleep(10 * time.Millisecond)
		}
	})
	u := newUpstream(t)
	u.commit(files{"small": "1\n"}, "refs/heads/main")
	var armed atomic.Bool
	reached, release := make(chan struct{}), make(chan struct{})
	url := server{upstream: u, before: func(w http.ResponseWriter, req *http.Request) http.ResponseWriter {
		if strings.HasSuffix(req.URL.Path, "/git-upload-pack") && armed.Load() {
			return &stalling{ResponseWriter: w, reached: reached, release: release}
		}
		return w
	}}.serve(t)
	t.Cleanup(func() { close(release) })                                 // before the server is closed, which waits
	mustGit(t, source.NewCache(dir, options()), source.GitRef{URL: url}) // there is a good mirror before
	big := files{"big": noise(1 << 20)}
	commit := u.commit(big, "refs/heads/main")
	armed.Store(true)
	cmd, said := child(t, dir, url)
	select {
	case <-reached:
	case <-time.After(30 * time.Second):
		t.Fatal("the fetch never came to the point where it is killed")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Fatalf("the process was not killed: %s", said)
	}
	armed.Store(false)
	marks, _ := filepath.Glob(filepath.Join(dir, "git/*/mirror-*/weighlock-busy"))
	if len(marks) != 1 {
		t.Fatalf("marks of a fetch: %v, so this test proves nothing", marks)
	}
	wantTree(t, mustGit(t, source.NewCache(dir, options()), source.GitRef{URL: url}), "refs/heads/main", commit, big)
	if marks, _ = filepath.Glob(filepath.Join(dir, "git/*/mirror-*/weighlock-busy")); len(marks) != 0 {
		t.Errorf("the mirror is still marked: %v", marks)
	}
}

func TestAFetchThatIsCancelledSaysSo(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	u.commit(files{"big": noise(1 << 20)}, "refs/heads/main")
	reached, release := make(chan struct{}), make(chan struct{})
	url := server{upstream: u, before: func(w http.ResponseWriter, req *http.Request) http.ResponseWriter {
		if strings.HasSuffix(req.URL.Path, "/git-upload-pack") {
			return &stalling{ResponseWriter: w, reached: reached, release: release}
		}
		return w
	}}.serve(t)
	t.Cleanup(func() { close(release) })
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-reached
		cancel()
	}()
	_, err := source.NewCache(t.TempDir(), options()).Git(ctx, source.GitRef{URL: url})
	wantError(t, err, url, "context canceled")
}

func TestADamagedMirrorIsMadeAnew(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		damage func(t *testing.T, mirror string)
	}{
		{"cut pack", func(t *testing.T, mirror string) { truncate(t, mirror, "objects/pack/*.pack") }},
		{"cut index", func(t *testing.T, mirror string) { truncate(t, mirror, "objects/pack/*.idx") }},
		{"no head", func(t *testing.T, mirror string) { remove(t, filepath.Join(mirror, "HEAD")) }},
		{"no objects", func(t *testing.T, mirror string) { remove(t, filepath.Join(mirror, "objects")) }},
		{"locked", func(t *testing.T, mirror string) { write(t, filepath.Join(mirror, "shallow.lock"), "") }},
		{"of too many fetches", func(t *testing.T, mirror string) {
			for i := range 64 {
				write(t, filepath.Join(mirror, fmt.Sprintf("objects/pack/pack-%d.pack", i)), "")
			}
		}},
		{"of a dead process", func(t *testing.T, mirror string) { write(t, filepath.Join(mirror, "weighlock-busy"), "") }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			u := newUpstream(t)
			first := u.commit(shop, "refs/heads/main")
			url, dir := server{upstream: u}.serve(t), t.TempDir()
			mustGit(t, source.NewCache(dir, options()), source.GitRef{URL: url})
			mirrors, _ := filepath.Glob(filepath.Join(dir, "git/*/mirror-*"))
			if len(mirrors) != 1 {
				t.Fatalf("mirrors: %v", mirrors)
			}
			c.damage(t, mirrors[0])
			second := u.commit(shop2, "refs/heads/main")
			wantTree(t, mustGit(t, source.NewCache(dir, options()), source.GitRef{URL: url}), "refs/heads/main", second, shop2)
			remove(t, filepath.Join(dir, "trees")) // and what was known is fetched again
			wantTree(t, mustGit(t, source.NewCache(dir, options()), source.GitRef{URL: url, Commit: first}), "", first, shop)
		})
	}
}

func truncate(t *testing.T, dir, pattern string) {
	t.Helper()
	found, _ := filepath.Glob(filepath.Join(dir, pattern))
	if len(found) == 0 {
		t.Fatalf("no %s", pattern)
	}
	for _, name := range found {
		if err := os.Chmod(name, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(name, 40); err != nil {
			t.Fatal(err)
		}
	}
}

func remove(t *testing.T, name string) {
	t.Helper()
	if err := os.RemoveAll(name); err != nil {
		t.Fatal(err)
	}
}
