package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/weighlock/weighlock/bot"
	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/project"
)

func explainCommand(p process) *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   "explain [FILE…]",
		Short: "Say what deploys each target, who may do it, and which line says so",
		Long: "Say, for each target of the repository, what .weighlock.yaml has in force for it: what deploys it, who may, what has to be met\n" +
			"before, and the line that each rule is from. With files, only the targets of the projects that these belong to; whether a change\n" +
			"affects them shows when it is rendered. Nothing is asked of a cluster or a forge. On pull requests it is the base branch's file that holds,\n" +
			"and which other branches a target is deployed from says that of the default branch.",
		RunE: func(_ *cobra.Command, files []string) error { return explain(p, dir, files) },
	}
	c.Flags().StringVar(&dir, "project-dir", ".", "a `directory` of the repository")
	return c
}

func explain(p process, dir string, files []string) error {
	root, err := repositoryRoot(dir)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(filepath.Join(root, bot.ConfigFile))
	cfg := bot.DefaultConfig()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		fmt.Fprintf(p.stdout, "There is no %s in %s, the repository's root: the defaults hold.\n\n", bot.ConfigFile, root)
	case err != nil:
		return err
	default:
		if cfg, err = bot.ParseConfig(bot.ConfigFile, data); err != nil {
			return err
		}
	}
	named := map[string]bool{}
	for _, f := range files {
		var in []string
		path, inside := below(root, dir, f)
		for _, pc := range cfg.Projects {
			if rel, err := filepath.Rel(filepath.FromSlash(pc.Path), path); inside && err == nil && filepath.IsLocal(rel) {
				in, named[pc.Name] = append(in, pc.Name), true
			}
		}
		switch {
		case !inside:
			fmt.Fprintf(p.stdout, "%s is not in the repository %s\n", f, root)
		case len(in) == 0:
			fmt.Fprintf(p.stdout, "%s belongs to no project\n", f)
		default:
			fmt.Fprintf(p.stdout, "%s belongs to project %s\n", f, strings.Join(in, ", "))
		}
	}
	if len(files) > 0 {
		fmt.Fprintln(p.stdout)
	}
	var targets []bot.Target
	for _, pc := range cfg.Projects {
		names, err := targetNames(root, pc)
		if err != nil {
			return err
		}
		for _, name := range names {
			targets = append(targets, bot.Target{Project: pc, Name: name, Policy: cfg.Policy(pc.Name, name)})
			if len(files) > 0 && !named[pc.Name] {
				continue
			}
			if err := explainTarget(p, cfg, pc, name); err != nil {
				return err
			}
		}
	}
	for _, slip := range cfg.Slips(targets) {
		fmt.Fprintf(p.stderr, "Warning: %s\n", slip)
	}
	return nil
}

// repositoryRoot is the root of the git repository around a directory; outside of one the nearest directory that has a configuration, or
// else the directory itself.
func repositoryRoot(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(dir); err != nil {
		return "", err
	}
	for _, holds := range []string{".git", bot.ConfigFile} {
		for d := dir; ; d = filepath.Dir(d) {
			if _, err := os.Lstat(filepath.Join(d, holds)); err == nil {
				return d, nil
			}
			if d == filepath.Dir(d) {
				break
			}
		}
	}
	return dir, nil
}

// below is where a file is in the repository. People name files as they see them from the directory where they are; git does so from the
// root.
func below(root, dir, file string) (string, bool) {
	path := file
	if !filepath.IsAbs(file) {
		path = filepath.Join(dir, file)
		if _, err := os.Lstat(path); err != nil {
			if _, err := os.Lstat(filepath.Join(root, file)); err == nil {
				path = filepath.Join(root, file)
			}
		}
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", false
	}
	rel, err := filepath.Rel(root, path)
	if err == nil && filepath.IsLocal(rel) {
		return rel, true
	}
	// One of them may be named by way of a link.
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return "", false
	}
	if root, err = filepath.EvalSymlinks(root); err != nil {
		return "", false
	}
	rel, err = filepath.Rel(root, path)
	return rel, err == nil && filepath.IsLocal(rel)
}

// targetNames are those of a project's targets; one without any is a target itself, without a name.
func targetNames(root string, pc bot.ProjectConfig) ([]string, error) {
	opened, err := engine.Open(filepath.Join(root, filepath.FromSlash(pc.Path)), project.Options{Now: time.Now, SourceRoot: root})
	if err != nil {
		return nil, fmt.Errorf("project %s: %w", pc.Name, err)
	}
	names := opened.Targets()
	if len(names) == 0 {
		names = []string{""}
	}
	return names, opened.Close()
}

// explainTarget prints the policy of a target.
func explainTarget(p process, cfg *bot.Config, pc bot.ProjectConfig, name string) error {
	shown := name
	if name == "" {
		shown = "(without a name)"
	}
	fmt.Fprintf(p.stdout, "%s of project %s, %s\n", shown, pc.Name, pc.Path)
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	for _, r := range cfg.Explain(pc.Name, name) {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", r.Key, r.Value, r.From)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(p.stdout)
	return nil
}
