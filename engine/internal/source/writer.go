package source

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
)

// writer puts the entries of a stranger's tree into a directory. Links are written last, when all of them are known, so
// that nothing is ever written through one.
type writer struct {
	root  *os.Root
	limit Limits
	files int
	bytes int64
	links map[string]string // targets by path
	ways  map[string]string // the same by the path in lower case: the way a file system that ignores case would go
	seen  map[string]string // by the path in lower case, what is there: d, f or l, a colon and the path
}

func newWriter(dir string, limit Limits) (*writer, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &writer{root: root, limit: limit, links: make(map[string]string), ways: make(map[string]string), seen: make(map[string]string)}, nil
}

// enter checks a path and what is above it, and counts it. Nothing but a directory may be there twice.
func (w *writer) enter(name string, kind byte) error {
	if err := checkPath(name); err != nil {
		return err
	}
	if above := path.Dir(name); above != "." && w.seen[strings.ToLower(above)] != "d:"+above {
		if err := w.enter(above, 'd'); err != nil {
			return err
		}
	}
	folded := strings.ToLower(name)
	this := string(kind) + ":" + name
	if before, ok := w.seen[folded]; ok {
		if before == this && kind == 'd' {
			return nil
		}
		if before[2:] == name {
			return fmt.Errorf("%q is in the tree twice", name)
		}
		// Where case does not matter, what belongs below the one would be written through the other.
		if kind == 'l' || before[0] == 'l' {
			return fmt.Errorf("%q and %q differ only in case, and one is a link", before[2:], name)
		}
	}
	w.seen[folded] = this
	if w.files++; w.files > w.limit.Files {
		return fmt.Errorf("more than the %d files and directories allowed", w.limit.Files)
	}
	return nil
}

// spend counts content.
func (w *writer) spend(name string, n int64) error {
	if w.bytes += n; w.bytes > w.limit.Bytes {
		return fmt.Errorf("%s: the files up to this one have more than the %d bytes allowed", name, w.limit.Bytes)
	}
	return nil
}

func (w *writer) dir(name string) error {
	if err := w.enter(name, 'd'); err != nil {
		return err
	}
	return w.root.MkdirAll(name, 0o755)
}

func (w *writer) link(name, target string) error {
	if err := w.enter(name, 'l'); err != nil {
		return err
	}
	if target == "" || len(target) >= pathMax || strings.ContainsRune(target, 0) {
		return fmt.Errorf("%q is a link to nowhere", name)
	}
	w.links[name], w.ways[strings.ToLower(name)] = target, target
	return nil
}

// file writes size bytes.
func (w *writer) file(name string, executable bool, size int64, from io.Reader) error {
	if err := errors.Join(w.enter(name, 'f'), w.spend(name, size)); err != nil {
		return err
	}
	if err := w.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	// The tree is others' too: a mistake should not change it.
	var mode os.FileMode = 0o444
	if executable {
		mode = 0o555
	}
	f, err := w.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	if _, err = io.CopyN(f, from, size); errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return errors.Join(err, f.Close())
}

const pathMax = 4096

// checkPath refuses what git would not check out either, on any system.
func checkPath(p string) error {
	if len(p) >= pathMax {
		return fmt.Errorf("%q… is longer than a path may be", p[:80])
	}
	if strings.ContainsRune(p, 0) {
		return fmt.Errorf("%q contains a zero byte", p)
	}
	for name := range strings.SplitSeq(p, "/") {
		if name == "" || name == "." || name == ".." || isDotGit(name) {
			return fmt.Errorf("%q contains a name that no tree may have", p)
		}
	}
	return nil
}

// isDotGit recognises the names under which some file system would find ".git": in any case, by its short name, with
// dots, spaces or a stream's name after it (Windows), with characters that do not show in it (macOS).
func isDotGit(name string) bool {
	name, _, _ = strings.Cut(name, ":")
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 0x200c && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x206a && r <= 0x206f, r == 0xfeff:
			return -1
		}
		return r
	}, name)
	name = strings.ToLower(strings.TrimRight(name, " ."))
	return name == ".git" || name == "git~1"
}

// writeLinks writes the links, after checking all of them. It comes last.
func (w *writer) writeLinks() error {
	names := slices.Sorted(maps.Keys(w.links))
	for _, name := range names {
		if err := w.checkLink(name); err != nil {
			return err
		}
	}
	for _, name := range names {
		if err := w.root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return err
		}
		if err := w.root.Symlink(w.links[name], name); err != nil {
			return err
		}
	}
	return nil
}

// maxHops is after how many links Linux gives up.
const maxHops = 40

// checkLink follows a link as the system would, through other links too: the text of a target that looks harmless can
// lead out by way of another link. A link to nothing is allowed; what does not exist counts as a directory on the way.
func (w *writer) checkLink(name string) error {
	var at []string
	if dir := path.Dir(name); dir != "." {
		at = strings.Split(dir, "/")
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
				return fmt.Errorf("%q is a symbolic link that leads out of the tree", name)
			}
			at = at[:len(at)-1]
			continue
		}
		next := append(slices.Clone(at), step)
		target, isLink := w.ways[strings.ToLower(strings.Join(next, "/"))]
		if !isLink {
			at = next
			continue
		}
		if strings.HasPrefix(target, "/") {
			return fmt.Errorf("%q is a symbolic link that leads out of the tree", name)
		}
		if hops++; hops > maxHops {
			return nil // a loop: the system does not follow it either
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return nil
}
