package source

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// mirror is a bare repository that holds the commits fetched from one remote, each without its history. It can be thrown
// away at any time. A new one gets a new name, so that git processes which outlived their parent cannot touch it.
type mirror struct {
	dir   string
	fresh bool
}

// maxPacks is after how many fetches a mirror is made anew instead of being repacked: a commit without history is small.
const maxPacks = 64

// damage is an error that a fresh mirror may not have.
type damage struct{ err error }

func (d *damage) Error() string { return d.err.Error() }
func (d *damage) Unwrap() error { return d.err }

// suspect takes git's failure to read its own repository for damage.
func suspect(err error) error {
	var failed *failure
	if errors.As(err, &failed) && failed.exit > 0 {
		return &damage{err}
	}
	return err
}

// openMirror returns the remote's mirror, or a new one where there is none that is fit for use. The caller has the
// remote locked; digits is the length of its object ids.
func (c *Cache) openMirror(ctx context.Context, r *remote, digits int) (mirror, error) {
	format := map[int]string{40: "sha1", 64: "sha256"}[digits]
	found, err := filepath.Glob(filepath.Join(r.dir, "mirror-*"))
	if err != nil {
		return mirror{}, err
	}
	var fit *mirror
	for _, dir := range found {
		m := mirror{dir: dir}
		if fit == nil && m.isFit(format) {
			fit = &m
			continue
		}
		if err := m.discard(); err != nil {
			return mirror{}, err
		}
	}
	if fit != nil {
		return *fit, nil
	}
	dir, err := os.MkdirTemp(r.dir, "mirror-"+format+"-")
	if err != nil {
		return mirror{}, err
	}
	m := mirror{dir: dir, fresh: true}
	if err := m.setBusy(); err != nil {
		return mirror{}, err
	}
	if _, err := c.offline("").run(ctx, "init", "--quiet", "--bare", "--template=", "--object-format="+format, dir); err != nil {
		return mirror{}, fmt.Errorf("making a mirror: %w", err)
	}
	return m, m.setIdle()
}

func (m mirror) isFit(format string) bool {
	if !strings.HasPrefix(filepath.Base(m.dir), "mirror-"+format+"-") {
		return false
	}
	if _, err := os.Lstat(m.busy()); err == nil {
		return false // its process died
	}
	if _, err := os.Stat(filepath.Join(m.dir, "HEAD")); err != nil {
		return false
	}
	packs, err := filepath.Glob(filepath.Join(m.dir, "objects", "pack", "*.pack"))
	return err == nil && len(packs) < maxPacks
}

// busy is the mark of a mirror that git is writing to.
func (m mirror) busy() string { return filepath.Join(m.dir, "weighlock-busy") }

func (m mirror) setBusy() error { return os.WriteFile(m.busy(), nil, 0o600) }
func (m mirror) setIdle() error { return os.Remove(m.busy()) }

func (m mirror) discard() error {
	if err := os.RemoveAll(m.dir); err != nil {
		return fmt.Errorf("removing a damaged mirror: %w", err)
	}
	return nil
}

// unadvertised is what old servers say, and git of servers that know no more than files.
var unadvertised = regexp.MustCompile(`unadvertised object|does not support shallow`)

// fetch gets a commit with its tree.
func (m mirror) fetch(ctx context.Context, online, local git, want Tree) error {
	if err := m.setBusy(); err != nil {
		return err
	}
	err := m.fetchCommit(ctx, online, local, want)
	var failed *failure
	if errors.As(err, &failed) {
		if failed.exit < 0 {
			return err // git was stopped: the mark stays
		}
		if known := noAccess().MatchString(failed.said) || unreachable().MatchString(failed.said) || notOurs().MatchString(failed.said) || notFound().MatchString(failed.said); !known {
			err = &damage{err}
		}
	}
	return errors.Join(err, m.setIdle())
}

func (m mirror) fetchCommit(ctx context.Context, online, local git, want Tree) error {
	const place = "refs/weighlock/"
	err := fetchRefs(ctx, online, 1, "+"+want.Commit+":"+place+"commit/"+want.Commit)
	var failed *failure
	if !errors.As(err, &failed) || !unadvertised.MatchString(failed.said) {
		return err
	}
	// Such a server gives what has a name. First the name that we know, if it is still at this commit.
	if want.Ref != "" && !strings.Contains(failed.said, "shallow") {
		err := fetchRefs(ctx, online, 1, "+"+want.Ref+":"+place+"named/"+want.Commit)
		if err == nil {
			_, err = treeOf(ctx, local, want.Commit)
		}
		if err == nil {
			return nil
		}
	}
	depth := wholeHistory
	if strings.Contains(failed.said, "shallow") {
		depth = 0
	}
	if err := fetchRefs(ctx, online, depth, "+refs/heads/*:"+place+"heads/*", "+refs/tags/*:"+place+"tags/*"); err != nil {
		return err
	}
	if _, err := treeOf(ctx, local, want.Commit); err != nil {
		return errors.New("no branch or tag of the repository has this commit, and its server gives no others: was it removed by a forced push?")
	}
	return nil
}

// wholeHistory is the depth that git understands as "no longer shallow".
const wholeHistory = 1<<31 - 1

func fetchRefs(ctx context.Context, online git, depth int, refspecs ...string) error {
	args := []string{"fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-maintenance"}
	if depth > 0 {
		args = append(args, "--depth="+strconv.Itoa(depth))
	}
	_, err := online.run(ctx, append(append(args, "--end-of-options", "origin"), refspecs...)...)
	return err
}

// The modes that git gives to entries of a tree.
const (
	modeTree       = "040000"
	modeFile       = "100644"
	modeGroupFile  = "100664" // in old repositories
	modeExecutable = "100755"
	modeLink       = "120000"
	modeSubmodule  = "160000"
)

// entry is a path in a tree.
type entry struct{ mode, id, path string }

// writeTree hands all entries of a tree to w: files as they are stored, submodules as empty directories.
func writeTree(ctx context.Context, local git, tree string, w *writer) error {
	var stored []entry
	var ids bytes.Buffer
	err := local.stream(ctx, nil, func(stdout *bufio.Reader) error {
		for n := 0; ; n++ {
			e, err := readEntry(stdout)
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			// A tree can be small and still list for ever.
			if n >= w.limit.Files {
				return fmt.Errorf("more than the %d files and directories allowed", w.limit.Files)
			}
			switch e.mode {
			case modeTree, modeSubmodule:
				err = w.dir(e.path)
			case modeFile, modeGroupFile, modeExecutable, modeLink:
				stored = append(stored, e)
				fmt.Fprintln(&ids, e.id)
			default:
				err = fmt.Errorf("%q has the unknown mode %s", e.path, e.mode)
			}
			if err != nil {
				return err
			}
		}
	}, "ls-tree", "-r", "-t", "-z", "--full-tree", tree)
	if err != nil {
		return suspect(err)
	}
	if len(stored) == 0 {
		return nil
	}
	err = local.stream(ctx, &ids, func(stdout *bufio.Reader) error {
		for _, e := range stored {
			if err := writeEntry(stdout, e, w); err != nil {
				return err
			}
		}
		return nil
	}, "cat-file", "--batch", "--buffer")
	return suspect(err)
}

// readEntry reads what ls-tree -z prints.
func readEntry(from *bufio.Reader) (entry, error) {
	line, err := from.ReadString(0)
	if err != nil {
		if line != "" {
			err = io.ErrUnexpectedEOF
		}
		return entry{}, err
	}
	attributes, path, _ := strings.Cut(strings.TrimSuffix(line, "\x00"), "\t")
	fields := strings.Fields(attributes)
	if len(fields) != 3 {
		return entry{}, fmt.Errorf("git ls-tree: output not understood: %q", line)
	}
	return entry{mode: fields[0], id: fields[2], path: path}, nil
}

// writeEntry reads what cat-file --batch prints for one entry.
func writeEntry(from *bufio.Reader, e entry, w *writer) error {
	header, err := from.ReadString('\n')
	if err != nil {
		return err
	}
	fields := strings.Fields(header)
	if len(fields) != 3 || fields[1] != "blob" {
		return &damage{fmt.Errorf("%s: git has no content of object %s: %s", e.path, e.id, strings.TrimSpace(header))}
	}
	size, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil {
		return fmt.Errorf("%s: size of object %s: %w", e.path, e.id, err)
	}
	if e.mode == modeLink {
		if size >= pathMax {
			return fmt.Errorf("%q is a link of %d bytes", e.path, size)
		}
		target := make([]byte, size)
		if _, err := io.ReadFull(from, target); err != nil {
			return err
		}
		err = w.link(e.path, string(target))
	} else {
		err = w.file(e.path, e.mode == modeExecutable, size, from)
	}
	if err != nil {
		return err
	}
	_, err = from.Discard(1) // the line break after it
	return err
}
