package checkout

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// entry is a path in a tree.
type entry struct {
	mode, id, path string
}

// The modes that git gives to entries of a tree.
const (
	modeTree       = "040000"
	modeFile       = "100644"
	modeExecutable = "100755"
	modeLink       = "120000"
	modeSubmodule  = "160000"
)

const (
	pathMax = 4096
	// maxTree is how many bytes one directory may be described by: a million files with short names.
	maxTree = 64 << 20
)

// entries lists the tree of that id with everything below it, in git's order. Directories count, because a few objects can
// describe millions of them.
func (r *Repo) entries(ctx context.Context, tree string) ([]entry, error) {
	w := walk{repo: r, seen: map[string]bool{}}
	trees, err := r.trees(ctx, []string{tree})
	if err == nil {
		err = w.into(ctx, "", trees[tree])
	}
	return w.all, err
}

// walk lists what is below a tree.
type walk struct {
	repo *Repo
	all  []entry
	seen map[string]bool
}

func (w *walk) into(ctx context.Context, prefix string, here []entry) error {
	if len(w.all)+len(here) > w.repo.opts.Limits.Files {
		return w.repo.tooManyFiles()
	}
	var below []string
	for _, e := range here {
		if e.mode == modeTree {
			below = append(below, e.id)
		}
	}
	trees, err := w.repo.trees(ctx, below)
	if err != nil {
		return err
	}
	for _, e := range here {
		e.path = prefix + e.path
		if err := w.add(e); err != nil {
			return err
		}
		if e.mode != modeTree {
			continue
		}
		if err := w.into(ctx, e.path+"/", trees[e.id]); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) add(e entry) error {
	if len(w.all) == w.repo.opts.Limits.Files {
		return w.repo.tooManyFiles()
	}
	if err := checkPath(e.path); err != nil {
		return err
	}
	if w.seen[e.path] { // a link and a directory of one name would put files elsewhere than they were checked for
		return fmt.Errorf("%q is in the tree twice", e.path)
	}
	w.seen[e.path] = true
	w.all = append(w.all, e)
	return nil
}

// checkPath refuses paths that git would not check out either.
func checkPath(p string) error {
	if len(p) >= pathMax {
		return fmt.Errorf("%q… is longer than a path may be", p[:80])
	}
	for name := range strings.SplitSeq(p, "/") {
		switch strings.ToLower(name) {
		case "", ".", "..", ".git", "git~1":
			return fmt.Errorf("%q contains a name that no tree may have", p)
		}
	}
	return nil
}

// trees are the entries of trees by the id of the tree, each with its name in it as path. What a clone without trees has left out is
// fetched.
func (r *Repo) trees(ctx context.Context, ids []string) (map[string][]entry, error) {
	read := make(map[string][]entry, len(ids))
	left := r.known.trees(ids, read)
	for attempt := 0; len(left) > 0; attempt++ {
		var missing []string
		err := r.ask(ctx, whatIsIn, left, func(i int, a answer) error {
			id := left[i]
			switch {
			case a.kind == "" && attempt == 0:
				missing = append(missing, id)
				return nil
			case a.kind != "tree":
				return fmt.Errorf("%w: directory %s is %s", errMissing, short(id), orMissing(a.kind))
			case a.size > maxTree:
				return fmt.Errorf("directory %s is described by %d bytes", short(id), a.size)
			}
			raw := make([]byte, a.size)
			if _, err := io.ReadFull(a.content, raw); err != nil {
				return err
			}
			entries, err := parseTree(raw, len(id)/2)
			if err != nil {
				return fmt.Errorf("reading directory %s: %w", short(id), err)
			}
			read[id] = entries
			r.known.keepTree(id, entries)
			return nil
		})
		if err != nil {
			return nil, err
		}
		if err := r.fetchContents(ctx, missing); err != nil {
			return nil, err
		}
		left = missing
	}
	return read, nil
}

func orMissing(kind string) string {
	if kind == "" {
		return "missing"
	}
	return "a " + kind
}

// parseTree reads a tree as git stores it: for each entry the mode in octal digits, a space, the name, a zero byte and the id of
// so many bytes.
func parseTree(raw []byte, idSize int) ([]entry, error) {
	var entries []entry
	for len(raw) > 0 {
		head, rest, ok := bytes.Cut(raw, []byte{0})
		digits, name, named := bytes.Cut(head, []byte{' '})
		if !ok || !named || len(rest) < idSize {
			return nil, errors.New("it is damaged")
		}
		mode, err := parseMode(string(digits))
		if err != nil {
			return nil, fmt.Errorf("%q has the unknown mode %q", name, digits)
		}
		entries = append(entries, entry{mode: mode, id: hex.EncodeToString(rest[:idSize]), path: string(name)})
		raw = rest[idSize:]
	}
	return entries, nil
}

// parseMode tells what an entry is: early versions of git stored the permissions of files, too.
func parseMode(digits string) (string, error) {
	mode, err := strconv.ParseUint(digits, 8, 32)
	if err != nil {
		return "", err
	}
	switch mode >> 12 {
	case 0o04:
		return modeTree, nil
	case 0o10:
		if mode&0o100 != 0 {
			return modeExecutable, nil
		}
		return modeFile, nil
	case 0o12:
		return modeLink, nil
	case 0o16:
		return modeSubmodule, nil
	}
	return "", errors.New("no mode of git's")
}
