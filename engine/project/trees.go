package project

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/weighlock/weighlock/engine/internal/source"
)

// trees are the trees from elsewhere that a project has open.
type trees struct {
	opts Options // the project's
	mu   sync.Mutex
	open map[treeKey]*Source
}

// treeKey tells trees apart. One that is reached by two names is opened for each, so that messages tell the right one.
type treeKey struct{ label, dir string }

// get opens a tree, once.
func (t *trees) get(tree source.Tree) (*Source, error) {
	label, err := treeLabel(tree)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	key := treeKey{label, tree.Dir}
	if s := t.open[key]; s != nil {
		return s, nil
	}
	s, err := openSource(tree.Dir)
	if err != nil {
		return nil, err
	}
	s.label, s.now, s.environ, s.isExport = label, t.opts.Now, t.opts.Remotes.Environ, !tree.Local
	if t.open == nil {
		t.open = map[treeKey]*Source{}
	}
	t.open[key] = s
	return s, nil
}

// Close releases all trees.
func (t *trees) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var errs []error
	for _, s := range t.open {
		errs = append(errs, s.Close())
	}
	t.open = nil
	return errors.Join(errs...)
}

// treeLabel is how a tree is called in messages: host/path@ref.
func treeLabel(t source.Tree) (string, error) {
	key, err := source.RepoKey(t.URL)
	if err != nil {
		return "", err
	}
	ref := t.Ref
	for _, prefix := range []string{"refs/heads/", "refs/tags/"} {
		ref = strings.TrimPrefix(ref, prefix)
	}
	switch {
	case t.Local:
		return key + " (local)", nil
	case ref != "":
		return key + "@" + ref, nil
	}
	return key + "@" + shortID(t.Commit), nil
}

// shortID is a commit or a digest as people read it.
func shortID(id string) string {
	algorithm, hex, ok := strings.Cut(id, ":")
	if !ok {
		return id[:min(len(id), 12)]
	}
	return algorithm + ":" + hex[:min(len(hex), 12)]
}

// fetches are the trees that a run of Resolve asked for, by a source.GitRef or a source.OCIRef.
type fetches struct {
	mu    sync.Mutex
	asked map[any]func() (source.Tree, error)
}

// tree fetches a tree unless it was fetched before; an error is not asked for a second time either.
func (r *resolver) tree(ctx context.Context, ref any) (source.Tree, error) {
	r.fetches.mu.Lock()
	get := r.fetches.asked[ref]
	if get == nil {
		get = sync.OnceValues(func() (source.Tree, error) { return r.fetch(ctx, ref) })
		if r.fetches.asked == nil {
			r.fetches.asked = map[any]func() (source.Tree, error){}
		}
		r.fetches.asked[ref] = get
	}
	r.fetches.mu.Unlock()
	return get()
}

func (r *resolver) fetch(ctx context.Context, ref any) (source.Tree, error) {
	cache, err := r.project.Cache()
	if err != nil {
		return source.Tree{}, err
	}
	switch ref := ref.(type) {
	case source.GitRef:
		return cache.Git(ctx, ref)
	case source.OCIRef:
		return cache.OCI(ctx, ref)
	default:
		panic(fmt.Sprintf("project: %T names no tree", ref))
	}
}

// parallelFetches is how many remotes one file's includes are fetched from at the same time.
const parallelFetches = 8

// prefetch fetches the trees that the includes of a file need side by side. What goes wrong is told when they are walked.
func (r *resolver) prefetch(ctx context.Context, s scope, entries []itemEntry) {
	tpl := s.source.Templates(s.search)
	var wanted []any
	for _, e := range entries {
		if !e.remote() {
			continue
		}
		if e.When != nil {
			if ok, err := tpl.Condition(ctx, "", string(*e.When), s.vars); err != nil || !ok {
				continue
			}
		}
		wanted = append(wanted, e.tree())
	}
	if len(wanted) < 2 {
		return
	}
	var g errgroup.Group
	g.SetLimit(parallelFetches)
	for _, ref := range wanted {
		g.Go(func() error {
			_, _ = r.tree(ctx, ref) // kept for who asks next
			return nil
		})
	}
	// None of them returns an error.
	_ = g.Wait()
}
