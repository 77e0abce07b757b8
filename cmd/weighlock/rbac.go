package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/doctor"
	"github.com/weighlock/weighlock/engine/lock"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/render"
)

func rbacCommand(p process) *cobra.Command {
	c := &cobra.Command{Use: "rbac", Short: "What a deploy needs to be allowed to do", Args: cobra.NoArgs}
	c.AddCommand(suggestCommand(p))
	return c
}

func suggestCommand(p process) *cobra.Command {
	var target targetFlags
	var how renderFlags
	var account doctor.Account
	c := &cobra.Command{
		Use:   "suggest",
		Short: "Print the least rights that a target's deploy needs, as manifests",
		Long: "Print the least rights that a target's deploy needs, as manifests: a ServiceAccount, a Role for each namespace that the target\n" +
			"has objects in, a ClusterRole for those that have none, and a Role for locks and results. Orphans of kinds that the target\n" +
			"does not have any more are beyond these rights.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := suggested(cmd.Context(), p, &target, &how, account)
			if err == nil {
				_, err = p.stdout.Write(text)
			}
			return err
		},
	}
	target.register(c)
	how.register(c)
	c.Flags().StringVar(&account.Name, "account", "weighlock", "`name` of the ServiceAccount")
	c.Flags().StringVar(&account.Namespace, "account-namespace", "weighlock", "`namespace` of the ServiceAccount")
	c.Flags().StringVar(&account.Records, "records-namespace", lock.Namespace, "`namespace` of the cluster where locks and results are kept")
	return c
}

// suggested renders the target and prints what its deploy needs.
func suggested(ctx context.Context, p process, target *targetFlags, how *renderFlags, account doctor.Account) ([]byte, error) {
	proj, t, err := target.open(ctx, p)
	if err != nil {
		return nil, err
	}
	defer proj.Close()
	opts, err := how.options(p, target.kubeconfig, t)
	if err != nil {
		return nil, err
	}
	return rights(ctx, proj, t, opts, account)
}

func rights(ctx context.Context, proj *project.Project, t project.Target, opts render.Options, account doctor.Account) ([]byte, error) {
	m, err := engine.Render(ctx, proj, t, opts)
	if err != nil {
		return nil, err
	}
	var objects []object.Object
	for o := range m.All() {
		objects = append(objects, o.Object)
	}
	var out bytes.Buffer
	for i, o := range doctor.Suggest(objects, account) {
		text, err := yaml.Marshal(o)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			fmt.Fprintln(&out, "---")
		}
		out.Write(text)
	}
	return out.Bytes(), nil
}
