package bot

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/weighlock/weighlock/bot/checkout"
	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/project"
)

// A tree is the content of a commit, or of a merge, on disk, with the projects of the configuration opened in it.
type tree struct {
	dir      *checkout.Dir
	config   *Config
	projects map[string]*project.Project // by name
	// Targets are all targets of all projects, in order.
	Targets []Target
}

// own is how a project of the repository itself is opened.
func (b *Bot) own(repo *checkout.Repo) project.Options {
	return project.Options{Now: b.Now, Remotes: b.Remotes, Repository: repo.Remote(), Keys: b.Keys, Env: b.Env, Withheld: b.Withheld}
}

// strangers is how a project is opened that a fork has changed. It gets no keys and no environment: its templates
// could show what they give.
func (b *Bot) strangers(repo *checkout.Repo, cfg *Config) project.Options {
	opts := b.own(repo)
	opts.Untrusted, opts.Keys, opts.Env = &project.Untrusted{Remotes: cfg.Remotes}, project.Keys{}, nil
	return opts
}

// extract writes a tree to disk and opens its projects.
func (b *Bot) extract(ctx context.Context, repo *checkout.Repo, t checkout.Tree, cfg *Config, opts project.Options) (*tree, error) {
	dir, err := repo.Extract(ctx, t)
	if err != nil {
		return nil, err
	}
	out := &tree{dir: dir, config: cfg, projects: map[string]*project.Project{}}
	var errs []error
	opts.SourceRoot, opts.RemoteBases = dir.Path(), cfg.RemoteBases
	for _, pc := range cfg.Projects {
		p, err := engine.Open(filepath.Join(dir.Path(), filepath.FromSlash(pc.Path)), opts)
		if err != nil {
			errs = append(errs, fmt.Errorf("project %s: %w", pc.Name, hidePath(err, dir.Path())))
			continue
		}
		out.projects[pc.Name] = p
		names := p.Targets()
		if len(names) == 0 {
			names = []string{""}
		}
		for _, name := range names {
			out.Targets = append(out.Targets, Target{Project: pc, Name: name, Policy: cfg.Policy(pc.Name, name)})
		}
	}
	for _, j := range identify(out.Targets) {
		errs = append(errs, j.ID.nameable())
	}
	if err := errors.Join(errs...); err != nil {
		return nil, errors.Join(err, out.Close())
	}
	return out, nil
}

// names are the targets of a project that the configuration does not have.
func (t *tree) names(pc ProjectConfig, opts project.Options) ([]string, error) {
	opts.SourceRoot = t.dir.Path()
	p, err := engine.Open(filepath.Join(t.dir.Path(), filepath.FromSlash(pc.Path)), opts)
	if err != nil {
		return nil, hidePath(err, t.dir.Path())
	}
	return p.Targets(), p.Close()
}

// Close removes the tree.
func (t *tree) Close() error {
	var errs []error
	for _, p := range t.projects {
		errs = append(errs, p.Close())
	}
	return errors.Join(append(errs, t.dir.Close())...)
}

// open picks a job's target and connects to its cluster.
func (b *Bot) open(ctx context.Context, t *tree, j Job) (*project.Project, project.Target, engine.Cluster, error) {
	return t.open(ctx, j, b.Cluster)
}

func (t *tree) open(ctx context.Context, j Job, connect Connect) (*project.Project, project.Target, engine.Cluster, error) {
	target, err := t.target(ctx, j)
	if err != nil {
		return nil, target, nil, err
	}
	cluster, err := connect(ctx, target, j.Policy.User())
	return t.projects[j.Project.Name], target, cluster, err
}

// openPreview is open for a preview.
func (b *Bot) openPreview(ctx context.Context, t *tree, j Job) (*project.Project, project.Target, engine.Cluster, error) {
	if b.Previews != nil {
		return t.open(ctx, j, b.Previews)
	}
	return b.open(ctx, t, j)
}

// target is a job's target as the tree has it.
func (t *tree) target(ctx context.Context, j Job) (project.Target, error) {
	p := t.projects[j.Project.Name]
	if p == nil {
		return project.Target{}, fmt.Errorf("there is no project %s", j.Project.Name)
	}
	return p.Target(ctx, project.Selection{Target: j.Name})
}

// diffOptions are the same for a preview and for the deploy that is bound to it: the digest covers what they decide.
func (b *Bot) diffOptions(j Job) diff.Options {
	opts := j.Policy.DiffOptions()
	opts.DigestKey = b.DigestKey
	return opts
}

// DiffOptions are what the policy says of how the target is compared, and so of what is done.
func (p TargetPolicy) DiffOptions() diff.Options {
	return diff.Options{Prune: p.Prune == PruneApply, NoAdopt: !p.Adopt}
}
