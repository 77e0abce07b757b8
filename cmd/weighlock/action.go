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
		Long: "Handle the event that started a job of GitHub Actions or GitLab CI. For a pull request it posts the preview, for a push it\n" +
			"deploys the targets whose policy says merge, for a comment it carries out its commands. The repository must be checked out.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			job, runner, err := readJob(cmd.Context(), p)
			if err != nil {
				return err
			}
			remotes, err := (&remoteFlags{}).remotes(p)
			if err != nil {
				return err
			}
			b := &bot.Bot{
				Forge: job.Forge,
				Clone: func(ctx context.Context, refs ...string) (*checkout.Repo, error) {
					return checkout.Open(ctx, job.Workspace, checkout.Options{Refs: refs, Auth: checkout.Auth{User: job.User, Token: job.Token}})
				},
				Cluster: func(_ context.Context, t project.Target, as string) (engine.Cluster, error) {
					return connectAs(p, kubeconfig, t, as)
				},
				Keys:     project.Keys{Env: p.lookupenv, Online: true},
				Env:      p.lookupenv,
				Withheld: withheld,
				Remotes:  remotes,
				Holder:   job.Run,
				Now:      time.Now,
				Log:      p.log.Logger,
			}
			if key := p.getenv(digestKeyVariable); key != "" {
				b.DigestKey = []byte(key)
			}
			return action.Run(cmd.Context(), job, b, runner)
		},
	}
	c.Flags().StringVar(&kubeconfig, "kubeconfig", "", "kubeconfig `file`; default: $KUBECONFIG, then ~/.kube/config")
	return c
}

// readJob reads the environment of the CI job that the program runs in.
func readJob(ctx context.Context, p process) (*action.Job, action.Runner, error) {
	if p.getenv("GITLAB_CI") == "true" {
		job, err := action.ReadGitLab(ctx, p.getenv)
		return job, &action.GitLabLog{W: p.stdout, Now: time.Now}, err
	}
	job, err := action.ReadGitHub(p.getenv)
	if err != nil && p.getenv("GITHUB_ACTIONS") != "true" {
		err = fmt.Errorf("%w\n(neither GITHUB_ACTIONS nor GITLAB_CI says that this is a CI job)", err)
	}
	return job, githubactions.New(githubactions.WithWriter(p.stdout), githubactions.WithGetenv(p.getenv)), err
}
