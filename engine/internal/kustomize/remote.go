package kustomize

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
)

// A Remote fetches what kustomizations name elsewhere.
type Remote interface {
	// Repository returns the tree of a git repository at a tag, branch or commit; with "", of its default branch.
	Repository(ctx context.Context, url, ref string) (Tree, error)
	// File returns a file of a web server. It is called once for each time that it is named.
	File(ctx context.Context, url string) ([]byte, error)
}

// A Tree is one from elsewhere. A build reads nothing above its root for it.
type Tree struct {
	// FS is read as it is needed. Its links are followed as far as they stay in it.
	FS fs.ReadLinkFS
	// Display is what errors and origins call a path of it.
	Display func(path string) string
}

// mountDir is where trees from elsewhere lie in a build's file system: a name that no project has.
const mountDir = "/.weighlock-remote"

// maxRemotes is how many trees and files from elsewhere one build may need: more is no project but an attack on remotes.
const maxRemotes = 100

// mounted is a file system with trees from elsewhere in it.
type mounted struct {
	FS
	mounts []mount
	web    memory            // files of web servers, below webDir
	urls   []string          // and what they are called
	placed map[string]string // where what an entry of a kustomization names was put
}

type mount struct {
	Tree
	repo repository
}

// webDir is where files of web servers lie, by their number.
const webDir = mountDir + "/web"

// root is the directory of a mount.
func root(i int) string { return path.Join(mountDir, strconv.Itoa(i)) }

// find returns the mount that a path is in, and the path below it.
func (m *mounted) find(name string) (i int, below string, ok bool) {
	rest, ok := strings.CutPrefix(clean(name), mountDir+"/")
	if m == nil || !ok {
		return 0, "", false
	}
	first, below, _ := strings.Cut(rest, "/")
	i, err := strconv.Atoi(first)
	if err != nil || i >= len(m.mounts) || i < 0 {
		return 0, "", false
	}
	return i, path.Join(".", below), true
}

// has says whether a path, with or without a leading slash, is of something from elsewhere.
func (m *mounted) has(name string) bool {
	return m != nil && strings.HasPrefix(clean(name), mountDir+"/")
}

// encloses says whether a path is in the tree that a directory is in. What is in no tree from elsewhere may be anywhere.
func (m *mounted) encloses(dir, name string) bool {
	i, _, inside := m.find(dir)
	if !inside {
		return true
	}
	j, _, ok := m.find(name)
	return ok && i == j
}

// rest is the file system of what is in no tree from elsewhere.
func (m *mounted) rest(name string) FS {
	if strings.HasPrefix(clean(name), webDir+"/") {
		return m.web
	}
	return m.FS
}

func (m *mounted) display(other func(string) string) func(string) string {
	return func(p string) string {
		if i, below, ok := m.find("/" + p); ok {
			return m.mounts[i].Display(below)
		}
		if n, err := strconv.Atoi(path.Base(p)); err == nil && "/"+path.Dir(p) == webDir && n < len(m.urls) {
			return m.urls[n]
		}
		if other == nil {
			return p
		}
		return other(p)
	}
}

func (m *mounted) Exists(name string) bool {
	if i, below, ok := m.find(name); ok {
		_, _, err := m.mounts[i].stat(below)
		return err == nil
	}
	return m.rest(name).Exists(name)
}

func (m *mounted) IsDir(name string) bool {
	if i, below, ok := m.find(name); ok {
		_, info, err := m.mounts[i].stat(below)
		return err == nil && info.IsDir()
	}
	return m.rest(name).IsDir(name)
}

func (m *mounted) ReadFile(name string) ([]byte, error) {
	i, below, ok := m.find(name)
	if !ok {
		return m.rest(name).ReadFile(name)
	}
	at, info, err := m.mounts[i].stat(below)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("is a directory")}
	case !info.Mode().IsRegular():
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("is no regular file")}
	}
	return fs.ReadFile(m.mounts[i].FS, at)
}

func (m *mounted) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	i, below, ok := m.find(name)
	if !ok {
		return m.rest(name).CleanedAbs(name)
	}
	at, info, err := m.mounts[i].stat(below)
	switch {
	case err != nil:
		return "", "", err
	case info.IsDir():
		return filesys.ConfirmedDir(path.Join(root(i), at)), "", nil
	}
	return filesys.ConfirmedDir(path.Join(root(i), path.Dir(at))), path.Base(at), nil
}

// stat follows all links on the way to a path: kustomize, and the search for circles, must see one directory under one name.
func (t Tree) stat(name string) (at string, info fs.FileInfo, err error) {
	const most = 40
	at = "."
	left := strings.Split(name, "/")
	for links := 0; len(left) > 0; {
		part := left[0]
		left = left[1:]
		if part == ".." && at == "." {
			return "", nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("a link leads out of the repository")}
		}
		next := path.Join(at, part)
		if info, err = fs.Lstat(t.FS, next); err != nil {
			return "", nil, err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		target, err := fs.ReadLink(t.FS, next)
		if links++; err == nil && (links > most || path.IsAbs(target)) {
			err = errors.New("a link leads out of the repository, or nowhere")
		}
		if err != nil {
			return "", nil, &fs.PathError{Op: "open", Path: name, Err: err}
		}
		left = slices.Concat(strings.Split(target, "/"), left)
	}
	info, err = fs.Lstat(t.FS, at)
	return at, info, err
}

// localise edits a kustomization so that it names what was fetched by where it lies.
func (m *mounted) localise(file string, k map[string]any) bool {
	changed := false
	for _, field := range []string{"resources", "bases", "components", "generators", "transformers", "validators"} {
		list, _ := k[keyOf(k, field)].([]any)
		for i, entry := range list {
			text, _ := entry.(string)
			if at, ok := m.placed[text]; ok {
				list[i], changed = fromDir(path.Dir(file), at), true
			}
		}
	}
	return changed
}

// fromDir is the path from one directory to a file or directory: kustomize takes no absolute ones.
func fromDir(from, to string) string {
	return strings.Repeat("../", strings.Count(strings.TrimSuffix(from, "/"), "/")) + strings.TrimPrefix(to, "/")
}

// fetcher gets all that the kustomizations below a directory name elsewhere, before they are checked and built.
type fetcher struct {
	reporter
	*mounted
	remote  Remote
	visited map[string]bool
	errs    []error
}

// fetch returns the file system with the trees in it.
func fetch(ctx context.Context, fsys FS, dir string, opts Options) (*mounted, error) {
	m := &mounted{FS: fsys, web: memory{}, placed: map[string]string{}}
	opts.Display = m.display(opts.Display)
	f := fetcher{reporter: reporter{m, opts}, mounted: m, remote: opts.Remote, visited: map[string]bool{}}
	f.visit(ctx, dir)
	return m, errors.Join(f.errs...)
}

func (f *fetcher) visit(ctx context.Context, dir string) {
	if at, _, err := f.CleanedAbs(dir); err == nil {
		dir = string(at)
	}
	file := kustomizationPath(f.mounted, dir)
	if f.visited[dir] || file == "" || ctx.Err() != nil {
		return
	}
	f.visited[dir] = true
	var k types.Kustomization
	if data, err := f.ReadFile(file); err != nil || k.Unmarshal(data) != nil {
		return // what is wrong with it is told when it is checked
	}
	k.FixKustomization()
	for _, list := range []struct {
		field   string
		entries []string
	}{
		{"resources", k.Resources}, {"components", k.Components},
		{"generators", k.Generators}, {"transformers", k.Transformers}, {"validators", k.Validators},
	} {
		for _, entry := range list.entries {
			if !isURL(entry) && !isRepository(entry) {
				if target := resolve(file, entry); f.encloses(dir, target) {
					f.visit(ctx, target)
				}
				continue
			}
			target, err := f.get(ctx, entry)
			if err != nil {
				f.errs = append(f.errs, fmt.Errorf("%s: %s: %s: %w", f.placeEntry(file, list.field, entry), list.field, shownEntry(entry), err))
				continue
			}
			f.visit(ctx, target)
		}
	}
}

// get fetches what an entry names, unless it is there.
func (f *fetcher) get(ctx context.Context, entry string) (string, error) {
	if at, ok := f.placed[entry]; ok {
		return at, nil
	}
	if len(f.placed) >= maxRemotes {
		return "", fmt.Errorf("more than %d repositories and files from elsewhere are named: a build gets no more", maxRemotes)
	}
	if isFileURL(entry) {
		return f.file(ctx, entry)
	}
	repo, err := parseRepository(entry)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(f.mounts, func(m mount) bool { return m.repo.url == repo.url && m.repo.ref == repo.ref })
	if i < 0 {
		tree, err := f.remote.Repository(ctx, repo.url, repo.ref)
		if err != nil {
			return "", err
		}
		i = len(f.mounts)
		f.mounts = append(f.mounts, mount{tree, repo})
	}
	at := path.Join(root(i), repo.dir)
	if !f.IsDir(at) {
		return "", fmt.Errorf("%s is not a directory of the repository", repo.dir)
	}
	f.placed[entry] = at
	return at, nil
}

// file fetches a file of a web server.
func (f *fetcher) file(ctx context.Context, url string) (string, error) {
	data, err := f.remote.File(ctx, url)
	if err != nil {
		return "", err
	}
	at := path.Join(webDir, strconv.Itoa(len(f.urls)))
	f.urls, f.placed[url] = append(f.urls, shownEntry(url)), at
	return at, f.web.WriteFile(at, data)
}

// originKeys are the annotations of buildMetadata that name files.
const (
	originKey          = "config.kubernetes.io/origin"
	transformationsKey = "alpha.config.kubernetes.io/transformations"
)

// tellOrigins writes, in the annotations that buildMetadata asks for, repositories in the place of where they lie in a build
// of dir.
func (m *mounted) tellOrigins(dir string, o map[string]any) {
	meta, _ := o["metadata"].(map[string]any)
	annotations, _ := meta["annotations"].(map[string]any)
	if text, ok := annotations[originKey].(string); ok {
		var origin resource.Origin
		if kyaml.Unmarshal([]byte(text), &origin) == nil {
			m.tell(dir, &origin)
			annotations[originKey], _ = origin.String()
		}
	}
	if text, ok := annotations[transformationsKey].(string); ok {
		var all resource.Transformations
		if kyaml.Unmarshal([]byte(text), &all) == nil {
			for _, origin := range all {
				m.tell(dir, origin)
			}
			annotations[transformationsKey], _ = all.String()
		}
	}
}

func (m *mounted) tell(dir string, origin *resource.Origin) {
	for _, p := range []*string{&origin.Path, &origin.ConfiguredIn} {
		at := path.Join(dir, *p)
		if *p == "" || !m.has(at) {
			continue
		}
		if i, below, ok := m.find(at); ok {
			*p, origin.Repo, origin.Ref = below, m.mounts[i].repo.url, m.mounts[i].repo.ref
		} else {
			*p = m.display(nil)(strings.TrimPrefix(at, "/"))
		}
	}
}
