package chart

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/weighlock/weighlock/engine/internal/helm"
)

// maxLinks is how many links to directories may be in each other: Helm follows them, and they can form a circle.
const maxLinks = 8

// readDir reads a chart's files. A link to a directory is followed, as Helm does; read keeps links within the tree.
func readDir(tree fs.FS, dir string, read func(name string) ([]byte, error)) ([]helm.File, error) {
	var files []helm.File
	var walk func(at, as string, links int) error
	walk = func(at, as string, links int) error {
		return fs.WalkDir(tree, at, func(name string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			below := path.Join(as, strings.TrimPrefix(strings.TrimPrefix(name, at), "/"))
			if at == "." {
				below = path.Join(as, name)
			}
			if e.Type()&fs.ModeSymlink != 0 {
				info, err := fs.Stat(tree, name)
				if err == nil && info.IsDir() {
					if links == maxLinks {
						return fmt.Errorf("%s: more than %d links to directories in each other", name, maxLinks)
					}
					entries, err := fs.ReadDir(tree, name)
					for _, e := range entries {
						if err := walk(path.Join(name, e.Name()), path.Join(below, e.Name()), links+1); err != nil {
							return err
						}
					}
					return err
				}
			}
			data, err := read(name)
			if err == nil {
				files = append(files, helm.File{Name: below, Data: data})
			}
			return err
		})
	}
	return files, walk(dir, "", 0)
}

// treeFiles reads the files of a chart that lies in a directory on disk; nothing above the tree is read.
func treeFiles(tree, subDir string) ([]helm.File, error) {
	root, err := os.OpenRoot(tree)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	dir := strings.TrimPrefix(path.Join("/", subDir), "/")
	if dir == "" {
		dir = "."
	}
	if _, err := root.Stat(filepath.FromSlash(path.Join(dir, "Chart.yaml"))); err != nil {
		return nil, fmt.Errorf("%s is not the directory of a chart: it %w", dir, errNoChart)
	}
	return readDir(root.FS(), dir, func(name string) ([]byte, error) { return root.ReadFile(filepath.FromSlash(name)) })
}
