package checkout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Tree is the content of a commit, or of a merge that no commit was made for.
type Tree struct {
	ID   string // of git's tree object
	Base string // the commit that Head was merged onto; empty for the tree of a single commit
	Head string
}

// ConflictError says that git cannot merge Head onto Base by itself. It is for the author of the pull request.
type ConflictError struct {
	Base, Head string
	Files      []string // in conflict, sorted
	Reasons    []string // in git's words: "CONFLICT (modify/delete): a.yaml deleted in …"
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("%s cannot be merged onto %s, %s: merge the base branch into the pull request's branch and solve the conflict",
		short(e.Head), short(e.Base), e.where())
}

func (e *ConflictError) where() string {
	switch n := len(e.Files); {
	case n == 0:
		return strings.Join(e.Reasons, "; ")
	case n > 5:
		return fmt.Sprintf("conflicts in %s and %d more files", strings.Join(e.Files[:5], ", "), n-5)
	}
	return "conflicts in " + strings.Join(e.Files, ", ")
}

// Merge returns the tree that merging head onto base gives, and a [*ConflictError] when it cannot be done without a
// person. Both are full commit ids; what is missing of them is fetched.
//
// If the clone has a merge of exactly these two commits checked out, as actions/checkout makes it from a pull request's
// merge ref, that merge is the answer and nothing is fetched.
func (r *Repo) Merge(ctx context.Context, base, head string) (Tree, error) {
	if err := checkID(base, head); err != nil {
		return Tree{}, err
	}
	if merged, ok := r.known.merge(base, head); ok {
		return merged, nil
	}
	merged := Tree{Base: base, Head: head}
	if r.head != "" {
		c, err := r.commit(ctx, r.head)
		if err != nil {
			return Tree{}, err
		}
		if slices.Equal(c.Parents, []string{base, head}) {
			merged.ID = c.Tree
			return merged, nil
		}
	}
	if err := r.Fetch(ctx, base, head); err != nil {
		return Tree{}, err
	}
	// Merging a tree that describes more files than there can be would keep git busy until the machine gives up.
	c, err := r.commit(ctx, head)
	if err == nil {
		_, err = r.entries(ctx, c.Tree)
	}
	if err != nil {
		return Tree{}, fmt.Errorf("merging %s onto %s: %w", short(head), short(base), r.mirror.suspect(ctx, err))
	}
	out, err := r.git.run(ctx, command{args: []string{"merge-tree", "--write-tree", "-z", "--name-only", base, head}, online: true})
	var failed *failure
	switch {
	case err == nil:
		merged.ID = strings.TrimRight(string(out), "\x00\n")
		if err := checkID(merged.ID); err != nil {
			return Tree{}, err
		}
		r.known.keepMerge(merged)
		return merged, nil
	case !errors.As(err, &failed) || failed.exit != 1:
		return Tree{}, fmt.Errorf("merging %s onto %s: %w", short(head), short(base), r.mirror.suspect(ctx, err))
	}
	conflict, err := parseConflict(string(failed.stdout))
	if err != nil {
		return Tree{}, fmt.Errorf("merging %s onto %s: %w", short(head), short(base), err)
	}
	conflict.Base, conflict.Head = base, head
	return Tree{}, conflict
}

// parseConflict reads the output of merge-tree -z --name-only: the tree, the files in conflict, an empty field, and then
// messages, each a count, so many paths, the kind and the text. See git-merge-tree(1), "Output".
func parseConflict(out string) (*ConflictError, error) {
	fields := strings.Split(strings.TrimSuffix(out, "\x00"), "\x00")
	end := slices.Index(fields, "")
	if end < 1 {
		return nil, fmt.Errorf("git merge-tree: output not understood: %q", out)
	}
	files := slices.Clone(fields[1:end])
	slices.Sort(files)
	conflict := &ConflictError{Files: slices.Compact(files)}
	for rest := fields[end+1:]; len(rest) > 0; {
		n, err := strconv.Atoi(rest[0])
		if err != nil || n < 0 || len(rest) < n+3 {
			return nil, fmt.Errorf("git merge-tree: messages not understood: %q", out)
		}
		if kind := rest[n+1]; strings.HasPrefix(kind, "CONFLICT") {
			conflict.Reasons = append(conflict.Reasons, strings.TrimSpace(rest[n+2]))
		}
		rest = rest[n+3:]
	}
	return conflict, nil
}

// Tree returns the content of one commit, which must have been fetched.
func (r *Repo) Tree(ctx context.Context, commit string) (Tree, error) {
	c, err := r.commit(ctx, commit)
	if err != nil {
		return Tree{}, r.mirror.suspect(ctx, err)
	}
	return Tree{ID: c.Tree, Head: commit}, nil
}

// Commit is what a commit says of itself.
type Commit struct {
	ID      string
	Tree    string
	Parents []string  // also those that a shallow clone leaves out
	Time    time.Time // when it was committed
}

// Head is the commit that the clone had checked out when it was opened. Its two parents are base and head of a pull
// request where the pull request's merge ref is checked out.
func (r *Repo) Head(ctx context.Context) (Commit, error) {
	if r.head == "" {
		return Commit{}, fmt.Errorf("the clone in %s has no commit checked out", r.root)
	}
	return r.commit(ctx, r.head)
}

// Parents are those of a commit, which must have been fetched.
func (r *Repo) Parents(ctx context.Context, commit string) ([]string, error) {
	c, err := r.commit(ctx, commit)
	return c.Parents, err
}

// CommitTime is when a commit, which must have been fetched, was committed.
func (r *Repo) CommitTime(ctx context.Context, commit string) (time.Time, error) {
	c, err := r.commit(ctx, commit)
	return c.Time, err
}

// maxCommit is how many bytes a commit may have, its message included.
const maxCommit = 16 << 20

// commit reads a commit as it is stored: in git's other views of it a shallow clone's commits have no parents.
func (r *Repo) commit(ctx context.Context, id string) (Commit, error) {
	if err := checkID(id); err != nil {
		return Commit{}, err
	}
	if c, ok := r.known.commit(id); ok {
		return c, nil
	}
	var c Commit
	err := r.ask(ctx, whatIsIn, []string{id}, func(_ int, a answer) error {
		switch {
		case a.kind == "":
			return errors.New("it is not in the clone: fetch it first")
		case a.kind != "commit":
			return fmt.Errorf("it is a %s", a.kind)
		case a.size > maxCommit:
			return fmt.Errorf("it is described by %d bytes", a.size)
		}
		raw, err := io.ReadAll(a.content)
		if err == nil {
			c, err = parseCommit(string(raw))
		}
		return err
	})
	if err != nil {
		return Commit{}, fmt.Errorf("reading commit %s: %w", short(id), err)
	}
	c.ID = id
	r.known.keepCommit(c)
	return c, nil
}

func parseCommit(raw string) (Commit, error) {
	var c Commit
	header, _, _ := strings.Cut(raw, "\n\n")
	for line := range strings.SplitSeq(header, "\n") {
		key, value, _ := strings.Cut(line, " ")
		switch key {
		case "tree":
			c.Tree = value
		case "parent":
			c.Parents = append(c.Parents, value)
		case "committer":
			fields := strings.Fields(value[strings.LastIndex(value, ">")+1:])
			if len(fields) != 2 {
				return Commit{}, fmt.Errorf("no time in %q", line)
			}
			seconds, err := strconv.ParseInt(fields[0], 10, 64)
			if err != nil {
				return Commit{}, fmt.Errorf("no time in %q", line)
			}
			c.Time = time.Unix(seconds, 0).UTC()
		}
	}
	return c, checkID(append(c.Parents, c.Tree)...)
}
