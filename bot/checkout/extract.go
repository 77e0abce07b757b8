package checkout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
)

// Dir is a tree written to disk, in a temporary directory of its own that nobody else can enter.
type Dir struct{ path string }

// Path is the absolute path of the directory.
func (d *Dir) Path() string { return d.path }

// Close removes the directory.
func (d *Dir) Close() error {
	if err := os.RemoveAll(d.path); err != nil {
		return fmt.Errorf("removing an extracted tree: %w", err)
	}
	return nil
}

// Extract writes the files of a tree, exactly as they are stored, to a fresh directory: executable files executable,
// submodules as empty directories. The caller closes it. A tree with a path or link that is not safe to have on disk, or
// beyond the limits, is not written at all, and the error names the path.
func (r *Repo) Extract(ctx context.Context, t Tree) (*Dir, error) {
	if err := checkID(t.ID); err != nil {
		return nil, err
	}
	name, err := os.MkdirTemp(r.opts.TempDir, "weighlock-tree-")
	if err != nil {
		return nil, fmt.Errorf("making a directory for the tree of %s: %w", short(t.Head), err)
	}
	dir := &Dir{path: name}
	if err := r.extract(ctx, t, dir); err != nil {
		return nil, errors.Join(fmt.Errorf("writing the files of %s: %w", t.describe(), r.mirror.suspect(ctx, err)), dir.Close())
	}
	return dir, nil
}

func (t Tree) describe() string {
	switch {
	case t.Head == "":
		return "tree " + short(t.ID)
	case t.Base == "":
		return "commit " + short(t.Head)
	}
	return fmt.Sprintf("%s merged onto %s", short(t.Head), short(t.Base))
}

func (r *Repo) extract(ctx context.Context, t Tree, dir *Dir) error {
	all, err := r.entries(ctx, t.ID)
	if err != nil {
		return err
	}
	// Only what has content is read; a submodule's commit is not even in this repository.
	var stored []entry
	for _, e := range all {
		if e.mode != modeTree && e.mode != modeSubmodule {
			stored = append(stored, e)
		}
	}
	root, err := os.OpenRoot(dir.path)
	if err != nil {
		return err
	}
	defer root.Close()
	links := make(map[string]string)
	err = r.contents(ctx, stored, func(e entry, size int64, from io.Reader) error {
		if e.mode != modeLink {
			return writeFile(root, e, from)
		}
		if size >= pathMax {
			return fmt.Errorf("%s: a link of %d bytes", e.path, size)
		}
		target, err := io.ReadAll(from)
		links[e.path] = string(target)
		return err
	})
	if err != nil {
		return err
	}
	for _, e := range all {
		if e.mode == modeSubmodule {
			if err := root.MkdirAll(e.path, 0o755); err != nil {
				return err
			}
		}
	}
	return writeLinks(root, links)
}

func writeFile(root *os.Root, e entry, from io.Reader) error {
	if err := root.MkdirAll(path.Dir(e.path), 0o755); err != nil {
		return err
	}
	var mode os.FileMode = 0o644
	if e.mode == modeExecutable {
		mode = 0o755
	}
	f, err := root.OpenFile(e.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	return errors.Join(err, f.Close())
}

// writeLinks comes after all files, so that no file is ever written through a link.
func writeLinks(root *os.Root, links map[string]string) error {
	names := slices.Sorted(maps.Keys(links))
	for _, name := range names {
		if err := checkLink(links, name); err != nil {
			return err
		}
	}
	for _, name := range names {
		if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return err
		}
		if err := root.Symlink(links[name], name); err != nil {
			return err
		}
	}
	return nil
}

// maxHops is after how many links Linux gives up.
const maxHops = 40

// checkLink follows a link as the system would, through other links too: the text of a target that looks harmless can
// lead out by way of another link. A link to nothing is allowed; what does not exist counts as a directory on the way.
func checkLink(links map[string]string, name string) error {
	at := strings.Split(path.Dir(name), "/")
	if at[0] == "." {
		at = nil
	}
	rest := []string{path.Base(name)}
	for hops := 0; len(rest) > 0; {
		step := rest[0]
		rest = rest[1:]
		switch step {
		case "", ".":
			continue
		case "..":
			if len(at) == 0 {
				return fmt.Errorf("%q is a symbolic link that leads out of the repository", name)
			}
			at = at[:len(at)-1]
			continue
		}
		target, isLink := links[strings.Join(append(at[:len(at):len(at)], step), "/")]
		if !isLink {
			at = append(at[:len(at):len(at)], step)
			continue
		}
		if strings.HasPrefix(target, "/") {
			return fmt.Errorf("%q is a symbolic link that leads out of the repository", name)
		}
		if hops++; hops > maxHops {
			return nil // a loop: the system does not follow it either
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return nil
}
