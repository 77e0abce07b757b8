package source_test

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"log"
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

	"github.com/weighlock/weighlock/engine/internal/source"
)

// files are a tree by path. The content "link:x" stands for a symbolic link to x, "exec:x" for an executable file and
// "submodule:" for a submodule, which is an empty directory on disk.
type files map[string]string

// upstream is a repository that is fetched from: a bare one, written to through git's plumbing.
type upstream struct {
	t   *testing.T
	dir string
}

func newUpstream(t *testing.T, initArgs ...string) *upstream {
	t.Helper()
	u := &upstream{t: t, dir: filepath.Join(t.TempDir(), "app.git")}
	runGit(t, "", append([]string{"init", "-q", "--bare", "-b", "main", u.dir}, initArgs...)...)
	return u
}

func (u *upstream) git(stdin string, args ...string) string {
	u.t.Helper()
	return runGit(u.t, stdin, append([]string{"--git-dir=" + u.dir}, args...)...)
}

func (u *upstream) blob(content string) string {
	u.t.Helper()
	return u.git(content, "hash-object", "-w", "--stdin")
}

// commit makes a commit of files and lets refs be at it.
func (u *upstream) commit(f files, refs ...string) string {
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
	env := "GIT_INDEX_FILE=" + filepath.Join(u.t.TempDir(), "index")
	cmd := gitCommand(u.t, "--git-dir="+u.dir, "update-index", "--add", "--index-info")
	cmd.Env, cmd.Stdin = append(cmd.Env, env), strings.NewReader(index.String())
	output(u.t, cmd)
	write := gitCommand(u.t, "--git-dir="+u.dir, "write-tree", "--missing-ok")
	write.Env = append(write.Env, env)
	return u.commitTree(output(u.t, write), refs...)
}

// commitTree makes a commit on top of the first of refs.
func (u *upstream) commitTree(tree string, refs ...string) string {
	u.t.Helper()
	args := []string{"commit-tree", tree, "-m", "a change"}
	if len(refs) > 0 {
		if parent, err := gitCommand(u.t, "--git-dir="+u.dir, "rev-parse", "--verify", "--quiet", refs[0]).Output(); err == nil {
			args = append(args, "-p", strings.TrimSpace(string(parent)))
		}
	}
	id := u.git("", args...)
	for _, ref := range refs {
		u.git("", "update-ref", ref, id)
	}
	return id
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

// server serves a repository by http, as git's own CGI program does it.
type server struct {
	upstream *upstream
	user     string                                                       // "user:password" if needed
	before   func(http.ResponseWriter, *http.Request) http.ResponseWriter // if set, called first; nil ends the request
	old      bool                                                         // speaks only the protocol in which a server can refuse ids that it does not advertise
}

func (s server) start(t *testing.T) *httptest.Server {
	t.Helper()
	path, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	backend := &cgi.Handler{
		Path:   filepath.Join(strings.TrimSpace(string(path)), "git-http-backend"),
		Stderr: io.Discard, // what it says to the client is enough
		Logger: log.New(io.Discard, "", 0),
		Env:    append(bareEnv(), "GIT_PROJECT_ROOT="+filepath.Dir(s.upstream.dir), "GIT_HTTP_EXPORT_ALL=1"),
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if s.before != nil {
			if w = s.before(w, req); w == nil {
				return
			}
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
	return srv
}

// serve starts a server and returns the repository's address.
func (s server) serve(t *testing.T) string { return s.start(t).URL + "/app.git" }

// options are those of a run on an otherwise empty machine.
func options(change ...func(*source.Options)) source.Options {
	opts := source.Options{Environ: bareEnv()}
	for _, c := range change {
		c(&opts)
	}
	return opts
}

func mustGit(t *testing.T, c *source.Cache, ref source.GitRef) source.Tree {
	t.Helper()
	tree, err := c.Git(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func wantTree(t *testing.T, tree source.Tree, ref, commit string, want files) {
	t.Helper()
	if tree.Ref != ref || tree.Commit != commit {
		t.Errorf("resolved to %q at %s, want %q at %s", tree.Ref, tree.Commit, ref, commit)
	}
	if got := read(t, tree.Dir); !maps.Equal(got, want) {
		t.Errorf("files are\n%q, want\n%q", got, want)
	}
}

// wantError checks that an error says all of parts.
func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one that says %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}

// read returns a directory as the files that were written to it.
func read(t *testing.T, dir string) files {
	t.Helper()
	got := files{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
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
