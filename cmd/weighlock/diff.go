package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/diff"
)

// exitChanges is what diff --exit-code ends with when something would change.
const exitChanges = 2

func diffCommand(p process) *cobra.Command {
	var target targetFlags
	var out outputFlags
	var exitOnChange, prune bool
	c := &cobra.Command{
		Use:   "diff",
		Short: "Say what deploying a target would change in its cluster",
		Long: "Say what deploying a target would change in its cluster. Every object is sent to the API server as a dry run;\n" +
			"nothing is written.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			outputs, err := out.parse()
			if err != nil {
				return err
			}
			proj, t, err := target.open(cmd.Context(), p)
			if err != nil {
				return err
			}
			defer proj.Close()
			cluster, err := connect(p.getenv, target.kubeconfig, t)
			if err != nil {
				return err
			}
			set, err := engine.Diff(cmd.Context(), proj, t, cluster, diff.Options{Prune: prune})
			if err != nil {
				return err
			}
			if err := write(p.stdout, outputs, set, nil); err != nil {
				return err
			}
			if n := len(set.Failures()); n > 0 {
				return fmt.Errorf("the dry run of %d objects failed", n)
			}
			if exitOnChange && set.Changed() {
				return &exitCode{code: exitChanges}
			}
			return nil
		},
	}
	target.register(c)
	out.register(c)
	c.Flags().BoolVar(&exitOnChange, "exit-code", false, "end with exit code 2 when something would change")
	c.Flags().BoolVar(&prune, "prune", false, "show orphans as what deploy --prune would delete")
	return c
}
