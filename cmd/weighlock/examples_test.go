package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	yamlv3 "go.yaml.in/yaml/v3"
	"sigs.k8s.io/yaml"

	"github.com/weighlock/weighlock/bot"
)

// runQuietly runs the program without an environment and returns what it prints.
func runQuietly(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(t.Context(), process{
		args: args, getenv: func(string) string { return "" }, lookupenv: func(string) (string, bool) { return "", false },
		stdin: strings.NewReader(""), stdout: &out, stderr: &errs,
	})
	if code != 0 {
		t.Fatalf("weighlock %s: exit code %d\n%s", strings.Join(args, " "), code, errs.String())
	}
	return out.String()
}

func TestExamplesAreRendered(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../examples/*/.weighlock.yaml")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			cfg, err := bot.ParseConfig(bot.ConfigFile, data)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range cfg.Projects {
				dir := filepath.Join(filepath.Dir(file), p.Path)
				names := strings.Fields(runQuietly(t, "list-targets", "--only-names", "--project-dir", dir))
				if len(names) == 0 {
					names = []string{""}
				}
				for _, name := range names {
					if out := runQuietly(t, "render", "--offline-kubernetes", "--project-dir", dir, "--target", name); strings.Count(out, "\nkind: ") != 3 {
						t.Errorf("%s of %s: got\n%s", name, p.Path, out)
					}
				}
			}
		})
	}
}

// An entry that no target goes by leaves the defaults in force.
func TestPoliciesOfExamplesAreForTargetsThatThereAre(t *testing.T) {
	t.Parallel()
	dirs, err := filepath.Glob("../../examples/*/.weighlock.yaml")
	if err != nil || len(dirs) < 5 {
		t.Fatalf("%d examples, %v", len(dirs), err)
	}
	for _, file := range dirs {
		dir := t.TempDir() // of no other repository
		if err := os.CopyFS(dir, os.DirFS(filepath.Dir(file))); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		code := run(t.Context(), process{
			args: []string{"explain", "--project-dir", dir}, getenv: func(string) string { return "" }, lookupenv: func(string) (string, bool) { return "", false },
			stdin: strings.NewReader(""), stdout: &out, stderr: &errs,
		})
		if code != 0 || errs.Len() > 0 || !strings.Contains(out.String(), bot.ConfigFile+":") {
			t.Errorf("%s: exit code %d, %s\n%s", file, code, errs.String(), out.String())
		}
	}
}

var usesUs = regexp.MustCompile(`(?m)^ +(?:- )?uses: weighlock/weighlock@v1\n((?: {6,}.*\n)*)`)

func TestWorkflowsOfExamplesSayWhatTheActionUnderstands(t *testing.T) {
	t.Parallel()
	var manifest struct{ Inputs map[string]any }
	text, err := os.ReadFile("../../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../../examples/*/.github/workflows/*.yml")
	if err != nil || len(files) < 4 {
		t.Fatalf("%d workflows, %v", len(files), err)
	}
	for _, file := range append(files, "../../README.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		used := usesUs.FindAllStringSubmatch(string(text), -1)
		if len(used) == 0 {
			t.Errorf("%s does not use the action", file)
		}
		for _, m := range used {
			var step struct{ With map[string]any }
			if err := yaml.Unmarshal([]byte(m[1]), &step); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			for name := range step.With {
				if manifest.Inputs[name] == nil {
					t.Errorf("%s: the action has no input %s", file, name)
				}
			}
		}
	}
}

// What the bot acts on of a pull request has to start a job, and what can deploy must be out of reach of a pull request's own jobs.
func TestWorkflowsHearOfAllThatIsPreviewedAndKeepWhatDeploysFromIt(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../examples/*/.github/workflows/weighlock.yml")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d workflows, %v", len(files), err)
	}
	for _, file := range append(files, "../../README.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, block, ok := strings.Cut(string(text), "```yaml\n"); ok {
			block, _, _ = strings.Cut(block, "```")
			text = []byte(block)
		}
		var w struct {
			On struct {
				PullRequest struct{ Types []string } `yaml:"pull_request"`
				MergeGroup  yamlv3.Node              `yaml:"merge_group"`
			}
			Permissions map[string]string
			Jobs        map[string]struct{ Environment string }
		}
		if err := yamlv3.Unmarshal(text, &w); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if got := strings.Join(w.On.PullRequest.Types, " "); got != "opened synchronize reopened edited ready_for_review converted_to_draft" {
			t.Errorf("%s: it hears of %s", file, got)
		}
		if w.Permissions["contents"] != "read" {
			t.Errorf("%s: contents: %s", file, w.Permissions["contents"])
		}
		// What a pull request's job has is what its branch wants: without the environment it has no secret that deploys. A
		// name that is "" is none; && leaves false, which would be a name.
		want := "github.event_name != 'pull_request' && "
		if w.On.MergeGroup.Kind != 0 {
			want += "github.event_name != 'merge_group' && "
		}
		if job := w.Jobs["weighlock-run"]; len(w.Jobs) != 1 || job.Environment != "${{ "+want+"'weighlock' || '' }}" {
			t.Errorf("%s: jobs %+v", file, w.Jobs)
		}
	}
}
