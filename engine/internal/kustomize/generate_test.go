package kustomize

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// resourcesOf reads the list of a generated kustomization.
func resourcesOf(t *testing.T, fsys FS, dir string) []string {
	t.Helper()
	data, err := fsys.ReadFile(dir + "/kustomization.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var k struct{ Resources []string }
	if err := yaml.Unmarshal(data, &k); err != nil {
		t.Fatal(err)
	}
	return k.Resources
}

func TestGenerateListsManifestsByName(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"app/b.YAML": "", "app/a.yml": "", "app/.hidden.yaml": "", "app/notes.txt": "", "app/Helm-Values.yaml": "", "app/helm-values.yml": "",
		"app/sub/c.yaml": "", "app/sub/deep/a.yaml": "", "app/sub-2.yaml": "", "app/zz/helm-chart.yml": "", "other/x.yaml": "",
	}
	chart := map[string]string{"app/helm-chart.yaml": ""}
	for _, c := range []struct {
		name  string
		extra map[string]string
		opts  GenerateOptions
		want  []string
	}{
		{"flat", nil, GenerateOptions{}, []string{".hidden.yaml", "a.yml", "b.YAML", "sub-2.yaml"}},
		{"recursive", nil, GenerateOptions{Recursive: true, Outputs: map[string]string{"app/zz": "chart.yaml"}},
			[]string{".hidden.yaml", "a.yml", "b.YAML", "sub/c.yaml", "sub/deep/a.yaml", "sub-2.yaml", "zz/chart.yaml"}},
		{"chart", chart, GenerateOptions{}, []string{".hidden.yaml", "a.yml", "b.YAML", "helm-rendered.yaml", "sub-2.yaml"}},
		{"chart with output", chart, GenerateOptions{Outputs: map[string]string{"/app": "az.yaml"}},
			[]string{".hidden.yaml", "a.yml", "az.yaml", "b.YAML", "sub-2.yaml"}},
		{"chart whose output is there", map[string]string{"app/helm-chart.yaml": "", "app/helm-rendered.yaml": ""}, GenerateOptions{},
			[]string{".hidden.yaml", "a.yml", "b.YAML", "helm-rendered.yaml", "sub-2.yaml"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			fsys := tree(t, files)
			for name := range c.extra {
				if err := fsys.WriteFile(name, nil); err != nil {
					t.Fatal(err)
				}
			}
			if err := Generate(fsys, "app", c.opts); err != nil {
				t.Fatal(err)
			}
			if got := resourcesOf(t, fsys, "app"); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestGenerateForADirectoryWithoutManifestsBuildsNothing(t *testing.T) {
	t.Parallel()
	fsys := tree(t, map[string]string{"app/readme.md": "nothing"})
	if err := Generate(fsys, "app", GenerateOptions{}); err != nil {
		t.Fatal(err)
	}
	if built, err := Build(t.Context(), fsys, "app", Options{}); err != nil || len(built) != 0 {
		t.Errorf("built %v, %v", built, err)
	}
}

func TestGenerateRefusesOtherKustomizations(t *testing.T) {
	t.Parallel()
	for file, recursive := range map[string]bool{
		"app/kustomization.yaml": false, "app/Kustomization": true, "app/sub/kustomization.yml": true,
	} {
		err := Generate(tree(t, map[string]string{file: "resources: []", "app/a.yaml": ""}), "app", GenerateOptions{Recursive: recursive})
		if err == nil || !strings.HasPrefix(err.Error(), file+": ") || !strings.Contains(err.Error(), "recursive") {
			t.Errorf("%s: error %v", file, err)
		}
	}
}

func TestSetNamespaceKeepsANamespaceThatIsThere(t *testing.T) {
	t.Parallel()
	for kustomization, want := range map[string]string{
		"resources: [a.yaml]":                   "mine",
		"namespace: own\nresources: [a.yaml]":   "own",
		"namespace: ''\nresources: [a.yaml]":    "mine",
		"Namespace: own\nresources: [a.yaml]":   "own",
		"namespace: null\nresources: [a.yaml]":  "mine",
		"resources: &r [a.yaml]\npatches: []\n": "mine",
	} {
		fsys := tree(t, map[string]string{"app/kustomization.yml": kustomization, "app/a.yaml": configMap})
		if err := SetNamespace(fsys, "app", "mine"); err != nil {
			t.Fatal(err)
		}
		built, err := Build(t.Context(), fsys, "app", Options{})
		if err != nil {
			t.Fatalf("%s: %v", kustomization, err)
		}
		meta := built[0].Object["metadata"].(map[string]any)
		if meta["namespace"] != want {
			t.Errorf("%s: namespace %v, want %s", kustomization, meta["namespace"], want)
		}
	}
}

func TestSetNamespaceNamesTheFileInErrors(t *testing.T) {
	t.Parallel()
	for files, want := range map[[2]string]string{
		{"app/x", ""}:                       "app: no kustomization.yaml",
		{"app/kustomization.yaml", ""}:      "app/kustomization.yaml: the kustomization is empty",
		{"app/kustomization.yaml", "a: b:"}: "app/kustomization.yaml: ",
	} {
		err := SetNamespace(tree(t, map[string]string{files[0]: files[1]}), "app", "ns")
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v: error %v, want %q", files, err, want)
		}
	}
}

func TestFindReturnsThePathFromTheRoot(t *testing.T) {
	t.Parallel()
	fsys := tree(t, map[string]string{"a/b/Kustomization": "", "c/x.yaml": ""})
	for dir, want := range map[string]string{"a/b": "a/b/Kustomization", "/a/b": "a/b/Kustomization", "c": "", "gone": ""} {
		if got := Find(fsys, dir); got != want {
			t.Errorf("%s: %q, want %q", dir, got, want)
		}
	}
}

// TestBuildsRunInParallel mixes builds that change kustomize's global schema with others, over one file system. Each must see its
// own schema: a list of a custom resource merges by a key only with the schema that says so.
func TestBuildsRunInParallel(t *testing.T) {
	t.Parallel()
	const thing = "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: a}\nspec: {parts: [{name: one, size: 1}, {name: two}]}\n"
	const patch = "patches: [{patch: '{apiVersion: example.com/v1, kind: Thing, metadata: {name: a}, spec: {parts: [{name: one, size: 2}]}}'}]\n"
	fsys := tree(t, map[string]string{
		"plain/kustomization.yaml": "resources: [a.yaml]\n" + patch, "plain/a.yaml": thing,
		"own/kustomization.yaml": "resources: [a.yaml]\nopenapi: {path: schema.json}\n" + patch, "own/a.yaml": thing,
		"own/schema.json": `{"definitions": {"com.example.v1.Thing": {"properties": {"spec": {"properties": {"parts": {"type": "array",
			"items": {"type": "object"}, "x-kubernetes-patch-merge-key": "name", "x-kubernetes-patch-strategy": "merge"}}}},
			"x-kubernetes-group-version-kind": [{"group": "example.com", "version": "v1", "kind": "Thing"}]}}}`,
	})
	for i := range 12 {
		dir, want := "plain", 1
		if i%3 == 0 {
			dir, want = "own", 2
		}
		t.Run(fmt.Sprint(dir, i), func(t *testing.T) {
			t.Parallel()
			built, err := Build(t.Context(), fsys, dir, Options{})
			if err != nil {
				t.Fatal(err)
			}
			parts := built[0].Object["spec"].(map[string]any)["parts"].([]any)
			if len(parts) != want {
				t.Errorf("%d parts, want %d: %v", len(parts), want, parts)
			}
		})
	}
}
