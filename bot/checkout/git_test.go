package checkout_test

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/bot/checkout"
)

// upstream is the repository that pull requests are made in: a bare one, written to through git's plumbing.
type upstream struct {
	t     *testing.T
	dir   string
	blobs map[string]string // ids by content
}

func newUpstream(t *testing.T, config ...string) *upstream {
	t.Helper()
	u := &upstream{t: t, dir: filepath.Join(t.TempDir(), "upstream.git"), blobs: map[string]string{}}
	runGit(t, "", "init", "-q", "--bare", "-b", "main", u.dir)
	for _, c := range config {
		key, value, _ := strings.Cut(c, "=")
		u.git("config", key, value)
	}
	return u
}

func (u *upstream) git(args ...string) string {
	u.t.Helper()
	return runGit(u.t, "", append([]string{"--git-dir=" + u.dir}, args...)...)
}

// files are the content of a commit by path. The content "link:x" stands for a symbolic link to x, "exec:x" for an
// executable file and "submodule:" for a submodule.
type files map[string]string

func (f files) with(path, content string) files {
	g := maps.Clone(f)
	g[path] = content
	return g
}

func (f files) without(path string) files {
	g := maps.Clone(f)
	delete(g, path)
	return g
}

func (u *upstream) blob(content string) string {
	u.t.Helper()
	if u.blobs[content] == "" {
		u.blobs[content] = runGit(u.t, content, "--git-dir="+u.dir, "hash-object", "-w", "--stdin")
	}
	return u.blobs[content]
}

// tree makes a tree of files, paths and all, as git's index would.
func (u *upstream) tree(f files) string {
	u.t.Helper()
	var index strings.Builder
	for _, path := range slices.Sorted(maps.Keys(f)) {
		mode, content := "100644", f[path]
		kind, rest, found := strings.Cut(content, ":")
		switch {
		case found && kind == "link":
			mode, content = "120000", rest
		case found && kind == "exec":
			mode, content = "100755", rest
		case content == "submodule:":
			fmt.Fprintf(&index, "160000 %040d\t%s\n", 7, path)
			continue
		}
		fmt.Fprintf(&index, "%s %s\t%s\n", mode, u.blob(content), path)
	}
	cmd := gitCommand(u.t, "--git-dir="+u.dir, "update-index", "--add", "--index-info")
	cmd.Env = append(cmd.Env, "GIT_INDEX_FILE="+filepath.Join(u.t.TempDir(), "index"))
	cmd.Stdin = strings.NewReader(index.String())
	output(u.t, cmd)
	write := gitCommand(u.t, "--git-dir="+u.dir, "write-tree", "--missing-ok")
	write.Env = append(write.Env, cmd.Env[len(cmd.Env)-1])
	return output(u.t, write)
}

// mktree makes a tree of raw entries, which need not make sense.
func (u *upstream) mktree(entries ...string) string {
	u.t.Helper()
	var lines string
	for _, e := range entries {
		lines += e + "\n"
	}
	return runGit(u.t, lines, "--git-dir="+u.dir, "mktree", "--missing")
}

func (u *upstream) commit(tree string, parents ...string) string {
	u.t.Helper()
	args := []string{"commit-tree", tree, "-m", "a change"}
	for _, p := range parents {
		args = append(args, "-p", p)
	}
	return u.git(args...)
}

func (u *upstream) set(ref, commit string) {
	u.t.Helper()
	u.git("update-ref", ref, commit)
}

// chain adds n commits that each change only path.
func (u *upstream) chain(path string, n int, parent string) string {
	u.t.Helper()
	var stream strings.Builder
	for i := range n {
		content := fmt.Sprintf("%d\n", i)
		fmt.Fprintf(&stream, "commit refs/chain\nmark :%d\ncommitter C <c@example.com> 1700000100 +0000\ndata 0\n", i+1)
		if i == 0 {
			fmt.Fprintf(&stream, "from %s\n", parent)
		}
		fmt.Fprintf(&stream, "M 100644 inline %s\ndata %d\n%s\n", path, len(content), content)
	}
	fmt.Fprintf(&stream, "get-mark :%d\nreset refs/chain\nfrom %040d\n", n, 0)
	return runGit(u.t, stream.String(), "--git-dir="+u.dir, "fast-import", "--quiet", "--force", "--cat-blob-fd=1")
}

// clone makes a clone as a CI job does: one commit checked out, from a remote of any kind.
func clone(t *testing.T, remote, commit string, options ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "clone")
	runGit(t, "", "init", "-q", dir)
	runGit(t, "", "-C", dir, "remote", "add", "origin", remote)
	runGit(t, "", slices.Concat([]string{"-C", dir, "fetch", "-q", "--no-tags"}, options, []string{"origin", "+" + commit + ":refs/remotes/origin/checked-out"})...)
	runGit(t, "", "-C", dir, "checkout", "-q", "--detach", "refs/remotes/origin/checked-out")
	return dir
}

func runGit(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	cmd := gitCommand(t, args...)
	cmd.Stdin = strings.NewReader(stdin)
	return output(t, cmd)
}

func gitCommand(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Env = append(bareEnv(),
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_AUTHOR_DATE=1700000000 +0200",
		"GIT_COMMITTER_NAME=C", "GIT_COMMITTER_EMAIL=c@example.com", "GIT_COMMITTER_DATE=1700000300 +0200")
	return cmd
}

// bareEnv keeps the configuration of the machine that runs the tests out of them.
func bareEnv() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "LC_ALL=C"}
}

func output(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, &stderr)
	}
	return strings.TrimSpace(stdout.String())
}

func fileURL(u *upstream) string { return "file://" + u.dir }

// server serves a repository by http, as git's own CGI program does it.
type server struct {
	upstream *upstream
	user     string              // "user:password" if needed
	seen     func(*http.Request) // if set, called while a request waits
	old      bool                // speaks only the protocol in which a server can refuse ids that it does not advertise
}

func (s server) start(t *testing.T) string {
	t.Helper()
	path, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	backend := &cgi.Handler{
		Path:   filepath.Join(strings.TrimSpace(string(path)), "git-http-backend"),
		Stderr: io.Discard, // what it says to the client is enough
		Env:    append(bareEnv(), "GIT_PROJECT_ROOT="+filepath.Dir(s.upstream.dir), "GIT_HTTP_EXPORT_ALL=1"),
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if s.seen != nil {
			s.seen(req)
		}
		if user, password, _ := req.BasicAuth(); s.user != "" && user+":"+password != s.user {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if s.old {
			req.Header.Del("Git-Protocol")
		}
		backend.ServeHTTP(w, req)
	}))
	t.Cleanup(srv.Close)
	return srv.URL + "/" + filepath.Base(s.upstream.dir)
}

func open(t *testing.T, dir string, change ...func(*checkout.Options)) *checkout.Repo {
	t.Helper()
	r, err := checkout.Open(t.Context(), dir, options(t, change...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func options(t *testing.T, change ...func(*checkout.Options)) checkout.Options {
	t.Helper()
	opts := checkout.Options{AllowFile: true, Environ: bareEnv(), TempDir: t.TempDir()}
	for _, c := range change {
		c(&opts)
	}
	return opts
}

// read returns a directory as the files that were written to it.
func read(t *testing.T, dir string) files {
	t.Helper()
	got := files{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		switch {
		case d.Type()&os.ModeSymlink != 0:
			target, err := os.Readlink(path)
			got[name] = "link:" + target
			return err
		case d.IsDir():
			inside, err := os.ReadDir(path)
			if len(inside) == 0 {
				got[name] = "submodule:"
			}
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		stat, err := d.Info()
		if err != nil {
			return err
		}
		if stat.Mode()&0o111 != 0 {
			got[name] = "exec:"
		}
		got[name] += string(content)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func extract(t *testing.T, r *checkout.Repo, tree checkout.Tree) files {
	t.Helper()
	dir, err := r.Extract(t.Context(), tree)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := dir.Close(); err != nil {
			t.Error(err)
		}
	}()
	return read(t, dir.Path())
}
