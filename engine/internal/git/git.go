// Package git asks the git program about the repository that a project lies in.
package git

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A WorkTree is a directory of a git repository, at best its top, where .git is a directory or, in a submodule or a linked
// work tree, a file.
type WorkTree struct {
	Dir string
	// Environ is the environment, as of [os.Environ]; what only reads takes nothing from it but where git and its
	// configuration are.
	Environ []string
}

// passed are the variables that say where git and its configuration are. None of those is among them that lead git to
// another repository, as hooks have them.
var passed = []string{"PATH", "HOME", "XDG_CONFIG_HOME", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_GLOBAL"}

// ask runs a command of git that only reads. The repository's own configuration must not make it run or reach anything.
func (w WorkTree) ask(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{
		"-c", "safe.directory=*", // in a container the work tree often belongs to another user
		"-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "log.showSignature=false",
	}, args...)...)
	cmd.Dir = w.Dir
	for _, kv := range w.Environ {
		if name, _, _ := strings.Cut(kv, "="); slices.Contains(passed, name) {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	cmd.Env = append(cmd.Env, "LC_ALL=C", "GIT_CEILING_DIRECTORIES="+filepath.Dir(w.Dir), "GIT_LITERAL_PATHSPECS=1", "GIT_OPTIONAL_LOCKS=0",
		"GIT_NO_LAZY_FETCH=1", "GIT_ALLOW_PROTOCOL=none", "GIT_TERMINAL_PROMPT=0")
	out, err := cmd.Output()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return "", fmt.Errorf("git %s: %s", args[0], strings.TrimSpace(string(exit.Stderr)))
	case errors.Is(err, exec.ErrNotFound):
		return "", errors.New("git is not installed")
	}
	return strings.TrimSpace(string(out)), err
}

// LatestCommit returns the id of the last commit that touched a file, a slash path below the directory. Where the clone's
// history is cut off before it, that is an error: the oldest commit that is there seems to have made all files.
func (w WorkTree) LatestCommit(ctx context.Context, path string) (string, error) {
	out, err := w.ask(ctx, "log", "-1", "--format=%H %P", "--", filepath.FromSlash(path))
	if err != nil {
		return "", fmt.Errorf("asking git for the last commit of %s: %w", path, err)
	}
	commit, parents, _ := strings.Cut(out, " ")
	if commit == "" {
		return "", fmt.Errorf("no commit has touched %s: commit it first", path)
	}
	if parents == "" {
		shallow, err := w.ask(ctx, "rev-parse", "--is-shallow-repository")
		if err != nil {
			return "", err
		}
		if shallow == "true" {
			return "", fmt.Errorf("the clone's history is cut off before the last commit of %s: clone it whole (git fetch --unshallow; for actions/checkout, fetch-depth: 0)", path)
		}
	}
	return commit, nil
}

// Head returns the id of the commit that is checked out, and whether what lies below a slash path is as it was committed;
// "" where there is none: not even one commit, or something else is called .git.
func (w WorkTree) Head(ctx context.Context, below string) (id string, clean bool, err error) {
	id, err = w.ask(ctx, "rev-parse", "--verify", "--quiet", "HEAD")
	if err != nil {
		if strings.HasSuffix(err.Error(), "git rev-parse: ") || strings.Contains(err.Error(), "not a git repository") {
			return "", false, nil
		}
		return "", false, err
	}
	changed, err := w.ask(ctx, "status", "--porcelain", "--untracked-files=normal", "--", filepath.FromSlash(below))
	return id, changed == "", err
}

// Remote returns the address of the repository's remote as it is configured, before url.*.insteadOf, which is this machine's
// way to it: that of origin or else, if there is only one remote, of that one; "" where there is none or it is not clear which.
func (w WorkTree) Remote(ctx context.Context) (string, error) {
	out, err := w.ask(ctx, "remote")
	if err != nil {
		if strings.Contains(err.Error(), "not a git repository") {
			return "", nil // something else is called .git
		}
		return "", err
	}
	names := strings.Fields(out)
	name := "origin"
	if !slices.Contains(names, name) {
		if len(names) != 1 {
			return "", nil
		}
		name = names[0]
	}
	return w.ask(ctx, "config", "--get", "remote."+name+".url")
}
