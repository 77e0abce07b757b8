package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/render"
)

func renderCommand(p process) *cobra.Command {
	var target targetFlags
	var offline bool
	var kubeVersion string
	c := &cobra.Command{
		Use:   "render",
		Short: "Print the objects of a target as YAML",
		Long: "Print the objects of a target as YAML, in the order in which they are applied. Secrets are printed as they are.\n" +
			"The cluster is asked for its version and its kinds, unless --offline-kubernetes is given.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			proj, t, err := target.open(cmd.Context(), p)
			if err != nil {
				return err
			}
			defer proj.Close()
			opts := render.Options{Capabilities: render.Capabilities{KubeVersion: kubeVersion}}
			if !offline {
				cluster, err := connect(p.getenv, target.kubeconfig, t)
				if err != nil {
					return fmt.Errorf("%w (or render without a cluster: --offline-kubernetes)", err)
				}
				opts.Reader = cluster.Reader()
			}
			m, err := engine.Render(cmd.Context(), proj, t, opts)
			if err != nil {
				return err
			}
			for _, w := range m.Warnings {
				fmt.Fprintln(p.stderr, "Warning:", w)
			}
			return printManifests(p, m)
		},
	}
	target.register(c)
	c.Flags().Bool("print-all", true, "print all objects; accepted for scripts written for Kluctl, it is what render does")
	c.Flags().BoolVar(&offline, "offline-kubernetes", false, "render without a cluster")
	c.Flags().StringVar(&kubeVersion, "kubernetes-version", "", "Kubernetes version that charts see, instead of the cluster's")
	return c
}

func printManifests(p process, m *render.Manifests) error {
	first := true
	for o := range m.All() {
		data, err := yaml.Marshal(o.Object)
		if err != nil {
			return fmt.Errorf("%s: %w", o.Object.Ref(), err)
		}
		if !first {
			data = append([]byte("---\n"), data...)
		}
		first = false
		if _, err := p.stdout.Write(data); err != nil {
			return err
		}
	}
	return nil
}
