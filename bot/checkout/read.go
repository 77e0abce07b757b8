package checkout

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
)

// File reads one file of a commit, which must have been fetched. A file that the commit does not have is
// [fs.ErrNotExist]; anything else that cannot be read, a directory or a link for example, is another error.
func (r *Repo) File(ctx context.Context, commit, path string) ([]byte, error) {
	content, err := r.file(ctx, commit, path)
	if err != nil {
		return nil, fmt.Errorf("reading %s of commit %s: %w", path, short(commit), r.mirror.suspect(ctx, err))
	}
	return content, nil
}

func (r *Repo) file(ctx context.Context, commit, path string) ([]byte, error) {
	if !fs.ValidPath(path) || path == "." || strings.ContainsRune(path, 0) {
		return nil, errors.New("not a path within the repository, such as dir/file.yaml")
	}
	c, err := r.commit(ctx, commit)
	if err != nil {
		return nil, err
	}
	found := entry{mode: modeTree, id: c.Tree}
	for name := range strings.SplitSeq(path, "/") {
		if found.mode != modeTree {
			return nil, fs.ErrNotExist
		}
		trees, err := r.trees(ctx, []string{found.id})
		if err != nil {
			return nil, err
		}
		here := trees[found.id]
		i := slices.IndexFunc(here, func(e entry) bool { return e.path == name })
		if i < 0 {
			return nil, fs.ErrNotExist
		}
		found = here[i]
	}
	switch found.mode {
	case modeFile, modeExecutable:
	case modeTree:
		return nil, errors.New("is a directory")
	case modeLink:
		return nil, errors.New("is a symbolic link: put the file itself there")
	default:
		return nil, errors.New("is not a file")
	}
	var content []byte
	err = r.contents(ctx, []entry{found}, func(_ entry, size int64, from io.Reader) error {
		content = make([]byte, size)
		_, err := io.ReadFull(from, content)
		return err
	})
	return content, err
}

// errMissing says that an object is not there although it was fetched.
var errMissing = errors.New("git has no content")

// contents hands the content of entries to each, in their order; what each does not read is skipped. All of them
// together may not exceed the limit.
func (r *Repo) contents(ctx context.Context, entries []entry, each func(e entry, size int64, from io.Reader) error) error {
	ids := make([]string, len(entries))
	for i, e := range entries {
		ids[i] = e.id
	}
	if err := r.fetchContents(ctx, ids); err != nil {
		return err
	}
	left := r.opts.Limits.Bytes
	return r.ask(ctx, whatIsIn, ids, func(i int, a answer) error {
		e := entries[i]
		if a.kind != "blob" {
			return fmt.Errorf("%s: %w: object %s is %s", e.path, errMissing, short(e.id), orMissing(a.kind))
		}
		if left -= a.size; left < 0 {
			return fmt.Errorf("%s: the files up to this one have more than the %d bytes allowed", e.path, r.opts.Limits.Bytes)
		}
		return each(e, a.size, a.content)
	})
}

// ChangedFiles lists, in git's order, the paths that merging head onto base changes in base: what the pull request
// brings, and nothing that base has got since. A renamed file is listed under both names. It fails as [Repo.Merge] does.
func (r *Repo) ChangedFiles(ctx context.Context, base, head string) ([]string, error) {
	merged, err := r.Merge(ctx, base, head)
	if err != nil {
		return nil, err
	}
	if err := r.Fetch(ctx, base); err != nil { // not yet there when the merge was checked out
		return nil, err
	}
	c, err := r.commit(ctx, base)
	if err != nil {
		return nil, err
	}
	paths, err := r.changed(ctx, c.Tree, merged.ID)
	if err != nil {
		return nil, fmt.Errorf("comparing %s with its merge with %s: %w", short(base), short(head), r.mirror.suspect(ctx, err))
	}
	return paths, nil
}

func (r *Repo) changed(ctx context.Context, from, to string) ([]string, error) {
	var paths []string
	args := []string{"diff-tree", "-r", "-t", "-z", "--no-renames", "--no-ext-diff", from, to}
	err := r.git.stream(ctx, command{args: args, online: true}, func(stdout *bufio.Reader) error {
		for n := 1; ; n++ {
			// ":oldmode newmode oldid newid status", then the path
			change, err := stdout.ReadString(0)
			if err == io.EOF && change == "" {
				return nil
			}
			if err != nil {
				return err
			}
			path, err := stdout.ReadString(0)
			if err != nil {
				return err
			}
			modes := strings.Fields(change)
			if len(modes) != 5 {
				return fmt.Errorf("git diff-tree: output not understood: %q", change)
			}
			if n > r.opts.Limits.Files {
				return r.tooManyFiles()
			}
			if modes[0] != ":"+modeTree && modes[1] != modeTree {
				paths = append(paths, strings.TrimSuffix(path, "\x00"))
			}
		}
	})
	return paths, err
}

func (r *Repo) tooManyFiles() error {
	return fmt.Errorf("more than the %d files and directories allowed", r.opts.Limits.Files)
}
