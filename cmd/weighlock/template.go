package main

import (
	"errors"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/weighlock/weighlock/engine/project"
)

func templateCommand(p process) *cobra.Command {
	var varsFiles, args []string
	c := &cobra.Command{
		Use:   "template FILE",
		Short: "Render one template file, to debug it",
		Long: "Render one file in the environment that the files of a project have, and print what it gives and nothing else. The\n" +
			"variables of --vars files are seen by their names, arguments as args.NAME. Includes are looked for in the file's directory.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, files []string) error {
			vars, err := templateVars(varsFiles, args)
			if err != nil {
				return err
			}
			out, err := project.RenderFile(cmd.Context(), files[0], vars, project.Options{Now: time.Now, Env: p.lookupenv})
			if err != nil {
				return err
			}
			_, err = p.stdout.Write(out)
			return err
		},
	}
	c.Flags().StringArrayVar(&varsFiles, "vars", nil, "YAML `file` of variables; later ones win (repeatable)")
	c.Flags().StringArrayVarP(&args, "arg", "a", nil, "argument, `name=value`, seen as args.name; the value is read as YAML (repeatable)")
	return c
}

func templateVars(varsFiles, args []string) (project.Vars, error) {
	var layers []*project.Layer
	var errs []error
	for _, name := range varsFiles {
		layer, err := readArgs(name)
		errs = append(errs, err)
		layers = append(layers, layer)
	}
	given, err := project.ParseArgs(args, os.ReadFile)
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	return project.Merged(layers).With(project.Vars{"args": map[string]any(project.Merged(given))}), nil
}
