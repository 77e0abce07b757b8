package source_test

import (
	"bytes"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weighlock/weighlock/engine/internal/source"
)

// slowArchives serves archives of charts; the first that is asked for comes to a halt on its way.
type slowArchives struct {
	asked            atomic.Int32
	reached, release chan struct{}
}

func (s *slowArchives) serve(w http.ResponseWriter, serve func(http.ResponseWriter)) {
	if s.asked.Add(1) == 1 {
		w = &stalling{ResponseWriter: w, reached: s.reached, release: s.release}
	}
	serve(w)
}

// TestProcessesShareAChartOfWhichOneIsKilled has several processes pull one chart into one cache, and kills the one that is
// in the middle of it: the others get the chart whole, and one of them alone asks for it again.
func TestProcessesShareAChartOfWhichOneIsKilled(t *testing.T) {
	t.Parallel()
	content := noise(1 << 20)
	for kind, start := range map[string]func(*testing.T, *slowArchives) []string{
		"repository": func(t *testing.T, slow *slowArchives) []string {
			repo := webRepo("1.0.0")
			repo.files["/charts/index.yaml"] = indexOf(map[string]string{"1.0.0": content})
			repo.before = func(w http.ResponseWriter, req *http.Request) bool {
				if !strings.HasSuffix(req.URL.Path, ".tgz") {
					return false
				}
				slow.serve(w, func(w http.ResponseWriter) { _, _ = w.Write([]byte(content)) }) // who is killed does not listen
				return true
			}
			return []string{repo.start(t) + "/charts", "1.0.0", "web"}
		},
		"registry": func(t *testing.T, slow *slowArchives) []string {
			h := &hub{}
			h.tweak = func(w http.ResponseWriter, req *http.Request) bool {
				if !strings.HasSuffix(req.URL.Path, "/blobs/"+digestOf(content)) {
					return false
				}
				slow.serve(w, func(w http.ResponseWriter) { h.plain.ServeHTTP(w, req) })
				return true
			}
			h.start(t) // after that, nothing may change: the requests come from other processes, by which nobody is put in order
			h.push(t, "1.0.0", image(t, layer([]byte(content), helmContent)))
			return []string{h.url(), "1.0.0"}
		},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			slow := &slowArchives{reached: make(chan struct{}), release: make(chan struct{})}
			args := start(t, slow)
			t.Cleanup(func() { close(slow.release) }) // before the server is closed, which waits
			dir := t.TempDir()
			victim, said := child(t, dir, args...)
			select {
			case <-slow.reached:
			case <-time.After(30 * time.Second):
				t.Fatalf("the first never asked for the archive: %s", said)
			}
			const others = 3
			var children [others]*exec.Cmd
			var outputs [others]*bytes.Buffer
			for i := range others {
				children[i], outputs[i] = child(t, dir, args...)
			}
			if err := victim.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			if err := victim.Wait(); err == nil {
				t.Fatalf("the process was not killed: %s", said)
			}
			for i, c := range children {
				if err := c.Wait(); err != nil || outputs[i].String() != digestOf(content) {
					t.Errorf("process %d: %v: %s", i, err, outputs[i])
				}
			}
			if n := slow.asked.Load(); n != 2 {
				t.Errorf("the archive was asked for %d times, want 2: by the one that was killed, and by one more", n)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "charts", "*")); len(left) != 1 {
				t.Errorf("the cache holds %q, want the archive alone", left)
			}
			// What they left serves a run by the digest alone.
			ref := source.ChartRef{Repo: args[0], Version: "1.0.0", Name: strings.Join(args[2:], ""), Digest: digestOf(content)}
			if kind == "registry" {
				ref.Digest = ""
			}
			got, err := source.NewCache(dir, options()).Chart(t.Context(), ref)
			if err != nil || string(got.Archive) != content || slow.asked.Load() != 2 {
				t.Errorf("a run after them: %d bytes, %v; asked %d times", len(got.Archive), err, slow.asked.Load())
			}
		})
	}
}
