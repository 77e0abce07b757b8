package project

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"reflect"
	"strings"

	"github.com/weighlock/weighlock/engine/internal/git"
	"github.com/weighlock/weighlock/engine/jinja"
	"github.com/weighlock/weighlock/engine/jinja/projectenv"
	"github.com/weighlock/weighlock/engine/jinja/py"
	"github.com/weighlock/weighlock/engine/yamldoc"
)

// Templates renders text in the project format's environment (project format §5): undefined names are errors, variables
// are visible everywhere, and includes are looked for in the search directories of the project's source.
type Templates struct {
	source *Source
	files  projectenv.SearchFiles
}

// Templates returns the template environment for an item whose includes are looked for in dirs, slash paths below the
// source root. It is safe for concurrent use.
func (s *Source) Templates(dirs []string) *Templates {
	return &Templates{source: s, files: projectenv.SearchFiles{SearchLoader: jinja.SearchLoader{FS: s.FS(), Dirs: dirs}}}
}

// environment is shared by all projects, so that a template that many items include is parsed once.
var environment = projectenv.New(py.Limits{})

// with returns the environment with vars, for what is rendered under ctx.
func (t *Templates) with(ctx context.Context, vars Vars) *projectenv.Env {
	out := projectenv.Outside{Files: t.files, Now: t.source.clock(ctx), Functions: imageFunctions}
	switch {
	case t.source.git:
		out.Git = git.WorkTree{Dir: t.source.Root(), Environ: t.source.environ}
	case t.source.isExport:
		out.Git = noHistory{t.source}
	}
	return environment.With(map[string]any(vars), out)
}

// noHistory answers in the place of git for files that come from a commit, or from an artifact, without what was before.
type noHistory struct{ source *Source }

// LatestCommit implements [projectenv.Git].
func (n noHistory) LatestCommit(_ context.Context, name string) (string, error) {
	return "", fmt.Errorf("load_latest_git_commit: %s: its history is not at hand, only the files of one commit are: tell versions apart by their content, with load_sha256", n.source.Display(name))
}

// Text renders a text. Text without a brace is no template and comes back as it is, its last newline included
// (project format §3).
func (t *Templates) Text(ctx context.Context, name, text string, vars Vars) (string, error) {
	return t.with(ctx, vars).Render(ctx, name, text)
}

// File renders a file of the source. Only documents are read as UTF-16 where they say that they are: what else begins
// with these bytes is no text, or is meant as it is.
func (t *Templates) File(ctx context.Context, name string, vars Vars) ([]byte, error) {
	switch path.Ext(name) {
	case ".yaml", ".yml", ".json":
		f, err := t.render(ctx, name, vars)
		return f.text, err
	}
	data, err := t.source.Read(name)
	if err != nil {
		return nil, err
	}
	f, err := t.renderText(ctx, name, data, vars)
	return f.text, err
}

// Condition evaluates a `when` expression; at names its place for errors. An empty one is true (project format §2.2).
func (t *Templates) Condition(ctx context.Context, at, expression string, vars Vars) (bool, error) {
	ok, err := t.with(ctx, vars).When(ctx, expression)
	if err != nil {
		return false, fmt.Errorf("%s: %w", at, err)
	}
	return ok, nil
}

// values renders all strings of a decoded value, map keys too, that hold a template (project format §5.5). It says
// whether any of them changed.
func (t *Templates) values(ctx context.Context, at string, v any, vars Vars) (any, bool, error) {
	out, err := t.with(ctx, vars).RenderValues(ctx, at, v)
	return out, !reflect.DeepEqual(v, out), err
}

// find returns the file that name means in the search directories. Other than what templates include, it may lead out of them by
// .., as far as the source root.
func (t *Templates) find(name string) (string, error) {
	found, err := t.files.Find(name, "")
	if !errors.Is(err, fs.ErrNotExist) {
		return found, t.source.escapeError(name, err)
	}
	if !path.IsAbs(name) {
		for _, dir := range t.files.Dirs {
			file := path.Join(dir, name)
			if t.source.confined(file) != nil {
				continue
			}
			info, err := fs.Stat(t.source.FS(), file)
			if err == nil && !info.IsDir() {
				return file, nil
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return "", t.source.escapeError(name, err)
			}
		}
	}
	var near []string
	outside := true
	for _, dir := range t.files.Dirs {
		file := path.Join(dir, name)
		if t.source.confined(file) != nil {
			continue
		}
		outside = false
		entries, err := fs.ReadDir(t.source.FS(), path.Dir(file))
		if err != nil {
			continue // there is no such directory either
		}
		for _, e := range entries {
			if !e.IsDir() {
				near = append(near, e.Name())
			}
		}
	}
	if outside {
		return "", t.source.confined(path.Join(t.files.Dirs[0], name))
	}
	hint := ""
	if n := yamldoc.Nearest(path.Base(name), near); n != "" {
		hint = fmt.Sprintf(" (did you mean %s?)", path.Join(path.Dir(name), n))
	}
	return "", fmt.Errorf("%s: not found in %s%s: %w", name, strings.Join(t.files.Dirs, ", "), hint, fs.ErrNotExist)
}
