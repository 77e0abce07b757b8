package kustomize

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// Over is a file system that [NewFS] made over a tree, which is read where the memory has nothing: of the tree, a build reads
// what its kustomizations name, and nothing else. Links are followed as far as they stay in the tree. Git's own files, which
// may hold credentials, are not there.
//
// Lists of directories, and what is written, are those of the memory alone: builds ask for neither in the tree.
func Over(fsys FS, tree Tree) FS { return over{fsys.(memory), tree} }

type over struct {
	memory
	tree Tree
}

// find is what a path leads to, and where that lies: in the memory, if that has something there.
func (o over) find(name string) (at string, info fs.FileInfo, err error) {
	at = clean(name)
	if e, ok := o.memory[at]; ok || at == "" {
		return at, e, found(ok, name)
	}
	at, info, err = o.tree.stat(at[1:])
	if err != nil {
		return "", nil, err
	}
	if slices.ContainsFunc(strings.Split(at, "/"), func(part string) bool { return strings.EqualFold(part, ".git") }) {
		return "", nil, notExist("open", name)
	}
	at = clean(at)
	if e, ok := o.memory[at]; ok {
		info = e
	}
	return at, info, nil
}

func found(ok bool, name string) error {
	if ok {
		return nil
	}
	return notExist("open", name)
}

func (o over) Exists(name string) bool {
	_, _, err := o.find(name)
	return err == nil
}

func (o over) IsDir(name string) bool {
	_, info, err := o.find(name)
	return err == nil && info.IsDir()
}

func (o over) ReadFile(name string) ([]byte, error) {
	at, info, err := o.find(name)
	switch {
	case err != nil:
		return nil, err
	case o.memory.Exists(at):
		return o.memory.ReadFile(at)
	case info.IsDir():
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("is a directory")}
	case !info.Mode().IsRegular():
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("is no regular file")}
	}
	return fs.ReadFile(o.tree.FS, at[1:])
}

func (o over) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	at, info, err := o.find(name)
	switch {
	case err != nil:
		return "", "", err
	case info.IsDir():
		return filesys.ConfirmedDir(at), "", nil
	}
	return filesys.ConfirmedDir(path.Dir(at)), path.Base(at), nil
}

// Directories are those that a build of the kustomization in dir takes objects from, dir among them, as paths from the root of the
// file system without a leading slash. What cannot be read has none: building it says why.
func Directories(fsys FS, dir string) []string {
	var out []string
	var visit func(dir string)
	visit = func(dir string) {
		if at, _, err := fsys.CleanedAbs(dir); err == nil {
			dir = string(at)
		}
		if slices.Contains(out, dir) {
			return
		}
		out = append(out, dir)
		file := kustomizationPath(fsys, dir)
		var k types.Kustomization
		if data, err := fsys.ReadFile(file); err != nil || k.Unmarshal(data) != nil {
			return
		}
		k.FixKustomization()
		for _, entry := range slices.Concat(k.Resources, k.Components) {
			if isURL(entry) || isRepository(entry) || leaves(dir, entry) {
				continue
			}
			if target := resolve(file, entry); fsys.IsDir(target) {
				visit(target)
			} else if in := path.Dir(target); !slices.Contains(out, in) && kustomizationPath(fsys, in) == "" {
				out = append(out, in)
			}
		}
	}
	visit(path.Join("/", dir))
	for i, dir := range out {
		out[i] = path.Join(".", strings.TrimPrefix(dir, "/"))
	}
	return out
}

// leaves says whether an entry of the kustomization in dir leads above the root of the file system.
func leaves(dir, entry string) bool {
	if path.IsAbs(entry) || strings.Contains(entry, "\n") { // a patch may stand there itself
		return false
	}
	to := path.Join(strings.TrimPrefix(dir, "/"), entry)
	return to == ".." || strings.HasPrefix(to, "../")
}
