package engine_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/render"
)

// Render a target without a cluster.
func ExampleRender() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	manifest := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"{{ args.name }}\"}\n"
	if err := os.WriteFile(filepath.Join(dir, "map.yaml"), []byte(manifest), 0o644); err != nil {
		panic(err)
	}

	ctx := context.Background()
	p, err := engine.Open(dir, project.Options{SourceRoot: dir})
	if err != nil {
		panic(err)
	}
	defer p.Close()
	target, err := p.Target(ctx, project.Selection{Args: map[string]any{"name": "hello"}})
	if err != nil {
		panic(err)
	}
	m, err := engine.Render(ctx, p, target, render.Options{})
	if err != nil {
		panic(err)
	}
	for o := range m.All() {
		fmt.Println(o.Object.Ref(), "from", o.Source)
	}
	// Output: ConfigMap/hello from map.yaml
}
