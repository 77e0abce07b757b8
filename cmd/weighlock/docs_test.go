package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

var yamlBlock = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")

func TestExamplesOfTheSourcesPageAreDeploymentFiles(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/sources.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := yamlBlock.FindAllSubmatch(page, -1)
	if len(blocks) != 2 {
		t.Fatalf("%d examples", len(blocks))
	}
	for _, b := range blocks {
		dir := t.TempDir()
		// What is not to be looked at is read all the same, strictly.
		for name, text := range map[string]string{
			"deployment.yaml": "deployments: [{include: a}]\n", ".kluctl.yaml": "args: [{name: version, default: v1}]\ntargets: [{name: prod}]\n",
			"a/deployment.yaml": "when: 'false'\n" + string(b[1]),
		} {
			file := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var out bytes.Buffer
		none := func(string) string { return "" }
		code := run(t.Context(), process{
			args: []string{"render", "--offline-kubernetes", "-t", "prod", "--project-dir", dir}, getenv: none,
			lookupenv: func(string) (string, bool) { return "", false }, stdout: &out, stderr: &out,
		})
		if code != 0 || out.Len() > 0 {
			t.Errorf("%s\n%s", out.String(), b[1])
		}
	}
}
