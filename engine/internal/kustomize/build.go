package kustomize

import (
	"context"
	"errors"
	"fmt"
	"path"
	"sync"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/openapi"
)

// A Resource is one object that a build gave.
type Resource struct {
	// Object has the types of decoded JSON as API machinery has them: int64 for whole numbers, float64 for others.
	Object map[string]any
	// Origin is the file that the object came from, or the kustomization or generator file that had it made: a slash path
	// from the root of the file system, without a leading slash. Empty when kustomize does not know.
	Origin string
	// Remote says that Origin is in a tree from elsewhere, and what that tree calls it.
	Remote bool
}

// Options of a build. The zero value is what deployment items use.
type Options struct {
	// Display turns a path of the file system into what errors call it. Nil: the path from the root of the file system.
	Display func(path string) string
	// Missing says of a path that is not in the file system why it is not, or "". Nil: there is no more to say.
	Missing func(path string) string
	// Remote fetches what kustomizations name elsewhere; nil refuses it.
	Remote Remote
}

// Build builds the kustomization in dir, as `kustomize build --reorder none` does. It does not write to fsys.
//
// A kustomization without any resource gives none; an empty file is an error. Errors name the kustomization or the file, by
// [Options.Display], and the cause.
func Build(ctx context.Context, fsys FS, dir string, opts Options) ([]Resource, error) {
	dir = path.Join("/", dir)
	c := checker{reporter: reporter{fsys, opts}}
	if opts.Remote != nil {
		m, err := fetch(ctx, fsys, dir, opts)
		if err != nil {
			return nil, err
		}
		opts.Display = m.display(opts.Display)
		c.reporter, c.remote = reporter{m, opts}, m
	}
	if err := c.check(dir); err != nil {
		return nil, err
	}
	if out, ok := c.verbatim(dir); ok {
		return out, nil
	}
	return c.build(dir)
}

func (c *checker) build(dir string) ([]Resource, error) {
	defer prepareSchema(c.schema)()
	built, err := c.run(c.fsys, dir)
	if err != nil {
		return nil, c.inResources(c.inPatch(c.buildError(dir, err)))
	}
	origins, err := c.origins(dir, built)
	if err != nil {
		return nil, err
	}
	out := make([]Resource, built.Size())
	for i, res := range built.Resources() {
		if out[i].Object, err = decoded(res, c.display(kustomizationPath(c.fsys, dir))); err != nil {
			return nil, c.inResources(err)
		}
		ownVersion(out[i].Object)
		if c.traced && c.remote != nil {
			c.remote.tellOrigins(dir, out[i].Object)
		}
		out[i].Origin = origins[i]
		if c.remote.has(origins[i]) {
			out[i].Origin, out[i].Remote = c.display(origins[i]), true
		}
	}
	return out, nil
}

// inResources tells a failure by what is wrong with the files that are listed as resources, where that is anything.
func (c *checker) inResources(err error) error {
	if problems := errors.Join(c.resourceProblems()...); problems != nil {
		err = problems
	}
	return c.hideLiterals(err)
}

// Version is the release of kustomize's program that the library is part of.
const Version = "v5.8.1"

// ownVersion mends the label that buildMetadata's managedByLabel adds: in a library, kustomize does not know its version.
func ownVersion(o map[string]any) {
	meta, _ := o["metadata"].(map[string]any)
	labels, _ := meta["labels"].(map[string]any)
	if labels[konfig.ManagedbyLabelKey] == "kustomize-(devel)" {
		labels[konfig.ManagedbyLabelKey] = "kustomize-" + Version
	}
}

// run lets kustomize build dir. A panic, provoked by a hostile input, is an error.
func (c *checker) run(fsys FS, dir string) (m resmap.ResMap, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("kustomize panicked: %v", r)
		}
	}()
	opts := krusty.MakeDefaultOptions()
	opts.LoadRestrictions = types.LoadRestrictionsNone
	opts.Reorder = krusty.ReorderOptionNone
	if c.sorts[dir] {
		opts.Reorder = krusty.ReorderOptionUnspecified // else kustomize logs that sortOptions win
	}
	if c.remote != nil && len(c.remote.placed) > 0 {
		fsys = edited{fsys, c.remote.localise}
	}
	if !c.traced {
		fsys = quiet(fsys)
	}
	return krusty.MakeKustomizer(opts).Run(fsys, dir)
}

// schema guards kustomize's global OpenAPI schema: builds that only read it share the lock. Reading it in takes a tenth of a
// second, which builds that merge nothing need not wait for.
var (
	schema      sync.RWMutex
	loadBuiltin = sync.OnceFunc(func() {
		schema.Lock()
		openapi.Schema()
		schema.Unlock()
	})
)

// A schemaUse says what a build does with the global schema.
type schemaUse int

const (
	noSchema schemaUse = iota
	readsSchema
	changesSchema
)

// prepareSchema takes the lock for one build and returns what gives it back. A build that changes the schema runs alone.
func prepareSchema(use schemaUse) (release func()) {
	if use != noSchema {
		loadBuiltin()
	}
	if use != changesSchema {
		schema.RLock()
		return schema.RUnlock
	}
	schema.Lock()
	openapi.ResetOpenAPI()
	return func() {
		openapi.ResetOpenAPI()
		openapi.Schema()
		schema.Unlock()
	}
}
