package main

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// projectFiles make a directory a project, the plainer ones last.
var projectFiles = []string{".kluctl.yaml", ".kluctl.yml", "kustomization.yaml", "kustomization.yml", "Chart.yaml"}

// below is a directory as the repository names it, whether it is given from there or from the root of the file system.
func (f *initFlags) below(dir string) string {
	if filepath.IsAbs(dir) {
		if root, err := filepath.Abs(f.dir); err == nil {
			if rel, err := filepath.Rel(root, dir); err == nil {
				dir = rel
			}
		}
	}
	return path.Clean(filepath.ToSlash(dir))
}

// findProjects are the directories that are projects, and neither parts of one nor what others are made of. What may not be
// read is none.
func findProjects(dir string) ([]string, error) {
	var out []string
	parts := map[string]bool{}
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrPermission) && name != dir {
			return fs.SkipDir
		}
		if err != nil || !e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		if base := e.Name(); rel != "." && (strings.HasPrefix(base, ".") || base == "node_modules" || base == "vendor") {
			return filepath.SkipDir
		}
		for _, file := range projectFiles {
			text, err := os.ReadFile(filepath.Join(name, file))
			if err != nil {
				continue
			}
			if rel = filepath.ToSlash(rel); isPart(text) {
				parts[rel] = true
			}
			for _, of := range madeOf(text) {
				parts[path.Join(rel, of)] = true
			}
			out = append(out, rel)
			return filepath.SkipDir
		}
		return nil
	})
	return slices.DeleteFunc(out, func(dir string) bool { return parts[dir] }), err
}

// isPart says whether a project's file is one of what is for other projects alone: a component, a library of templates.
func isPart(text []byte) bool {
	var file struct{ Kind, Type string }
	// What cannot be read is a project with a mistake, which is told once it is opened.
	return yaml.Unmarshal(text, &file) == nil && (file.Kind == "Component" || file.Type == "library")
}

// madeOf are the directories and files that a kustomization names, as an overlay names its base.
func madeOf(text []byte) []string {
	var file struct{ Resources, Bases, Components []string }
	if yaml.Unmarshal(text, &file) != nil {
		return nil
	}
	return slices.Concat(file.Resources, file.Bases, file.Components)
}
