package action_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"
)

// validate checks a YAML file by a schema of testdata/schemas.
func validate(t *testing.T, schema, file string) {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile("../testdata/schemas/" + schema)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	data, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(doc); err != nil {
		t.Errorf("%s: %v", file, err)
	}
}

func TestTheActionIsAsGitHubReadsIt(t *testing.T) {
	t.Parallel()
	validate(t, "github-action.json", "../action.yml")
}

func TestTheActionHandsAllInputsOn(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Description string         `json:"description"`
		Inputs      map[string]any `json:"inputs"`
		Outputs     map[string]any `json:"outputs"`
	}
	if err := yaml.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	if len(manifest.Description) > 125 {
		t.Errorf("the description has %d characters; the Marketplace shows 125", len(manifest.Description))
	}
	for name := range manifest.Inputs {
		if !strings.Contains(string(text), "${{ inputs."+name+" ") {
			t.Errorf("no step gets input %s", name)
		}
	}
	var set []string
	for _, file := range []string{"results.go"} {
		code, err := os.ReadFile(filepath.Clean(file))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\{"([a-z-]+)", [a-zA-Z.(]`).FindAllStringSubmatch(string(code), -1) {
			set = append(set, m[1])
		}
	}
	set = append(set, "report", "result")
	for name := range manifest.Outputs {
		if !slices.Contains(set, name) {
			t.Errorf("nothing sets output %s", name)
		}
	}
	for _, name := range set {
		if manifest.Outputs[name] == nil {
			t.Errorf("output %s is not in action.yml", name)
		}
	}
}
