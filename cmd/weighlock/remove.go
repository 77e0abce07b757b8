package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
)

func pruneCommand(p process) *cobra.Command {
	return removeCommand(p, diff.Orphans, &cobra.Command{
		Use:   "prune",
		Short: "Delete the objects of a target that it does not render any more",
		Long: "Delete the objects that carry the target's discriminator and that it does not render any more. They are shown first,\n" +
			"and exactly those are deleted once it is confirmed.",
	})
}

func deleteCommand(p process) *cobra.Command {
	return removeCommand(p, diff.Everything, &cobra.Command{
		Use:   "delete",
		Short: "Delete all objects of a target",
		Long: "Delete all objects that carry the target's discriminator, in the reverse order of their deployment. They are shown first,\n" +
			"and exactly those are deleted once it is confirmed.",
	})
}

// removeCommand completes a command that deletes.
func removeCommand(p process, what diff.Removal, c *cobra.Command) *cobra.Command {
	var target targetFlags
	var out outputFlags
	var how applyFlags
	var records runFlags
	c.Args = cobra.NoArgs
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx := cmd.Context()
		outputs, err := out.parse()
		if err != nil {
			return err
		}
		proj, t, err := target.open(ctx, p)
		if err != nil {
			return err
		}
		defer proj.Close()
		cluster, err := connect(p, target.kubeconfig, t)
		if err != nil {
			return err
		}
		opts := engine.RemoveOptions{What: what, Run: records.run(ctx, p, c.Name(), proj)}
		if opts.Apply, err = how.options(p, proj); err != nil {
			return err
		}
		w := writing{process: p, outputs: outputs, how: how, project: proj, target: t, cluster: cluster}
		return w.do(ctx, steps{
			question: fmt.Sprintf("Delete this from context %q?", cluster.Context()),
			run:      opts.Run,
			preview: func() (*diff.ChangeSet, error) {
				seen := opts
				records.known(ctx, p, cluster, t, &seen.Diff)
				return engine.Removal(ctx, proj, t, cluster, seen)
			},
			write: func(reviewed string) (*diff.ChangeSet, *apply.Result, error) {
				opts.Reviewed = reviewed
				return engine.Remove(ctx, proj, t, cluster, opts)
			},
		})
	}
	target.register(c)
	out.register(c)
	how.register(c)
	records.register(c)
	return c
}
