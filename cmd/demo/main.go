// Command demo tells a pull request's whole story on real parts: a Kubernetes API server, git, the weighlock program as
// the jobs of a CI runner, and a stand-in for GitHub, or with FORGE=gitlab for GitLab, that is checked against the forge's own description. It is not
// shipped.
//
// It expects a running test cluster (WEIGHLOCK_TEST_CLUSTER) and bin/weighlock: run it with make demo.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var cluster struct{ Kubeconfig, Kubectl string }
	data, err := os.ReadFile(os.Getenv("WEIGHLOCK_TEST_CLUSTER"))
	if err != nil {
		return fmt.Errorf("no test cluster, run make demo: %w", err)
	}
	if err := json.Unmarshal(data, &cluster); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "weighlock-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := newStory(ctx, dir, cluster.Kubeconfig, cluster.Kubectl, cmp.Or(os.Getenv("FORGE"), "github"))
	if err != nil {
		return err
	}
	defer s.Close()
	if os.Getenv("DOOR") == "serve" {
		if err := s.serve(ctx, cmp.Or(os.Getenv("FORGE"), "github")); err != nil {
			return err
		}
	}
	start := time.Now()
	if err := s.tell(ctx); err != nil {
		return err
	}
	fmt.Printf("\nThe story took %s.\n", time.Since(start).Round(time.Second/10))
	return nil
}
