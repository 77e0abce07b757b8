package render

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/engine/object"
)

// indexName is the file in a directory of manifests that lists what was written there, so that the next run can remove
// what is no more, and nothing else.
const indexName = ".weighlock-manifests"

// WriteDirectory writes the objects to a directory, a file an object, below the directories of their items. Equal
// manifests make equal files. Files that an earlier run wrote and that are no more are removed; others are left alone,
// and one that stands where an object belongs is an error.
func WriteDirectory(dir string, m *Manifests) error {
	files, err := encodeFiles(m)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	out := directory{root: root, dir: dir, target: fmt.Sprintf("# target: %q", m.Target.Name)}
	if out.earlier, err = out.readIndex(); err != nil {
		return err
	}
	var errs []error
	for _, f := range files {
		errs = append(errs, out.occupied(f.name))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return out.replace(files)
}

// manifestFile is one object's file.
type manifestFile struct {
	name string // slash path below the directory
	data []byte
	mode fs.FileMode
}

func encodeFiles(m *Manifests) ([]manifestFile, error) {
	var files []manifestFile
	taken := map[string]bool{} // by kinds that differ by nothing but case
	for _, s := range m.Stages {
		for _, i := range s.Items {
			for _, o := range i.Objects {
				data, err := o.Object.YAML()
				if err != nil {
					return nil, fmt.Errorf("%s: %w", o.Object.Ref(), err)
				}
				name := fileName(o.Object.Ref())
				if taken[name] {
					name = withDigest(name, o.Object.Ref())
				}
				taken[name] = true
				f := manifestFile{name: path.Join(i.Dir, name+".yaml"), data: data, mode: 0o644}
				if o.Object.Ref().IsSecret() {
					f.mode = 0o600
				}
				files = append(files, f)
			}
		}
	}
	slices.SortFunc(files, func(a, b manifestFile) int { return strings.Compare(a.name, b.name) })
	return files, nil
}

// maxFileName leaves room for what editors and backups append to the 255 bytes that file systems allow.
const maxFileName = 200

// fileName is deployment.apps_NAMESPACE_NAME.yaml: kind and group as kubectl writes them, in lower case. It tells objects
// apart on file systems that ignore case, too: what a name has besides lower case letters, digits, dots and dashes makes
// it end in a digest of the whole.
func fileName(ref object.Ref) string {
	whole := identity(ref)
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '.', r == '-', r == '_':
			return r
		}
		return '-'
	}, strings.ToLower(whole))
	if name != strings.ToLower(ref.Kind)+whole[len(ref.Kind):] || len(name) > maxFileName {
		name = withDigest(name, ref)
	}
	return name
}

func withDigest(name string, ref object.Ref) string {
	digest := sha256.Sum256([]byte(identity(ref)))
	return name[:min(len(name), maxFileName)] + "_" + hex.EncodeToString(digest[:4])
}

func identity(ref object.Ref) string {
	parts := []string{ref.Kind}
	if ref.Group != "" {
		parts[0] += "." + ref.Group
	}
	if ref.Namespace != "" {
		parts = append(parts, ref.Namespace)
	}
	return strings.Join(append(parts, ref.Name), "_")
}

// directory is one to write manifests to.
type directory struct {
	root    *os.Root
	dir     string
	target  string   // as the index names it
	earlier []string // what an earlier run wrote
}

func (d *directory) readIndex() ([]string, error) {
	data, err := d.root.ReadFile(indexName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for line := range strings.Lines(string(data)) {
		name := strings.TrimSpace(line)
		if strings.HasPrefix(name, "# target:") && name != d.target {
			return nil, fmt.Errorf("%s holds the manifests of another target (%s): remove them, or choose another directory", d.dir, strings.TrimPrefix(name, "# "))
		}
		if name != "" && !strings.HasPrefix(name, "#") {
			names = append(names, name)
		}
	}
	return names, nil
}

func (d *directory) writeIndex(names []string) error {
	slices.Sort(names)
	text := "# Written by weighlock: what this lists is replaced or removed by the next run.\n" + d.target + "\n"
	for _, name := range slices.Compact(names) {
		text += name + "\n"
	}
	return d.write(manifestFile{name: indexName, data: []byte(text), mode: 0o644})
}

// occupied finds a file of someone else's where an object belongs.
func (d *directory) occupied(name string) error {
	if slices.Contains(d.earlier, name) {
		return nil
	}
	if _, err := d.root.Lstat(filepath.FromSlash(name)); !errors.Is(err, fs.ErrNotExist) {
		if err != nil {
			return err
		}
		return fmt.Errorf("%s is there already and was not written by an earlier run: remove it, or choose another directory", filepath.Join(d.dir, name))
	}
	return nil
}

// replace writes the files and removes those of earlier runs. What is listed is more than what is there until the end, so
// that a run that is cut off leaves nothing that the next one does not know.
func (d *directory) replace(files []manifestFile) error {
	var names []string
	for _, f := range files {
		names = append(names, f.name)
	}
	if err := d.writeIndex(slices.Concat(names, d.earlier)); err != nil {
		return err
	}
	for _, f := range files {
		if err := d.write(f); err != nil {
			return err
		}
	}
	for _, name := range d.earlier {
		if slices.Contains(names, name) {
			continue
		}
		if err := d.root.Remove(filepath.FromSlash(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if d.root.Remove(filepath.FromSlash(dir)) != nil { // there is something else in it
				break
			}
		}
	}
	return d.writeIndex(names)
}

// write replaces a file by renaming a new one, so that no reader sees half of it.
func (d *directory) write(f manifestFile) error {
	name := filepath.FromSlash(f.name)
	if err := d.root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	half := name + ".part"
	if err := d.root.Remove(half); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := d.root.WriteFile(half, f.data, f.mode); err != nil {
		return err
	}
	return d.root.Rename(half, name)
}
