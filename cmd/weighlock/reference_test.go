package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// The references say what the program and the action take and give: they are made from them. -update writes them anew.
func TestReferencesAreUpToDate(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"commands.md":          commandReference(t),
		"action.md":            actionReference(t),
		"gitlab-components.md": componentReference(t),
	} {
		file := filepath.Join("..", "..", "docs", "reference", name)
		if *update {
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if string(want) != text {
			t.Errorf("docs/reference/%s is stale: run go test ./cmd/weighlock -run References -update", name)
		}
	}
}

const generated = "<!-- Made by go test ./cmd/weighlock -run References -update. -->\n\n"

// shared is by how many commands a flag is taken that is described once for all.
const shared = 3

// commandReference lists the commands with their flags.
func commandReference(t *testing.T) string {
	t.Helper()
	root := &cobra.Command{Use: "weighlock"}
	nothing := func(string) (string, bool) { return "", false }
	root.AddCommand(commands(process{getenv: func(string) string { return "" }, lookupenv: nothing, stdin: &bytes.Buffer{}, stdout: io.Discard, stderr: io.Discard})...)
	var b strings.Builder
	b.WriteString("# Commands\n\n" + generated + "Each flag can also be given as an environment variable: `--project-dir` as `WEIGHLOCK_PROJECT_DIR`.\n")
	var all []*cobra.Command
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			if sub.Hidden {
				continue
			}
			if sub.Runnable() {
				all = append(all, sub)
			}
			walk(sub)
		}
	}
	walk(root)
	slices.SortFunc(all, func(a, b *cobra.Command) int { return strings.Compare(a.CommandPath(), b.CommandPath()) })
	b.WriteString("\n")
	for _, c := range all {
		fmt.Fprintf(&b, "- [%s](#%s): %s\n", c.CommandPath(), strings.ReplaceAll(c.CommandPath(), " ", "-"), c.Short)
	}
	users := map[string][]string{}
	for _, c := range all {
		c.NonInheritedFlags().VisitAll(func(f *pflag.Flag) { users[f.Name+f.Usage] = append(users[f.Name+f.Usage], c.Name()) })
	}
	for _, c := range all {
		fmt.Fprintf(&b, "\n## %s\n\n", c.CommandPath())
		text := c.Long
		if text == "" {
			text = c.Short + "."
		}
		fmt.Fprintf(&b, "%s\n\n    %s\n", strings.TrimSpace(text), c.UseLine())
		if c.Example != "" {
			fmt.Fprintf(&b, "\n```\n%s\n```\n", c.Example)
		}
		own, common := pflag.NewFlagSet("", pflag.ContinueOnError), []string{}
		c.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
			switch {
			case f.Hidden || f.Name == "help":
			case len(users[f.Name+f.Usage]) >= shared:
				common = append(common, "`--"+f.Name+"`")
			default:
				own.AddFlag(f)
			}
		})
		if own.HasFlags() {
			fmt.Fprintf(&b, "\n```\n%s\n```\n", strings.TrimRight(own.FlagUsagesWrapped(140), "\n"))
		}
		if len(common) > 0 {
			fmt.Fprintf(&b, "\nAnd [as others](#flags-of-several-commands): %s.\n", strings.Join(common, ", "))
		}
	}
	several := pflag.NewFlagSet("", pflag.ContinueOnError)
	for _, c := range all {
		c.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
			if len(users[f.Name+f.Usage]) >= shared && !f.Hidden && f.Name != "help" && several.Lookup(f.Name) == nil {
				several.AddFlag(f)
			}
		})
	}
	fmt.Fprintf(&b, "\n## Flags of several commands\n\n```\n%s\n```\n", strings.TrimRight(several.FlagUsagesWrapped(140), "\n"))
	return b.String()
}

// described is an input or an output of an action or a component.
type described struct {
	Description string   `yaml:"description"`
	Default     *string  `yaml:"default"`
	Required    bool     `yaml:"required"`
	Options     []string `yaml:"options"`
}

func actionReference(t *testing.T) string {
	t.Helper()
	var action struct{ Inputs, Outputs yaml.Node }
	readYAML(t, "../../action.yml", &action)
	return "# The action's inputs and outputs\n\n" + generated + "[docs/github-actions.md](../github-actions.md) says how to use it.\n\n## Inputs\n\n" +
		table(t, action.Inputs) + "\n## Outputs\n\n" + table(t, action.Outputs)
}

func componentReference(t *testing.T) string {
	t.Helper()
	text := "# The inputs of the components for GitLab\n\n" + generated + "[docs/gitlab-ci.md](../gitlab-ci.md) says how to use them.\n"
	files, err := filepath.Glob("../../templates/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("components: %v, %v", files, err)
	}
	for _, file := range files {
		var component struct{ Spec struct{ Inputs yaml.Node } }
		readYAML(t, file, &component)
		text += "\n## " + strings.TrimSuffix(filepath.Base(file), ".yml") + "\n\n" + table(t, component.Spec.Inputs)
	}
	return text
}

// readYAML reads the first document of a file.
func readYAML(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// table lists what a map describes, in its order.
func table(t *testing.T, m yaml.Node) string {
	t.Helper()
	text := "| name | default | what it is |\n|---|---|---|\n"
	for i := 0; i+1 < len(m.Content); i += 2 {
		var d described
		if err := m.Content[i+1].Decode(&d); err != nil {
			t.Fatal(err)
		}
		def := ""
		switch {
		case d.Default != nil && *d.Default != "":
			def = "`" + *d.Default + "`"
		case d.Required:
			def = "required"
		}
		description := strings.Join(strings.Fields(d.Description), " ")
		if len(d.Options) > 0 {
			description += " One of " + strings.Join(d.Options, ", ") + "."
		}
		text += fmt.Sprintf("| `%s` | %s | %s |\n", m.Content[i].Value, def, strings.ReplaceAll(description, "|", "\\|"))
	}
	return text
}
