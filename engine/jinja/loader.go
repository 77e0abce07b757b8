package jinja

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/engine/jinja/py"
)

// Loader finds templates by name.
type Loader interface {
	// Load returns the template that name means in the template called from,
	// which is empty at the top. A template that does not exist is an error
	// that wraps fs.ErrNotExist; any other error stops the render.
	Load(ctx context.Context, name, from string) (Source, error)
}

// Source is the text of a template, and the name by which the loader knows it.
type Source struct{ Name, Text string }

// MapLoader serves templates from memory.
type MapLoader map[string]string

// Load implements [Loader].
func (m MapLoader) Load(_ context.Context, name, _ string) (Source, error) {
	text, ok := m[name]
	if !ok {
		return Source{}, &fs.PathError{Op: "load", Path: name, Err: fs.ErrNotExist}
	}
	return Source{name, text}, nil
}

// SearchLoader finds templates in the directories of a file system. A name
// that starts with ./ or ../ is relative to the template that it stands in;
// others are looked up in the directories in order. Nothing outside of the
// directories is ever found. To keep symbolic links from leading out, use the
// FS of an [os.Root].
type SearchLoader struct {
	FS   fs.FS
	Dirs []string // slash-separated, below the root of FS; "." is the root
	// Root is the absolute path of FS's root. When it is set, absolute names
	// below the directories are allowed.
	Root string
}

// Load implements [Loader].
func (l SearchLoader) Load(_ context.Context, name, from string) (Source, error) {
	p, err := l.Find(name, from)
	if err != nil {
		return Source{}, err
	}
	text, err := fs.ReadFile(l.FS, p)
	if err != nil {
		return Source{}, err
	}
	return Source{p, string(text)}, nil
}

// Find returns the path of the file that name means in the template from.
func (l SearchLoader) Find(name, from string) (string, error) {
	missing := &fs.PathError{Op: "load", Path: name, Err: fs.ErrNotExist}
	relative := strings.HasPrefix(name, "./") || strings.HasPrefix(name, "../")
	switch {
	case relative && from != "":
		return l.allowed(path.Join(path.Dir(from), name), missing)
	case path.IsAbs(name):
		rest, ok := strings.CutPrefix(path.Clean(name), path.Clean(l.Root)+"/")
		if l.Root == "" || !ok {
			return "", missing
		}
		return l.allowed(rest, missing)
	case slices.Contains(strings.Split(name, "/"), ".."):
		return "", missing
	}
	for _, dir := range l.Dirs {
		p := path.Join(dir, name)
		err := l.exists(p, missing)
		if err == nil || err != missing {
			return p, err
		}
	}
	return "", missing
}

// allowed checks that p lies below one of the directories.
func (l SearchLoader) allowed(p string, missing error) (string, error) {
	for _, dir := range l.Dirs {
		dir = path.Clean(dir)
		if fs.ValidPath(p) && (dir == "." || strings.HasPrefix(p, dir+"/")) {
			return p, l.exists(p, missing)
		}
	}
	return "", missing
}

func (l SearchLoader) exists(p string, missing error) error {
	st, err := fs.Stat(l.FS, p)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) || err == nil && st.IsDir() {
		return missing
	}
	return err
}

// load asks the loader, with Jinja2's error for what does not exist.
func (env *Env) load(ctx context.Context, name, from string) (Source, error) {
	if env.loader == nil {
		return Source{}, py.TypeErrorf("no loader for this environment specified")
	}
	src, err := env.loader.Load(ctx, name, from)
	if errors.Is(err, fs.ErrNotExist) {
		return src, &py.Error{Kind: kindNotFound, Msg: name, Cause: err}
	}
	return src, err
}
