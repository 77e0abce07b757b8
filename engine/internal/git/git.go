// Package git asks the git program about the repository that a project lies in.
package git

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// A WorkTree is a directory of a git repository.
type WorkTree struct{ Dir string }

// LatestCommit returns the id of the last commit that touched a file, a slash path below the directory.
func (w WorkTree) LatestCommit(ctx context.Context, path string) (string, error) {
	// The repository's own configuration must not make git run anything: a project may be a stranger's.
	cmd := exec.CommandContext(ctx, "git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "log.showSignature=false",
		"log", "-1", "--format=%H", "--", filepath.FromSlash(path))
	cmd.Dir = w.Dir
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return "", fmt.Errorf("asking git for the last commit of %s: %s", path, strings.TrimSpace(string(exit.Stderr)))
		}
		return "", fmt.Errorf("asking git for the last commit of %s: %w", path, err)
	}
	commit := strings.TrimSpace(string(out))
	if commit == "" {
		return "", fmt.Errorf("no commit has touched %s: commit it first", path)
	}
	return commit, nil
}
