package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/weighlock/weighlock/bot/checkout"
	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/render"
)

// exitChanges is what diff --exit-code ends with when something would change.
const exitChanges = 2

func diffCommand(p process) *cobra.Command {
	var target targetFlags
	var out outputFlags
	var exitOnChange bool
	var compare diffFlags
	var hide diff.Ignore
	var from, to string
	var dir manifestDir
	var records recordFlags
	c := &cobra.Command{
		Use:   "diff",
		Short: "Say what deploying a target would change in its cluster",
		Long: "Say what deploying a target would change in its cluster. Every object is sent to the API server as a dry run;\n" +
			"nothing is written.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			outputs, err := out.parse()
			if err != nil {
				return err
			}
			opts := compare.options(p.getenv)
			opts.Ignore = hide
			if to != "" && from == "" {
				return errors.New("--to needs --from: name both commits to compare")
			}
			if from != "" {
				set, err := compareCommits(cmd.Context(), p, &target, commits{from, to}, opts)
				if err != nil {
					return err
				}
				return finish(p, outputs, set, exitOnChange)
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
			m, err := engine.Render(cmd.Context(), proj, t, render.Options{Reader: cluster.Reader()})
			if err != nil {
				return err
			}
			if err := dir.write(p, m); err != nil {
				return err
			}
			records.known(cmd.Context(), p, cluster, t, &opts)
			set, err := diff.Diff(cmd.Context(), m, cluster.Previewer(), opts)
			if err != nil {
				return err
			}
			return finish(p, outputs, set, exitOnChange)
		},
	}
	target.register(c)
	out.register(c)
	dir.register(c)
	c.Flags().BoolVar(&exitOnChange, "exit-code", false, "end with exit code 2 when something would change")
	compare.register(c)
	records.register(c)
	c.Flags().StringVar(&from, "from", "", "`commit` (branch, tag, id) to compare with, without a cluster: how the renders differ")
	c.Flags().StringVar(&to, "to", "", "`commit` that is compared with --from; default: the files as they are")
	c.MarkFlagsMutuallyExclusive("from", "render-output-dir")
	c.Flags().BoolVar(&hide.Tags, "ignore-tags", false, "do not show changes of tag labels")
	c.Flags().BoolVar(&hide.Labels, "ignore-labels", false, "do not show changes of objects' own labels")
	c.Flags().BoolVar(&hide.Annotations, "ignore-annotations", false, "do not show changes of objects' own annotations")
	c.Flags().BoolVar(&hide.KluctlMetadata, "ignore-kluctl-metadata", false, "do not show changes of what the deploy itself writes: tags, discriminator, item directory")
	return c
}

// finish prints a change set and tells by the exit code what it holds.
func finish(p process, outputs []output, set *diff.ChangeSet, exitOnChange bool) error {
	if err := write(p.stdout, outputs, set, nil); err != nil {
		return err
	}
	if n := len(set.Failures()); n > 0 {
		return fmt.Errorf("the dry run of %s failed", objects(n))
	}
	if exitOnChange && set.Visible() {
		return &exitCode{code: exitChanges}
	}
	return nil
}

// commits name what diff compares without a cluster.
type commits struct{ from, to string }

// compareCommits compares two renders of the project.
func compareCommits(ctx context.Context, p process, target *targetFlags, c commits, opts diff.Options) (*diff.ChangeSet, error) {
	sel, err := target.complete()
	if err != nil {
		return nil, err
	}
	repo, err := checkout.Open(ctx, target.dir, checkout.Options{})
	if err != nil {
		return nil, err
	}
	defer repo.Close()
	dir, err := filepath.Abs(target.dir)
	if err != nil {
		return nil, err
	}
	below, err := filepath.Rel(repo.Root(), dir)
	if err != nil {
		return nil, err
	}
	open := func(commit string) (*project.Project, func(), error) {
		if commit == "" {
			proj, err := target.openAt(p, target.dir, "")
			return proj, func() {}, err
		}
		id, err := repo.Resolve(ctx, commit)
		if err != nil {
			return nil, nil, err
		}
		tree, err := repo.Tree(ctx, id)
		if err != nil {
			return nil, nil, err
		}
		files, err := repo.Extract(ctx, tree)
		if err != nil {
			return nil, nil, err
		}
		proj, err := target.openAt(p, filepath.Join(files.Path(), below), files.Path())
		if err != nil {
			return nil, nil, errors.Join(fmt.Errorf("commit %s: %w", commit, err), files.Close())
		}
		return proj, func() { files.Close() }, nil
	}
	before, clean, err := open(c.from)
	if err != nil {
		return nil, err
	}
	defer clean()
	defer before.Close()
	after, clean, err := open(c.to)
	if err != nil {
		return nil, err
	}
	defer clean()
	defer after.Close()
	return engine.Compare(ctx, before, after, sel, opts)
}

// diffFlags decide what is compared and done; diff and deploy share them, so that the one shows what the other does.
type diffFlags struct{ opts diff.Options }

func (f *diffFlags) register(c *cobra.Command) {
	flags := c.Flags()
	flags.BoolVar(&f.opts.Prune, "prune", false, "delete the target's objects that it does not render any more; diff shows them as such")
	flags.BoolVar(&f.opts.Force, "force-apply", false, "overwrite what other field managers own, whatever the rules say")
	flags.BoolVar(&f.opts.Replace, "force-replace-on-error", false, "delete objects that cannot be changed into what is wanted, and create them anew")
	flags.BoolVar(&f.opts.Whole, "replace-on-error", false, "send an existing object as a whole where it cannot be applied, with all that others have set in it")
	flags.BoolVar(&f.opts.NoAdopt, "no-adopt", false, "refuse objects that belong to another owner instead of taking them over")
}

// options are the flags' with the digest's key from the environment.
func (f *diffFlags) options(getenv func(string) string) diff.Options {
	opts := f.opts
	if key := getenv(digestKeyVariable); key != "" {
		opts.DigestKey = []byte(key)
	}
	return opts
}

// digestKeyVariable names the environment variable with the key that binds secret values to the digest.
const digestKeyVariable = "WEIGHLOCK_DIGEST_KEY"
