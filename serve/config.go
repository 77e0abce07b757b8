package serve

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/offline"
	"github.com/weighlock/weighlock/bot/queue"
	"github.com/weighlock/weighlock/engine/yamldoc"
)

// A Config is the server's own file. What decides who may deploy what is in the repositories; this says where they are, as whom
// the server speaks, and how much it does at once.
type Config struct {
	Version int `json:"version"`
	// Listen is the address for webhooks, Internal that for /healthz, /readyz and /metrics.
	Listen   string `json:"listen"`
	Internal string `json:"internal"`
	// Database is the path of a SQLite file, or the address of a PostgreSQL database.
	Database Secret `json:"database"`
	// Cache is the directory of the mirrors of repositories; nothing is lost with it.
	Cache string `json:"cache"`
	// Kubeconfig is the file whose contexts targets name; default as for kubectl.
	Kubeconfig string `json:"kubeconfig"`
	// Preview is as whom previews go; default: as deploys do.
	Preview *PreviewConfig `json:"preview"`
	Forges  []ForgeConfig  `json:"forges"`
	// DigestKey binds secret values to what was reviewed.
	DigestKey *Secret `json:"digestKey"`
	// Environment lists the environment variables that projects may load.
	Environment []string `json:"environment"`
	// Forks is ForksNone where nothing of a fork is to be looked at before somebody lets it be, whatever repositories say.
	Forks  string `json:"forks"`
	Limits Limits `json:"limits"`
	// Poll is how often the forges are asked what there is to do, such as 1m, where no webhook can reach the server.
	Poll string `json:"poll"`

	poll time.Duration
}

// ForksNone is the mode in which nothing of forks is looked at; by default, each repository says that for itself.
const ForksNone = "none"

// A PreviewConfig is the identity that previews.
type PreviewConfig struct {
	// Kubeconfig is a file with contexts of the same names.
	Kubeconfig string `json:"kubeconfig"`
}

// Limits bound what is done at once.
type Limits struct {
	// Workers is how many runs this replica has at the same time; Repository how many all replicas have of one repository, by
	// default half of that: one whose forge or cluster hangs must not hold up the others.
	Workers    int `json:"workers"`
	Repository int `json:"repository"`
	// Grace is how long a deploy may go on when the server is told to end, such as 5m.
	Grace string `json:"grace"`
	// Reconcile is how often what was missed is looked for, such as 5m; 0s is never.
	Reconcile string `json:"reconcile"`
	// Preview is how long the preview of a target may take before its cluster counts as unreachable, such as 5m.
	Preview string `json:"preview"`
	// Cluster is how long a cluster may take to say that it is there before it counts as unreachable, such as 10s.
	Cluster string `json:"cluster"`
	// Retry is for how long what fails for causes that pass is tried again, such as 1h.
	Retry string `json:"retry"`
	// Lease is how long what a run does is left to it without a sign of life, in the database and by the lock in a cluster, such as
	// 30s; all replicas need the same. A shorter one lets what died be taken over sooner, and what is only slow be taken for dead.
	Lease string `json:"lease"`

	// Forks are the limits of the process that compares what strangers wrote.
	Forks ForkLimits `json:"forks"`

	grace, reconcile, preview, cluster, retry, lease time.Duration
}

// ForkLimits bound the process that compares the change of a fork before anybody has let it be looked at.
type ForkLimits struct {
	// Time is how long it may take, in all and on the processor, such as 2m.
	Time string `json:"time"`
	// Memory is how much it may have, and Output how long its answer may be, such as 1Gi and 32Mi.
	Memory string `json:"memory"`
	Output string `json:"output"`

	limits offline.Limits
}

// MinPause is the shortest time between two looks at the forges for what is to be done.
const MinPause = 10 * time.Second

// Around is what a configuration is read with, besides its file.
type Around struct {
	// Poll, if it is not empty, comes before the file's.
	Poll string
	// Getenv looks up where secrets are.
	Getenv func(string) string
	// MinPause is [MinPause], but for tests.
	MinPause time.Duration
}

// minForkMemory is what the process needs for itself.
const minForkMemory = 128 << 20

// Offline is what the process may take that compares what strangers wrote.
func (l *Limits) Offline() offline.Limits { return l.Forks.limits }

// minLease is the shortest lease: a server that is busy must not be taken for a dead one.
const minLease = 3 * time.Second

// LockDuration is how long the lock of a deploy stands in a cluster after the last sign of life.
func (l *Limits) LockDuration() time.Duration { return l.lease }

// Patience is how long the preview of a target may take.
func (l *Limits) Patience() time.Duration { return l.preview }

// A ForgeConfig is a forge whose webhooks are taken, at /webhook/NAME.
type ForgeConfig struct {
	// Name tells forges apart; default: the kind.
	Name string `json:"name"`
	Kind string `json:"kind"` // github or gitlab
	// API is the address of its API; default that of github.com or gitlab.com. Git is that below which repositories are cloned.
	API string `json:"api"`
	Git string `json:"git"`
	// Token or App is as whom the server speaks.
	Token *Secret    `json:"token"`
	App   *AppConfig `json:"app"`
	// Secrets are those of the webhook, SigningTokens GitLab's newer ones; any one does, so that they can be changed.
	Secrets       []Secret `json:"secrets"`
	SigningTokens []Secret `json:"signingTokens"`
	// Repositories are those whose deliveries are taken; others are ignored.
	Repositories []RepositoryConfig `json:"repositories"`
}

// signingKeys are made of the webhook's secrets, which nobody knows who may not give orders to the server: all replicas have them,
// and they change as these do. Where the forge is only polled, and there are none, they are made of what the server speaks to it with.
func (f *ForgeConfig) signingKeys() [][]byte {
	secrets := slices.Concat(f.Secrets, f.SigningTokens)
	switch {
	case len(secrets) > 0:
	case f.App != nil:
		secrets = []Secret{*f.App.PrivateKey}
	default:
		secrets = []Secret{*f.Token}
	}
	var keys [][]byte
	for _, s := range secrets {
		mac := hmac.New(sha256.New, []byte(s.Value()))
		mac.Write([]byte("weighlock preview"))
		keys = append(keys, mac.Sum(nil))
	}
	return keys
}

// A RepositoryConfig says what the server does for some repositories, whatever stands in them.
type RepositoryConfig struct {
	// Name is a pattern, such as acme/shop or acme/*, in whatever case. Of several that match, the first one counts.
	Name string `json:"name"`
	// Contexts are patterns of the kubeconfig's contexts that their targets may name. Default: all.
	Contexts []string `json:"contexts"`
}

// UnmarshalShorthand takes a name that stands there itself.
func (r *RepositoryConfig) UnmarshalShorthand(text string) error {
	r.Name = text
	return nil
}

// An AppConfig is a GitHub App.
type AppConfig struct {
	ID int64 `json:"id"`
	// Installation is what the server acts for where no webhook says so.
	Installation int64   `json:"installation"`
	PrivateKey   *Secret `json:"privateKey"`
}

// A Secret says where a value is found: {env: NAME} or {file: PATH}. Only what need not be secret may stand there itself.
type Secret struct {
	Env   string `json:"env"`
	File  string `json:"file"`
	plain string
	value string
}

// UnmarshalShorthand takes a value that stands there itself.
func (s *Secret) UnmarshalShorthand(text string) error {
	s.plain = text
	return nil
}

// Value is what the secret is, once the configuration is loaded.
func (s *Secret) Value() string {
	if s == nil {
		return ""
	}
	return s.value
}

// Set makes it a value that is known.
func (s *Secret) Set(value string) { s.value = value }

func (s *Secret) load(getenv func(string) string) error {
	switch {
	case s.Env != "" && s.File != "":
		return errors.New("found env and file, expected one of them")
	case s.Env != "":
		if s.value = getenv(s.Env); s.value == "" {
			return fmt.Errorf("the environment variable %s is not set", s.Env)
		}
	case s.File != "":
		data, err := os.ReadFile(s.File)
		if err != nil {
			return err
		}
		if s.value = strings.TrimSpace(string(data)); s.value == "" {
			return fmt.Errorf("%s is empty", s.File)
		}
	default:
		s.value = s.plain
	}
	return nil
}

// The defaults.
const (
	defaultListen    = ":8080"
	defaultInternal  = ":8081"
	defaultDatabase  = "weighlock.db"
	defaultWorkers   = 4
	defaultGrace     = 5 * time.Minute
	defaultReconcile = 5 * time.Minute
	defaultPreview   = 5 * time.Minute
	defaultCluster   = 10 * time.Second
)

// ParseConfig reads the server's file and the secrets that it names. All mistakes are reported at once, each with its line.
func ParseConfig(file string, data []byte, around Around) (*Config, error) {
	var c Config
	doc, err := yamldoc.Read(file, data, &c)
	if err != nil {
		return nil, err
	}
	c.Poll = cmp.Or(around.Poll, c.Poll)
	var errs []error
	fail := func(at []string, format string, args ...any) { errs = append(errs, doc.Errorf(at, format, args...)) }
	secret := func(s *Secret, at ...string) {
		if s == nil {
			return
		}
		if s.plain != "" && at[0] != "database" {
			fail(at, "found a secret itself, expected where it is: {env: NAME} or {file: PATH}")
		} else if err := s.load(around.Getenv); err != nil {
			fail(at, "%v", err)
		}
	}
	if c.Version != 1 {
		fail([]string{"version"}, "found %d, expected 1", c.Version)
	}
	secret(&c.Database, "database")
	secret(c.DigestKey, "digestKey")
	duration := func(text string, value *time.Duration, standard time.Duration, what ...string) {
		if *value = standard; text == "" {
			return
		}
		var err error
		if *value, err = time.ParseDuration(text); err != nil || *value < 0 {
			fail(what, "found %q, expected a duration, such as 5m", text)
		}
	}
	duration(c.Limits.Grace, &c.Limits.grace, defaultGrace, "limits", "grace")
	duration(c.Limits.Reconcile, &c.Limits.reconcile, defaultReconcile, "limits", "reconcile")
	duration(c.Limits.Cluster, &c.Limits.cluster, defaultCluster, "limits", "cluster")
	duration(c.Limits.Retry, &c.Limits.retry, queue.Patience, "limits", "retry")
	duration(c.Limits.Lease, &c.Limits.lease, queue.DefaultLease, "limits", "lease")
	least := func(value, least time.Duration, what ...string) {
		if value < least && len(errs) == 0 {
			fail(what, "found %s, expected %s at least", value, least)
		}
	}
	least(c.Limits.lease, minLease, "limits", "lease")
	least(c.Limits.cluster, time.Second, "limits", "cluster")
	forks := &c.Limits.Forks
	forks.limits = offline.DefaultLimits
	duration(forks.Time, &forks.limits.Time, forks.limits.Time, "limits", "forks", "time")
	least(forks.limits.Time, time.Second, "limits", "forks", "time")
	forks.limits.CPU = forks.limits.Time
	bytes := func(text string, value *int64, least int64, what ...string) {
		if text == "" {
			return
		}
		q, err := resource.ParseQuantity(text)
		if *value = q.Value(); err != nil || *value < least {
			fail(what, "found %q, expected a number of bytes, %s at least, such as 1Gi", text, resource.NewQuantity(least, resource.BinarySI))
		}
	}
	bytes(forks.Memory, &forks.limits.Memory, minForkMemory, "limits", "forks", "memory")
	bytes(forks.Output, &forks.limits.Answer, 1<<10, "limits", "forks", "output")
	duration(c.Limits.Preview, &c.Limits.preview, defaultPreview, "limits", "preview")
	duration(c.Poll, &c.poll, 0, "poll")
	if c.Poll != "" {
		least(c.poll, around.MinPause, "poll")
	}
	if c.Limits.reconcile != 0 { // never
		least(c.Limits.reconcile, around.MinPause, "limits", "reconcile")
	}
	if c.Preview != nil && c.Preview.Kubeconfig == "" {
		fail([]string{"preview", "kubeconfig"}, "is missing: as whom shall previews go?")
	}
	if c.Limits.Workers < 0 || c.Limits.Repository < 0 {
		fail([]string{"limits"}, "found a negative number")
	}
	if c.Forks != "" && c.Forks != ForksNone {
		fail([]string{"forks"}, "found %q, expected none, or nothing, which leaves it to the repositories", c.Forks)
	}
	names := map[string]bool{}
	for i := range c.Forges {
		f, at := &c.Forges[i], []string{"forges", fmt.Sprint(i)}
		f.check(c.Poll != "", func(key, format string, args ...any) { fail(append(at[:2:2], key), format, args...) })
		secret(f.Token, append(at, "token")...)
		if f.App != nil {
			secret(f.App.PrivateKey, append(at, "app", "privateKey")...)
		}
		for n := range f.Secrets {
			secret(&f.Secrets[n], append(at, "secrets", fmt.Sprint(n))...)
		}
		for n := range f.SigningTokens {
			secret(&f.SigningTokens[n], append(at, "signingTokens", fmt.Sprint(n))...)
		}
		if names[f.Name] {
			fail(append(at, "name"), "the name %q is taken by an earlier forge; give one of them another name", f.Name)
		}
		names[f.Name] = true
	}
	if len(c.Forges) == 0 {
		fail([]string{"forges"}, "found none: whose webhooks are to be taken?")
	}
	for i := range c.Forges {
		if len(errs) > 0 { // what follows from another mistake is none
			break
		}
		if _, err := newSource(&c.Forges[i], nil); err != nil {
			fail([]string{"forges", fmt.Sprint(i)}, "%v", err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	set := func(s *string, standard string) {
		if *s == "" {
			*s = standard
		}
	}
	set(&c.Listen, defaultListen)
	set(&c.Internal, defaultInternal)
	set(&c.Database.value, defaultDatabase)
	if c.Listen == c.Internal && !strings.HasSuffix(c.Listen, ":0") {
		return nil, fmt.Errorf("%s: listen and internal are both %s: what operators ask is no stranger's business, so it has an address of its own", file, c.Listen)
	}
	if c.Limits.Workers == 0 {
		c.Limits.Workers = defaultWorkers
	}
	if c.Limits.Repository == 0 {
		c.Limits.Repository = max(1, c.Limits.Workers/2)
	}
	return &c, nil
}

// The kinds of forges.
const (
	kindGitHub = "github"
	kindGitLab = "gitlab"
)

// forgeName is what stands in the address of a webhook, and before : in what the database has.
var forgeName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// check says what is wrong with a forge's entry, and fills in what is left out.
func (f *ForgeConfig) check(polled bool, fail func(key, format string, args ...any)) {
	if f.Kind != kindGitHub && f.Kind != kindGitLab {
		fail("kind", "found %q, expected github or gitlab", f.Kind)
		return
	}
	if f.Name == "" {
		f.Name = f.Kind
	}
	if !forgeName.MatchString(f.Name) {
		fail("name", "found %q, expected letters, digits, - and _, such as github", f.Name)
	}
	switch {
	case f.App != nil && f.Kind != kindGitHub:
		fail("app", "only GitHub has apps: give it a token")
	case f.App != nil && f.Token != nil:
		fail("app", "found a token and an app, expected one of them")
	case f.App == nil && f.Token == nil:
		fail("token", "is missing: as whom shall the server speak?")
	case f.App != nil && (f.App.ID <= 0 || f.App.PrivateKey == nil):
		fail("app", "expected the app's id and its privateKey")
	}
	if len(f.Secrets)+len(f.SigningTokens) == 0 && !polled {
		fail("secrets", "found none: without a webhook's secret anybody could give orders; where no webhook can reach the server, say poll")
	}
	if len(f.SigningTokens) > 0 && f.Kind != kindGitLab {
		fail("signingTokens", "only GitLab has them")
	}
	if len(f.Repositories) == 0 {
		fail("repositories", "found none: whose deploys may the server carry out? Name them, such as acme/shop, or */* for all that can send a webhook")
	}
	for _, r := range f.Repositories {
		if _, err := path.Match(r.Name, ""); err != nil || !strings.Contains(r.Name, "/") {
			fail("repositories", "%q is not a pattern of OWNER/NAME, such as acme/*", r.Name)
		}
		for _, c := range r.Contexts {
			if _, err := path.Match(c, ""); err != nil {
				fail("repositories", "%q is not a pattern of contexts, such as staging-*", c)
			}
		}
	}
	for _, a := range []struct{ key, address string }{{"api", f.API}, {"git", f.Git}} {
		u, err := url.Parse(a.address)
		if a.address != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil) { // it is not quoted: it may hold a token
			fail(a.key, "expected an address without credentials, such as https://git.example.com")
		}
	}
	if f.Git == "" {
		f.Git = gitAddress(f.Kind, f.API)
	}
}

// CheckFiles says which kubeconfigs are not there: a mistake that is best known before something is to be done.
func (c *Config) CheckFiles() error {
	files := []string{c.Kubeconfig}
	if c.Preview != nil {
		files = append(files, c.Preview.Kubeconfig)
	}
	var errs []error
	for _, f := range files {
		if f == "" {
			continue
		}
		if _, err := os.Stat(f); err != nil {
			errs = append(errs, fmt.Errorf("kubeconfig: %w", err))
		}
	}
	return errors.Join(errs...)
}

// gitAddress is the address below which a forge's repositories are cloned, by that of its API.
func gitAddress(kind, api string) string {
	api = strings.TrimSuffix(api, "/")
	switch {
	case kind == kindGitLab && api == "":
		return "https://gitlab.com"
	case kind == kindGitLab:
		return strings.TrimSuffix(api, "/api/v4")
	case api == "", api == "https://api.github.com":
		return "https://github.com"
	}
	return strings.TrimSuffix(api, "/api/v3")
}

// of is what the server does for a repository; nil if nothing. Forges do not tell names apart by case: an entry that binds a repository
// must not let go of it because it spells its name in another way.
func (f *ForgeConfig) of(repo forge.Repo) *RepositoryConfig {
	name := strings.ToLower(repo.String())
	for i, r := range f.Repositories {
		if ok, _ := path.Match(strings.ToLower(r.Name), name); ok { // checked before
			return &f.Repositories[i]
		}
	}
	return nil
}

// exact says whether it is of one repository, and no pattern.
func (r *RepositoryConfig) exact() bool { return !strings.ContainsAny(r.Name, `*?[\`) }

// names says whether an entry is of that one repository.
func (f *ForgeConfig) names(repo forge.Repo) bool {
	return slices.ContainsFunc(f.Repositories, func(r RepositoryConfig) bool { return r.exact() && strings.EqualFold(r.Name, repo.String()) })
}

// example is a repository that is known before anything is heard, if there is one.
func (f *ForgeConfig) example() (forge.Repo, bool) {
	for i := range f.Repositories {
		if repo, err := forge.ParseRepo(f.Repositories[i].Name); err == nil && f.Repositories[i].exact() {
			return repo, true
		}
	}
	return forge.Repo{}, false
}

// serves says whether deliveries about a repository are taken.
func (f *ForgeConfig) serves(repo forge.Repo) bool { return f.of(repo) != nil }

// mayUse says whether the targets of a repository may have a context; "" is one that a target does not name.
func (f *ForgeConfig) mayUse(repo forge.Repo, context string) error {
	r := f.of(repo)
	switch {
	case r == nil:
		return fmt.Errorf("the server does nothing for %s", repo)
	case len(r.Contexts) == 0:
		return nil
	case context == "":
		return fmt.Errorf("the target names no context, and the server lets %s have only some: %s", repo, strings.Join(r.Contexts, ", "))
	}
	for _, p := range r.Contexts {
		if ok, _ := path.Match(p, context); ok { // checked before
			return nil
		}
	}
	return fmt.Errorf("the server does not let %s have the context %q; it may have: %s. Whoever runs the server decides that, in repositories of its configuration", repo, context, strings.Join(r.Contexts, ", "))
}

// secrets are all secret values, longest last read first, for the log to leave out.
func (c *Config) secrets() []string {
	var out []string
	add := func(s *Secret) {
		if v := s.Value(); len(v) >= minMasked {
			out = append(out, v)
		}
	}
	add(c.DigestKey)
	if strings.Contains(c.Database.value, "://") {
		add(&c.Database)
	}
	for i := range c.Forges {
		f := &c.Forges[i]
		add(f.Token)
		if f.App != nil {
			add(f.App.PrivateKey)
		}
		for n := range f.Secrets {
			add(&f.Secrets[n])
		}
		for n := range f.SigningTokens {
			add(&f.SigningTokens[n])
		}
	}
	return out
}

// minMasked is how long a value must be to be looked for in the log: a shorter one is part of other words.
const minMasked = 6
