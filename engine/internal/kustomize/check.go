package kustomize

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"
)

// checker reads every kustomization that a build can reach and refuses what must not be built.
type checker struct {
	reporter
	errs []error

	remote *mounted // what was fetched; nil: nothing may be

	dir        string              // of the kustomization that is read now
	uses       map[string][]string // directories that a kustomization in a directory builds on; of "", the one that is built
	visited    map[visit]bool
	inPlugin   bool        // what is read now makes plugin configurations
	pluginDirs []pluginDir // kustomizations that make plugin configurations

	sorts  map[string]bool // directories whose kustomization has sortOptions
	schema schemaUse       // what the kustomizations do with the global schema, the most of all
	makers []maker         // what makes objects, in the order of the objects
	unsure bool            // some kustomization may make them in another order, or drop some
	listed bool            // the last kustomization that was read does nothing but list resources

	transforming []transforming
	made         map[string][]map[string]any // plugin configurations, by the directory whose kustomization makes them

	traced   bool // some kustomization has buildMetadata, which tells which fields were used
	targeted []targeted
	secrets  []string // literals of secret generators, which no error may quote
}

// schemaOf is what kustomize does with its schema for a kustomization: it asks it where things are merged or referred to.
func schemaOf(k *types.Kustomization) schemaUse {
	switch {
	case len(k.OpenAPI) > 0:
		return changesSchema
	case len(k.Patches)+len(k.PatchesJson6902)+len(k.PatchesStrategicMerge) > 0, //nolint:staticcheck // deprecated, and in use
		len(k.Components)+len(k.Generators)+len(k.Transformers)+len(k.Validators) > 0,
		len(k.Replacements)+len(k.Vars)+len(k.Configurations)+len(k.Crds) > 0: //nolint:staticcheck // deprecated, and in use
		return readsSchema
	}
	return noSchema
}

// A maker is a file that objects come from: a resource file, or a kustomization that generates one.
type maker struct {
	file     string
	count    int    // how many; -1 when reading would be needed to tell
	listedIn string // the directory of the kustomization that lists the file
}

type visit struct {
	dir      string
	inPlugin bool
}

// check visits dir and all that it refers to.
func (c *checker) check(dir string) error {
	c.visited, c.sorts, c.made = map[visit]bool{}, map[string]bool{}, map[string][]map[string]any{}
	c.uses = map[string][]string{}
	c.visit(dir)
	if len(c.errs) == 0 {
		c.repeats(dir)
	}
	// Only what has been read without objection may be built to see what plugins it configures.
	if len(c.errs) == 0 {
		for _, p := range c.pluginDirs {
			c.dir = p.user
			c.built(p.dir)
		}
	}
	if len(c.errs) == 0 {
		c.patchers()
	}
	return errors.Join(c.errs...)
}

func (c *checker) refuse(file, format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf("%s: %s", c.display(file), fmt.Sprintf(format, args...)))
}

func (c *checker) visit(dir string) {
	if at, _, err := c.fsys.CleanedAbs(dir); err == nil {
		dir = string(at) // a directory that is reached by links is one, not several
	}
	c.uses[c.dir] = append(c.uses[c.dir], dir)
	if v := (visit{dir, c.inPlugin}); c.visited[v] {
		c.unsure = true
		return // a cycle is for kustomize to report
	} else {
		c.visited[v] = true
	}
	file := kustomizationPath(c.fsys, dir)
	if file == "" {
		c.refuse(dir, "no kustomization.yaml in this directory")
		return
	}
	data, err := c.fsys.ReadFile(file)
	if err != nil {
		c.refuse(file, "%v", err)
		return
	}
	var k types.Kustomization
	misread := false
	if err := k.Unmarshal(data); err != nil {
		if k, misread = c.misread(dir, data, err); !misread {
			return
		}
	}
	if !c.once(file, data) {
		return
	}
	k.FixKustomization()
	if err := k.CheckEmpty(); err != nil && !misread {
		c.refuse(file, "%v", errEmpty)
		return
	}
	outer := c.dir
	c.dir, c.uses[dir] = dir, nil
	c.kustomization(file, &k)
	c.dir = outer
}

// kustomization checks every field that can name a path.
func (c *checker) kustomization(file string, k *types.Kustomization) {
	c.sorts[path.Dir(file)] = k.SortOptions != nil
	c.listed = isList(*k)
	c.schema = max(c.schema, schemaOf(k))
	c.traced = c.traced || len(k.BuildMetadata) > 0
	c.unsure = c.unsure || len(k.Generators)+len(k.Components) > 0
	if len(k.HelmCharts) > 0 {
		c.refuse(file, "helmCharts: %s", noInflation)
	}
	for _, r := range k.Resources {
		c.resource(file, "resources", r)
	}
	for _, g := range k.ConfigMapGenerator {
		c.generator(file, g.GeneratorArgs)
	}
	for _, g := range k.SecretGenerator {
		c.generator(file, g.GeneratorArgs)
	}
	for _, r := range k.Components {
		c.resource(file, "components", r)
	}
	for _, p := range k.Crds {
		c.local(file, "crds", p)
		c.definitions(file, p)
	}
	for _, p := range k.Configurations {
		c.file(file, "configurations", p)
	}
	c.local(file, "openapi.path", k.OpenAPI["path"])
	c.targets(file, "patches", k.Patches)
	c.targets(file, "patchesJson6902", k.PatchesJson6902)           //nolint:staticcheck // deprecated, and in use
	for _, p := range slices.Concat(k.Patches, k.PatchesJson6902) { //nolint:staticcheck // deprecated, and in use
		c.file(file, "patches", p.Path)
	}
	for _, p := range k.PatchesStrategicMerge { //nolint:staticcheck // deprecated, and in use
		c.local(file, "patchesStrategicMerge", string(p))
	}
	for _, r := range k.Replacements {
		c.file(file, "replacements", r.Path)
	}
	for _, g := range k.ConfigMapGenerator {
		c.sources(file, "configMapGenerator", g.KvPairSources)
	}
	for _, g := range k.SecretGenerator {
		c.sources(file, "secretGenerator", g.KvPairSources)
		c.secrets = append(c.secrets, g.LiteralSources...)
	}
	for _, p := range k.Generators {
		c.plugin(file, "generators", p)
	}
	for _, p := range k.Transformers {
		c.plugin(file, "transformers", p)
	}
	if len(k.Transformers) > 0 && !c.inPlugin {
		c.transforming = append(c.transforming, transforming{file, k.Transformers})
	}
	for _, p := range k.Validators {
		c.plugin(file, "validators", p)
	}
}

func (c *checker) generator(file string, g types.GeneratorArgs) {
	c.makers = append(c.makers, maker{file, 1, c.dir})
	c.unsure = c.unsure || g.Behavior != "" // a merged one takes the place of another
}

func (c *checker) sources(file, field string, s types.KvPairSources) {
	for _, p := range slices.Concat(s.FileSources, s.EnvSources, []string{s.EnvSource}) {
		c.file(file, field, p)
	}
}

// local refuses a path that kustomize would load from a URL, and one that leads out of a tree from elsewhere. For generators
// it may have the form key=path.
func (c *checker) local(file, field, p string) (ok bool) {
	_, value, _ := strings.Cut(p, "=")
	if isURL(p) || isURL(value) {
		c.refuseEntry(file, field, p, " is remote, which only resources and components may be: copy it into the project")
		return false
	}
	ok = true
	for _, name := range []string{p, value} {
		if name != "" {
			ok = ok && c.enclosed(file, field, p, name)
		}
	}
	return ok
}

// resolve is the path of an entry of the kustomization that is read now.
func (c *checker) resolve(entry string) string {
	return resolve(path.Join(c.dir, "kustomization.yaml"), entry)
}

// file refuses, besides what local does, a path of a file that is not there.
func (c *checker) file(file, field, p string) {
	_, value, _ := strings.Cut(p, "=")
	there := func(name string) bool { return name != "" && c.fsys.Exists(c.resolve(name)) }
	if c.local(file, field, p) && p != "" && !there(p) && !there(value) {
		name := p
		if value != "" {
			name = value
		}
		c.refuseEntry(file, field, p, c.missing("no such file", c.resolve(name)))
	}
}

// missing is what is wrong with an entry that leads to nothing: what the caller knows of it, or else just that.
func (c *checker) missing(otherwise, target string) string {
	if c.opts.Missing != nil && !c.remote.has(target) {
		if why := c.opts.Missing(strings.TrimPrefix(target, "/")); why != "" {
			return ": " + why
		}
	}
	return ": " + otherwise
}

// enclosed says whether a path, which is an entry or a part of one, stays in the file system and in the tree from elsewhere that its
// kustomization is in, and refuses the entry if not.
func (c *checker) enclosed(file, field, entry, name string) bool {
	switch {
	case !c.remote.encloses(c.dir, c.resolve(name)):
		c.refuseEntry(file, field, entry, " leads out of the repository that the kustomization is from: it may read nothing else")
	case leaves(c.dir, name):
		c.refuseEntry(file, field, entry, " leads out of the project's source root, which is the git repository that it lies in, or without one its directory: a project reads only below it")
	default:
		return true
	}
	return false
}

// refuseEntry is refuse for what stands below a field of a kustomization.
func (c *checker) refuseEntry(file, field, entry, problem string) {
	c.errs = append(c.errs, fmt.Errorf("%s: %s: %s%s", c.placeEntry(file, field, entry), field, shownEntry(entry), problem))
}

// fetched is where an entry that is remote lies. It refuses it where nothing may be fetched.
func (c *checker) fetched(file, field, entry string) (at string, ok bool) {
	if c.remote != nil {
		at, ok = c.remote.placed[entry]
	}
	if !ok {
		c.refuseEntry(file, field, entry, " is remote, and only the project's own files are read: copy it into the project, "+
			"or allow remote bases (--allow-remote-bases, or for pull requests remoteBases: true in .weighlock.yaml)")
	}
	return at, ok
}

// target is where an entry of a list of files, directories or repositories lies.
func (c *checker) target(file, field, entry string) (at string, ok bool) {
	if isURL(entry) || isRepository(entry) {
		return c.fetched(file, field, entry)
	}
	return resolve(file, entry), c.enclosed(file, field, entry, entry)
}

// resource checks an entry that may be a file, a directory or a repository.
func (c *checker) resource(file, field, entry string) {
	target, ok := c.target(file, field, entry)
	switch {
	case !ok:
	case c.fsys.IsDir(target) && kustomizationPath(c.fsys, target) == "":
		c.refuseEntry(file, field, entry, " is a directory without a kustomization.yaml: give it one, or list its files")
	case c.fsys.IsDir(target):
		c.visit(target)
	case c.fsys.Exists(target):
		data, err := c.fsys.ReadFile(target)
		if err != nil {
			c.refuse(target, "%v", err)
			return
		}
		if tooDeep(data) {
			c.refuse(target, "is nested deeper than %d levels, which no object is", maxDepth)
			return
		}
		c.makers = append(c.makers, maker{target, documents(data), c.dir})
	default:
		c.refuseEntry(file, field, entry, c.missing("no such file or directory", target))
	}
}

// resolve is the path of an entry of a kustomization file.
func resolve(file, entry string) string {
	if path.IsAbs(entry) {
		return path.Clean(entry)
	}
	return path.Join(path.Dir(file), entry)
}

// isURL says whether kustomize loads p by http when it wants a file.
func isURL(p string) bool {
	u, err := url.Parse(p)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https")
}

var (
	scheme = regexp.MustCompile(`(?i)^(git::|[a-z][a-z0-9+.-]*://)`)
	github = regexp.MustCompile(`(?i)^github\.com[/:]`)
	// scpLike is user@host:path and, as kustomize reads it, user@host/owner/repository.
	scpLike = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9-]*@[^/:]+(:.|/[^/]+/.|/.*(_git/|//|\.git))`)
)

// isRepository says whether kustomize could take p for a git repository, which it does even where a directory of that name exists.
func isRepository(p string) bool {
	return !path.IsAbs(p) && (scheme.MatchString(p) || github.MatchString(p) || scpLike.MatchString(p))
}

func isKustomization(file string) bool {
	return slices.Contains(konfig.RecognizedKustomizationFileNames(), path.Base(file))
}

// kustomizationPath returns the path of the kustomization file in dir, or "".
func kustomizationPath(fsys FS, dir string) string {
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		if p := path.Join(dir, name); fsys.Exists(p) && !fsys.IsDir(p) {
			return p
		}
	}
	return ""
}
