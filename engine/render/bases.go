package render

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"sync"

	"github.com/weighlock/weighlock/engine/internal/kustomize"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/yamldoc"
)

// bases fetch what the kustomizations of a deployment name elsewhere, and keep what it was. What they fetch is no template,
// but may be encrypted.
type bases struct {
	project    *project.Project
	deployment *project.Deployment

	mu      sync.Mutex
	fetched []project.Fetched
}

// newBases returns nil where nothing elsewhere may be named.
func newBases(p *project.Project, d *project.Deployment) *bases {
	if !p.RemoteBases() {
		return nil
	}
	return &bases{project: p, deployment: d}
}

// remote is what kustomize sees.
func (b *bases) remote() kustomize.Remote {
	if b == nil {
		return nil
	}
	return b
}

// tell adds what was fetched to the manifests, which Render sorts.
func (b *bases) tell(m *Manifests) {
	if b == nil {
		return
	}
	for _, f := range b.fetched {
		m.Sources = append(m.Sources, f)
		m.Warnings = append(m.Warnings, f.Warnings()...)
	}
}

func (b *bases) note(f project.Fetched) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fetched = append(b.fetched, f)
}

// Repository fetches a git repository.
func (b *bases) Repository(ctx context.Context, url, ref string) (kustomize.Tree, error) {
	source, fetched, err := b.project.Base(ctx, url, ref)
	if err != nil {
		return kustomize.Tree{}, err
	}
	files, ok := source.FS().(fs.ReadLinkFS)
	if !ok {
		return kustomize.Tree{}, fmt.Errorf("%s: its links cannot be read", source.Root())
	}
	b.note(fetched)
	read := func(name string) ([]byte, error) { return b.read(ctx, source, name) }
	return kustomize.Tree{FS: baseFS{files, read}, Display: source.Display}, nil
}

func (b *bases) read(ctx context.Context, source *project.Source, name string) ([]byte, error) {
	data, err := source.Read(name)
	if err != nil {
		return nil, err
	}
	if err := checkAliases(source.Display(name), name, data); err != nil {
		return nil, err
	}
	return b.deployment.Decrypt(ctx, source, name, data)
}

// checkAliases finds YAML that would blow up: kustomize knows no limit for aliases.
func checkAliases(shown, name string, data []byte) error {
	if ext := path.Ext(name); ext != ".yaml" && ext != ".yml" && ext != "" || !bytes.Contains(data, []byte("*")) {
		return nil
	}
	if _, err := yamldoc.Values(shown, data); errors.Is(err, yamldoc.ErrAliases) {
		return err
	}
	return nil
}

// File fetches a file of a web server.
func (b *bases) File(ctx context.Context, url string) ([]byte, error) {
	data, fetched, err := b.project.BaseFile(ctx, url)
	if err != nil {
		return nil, err
	}
	b.note(fetched)
	return data, checkAliases(fetched.URL, "", data)
}

// baseFS is a repository's tree whose files are read as those of the project are.
type baseFS struct {
	fs.ReadLinkFS
	read func(name string) ([]byte, error)
}

func (b baseFS) ReadFile(name string) ([]byte, error) { return b.read(name) }
