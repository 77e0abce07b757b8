package bot

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

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
	// Forks says what is shown of a fork's change before somebody lets it be looked at.
	Forks ForksMode
	// Readiness are the rules that say of kinds of the repository's own when their objects are ready.
	Readiness *ready.Rules
	// Comment says what the preview comment looks like.
	Comment CommentConfig
	// targets holds the policies with their patterns, the less exact first, so that later ones win.
	targets []targetEntry
}

// A ForksMode says what is shown of a fork's change before somebody who may write lets it be looked at.
type ForksMode string

// The modes: how what is rendered differs, found out without a cluster by a process that can reach nothing; or nothing.
const (
	ForksOffline ForksMode = "offline"
	ForksNone    ForksMode = "none"
)

// A ProjectConfig names a deployment project of the repository.
type ProjectConfig struct {
	// Path is the project's directory, as a slash path from the repository's root.
	Path string `json:"path"`
	// Name is what people call it; default: the base name of its path.
	Name string `json:"name"`
}

// Records say where the clusters keep locks and results.
type Records struct {
	// Namespace is where they are; default [lock.Namespace]. All who deploy to a cluster must use the same.
	Namespace string `json:"namespace"`
	// Keep is how many results of a target are kept; default [history.DefaultKeep].
	Keep int `json:"keep"`
}

// fileConfig is the file's own shape. Pointers tell what is set from what is not.
type fileConfig struct {
	Version  int                   `json:"version"`
	Projects []ProjectConfig       `json:"projects"`
	Targets  map[string]fileTarget `json:"targets"`
	Remotes  []string              `json:"remotes"`
	Records  Records               `json:"records"`

	RemoteBases bool       `json:"remoteBases"`
	Forks       *ForksMode `json:"forks"`
	// Readiness are CEL rules by kind.
	Readiness []ready.Rule `json:"readiness"`
	Comment   fileComment  `json:"comment"`
}

// A targetEntry is an entry of targets.
type targetEntry struct {
	pattern string
	target  fileTarget
	// at tells where in the file one of its keys is.
	at func(key ...string) string
}

// DefaultConfig is what holds for a repository without a configuration: one project at its root, deployed by command.
func DefaultConfig() *Config {
	return &Config{Projects: []ProjectConfig{{Path: ".", Name: "."}}, Comment: defaultComment, Forks: ForksOffline}
}

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
	c := &Config{Remotes: f.Remotes, RemoteBases: f.RemoteBases, Records: f.Records, Forks: ForksOffline}
	if f.Forks != nil {
		if c.Forks = *f.Forks; c.Forks != ForksOffline && c.Forks != ForksNone {
			errs = append(errs, doc.Errorf([]string{"forks"}, "found %q, expected offline or none", c.Forks))
		}
	}
	if n := f.Records.Namespace; n != "" && !namespaceName.MatchString(n) {
		errs = append(errs, doc.Errorf([]string{"records", "namespace"}, "found %q, expected the name of a namespace", n))
	}
	if f.Records.Keep < 0 {
		errs = append(errs, doc.Errorf([]string{"records", "keep"}, "found %d, expected how many results are kept", f.Records.Keep))
	}
	var commentErrs []error
	c.Comment, commentErrs = f.Comment.checked(doc)
	errs = append(errs, commentErrs...)
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
		c.targets = append(c.targets, targetEntry{pattern, t, func(key ...string) string {
			return fmt.Sprintf("%s:%d", file, doc.Line(append(slices.Clone(at), key...)...))
		}})
	}
	slices.SortFunc(c.targets, func(a, b targetEntry) int {
		if d := cmp.Or(exactness(a.pattern)-exactness(b.pattern), literal(a.pattern)-literal(b.pattern)); d != 0 {
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

func isLocal(p string) bool {
	c := path.Clean(p)
	return !path.IsAbs(c) && c != ".." && !strings.HasPrefix(c, "../")
}
