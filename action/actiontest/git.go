package actiontest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// A Git is a repository: a work tree to make commits in, and a bare repository that is served over HTTP by git's own
// backend.
type Git struct {
	// Work is the work tree.
	Work string
	// MergeRequests says that pull requests have the names that GitLab gives their commits, in place of GitHub's.
	MergeRequests bool

	dir    string
	bare   string
	url    string
	server *http.Server
}

// NewGit makes an empty repository below dir, whose path on the server is name ("acme/shop"), and serves it on loopback.
func NewGit(ctx context.Context, dir, name string) (*Git, error) {
	g := &Git{dir: dir, Work: filepath.Join(dir, "work"), bare: filepath.Join(dir, "srv", name+".git")}
	if err := lay(g.bare, "main", "[core]\n\tbare = true\n[uploadpack]\n\tallowAnySHA1InWant = true\n\tallowFilter = true\n[receive]\n\tautogc = false\n"); err != nil {
		return nil, err
	}
	if err := lay(filepath.Join(g.Work, ".git"), "main", remote(g.bare)); err != nil {
		return nil, err
	}
	programs, err := execPath()
	if err != nil {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	backend := &cgi.Handler{
		Path: filepath.Join(programs, "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + filepath.Join(dir, "srv"), "GIT_HTTP_EXPORT_ALL=1"},
	}
	g.url = fmt.Sprintf("http://%s/%s.git", listener.Addr(), name)
	g.server = &http.Server{Handler: frugal{g.bare, backend}}
	go func() { _ = g.server.Serve(listener) }() // ends with Close, and always with an error
	return g, nil
}

// execPath is where git has its programs.
var execPath = sync.OnceValues(func() (string, error) { return git(context.Background(), "", nil, "--exec-path") })

// lay makes an empty repository, as git init does: without starting a program, for tests make very many.
func lay(dir, branch, config string) error {
	for _, d := range []string{"objects/info", "refs/heads"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "HEAD"), []byte("ref: refs/heads/"+branch+"\n"), 0o644),
		os.WriteFile(filepath.Join(dir, "config"), []byte("[core]\n\trepositoryformatversion = 0\n"+config), 0o644))
}

// remote configures the remote.
func remote(url string) string {
	return "[remote \"origin\"]\n\turl = " + url + "\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n"
}

// Rename has the repository be at another path of the server, too, which jobs clone it from.
func (g *Git) Rename(name string) error {
	to := filepath.Join(g.dir, "srv", name+".git")
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if err := os.Symlink(g.bare, to); err != nil {
		return err
	}
	address, _, _ := strings.Cut(strings.TrimPrefix(g.url, "http://"), "/")
	g.bare, g.url = to, fmt.Sprintf("http://%s/%s.git", address, name)
	return nil
}

// URL is where the repository is cloned from.
func (g *Git) URL() string { return g.url }

// Close stops serving.
func (g *Git) Close() error { return g.server.Close() }

// Run runs git in the work tree and returns its output, without the last newline.
func (g *Git) Run(ctx context.Context, args ...string) (string, error) {
	return git(ctx, g.Work, nil, args...)
}

// Commit commits all that the work tree holds and pushes it to a branch. It returns the commit.
func (g *Git) Commit(ctx context.Context, branch, message string) (string, error) {
	for _, args := range [][]string{
		{"add", "--all"}, {"commit", "--quiet", "--message", message}, {"push", "--quiet", "--force", "origin", "HEAD:refs/heads/" + branch},
	} {
		if _, err := g.Run(ctx, args...); err != nil {
			return "", err
		}
	}
	return g.Run(ctx, "rev-parse", "HEAD")
}

// Deleted is the content of a file that a commit deletes.
const Deleted = "(deleted)\n"

// Import makes a commit of files, on top of another one unless that is "", and points a branch at it. The work tree does
// not get to know of it.
func (g *Git) Import(ctx context.Context, branch, onto string, files map[string]string) (string, error) {
	var s strings.Builder
	beginCommit(&s, "refs/heads/"+branch, branch)
	if onto != "" {
		fmt.Fprintf(&s, "from %s\n", onto)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if files[name] == Deleted {
			fmt.Fprintf(&s, "D %s\n", name)
			continue
		}
		fmt.Fprintf(&s, "M 100644 inline %s\ndata %d\n%s\n", name, len(files[name]), files[name])
	}
	s.WriteString("\nget-mark :1\n")
	return g.fastImport(ctx, s.String())
}

// Merge merges one commit onto another one and points a ref at the merge. It returns the merge commit; "" when the two
// conflict.
func (g *Git) Merge(ctx context.Context, ref, base, head string) (string, error) {
	tree, err := git(ctx, g.bare, nil, "merge-tree", "--write-tree", base, head)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode() == 1:
		return "", nil
	case err != nil:
		return "", err
	}
	var s strings.Builder
	beginCommit(&s, ref, "Merge "+head+" into "+base)
	fmt.Fprintf(&s, "from %s\nmerge %s\nM 040000 %s \"\"\n\nget-mark :1\n", base, head, tree)
	return g.fastImport(ctx, s.String())
}

// PullRefs sets what the forge has for a pull request, on GitHub refs/pull/N/head, and refs/pull/N/merge, the head merged
// onto the base. It returns the merge commit; "" when the two conflict.
func (g *Git) PullRefs(ctx context.Context, number int, base, head string) (string, error) {
	if err := g.Point(g.PullRef(number, "head"), head); err != nil {
		return "", err
	}
	return g.Merge(ctx, g.PullRef(number, "merge"), base, head)
}

// Point points a ref at a commit.
func (g *Git) Point(ref, commit string) error {
	file := filepath.Join(g.bare, ref)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(commit+"\n"), 0o644)
}

// at is the commit that a ref points at.
func (g *Git) at(ref string) (string, error) {
	commit, err := os.ReadFile(filepath.Join(g.bare, ref))
	return strings.TrimSpace(string(commit)), err
}

// beginCommit begins a commit in the language of git fast-import.
func beginCommit(s *strings.Builder, ref, message string) {
	const ada = "Ada <ada@example.com> 1767323045 +0000"
	fmt.Fprintf(s, "commit %s\nmark :1\nauthor %s\ncommitter %s\ndata %d\n%s\n", ref, ada, ada, len(message), message)
}

// fastImport makes commits in the bare repository, with one program where commit and push take a dozen.
func (g *Git) fastImport(ctx context.Context, stream string) (string, error) {
	return git(ctx, g.bare, strings.NewReader(stream), "-c", "fastimport.unpackLimit=1", "fast-import", "--quiet", "--force")
}

// PullRef is the name of a pull request's "head", or of its "merge".
func (g *Git) PullRef(number int, of string) string {
	if g.MergeRequests {
		return fmt.Sprintf("refs/merge-requests/%d/%s", number, of)
	}
	return fmt.Sprintf("refs/pull/%d/%s", number, of)
}

// Copy puts a directory's files over those of the work tree.
func (g *Git) Copy(dir string) error {
	return fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(g.Work, name)
		if e.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		return os.WriteFile(to, data, 0o644)
	})
}

// git runs git with the same author and date always and without a person's configuration.
func git(ctx context.Context, dir string, stdin io.Reader, args ...string) (string, error) {
	// Housekeeping of repositories that live for seconds is a waste.
	cmd := exec.CommandContext(ctx, "git", append([]string{"-c", "gc.auto=0", "-c", "maintenance.auto=false"}, args...)...)
	cmd.Dir, cmd.Stdin = dir, stdin
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_AUTHOR_DATE=2026-01-02T03:04:05Z",
		"GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com", "GIT_COMMITTER_DATE=2026-01-02T03:04:05Z")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		stderr := ""
		if errors.As(err, &exit) {
			stderr = strings.TrimSpace(string(exit.Stderr))
		}
		return string(out), fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, stderr)
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}
