package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Options say what may be fetched, and how. With the zero value everything is fetched anew that is not pinned by a commit
// or digest, without credentials and with no environment.
type Options struct {
	// Credentials in the order in which they are tried. Where none matches, git and Docker use their own.
	Credentials []Credential
	// Overrides are directories to be used in place of remotes.
	Overrides []Override
	// UpdateInterval is for how long what a remote said of its refs and tags, in an earlier run too, is good enough.
	// It needs Now.
	UpdateInterval time.Duration
	// Now is the clock for UpdateInterval.
	Now func() time.Time
	// Environ is the environment, as of [os.Environ], from which git and Docker's configuration get what they need.
	Environ []string
	// AllowFile allows file:// remotes, for tests and demonstrations.
	AllowFile bool
	// Allow is asked before a remote is used; its error, which says how to allow it, is wrapped. nil allows all.
	Allow func(kind Kind, url string) error
	// Limits bound what a tree may contain.
	Limits Limits
}

// Limits are upper bounds of one tree; zero means the default.
type Limits struct {
	Files int   // entries, directories included; default 100,000
	Bytes int64 // content of all files together; default 1 GiB
}

const (
	defaultFiles = 100_000
	defaultBytes = 1 << 30
)

// Override is a directory to be used, as it is, in place of a remote.
type Override struct {
	Kind Kind
	// RepoKey is the repository's normal form, as of [RepoKey], or a prefix of it that ends before a slash.
	RepoKey string
	// Group makes RepoKey such a prefix. The rest of the repository's path is appended to Dir; where that directory
	// does not exist, the remote is used after all.
	Group bool
	Dir   string
}

// Tree is a directory with the files of a commit or artifact. It is to be read only: others may read it at the same time.
type Tree struct {
	Dir string
	// URL is the remote's address, without user and password.
	URL string
	// Ref is the name that was resolved: refs/heads/main, refs/tags/v1, or HEAD where the remote's HEAD is on no branch;
	// for OCI the tag. It is empty if a commit or digest was asked for.
	Ref string
	// Commit is the full id of the commit, or the digest of the artifact's manifest. It is empty for a local directory.
	Commit string
	// Local says that Dir is an override.
	Local bool
}

// A Cache is one run's view of its remotes, over a directory that runs share; see the package comment. It may be used by
// several goroutines at once.
type Cache struct {
	dir    string
	opts   Options
	config onced[[]setting] // of git, for transport

	mu      sync.Mutex
	remotes map[string]*remote
	files   map[string]onced[[]byte] // by address
}

// NewCache returns a cache in dir, which is made when it is first needed and only its owner can enter.
func NewCache(dir string, opts Options) *Cache {
	if opts.Limits.Files == 0 {
		opts.Limits.Files = defaultFiles
	}
	if opts.Limits.Bytes == 0 {
		opts.Limits.Bytes = defaultBytes
	}
	if abs, err := filepath.Abs(dir); err == nil { // or else as it is: the working directory is gone
		dir = abs
	}
	return &Cache{dir: dir, opts: opts, config: newOnced[[]setting](), remotes: make(map[string]*remote), files: make(map[string]onced[[]byte])}
}

// remote is what one run knows of a remote, and where it keeps what outlives it.
type remote struct {
	dir  string
	busy chan struct{}  // held while this process works on the remote
	refs onced[refList] // git
	tags map[string]string

	index  onced[chartIndex]      // of a chart repository
	charts map[string]chartRecord // a chart's versions, as they were asked for
}

// remote returns the remote's place in the cache.
func (c *Cache) remote(kind Kind, a address) (*remote, error) {
	for _, cred := range c.opts.Credentials {
		if err := cred.check(); err != nil {
			return nil, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	id := sha256.Sum256([]byte(a.String()))
	dir := filepath.Join(c.dir, string(kind), hex.EncodeToString(id[:16]))
	if r := c.remotes[dir]; r != nil {
		return r, nil
	}
	for _, d := range []string{dir, filepath.Join(c.dir, "trees")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, fmt.Errorf("making the cache: %w", err)
		}
	}
	// For people who look around in the cache.
	if err := writeAtomically(filepath.Join(dir, "url"), []byte(a.String()+"\n")); err != nil {
		return nil, fmt.Errorf("making the cache: %w", err)
	}
	r := &remote{
		dir: dir, busy: make(chan struct{}, 1), refs: newOnced[refList](), tags: make(map[string]string),
		index: newOnced[chartIndex](), charts: make(map[string]chartRecord),
	}
	c.remotes[dir] = r
	return r, nil
}

// lock keeps all others, in this process and in others, from writing to the remote's directory until release is called.
// What a dead process left half-done in it is removed.
func (r *remote) lock(ctx context.Context) (release func(), err error) {
	select {
	case r.busy <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for another fetch: %w", ctx.Err())
	}
	unlock, err := lockFile(ctx, filepath.Join(r.dir, "lock"))
	if err == nil {
		if err = os.RemoveAll(r.temp()); err != nil {
			unlock()
		}
	}
	if err != nil {
		<-r.busy
		return nil, err
	}
	return func() {
		unlock()
		<-r.busy
	}, nil
}

func (r *remote) temp() string { return filepath.Join(r.dir, "tmp") }

// tree returns the place of a tree, and whether it is there.
func (c *Cache) tree(id string) (dir string, there bool, err error) {
	dir = filepath.Join(c.dir, "trees", id)
	stat, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return dir, false, nil
	case err != nil:
		return "", false, err
	case !stat.IsDir():
		return "", false, fmt.Errorf("%s is not a directory: remove it", dir)
	}
	return dir, true, nil
}

// extract makes a tree by fill, unless it is there. The caller has the remote locked.
func (c *Cache) extract(r *remote, id string, fill func(*writer) error) (string, error) {
	dir, there, err := c.tree(id)
	if err != nil || there {
		return dir, err
	}
	if err := os.MkdirAll(r.temp(), 0o700); err != nil {
		return "", err
	}
	temp, err := os.MkdirTemp(r.temp(), "tree-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temp)
	w, err := newWriter(temp, c.opts.Limits)
	if err != nil {
		return "", err
	}
	if err = fill(w); err == nil {
		err = w.writeLinks()
	}
	if err := errors.Join(err, w.root.Close()); err != nil {
		return "", err
	}
	err = os.Rename(temp, dir)
	if _, there, _ := c.tree(id); err != nil && there {
		return dir, nil // another remote has the same tree, and was faster
	}
	return dir, err
}

// override finds the directory that takes a remote's place.
func (c *Cache) override(kind Kind, a address) (Tree, bool, error) {
	for _, o := range c.opts.Overrides {
		if o.Kind != kind || a.scheme == "file" {
			continue
		}
		host, path, _ := strings.Cut(o.RepoKey, "/")
		want := strings.TrimSuffix(strings.ToLower(host)+"/"+repoPath(path), "/")
		rest := ""
		if o.Group {
			var below bool
			if rest, below = strings.CutPrefix(a.key(), want+"/"); !below {
				continue
			}
		} else if a.key() != want {
			continue
		}
		dir, err := filepath.Abs(filepath.Join(o.Dir, filepath.FromSlash(rest)))
		if err != nil {
			return Tree{}, false, err
		}
		stat, err := os.Stat(dir)
		switch {
		case o.Group && errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return Tree{}, false, fmt.Errorf("the local override %s=%s: %w", o.RepoKey, o.Dir, err)
		case !stat.IsDir():
			return Tree{}, false, fmt.Errorf("the local override %s=%s: %s is not a directory", o.RepoKey, o.Dir, dir)
		}
		return Tree{Dir: dir, Local: true}, true, nil
	}
	return Tree{}, false, nil
}

// permit asks whether a remote may be used.
func (c *Cache) permit(kind Kind, a address) error {
	if c.opts.Allow == nil {
		return nil
	}
	return c.opts.Allow(kind, a.String())
}

// writeAtomically writes a file that is either whole or not there.
func writeAtomically(name string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// onced keeps the first value that could be had. Unlike [sync.Once] it does not keep a failure, and who waits for it can
// be cancelled.
type onced[T any] struct {
	slot chan *T
}

func newOnced[T any]() onced[T] {
	o := onced[T]{slot: make(chan *T, 1)}
	o.slot <- nil
	return o
}

func (o onced[T]) get(ctx context.Context, first func() (T, error)) (T, error) {
	var none T
	select {
	case value := <-o.slot:
		if value == nil {
			made, err := first()
			if err != nil {
				o.slot <- nil
				return none, err
			}
			value = &made
		}
		o.slot <- value
		return *value, nil
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// forget makes the next get ask again.
func (o onced[T]) forget() {
	<-o.slot
	o.slot <- nil
}
