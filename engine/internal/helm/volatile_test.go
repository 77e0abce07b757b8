package helm

import (
	"strings"
	"testing"
)

func volatileChart(t *testing.T, template, values string) *Chart {
	t.Helper()
	c, err := Load([]File{
		{Name: "Chart.yaml", Data: []byte("apiVersion: v2\nname: c\nversion: 1.0.0\n")},
		{Name: "values.yaml", Data: []byte(values)},
		{Name: "README.md", Data: []byte("what {{ now }} is\n")},
		{Name: "charts/sub/Chart.yaml", Data: []byte("apiVersion: v2\nname: sub\nversion: 1.0.0\n")},
		{Name: "charts/sub/templates/x.yaml", Data: []byte(template)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestVolatileChartsNameAChangingFunction(t *testing.T) {
	t.Parallel()
	for template, want := range map[string]bool{
		`{{ $ca := genCA "x" 1 }}`:           true,
		`{{- randAlphaNum 5 | quote -}}`:     true,
		`{{ if .x }}{{ now.Year }}{{ end }}`: true,
		`{{ keys .Values | join "," }}`:      true,
		`{{ .Values.values }} now`:           true, // a word too much costs a second render, no more
		`{{ .Values.x }} now`:                false,
		`{{ .Values.known }}`:                false,
		`a: {{ "x" }} # uuidv4`:              false,
	} {
		if got := volatileChart(t, template, "").Volatile(nil); got != want {
			t.Errorf("%s: %v, want %v", template, got, want)
		}
	}
	if !volatileChart(t, "", "a: [{b: '{{ uuidv4 }}'}]").Volatile(nil) {
		t.Error("a template in the chart's values does not count")
	}
	if !volatileChart(t, "", "").Volatile(map[string]any{"a": []any{"{{ now }}"}}) {
		t.Error("a template in the release's values does not count")
	}
}

// TestASecondRenderSeesAnotherTime: what shows the time in any way differs between the two, though both happen at once.
func TestASecondRenderSeesAnotherTime(t *testing.T) {
	t.Parallel()
	for _, template := range []string{
		`{{ now }}`, `{{ now | date "2006" }}`, `{{ date "01-02" now }}`, `{{ now.Year }}`, `{{ (now).Unix }}`, `{{ $t := now }}{{ $t.Day }}`,
		`{{ if true }}{{ range tuple 1 }}{{ with now }}{{ .Month }}{{ end }}{{ end }}{{ end }}`, `{{ define "t" }}{{ now | unixEpoch }}{{ end }}{{ include "t" . }}`,
		`{{ now | date "2006-01-02" | quote }} {{ "now" }} {{/* now */}} now`,
	} {
		c := volatileChart(t, "kind: X\na: |\n  "+template+"\n", "")
		var got [2]string
		for i := range got {
			out, err := c.Render(t.Context(), Release{Name: "r", AnotherTime: i == 1})
			if err != nil {
				t.Fatalf("%s: %v", template, err)
			}
			got[i] = string(out.Manifest)
		}
		if got[0] == got[1] {
			t.Errorf("%s: the same at another time: %s", template, got[0])
		}
		if strings.Contains(template, `"now"`) && strings.Count(got[1], "now") != 2 {
			t.Errorf("%s: texts must stay: %s", template, got[1])
		}
	}
}
