package project

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/weighlock/weighlock/engine/yamldoc"
)

// A Source is a confined tree of files that a project is read from. Paths are slash-separated and relative to its root.
type Source struct {
	root *os.Root
	git  bool // whether the tree is a git repository's work tree
	// isExport says that it is none although its files are of a commit, or of an artifact.
	isExport bool
	now      func() time.Time // what templates see as the time; nil when they must not
	// environ is what git gets that is asked for commits.
	environ []string
	// label tells trees apart in messages; "" for the project's own, whose paths need no explanation.
	label string
}

// openSource opens the tree at root.
func openSource(root string) (*Source, error) {
	r, err := os.OpenRoot(root)
	if err != nil {
		return nil, fmt.Errorf("opening the project's source root: %w", err)
	}
	_, err = r.Lstat(".git")
	return &Source{root: r, git: err == nil}, nil
}

// Close releases the tree.
func (s *Source) Close() error { return s.root.Close() }

// Root is the tree's directory on disk.
func (s *Source) Root() string { return s.root.Name() }

// Display is how a path of the tree is written in messages.
func (s *Source) Display(name string) string {
	switch {
	case s.label == "":
		return name
	case name == ".":
		return s.label
	}
	return s.label + "//" + name
}

// maxFile is how large a file of a project may be, in bytes. They are held in memory, and come from strangers.
const maxFile = 32 << 20

// Read returns a file's content. A path that leaves the tree is an error that names it.
func (s *Source) Read(name string) ([]byte, error) {
	if err := s.confined(name); err != nil {
		return nil, err
	}
	if err := s.readable(name); err != nil {
		return nil, s.escapeError(name, err)
	}
	data, err := s.root.ReadFile(filepath.FromSlash(name))
	return data, s.escapeError(name, err)
}

// readable says why a file is not read, before anything of it is.
func (s *Source) readable(name string) error {
	info, err := s.root.Stat(filepath.FromSlash(name))
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s: is no regular file", s.Display(name))
	case info.Size() > maxFile:
		return fmt.Errorf("%s: has %d bytes, more than the %d allowed", s.Display(name), info.Size(), maxFile)
	}
	return nil
}

// IsDir says whether name is a directory of the tree.
func (s *Source) IsDir(name string) (bool, error) {
	if err := s.confined(name); err != nil {
		return false, err
	}
	info, err := s.root.Stat(filepath.FromSlash(name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, s.escapeError(name, err)
	}
	return info.IsDir(), nil
}

// What tells an object from a deployment file, which may hold templates and so need not be YAML yet: keys at the start of a line,
// or in braces.
var (
	objectKeys = []*regexp.Regexp{regexp.MustCompile(`(?m)^["']?apiVersion["']?\s*:`), regexp.MustCompile(`(?m)^["']?kind["']?\s*:`)}
	flowKeys   = []*regexp.Regexp{regexp.MustCompile(`[{,\s]["']?apiVersion["']?\s*:`), regexp.MustCompile(`[{,\s]["']?kind["']?\s*:`)}
	flowStart  = regexp.MustCompile(`^\s*\{[^{%#]`)
)

// isObject says whether a file that is named as a deployment file is an object's manifest instead: in folders of manifests
// and beside kustomizations, deployment.yaml most often is one.
func (s *Source) isObject(name string) (bool, error) {
	data, err := s.Read(name)
	if err != nil {
		return false, err
	}
	if data, err = yamldoc.UTF8(data); err != nil {
		return false, fmt.Errorf("%s: %w", s.Display(name), err)
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	keys := objectKeys
	if flowStart.Match(data) && !bytes.Contains(data, []byte("deployments")) {
		keys = flowKeys
	}
	return keys[0].Match(data) && keys[1].Match(data), nil
}

// Kustomizations are the names that a kustomization may have.
var Kustomizations = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// isListed says whether the kustomization beside a file names it, such as a patch that is called deployment.yaml.
func (s *Source) isListed(name string) bool {
	listed := regexp.MustCompile(`(?m)(^|[\s\["',=])(\./)?` + regexp.QuoteMeta(path.Base(name)) + `($|[\s\]"',}])`)
	for _, kustomization := range Kustomizations {
		data, err := s.Read(path.Join(path.Dir(name), kustomization))
		if err == nil {
			return listed.Match(data)
		}
	}
	return false
}

// isChart says whether a directory without a deployment file is a Helm chart.
func (s *Source) isChart(dir string) (bool, error) {
	for _, base := range []string{"kustomization", "Chart"} {
		if name, err := s.find(dir, base); err != nil || name != "" {
			return base == "Chart" && err == nil, err
		}
	}
	return false, nil
}

// noDirectory says what stands where a directory is expected, and which one may have been meant.
func (s *Source) noDirectory(dir string) string {
	if info, err := s.root.Stat(filepath.FromSlash(dir)); err == nil && !info.IsDir() {
		return s.Display(dir) + " is a file, expected a directory"
	}
	msg := s.Display(dir) + " is not a directory of the project"
	entries, err := fs.ReadDir(s.FS(), path.Dir(dir))
	if err != nil {
		return msg // its parent is missing too
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	if near := yamldoc.Nearest(path.Base(dir), names); near != "" {
		msg += fmt.Sprintf("; did you mean %s?", path.Join(path.Dir(dir), near))
	}
	return msg
}

// FS is the tree as a file system, for walking. Its ReadFile has the limits of [Source.Read].
func (s *Source) FS() fs.FS {
	if files, ok := s.root.FS().(rootFS); ok {
		return limited{files, s}
	}
	return nil // all systems that Go supports have these
}

// rootFS is what the file system of an [os.Root] can do.
type rootFS interface {
	fs.ReadDirFS
	fs.ReadFileFS
	fs.ReadLinkFS
	fs.StatFS
}

// limited reads files as [Source.Read] does.
type limited struct {
	rootFS
	source *Source
}

// ReadFile implements [fs.ReadFileFS].
func (l limited) ReadFile(name string) ([]byte, error) {
	if err := l.source.readable(name); err != nil {
		return nil, err
	}
	return l.rootFS.ReadFile(name)
}

// find returns the first of base+".yml" and base+".yaml" that exists in dir (project format §0.1), or "".
func (s *Source) find(dir, base string) (string, error) {
	for _, ext := range []string{".yaml", ".yml"} {
		name := path.Join(dir, base+ext)
		info, err := s.root.Stat(filepath.FromSlash(name))
		switch {
		case err == nil && info.IsDir():
			return "", fmt.Errorf("%s: is a directory, expected a file", s.Display(name))
		case err == nil:
			return name, nil
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return "", s.escapeError(name, err)
		}
	}
	return "", nil
}

func (s *Source) confined(name string) error {
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return fmt.Errorf("%s: leads out of the project's source root; a project reads only below it", s.Display(name))
	}
	return nil
}

// escapeError words the error that os.Root gives for a link that leaves the tree.
func (s *Source) escapeError(name string, err error) error {
	if err != nil && strings.Contains(err.Error(), "escapes from parent") {
		return fmt.Errorf("%s: leads out of the project's source root by a symbolic link; a project reads only below it", s.Display(name))
	}
	// Which system call it was says nothing.
	if failed := new(fs.PathError); errors.As(err, &failed) {
		return fmt.Errorf("%s: %w", s.Display(name), failed.Err)
	}
	if err != nil && s.label != "" {
		return fmt.Errorf("%s: %w", s.label, err)
	}
	return err
}

// gitRoot returns the nearest directory at or above dir that holds .git, or dir itself: the source root of a project
// that stands in a repository's sub-directory is the repository (project format §3.6).
func gitRoot(dir string) string {
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Lstat(filepath.Join(d, ".git")); err == nil {
			return d
		}
		if d == filepath.Dir(d) {
			return dir
		}
	}
}
