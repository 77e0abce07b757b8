package offline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/render"
)

// A Request says what to compare: two trees on disk, each a repository as it is in a commit.
type Request struct {
	// Base and Head are absolute directories.
	Base, Head string
	Projects   []Project
	// Repository is the address that the trees are of.
	Repository string
	// RemoteBases says that kustomizations may name trees elsewhere; these are refused all the same, and for another reason.
	RemoteBases bool
}

// A Project is a directory of the repository.
type Project struct{ Name, Path string }

// A Target is what became of a target of the head. Its texts may be shown: secret values are not in them.
type Target struct {
	// Project and Name say which one it is.
	Project, Name string
	// Set is how the base's objects and the head's differ; nil if Err says why that is not known.
	Set *diff.ChangeSet `json:",omitempty"`
	Err string          `json:",omitempty"`
	// Refused says that the target needs more than a stranger may use: it is no mistake of the change.
	Refused bool `json:",omitempty"`
}

// An answer is what the process writes.
type answer struct {
	Targets []Target
	// Err is why there are none.
	Err string `json:",omitempty"`
	// Unconfined is what of the confinement the system does not give, for the log.
	Unconfined []string `json:",omitempty"`
}

// compare renders all targets of the head as a stranger's, and the same ones of the base.
func compare(ctx context.Context, req Request) ([]Target, error) {
	opts := project.Options{
		Now: time.Now, Repository: req.Repository, RemoteBases: req.RemoteBases,
		// The directory is never made: everything that would be kept in it is refused.
		Untrusted: &project.Untrusted{Offline: true}, Remotes: project.Remotes{CacheDir: filepath.Join(req.Head, ".git")},
	}
	var targets []Target
	var errs []error
	for _, pr := range req.Projects {
		found, err := compareProject(ctx, req, pr, opts)
		if err != nil {
			errs = append(errs, fmt.Errorf("project %s: %w", pr.Name, err))
		}
		targets = append(targets, found...)
	}
	return targets, errors.Join(errs...)
}

func compareProject(ctx context.Context, req Request, pr Project, opts project.Options) ([]Target, error) {
	opts.SourceRoot = req.Head
	after, err := engine.Open(filepath.Join(req.Head, filepath.FromSlash(pr.Path)), opts)
	if err != nil {
		return nil, err
	}
	defer after.Close()
	opts.SourceRoot = req.Base
	before, beforeErr := engine.Open(filepath.Join(req.Base, filepath.FromSlash(pr.Path)), opts)
	if beforeErr == nil {
		defer before.Close()
	}
	names := after.Targets()
	if len(names) == 0 {
		names = []string{""}
	}
	var out []Target
	for _, name := range names {
		t := Target{Project: pr.Name, Name: name}
		m, err := renderTarget(ctx, after, name)
		if err == nil {
			t.Set, err = against(ctx, before, beforeErr, name, m)
		}
		if err != nil {
			t.Err, t.Refused = err.Error(), errors.As(err, new(*project.RefusedError))
		}
		out = append(out, t)
	}
	return out, ctx.Err()
}

// against compares a render with that of the base, which need not have the project, nor the target.
func against(ctx context.Context, before *project.Project, beforeErr error, name string, after *render.Manifests) (*diff.ChangeSet, error) {
	was := &render.Manifests{Secrets: after.Secrets}
	if beforeErr == nil && (slices.Contains(before.Targets(), name) || name == "" && len(before.Targets()) == 0) {
		var err error
		if was, err = renderTarget(ctx, before, name); err != nil {
			return nil, fmt.Errorf("the base branch, to compare with, does not render like this: %w", err)
		}
	}
	set := diff.Compare(was, after, diff.Options{})
	set.Unbound = false // there is no deploy to be bound to it
	set.Target = project.Target{Name: set.Target.Name}
	set.Warnings = slices.DeleteFunc(set.Warnings, func(w string) bool { return w == diff.WithoutCluster })
	return set, nil
}

func renderTarget(ctx context.Context, p *project.Project, name string) (*render.Manifests, error) {
	t, err := p.Target(ctx, project.Selection{Target: name})
	if err != nil {
		return nil, err
	}
	return engine.Render(ctx, p, t, render.Options{})
}

// withoutPlaces takes the directories of a request out of a text: they mean nothing to whoever reads it.
func (r Request) withoutPlaces(text string) string {
	dirs := []string{r.Base, r.Head}
	slices.SortFunc(dirs, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	for _, d := range dirs {
		text = strings.ReplaceAll(strings.ReplaceAll(text, d+"/", ""), d, ".")
	}
	return text
}
