package kustomize

import (
	"fmt"
	"strings"
	"testing"
)

// TestSmallInputsDoNotMakeHugeBuilds: each of these would run for hours, or end the process.
func TestSmallInputsDoNotMakeHugeBuilds(t *testing.T) {
	t.Parallel()
	doubling := func(field, kind string, levels int) map[string]string {
		files := map[string]string{"app/kustomization.yaml": field + ": [../l0a, ../l0b]\nresources: [cm.yaml]", "app/cm.yaml": configMap}
		if field == "resources" {
			files["app/kustomization.yaml"] = "resources: [../l0a, ../l0b, cm.yaml]"
		}
		for i := range levels {
			for _, x := range []string{"a", "b"} {
				k := kind + "namePrefix: " + x + "-\n"
				if i < levels-1 {
					k += fmt.Sprintf("%s: [../l%da, ../l%db]\n", field, i+1, i+1)
				}
				files[fmt.Sprintf("l%d%s/kustomization.yaml", i, x)] = k
			}
		}
		return files
	}
	var copies []string
	for i := range 40 {
		copies = append(copies, fmt.Sprintf(`{"op": "copy", "from": "/data", "path": "/data/x%d"}`, i))
	}
	definitions := func(levels int, last string) string {
		var b strings.Builder
		b.WriteString(`{"x.T": {"Schema": {"properties": {"kind": {}, "apiVersion": {}, "metadata": {}, "a": {"$ref": "l0"}}}}`)
		for i := range levels {
			next := fmt.Sprintf("l%d", i+1)
			if i == levels-1 {
				next = last
			}
			fmt.Fprintf(&b, `, "l%d": {"Schema": {"properties": {"a": {"$ref": %q}, "b": {"$ref": %q}}}}`, i, next, next)
		}
		return b.String() + "}"
	}
	one := func(kustomization string, files ...string) map[string]string {
		out := map[string]string{"app/kustomization.yaml": "resources: [cm.yaml]\n" + kustomization, "app/cm.yaml": configMap + "data: {a: b}\n"}
		for i := 0; i < len(files); i += 2 {
			out["app/"+files[i]] = files[i+1]
		}
		return out
	}
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"bases":                 {doubling("resources", "", 30), "app: its kustomizations build on each other on so many ways"},
		"components":            {doubling("components", "kind: Component\n", 30), "app: its kustomizations build on each other on so many ways"},
		"copies":                {one("patches: [{target: {kind: ConfigMap}, patch: '[" + strings.Join(copies, ",") + "]'}]"), "size"},
		"definitions":           {one("crds: [crd.json]", "crd.json", definitions(30, "none")), "app/crd.json: the definitions refer to each other on more than 100000 ways"},
		"circle of definitions": {one("crds: [crd.json]", "crd.json", definitions(2, "l0")), "app/crd.json: the definition l0 refers to itself"},
		"depth":                 {one("", "cm.yaml", configMap+"data: "+strings.Repeat("{a: ", 5000)+strings.Repeat("}", 5000)), "app/cm.yaml: is nested deeper than 500 levels"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			built, err := Build(t.Context(), tree(t, c.files), "app", Options{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%d objects, %v; want an error with %q", len(built), err, c.want)
			}
		})
	}
}

// TestSharedBasesAreNoAttack: many overlays of one base are one item's right, and so is text with many brackets.
func TestSharedBasesAreNoAttack(t *testing.T) {
	t.Parallel()
	const overlays = 40
	files := map[string]string{"base/kustomization.yaml": "resources: [cm.yaml]", "base/cm.yaml": configMap + "data:\n  brackets: |\n    " + strings.Repeat("[{", 2000) + "\n"}
	var all []string
	for i := range overlays {
		files[fmt.Sprintf("o%d/kustomization.yaml", i)] = fmt.Sprintf("resources: [../base]\nnameSuffix: -n%d\n", i)
		all = append(all, fmt.Sprintf("../o%d", i))
	}
	files["app/kustomization.yaml"] = "resources: [" + strings.Join(all, ", ") + "]"
	if built, err := Build(t.Context(), tree(t, files), "app", Options{}); err != nil || len(built) != overlays {
		t.Errorf("%d objects, %v", len(built), err)
	}
}
