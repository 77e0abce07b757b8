package action_test

import (
	"os"
	"os/exec"
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

// A pull request's job is its branch's own. What it previews with is what is given for that, and that what deploys reaches it
// is said.
func TestTheActionPreviewsWithWhatIsForPreviews(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Runs struct {
			Steps []struct{ ID, Run string }
		}
	}
	if err := yaml.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	step := manifest.Runs.Steps[len(manifest.Runs.Steps)-1]
	if step.ID != "weighlock" {
		t.Fatalf("the last step is %s", step.ID)
	}
	program := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho \"$1 $INPUT_KUBECONFIG $INPUT_CONTEXT\"\nenv | grep PREVIEW_ || true\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	const warning = "::warning title=Weighlock::"
	for _, c := range []struct{ event, kubeconfig, preview, want string }{
		{"pull_request", "", "preview", "action preview preview-context\n"},
		{"pull_request", "deploys", "preview", warning},
		{"pull_request", "one", "", "action one preview-context\n"},
		{"pull_request_target", "deploys", "preview", "action preview preview-context\n"},
		{"merge_group", "deploys", "preview", "action preview preview-context\n"},
		{"push", "deploys", "preview", "action deploys context\n"},
		{"issue_comment", "deploys", "preview", "action deploys context\n"},
		{"schedule", "deploys", "preview", "action deploys context\n"},
	} {
		cmd := exec.CommandContext(t.Context(), "bash", "-e", "-o", "pipefail", "-c", step.Run)
		cmd.Env = []string{
			"PATH=" + os.Getenv("PATH"), "PROGRAM=" + program, "GITHUB_EVENT_NAME=" + c.event, "INPUT_KUBECONFIG=" + c.kubeconfig,
			"PREVIEW_KUBECONFIG=" + c.preview, "INPUT_CONTEXT=context", "PREVIEW_CONTEXT=preview-context",
		}
		out, err := cmd.CombinedOutput()
		got := string(out)
		if c.want == warning && strings.HasPrefix(got, warning) {
			got = warning
			if !strings.HasSuffix(string(out), "action preview preview-context\n") {
				got = string(out)
			}
		}
		if err != nil || got != c.want {
			t.Errorf("%+v: %v\n%s", c, err, out)
		}
	}
}
