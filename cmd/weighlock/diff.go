package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/diff"
)

// exitChanges is what diff --exit-code ends with when something would change.
const exitChanges = 2

func diffCommand(p process) *cobra.Command {
	var target targetFlags
	var out outputFlags
	var exitOnChange bool
	var compare diffFlags
	var hide diff.Ignore
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
			proj, t, err := target.open(cmd.Context(), p)
			if err != nil {
				return err
			}
			defer proj.Close()
			cluster, err := connect(p.getenv, target.kubeconfig, t)
			if err != nil {
				return err
			}
			opts := compare.options(p.getenv)
			opts.Ignore = hide
			set, err := engine.Diff(cmd.Context(), proj, t, cluster, opts)
			if err != nil {
				return err
			}
			if err := write(p.stdout, outputs, set, nil); err != nil {
				return err
			}
			if n := len(set.Failures()); n > 0 {
				return fmt.Errorf("the dry run of %d objects failed", n)
			}
			if exitOnChange && set.Changed() {
				return &exitCode{code: exitChanges}
			}
			return nil
		},
	}
	target.register(c)
	out.register(c)
	c.Flags().BoolVar(&exitOnChange, "exit-code", false, "end with exit code 2 when something would change")
	compare.register(c)
	c.Flags().BoolVar(&hide.Tags, "ignore-tags", false, "do not show changes of tag labels")
	c.Flags().BoolVar(&hide.Labels, "ignore-labels", false, "do not show changes of objects' own labels")
	c.Flags().BoolVar(&hide.Annotations, "ignore-annotations", false, "do not show changes of objects' own annotations")
	c.Flags().BoolVar(&hide.KluctlMetadata, "ignore-kluctl-metadata", false, "do not show changes of what the deploy itself writes: tags, discriminator, item directory")
	return c
}

// diffFlags decide what is compared and done; diff and deploy share them, so that the one shows what the other does.
type diffFlags struct{ opts diff.Options }

func (f *diffFlags) register(c *cobra.Command) {
	flags := c.Flags()
	flags.BoolVar(&f.opts.Prune, "prune", false, "delete the target's objects that it does not render any more; diff shows them as such")
	flags.BoolVar(&f.opts.Force, "force-apply", false, "overwrite what other field managers own, whatever the rules say")
	flags.BoolVar(&f.opts.Replace, "force-replace-on-error", false, "delete objects that cannot be changed into what is wanted, and create them anew")
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
