package chart

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"

	"github.com/weighlock/weighlock/engine/internal/helm"
	"github.com/weighlock/weighlock/engine/internal/source"
	"github.com/weighlock/weighlock/engine/project"
)

// A Loader finds and parses the charts of one run: one that several releases use is parsed once. It is safe for concurrent use.
type Loader struct {
	project *project.Project
	charts  once[string, Loaded]
	locks   once[place, lock]
}

// NewLoader returns a Loader for the charts of p and of what it includes.
func NewLoader(p *project.Project) *Loader { return &Loader{project: p} }

// Loaded is a parsed chart.
type Loaded struct {
	Chart *helm.Chart
	// From is the remote that it was fetched from; nil for one of the project's own files.
	From *project.Fetched
	// Warnings are about where it comes from.
	Warnings []string
}

// place is a directory of a source.
type place struct {
	source *project.Source
	dir    string
}

// Load returns the chart that a helm-chart.yaml in dir, below the root of src, asks for.
func (l *Loader) Load(ctx context.Context, src *project.Source, dir string, s *Spec) (Loaded, error) {
	if s.Path != "" {
		return l.directory(src, path.Join(dir, s.Path))
	}
	home, err := s.home()
	if err != nil {
		return Loaded{}, err
	}
	base, err := nearest(src, dir, pulledDir, true)
	if err != nil {
		return Loaded{}, err
	}
	if base != "" {
		loaded, err := l.pulled(src, path.Join(base, pulledDir, home), s)
		if !errors.Is(err, fs.ErrNotExist) {
			return loaded, err
		}
	}
	if !s.SkipPrePull {
		return Loaded{}, fmt.Errorf("chart %s %s is not below %s: run weighlock helm-pull, or write skipPrePull: true to have it fetched when it is rendered%s",
			s.Name(), s.Version(), pulledDir, others(src, path.Join(base, pulledDir, home)))
	}
	return l.fetched(ctx, src, dir, s)
}

// others names the versions that were pulled in place of the one that was not.
func others(src *project.Source, home string) string {
	versions := pulledVersions(src, home)
	if len(versions) == 0 {
		return ""
	}
	return "; what is there: " + strings.Join(versions, ", ")
}

// nearest returns the directory at or above dir that holds name; "" if there is none.
func nearest(src *project.Source, dir, name string, isDir bool) (string, error) {
	for {
		info, err := fs.Stat(src.FS(), path.Join(dir, name))
		switch {
		case err == nil && info.IsDir() == isDir:
			return dir, nil
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return "", err
		case dir == ".":
			return "", nil
		}
		dir = path.Dir(dir)
	}
}

// pulledVersions are the versions of a chart that were pulled.
func pulledVersions(src *project.Source, home string) []string {
	var versions []string
	entries, err := fs.ReadDir(src.FS(), home)
	if err != nil {
		return nil // none of this chart
	}
	for _, e := range entries {
		if e.IsDir() && e.Name() != "refs" {
			versions = append(versions, e.Name())
		}
	}
	return versions
}

// pulled loads a chart that [Pull] left; fs.ErrNotExist says that it did not.
func (l *Loader) pulled(src *project.Source, home string, s *Spec) (Loaded, error) {
	version := s.Version()
	if s.Git == nil {
		versions := pulledVersions(src, home)
		picked, err := source.PickVersion(version, versions)
		if err != nil {
			return Loaded{}, fs.ErrNotExist
		}
		version = picked
	}
	dir, err := versionDir(version)
	if err != nil {
		return Loaded{}, err
	}
	dir = path.Join(home, dir)
	if ok, err := src.IsDir(dir); err != nil || !ok {
		return Loaded{}, errors.Join(err, fs.ErrNotExist)
	}
	loaded, err := l.directory(src, dir)
	if err == nil && s.Git == nil && !source.SameVersion(loaded.Chart.Version(), version) {
		return Loaded{}, fmt.Errorf("%s holds version %s of chart %s: run weighlock helm-pull", dir, loaded.Chart.Version(), loaded.Chart.Name())
	}
	return loaded, err
}

// directory loads a chart of the project's own files.
func (l *Loader) directory(src *project.Source, dir string) (Loaded, error) {
	return l.charts.get(fmt.Sprintf("%p %s", src, dir), func() (Loaded, error) {
		if ok, err := src.IsDir(dir); err != nil {
			return Loaded{}, err
		} else if !ok {
			return Loaded{}, fmt.Errorf("%s is not a directory of the project", dir)
		}
		files, err := readDir(src.FS(), dir, src.Read)
		if err != nil {
			return Loaded{}, fmt.Errorf("reading chart %s: %w", dir, err)
		}
		c, err := helm.Load(files)
		return Loaded{Chart: c}, err
	})
}

// fetched loads a chart from the cache.
func (l *Loader) fetched(ctx context.Context, src *project.Source, dir string, s *Spec) (Loaded, error) {
	known, err := l.locked(src, dir, s)
	if err != nil {
		return Loaded{}, err
	}
	key := fmt.Sprintf("%q %q %q %q", s.Repo, s.Name(), s.Version(), known.Digest+known.Commit)
	if s.Git != nil {
		key += fmt.Sprintf(" %q %q", s.Git.URL, s.Git.SubDir)
	}
	return l.charts.get(key, func() (Loaded, error) {
		cache, err := l.project.Cache()
		if err != nil {
			return Loaded{}, fmt.Errorf("chart %s %s: %w", s.Name(), s.Version(), err)
		}
		if s.Git != nil {
			return fromGit(ctx, cache, s, known)
		}
		version := s.ChartVersion
		if known.Resolved != "" {
			version = known.Resolved
		}
		got, err := cache.Chart(ctx, source.ChartRef{Repo: s.Repo, Name: s.Name(), Version: version, Digest: known.Digest})
		if err != nil {
			return Loaded{}, err
		}
		c, err := helm.LoadArchive(got.Archive)
		if err != nil {
			return Loaded{}, fmt.Errorf("%s %s %s: %w", redact(s.Repo), s.Name(), got.Version, err)
		}
		loaded := Loaded{Chart: c, From: s.from(got)}
		if got.Moved != "" {
			used := "the one that is locked is used"
			if got.Digest == got.Moved {
				used = "the new one is used, for the one that is locked cannot be had any more"
			}
			loaded.Warnings = []string{fmt.Sprintf("chart %s %s was published again: its digest was %s and is %s; %s; weighlock helm-pull locks the new one",
				s.Name(), got.Version, known.Digest, got.Moved, used)}
		}
		return loaded, nil
	})
}

// fromGit loads a chart out of a repository. Where a tag's commit is locked, that is taken as long as it can be had.
func fromGit(ctx context.Context, cache *source.Cache, s *Spec, known locked) (Loaded, error) {
	var loaded Loaded
	ref := s.Git.remote()
	want := ref
	if known.Commit != "" {
		want = source.GitRef{URL: ref.URL, Commit: known.Commit}
	}
	tree, err := cache.Git(ctx, want)
	if err != nil && want != ref && ctx.Err() == nil {
		if tree, err = cache.Git(ctx, ref); err == nil {
			loaded.Warnings = []string{fmt.Sprintf("chart %s: %s of %s was moved: its commit was %s, which cannot be had any more, and is %s; weighlock helm-pull locks the new one",
				s.Name(), s.Git.ref(), redact(s.Git.URL), known.Commit, tree.Commit)}
		}
	}
	if err != nil {
		return Loaded{}, err
	}
	files, err := treeFiles(tree.Dir, s.Git.SubDir)
	if err != nil {
		return Loaded{}, fmt.Errorf("chart %s of %s at %s: %w", s.Name(), redact(s.Git.URL), s.Git.ref(), err)
	}
	loaded.Chart, err = helm.Load(files)
	from := project.FetchedTree(project.KindGit, tree)
	loaded.From = &from
	return loaded, err
}

// from is a packaged chart as results tell of it.
func (s *Spec) from(got source.Chart) *project.Fetched {
	f := project.Fetched{Kind: project.KindOCI, URL: redact(s.Repo), Ref: got.Version, ID: got.Digest}
	if !strings.HasPrefix(f.URL, "oci://") {
		f.Kind, f.URL = project.KindHelm, strings.TrimRight(f.URL, "/")+"/"+s.Name()
	}
	return &f
}

// locked is what the nearest lock file has of a chart.
func (l *Loader) locked(src *project.Source, dir string, s *Spec) (locked, error) {
	base, err := nearest(src, dir, lockFile, false)
	if err != nil || base == "" {
		return locked{}, err
	}
	file, err := l.locks.get(place{src, base}, func() (lock, error) {
		name := path.Join(base, lockFile)
		data, err := src.Read(name)
		if err != nil {
			return lock{}, err
		}
		return readLock(src.Display(name), data)
	})
	if err != nil {
		return locked{}, err
	}
	known, _ := file.find(s)
	return known, nil
}

// once makes a value for each key once.
type once[K comparable, V any] struct {
	mu   sync.Mutex
	made map[K]func() (V, error)
}

func (o *once[K, V]) get(key K, make func() (V, error)) (V, error) {
	o.mu.Lock()
	if o.made == nil {
		o.made = map[K]func() (V, error){}
	}
	get := o.made[key]
	if get == nil {
		get = sync.OnceValues(make)
		o.made[key] = get
	}
	o.mu.Unlock()
	return get()
}
