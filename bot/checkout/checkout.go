package checkout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"unicode/utf8"
)

// Options say how a clone's remote is reached and how much may be written. The zero value serves a clone made by
// actions/checkout or by a GitLab runner, which leave their credentials in the clone's configuration.
type Options struct {
	// Remote is the name of the remote to fetch from; default "origin".
	Remote string
	// Auth is sent to a remote reached by http or https, in place of what the configuration holds.
	Auth Auth
	// Refs are fetched where the server gives no commit by its id: "refs/pull/7/head", "refs/heads/main".
	// The remote's default branch is always among them.
	Refs []string
	// Limits bound what Extract writes and File reads.
	Limits Limits
	// TempDir is where scratch repository and extracted trees are made; default [os.TempDir].
	TempDir string
	// Environ is the environment, as of [os.Environ], from which git gets what it needs (home directory, proxies,
	// certificates, the ssh agent) and nothing else; nil means this process's.
	Environ []string
	// Stderr gets what git says while it runs, without credentials; nil means nothing is shown.
	Stderr io.Writer
	// AllowFile allows remotes on the local disk.
	AllowFile bool
}

// Auth is a user name and a token or password for http(s) remotes.
type Auth struct {
	User  string // default "x-access-token", GitHub's name for any token
	Token string // empty: no Auth
	// Renew, if not nil, gives the token that holds now, each time that the remote is reached: one may end while a Repo is open.
	Renew func(context.Context) (string, error)
}

// Limits are upper bounds; zero means the default.
type Limits struct {
	Files int   // entries of a tree, directories included; default 250,000
	Bytes int64 // content of all files of a tree together; default 2 GiB
}

const (
	defaultFiles = 250_000
	defaultBytes = 2 << 30
)

// Repo is a clone with a scratch repository beside it, in which the package's own commits are found and made.
// It may be used by several goroutines at once.
type Repo struct {
	root     string
	head     string // the clone's HEAD when it was opened; empty if it has none
	opts     Options
	remote   remote
	git      git
	fetches  int           // so far
	fetching chan struct{} // held while fetching: two fetches at once would contend for the shallow file
	mirror   *mirror       // what is fetched is kept in it; nil for a clone, which is left as it is
	fetched  atomic.Bool   // whether there were any
	known    known
	objects  objects
}

// Open opens the clone that dir is in; dir may be any directory of its work tree. It does not use the network.
// The caller must Close the Repo.
func Open(ctx context.Context, dir string, opts Options) (*Repo, error) {
	if err := opts.complete(); err != nil {
		return nil, err
	}
	// In a container the work tree often belongs to another user. Being told to open it is reason enough to read it.
	clone := git{dir: dir, global: []string{"-c", "safe.directory=*"}, env: cloneEnv(opts.Environ)}
	if err := checkVersion(ctx, clone); err != nil {
		return nil, err
	}
	at, err := locate(ctx, clone)
	if err != nil {
		return nil, err
	}
	rem, err := readRemote(ctx, clone, opts)
	if err != nil {
		return nil, err
	}
	scratch, err := os.MkdirTemp(opts.TempDir, "weighlock-git-")
	if err != nil {
		return nil, fmt.Errorf("making a scratch repository: %w", err)
	}
	r := &Repo{root: at.root, head: at.head, opts: opts, remote: rem, fetching: make(chan struct{}, 1), objects: objects{turn: make(chan struct{}, 1)}}
	r.git = git{dir: scratch, global: []string{"--git-dir=" + scratch}, env: scratchEnv(opts, rem), secrets: rem.secrets, stderr: opts.Stderr}
	if opts.Auth.Renew != nil && rem.isHTTP() {
		r.git.renewal = &renewal{opts: opts, remote: rem, token: opts.Auth.Token, env: r.git.env}
	}
	if err := r.init(at); err != nil {
		return nil, errors.Join(fmt.Errorf("making a scratch repository beside %s: %w", at.root, err), r.Close())
	}
	return r, nil
}

var (
	remoteName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)
	commitID   = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
)

func (o *Options) complete() error {
	if o.Remote == "" {
		o.Remote = "origin"
	}
	if !remoteName.MatchString(o.Remote) {
		return fmt.Errorf("remote %q is not the name of a remote", o.Remote)
	}
	for _, ref := range o.Refs {
		if !isRef(ref) {
			return fmt.Errorf("%q is not the full name of a ref, such as refs/heads/main", ref)
		}
	}
	if o.Auth.User == "" {
		o.Auth.User = "x-access-token"
	}
	if o.Limits.Files == 0 {
		o.Limits.Files = defaultFiles
	}
	if o.Limits.Bytes == 0 {
		o.Limits.Bytes = defaultBytes
	}
	if o.Environ == nil {
		o.Environ = os.Environ()
	}
	if o.TempDir == "" {
		o.TempDir = os.TempDir()
	}
	var err error
	o.TempDir, err = filepath.Abs(o.TempDir)
	return err
}

// isRef says whether a text is the full name of a ref, by git's own rules.
//
// Source: git-check-ref-format(1).
func isRef(name string) bool {
	rest, ok := strings.CutPrefix(name, "refs/")
	if !ok || !utf8.ValidString(name) || len(name) > maxRef || strings.HasSuffix(name, ".") || strings.Contains(name, "..") || strings.Contains(name, "@{") ||
		strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune("~^:?*[\\", r) }) {
		return false
	}
	for part := range strings.SplitSeq(rest, "/") {
		if part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock") {
			return false
		}
	}
	return true
}

// maxRef is how many bytes a ref's name may have: more does not fit into a file's name on the way.
const maxRef = 1024

// checkID refuses everything but full object ids, so that nothing a stranger wrote is ever taken for an option, a ref or
// an expression.
func checkID(ids ...string) error {
	for _, id := range ids {
		if !commitID.MatchString(id) {
			return fmt.Errorf("%q is not a full commit id (40 or 64 lower-case hexadecimal digits)", id)
		}
	}
	return nil
}

// location is where the parts of a clone are; all paths are absolute.
type location struct {
	root, objects, shallow, format, head string
}

func locate(ctx context.Context, clone git) (location, error) {
	ask := []string{"rev-parse", "--path-format=absolute", "--git-path", "objects", "--git-path", "shallow", "--show-object-format"}
	// Mostly there are a work tree and a commit: all is told at once.
	if out, err := clone.run(ctx, command{args: append(slices.Clone(ask), "--show-toplevel", "HEAD^{commit}")}); err == nil {
		if lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n"); len(lines) == 5 {
			return location{objects: lines[0], shallow: lines[1], format: lines[2], root: lines[3], head: lines[4]}, nil
		}
	}
	out, err := clone.run(ctx, command{args: append(ask, "--is-bare-repository", "--git-common-dir")})
	if err != nil {
		return location{}, fmt.Errorf("opening the git repository in %s: %w; clone it first (in a workflow: actions/checkout before this step)", clone.dir, err)
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != 5 {
		return location{}, fmt.Errorf("opening the git repository in %s: its path contains a line break", clone.dir)
	}
	at := location{objects: lines[0], shallow: lines[1], format: lines[2], root: lines[4]}
	if lines[3] != "true" {
		out, err := clone.run(ctx, command{args: []string{"rev-parse", "--path-format=absolute", "--show-toplevel"}})
		if err != nil {
			return location{}, fmt.Errorf("finding the work tree of %s: %w", clone.dir, err)
		}
		at.root = strings.TrimSuffix(string(out), "\n")
	}
	// A clone without any commit has no HEAD to resolve: git then says nothing and exits 1.
	out, err = clone.run(ctx, command{args: []string{"rev-parse", "--verify", "--quiet", "HEAD^{commit}"}})
	var failed *failure
	switch {
	case err == nil:
		at.head = strings.TrimSpace(string(out))
	case !errors.As(err, &failed) || failed.exit != 1:
		return location{}, fmt.Errorf("reading HEAD of %s: %w", at.root, err)
	}
	return at, nil
}

// init makes the scratch repository, a bare one without anything that git has for people, and lends it the clone's objects.
func (r *Repo) init(at location) error {
	config := "[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\tobjectformat = " + at.format + "\n"
	errs := []error{os.MkdirAll(filepath.Join(r.git.dir, "refs"), 0o700), os.MkdirAll(filepath.Join(r.git.dir, "objects", "info"), 0o700)}
	for name, content := range map[string]string{"HEAD": "ref: refs/heads/main\n", "config": config, "objects/info/alternates": at.objects + "\n"} {
		errs = append(errs, os.WriteFile(filepath.Join(r.git.dir, filepath.FromSlash(name)), []byte(content), 0o600))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	switch shallow, err := os.ReadFile(at.shallow); {
	case err == nil && len(shallow) > 0:
		if err := os.WriteFile(r.shallowFile(), shallow, 0o600); err != nil {
			return err
		}
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return err
	}
	return nil
}

// Root is the absolute path of the clone's work tree, or of the repository itself where it is a bare one.
func (r *Repo) Root() string { return r.root }

// Remote is the address of the clone's remote as it is configured, before url.*.insteadOf; "" if it has none. It may hold
// a password.
func (r *Repo) Remote() string { return r.remote.configured }

// Close removes the scratch repository. Extracted directories stay until they are closed themselves.
func (r *Repo) Close() error {
	r.objects.close()
	var err error
	if err = os.RemoveAll(r.git.dir); err != nil {
		err = fmt.Errorf("removing the scratch repository: %w", err)
	}
	if r.mirror != nil {
		err = errors.Join(err, r.mirror.release())
		r.mirror = nil
	}
	return err
}

// short is a commit id as people read it.
func short(id string) string { return id[:min(len(id), 10)] }
