package render

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/weighlock/weighlock/engine/internal/kustomize"
	"github.com/weighlock/weighlock/engine/project"
)

// surroundings are the tree in which a plain kustomization lies, as far as what it names leads there: bases beside it, most of all.
// They are rendered as its own files are, each when it is first read, so that what nobody names need not be right.
type surroundings struct {
	deployment *project.Deployment
	item       project.Item
	left       *atomic.Int64 // bytes that all files may still have

	mu    sync.Mutex
	files map[string]readFile // by slash path below the source root
}

type readFile struct {
	data []byte
	err  error
}

// fileSystem is what kustomize sees: the item's files, over the tree.
func (s *surroundings) fileSystem(ctx context.Context, w *work) (kustomize.FS, error) {
	fsys := kustomize.NewFS()
	if err := write(fsys, w); err != nil {
		return nil, err
	}
	source := s.item.Source
	files, ok := source.FS().(fs.ReadLinkFS)
	if !ok {
		return nil, fmt.Errorf("%s: its links cannot be read", source.Root())
	}
	read := func(name string) ([]byte, error) { return s.file(ctx, name) }
	return kustomize.Over(fsys, kustomize.Tree{FS: baseFS{files, read}}), nil
}

func (s *surroundings) file(ctx context.Context, name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.files[name]
	if !ok {
		f.data, f.err = s.render(ctx, name)
		if s.files == nil {
			s.files = map[string]readFile{}
		}
		s.files[name] = f
	}
	return f.data, f.err
}

func (s *surroundings) render(ctx context.Context, name string) ([]byte, error) {
	source, dir := s.item.Source, path.Dir(name)
	ignored, err := ignoresAbove(source, dir)
	if err == nil {
		err = ignored.enter(dir)
	}
	if err != nil {
		return nil, err
	}
	var data []byte
	chart := s.inChart(dir)
	if chart || ignored.match(name) {
		data, err = source.Read(name)
	} else {
		data, err = source.Templates(s.searchDirs(dir)).File(ctx, name, s.item.Vars)
	}
	if err == nil && !chart {
		data, err = s.deployment.Decrypt(ctx, source, name, data)
	}
	if err == nil {
		err = checkAliases(source.Display(name), name, data)
	}
	if err != nil {
		return nil, err
	}
	if s.left.Add(-int64(len(data))) < 0 {
		return nil, errTooMuch
	}
	return data, nil
}

// searchDirs are where the templates of a directory's files look for includes.
func (s *surroundings) searchDirs(dir string) []string {
	if dir == s.item.Dir || strings.HasPrefix(dir, s.item.Dir+"/") || s.item.Dir == "." {
		return s.item.SearchDirs
	}
	return append([]string{dir}, s.item.SearchDirs...)
}

// inChart says whether a directory is a chart or in one. One that the item itself lies in is none of the project.
func (s *surroundings) inChart(dir string) bool {
	for ; dir != "."; dir = path.Dir(dir) {
		if s.item.Dir == dir || strings.HasPrefix(s.item.Dir, dir+"/") {
			return false
		}
		if isChart(s.item.Source, dir) {
			return true
		}
	}
	return false
}

// problems are what was wrong with files of the tree, in the place of the error of a build that read them.
func (s *surroundings) problems(err error) error {
	if s == nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(s.files)) {
		errs = append(errs, s.files[name].err)
	}
	if errs := errors.Join(errs...); errs != nil {
		return errs
	}
	return err
}

// with returns an item's files and those that were read of the tree, all by their paths from the item's directory.
func (s *surroundings) with(files map[string][]byte) map[string][]byte {
	if s == nil {
		return files
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	files = maps.Clone(files)
	for name, f := range s.files {
		if rel, err := filepath.Rel(filepath.FromSlash(s.item.Dir), filepath.FromSlash(name)); err == nil && f.err == nil {
			files[filepath.ToSlash(rel)] = f.data
		}
	}
	return files
}

// addCharts adds to a plain kustomization's files those that ask for a chart in the directories around it that it takes objects from.
func (w *work) addCharts(ctx context.Context) error {
	fsys, err := w.around.fileSystem(ctx, w)
	if err != nil {
		return err
	}
	var errs []error
	for _, dir := range kustomize.Directories(fsys, w.dir) {
		for _, name := range []string{"helm-chart.yaml", "helm-chart.yml", "helm-values.yaml", "helm-values.yml"} {
			rel, err := filepath.Rel(filepath.FromSlash(w.item.Dir), filepath.FromSlash(path.Join(dir, name)))
			if rel = filepath.ToSlash(rel); err != nil || !strings.HasPrefix(rel, "../") || !fsys.Exists(path.Join(dir, name)) {
				continue
			}
			data, err := fsys.ReadFile(path.Join(dir, name))
			if err != nil {
				errs = append(errs, err)
				continue
			}
			w.files[rel] = data
		}
	}
	return errors.Join(errs...)
}

// missing says why a path is not there for an item's kustomization, where more than that is known.
func (w *work) missing(name string) string {
	source := w.item.Source
	_, err := fs.Stat(source.FS(), name)
	switch {
	case w.around != nil:
		if _, err := source.IsDir(name); err != nil {
			return err.Error()
		}
		return ""
	case err != nil, name == w.dir, strings.HasPrefix(name, w.dir+"/"):
		return ""
	}
	return source.Display(name) + " is no item of the deployment, and kustomizations see the rendered files of items alone: name its directory by an entry {path: …, onlyRender: true}"
}
