package project

import (
	"context"
	"path"
	"path/filepath"
)

// RenderFile renders one file in the environment that a project's files have, for people who debug templates. Includes
// are looked for in the file's directory and in those above it, as far as opts.SourceRoot: by default the git root above
// the file, else its directory.
func RenderFile(ctx context.Context, file string, vars Vars, opts Options) ([]byte, error) {
	abs, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	p, err := locate(filepath.Dir(abs), opts)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	dirs := []string{p.dir}
	for d := p.dir; d != "."; {
		d = path.Dir(d)
		dirs = append(dirs, d)
	}
	return p.source.Templates(dirs).File(ctx, path.Join(p.dir, filepath.Base(abs)), vars)
}
