package offline

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// What a kustomization that is a project names beside it is read of the tree that the stranger proposes: a changed base changes its
// overlays, and neither a path nor a link leads to anything of the machine.
func TestAStrangersOverlayReadsItsOwnTreeAlone(t *testing.T) {
	t.Parallel()
	overlay := func(base string, more ...string) string {
		return tree(t, with(map[string]string{
			"overlays/prod/kustomization.yaml": "resources: [../../base]\nnamePrefix: prod-\n",
			"base/kustomization.yaml":          "resources: [a.yaml]\n", "base/a.yaml": base,
		}, more...))
	}
	compare := func(head string) Target {
		t.Helper()
		base := overlay(fmt.Sprintf(configMap, "old"))
		got, err := process(t, DefaultLimits).Compare(t.Context(), Request{Base: base, Head: head, Projects: []Project{{Name: "prod", Path: "overlays/prod"}}})
		if err != nil || len(got) != 1 {
			t.Fatalf("found %+v, %v", got, err)
		}
		return got[0]
	}
	got := compare(overlay(fmt.Sprintf(configMap, "{{ 6 * 7 }}")))
	if got.Err != "" || got.Set == nil {
		t.Fatalf("found %+v", got)
	}
	for c := range got.Set.All() {
		if c.Ref.Name != "prod-a" || len(c.Fields) != 1 || c.Fields[0].New != "42" {
			t.Errorf("found %s %+v", c.Ref, c.Fields)
		}
	}
	outside := tree(t, map[string]string{"kustomization.yaml": "configMapGenerator: [{name: x, literals: [a=of-the-machine]}]\n"})
	for name, head := range map[string]string{
		"a link":           overlay("", "overlays/prod/kustomization.yaml", "resources: [../../link]\n", "link", "-> "+outside),
		"a link of a link": overlay("", "overlays/prod/kustomization.yaml", "resources: [../../link]\n", "link", "-> up/"+filepath.Base(outside), "up", "-> .."),
		"a path":           overlay("", "overlays/prod/kustomization.yaml", "resources: [../../../"+filepath.Base(outside)+"]\n"),
		"a file":           overlay("", "overlays/prod/kustomization.yaml", "configMapGenerator: [{name: x, files: [../../../../../etc/hostname]}]\n"),
	} {
		if got := compare(head); got.Set != nil || !strings.Contains(got.Err, "leads out of the project's source root") || strings.Contains(got.Err, outside) {
			t.Errorf("%s: found %+v", name, got)
		}
	}
}
