package project

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/gobwas/glob"

	"github.com/weighlock/weighlock/engine/internal/source"
)

// Remotes say how what a project names outside of its own tree is reached: git repositories and OCI artifacts. With the
// zero value nothing is.
type Remotes struct {
	// CacheDir is where fetched trees are kept. Runs share it, also at the same time; whoever may use it may read what any
	// of them fetched. Without one, what would have to be fetched is an error.
	CacheDir string
	// Credentials in the order in which they are tried. Where none matches, git and Docker use their own.
	Credentials []Credential
	// Overrides are directories to be used in place of remotes.
	Overrides []Override
	// UpdateInterval is for how long what a remote said of its branches and tags in an earlier run is good enough.
	// It needs the clock of [Options].
	UpdateInterval time.Duration
	// Environ is the environment, as of [os.Environ], from which git and Docker's configuration get what they need.
	Environ []string
}

type (
	// Credential says how remotes of one kind are reached.
	Credential = source.Credential
	// Override is a directory to be used, as it is, in place of a remote.
	Override = source.Override
	// RemoteKind tells git repositories and OCI repositories apart.
	RemoteKind = source.Kind
)

// The kinds of remotes.
const (
	KindGit = source.KindGit
	KindOCI = source.KindOCI
	// KindHelm are chart repositories that are no registries.
	KindHelm = source.KindHelm
	// KindFile are single files on web servers.
	KindFile = source.KindFile
)

// CredentialsFromEnv reads the sets of variables WEIGHLOCK_GIT[_n]_*, WEIGHLOCK_REGISTRY[_n]_* and the same of KLUCTL
// (project format §4.6) from an environment as of [os.Environ]. All that cannot be used is reported at once.
func CredentialsFromEnv(environ []string) ([]Credential, error) {
	return source.CredentialsFromEnv(environ)
}

// Untrusted says what a stranger's project may use besides the files below its source root. It may not read the
// environment, a cluster, an address or a secret store: what it renders is shown to the stranger.
type Untrusted struct {
	// Remotes may be used: host/path without scheme, user and ".git", where * stands for any text within one element of
	// the path and ** for any text; see [CheckRemote]. Others are refused.
	Remotes []string
	// Offline refuses all remotes, those too.
	Offline bool
}

// A RefusedError says what a stranger's project may not do: it is no mistake in the project.
type RefusedError struct{ text string }

// Error says what is refused, and what would allow it.
func (e *RefusedError) Error() string { return e.text }

// remotePattern allows what an address can hold, and the stars.
var remotePattern = regexp.MustCompile(`^(http://)?[A-Za-z0-9*][A-Za-z0-9.*-]*(:[0-9]+)?(/[A-Za-z0-9._~*@+-]+)*$`)

// CheckRemote finds what is wrong with an entry of [Untrusted]'s Remotes, such as github.com/acme/*.
func CheckRemote(pattern string) error {
	if !remotePattern.MatchString(pattern) {
		return fmt.Errorf("found %q, expected host/path without a scheme, such as github.com/acme/* or registry.example.com/charts/**", pattern)
	}
	return nil
}

// allows says whether a remote may be used. One without encryption must be allowed as such, by http://.
func (u *Untrusted) allows(address string) (bool, error) {
	key, err := remoteKey(address)
	if err != nil {
		return false, err
	}
	for _, pattern := range u.Remotes {
		if err := CheckRemote(pattern); err != nil {
			return false, fmt.Errorf("remotes: %w", err)
		}
		g, err := glob.Compile(strings.TrimSuffix(pattern, ".git"), '/')
		if err != nil {
			return false, fmt.Errorf("remotes: %q: %w", pattern, err)
		}
		if g.Match(key) {
			return true, nil
		}
	}
	return false, nil
}

// remoteKey is the form of an address that is matched: host/path, or for a chart repository that is all of a host its name
// alone; with http:// in front where it is not encrypted.
func remoteKey(address string) (string, error) {
	key, err := "", error(nil)
	if u, parseErr := url.Parse(address); parseErr == nil && (u.Scheme == "https" || u.Scheme == "http") && strings.Trim(u.Path, "/") == "" && u.Host != "" {
		key, err = source.RepoKey(u.Scheme + "://" + u.Host + "/-")
		key = strings.TrimSuffix(key, "/-")
	} else {
		key, err = source.RepoKey(address)
	}
	if err == nil && strings.HasPrefix(address, "http://") {
		key = "http://" + key
	}
	return key, err
}

// AllowRemote returns an error where the project may not use a remote: a git, OCI or chart repository.
func (p *Project) AllowRemote(address string) error {
	u := p.opts.Untrusted
	if u == nil {
		return nil
	}
	if u.Offline {
		return &RefusedError{"refused: the change is a stranger's, and nothing is fetched for it before somebody has looked at it"}
	}
	ok, err := u.allows(address)
	if err != nil || ok {
		return err
	}
	key, _ := remoteKey(address) // allows had no error
	return &RefusedError{"refused: the change is a stranger's, and this remote is not among those that such changes may use; " +
		fmt.Sprintf("to allow it, list %s under remotes in .weighlock.yaml of the base branch", key)}
}

// ReadsCluster says whether what is rendered may read objects of the cluster: a stranger's project may not.
func (p *Project) ReadsCluster() bool { return p.opts.Untrusted == nil }

// refuse returns an error where the project is a stranger's, which may not use a kind of source. The caller says where.
func (p *Project) refuse(kind string) error {
	if p.opts.Untrusted == nil {
		return nil
	}
	return &RefusedError{kind + " is refused: the change is a stranger's, which may read nothing but the repository's files; " +
		"a change on a branch of the repository itself may use it"}
}

// Cache is the project's view of its remotes. Each of them is asked once for what a branch or tag is at, so that all that
// is rendered from one Project sees the same commit.
func (p *Project) Cache() (*source.Cache, error) {
	if p.opts.Remotes.CacheDir == "" {
		return nil, errors.New("there is no directory to keep it in: set WEIGHLOCK_CACHE_DIR or HOME")
	}
	return p.cache, nil
}

// newCache returns the cache that the options describe.
func (p *Project) newCache() *source.Cache {
	r := p.opts.Remotes
	return source.NewCache(r.CacheDir, source.Options{
		Credentials: r.Credentials, Overrides: r.Overrides, UpdateInterval: r.UpdateInterval, Now: p.opts.Now, Environ: r.Environ,
		Allow: func(_ source.Kind, address string) error { return p.AllowRemote(address) },
	})
}
