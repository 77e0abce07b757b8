package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/weighlock/weighlock/engine"
)

func pokeImagesCommand(p process) *cobra.Command {
	var target targetFlags
	var out outputFlags
	var how applyFlags
	var records runFlags
	c := &cobra.Command{
		Use:   "poke-images",
		Short: "Replace the images of what is deployed, and nothing else",
		Long: "Render a target, and replace the images for which its templates ask by images.get_image in the objects that are deployed\n" +
			"already. All else of these stays as it is in the cluster, and what is not deployed yet is not made. The diff is shown first,\n" +
			"and exactly that is applied once it is confirmed.",
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
			cluster, err := connect(p, target.kubeconfig, t)
			if err != nil {
				return err
			}
			opts := engine.DeployOptions{ImagesOnly: true, Run: records.run(cmd.Context(), p, "poke-images", proj)}
			if opts.Apply, err = how.options(p, proj); err != nil {
				return err
			}
			w := writing{process: p, outputs: outputs, how: how, project: proj, target: t, cluster: cluster}
			return w.deploy(cmd.Context(), fmt.Sprintf("Replace these images in context %q?", cluster.Context()), &records, opts)
		},
	}
	target.register(c)
	out.register(c)
	how.register(c)
	how.registerWait(c)
	records.register(c)
	return c
}
