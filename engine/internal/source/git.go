package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
)

// GitRef is a git repository and what of it is wanted: the default branch, or one of Branch, Tag, Commit and Name.
type GitRef struct {
	// URL is http://, https:// or ssh://, or git@host:path. A user and password in it are used and never shown.
	URL string
	// Branch and Tag are short names: main, v1.2.
	Branch, Tag string
	// Commit is a full commit id.
	Commit string
	// Name is whichever of the three there is, in the order in which `git fetch` looks for it: a tag, a branch.
	Name string
}

func (r GitRef) describe() string {
	switch {
	case r.Branch != "":
		return "branch " + r.Branch
	case r.Tag != "":
		return "tag " + r.Tag
	case r.Commit != "":
		return "commit " + r.Commit
	case r.Name != "":
		return "ref " + r.Name
	}
	return "default branch"
}

// check refuses what is ambiguous, and turns a commit into its usual form.
func (r *GitRef) check() error {
	given := 0
	for _, s := range []string{r.Branch, r.Tag, r.Commit, r.Name} {
		if s != "" {
			given++
		}
	}
	if given > 1 {
		return errors.New("more than one of branch, tag and commit is given: give one")
	}
	if objectID.MatchString(strings.ToLower(r.Name)) {
		r.Commit, r.Name = r.Name, ""
	}
	r.Commit = strings.ToLower(r.Commit)
	if r.Commit != "" && !objectID.MatchString(r.Commit) {
		return fmt.Errorf("%q is not a full commit id: give all its 40 (or 64) hexadecimal digits", r.Commit)
	}
	return nil
}

// Git returns the files of a commit. The network is used to resolve a branch or tag, and to get a commit that the cache
// does not have; errors name the repository without credentials, what was asked for, the cause and what to do.
func (c *Cache) Git(ctx context.Context, ref GitRef) (Tree, error) {
	a, err := c.gitAddress(ref.URL)
	if err != nil {
		return Tree{}, fmt.Errorf("git repository: %w", err)
	}
	err = ref.check()
	var tree Tree
	if err == nil {
		tree, err = c.git(ctx, a, ref)
	}
	if err != nil {
		return Tree{}, fmt.Errorf("git repository %s, %s: %w", a, ref.describe(), err)
	}
	tree.URL = a.String()
	return tree, nil
}

// CheckGitURL finds what is wrong with a repository's address without asking for it.
func CheckGitURL(url string) error {
	_, err := (&Cache{}).gitAddress(url)
	return err
}

// Check finds what is wrong with the choice of branch, tag or commit without asking the repository.
func (r GitRef) Check() error { return r.check() }

func (c *Cache) gitAddress(url string) (address, error) {
	a, err := parseAddress(url)
	switch {
	case err != nil:
		return a, err
	case a.scheme == "oci":
		return a, fmt.Errorf("%s is the address of an OCI artifact", a)
	case a.scheme == "file" && !c.opts.AllowFile:
		return a, fmt.Errorf("%s is on this machine: a repository must be reached by https or ssh; a local override can put a directory in its place", a)
	}
	return a, nil
}

func (c *Cache) git(ctx context.Context, a address, ref GitRef) (Tree, error) {
	if tree, ok, err := c.override(KindGit, a); ok || err != nil {
		return tree, err
	}
	if err := c.permit(KindGit, a); err != nil {
		return Tree{}, err
	}
	r, err := c.remote(KindGit, a)
	if err != nil {
		return Tree{}, err
	}
	tree := Tree{Commit: ref.Commit}
	if tree.Commit == "" {
		if tree.Ref, tree.Commit, err = c.resolve(ctx, r, a, ref); err != nil {
			return Tree{}, err
		}
	}
	var there bool
	if tree.Dir, there, err = c.known(r, tree.Commit); err != nil || there {
		return tree, err
	}
	tree.Dir, err = c.bring(ctx, r, a, tree)
	return tree, err
}

// resolve finds the commit of a branch or tag. What an earlier run recorded is not enough to say that there is none.
func (c *Cache) resolve(ctx context.Context, r *remote, a address, ref GitRef) (name, id string, err error) {
	list, err := c.refs(ctx, r, a)
	if err != nil {
		return "", "", err
	}
	name, id, err = list.find(ref)
	if err != nil && list.recorded {
		if err := os.Remove(filepath.Join(r.dir, "refs.json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", "", err
		}
		r.refs.forget()
		if list, err = c.refs(ctx, r, a); err != nil {
			return "", "", err
		}
		return list.find(ref)
	}
	return name, id, err
}

// known finds the tree of a commit that was brought before: without the mirror, which may be gone by now.
func (c *Cache) known(r *remote, commit string) (dir string, there bool, err error) {
	tree, err := os.ReadFile(r.note(commit))
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	if !objectID.Match(tree) {
		return "", false, nil
	}
	return c.tree("git-" + string(tree))
}

// note is where the tree of a commit, or the content of an artifact, is kept for known.
func (r *remote) note(id string) string { return filepath.Join(r.dir, "known", id) }

func (r *remote) remember(id, tree string) error {
	if err := os.MkdirAll(filepath.Dir(r.note(id)), 0o700); err != nil {
		return err
	}
	return writeAtomically(r.note(id), []byte(tree))
}

// bring fetches a commit and writes its tree.
func (c *Cache) bring(ctx context.Context, r *remote, a address, want Tree) (string, error) {
	t, err := c.transport(ctx, a)
	if err != nil {
		return "", err
	}
	release, err := r.lock(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	if dir, there, err := c.known(r, want.Commit); err != nil || there {
		return dir, err // who had the lock brought it
	}
	for {
		m, err := c.openMirror(ctx, r, len(want.Commit))
		if err != nil {
			return "", err
		}
		dir, err := c.fromMirror(ctx, r, m, t, want)
		var d *damage
		if err == nil || m.fresh || !errors.As(err, &d) {
			return dir, c.explain(err)
		}
		if err := m.discard(); err != nil {
			return "", err
		}
	}
}

func (c *Cache) fromMirror(ctx context.Context, r *remote, m mirror, t transport, want Tree) (string, error) {
	local := c.offline(m.dir)
	tree, err := treeOf(ctx, local, want.Commit)
	var failed *failure
	if errors.As(err, &failed) && failed.exit > 0 {
		if err := m.fetch(ctx, c.online(m.dir, t), local, want); err != nil {
			return "", err
		}
		tree, err = treeOf(ctx, local, want.Commit)
	}
	if err != nil {
		return "", suspect(err)
	}
	dir, err := c.extract(r, "git-"+tree, func(w *writer) error { return writeTree(ctx, local, tree, w) })
	if err != nil {
		return "", fmt.Errorf("writing its files: %w", err)
	}
	return dir, r.remember(want.Commit, tree)
}

// treeOf returns the id of a commit's tree. Git fails if the commit is not there.
func treeOf(ctx context.Context, local git, commit string) (string, error) {
	out, err := local.run(ctx, "rev-parse", "--quiet", commit+"^{commit}", commit+"^{tree}")
	if err != nil {
		return "", err
	}
	ids := strings.Fields(string(out))
	if len(ids) != 2 || ids[0] != commit || !objectID.MatchString(ids[1]) {
		return "", fmt.Errorf("%s is not a commit", commit)
	}
	return ids[1], nil
}

// What git says, told apart. It is needed only when something went wrong, so it is compiled then.
var (
	noAccess    = onceNeeded(`(?i)returned error: 40[13]|could not read (Username|Password)|authentication failed|permission denied|access denied|invalid credentials`)
	notFound    = onceNeeded(`(?i)returned error: 404|repository .*not found|does not appear to be a git repository|not found`)
	unreachable = onceNeeded(`(?i)could not resolve|couldn't connect|failed to connect|connection (refused|timed out|reset)|timed out|unable to access|could not read from remote|hung up|early EOF|operation too slow|returned error: 5\d\d`)
	forbidden   = onceNeeded(`transport '.*' not allowed`)
	hostKey     = onceNeeded(`(?i)host key verification failed`)
	notOurs     = onceNeeded(`not our ref`)
)

func onceNeeded(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

// explain adds a remedy to what git says.
func (c *Cache) explain(err error) error {
	var failed *failure
	if err == nil || !errors.As(err, &failed) {
		return err
	}
	remedy := ""
	switch said := failed.said; {
	case forbidden().MatchString(said):
		remedy = "a repository must be reached by https, http or ssh"
	case hostKey().MatchString(said):
		remedy = "add the host's key to the known hosts"
	case noAccess().MatchString(said):
		remedy = "give credentials that can read the repository (WEIGHLOCK_GIT_HOST, WEIGHLOCK_GIT_USERNAME, WEIGHLOCK_GIT_PASSWORD; a credential helper of git, .netrc, or a key in the ssh agent)"
	case notOurs().MatchString(said):
		remedy = "the repository does not have this commit: was it removed by a forced push?"
	case notFound().MatchString(said):
		remedy = "check the address; a private repository that the credentials cannot read looks the same"
	case unreachable().MatchString(said):
		remedy = "is the remote up, and reachable from here?"
	default:
		return err
	}
	return fmt.Errorf("%w; %s", err, remedy)
}
