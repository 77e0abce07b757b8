package bot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/engine/report"
	"github.com/weighlock/weighlock/engine/yamldoc"
)

// propose tells in p what a pull request makes of the configuration, which holds once it is merged and not before, and what
// in it is likely to be a slip. dir holds the files as they would be then, t the targets.
func propose(p *report.Preview, dir string, now *Config, targets []Target) {
	next, err := proposed(dir)
	if err != nil {
		p.Broken = append(p.Broken, "once this is merged nothing is deployed any more: "+err.Error())
		return
	}
	for _, change := range now.changes(next, targets) {
		p.Policy = append(p.Policy, report.Escape(change))
	}
	for _, slip := range next.Slips(targets) {
		p.Warnings = append(p.Warnings, report.Escape(slip))
	}
}

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

// changes says what another configuration makes of this one, one text for each target and key that is not about a target.
func (c *Config) changes(next *Config, targets []Target) []string {
	var out []string
	for _, j := range identify(targets) {
		was, is := c.Explain(j.Project.Name, j.Name), next.Explain(j.Project.Name, j.Name)
		var keys []string
		for i, r := range is {
			if r.Value != was[i].Value {
				keys = append(keys, fmt.Sprintf("%s %s → %s", r.Key, was[i].Value, r.Value))
			}
		}
		if len(keys) > 0 {
			out = append(out, fmt.Sprintf("%s: %s", j.ID, strings.Join(keys, ", ")))
		}
	}
	for _, other := range []struct {
		key     string
		was, is any
	}{
		{"projects", c.Projects, next.Projects}, {"remotes", c.Remotes, next.Remotes}, {"records", c.Records, next.Records},
		{"remoteBases", c.RemoteBases, next.RemoteBases}, {"forks", c.Forks, next.Forks}, {"comment", c.Comment, next.Comment},
	} {
		if !reflect.DeepEqual(other.was, other.is) {
			out = append(out, fmt.Sprintf("%s %v → %v", other.key, other.was, other.is))
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
