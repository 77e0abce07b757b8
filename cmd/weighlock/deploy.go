package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/kube"
	"github.com/weighlock/weighlock/engine/render"
	"github.com/weighlock/weighlock/engine/report"
)

func deployCommand(p process) *cobra.Command {
	var target targetFlags
	var out outputFlags
	var dir manifestDir
	var yes, abort bool
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
				Apply:    apply.Options{AbortOnError: abort, Progress: progress(p.stderr)},
			}
			if !yes {
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
				if opts.Reviewed, err = confirm(cmd.Context(), p, cluster, preview); err != nil || opts.Reviewed == "" {
					return err
				}
			}
			set, result, err := engine.Deploy(cmd.Context(), proj, t, cluster, opts)
			if err != nil {
				return err
			}
			if err := write(p.stdout, outputs, set, result); err != nil {
				return err
			}
			if err := result.Err(); err != nil {
				return &exitCode{code: 1, err: fmt.Errorf("%s", report.Outcome(result))}
			}
			return nil
		},
	}
	target.register(c)
	out.register(c)
	dir.register(c)
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not show the diff and ask first")
	compare.register(c)
	records.register(c)
	c.Flags().BoolVar(&abort, "abort-on-error", false, "stop at the first error instead of going on with what does not depend on it")
	return c
}

// confirm shows the diff and asks. It returns the digest of what was confirmed, or "" when there is nothing to do.
func confirm(ctx context.Context, p process, cluster *kube.Cluster, preview func() (*diff.ChangeSet, error)) (string, error) {
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
	fmt.Fprintf(p.stderr, "Deploy this to context %q? [y/N] ", cluster.Context())
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
			return "", errors.New("nobody is there to confirm; deploy without asking with --yes")
		}
		if a.err != nil && !errors.Is(a.err, io.EOF) {
			return "", fmt.Errorf("reading the answer: %w", a.err)
		}
		return a.line, nil
	}
}

// progress prints what happens to an object as it happens.
func progress(w io.Writer) func(apply.Outcome) {
	var mu sync.Mutex
	return func(o apply.Outcome) {
		if o.Status == apply.Unchanged || o.Status == apply.Skipped {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(w, "%s %s\n", o.Status, o.Ref)
	}
}
