package bot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/bot/checkout"
	"github.com/weighlock/weighlock/engine/report"
	"github.com/weighlock/weighlock/engine/yamldoc"
)

// propose tells in p what a pull request makes of the configuration, which holds once it is merged and not before, and what
// in it is likely to be a slip. dir holds the files as they would be then, targets are those of the projects that there are now,
// and open names those of another one; nil where nobody may look into it. It returns that configuration, nil for one that is broken.
func propose(p *report.Preview, dir string, now *Config, targets []Target, open func(ProjectConfig) ([]string, error)) *Config {
	next, err := proposed(dir)
	if err != nil {
		p.Broken = append(p.Broken, "once this is merged nothing is deployed any more: "+err.Error())
		return nil
	}
	for _, change := range now.changes(next, targets) {
		p.Policy = append(p.Policy, report.Escape(change))
	}
	then, known := proposedProjects(p, now, next, targets, open)
	if !known {
		return next
	}
	for _, slip := range next.Slips(then) {
		p.Warnings = append(p.Warnings, report.Escape(slip))
	}
	return next
}

// proposedProjects tells in p which projects come, move and go, and returns the targets that there will be. They are known where
// all projects could be looked into.
func proposedProjects(p *report.Preview, now, next *Config, targets []Target, open func(ProjectConfig) ([]string, error)) (then []Target, known bool) {
	for _, project := range now.Projects {
		stays := slices.Contains(next.Projects, project) || slices.ContainsFunc(next.Projects, project.sameName)
		if !stays && project != DefaultConfig().Projects[0] { // what is taken for a project where nobody says so
			p.Policy = append(p.Policy, report.Escape(fmt.Sprintf("%s is no project any more: what it has in clusters stays as it is", project)))
		}
	}
	then = slices.DeleteFunc(slices.Clone(targets), func(t Target) bool { return !slices.Contains(next.Projects, t.Project) })
	known = true
	for _, project := range next.Projects {
		if slices.Contains(now.Projects, project) {
			continue
		}
		text := fmt.Sprintf("%s is a new project", project)
		if i := slices.IndexFunc(now.Projects, project.sameName); i >= 0 {
			text = fmt.Sprintf("project %s is in %s and no longer in %s", project.Name, project.Path, now.Projects[i].Path)
		}
		if known = known && open != nil; open != nil {
			names, err := open(project)
			if err != nil {
				p.Broken = append(p.Broken, fmt.Sprintf("once this is merged nothing is deployed any more: project %s: %v", project.Name, err))
				known = false
				continue
			}
			if len(names) > 0 {
				text += ", with " + strings.Join(names, ", ")
			} else {
				names = []string{""}
			}
			for _, name := range names {
				then = append(then, Target{Project: project, Name: name, Policy: next.Policy(project.Name, name)})
			}
		}
		p.Policy = append(p.Policy, report.Escape(text+": it is previewed, and can be deployed, once this is merged"))
	}
	return then, known
}

// String names a project and where it is.
func (p ProjectConfig) String() string {
	if p.Name == p.Path {
		return p.Path
	}
	return fmt.Sprintf("%s (in %s)", p.Name, p.Path)
}

// sameName says whether another project goes by the same name.
func (p ProjectConfig) sameName(other ProjectConfig) bool { return p.Name == other.Name }

// proposed is the configuration that a directory holds.
func proposed(dir string) (*Config, error) {
	file := filepath.Join(dir, ConfigFile)
	about, err := os.Lstat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return DefaultConfig(), nil
	case err != nil:
		return nil, hidePath(err, dir)
	case !about.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a file: put the file itself there", ConfigFile)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, hidePath(err, dir)
	}
	return ParseConfig(ConfigFile, data)
}

// mends says whether a pull request, merged onto its base, has a configuration that is none of the broken ones. What it says holds
// once it is merged.
func mends(ctx context.Context, repo *checkout.Repo, at checkout.Tree) bool {
	dir, err := repo.Extract(ctx, at)
	if err != nil {
		return false
	}
	defer dir.Close()
	_, err = proposed(dir.Path())
	return err == nil
}

// changes says what another configuration makes of this one, one text for each target and key that is not about a target.
func (c *Config) changes(next *Config, targets []Target) []string {
	var out []string
	for _, j := range identify(targets) {
		if keys := c.changesOf(next, j, nil); len(keys) > 0 {
			out = append(out, fmt.Sprintf("%s: %s", j.ID, strings.Join(keys, ", ")))
		}
	}
	for _, other := range []struct {
		key     string
		was, is any
	}{
		{"remotes", c.Remotes, next.Remotes}, {"records.namespace", c.Records.Namespace, next.Records.Namespace}, {"records.keep", c.Records.Keep, next.Records.Keep},
		{"remoteBases", c.RemoteBases, next.RemoteBases}, {"forks", c.Forks, next.Forks},
		{"comment.mode", c.Comment.Mode, next.Comment.Mode}, {"comment.unchanged", c.Comment.Unchanged, next.Comment.Unchanged}, {"comment.detail", c.Comment.Detail, next.Comment.Detail},
	} {
		if !reflect.DeepEqual(other.was, other.is) {
			out = append(out, fmt.Sprintf("%s %v → %v", other.key, other.was, other.is))
		}
	}
	return out
}

// changesOf says what another configuration makes of a target's policy, one text for each key that is not left out.
func (c *Config) changesOf(next *Config, j Job, without map[string]bool) []string {
	was, is := c.Explain(j.Project.Name, j.Name), next.Explain(j.Project.Name, j.Name)
	var out []string
	for i, r := range is {
		if r.Value != was[i].Value && !without[r.Key] {
			out = append(out, fmt.Sprintf("%s %s → %s", r.Key, was[i].Value, r.Value))
		}
	}
	return out
}

// Slips are names in the configuration that nothing goes by: entries of targets that there are not, and such that are to go first.
// The targets are all that the projects have.
func (c *Config) Slips(targets []Target) []string {
	jobs := identify(targets)
	var out []string
	slip := func(at, what, name string) {
		text := fmt.Sprintf("%s: %s %q, and no project has such a target", at, what, name)
		if near := yamldoc.Nearest(name, ids(jobs)); near != "" {
			text += fmt.Sprintf(": did you mean %q?", near)
		}
		out = append(out, text)
	}
	for _, e := range c.targets {
		if strings.ContainsAny(e.pattern, `*?[\`) {
			continue // one may be meant for targets that come and go
		}
		if !slices.ContainsFunc(targets, func(t Target) bool { return e.pattern == t.Name || e.pattern == t.Project.Name+":"+t.Name }) {
			slip(e.at(), "an entry is for", e.pattern)
		}
	}
	for _, e := range c.targets {
		for _, first := range deref(e.target.After) {
			if _, err := named(jobs, first); err != nil {
				slip(e.at("after"), "after names", first)
			}
		}
	}
	return out
}
