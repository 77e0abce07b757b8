package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/report"
)

// listedTarget is a target as list-targets prints it: as it was built, or why it could not be.
type listedTarget struct {
	Name          string               `json:"name"`
	Context       string               `json:"context,omitempty"`
	Discriminator string               `json:"discriminator,omitempty"`
	Args          map[string]any       `json:"args,omitempty"`
	Images        []project.FixedImage `json:"images,omitempty"`
	Error         string               `json:"error,omitempty"`
}

func listTargetsCommand(p process) *cobra.Command {
	var flags projectFlags
	var out listFlags
	var onlyNames bool
	c := &cobra.Command{
		Use:   "list-targets",
		Short: "List the targets of a project",
		Long: "List the targets of a project by name, with their arguments and templates filled in. One that cannot be built is listed\n" +
			"with the error. A project without targets has a single one without a name.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			outputs, err := out.parse()
			if err != nil {
				return err
			}
			layers, err := flags.arguments()
			if err != nil {
				return err
			}
			proj, err := engine.Open(flags.dir, flags.options(p))
			if err != nil {
				return err
			}
			defer proj.Close()
			names := slices.Sorted(slices.Values(proj.Targets()))
			if onlyNames {
				if !cmd.Flags().Changed("output") {
					outputs = []output{{format: "text"}}
				}
				return writeList(p.stdout, outputs, names, strings.Join(append(names, ""), "\n"))
			}
			if len(names) == 0 {
				names = []string{""}
			}
			var list []listedTarget
			for _, name := range names {
				t, err := proj.Target(cmd.Context(), project.Selection{Target: name, Args: project.Merged(layers)})
				listed := listedTarget{Name: name, Context: t.Context, Discriminator: t.Discriminator, Args: t.Args, Images: t.Images}
				if err != nil {
					listed.Error = err.Error()
				}
				list = append(list, listed)
			}
			return writeList(p.stdout, outputs, list, targetTable(list))
		},
	}
	flags.register(c)
	out.register(c, "yaml")
	c.Flags().BoolVar(&onlyNames, "only-names", false, "print the names alone, one a line")
	return c
}

// targetTable lists targets for people: a line each, aligned.
func targetTable(list []listedTarget) string {
	rows := [][]string{{"TARGET", "CONTEXT", "DISCRIMINATOR"}}
	var errs []string
	for _, t := range list {
		name := t.Name
		if name == "" {
			name = "(no name)"
		}
		if t.Error != "" {
			errs = append(errs, fmt.Sprintf("%s cannot be built:\n  %s\n", name, strings.ReplaceAll(t.Error, "\n", "\n  ")))
			continue
		}
		rows = append(rows, []string{name, t.Context, t.Discriminator})
	}
	if len(rows) == 1 {
		return report.Visible(strings.Join(errs, ""))
	}
	return columns(rows) + report.Visible(strings.Join(errs, ""))
}
