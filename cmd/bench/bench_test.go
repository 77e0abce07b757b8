package main

import (
	"testing"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/enginetest"
	"github.com/weighlock/weighlock/engine/kube"
	"github.com/weighlock/weighlock/engine/project"
)

// BenchmarkUnchanged compares a project of 2,000 objects of which none has changed, inside of this process, for a profile:
//
//	scripts/with-cluster.sh go test ./cmd/bench -run '^$' -bench Unchanged -benchtime 10x -cpuprofile cpu.out
func BenchmarkUnchanged(b *testing.B) {
	c := enginetest.Start(b)
	dir := b.TempDir()
	if err := itemProject(400).write(dir); err != nil {
		b.Fatal(err)
	}
	ns := c.Namespace(b)
	who := c.Identity(b)
	run := func(do func(*project.Project, project.Target, *kube.Cluster) error) {
		b.Helper()
		p, err := engine.Open(dir, project.Options{SourceRoot: dir})
		if err != nil {
			b.Fatal(err)
		}
		defer p.Close()
		target, err := p.Target(b.Context(), project.Selection{Args: map[string]any{"ns": ns}})
		if err != nil {
			b.Fatal(err)
		}
		cluster, err := kube.Open(kube.Config{Kubeconfigs: []string{who.Kubeconfig}, UserAgent: "weighlock-bench"})
		if err != nil {
			b.Fatal(err)
		}
		if err := do(p, target, cluster); err != nil {
			b.Fatal(err)
		}
	}
	run(func(p *project.Project, t project.Target, c *kube.Cluster) error {
		_, result, err := engine.Deploy(b.Context(), p, t, c, engine.DeployOptions{})
		if err == nil {
			err = result.Err()
		}
		return err
	})
	b.ReportAllocs()
	for b.Loop() {
		run(func(p *project.Project, t project.Target, c *kube.Cluster) error {
			set, err := engine.Diff(b.Context(), p, t, c, diff.Options{})
			if err == nil && set.Changed() {
				b.Error("something has changed")
			}
			return err
		})
	}
}
