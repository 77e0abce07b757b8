package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/weighlock/weighlock/bot"
	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/ready"
	"github.com/weighlock/weighlock/engine/render"
	"github.com/weighlock/weighlock/engine/report"
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
			if how.dryRun {
				return previewOnly(cmd.Context(), p, outputs, func() (*diff.ChangeSet, error) {
					records.known(cmd.Context(), p, cluster, t, &opts.Diff)
					return engine.Preview(cmd.Context(), proj, t, cluster, opts)
				})
			}
			if !how.yes {
				// What is confirmed binds the values of Secrets, too. The key need not outlive the question.
				opts.Diff.DigestKey = make([]byte, 32)
				if _, err := rand.Read(opts.Diff.DigestKey); err != nil {
					return err
				}
				preview := func() (*diff.ChangeSet, error) {
					seen := opts.Diff
					records.known(cmd.Context(), p, cluster, t, &seen)
					return engine.Diff(cmd.Context(), proj, t, cluster, seen)
				}
				opts.Apply.AbortOnError = true
				if opts.Reviewed, err = confirm(cmd.Context(), p, fmt.Sprintf("Deploy this to context %q?", cluster.Context()), preview); err != nil || opts.Reviewed == "" {
					return err
				}
			}
			set, result, err := engine.Deploy(cmd.Context(), proj, t, cluster, opts)
			if err != nil {
				return err
			}
			return outcome(p, outputs, set, result)
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

// outcome prints what became of a change set and tells by the exit code whether all went well.
func outcome(p process, outputs []output, set *diff.ChangeSet, result *apply.Result) error {
	if err := write(p.stdout, outputs, set, result); err != nil {
		return err
	}
	if err := result.Err(); err != nil {
		return &exitCode{code: 1, err: fmt.Errorf("%s", report.Outcome(result))}
	}
	return nil
}

// previewOnly prints what would be done.
func previewOnly(ctx context.Context, p process, outputs []output, preview func() (*diff.ChangeSet, error)) error {
	set, err := preview()
	if err != nil {
		return err
	}
	return finish(p, outputs, set, false)
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

// confirm shows the diff and asks. It returns the digest of what was confirmed, or "" when there is nothing to do.
func confirm(ctx context.Context, p process, question string, preview func() (*diff.ChangeSet, error)) (string, error) {
	set, err := preview()
	if err != nil {
		return "", err
	}
	fmt.Fprint(p.stderr, report.Text(set, nil))
	if n := len(set.Failures()); n > 0 {
		return "", fmt.Errorf("the dry run of %d objects failed; nothing is applied", n)
	}
	if !set.Changed() {
		return "", nil
	}
	fmt.Fprint(p.stderr, question, " [y/N] ")
	answer, err := ask(ctx, p.stdin)
	if err != nil {
		return "", err
	}
	if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
		return "", errors.New("not confirmed; nothing is applied")
	}
	return set.Digest, nil
}

// ask reads a line; an interruption ends the wait.
func ask(ctx context.Context, stdin io.Reader) (string, error) {
	type answer struct {
		line string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		line, err := bufio.NewReader(stdin).ReadString('\n')
		got <- answer{line, err}
	}()
	select {
	case <-ctx.Done():
		return "", errors.New("interrupted; nothing is applied")
	case a := <-got:
		if errors.Is(a.err, io.EOF) && a.line == "" {
			return "", errors.New("nobody is there to confirm; do it without asking with --yes")
		}
		if a.err != nil && !errors.Is(a.err, io.EOF) {
			return "", fmt.Errorf("reading the answer: %w", a.err)
		}
		return a.line, nil
	}
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
	fmt.Fprintf(t.w, "%s %s\n", o.Status, o.Ref)
}

func (t *teller) waiting(w apply.Waiting) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.w, "waiting for %s since %s: %s\n", w.Ref, w.Since.Round(time.Second), oneLine(w.Reason))
}
