package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/chart"
	"github.com/weighlock/weighlock/engine/project"
)

// chartFlags are those of the commands that deal with a project's charts and with no target.
type chartFlags struct {
	projectDir string
	remotes    remoteFlags
}

func (f *chartFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&f.projectDir, "project-dir", ".", "the project's `directory`")
	f.remotes.register(c)
}

// open opens the project. The caller closes it.
func (f *chartFlags) open(p process) (*project.Project, error) {
	remotes, err := f.remotes.remotes(p)
	if err != nil {
		return nil, err
	}
	return engine.Open(f.projectDir, project.Options{Now: time.Now, Env: p.lookupenv, Remotes: remotes})
}

func helmPullCommand(p process) *cobra.Command {
	var flags chartFlags
	c := &cobra.Command{
		Use:   "helm-pull",
		Short: "Fetch the Helm charts of a project into .helm-charts",
		Long: "Fetch the charts that the helm-chart.yaml files of a project ask for into .helm-charts beside .kluctl.yaml, remove the\n" +
			"versions that none of them asks for any more, and write down in helm-charts.lock what the versions are. Commit both.\n" +
			"The files are read as they are: templates in them are not rendered. Charts with skipPrePull are locked only.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			proj, err := flags.open(p)
			if err != nil {
				return err
			}
			defer proj.Close()
			return pullCharts(cmd.Context(), p.stderr, proj)
		},
	}
	flags.register(c)
	return c
}

func pullCharts(ctx context.Context, stderr io.Writer, proj *project.Project) error {
	pulled, err := chart.Pull(ctx, proj)
	if err != nil {
		return err
	}
	for _, w := range pulled.Warnings {
		fmt.Fprintln(stderr, "Warning:", w)
	}
	for _, dir := range pulled.Charts {
		fmt.Fprintln(stderr, "pulled", dir)
	}
	for _, dir := range pulled.Removed {
		fmt.Fprintln(stderr, "removed", dir, "which nothing asks for any more")
	}
	return nil
}
