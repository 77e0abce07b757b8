//go:build long

package engine_test

import (
	"fmt"
	"math/rand/v2"
	"path"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/enginetest"
	"github.com/weighlock/weighlock/engine/render"
	"github.com/weighlock/weighlock/engine/report"
)

// randomTree makes a project of nested includes, items and barriers, with maps of unique names.
func randomTree(r *rand.Rand, dir string, depth int, files map[string]string, count *int) {
	var b strings.Builder
	b.WriteString("deployments:\n")
	for range 1 + r.IntN(4) {
		switch {
		case r.IntN(4) == 0:
			b.WriteString("- barrier: true\n")
		case depth > 0 && r.IntN(3) == 0:
			name := fmt.Sprintf("sub%d", *count)
			*count++
			fmt.Fprintf(&b, "- include: %s\n  barrier: %v\n", name, r.IntN(2) == 0)
			randomTree(r, path.Join(dir, name), depth-1, files, count)
		default:
			item := fmt.Sprintf("item%d", *count)
			fmt.Fprintf(&b, "- path: %s\n  barrier: %v\n", item, r.IntN(3) == 0)
			for range 1 + r.IntN(3) {
				*count++
				files[path.Join(dir, item, fmt.Sprintf("m%d.yaml", *count))] = fmt.Sprintf(
					"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m%d, namespace: \"{{ args.ns }}\"}\ndata: {n: \"%d\"}\n", *count, r.IntN(100))
			}
		}
	}
	b.WriteString("- path: last\n")
	*count++
	files[path.Join(dir, "last", "last.yaml")] = fmt.Sprintf(
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: last%d, namespace: \"{{ args.ns }}\"}\n", *count)
	files[path.Join(dir, "deployment.yaml")] = b.String()
}

func TestLongRandomTreesKeepTheirOrder(t *testing.T) {
	t.Parallel()
	c := enginetest.Start(t)
	for seed := range uint64(12) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			files := map[string]string{".kluctl.yaml": "discriminator: \"{{ args.ns }}\"\n"}
			count := 0
			randomTree(rand.New(rand.NewPCG(seed, 7)), "", 3, files, &count)
			var archive strings.Builder
			for name, text := range files {
				fmt.Fprintf(&archive, "-- %s --\n%s", name, text)
			}
			who := c.Identity(t)
			s := newSite(t, who.Kubeconfig, archive.String())
			s.args = map[string]any{"ns": c.Namespace(t)}
			p, target := s.open()
			m, err := engine.Render(t.Context(), p, target, render.Options{Reader: s.cluster.Reader()})
			if err != nil {
				t.Fatal(err)
			}
			audit := c.Audit(t)
			s.deployed()
			writes := audit.Since(t).By(who).Writes()
			if len(writes) != m.Len() {
				t.Errorf("%d objects, %d writes", m.Len(), len(writes))
			}
			inOrder(t, m, writes)
			if set := s.diff(diff.Options{}); set.Changed() {
				t.Errorf("a second deploy would change:\n%s", report.Text(set, nil))
			}
		})
	}
}
