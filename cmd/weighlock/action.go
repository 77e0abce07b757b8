package main

import (
	"context"
	"fmt"
	"time"

	"github.com/sethvargo/go-githubactions"
	"github.com/spf13/cobra"

	"github.com/weighlock/weighlock/action"
	"github.com/weighlock/weighlock/bot"
	"github.com/weighlock/weighlock/bot/checkout"
	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/project"
)

func actionCommand(p process) *cobra.Command {
	var kubeconfig string
	c := &cobra.Command{
		Use:   "action",
		Short: "Handle the event that started a CI job: preview, deploy, answer",
		Long: "Handle the event that started a GitHub Actions job. On pull_request it posts the preview, on push it deploys the targets\n" +
			"whose policy says merge, on issue_comment it carries out /deploy. The repository must be checked out.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			gh, err := action.ReadGitHub(p.getenv)
			if err != nil {
				return err
			}
			remotes, err := (&remoteFlags{}).remotes(p)
			if err != nil {
				return err
			}
			b := &bot.Bot{
				Forge: gh.Forge,
				Clone: func(ctx context.Context, refs ...string) (*checkout.Repo, error) {
					return checkout.Open(ctx, gh.Workspace, checkout.Options{Refs: refs, Auth: checkout.Auth{Token: gh.Token}})
				},
				Cluster: func(_ context.Context, t project.Target, as string) (engine.Cluster, error) {
					return connectAs(p, kubeconfig, t, as)
				},
				Keys:     project.Keys{Env: p.lookupenv, Online: true},
				Env:      p.lookupenv,
				Withheld: withheld,
				Remotes:  remotes,
				Holder:   gh.Run,
				Now:      time.Now,
				Log:      p.log.Logger,
			}
			if key := p.getenv(digestKeyVariable); key != "" {
				b.DigestKey = []byte(key)
			}
			runner := githubactions.New(githubactions.WithWriter(p.stdout), githubactions.WithGetenv(p.getenv))
			if err := action.Run(cmd.Context(), gh, b, runner); err != nil {
				return fmt.Errorf("%s: %w", p.getenv("GITHUB_EVENT_NAME"), err)
			}
			return nil
		},
	}
	c.Flags().StringVar(&kubeconfig, "kubeconfig", "", "kubeconfig `file`; default: $KUBECONFIG, then ~/.kube/config")
	return c
}
