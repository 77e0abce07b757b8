package actiontest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A Git is a repository: a work tree to make commits in, and a bare repository that is served over HTTP by git's own
// backend.
type Git struct {
	// Work is the work tree.
	Work string
	// MergeRequests says that pull requests have the names that GitLab gives their commits, in place of GitHub's.
	MergeRequests bool

	bare   string
	url    string
	server *http.Server
}

// NewGit makes an empty repository below dir, whose path on the server is name ("acme/shop"), and serves it on loopback.
func NewGit(ctx context.Context, dir, name string) (*Git, error) {
	g := &Git{Work: filepath.Join(dir, "work"), bare: filepath.Join(dir, "srv", name+".git")}
	if err := os.MkdirAll(g.bare, 0o755); err != nil {
		return nil, err
	}
	for _, args := range [][]string{
		{"init", "--quiet", "--bare", "--initial-branch=main", g.bare},
		{"init", "--quiet", "--initial-branch=main", g.Work},
	} {
		if _, err := git(ctx, "", args...); err != nil {
			return nil, err
		}
	}
	for file, more := range map[string]string{
		filepath.Join(g.bare, "config"):         "[uploadpack]\n\tallowAnySHA1InWant = true\n\tallowFilter = true\n[receive]\n\tautogc = false\n",
		filepath.Join(g.Work, ".git", "config"): "[remote \"origin\"]\n\turl = " + g.bare + "\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n",
	} {
		if err := appendTo(file, more); err != nil {
			return nil, err
		}
	}
	execPath, err := git(ctx, "", "--exec-path")
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	backend := &cgi.Handler{
		Path: filepath.Join(execPath, "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + filepath.Join(dir, "srv"), "GIT_HTTP_EXPORT_ALL=1"},
	}
	g.url = fmt.Sprintf("http://%s/%s.git", listener.Addr(), name)
	g.server = &http.Server{Handler: backend}
	go func() { _ = g.server.Serve(listener) }() // ends with Close, and always with an error
	return g, nil
}

func appendTo(file, text string) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// URL is where the repository is cloned from.
func (g *Git) URL() string { return g.url }

// Close stops serving.
func (g *Git) Close() error { return g.server.Close() }

// Run runs git in the work tree and returns its output, without the last newline.
func (g *Git) Run(ctx context.Context, args ...string) (string, error) {
	return git(ctx, g.Work, args...)
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

// PullRefs sets what the forge has for a pull request, on GitHub refs/pull/N/head, and refs/pull/N/merge, the head merged
// onto the base. It returns the merge commit; "" when the two conflict.
func (g *Git) PullRefs(ctx context.Context, number int, base, head string) (string, error) {
	tree, err := g.Run(ctx, "merge-tree", "--write-tree", base, head)
	merge := ""
	var exit *exec.ExitError
	switch {
	case err == nil:
		if merge, err = g.Run(ctx, "commit-tree", tree, "-p", base, "-p", head, "-m", "Merge "+head+" into "+base); err != nil {
			return "", err
		}
	case !errors.As(err, &exit) || exit.ExitCode() != 1:
		return "", err
	}
	refs := []string{"push", "--quiet", "--force", "origin", head + ":" + g.PullRef(number, "head")}
	if merge != "" {
		refs = append(refs, merge+":"+g.PullRef(number, "merge"))
	}
	_, err = g.Run(ctx, refs...)
	return merge, err
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
func git(ctx context.Context, dir string, args ...string) (string, error) {
	// Housekeeping of repositories that live for seconds is a waste.
	cmd := exec.CommandContext(ctx, "git", append([]string{"-c", "gc.auto=0", "-c", "maintenance.auto=false"}, args...)...)
	cmd.Dir = dir
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
