package chart

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/yaml"

	"github.com/weighlock/weighlock/engine/internal/helm"
	"github.com/weighlock/weighlock/engine/internal/source"
	"github.com/weighlock/weighlock/engine/project"
)

// parallelPulls is how many charts are fetched at a time.
const parallelPulls = 8

// Pulled is what [Pull] did.
type Pulled struct {
	// Charts are the directories that were written, below the project's.
	Charts []string
	// Removed are those of versions that no helm-chart.yaml asks for any more.
	Removed []string
	// Warnings are for people: a version that was published again, a file that has to be rendered first.
	Warnings []string
}

// Pull fetches the charts that the helm-chart.yaml files of a project ask for, puts those without skipPrePull below
// .helm-charts, removes the versions of these charts that nobody asks for any more, and writes the lock file. The files are read as
// they are, without their templates being rendered (project format §4.5).
func Pull(ctx context.Context, p *project.Project) (*Pulled, error) {
	t, err := openTree(p)
	if err != nil {
		return nil, err
	}
	defer t.root.Close()
	files, err := t.files()
	if err != nil {
		return nil, err
	}
	old, err := t.lock()
	if err != nil {
		return nil, err
	}
	var wanted []*pull
	out := &Pulled{}
	for _, f := range files {
		switch {
		case f.spec.Path != "", f.spec.isTemplated() && f.spec.SkipPrePull:
		case f.spec.isTemplated():
			out.Warnings = append(out.Warnings, fmt.Sprintf("%s: is not pulled, since where its chart comes from has to be rendered first: write it out, or set skipPrePull: true", f.shown))
		default:
			wanted = append(wanted, &pull{spec: f.spec, shown: f.shown})
		}
	}
	wanted = unique(wanted)
	cache, err := p.Cache()
	if err != nil && len(wanted) > 0 {
		return nil, err
	}
	errs := make([]error, len(wanted))
	var g errgroup.Group
	g.SetLimit(parallelPulls)
	for i, w := range wanted {
		g.Go(func() error {
			if err := w.fetch(ctx, cache); err != nil {
				errs[i] = fmt.Errorf("%s: %w", w.shown, err)
			}
			return nil
		})
	}
	g.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return out, t.store(wanted, old, out)
}

// pull is a chart on its way below .helm-charts.
type pull struct {
	spec   Spec
	shown  string // the first file that asks for it
	store  bool
	home   string
	dir    string // below home
	files  []helm.File
	locked locked
}

// unique joins what asks for the same version of the same chart.
func unique(all []*pull) []*pull {
	var out []*pull
	for _, w := range all {
		key := w.spec.lockKey()
		i := slices.IndexFunc(out, func(o *pull) bool { return o.spec.lockKey() == key })
		if i < 0 {
			i = len(out)
			out = append(out, w)
		}
		out[i].store = out[i].store || !w.spec.SkipPrePull
	}
	return out
}

func (w *pull) fetch(ctx context.Context, cache *source.Cache) error {
	var err error
	if w.home, err = w.spec.home(); err != nil {
		return err
	}
	w.locked = w.spec.lockKey()
	if w.spec.Git != nil {
		return w.fetchGit(ctx, cache)
	}
	got, err := cache.Chart(ctx, source.ChartRef{Repo: w.spec.Repo, Name: w.spec.Name(), Version: w.spec.ChartVersion, Again: true})
	if err != nil {
		return err
	}
	w.locked.Digest = got.Digest
	if got.Version != w.spec.ChartVersion {
		w.locked.Resolved = got.Version
	}
	if _, err := helm.LoadArchive(got.Archive); err != nil {
		return fmt.Errorf("%s %s %s: %w", redact(w.spec.Repo), w.spec.Name(), got.Version, err)
	}
	if w.files, err = helm.Unpack(got.Archive); err != nil {
		return err
	}
	w.dir, err = versionDir(got.Version)
	return err
}

func (w *pull) fetchGit(ctx context.Context, cache *source.Cache) error {
	g := w.spec.Git
	tree, err := cache.Git(ctx, g.remote())
	if err != nil {
		return err
	}
	if w.files, err = treeFiles(tree.Dir, g.SubDir); err != nil {
		return fmt.Errorf("chart %s of %s at %s: %w", w.spec.Name(), redact(g.URL), g.ref(), err)
	}
	info, err := yaml.Marshal(map[string]string{"url": redact(g.URL), "ref": cmp.Or(tree.Ref, g.ref()), "subDir": g.SubDir, "commit": tree.Commit})
	if err != nil {
		return err
	}
	w.files = append(w.files, helm.File{Name: gitInfo, Data: info})
	if g.Ref != nil && g.Ref.Tag != "" {
		w.locked.Commit = tree.Commit
	}
	w.dir, err = versionDir(g.ref())
	return err
}

// gitInfo is a file that says which commit a chart of git is of.
const gitInfo = ".git-info.yaml"

// isTemplated says whether it is known only after rendering which chart is meant.
func (s *Spec) isTemplated() bool {
	texts := []string{s.Repo, s.ChartName, s.ChartVersion}
	if s.Git != nil {
		texts = append(texts, s.Git.URL, s.Git.SubDir, s.Git.ref())
	}
	return slices.ContainsFunc(texts, isTemplate)
}

// tree is a project's directory, which is written to.
type tree struct {
	project *project.Project
	root    *os.Root
}

func openTree(p *project.Project) (*tree, error) {
	root, err := os.OpenRoot(filepath.Join(p.Source().Root(), filepath.FromSlash(p.Dir())))
	if err != nil {
		return nil, err
	}
	for _, name := range []string{".kluctl.yaml", ".kluctl.yml", ".kluctl-library.yaml", ".kluctl-library.yml"} {
		if _, err := root.Stat(name); err == nil {
			return &tree{p, root}, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("%s is not the root of a project: it has neither .kluctl.yaml nor .kluctl-library.yaml", root.Name()), root.Close())
}

// chartFile is a helm-chart.yaml as it is written.
type chartFile struct {
	name  string // below the project
	shown string
	data  []byte
	spec  Spec
}

// files reads all helm-chart.yaml files of the project.
func (t *tree) files() ([]chartFile, error) {
	var out []chartFile
	var errs []error
	err := fs.WalkDir(t.root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			if _, err := t.root.Stat(filepath.Join(filepath.FromSlash(name), "Chart.yaml")); e.Name() == ".git" || e.Name() == pulledDir || err == nil && name != "." {
				return fs.SkipDir
			}
			return nil
		}
		if !IsFile(e.Name()) {
			return nil
		}
		f := chartFile{name: name, shown: t.project.Source().Display(path.Join(t.project.Dir(), name))}
		if f.data, err = t.root.ReadFile(filepath.FromSlash(name)); err == nil {
			f.spec, err = Read(f.shown, f.data)
		}
		errs = append(errs, err)
		out = append(out, f)
		return nil
	})
	return out, errors.Join(append(errs, err)...)
}

func (t *tree) lock() (lock, error) {
	data, err := t.root.ReadFile(lockFile)
	if errors.Is(err, fs.ErrNotExist) {
		return lock{}, nil
	}
	if err != nil {
		return lock{}, err
	}
	return readLock(t.project.Source().Display(path.Join(t.project.Dir(), lockFile)), data)
}

// store writes what was fetched, and removes what is not asked for any more.
func (t *tree) store(pulls []*pull, old lock, out *Pulled) error {
	var next lock
	kept := map[string]bool{}
	for _, w := range pulls {
		next.Charts = append(next.Charts, w.locked)
		if was, ok := old.find(&w.spec); ok && was.Resolved == w.locked.Resolved && was != w.locked {
			out.Warnings = append(out.Warnings, fmt.Sprintf("%s: %s %s was published again: it was %s and is %s",
				w.shown, w.spec.Name(), w.spec.Version(), was.Digest+was.Commit, w.locked.Digest+w.locked.Commit))
		}
		if !w.store {
			continue
		}
		dir := path.Join(pulledDir, w.home, w.dir)
		kept[dir] = true
		if err := t.write(dir, w.files); err != nil {
			return fmt.Errorf("writing %s: %w", dir, err)
		}
		out.Charts = append(out.Charts, dir)
	}
	for _, w := range pulls {
		stale, err := t.versions(path.Join(pulledDir, w.home))
		if err != nil {
			return err
		}
		for _, dir := range stale {
			if !kept[dir] && !slices.Contains(out.Removed, dir) {
				if err := t.root.RemoveAll(filepath.FromSlash(dir)); err != nil {
					return err
				}
				out.Removed = append(out.Removed, dir)
			}
		}
	}
	slices.Sort(out.Charts)
	if len(next.Charts) == 0 && len(old.Charts) == 0 {
		return nil
	}
	data, err := next.encode()
	if err != nil {
		return err
	}
	if was, err := t.root.ReadFile(lockFile); err == nil && bytes.Equal(was, data) {
		return nil
	}
	return t.root.WriteFile(lockFile, data, 0o644)
}

// write puts a chart into a directory, in place of what is there. What is unchanged is not touched.
func (t *tree) write(dir string, files []helm.File) error {
	there := map[string]bool{}
	err := fs.WalkDir(t.root.FS(), dir, func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			there[name] = true
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, f := range files {
		name := path.Join(dir, f.Name)
		file := filepath.FromSlash(name)
		delete(there, name)
		if was, err := t.root.ReadFile(file); err == nil && bytes.Equal(was, f.Data) {
			continue
		}
		if err := t.root.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := t.root.WriteFile(file, f.Data, 0o644); err != nil {
			return err
		}
	}
	for name := range there {
		if err := t.root.Remove(filepath.FromSlash(name)); err != nil {
			return err
		}
	}
	return nil
}

// versions are the directories below a chart's that hold a version of it: next to them there can be other charts.
func (t *tree) versions(home string) ([]string, error) {
	var out []string
	err := fs.WalkDir(t.root.FS(), home, func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() || name == home {
			return err
		}
		rest := strings.TrimPrefix(name, home+"/")
		if _, err := t.root.Stat(filepath.Join(filepath.FromSlash(name), "Chart.yaml")); err == nil {
			out = append(out, name)
			return fs.SkipDir
		}
		if rest != "refs" && !strings.HasPrefix(rest, "refs/") {
			return fs.SkipDir
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return out, err
}

func (l *lock) encode() ([]byte, error) {
	slices.SortFunc(l.Charts, func(a, b locked) int {
		return cmp.Or(cmp.Compare(a.Repo, b.Repo), cmp.Compare(a.Git, b.Git), cmp.Compare(a.SubDir, b.SubDir), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version))
	})
	l.Charts = slices.Compact(l.Charts)
	data, err := yaml.Marshal(l)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("# What the versions of the project's charts are; helm-pull writes it. Keep it under version control.\n")
	b.Write(data)
	return b.Bytes(), nil
}
