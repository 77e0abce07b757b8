package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// Changed returns the paths below the directory that are not as they were committed, those that git does not know among them.
func (w WorkTree) Changed(ctx context.Context) ([]string, error) {
	out, err := w.run(ctx, "-c", "core.fsmonitor=false", "-c", "core.quotePath=false", "status", "--porcelain", "--untracked-files=all", "--", ".")
	if err != nil {
		return nil, fmt.Errorf("asking git what is not committed: %w", err)
	}
	var changed []string
	for line := range strings.Lines(string(out)) {
		if len(line) > 3 {
			changed = append(changed, strings.TrimSpace(line[3:]))
		}
	}
	return changed, nil
}

// CommitAll commits all changes below the directory, as the user who has configured git: with their name, hooks and signature.
func (w WorkTree) CommitAll(ctx context.Context, message string) error {
	if _, err := w.run(ctx, "add", "--all", "--", "."); err != nil {
		return fmt.Errorf("adding to a commit: %w", err)
	}
	if _, err := w.run(ctx, "commit", "--quiet", "--message", message, "--", "."); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	return nil
}

func (w WorkTree) run(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = w.Dir
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil, fmt.Errorf("git: %s", bytes.TrimSpace(exit.Stderr))
	}
	return out, err
}
