package project

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/gobwas/glob"
	"golang.org/x/sync/errgroup"

	"github.com/weighlock/weighlock/engine/internal/source"
	"github.com/weighlock/weighlock/engine/yamldoc"
)

// gitVars is a variable source: a file of a repository (project format §6).
type gitVars struct {
	URL  string  `json:"url"`
	Ref  *gitRef `json:"ref"`
	Path string  `json:"path"`
}

// Check finds what is missing. Addresses and refs may be templates still.
func (g *gitVars) Check(fail func(key, format string, args ...any)) {
	if g.URL == "" {
		fail("", "needs url, the address of a repository")
	}
	if g.Path == "" {
		fail("", "needs path, a file of the repository")
	}
}

// gitFiles is a variable source: files of all branches or tags that match (project format §6).
type gitFiles struct {
	URL   string          `json:"url"`
	Ref   *gitRef         `json:"ref"`
	Files []gitFilesEntry `json:"files"`
}

type gitFilesEntry struct {
	Glob         string `json:"glob"`
	Render       bool   `json:"render"`
	ParseYAML    bool   `json:"parseYaml"`
	YAMLMultiDoc bool   `json:"yamlMultiDoc"`
}

// Check finds what is missing.
func (g *gitFiles) Check(fail func(key, format string, args ...any)) {
	if g.URL == "" {
		fail("", "needs url, the address of a repository")
	}
	if len(g.Files) == 0 {
		fail("", "needs files, a list of {glob: …}")
	}
}

// Check finds an entry that matches nothing.
func (f *gitFilesEntry) Check(fail func(key, format string, args ...any)) {
	if f.Glob == "" {
		fail("", "needs glob, such as config/*.yaml")
	}
	if f.YAMLMultiDoc && !f.ParseYAML {
		fail("yamlMultiDoc", "goes only with parseYaml: true")
	}
}

// tree is the entry as templates see it.
func (f *gitFilesEntry) tree() map[string]any {
	return map[string]any{"glob": f.Glob, "render": f.Render, "parseYaml": f.ParseYAML, "yamlMultiDoc": f.YAMLMultiDoc}
}

// renderRepository renders the templates in an address and a ref, and checks them.
func renderRepository(ctx context.Context, tpl *Templates, url *string, ref **gitRef, vars Vars, at string) error {
	text := func(key string, s *string) (err error) {
		*s, err = tpl.Text(ctx, at+"."+key, *s, vars)
		return err
	}
	errs := []error{text("url", url)}
	if *ref != nil {
		r := **ref
		*ref = &r
		errs = append(errs, text("ref.branch", &r.Branch), text("ref.tag", &r.Tag), text("ref.commit", &r.Commit))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	fail := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s", strings.TrimSuffix(at+"."+key, "."), fmt.Sprintf(format, args...)))
	}
	checkGitURL(*url, fail)
	if *ref != nil {
		(*ref).Check(func(key, format string, args ...any) { fail(strings.TrimSuffix("ref."+key, "."), format, args...) })
	}
	return errors.Join(errs...)
}

// loadGit loads a file of a repository.
func (r *resolver) loadGit(ctx context.Context, tpl *Templates, e varsEntry, vars Vars, at string) (loaded, error) {
	g := *e.Git
	at += ".git"
	name, err := tpl.Text(ctx, at+".path", g.Path, vars)
	if err := errors.Join(err, renderRepository(ctx, tpl, &g.URL, &g.Ref, vars, at)); err != nil {
		return loaded{}, err
	}
	from, err := r.source(ctx, g.Ref.of(g.URL))
	if err != nil {
		return loaded{}, fmt.Errorf("%s: %w", at, err)
	}
	if err := from.confined(name); err != nil {
		return loaded{}, fmt.Errorf("%s.path: %w", at, err)
	}
	l, err := r.loadDocument(ctx, from.Templates([]string{path.Dir(path.Clean(name)), "."}), name, vars, e.Multidoc)
	switch {
	case errors.Is(err, fs.ErrNotExist) && e.IgnoreMissing:
		return loaded{}, nil
	case errors.Is(err, fs.ErrNotExist):
		return loaded{}, fmt.Errorf("%s.path: %s: not found", at, from.Display(name))
	}
	return l, err
}

// source is the tree of a ref, opened.
func (r *resolver) source(ctx context.Context, ref any) (*Source, error) {
	tree, err := r.tree(ctx, ref)
	if err != nil {
		return nil, err
	}
	return r.project.trees.get(tree)
}

// loadGitFiles loads the files of all refs that match, in the order of the refs' names.
func (r *resolver) loadGitFiles(ctx context.Context, tpl *Templates, e varsEntry, vars Vars, at string) (loaded, error) {
	g := *e.GitFiles
	at += ".gitFiles"
	g.Files = slices.Clone(g.Files)
	var globs []glob.Glob
	var errs []error
	for i := range g.Files {
		f := &g.Files[i]
		place := fmt.Sprintf("%s.files[%d].glob", at, i)
		text, err := tpl.Text(ctx, place, f.Glob, vars)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		f.Glob = text
		pattern, err := glob.Compile(text, '/')
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %q: %w", place, text, err))
		}
		globs = append(globs, pattern)
	}
	errs = append(errs, renderRepository(ctx, tpl, &g.URL, &g.Ref, vars, at))
	if err := errors.Join(errs...); err != nil {
		return loaded{}, err
	}
	refs, err := r.matching(ctx, g)
	if err != nil {
		return loaded{}, fmt.Errorf("%s: %w", at, err)
	}
	matches := []any{}
	for _, ref := range refs {
		from, err := r.source(ctx, ref.ask)
		if err != nil {
			return loaded{}, fmt.Errorf("%s: %w", at, err)
		}
		m, err := gitMatch{files: g.Files, globs: globs, from: from, kept: r.kept}.load(ctx, vars)
		if err != nil {
			return loaded{}, fmt.Errorf("%s: %w", at, err)
		}
		m["ref"], m["refStr"] = ref.tree, ref.name
		matches = append(matches, m)
	}
	key, _ := source.RepoKey(g.URL) // checked
	return loaded{value: matches, origin: "files of " + key}, nil
}

// matchedRef is a ref of a repository that gitFiles asked for.
type matchedRef struct {
	name string // refs/heads/main; a commit's id
	tree map[string]any
	ask  source.GitRef
}

// matching are the refs that match, fetched side by side. Branch and tag are regular expressions for all of a name.
func (r *resolver) matching(ctx context.Context, g gitFiles) ([]matchedRef, error) {
	kind, prefix, pattern := "branch", "refs/heads/", ""
	switch {
	case g.Ref == nil:
		tree, err := r.tree(ctx, source.GitRef{URL: g.URL})
		branch := strings.TrimPrefix(tree.Ref, prefix)
		return []matchedRef{{name: tree.Ref, tree: map[string]any{kind: branch}, ask: source.GitRef{URL: g.URL}}}, err
	case g.Ref.Commit != "":
		return []matchedRef{{name: g.Ref.Commit, tree: map[string]any{"commit": g.Ref.Commit}, ask: g.Ref.of(g.URL)}}, nil
	case g.Ref.Tag != "":
		kind, prefix, pattern = "tag", "refs/tags/", g.Ref.Tag
	default:
		pattern = g.Ref.Branch
	}
	match, err := regexp.Compile("^(?:" + pattern + ")$")
	if err != nil {
		return nil, fmt.Errorf("ref.%s: %w", kind, err)
	}
	cache, err := r.project.Cache()
	if err != nil {
		return nil, err
	}
	all, err := cache.GitRefs(ctx, g.URL)
	if err != nil {
		return nil, err
	}
	var out []matchedRef
	var group errgroup.Group
	group.SetLimit(parallelFetches)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		short, ok := strings.CutPrefix(name, prefix)
		if !ok || !match.MatchString(short) {
			continue
		}
		ref := gitRef{Branch: short}
		if kind == "tag" {
			ref = gitRef{Tag: short}
		}
		ask := ref.of(g.URL)
		out = append(out, matchedRef{name: name, tree: map[string]any{kind: short}, ask: ask})
		group.Go(func() error {
			_, err := r.tree(ctx, ask)
			return err
		})
	}
	return out, group.Wait()
}

// gitMatch picks files of one ref's tree.
type gitMatch struct {
	files []gitFilesEntry
	globs []glob.Glob
	from  *Source
	kept  *kept
}

// maxGitFiles bounds the content of one ref's files, which variables hold.
const maxGitFiles = 64 << 20

// load returns the files as a list, by their paths, and as a tree of maps. The first glob that matches a file counts.
func (m gitMatch) load(ctx context.Context, vars Vars) (map[string]any, error) {
	list, byPath, tree := []any{}, map[string]any{}, map[string]any{}
	total := 0
	err := fs.WalkDir(m.from.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			if e != nil && e.Name() == ".git" {
				return fs.SkipDir
			}
			return err
		}
		i := slices.IndexFunc(m.globs, func(g glob.Glob) bool { return g.Match(name) })
		if i < 0 {
			return nil
		}
		// A link to a directory is none of its files.
		if info, err := fs.Stat(m.from.FS(), name); err != nil || info.IsDir() {
			return m.from.escapeError(name, err)
		}
		file, size, err := m.file(ctx, name, &m.files[i], vars)
		if err != nil {
			return err
		}
		if total += size; total > maxGitFiles {
			return fmt.Errorf("%s: the files that match hold more than %d bytes: match fewer", m.from.Display("."), maxGitFiles)
		}
		list, byPath[name] = append(list, file), file
		at := tree
		dirs := strings.Split(name, "/")
		for _, dir := range dirs[:len(dirs)-1] {
			next, ok := at[dir].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[dir] = next
			}
			at = next
		}
		at[path.Base(name)] = file
		return nil
	})
	return map[string]any{"files": list, "filesByPath": byPath, "filesTree": tree}, err
}

func (m gitMatch) file(ctx context.Context, name string, f *gitFilesEntry, vars Vars) (map[string]any, int, error) {
	data, err := m.from.Read(name)
	if err != nil {
		return nil, 0, err
	}
	text := data
	if f.Render {
		if text, err = m.from.Templates([]string{path.Dir(name), "."}).File(ctx, name, vars); err != nil {
			return nil, 0, err
		}
	}
	text, encrypted, err := m.kept.plain(ctx, rendered{name: m.from.Display(name), template: data, text: text})
	if err != nil {
		return nil, 0, err
	}
	out := map[string]any{"file": f.tree(), "path": name, "size": int64(len(data)), "content": string(text)}
	if f.ParseYAML {
		parsed, err := documents(m.from.Display(name), text, f.YAMLMultiDoc)
		if err != nil && !encrypted {
			err = yamldoc.Relocate(err, data, text)
		}
		if err != nil {
			return nil, 0, err
		}
		out["parsed"] = parsed
	}
	return out, len(text), nil
}
