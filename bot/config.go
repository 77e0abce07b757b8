package bot

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/ready"
	"github.com/weighlock/weighlock/engine/yamldoc"
)

// ConfigFile is the configuration's place in a repository.
const ConfigFile = ".weighlock.yaml"

// A Config is a repository's .weighlock.yaml.
type Config struct {
	Projects []ProjectConfig
	// Remotes are the git, OCI and chart repositories that the projects of forks may use; see [project.Untrusted].
	Remotes []string
	// Records say where locks and results are kept.
	Records Records
	// RemoteBases lets kustomizations name repositories and files elsewhere; those of forks only what is in Remotes.
	RemoteBases bool
	// Readiness are the rules that say of kinds of the repository's own when their objects are ready.
	Readiness *ready.Rules
	// targets holds the policies with their patterns, the less exact first, so that later ones win.
	targets []targetEntry
}

// A ProjectConfig names a deployment project of the repository.
type ProjectConfig struct {
	// Path is the project's directory, as a slash path from the repository's root.
	Path string `json:"path"`
	// Name is what people call it; default: the base name of its path.
	Name string `json:"name"`
}

// A DeployMode says what deploys a target.
type DeployMode string

// The deploy modes.
const (
	DeployOnMerge   DeployMode = "merge"   // a push to the target's branch; a command may, too
	DeployOnCommand DeployMode = "command" // a /deploy comment
	DeployNever     DeployMode = "never"
)

// A PreviewMode says when a target is compared with its cluster for a pull request.
type PreviewMode string

// The preview modes.
const (
	// PreviewChanged compares a target whose rendered objects the pull request changes.
	PreviewChanged PreviewMode = "changed"
	PreviewAlways  PreviewMode = "always"
	PreviewNever   PreviewMode = "never"
)

// A PruneMode says what happens to objects that were removed from the project.
type PruneMode string

// The prune modes.
const (
	PruneReport PruneMode = "report"
	PruneApply  PruneMode = "apply"
)

// A LockMode says whether a target may be deployed to without a lock.
type LockMode string

// The lock modes. With LockOptional missing rights are a warning.
const (
	LockRequired LockMode = "required"
	LockOptional LockMode = "optional"
)

// Records say where the clusters keep locks and results.
type Records struct {
	// Namespace is where they are; default [lock.Namespace]. All who deploy to a cluster must use the same.
	Namespace string `json:"namespace"`
	// Keep is how many results of a target are kept; default [history.DefaultKeep].
	Keep int `json:"keep"`
}

// A TargetPolicy is what holds for a target.
type TargetPolicy struct {
	Preview PreviewMode
	Deploy  DeployMode
	// Branch is the branch whose pushes deploy; "" is the repository's default branch.
	Branch string
	// Permission is what a user needs in the repository to deploy.
	Permission forge.Permission
	Prune      PruneMode
	// Adopt allows to take over objects of another owner.
	Adopt bool
	Lock  LockMode
}

// fileConfig is the file's own shape. Pointers tell what is set from what is not.
type fileConfig struct {
	Version  int                   `json:"version"`
	Projects []ProjectConfig       `json:"projects"`
	Targets  map[string]fileTarget `json:"targets"`
	Remotes  []string              `json:"remotes"`
	Records  Records               `json:"records"`

	RemoteBases bool `json:"remoteBases"`
	// Readiness are CEL rules by kind.
	Readiness []ready.Rule `json:"readiness"`
}

type fileTarget struct {
	Preview *PreviewMode `json:"preview"`
	Deploy  *DeployMode  `json:"deploy"`
	Branch  *string      `json:"branch"`
	Allow   *fileAllow   `json:"allow"`
	Prune   *PruneMode   `json:"prune"`
	Adopt   *bool        `json:"adopt"`
	Lock    *LockMode    `json:"lock"`
}

type fileAllow struct {
	Permission *string `json:"permission"`
}

type targetEntry struct {
	pattern string
	target  fileTarget
}

// DefaultConfig is what holds for a repository without a configuration: one project at its root, deployed by command.
func DefaultConfig() *Config { return &Config{Projects: []ProjectConfig{{Path: ".", Name: "."}}} }

// ParseConfig reads .weighlock.yaml; file names it in errors. All mistakes are reported at once. Keys that this version
// does not know are mistakes: a policy must not be taken for effective when it is not.
func ParseConfig(file string, data []byte) (*Config, error) {
	docs, err := yamldoc.Values(file, data)
	if err != nil {
		return nil, err
	}
	if len(docs) == 0 {
		return DefaultConfig(), nil
	}
	if len(docs) > 1 {
		return nil, fmt.Errorf("%s:%d: found a second document, expected one", file, docs[1].Start)
	}
	doc := docs[0]
	var f fileConfig
	if err := doc.Decode(&f); err != nil {
		return nil, err
	}
	var errs []error
	if f.Version != 1 {
		errs = append(errs, doc.Errorf([]string{"version"}, "found %d, expected 1", f.Version))
	}
	c := &Config{Remotes: f.Remotes, RemoteBases: f.RemoteBases, Records: f.Records}
	if n := f.Records.Namespace; n != "" && !namespaceName.MatchString(n) {
		errs = append(errs, doc.Errorf([]string{"records", "namespace"}, "found %q, expected the name of a namespace", n))
	}
	if f.Records.Keep < 0 {
		errs = append(errs, doc.Errorf([]string{"records", "keep"}, "found %d, expected how many results are kept", f.Records.Keep))
	}
	if c.Readiness, err = ready.Compile(f.Readiness); err != nil {
		errs = append(errs, doc.Errorf([]string{"readiness"}, "%v", err))
	}
	for i, r := range f.Remotes {
		if err := project.CheckRemote(r); err != nil {
			errs = append(errs, doc.Errorf([]string{"remotes", fmt.Sprint(i)}, "%v", err))
		}
	}
	names := map[string]bool{}
	for i, p := range f.Projects {
		at := []string{"projects", fmt.Sprint(i)}
		if p.Path == "" || !isLocal(p.Path) {
			errs = append(errs, doc.Errorf(append(slices.Clone(at), "path"), "found %q, expected a directory of the repository", p.Path))
			continue
		}
		p.Path = path.Clean(p.Path)
		if p.Name == "" {
			p.Name = path.Base(p.Path)
		}
		if names[p.Name] {
			errs = append(errs, doc.Errorf(at, "the name %q is taken by an earlier project; give one of them another name", p.Name))
		}
		names[p.Name] = true
		c.Projects = append(c.Projects, p)
	}
	if len(c.Projects) == 0 {
		c.Projects = DefaultConfig().Projects
	}
	for pattern, t := range f.Targets {
		at := []string{"targets", pattern}
		if _, err := path.Match(pattern, ""); err != nil {
			errs = append(errs, doc.Errorf(at, "%q is not a pattern", pattern))
		}
		errs = append(errs, checkTarget(doc, at, t)...)
		c.targets = append(c.targets, targetEntry{pattern, t})
	}
	slices.SortFunc(c.targets, func(a, b targetEntry) int {
		if d := exactness(a.pattern) - exactness(b.pattern); d != 0 {
			return d
		}
		return doc.Line("targets", a.pattern) - doc.Line("targets", b.pattern)
	})
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return c, nil
}

var namespaceName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

func checkTarget(doc yamldoc.Document, at []string, t fileTarget) []error {
	var errs []error
	if t.Preview != nil && !slices.Contains([]PreviewMode{PreviewChanged, PreviewAlways, PreviewNever}, *t.Preview) {
		errs = append(errs, doc.Errorf(append(slices.Clone(at), "preview"), "found %q, expected changed, always or never", *t.Preview))
	}
	if t.Deploy != nil && !slices.Contains([]DeployMode{DeployOnMerge, DeployOnCommand, DeployNever}, *t.Deploy) {
		errs = append(errs, doc.Errorf(append(slices.Clone(at), "deploy"), "found %q, expected merge, command or never", *t.Deploy))
	}
	if t.Prune != nil && *t.Prune != PruneReport && *t.Prune != PruneApply {
		errs = append(errs, doc.Errorf(append(slices.Clone(at), "prune"), "found %q, expected report or apply", *t.Prune))
	}
	if t.Lock != nil && *t.Lock != LockRequired && *t.Lock != LockOptional {
		errs = append(errs, doc.Errorf(append(slices.Clone(at), "lock"), "found %q, expected required or optional", *t.Lock))
	}
	if t.Allow != nil && t.Allow.Permission != nil {
		p, err := forge.ParsePermission(*t.Allow.Permission)
		if err != nil || p < forge.Triage {
			errs = append(errs, doc.Errorf(append(slices.Clone(at), "allow", "permission"), "found %q, expected triage, write, maintain or admin", *t.Allow.Permission))
		}
	}
	return errs
}

func isLocal(p string) bool {
	c := path.Clean(p)
	return !path.IsAbs(c) && c != ".." && !strings.HasPrefix(c, "../")
}

// exactness orders patterns: a glob, a target's name, a project and target.
func exactness(pattern string) int {
	n := 0
	if !strings.ContainsAny(pattern, `*?[\`) {
		n += 2
	}
	if strings.Contains(pattern, ":") {
		n++
	}
	return n
}

// Policy is what holds for a target of a project: defaults, then each entry that matches, the more exact and the later
// ones last.
func (c *Config) Policy(project, target string) TargetPolicy {
	p := TargetPolicy{Preview: PreviewChanged, Deploy: DeployOnCommand, Permission: forge.Write, Prune: PruneReport, Lock: LockRequired}
	for _, e := range c.targets {
		name := target
		if strings.Contains(e.pattern, ":") {
			name = project + ":" + target
		}
		if ok, _ := path.Match(e.pattern, name); !ok {
			continue
		}
		if e.target.Preview != nil {
			p.Preview = *e.target.Preview
		}
		if e.target.Deploy != nil {
			p.Deploy = *e.target.Deploy
		}
		if e.target.Branch != nil {
			p.Branch = *e.target.Branch
		}
		if e.target.Prune != nil {
			p.Prune = *e.target.Prune
		}
		if e.target.Adopt != nil {
			p.Adopt = *e.target.Adopt
		}
		if e.target.Lock != nil {
			p.Lock = *e.target.Lock
		}
		if e.target.Allow != nil && e.target.Allow.Permission != nil {
			p.Permission, _ = forge.ParsePermission(*e.target.Allow.Permission)
		}
	}
	return p
}
