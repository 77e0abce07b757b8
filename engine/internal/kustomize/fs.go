package kustomize

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// FS is the file system that a build sees; see [NewFS]. Paths have slashes and count from its root, with or without a leading
// slash. Several builds may read one file system at a time as long as nobody writes to it.
type FS = filesys.FileSystem

// NewFS makes an empty file system in memory. Kustomize's own allows only few characters in names, and loses the errors of a walk.
func NewFS() FS { return memory{"/": {mode: fs.ModeDir | 0o755}} }

// CopyFS makes a copy of a file system that [NewFS] made; files share their content.
func CopyFS(fsys FS) FS { return maps.Clone(fsys.(memory)) }

// memory holds files and directories by their clean absolute path.
type memory map[string]entry

// entry is a file or directory, and its own FileInfo.
type entry struct {
	name string
	mode fs.FileMode
	data []byte
}

func (e entry) Name() string       { return e.name }
func (e entry) Size() int64        { return int64(len(e.data)) }
func (e entry) Mode() fs.FileMode  { return e.mode }
func (e entry) ModTime() time.Time { return time.Time{} }
func (e entry) IsDir() bool        { return e.mode.IsDir() }
func (e entry) Sys() any           { return nil }

// clean makes a path absolute. The empty path, which kustomize uses for "none", stays empty, and so is nowhere.
func clean(name string) string {
	if name == "" {
		return ""
	}
	return path.Join("/", name)
}

func notExist(op, name string) error { return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist} }

func (m memory) Exists(name string) bool { _, ok := m[clean(name)]; return ok }

func (m memory) IsDir(name string) bool { return m[clean(name)].IsDir() }

func (m memory) ReadFile(name string) ([]byte, error) {
	e, ok := m[clean(name)]
	switch {
	case !ok:
		return nil, notExist("read", name)
	case e.IsDir():
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("is a directory")}
	}
	return bytes.Clone(e.data), nil
}

func (m memory) WriteFile(name string, data []byte) error {
	p := clean(name)
	if p == "" || m[p].IsDir() {
		return &fs.PathError{Op: "write", Path: name, Err: errors.New("is a directory")}
	}
	if err := m.MkdirAll(path.Dir(p)); err != nil {
		return err
	}
	m[p] = entry{name: path.Base(p), mode: 0o644, data: bytes.Clone(data)}
	return nil
}

func (m memory) Mkdir(name string) error { return m.MkdirAll(name) }

func (m memory) MkdirAll(name string) error {
	for p := clean(name); ; p = path.Dir(p) {
		e, ok := m[p]
		switch {
		case ok && e.IsDir():
			return nil
		case ok:
			return &fs.PathError{Op: "mkdir", Path: name, Err: fmt.Errorf("%s is a file", p)}
		}
		m[p] = entry{name: path.Base(p), mode: fs.ModeDir | 0o755}
	}
}

func (m memory) RemoveAll(name string) error {
	p := clean(name)
	for have := range m {
		if have == p || strings.HasPrefix(have, p+"/") {
			delete(m, have)
		}
	}
	return nil
}

func (m memory) ReadDir(name string) ([]string, error) {
	dir := clean(name)
	if !m.IsDir(name) {
		return nil, notExist("readdir", name)
	}
	var names []string
	for p, e := range m {
		if p != "/" && path.Dir(p) == dir {
			names = append(names, e.name)
		}
	}
	slices.Sort(names)
	return names, nil
}

func (m memory) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	p := clean(name)
	e, ok := m[p]
	switch {
	case !ok:
		return "", "", notExist("find", name)
	case e.IsDir():
		return filesys.ConfirmedDir(p), "", nil
	}
	return filesys.ConfirmedDir(path.Dir(p)), e.name, nil
}

func (m memory) Glob(pattern string) ([]string, error) {
	var found []string
	for p, e := range m {
		ok, err := path.Match(clean(pattern), p)
		if err != nil {
			return nil, err
		}
		if ok && !e.IsDir() {
			found = append(found, p)
		}
	}
	slices.Sort(found)
	return found, nil
}

// Walk visits name and what is below it, by name, directory by directory.
func (m memory) Walk(name string, visit filepath.WalkFunc) error {
	top := clean(name)
	if !m.Exists(name) {
		return notExist("walk", name)
	}
	var paths []string
	for p := range m {
		if p == top || strings.HasPrefix(p, strings.TrimSuffix(top, "/")+"/") {
			paths = append(paths, p)
		}
	}
	slices.SortFunc(paths, comparePaths)
	skip := ""
	for _, p := range paths {
		if skip != "" && strings.HasPrefix(p, skip) {
			continue
		}
		err := visit(p, m[p], nil)
		switch {
		case errors.Is(err, fs.SkipAll):
			return nil
		case errors.Is(err, fs.SkipDir) && m[p].IsDir():
			skip = p + "/"
		case errors.Is(err, fs.SkipDir):
			skip = path.Dir(p) + "/"
		case err != nil:
			return err
		}
	}
	return nil
}

// comparePaths orders paths name by name, so that what is below a directory follows it.
func comparePaths(a, b string) int {
	for a != "" && b != "" {
		var x, y string
		x, a, _ = strings.Cut(a, "/")
		y, b, _ = strings.Cut(b, "/")
		if x != y {
			return cmp.Compare(x, y)
		}
	}
	return cmp.Compare(len(a), len(b))
}

// Kustomize's commands that edit files open them; builds do not.

func (memory) Create(name string) (filesys.File, error) { return nil, unopened("create", name) }
func (memory) Open(name string) (filesys.File, error)   { return nil, unopened("open", name) }

func unopened(op, name string) error {
	return &fs.PathError{Op: op, Path: name, Err: errors.ErrUnsupported}
}
