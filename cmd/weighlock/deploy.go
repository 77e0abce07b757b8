package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/weighlock/weighlock/bot"
	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/ready"
	"github.com/weighlock/weighlock/engine/render"
)

func deployCommand(p process) *cobra.Command {
	var target targetFlags
	var out outputFlags
	var dir manifestDir
	var how applyFlags
	var compare diffFlags
	var records runFlags
	c := &cobra.Command{
		Use:   "deploy",
		Short: "Deploy a target to its cluster",
		Long: "Deploy a target to its cluster. Without --yes the diff is shown first, and exactly that is applied once it is confirmed:\n" +
			"if the cluster has moved on by then, nothing is applied.",
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
			if compare.opts.Prune && t.Discriminator == "" {
				return errors.New("--prune needs a discriminator, to know which objects are the target's: set it in .kluctl.yaml or with --discriminator")
			}
			cluster, err := connect(p, target.kubeconfig, t)
			if err != nil {
				return err
			}
			opts := engine.DeployOptions{
				Rendered: func(m *render.Manifests) error { return dir.write(p, m) },
				Run:      records.run(cmd.Context(), p, "deploy", proj),
				Diff:     compare.options(p.getenv),
			}
			if opts.Apply, err = how.options(p, proj); err != nil {
				return err
			}
			w := writing{process: p, outputs: outputs, how: how, project: proj, target: t, cluster: cluster}
			return w.deploy(cmd.Context(), fmt.Sprintf("Deploy this to context %q?", cluster.Context()), &records, opts)
		},
	}
	target.register(c)
	out.register(c)
	dir.register(c)
	how.register(c)
	how.registerWait(c)
	compare.register(c)
	records.register(c)
	return c
}

// applyFlags say how changes are carried out; the commands that write share them.
type applyFlags struct {
	yes, dryRun, abort, noWait bool
	timeout                    time.Duration
}

func (f *applyFlags) register(c *cobra.Command) {
	flags := c.Flags()
	flags.BoolVarP(&f.yes, "yes", "y", false, "do not show what is going to be done and ask first")
	flags.BoolVar(&f.dryRun, "dry-run", false, "only show what would be done")
	flags.BoolVar(&f.noWait, "no-wait", false, "do not wait until objects are ready, or deleted ones gone")
}

func (f *applyFlags) registerWait(c *cobra.Command) {
	flags := c.Flags()
	flags.BoolVar(&f.abort, "abort-on-error", false, "stop at the first error instead of going on with what does not depend on it")
	flags.DurationVar(&f.timeout, "readiness-timeout", 5*time.Minute, "for how long an object is waited for until it is ready")
}

func (f *applyFlags) options(p process, proj *project.Project) (apply.Options, error) {
	rules, err := readiness(proj)
	if err != nil {
		return apply.Options{}, err
	}
	tell := &teller{w: p.stderr}
	return apply.Options{
		AbortOnError: f.abort, Now: time.Now, Progress: tell.outcome,
		Wait: apply.Wait{Off: f.noWait, Timeout: f.timeout, Rules: rules, Progress: tell.waiting},
	}, nil
}

// readiness are the rules of the repository's configuration; none if it has no such file.
func readiness(proj *project.Project) (*ready.Rules, error) {
	name := filepath.Join(proj.Source().Root(), bot.ConfigFile)
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	cfg, err := bot.ParseConfig(name, data)
	if err != nil {
		return nil, err
	}
	return cfg.Readiness, nil
}

// teller prints what happens as it happens.
type teller struct {
	mu sync.Mutex
	w  io.Writer
}

func (t *teller) outcome(o apply.Outcome) {
	if o.Status == apply.Unchanged || o.Status == apply.Skipped {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.w, "%s %s\n", o.Status, oneLine(o.Ref.String()))
}

func (t *teller) waiting(w apply.Waiting) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.w, "waiting for %s since %s: %s\n", oneLine(w.Ref.String()), w.Since.Round(time.Second), oneLine(w.Reason))
}
