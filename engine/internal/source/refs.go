package source

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// refList is what a remote said of its branches and tags.
type refList struct {
	Asked    time.Time
	Head     string            // the branch that HEAD is on, if it is on one
	HeadID   string            // empty: the repository has no commit
	Refs     map[string]string // refs/heads/… and refs/tags/… with their commits
	recorded bool              // by an earlier run
}

var (
	objectID = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
	partOfID = regexp.MustCompile(`^[0-9a-f]{7,63}$`)
	// refName is narrower than git's own rule only in that it keeps out what a refspec could misunderstand.
	refName = regexp.MustCompile(`^refs/[^\x00-\x20\x7f:?*^~\[\\]+$`)
)

// maxRefs is more than the largest public repositories have, pull requests included.
const maxRefs = 2_000_000

// refs asks a remote for its refs, once in a run.
func (c *Cache) refs(ctx context.Context, r *remote, a address) (refList, error) {
	return r.refs.get(ctx, func() (refList, error) {
		record := filepath.Join(r.dir, "refs.json")
		if c.opts.UpdateInterval > 0 && c.opts.Now != nil {
			list, err := readRefs(record)
			if err != nil {
				return refList{}, err
			}
			if age := c.opts.Now().Sub(list.Asked); age >= 0 && age < c.opts.UpdateInterval {
				return list, nil
			}
		}
		return c.askRefs(ctx, a, record)
	})
}

// readRefs returns a list that is older than any interval if there is none. The file is written atomically: a damaged one
// is somebody else's doing, and worth as little as none.
func readRefs(name string) (refList, error) {
	content, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return refList{}, nil
	}
	if err != nil {
		return refList{}, err
	}
	var list refList
	if json.Unmarshal(content, &list) != nil {
		return refList{}, nil
	}
	list.recorded = true
	return list, nil
}

func (c *Cache) askRefs(ctx context.Context, a address, record string) (refList, error) {
	t, err := c.transport(ctx, a)
	if err != nil {
		return refList{}, err
	}
	list, err := listRefs(ctx, c.online("", t))
	if err != nil {
		return refList{}, c.explain(err)
	}
	if c.opts.UpdateInterval > 0 && c.opts.Now != nil {
		list.Asked = c.opts.Now()
		content, err := json.Marshal(list)
		if err == nil {
			err = writeAtomically(record, content)
		}
		if err != nil {
			return refList{}, fmt.Errorf("keeping the refs: %w", err)
		}
	}
	return list, nil
}

func listRefs(ctx context.Context, g git) (refList, error) {
	list := refList{Refs: make(map[string]string)}
	err := g.stream(ctx, nil, func(stdout *bufio.Reader) error {
		for n := 0; ; n++ {
			line, err := stdout.ReadString('\n')
			if err == io.EOF && line == "" {
				return nil
			}
			if err != nil {
				return err
			}
			if n > maxRefs {
				return fmt.Errorf("the remote has more than %d refs", maxRefs)
			}
			list.add(strings.TrimSuffix(line, "\n"))
		}
	}, "ls-remote", "--symref", "origin")
	return list, err
}

// add takes one line of git ls-remote --symref.
func (l *refList) add(line string) {
	id, name, _ := strings.Cut(line, "\t")
	if target, ok := strings.CutPrefix(id, "ref: "); ok {
		if name == "HEAD" && strings.HasPrefix(target, "refs/heads/") && refName.MatchString(target) {
			l.Head = target
		}
		return
	}
	if !objectID.MatchString(id) {
		return
	}
	tag, isPeeled := strings.CutSuffix(name, "^{}")
	switch {
	case name == "HEAD":
		l.HeadID = id
	case isPeeled && l.Refs[tag] != "": // an annotated tag's commit comes after the tag
		l.Refs[tag] = id
	case refName.MatchString(name) && (strings.HasPrefix(name, "refs/heads/") || strings.HasPrefix(name, "refs/tags/")):
		l.Refs[name] = id
	}
}

// find resolves a branch or tag, or the default branch.
func (l refList) find(ref GitRef) (name, id string, err error) {
	if ref.Name != "" {
		return l.named(ref.Name)
	}
	kind, short, prefix := "branch", ref.Branch, "refs/heads/"
	switch {
	case ref.Tag != "":
		kind, short, prefix = "tag", ref.Tag, "refs/tags/"
	case ref.Branch == "" && l.HeadID == "":
		return "", "", errors.New("the repository is empty, or its default branch does not exist: name a branch, a tag or a commit")
	case ref.Branch == "":
		return cmp.Or(l.Head, "HEAD"), l.HeadID, nil
	}
	if id := l.Refs[prefix+short]; id != "" {
		return prefix + short, id, nil
	}
	var names, others []string
	for name := range l.Refs {
		if same, ok := strings.CutPrefix(name, prefix); ok {
			names = append(names, same)
		} else {
			others = append(others, name[strings.IndexByte(name[5:], '/')+6:])
		}
	}
	err = fmt.Errorf("%s %q not found; %s", kind, short, thereAre(short, names))
	if slices.Contains(others, short) {
		err = fmt.Errorf("%s %q not found, but there is a %s of this name", kind, short, map[string]string{"branch": "tag", "tag": "branch"}[kind])
	}
	if len(names) == 0 && len(others) == 0 {
		err = fmt.Errorf("%s %q not found: the repository is empty", kind, short)
	}
	return "", "", err
}

// named resolves what may be a tag or a branch.
func (l refList) named(short string) (name, id string, err error) {
	for _, name := range []string{short, "refs/tags/" + short, "refs/heads/" + short} {
		if id := l.Refs[name]; id != "" {
			return name, id, nil
		}
	}
	if partOfID.MatchString(short) {
		return "", "", fmt.Errorf("no branch or tag %q found; a commit is named by its full id", short)
	}
	var names []string
	for name := range l.Refs {
		names = append(names, name[strings.IndexByte(name[5:], '/')+6:])
	}
	return "", "", fmt.Errorf("no branch or tag %q found; %s", short, thereAre(short, names))
}

// GitRefs returns the branches and tags of a repository by their full names, refs/heads/… and refs/tags/…, with the
// commits that they are at. A repository that a local override replaces is asked all the same: the directory has no refs.
func (c *Cache) GitRefs(ctx context.Context, url string) (map[string]string, error) {
	a, err := c.gitAddress(url)
	if err != nil {
		return nil, fmt.Errorf("git repository: %w", err)
	}
	list, err := c.gitRefs(ctx, a)
	if err != nil {
		return nil, fmt.Errorf("git repository %s: listing its refs: %w", a, err)
	}
	return maps.Clone(list.Refs), nil
}

func (c *Cache) gitRefs(ctx context.Context, a address) (refList, error) {
	if err := c.permit(KindGit, a); err != nil {
		return refList{}, err
	}
	r, err := c.remote(KindGit, a)
	if err != nil {
		return refList{}, err
	}
	return c.refs(ctx, r, a)
}

// thereAre names what is most like what was not found.
func thereAre(wanted string, names []string) string {
	if len(names) == 0 {
		return "there are none"
	}
	const shown = 5
	slices.Sort(names)
	slices.SortStableFunc(names, func(a, b string) int { return distance(wanted, a) - distance(wanted, b) })
	list := strings.Join(names[:min(shown, len(names))], ", ")
	if len(names) > shown {
		return fmt.Sprintf("the nearest of %d are: %s", len(names), list)
	}
	return "there are: " + list
}

// distance is how many characters must be added, dropped or replaced to make a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
