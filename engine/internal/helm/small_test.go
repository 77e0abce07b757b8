package helm

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "rewrite the expectations in testdata")

// smallChart reads an archive of testdata/small: the files of a chart, the release's values, and what is wanted.
func smallChart(t *testing.T, name string) (ar *txtar.Archive, chart []File, values string, want int) {
	t.Helper()
	ar, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	want = -1
	for i, f := range ar.Files {
		switch f.Name {
		case "want":
			want = i
		case "values-of-release":
			values = string(f.Data)
		default:
			chart = append(chart, File{f.Name, f.Data})
		}
	}
	return ar, chart, values, want
}

func smallCharts(t *testing.T) []string {
	t.Helper()
	archives, err := filepath.Glob("testdata/small/*.txtar")
	if err != nil || len(archives) < 6 {
		t.Fatalf("archives in testdata: %d, %v", len(archives), err)
	}
	return archives
}

func renderSmall(t *testing.T, chart []File, values string) (Rendered, error) {
	t.Helper()
	rel := Release{Name: "rel", Namespace: "shop", KubeVersion: "1.36.0"}
	if err := yaml.Unmarshal([]byte(values), &rel.Values); err != nil {
		t.Fatal(err)
	}
	c, err := Load(chart)
	if err != nil {
		return Rendered{}, err
	}
	return c.Render(t.Context(), rel)
}

// TestSmallCharts renders every archive in testdata/small, each a chart with traits of public ones; its comment says which.
// Helm's own program gives the same, as another test finds.
func TestSmallCharts(t *testing.T) {
	t.Parallel()
	for _, name := range smallCharts(t) {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			ar, chart, values, want := smallChart(t, name)
			r, err := renderSmall(t, chart, values)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case *update && want < 0:
				ar.Files = append(ar.Files, txtar.File{Name: "want", Data: r.Manifest})
			case *update:
				ar.Files[want].Data = r.Manifest
			case want < 0:
				t.Fatal("no file `want` in the archive")
			case string(r.Manifest) != string(ar.Files[want].Data):
				t.Errorf("got:\n%s\nwant:\n%s", r.Manifest, ar.Files[want].Data)
			}
			if *update {
				if err := os.WriteFile(name, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// mistakes are templates that Helm refuses.
var mistakes = map[string]string{
	"anchor bomb":        "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f]\nh: [*g,*g,*g,*g,*g,*g,*g,*g,*g,*g]",
	"bad yaml":           `a: [`,
	"fail":               `{{ fail "give a value" }}`,
	"index":              `a: {{ index (list 1) 5 }}`,
	"nil pointer":        `a: {{ .Values.a.b.c }}`,
	"recursion":          `{{ define "a" }}{{ include "a" . }}{{ end }}{{ include "a" . }}`,
	"regex":              `a: {{ mustRegexMatch "(" "a" }}`,
	"required":           `{{ required "give a value" .Values.x }}`,
	"tab":                "a:\n\tb: 1",
	"template recursion": `{{ define "a" }}{{ template "a" . }}{{ end }}{{ template "a" . }}`,
	"top list":           `- a`,
	"top text":           `just text`,
	"tpl":                `a: {{ tpl "{{ .Nope.x.y }}{{ end }}" . }}`,
	"two values":         `a: b: c`,
	"type":               `a: {{ add "x" 1 }}{{ .Values.foo.bar | upper }}`,
	"unclosed":           `a: {{ if }}`,
	"unknown function":   `a: {{ nosuch 1 }}`,
	"unknown template":   `a: {{ include "nosuch" . }}`,
}

func TestMistakesInTemplatesAreErrors(t *testing.T) {
	t.Parallel()
	for name, template := range mistakes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := renderSmall(t, small(template), "")
			if err == nil {
				t.Fatalf("got:\n%s", r.Manifest)
			}
			if !strings.Contains(err.Error(), "small/templates/x.yaml") && !strings.Contains(err.Error(), "x.yaml") {
				t.Errorf("the error does not name the file: %v", err)
			}
		})
	}
}
