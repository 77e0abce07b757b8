package kustomize

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// tree makes a file system of the given files.
func tree(t *testing.T, files map[string]string) FS {
	t.Helper()
	fsys := NewFS()
	for name, text := range files {
		if err := fsys.WriteFile(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	return fsys
}

const configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"

// TestRemoteEntriesAreRefused proves that no field of a kustomization, in no spelling that kustomize knows, makes a build reach
// out: a server on loopback gets no request, and the error names the file and the entry.
func TestRemoteEntriesAreRefused(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the build asked for %s", r.URL)
	}))
	defer server.Close()
	web := server.URL + "/x.yaml"

	entries := []string{
		web, strings.Replace(web, "http", "HTTP", 1), "http:x", "github.com/org/repo", "github.com/org/repo//deploy?ref=v1",
		"GitHub.com:org/repo", "git::https://github.com/org/repo", "git::ssh://h/org/repo", "git@github.com:org/repo.git",
		"ssh://git@host/org/repo", "https://host/org/repo.git", "file:///etc/repo", "user@host:path/to/repo", "org-1@host/org/repo/dir",
	}
	for _, field := range []string{"resources", "bases", "components", "generators", "transformers", "validators"} {
		for _, entry := range entries {
			refused(t, map[string]string{"app/kustomization.yaml": fmt.Sprintf("%s: [%q]", field, entry)}, entry)
		}
	}

	files := map[string]string{
		"crds":                    `crds: [%q]`,
		"configurations":          `configurations: [%q]`,
		"openapi":                 `openapi: {path: %q}`,
		"patches":                 `patches: [{path: %q}]`,
		"patchesJson6902":         `patchesJson6902: [{target: {kind: A, name: a}, path: %q}]`,
		"patchesStrategicMerge":   `patchesStrategicMerge: [%q]`,
		"replacements":            `replacements: [{path: %q}]`,
		"configMapGenerator file": `configMapGenerator: [{name: a, files: [%q]}]`,
		"configMapGenerator key":  `configMapGenerator: [{name: a, files: ["key=%[2]s"]}]`,
		"configMapGenerator env":  `configMapGenerator: [{name: a, env: %q}]`,
		"secretGenerator envs":    `secretGenerator: [{name: a, envs: [%q]}]`,
		"letter case":             `Patches: [{PATH: %q}]`,
		"inline transformer":      `transformers: ["{apiVersion: builtin, kind: PatchTransformer, metadata: {name: p}, path: '%[2]s'}"]`,
		"inline generator":        `generators: ["{apiVersion: builtin, kind: ConfigMapGenerator, metadata: {name: p}, Files: ['k=%[2]s']}"]`,
	}
	for name, field := range files {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kustomization := "resources: [a.yaml]\n" + fmt.Sprintf(field+"%.0[1]s%.0[2]s", web, web)
			refused(t, map[string]string{"app/kustomization.yaml": kustomization, "app/a.yaml": configMap}, web)
		})
	}
}

// TestRemoteEntriesAreRefusedBelow is the same for what a kustomization refers to.
func TestRemoteEntriesAreRefusedBelow(t *testing.T) {
	t.Parallel()
	const remote = "https://example.invalid/x.yaml"
	const plugin = "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: p}\npath: "
	for name, files := range map[string]map[string]string{
		"base":      {"app/kustomization.yaml": "resources: [../base]", "base/kustomization.yml": "resources: [" + remote + "]"},
		"component": {"app/kustomization.yaml": "components: [../c]", "c/Kustomization": "kind: Component\nresources: [" + remote + "]"},
		"plugin file": {
			"app/kustomization.yaml": "resources: [a.yaml]\ntransformers: [t.yaml]", "app/a.yaml": configMap,
			"app/t.yaml": "apiVersion: v1\n---\n" + plugin + remote,
		},
		"plugin directory": {
			"app/kustomization.yaml": "resources: [a.yaml]\ntransformers: [../t]", "app/a.yaml": configMap,
			"t/kustomization.yaml": "resources: [t.yaml]", "t/t.yaml": plugin + remote,
		},
		"patched plugin": {
			"app/kustomization.yaml": "resources: [a.yaml]\ntransformers: [../t]", "app/a.yaml": configMap,
			"t/kustomization.yaml": "resources: [t.yaml]\npatches: [{target: {kind: PatchTransformer}, patch: '[{\"op\": \"replace\", \"path\": \"/path\", \"value\": \"" + remote + "\"}]'}]",
			"t/t.yaml":             plugin + "local.yaml",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused(t, files, remote)
		})
	}
}

func refused(t *testing.T, files map[string]string, entry string) {
	t.Helper()
	_, err := Build(t.Context(), tree(t, files), "app", Options{})
	if err == nil {
		t.Fatalf("%v: built, want an error", files)
	}
	file, _, _ := strings.Cut(err.Error(), ":")
	if _, exists := files[file]; !exists || !strings.Contains(err.Error(), entry+" is remote") {
		t.Errorf("%v: error %q does not name the file and the entry %s", files, err, entry)
	}
}

func TestLocalPathsThatOnlyLookRemoteAreRead(t *testing.T) {
	t.Parallel()
	for _, entry := range []string{"host.com/a.yaml", "a@b.yaml", "team@v1/a.yaml", "with:colon.yaml", "githubXcom/a.yaml", "a=b.yaml"} {
		fsys := tree(t, map[string]string{
			"app/kustomization.yaml": fmt.Sprintf("resources: [%q]", entry), "app/" + entry: configMap,
		})
		if built, err := Build(t.Context(), fsys, "app", Options{}); err != nil || len(built) != 1 {
			t.Errorf("%s: %v, %v", entry, built, err)
		}
	}
}

func TestHelmInflationIsRefused(t *testing.T) {
	t.Parallel()
	for _, k := range []string{
		"helmCharts: [{name: x, repo: https://example.invalid}]",
		"helmChartInflationGenerator: [{chartName: x}]",
		"generators: ['{apiVersion: builtin, kind: HelmChartInflationGenerator, metadata: {name: x}, name: x}']",
	} {
		_, err := Build(t.Context(), tree(t, map[string]string{"app/kustomization.yaml": k}), "app", Options{})
		if err == nil || !strings.Contains(err.Error(), "chart inflation is off") {
			t.Errorf("%s: error %v", k, err)
		}
	}
}

func TestPluginDirectoriesDoNotNest(t *testing.T) {
	t.Parallel()
	_, err := Build(t.Context(), tree(t, map[string]string{
		"app/kustomization.yaml": "transformers: [../t]",
		"t/kustomization.yaml":   "transformers: [../u]",
		"u/kustomization.yaml":   "resources: [x.yaml]",
	}), "app", Options{})
	if err == nil || !strings.HasPrefix(err.Error(), "t/kustomization.yaml: transformers: ") {
		t.Errorf("error %v", err)
	}
}

func TestDisplayNamesFilesInErrors(t *testing.T) {
	t.Parallel()
	show := Options{Display: func(p string) string { return "deploy/" + p }}
	for kustomization, want := range map[string]string{
		"resources: [gone.yaml]":  "deploy/app/kustomization.yaml:1: resources: gone.yaml: ",
		"resourcez: []":           "deploy/app/kustomization.yaml:1: unknown field",
		"crds: [gone.yaml]":       "deploy/app/gone.yaml: file does not exist",
		"resources: [../base, .]": "deploy/app/kustomization.yaml:1: resources: ../base is a directory without a kustomization.yaml",
	} {
		_, err := Build(t.Context(), tree(t, map[string]string{"app/kustomization.yaml": kustomization, "base/x": ""}), "app", show)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q in it", kustomization, err, want)
		}
	}
}

// TestErrorsQuoteNoSecret: whatever is wrong with a generator or a patch, its values stay out of the error.
func TestErrorsQuoteNoSecret(t *testing.T) {
	t.Parallel()
	const secret = "hunter2-topsecret"
	for _, k := range []string{
		"secretGenerator: [{name: s, literals: [" + secret + "]}]",
		"secretGenerator: [{name: s, behavior: merge, literals: [a=" + secret + "]}]",
		"secretGenerator: [{name: s, literals: [a=" + secret + ", a=" + secret + "]}]",
		"secretGenerator: [{name: s, literals: [\"a b/c=" + secret + "\"], files: [gone]}]",
		"resources: [two.yaml]\nnamespace: one",
		"resources: [a.yaml]\npatches: [{patch: \"" + secret + "\"}]",
		"resources: [a.yaml]\npatches: [{patch: '[{op: add, path: /x, value: " + secret + "}]'}]",
		"resources: [a.yaml]\npatches: [{path: a.yaml, patch: \"" + secret + "\"}]",
		"resources: [a.yaml]\npatches: [{target: {kind: Secret}, patch: '[{op: add, path: /no/such/path, value: " + secret + "}]'}]",
		"resources: [a.yaml]\npatches: [{target: {kind: Secret}, patch: '[{op: bad, path: /x, value: " + secret + "}]'}]",
		"resources: [a.yaml]\npatches: [{target: {kind: ConfigMap}, patch: '[{op: add, path: /x, value: " + secret + "}]'}]",
		"resources: [a.yaml]\npatches: [{patch: '{apiVersion: v1, kind: Secret, metadata: {name: gone}, data: {a: " + secret + "}}'}]",
		"resources: [a.yaml]\nnamePrefix: [" + secret + "]",
		"resources: [noname.yaml]",
		"resources: [bad.yaml]",
		"resources: [a.yaml, a.yaml]",
	} {
		_, err := Build(t.Context(), tree(t, map[string]string{
			"app/kustomization.yaml": k,
			"app/a.yaml":             "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: " + secret + "}\n",
			"app/noname.yaml":        "apiVersion: v1\nkind: Secret\nmetadata: {annotations: {a: " + secret + "}}\n",
			"app/bad.yaml":           "apiVersion: v1\nkind: Secret\nmetadata: " + secret + "\n",
			"app/two.yaml":           "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: x}\nstringData: {a: " + secret + "}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: y}\n",
		}), "app", Options{})
		if err == nil {
			t.Errorf("%s: built, want an error", k)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error quotes the secret: %v", k, err)
		}
	}
}
