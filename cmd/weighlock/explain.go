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
			"affects them shows when it is rendered. Nothing is asked of a cluster or a forge. On pull requests it is the base branch's file that holds.",
		RunE: func(_ *cobra.Command, files []string) error {
			data, err := os.ReadFile(filepath.Join(dir, bot.ConfigFile))
			cfg := bot.DefaultConfig()
			switch {
			case errors.Is(err, fs.ErrNotExist):
				fmt.Fprintf(p.stdout, "There is no %s: the defaults hold.\n\n", bot.ConfigFile)
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
				for _, pc := range cfg.Projects {
					if rel, err := filepath.Rel(filepath.FromSlash(pc.Path), filepath.Clean(f)); err == nil && filepath.IsLocal(rel) {
						in, named[pc.Name] = append(in, pc.Name), true
					}
				}
				if len(in) == 0 {
					fmt.Fprintf(p.stdout, "%s belongs to no project\n", f)
				} else {
					fmt.Fprintf(p.stdout, "%s belongs to project %s\n", f, strings.Join(in, ", "))
				}
			}
			if len(files) > 0 {
				fmt.Fprintln(p.stdout)
			}
			for _, pc := range cfg.Projects {
				if len(files) > 0 && !named[pc.Name] {
					continue
				}
				if err := explainProject(p, dir, cfg, pc); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.Flags().StringVar(&dir, "project-dir", ".", "the repository's root `directory`")
	return c
}

// explainProject prints the policy of each target of a project.
func explainProject(p process, dir string, cfg *bot.Config, pc bot.ProjectConfig) error {
	opened, err := engine.Open(filepath.Join(dir, filepath.FromSlash(pc.Path)), project.Options{Now: time.Now, SourceRoot: dir})
	if err != nil {
		return fmt.Errorf("project %s: %w", pc.Name, err)
	}
	defer opened.Close()
	targets := opened.Targets()
	if len(targets) == 0 {
		targets = []string{""}
	}
	for _, t := range targets {
		name := t
		if name == "" {
			name = "(without a name)"
		}
		fmt.Fprintf(p.stdout, "%s of project %s, %s\n", name, pc.Name, pc.Path)
		w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
		for _, r := range cfg.Explain(pc.Name, t) {
			fmt.Fprintf(w, "  %s\t%s\t%s\n", r.Key, r.Value, r.From)
		}
		if err := w.Flush(); err != nil {
			return err
		}
		fmt.Fprintln(p.stdout)
	}
	return nil
}
