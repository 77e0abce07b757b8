package render

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/gitignore"

	"github.com/weighlock/weighlock/engine/project"
)

const templateIgnore = ".templateignore"

// ignores are the patterns of the .templateignore files from the source root down to a directory: what they match is
// copied and not rendered (project format §3).
type ignores struct {
	source   *project.Source
	patterns []gitignore.Pattern
}

// ignoresAbove reads the files from the root down to, but without, dir.
func ignoresAbove(source *project.Source, dir string) (*ignores, error) {
	i := &ignores{source: source}
	if dir == "." {
		return i, nil
	}
	at := "."
	for _, part := range strings.Split(dir, "/") {
		if err := i.enter(at); err != nil {
			return nil, err
		}
		at = path.Join(at, part)
	}
	return i, nil
}

// enter adds the patterns of a directory. Patterns count only below it, so those of its neighbours do no harm.
func (i *ignores) enter(dir string) error {
	name := path.Join(dir, templateIgnore)
	data, err := i.source.Read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, "\r\n")
		if line != "" && !strings.HasPrefix(line, "#") {
			i.patterns = append(i.patterns, gitignore.ParsePattern(line, split(dir)))
		}
	}
	return nil
}

func (i *ignores) match(name string) bool {
	return len(i.patterns) > 0 && gitignore.NewMatcher(i.patterns).Match(split(name), false)
}

func split(name string) []string {
	if name == "." {
		return nil
	}
	return strings.Split(name, "/")
}
