//go:build !race

package render_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/render"
)

// manyItems writes a project of items of five templated objects each, with a kustomization of their own if it is given.
func manyItems(tb testing.TB, items int, kustomization string) string {
	tb.Helper()
	dir := tb.TempDir()
	files := map[string]string{".kluctl.yaml": "discriminator: bench\n"}
	var deployment strings.Builder
	deployment.WriteString("deployments:\n")
	for i := range items {
		fmt.Fprintf(&deployment, "- path: app%d\n  vars: [{values: {name: app-%d}}]\n", i, i)
		for o := range 5 {
			files[fmt.Sprintf("app%d/o%d.yaml", i, o)] = fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"{{ name }}-%d\", namespace: apps, labels: {app: \"{{ name }}\"}}\ndata:\n  a: \"{{ name | upper }}\"\n  b: |\n    {%% for i in range(3) %%}line {{ i }}\n    {%% endfor %%}\n", o)
		}
		if kustomization != "" {
			files[fmt.Sprintf("app%d/kustomization.yaml", i)] = kustomization
		}
	}
	files["deployment.yaml"] = deployment.String()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

// How often memory is allocated for an object does not depend on the machine: what makes rendering slower mostly shows in it. A
// bound is a tenth above what was measured when it was written; who has a reason to exceed it raises it.
func TestRenderingAnObjectAllocatesNoMoreThan(t *testing.T) {
	for _, c := range []struct {
		name    string
		dir     string
		objects int
		most    float64
	}{
		{"an item's files", manyItems(t, 20, ""), 100, 410},
		{"a kustomization", manyItems(t, 20, "resources: [o0.yaml, o1.yaml, o2.yaml, o3.yaml, o4.yaml]\nnameSuffix: -x\n"), 100, 1460},
		{"a chart", manyReleases(t, 10, 10), 100, 3240},
	} {
		allocations := testing.AllocsPerRun(3, func() {
			p, err := engine.Open(c.dir, project.Options{SourceRoot: c.dir})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			target, err := p.Target(t.Context(), project.Selection{})
			if err != nil {
				t.Fatal(err)
			}
			m, err := engine.Render(t.Context(), p, target, render.Options{})
			if err != nil || m.Len() != c.objects {
				t.Fatalf("%d objects, %v", m.Len(), err)
			}
		})
		if each := allocations / float64(c.objects); each > c.most {
			t.Errorf("%s: %.0f allocations for each object, at most %.0f were expected", c.name, each, c.most)
		}
	}
}
