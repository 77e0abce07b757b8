package main

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/weighlock/weighlock/engine/chart"
	"github.com/weighlock/weighlock/engine/project"
)

// updateFlags say what becomes of newer charts.
type updateFlags struct {
	chartFlags
	upgrade, commit, interactive bool
}

func helmUpdateCommand(p process) *cobra.Command {
	var flags updateFlags
	c := &cobra.Command{
		Use:   "helm-update",
		Short: "List newer versions of the Helm charts of a project, and take them",
		Long: "List newer versions of the charts that the helm-chart.yaml files of a project ask for. With --upgrade the versions are\n" +
			"written into the files, all else in which stays as it is, and the charts are pulled.\n" +
			"Versions before a release count only where updateConstraints names one, such as ~1.2.3-0; of git, tags count.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			proj, err := flags.open(p)
			if err != nil {
				return err
			}
			defer proj.Close()
			return flags.run(cmd.Context(), p, proj)
		},
	}
	flags.register(c)
	c.Flags().BoolVar(&flags.upgrade, "upgrade", false, "write the new versions into the files and pull the charts")
	c.Flags().BoolVar(&flags.commit, "commit", false, "as --upgrade, with a commit for each chart and version; nothing else may be uncommitted")
	c.Flags().BoolVarP(&flags.interactive, "interactive", "i", false, "ask for each chart whether it is to be upgraded")
	return c
}

func (f *updateFlags) run(ctx context.Context, p process, proj *project.Project) error {
	if f.commit {
		if err := upToDate(ctx, p, proj); err != nil {
			return err
		}
	}
	updates, warnings, err := chart.Updates(ctx, proj)
	for _, w := range warnings {
		fmt.Fprintln(p.stderr, "Warning:", w)
	}
	if err != nil {
		return err
	}
	if len(updates) == 0 {
		fmt.Fprintln(p.stdout, "All charts are up to date.")
	}
	in := bufio.NewReader(p.stdin)
	upgraded := false
	for _, u := range updates {
		fmt.Fprintf(p.stdout, "%s: %s → %s in %s\n", u.Name, u.From, u.To, strings.Join(u.Files, ", "))
		if len(u.Held) > 0 {
			fmt.Fprintf(p.stdout, "  stays in %s, which has skipUpdate\n", strings.Join(u.Held, ", "))
		}
		if !f.upgrade && !f.commit || slices.Equal(u.Held, u.Files) {
			continue
		}
		if f.interactive {
			ok, err := agree(p, in, "Upgrade "+u.String()+"?")
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
		}
		if err := chart.Upgrade(proj, u); err != nil {
			return err
		}
		upgraded = true
		if !f.commit {
			continue
		}
		if err := pullCharts(ctx, p.stderr, proj); err != nil {
			return err
		}
		if err := chart.Commit(ctx, proj, "Updated "+u.String()); err != nil {
			return err
		}
		fmt.Fprintf(p.stdout, "  committed: Updated %s\n", u)
	}
	if !upgraded || f.commit {
		return nil
	}
	return pullCharts(ctx, p.stderr, proj)
}

// upToDate makes sure that a commit will hold nothing but the update.
func upToDate(ctx context.Context, p process, proj *project.Project) error {
	if err := chart.Clean(ctx, proj); err != nil {
		return fmt.Errorf("%w: commit it, or upgrade without --commit", err)
	}
	if err := pullCharts(ctx, p.stderr, proj); err != nil {
		return err
	}
	if err := chart.Clean(ctx, proj); err != nil {
		return fmt.Errorf("the pulled charts were not up to date and are now; %w: commit this first", err)
	}
	return nil
}

// agree asks; anything but yes is a no.
func agree(p process, in *bufio.Reader, question string) (bool, error) {
	fmt.Fprintf(p.stderr, "%s [y/N] ", question)
	answer, err := in.ReadString('\n')
	if err != nil && answer == "" {
		return false, fmt.Errorf("nobody is there to answer; upgrade without --interactive: %w", err)
	}
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes", nil
}
