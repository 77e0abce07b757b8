package main

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/kube"
	"github.com/weighlock/weighlock/engine/project"
)

// targetFlags pick a project, a target and a cluster; several commands share them.
type targetFlags struct {
	target        string
	args          []string
	context       string
	kubeconfig    string
	projectDir    string
	discriminator string
}

func (f *targetFlags) register(c *cobra.Command) {
	c.Flags().StringVarP(&f.target, "target", "t", "", "target to use, one of .kluctl.yaml")
	c.Flags().StringArrayVarP(&f.args, "arg", "a", nil, "argument, `name=value`; the value is read as YAML (repeatable)")
	c.Flags().StringVar(&f.context, "context", "", "kubeconfig context to use instead of the target's")
	c.Flags().StringVar(&f.kubeconfig, "kubeconfig", "", "kubeconfig `file`; default: $KUBECONFIG, then ~/.kube/config")
	c.Flags().StringVar(&f.projectDir, "project-dir", ".", "the project's `directory`")
	c.Flags().StringVar(&f.discriminator, "discriminator", "", "discriminator to use instead of the target's")
}

// open opens the project and picks the target. The caller closes the project.
func (f *targetFlags) open(ctx context.Context) (*project.Project, project.Target, error) {
	args, err := project.ParseArgs(f.args)
	if err != nil {
		return nil, project.Target{}, err
	}
	p, err := engine.Open(f.projectDir, project.Options{Now: time.Now})
	if err != nil {
		return nil, project.Target{}, err
	}
	t, err := p.Target(ctx, project.Selection{Target: f.target, Args: args, Context: f.context, Discriminator: f.discriminator})
	if err != nil {
		p.Close()
		return nil, project.Target{}, err
	}
	return p, t, nil
}

// connect connects to the target's cluster.
func connect(getenv func(string) string, kubeconfig string, t project.Target) (*kube.Cluster, error) {
	return kube.Open(kube.Config{Kubeconfigs: kubeconfigs(getenv, kubeconfig), Context: t.Context, UserAgent: "weighlock/" + version})
}

// kubeconfigs are the files that kubectl would read, too.
func kubeconfigs(getenv func(string) string, flag string) []string {
	if flag != "" {
		return []string{flag}
	}
	if list := getenv("KUBECONFIG"); list != "" {
		var out []string
		for _, f := range filepath.SplitList(list) {
			if strings.TrimSpace(f) != "" {
				out = append(out, f)
			}
		}
		return out
	}
	return []string{filepath.Join(getenv("HOME"), ".kube", "config")}
}
