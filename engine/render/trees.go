package render

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/weighlock/weighlock/engine/internal/kustomize"
	"github.com/weighlock/weighlock/engine/project"
)

// trees hold, by source, the rendered files of all items together: a kustomization may refer to other items' directories.
// Each is made when it is first needed.
type trees struct {
	files   map[*project.Source]func() (kustomize.FS, error)
	outputs map[place]*release // the files that charts were rendered into
	bases   *bases             // what is elsewhere; nil where nothing may be
}

func newTrees(works []*work, elsewhere *bases) trees {
	bySource := map[*project.Source][]*work{}
	for _, w := range works {
		if w.item.Dir != "" {
			bySource[w.item.Source] = append(bySource[w.item.Source], w)
		}
	}
	t := trees{files: map[*project.Source]func() (kustomize.FS, error){}, outputs: map[place]*release{}, bases: elsewhere}
	for _, w := range works {
		for output, rel := range w.releases {
			t.outputs[place{w.item.Source, path.Join(w.dir, output)}] = rel
		}
	}
	for source, of := range bySource {
		t.files[source] = sync.OnceValues(func() (kustomize.FS, error) {
			fsys := kustomize.NewFS()
			for _, w := range of {
				if err := write(fsys, w); err != nil {
					return nil, err
				}
			}
			return fsys, nil
		})
	}
	return t
}

// fileSystem is what kustomize sees when it builds an item: the item's files alone, unless it may refer to others.
func (t trees) fileSystem(ctx context.Context, w *work) (kustomize.FS, error) {
	if w.around != nil {
		return w.around.fileSystem(ctx, w)
	}
	if refersOutside(w) {
		fsys, err := t.files[w.item.Source]()
		if err != nil {
			return nil, err
		}
		return kustomize.CopyFS(fsys), nil
	}
	fsys := kustomize.NewFS()
	return fsys, write(fsys, w)
}

func write(fsys kustomize.FS, w *work) error {
	if err := fsys.MkdirAll(path.Join("/", w.dir)); err != nil { // there may be no file in it
		return fmt.Errorf("%s: %w", w.shown("."), err)
	}
	for name, data := range w.files {
		if err := fsys.WriteFile(path.Join("/", w.dir, name), data); err != nil {
			return fmt.Errorf("%s: %w", w.shown(name), err)
		}
	}
	return nil
}

// origin is the file of the project that an object came from, as shown: for a chart's, the helm-chart.yaml.
func (t trees) origin(w *work, of kustomize.Resource) string {
	if of.Remote {
		return of.Origin
	}
	name := strings.TrimPrefix(of.Origin, "/")
	if rel, ok := t.outputs[place{w.item.Source, name}]; ok {
		return rel.file
	}
	switch rest, ok := strings.CutPrefix(name, w.dir+"/"); {
	case name == "":
		return w.shown(".")
	case ok:
		return w.shown(rest)
	}
	return w.item.Source.Display(name)
}

// refersOutside says whether a kustomization of the item may refer to a directory outside of it.
func refersOutside(w *work) bool {
	for name, data := range w.files {
		if slices.Contains(project.Kustomizations, path.Base(name)) && bytes.Contains(data, []byte("..")) {
			return true
		}
	}
	return false
}
