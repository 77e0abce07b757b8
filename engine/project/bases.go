package project

import (
	"context"
	"errors"

	"github.com/weighlock/weighlock/engine/internal/source"
)

// RemoteBases says whether kustomizations may name what is elsewhere.
func (p *Project) RemoteBases() bool { return p.opts.RemoteBases }

var errNoRemoteBases = errors.New("kustomizations may not name what is elsewhere")

// Base fetches a git repository that a kustomization names; ref is a tag, a branch or a full commit id, "" the default branch.
// Its tree is a source of its own and open as long as the project is.
func (p *Project) Base(ctx context.Context, url, ref string) (*Source, Fetched, error) {
	cache, err := p.baseCache()
	if err != nil {
		return nil, Fetched{}, err
	}
	tree, err := cache.Git(ctx, source.GitRef{URL: url, Name: ref})
	if err != nil {
		return nil, Fetched{}, err
	}
	src, err := p.trees.get(tree)
	return src, FetchedTree(KindGit, tree), err
}

// BaseFile fetches a file from a web server that a kustomization names.
func (p *Project) BaseFile(ctx context.Context, url string) ([]byte, Fetched, error) {
	cache, err := p.baseCache()
	if err != nil {
		return nil, Fetched{}, err
	}
	file, err := cache.File(ctx, url)
	return file.Data, Fetched{Kind: KindFile, URL: file.URL, ID: file.Digest}, err
}

func (p *Project) baseCache() (*source.Cache, error) {
	if !p.opts.RemoteBases {
		return nil, errNoRemoteBases
	}
	return p.Cache()
}
