package project

import (
	"bytes"
	"context"
	"fmt"
	"path"

	"github.com/weighlock/weighlock/engine/internal/git"
)

// Commit returns the id of the commit that the project is read from, with "-dirty" behind it where the project's directory
// is not as it was committed, or where the project names what is beside it, anything of the repository; "" where it lies in none.
func (p *Project) Commit(ctx context.Context) (string, error) {
	if !p.source.git {
		return "", nil
	}
	below := p.dir
	for _, name := range append([]string{"deployment.yaml", "deployment.yml"}, Kustomizations...) {
		if text, err := p.source.Read(path.Join(p.dir, name)); err == nil && bytes.Contains(text, []byte("../")) {
			below = "."
		}
	}
	id, clean, err := git.WorkTree{Dir: p.source.Root(), Environ: p.opts.Remotes.Environ}.Head(ctx, below)
	if err != nil {
		return "", fmt.Errorf("asking for the commit that is checked out: %w", err)
	}
	if id != "" && !clean {
		id += "-dirty"
	}
	return id, nil
}
