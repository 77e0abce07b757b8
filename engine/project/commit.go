package project

import (
	"context"
	"fmt"

	"github.com/weighlock/weighlock/engine/internal/git"
)

// Commit returns the id of the commit that the project is read from, with "-dirty" behind it where the project's directory
// is not as it was committed; "" where it lies in no repository.
func (p *Project) Commit(ctx context.Context) (string, error) {
	if !p.source.git {
		return "", nil
	}
	id, clean, err := git.WorkTree{Dir: p.source.Root(), Environ: p.opts.Remotes.Environ}.Head(ctx, p.dir)
	if err != nil {
		return "", fmt.Errorf("asking for the commit that is checked out: %w", err)
	}
	if id != "" && !clean {
		id += "-dirty"
	}
	return id, nil
}
