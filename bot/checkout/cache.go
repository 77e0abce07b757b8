package checkout

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// A Cache keeps a bare mirror of each repository that it is asked for, so that only what is new is fetched. A mirror holds
// the history that was needed and the contents that were read; nothing in it is ever checked out. It may be used by
// several goroutines at once, and its directory by one process at a time.
type Cache struct {
	dir   string
	limit int64
	lock  *flock.Flock

	mu      sync.Mutex
	mirrors map[string]*mirror // by directory
}

// mirror is a repository in use, or one that was used by this process.
type mirror struct {
	cache    *Cache
	dir      string
	users    int           // guarded by the cache's mu
	prepared sync.Mutex    // held while its first user prepares it
	fetching chan struct{} // held while fetching
	// made is when it was made, if this process did so; damaged says that it is to be made anew. Guarded by the cache's mu.
	made    time.Time
	damaged bool
}

const (
	// DefaultCacheSize is how much a cache may hold, in bytes, when nobody says otherwise.
	DefaultCacheSize = 5 << 30
	// manyPacks is when what many fetches have brought is put together.
	manyPacks = 40
)

// NewCache opens the cache in dir, which is made if need be. What an earlier process left unfinished in it is removed. When
// it holds more than limit bytes, 0 being [DefaultCacheSize], the mirrors that were used least recently are removed; one
// that is in use never is. The caller must Close it.
func NewCache(dir string, limit int64) (*Cache, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	for _, d := range []string{"mirrors", "work"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return nil, fmt.Errorf("making the cache of repositories: %w", err)
		}
		if err := checkOurs(filepath.Join(dir, d)); err != nil {
			return nil, fmt.Errorf("the cache of repositories: %w", err)
		}
	}
	c := &Cache{dir: dir, limit: cmp.Or(limit, DefaultCacheSize), lock: flock.New(filepath.Join(dir, "lock")), mirrors: map[string]*mirror{}}
	switch locked, err := c.lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("locking the cache of repositories in %s: %w", dir, err)
	case !locked:
		return nil, fmt.Errorf("the cache of repositories in %s is in use by another process: give each its own directory", dir)
	}
	if err := emptied(filepath.Join(dir, "work")); err != nil {
		return nil, errors.Join(fmt.Errorf("cleaning the cache of repositories: %w", err), c.Close())
	}
	return c, nil
}

// checkOurs refuses a directory that others can write to: git obeys what stands in a repository's configuration.
func checkOurs(dir string) error {
	about, err := os.Lstat(dir)
	switch {
	case err != nil:
		return err
	case !about.IsDir():
		return fmt.Errorf("%s is no directory: remove it, or name another cache", dir)
	case about.Mode().Perm()&0o022 != 0 && runtime.GOOS != "windows", !isOurs(about):
		return fmt.Errorf("%s belongs to somebody else, or others may write to it: remove it, or name another cache", dir)
	}
	return nil
}

func emptied(dir string) error {
	left, err := os.ReadDir(dir)
	errs := []error{err}
	for _, e := range left {
		errs = append(errs, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return errors.Join(errs...)
}

// Close lets another process use the cache. Its repositories must have been closed.
func (c *Cache) Close() error { return c.lock.Close() }

// Open returns the repository at an address, by way of its mirror. Nothing is fetched yet. The address must not hold
// credentials: these are in the options. Where these name no TempDir, trees are extracted into the cache's directory.
//
// Who may read the repository is not asked: whoever opens it sees what others have fetched of it.
func (c *Cache) Open(ctx context.Context, address string, opts Options) (*Repo, error) {
	if u, err := url.Parse(address); err == nil && u.User != nil {
		if _, has := u.User.Password(); has {
			return nil, errors.New("the address of a mirrored repository holds a password: pass it as Auth")
		}
	}
	if address == "" || strings.HasPrefix(address, "-") || strings.ContainsAny(address, "\x00\n") {
		return nil, fmt.Errorf("%q is not the address of a repository", address)
	}
	if opts.TempDir == "" {
		opts.TempDir = filepath.Join(c.dir, "work")
	}
	opts.Remote = ""
	m := c.use(address)
	if err := m.prepare(ctx, address, opts); err != nil {
		return nil, errors.Join(err, m.release())
	}
	r, err := Open(ctx, m.dir, opts)
	if err != nil {
		return nil, errors.Join(m.suspect(ctx, err), m.release())
	}
	r.mirror, r.fetching = m, m.fetching
	return r, nil
}

// use finds a mirror and counts its user.
func (c *Cache) use(address string) *mirror {
	sum := sha256.Sum256([]byte(strings.TrimSuffix(strings.TrimSuffix(address, "/"), ".git")))
	dir := filepath.Join(c.dir, "mirrors", hex.EncodeToString(sum[:16])+".git")
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.mirrors[dir]
	if m == nil {
		m = &mirror{cache: c, dir: dir, fetching: make(chan struct{}, 1)}
		c.mirrors[dir] = m
	}
	m.users++
	return m
}

// prepare makes the mirror, or looks after it while nobody else uses it.
func (m *mirror) prepare(ctx context.Context, address string, opts Options) error {
	m.prepared.Lock()
	defer m.prepared.Unlock()
	if err := opts.complete(); err != nil {
		return err
	}
	g := git{dir: m.dir, global: []string{"--git-dir=" + m.dir}, env: scratchEnv(opts, remote{}), stderr: opts.Stderr}
	if _, err := os.Stat(filepath.Join(m.dir, "config")); err == nil {
		m.cache.mu.Lock()
		alone, damaged := m.users == 1, m.damaged
		m.cache.mu.Unlock()
		switch now := time.Now(); {
		case !alone:
			return nil
		case !damaged:
			return errors.Join(os.Chtimes(m.dir, now, now), m.tidy(ctx, g))
		}
	}
	// Under another name until it is whole.
	fresh, err := os.MkdirTemp(filepath.Join(m.cache.dir, "work"), "mirror-")
	if err != nil {
		return fmt.Errorf("making a mirror: %w", err)
	}
	g.dir, g.global = fresh, []string{"--git-dir=" + fresh}
	for _, args := range [][]string{
		{"init", "--quiet", "--bare", "--template="},
		{"config", "remote.origin.url", address},
		// Contents come when they are needed.
		{"config", "remote.origin.promisor", "true"},
		{"config", "remote.origin.partialclonefilter", "blob:none"},
	} {
		if _, err := g.run(ctx, command{args: args}); err != nil {
			return errors.Join(fmt.Errorf("making a mirror: %w", err), os.RemoveAll(fresh))
		}
	}
	if err := errors.Join(os.RemoveAll(m.dir), os.Rename(fresh, m.dir)); err != nil {
		return errors.Join(fmt.Errorf("making a mirror: %w", err), os.RemoveAll(fresh))
	}
	m.cache.mu.Lock()
	defer m.cache.mu.Unlock()
	m.made, m.damaged = time.Now(), false
	return nil
}

// soon is how long after a mirror was made what git fails at is not put down to it any more: another one would fail alike.
const soon = 10 * time.Minute

// damage is what git says of files that are not as it wrote them.
var damage = regexp.MustCompile(`(?i)corrupt|bad (object|config|tree|pack)|missing (blob|tree|commit|object)|unable to (read|unpack|parse)|not a git repository|index file|packfile|loose object|inflate|sha1 mismatch|did not send all necessary objects`)

// suspect looks at an error of git in a mirror. A mirror that a full disk or a crash has damaged is made anew by who opens it
// next, so that the same goes well then: the error is [ErrUnavailable].
func (m *mirror) suspect(ctx context.Context, err error) error {
	failed := new(failure)
	if m == nil || err == nil || ctx.Err() != nil {
		return err
	}
	switch known := errors.As(err, &failed); {
	case errors.Is(err, errMissing):
	case !known || (failed.exit == 1 || errors.Is(err, ErrUnavailable)) && !damage.MatchString(failed.said):
		return err
	}
	m.cache.mu.Lock()
	defer m.cache.mu.Unlock()
	if !m.damaged && time.Since(m.made) < soon {
		return err
	}
	m.damaged = true
	return &unavailableError{fmt.Errorf("the mirror of the repository may be damaged, and is made anew: %w", err)}
}

// tidy removes what a process that died has left, and puts many packs together. Nothing is thrown away: a commit that no
// branch holds any more may be asked for again.
func (m *mirror) tidy(ctx context.Context, g git) error {
	packs := 0
	err := filepath.WalkDir(m.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		switch name := d.Name(); {
		case strings.HasSuffix(name, ".lock"), strings.HasPrefix(name, "tmp_"):
			return os.Remove(path)
		case strings.HasSuffix(name, ".pack"):
			packs++
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("looking after a mirror: %w", err)
	}
	if packs < manyPacks {
		return nil
	}
	if _, err := g.run(ctx, command{args: []string{"repack", "-a", "-d", "-k", "--quiet"}}); err != nil {
		return fmt.Errorf("putting the packs of a mirror together: %w", err)
	}
	return nil
}

// release ends a use. When the cache holds too much then, what was used least recently goes.
func (m *mirror) release() error {
	c := m.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	m.users--
	if m.users > 0 {
		return nil
	}
	return c.shrink()
}

// shrink removes mirrors until the cache is within its limit. Call it while holding mu.
func (c *Cache) shrink() error {
	type stored struct {
		dir  string
		used time.Time
		size int64
	}
	entries, err := os.ReadDir(filepath.Join(c.dir, "mirrors"))
	if err != nil {
		return fmt.Errorf("measuring the cache of repositories: %w", err)
	}
	var all []stored
	var total int64
	for _, e := range entries {
		s := stored{dir: filepath.Join(c.dir, "mirrors", e.Name())}
		info, err := e.Info()
		if err == nil {
			s.used = info.ModTime()
			s.size, err = size(s.dir)
		}
		if err != nil {
			return fmt.Errorf("measuring the cache of repositories: %w", err)
		}
		all = append(all, s)
		total += s.size
	}
	slices.SortFunc(all, func(a, b stored) int { return a.used.Compare(b.used) })
	for _, s := range all {
		if m := c.mirrors[s.dir]; total <= c.limit || m != nil && m.users > 0 {
			continue
		}
		if err := os.RemoveAll(s.dir); err != nil {
			return fmt.Errorf("shrinking the cache of repositories: %w", err)
		}
		delete(c.mirrors, s.dir)
		total -= s.size
	}
	return nil
}

// size is what the files of a directory hold, in bytes. Files may come and go meanwhile.
func size(dir string) (int64, error) {
	var total int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			var info fs.FileInfo
			if info, err = d.Info(); err == nil {
				total += info.Size()
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	return total, err
}
