package checkout

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
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

// File reads one file of a commit, which must have been fetched. A file that the commit does not have is
// [fs.ErrNotExist]; anything else that cannot be read, a directory or a link for example, is another error.
func (r *Repo) File(ctx context.Context, commit, path string) ([]byte, error) {
	content, err := r.file(ctx, commit, path)
	if err != nil {
		return nil, fmt.Errorf("reading %s of commit %s: %w", path, short(commit), err)
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
	var found []entry
	err = r.list(ctx, []string{"ls-tree", "-z", "--full-tree", c.Tree, "--", path}, func(e entry) error {
		found = append(found, e)
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, fs.ErrNotExist
	}
	switch found[0].mode {
	case modeFile, modeExecutable:
	case modeTree:
		return nil, errors.New("is a directory")
	case modeLink:
		return nil, errors.New("is a symbolic link: put the file itself there")
	default:
		return nil, errors.New("is not a file")
	}
	var content []byte
	err = r.contents(ctx, found[:1], func(_ entry, size int64, from io.Reader) error {
		content = make([]byte, size)
		_, err := io.ReadFull(from, content)
		return err
	})
	return content, err
}

// list hands the entries that ls-tree -z prints to each, one by one: a tree can be small and still list for ever.
func (r *Repo) list(ctx context.Context, lsTree []string, each func(entry) error) error {
	return r.git.stream(ctx, command{args: lsTree, online: true}, func(stdout *bufio.Reader) error {
		for {
			line, err := stdout.ReadString(0)
			if err == io.EOF && line == "" {
				return nil
			}
			if err != nil {
				return err
			}
			attributes, path, _ := strings.Cut(strings.TrimSuffix(line, "\x00"), "\t")
			fields := strings.Fields(attributes)
			if len(fields) != 3 {
				return fmt.Errorf("git ls-tree: output not understood: %q", line)
			}
			if err := each(entry{mode: fields[0], id: fields[2], path: path}); err != nil {
				return err
			}
		}
	})
}

// contents hands the content of entries to each, in their order; what each does not read is skipped. All of them
// together may not exceed the limit.
func (r *Repo) contents(ctx context.Context, entries []entry, each func(e entry, size int64, from io.Reader) error) error {
	if len(entries) == 0 {
		return nil
	}
	ids := make([]string, len(entries))
	for i, e := range entries {
		ids[i] = e.id
	}
	if err := r.fetchContents(ctx, ids); err != nil {
		return err
	}
	stdin := []byte(strings.Join(ids, "\n") + "\n")
	left := r.opts.Limits.Bytes
	return r.git.stream(ctx, command{args: []string{"cat-file", "--batch", "--buffer"}, stdin: stdin}, func(stdout *bufio.Reader) error {
		for _, e := range entries {
			header, err := stdout.ReadString('\n')
			if err != nil {
				return err
			}
			fields := strings.Fields(header)
			if len(fields) != 3 || fields[1] != "blob" {
				return fmt.Errorf("%s: git has no content of object %s: %s", e.path, short(e.id), strings.TrimSpace(header))
			}
			size, err := strconv.ParseInt(fields[2], 10, 64)
			if err != nil {
				return fmt.Errorf("%s: size of object %s: %w", e.path, short(e.id), err)
			}
			if left -= size; left < 0 {
				return fmt.Errorf("%s: the files up to this one have more than the %d bytes allowed", e.path, r.opts.Limits.Bytes)
			}
			from := &io.LimitedReader{R: stdout, N: size}
			if err := each(e, size, from); err != nil {
				return err
			}
			if _, err := io.CopyN(io.Discard, stdout, from.N+1); err != nil { // and the line break after it
				return err
			}
		}
		return nil
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
		return nil, fmt.Errorf("comparing %s with its merge with %s: %w", short(base), short(head), err)
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
