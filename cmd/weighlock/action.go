package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/sethvargo/go-githubactions"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/weighlock/weighlock/action"
	"github.com/weighlock/weighlock/bot"
	"github.com/weighlock/weighlock/bot/checkout"
	"github.com/weighlock/weighlock/bot/offline"
	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/project"
)

// actionFlags are the inputs of a CI job.
type actionFlags struct {
	command, target, project   string
	args                       []string
	context, kubeconfig        string
	comment, reportDir, dotenv string
	failOnChange               bool
}

func actionCommand(p process) *cobra.Command {
	var f actionFlags
	c := &cobra.Command{
		Use:   "action",
		Short: "Handle the event that started a CI job: preview, deploy, answer",
		Long: "Handle the event that started a job of GitHub Actions or GitLab CI. For a pull request it posts the preview, for a push it\n" +
			"deploys the targets whose policy says merge, for a comment it carries out its commands, and for a schedule or a click it\n" +
			"compares targets with their clusters. The repository must be checked out.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flagsFromInputs(cmd.Flags(), p.getenv); err != nil {
				return err
			}
			return f.run(cmd.Context(), p)
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.command, "command", action.CommandAuto, "auto: what the event calls for; diff: compare with the clusters; deploy: what is checked out")
	flags.StringVar(&f.target, "target", "", "for diff and deploy: the `targets`, separated by commas; default for diff: all")
	flags.StringVar(&f.project, "project", "", "for diff and deploy: the `project`, by its name in .weighlock.yaml or its directory; default: all")
	flags.StringArrayVar(&f.args, "args", nil, "for diff and deploy: arguments of the project, `name=value`, one a line (repeatable)")
	flags.StringVar(&f.context, "context", "", "kubeconfig `context` for targets that name none")
	flags.StringVar(&f.kubeconfig, "kubeconfig", "", "kubeconfig `file`, or its content; default: $KUBECONFIG, then ~/.kube/config")
	flags.StringVar(&f.comment, "comment", "", "the preview comment: update, new or none; default: what .weighlock.yaml says")
	flags.BoolVar(&f.failOnChange, "fail-on-change", false, "end with an error when something would change")
	flags.StringVar(&f.reportDir, "report-dir", "", "`directory` for report.md and result.json; default: one of the runner's")
	flags.StringVar(&f.dotenv, "dotenv", "", "`file` for the outputs as GitLab's dotenv report takes them")
	return c
}

// flagsFromInputs sets the flags that are left open from the action's inputs.
func flagsFromInputs(flags *pflag.FlagSet, getenv func(string) string) error {
	inputs := githubactions.New(githubactions.WithGetenv(getenv))
	var errs []error
	flags.VisitAll(func(f *pflag.Flag) {
		v := inputs.GetInput(envName(f.Name)) // with underscores: shells drop variables with other names
		if f.Changed || v == "" {
			return
		}
		if err := flags.Set(f.Name, v); err != nil {
			errs = append(errs, fmt.Errorf("input %s: %w", f.Name, err))
		}
	})
	return errors.Join(errs...)
}

func (f *actionFlags) run(ctx context.Context, p process) (err error) {
	runner, done, err := f.runner(p)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	r := ran{runner: runner}
	err = f.carryOut(ctx, p, &r)
	dir, dirErr := f.dir(p.getenv)
	if err = errors.Join(err, dirErr); dir != "" {
		err = errors.Join(err, action.Publish(runner, dir, r.summary, r.targets, r.commentURL))
	}
	if err == nil && f.failOnChange && action.HasChanges(r.targets) {
		err = errors.New("something would change, and fail-on-change is set; the report says what")
	}
	if err != nil && (p.getenv("GITHUB_ACTIONS") == "true" || p.getenv("GITLAB_CI") == "true") {
		// A runner reads commands from what is printed: errors, which may quote what others wrote, go to it as such.
		if shown := new(action.ShownError); !errors.As(err, &shown) {
			runner.Errorf("%v", err)
		}
		return &exitCode{code: 1}
	}
	return err
}

// A ran is what a job came to.
type ran struct {
	runner     action.Runner
	targets    []action.Target
	summary    string
	commentURL string
}

func (f *actionFlags) carryOut(ctx context.Context, p process, r *ran) error {
	trigger := action.Trigger(p.getenv)
	for _, secret := range []string{p.getenv("INPUT_TOKEN"), p.getenv(digestKeyVariable)} {
		if secret != "" && p.getenv("INPUT_TOKEN") != "" { // a step without inputs has set them itself
			r.runner.AddMask(secret)
		}
	}
	clusters, clean, err := f.clusters(p, r.runner)
	if err != nil {
		return err
	}
	defer clean()
	command, err := action.Choose(f.command, trigger)
	if err != nil {
		return err
	}
	if command == action.CommandAuto {
		if f.target != "" || f.project != "" || len(f.args) > 0 {
			r.runner.Warningf("target, project and args are for the commands diff and deploy: for %s, .weighlock.yaml says which targets there are", trigger)
		}
		results, err := f.handle(ctx, p, r.runner, clusters)
		if results != nil {
			r.targets, r.summary, r.commentURL = results.Targets(), results.Summary, results.CommentURL()
		}
		return err
	}
	r.targets, r.summary, err = f.direct(ctx, p, directRun{command: command, runner: r.runner, clusters: clusters})
	return err
}

// dir is where the report's files go; "" where nobody has said and the runner has no place.
func (f *actionFlags) dir(getenv func(string) string) (string, error) {
	if temp := getenv("RUNNER_TEMP"); f.reportDir == "" && temp != "" {
		return os.MkdirTemp(temp, "weighlock-report-")
	}
	return f.reportDir, nil
}

// runner is the job's, and what closes it.
func (f *actionFlags) runner(p process) (action.Runner, func() error, error) {
	if p.getenv("GITLAB_CI") != "true" {
		return action.GitHubLog(p.stdout, p.getenv), func() error { return nil }, nil
	}
	log := &action.GitLabLog{W: p.stdout, Now: time.Now}
	if f.dotenv == "" {
		return log, func() error { return nil }, nil
	}
	file, err := os.Create(f.dotenv)
	if err != nil {
		return nil, nil, fmt.Errorf("--dotenv: %w", err)
	}
	log.Outputs = file
	return log, file.Close, nil
}

// handle hands the event to the bot.
func (f *actionFlags) handle(ctx context.Context, p process, runner action.Runner, clusters clusterFiles) (*action.Results, error) {
	job, err := readJob(ctx, p)
	if err != nil {
		return nil, err
	}
	remotes, err := (&remoteFlags{}).remotes(p)
	if err != nil {
		return nil, err
	}
	mode, err := bot.ParseCommentMode(f.comment)
	if err != nil {
		return nil, fmt.Errorf("comment: %w", err)
	}
	b := &bot.Bot{
		Forge: job.Forge,
		Clone: func(ctx context.Context, refs ...string) (*checkout.Repo, error) {
			return checkout.Open(ctx, job.Workspace, checkout.Options{Refs: refs, Auth: checkout.Auth{User: job.User, Token: job.Token}})
		},
		Cluster: func(_ context.Context, t project.Target, as string) (engine.Cluster, error) {
			return clusters.connect(p, t, as)
		},
		Keys:        project.Keys{Env: p.lookupenv, Online: true},
		Env:         p.lookupenv,
		Withheld:    withheld,
		Remotes:     remotes,
		Offline:     offlineProcess(offline.DefaultLimits, p.log.Logger),
		Holder:      job.Run,
		Now:         time.Now,
		Log:         p.log.Logger,
		CommentMode: mode,
	}
	if key := p.getenv(digestKeyVariable); key != "" {
		b.DigestKey = []byte(key)
	}
	return action.Run(ctx, job, b, runner)
}

// readJob reads the environment of the CI job that the program runs in.
func readJob(ctx context.Context, p process) (*action.Job, error) {
	if p.getenv("GITLAB_CI") == "true" {
		return action.ReadGitLab(ctx, p.getenv)
	}
	job, err := action.ReadGitHub(p.getenv)
	if err != nil && p.getenv("GITHUB_ACTIONS") != "true" {
		err = fmt.Errorf("%w\n(neither GITHUB_ACTIONS nor GITLAB_CI says that this is a CI job)", err)
	}
	return job, err
}

// safeLog keeps what others wrote from giving commands to a runner that reads them from the log, where they begin a line.
type safeLog struct{ w io.Writer }

func (l safeLog) Write(text []byte) (int, error) {
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		if strings.HasPrefix(strings.TrimSpace(line), "::") || strings.HasPrefix(line, "##[") {
			lines[i] = "| " + line
		}
	}
	if _, err := io.WriteString(l.w, strings.Join(lines, "\n")); err != nil {
		return 0, err
	}
	return len(text), nil
}
