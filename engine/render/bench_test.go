package render_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/render"
)

// manyReleases writes a project of releases of one chart, which has helpers, values and objects as real ones do.
func manyReleases(tb testing.TB, releases, objects int) string {
	tb.Helper()
	dir := tb.TempDir()
	write := func(name, text string) {
		tb.Helper()
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	write("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n")
	write("chart/values.yaml", "labels: {team: a, tier: web}\nimage: {repository: registry.example.com/web, tag: \"1\"}\nreplicas: 2\n")
	write("chart/templates/_helpers.tpl", `{{- define "web.name" -}}{{ .Release.Name | trunc 63 | trimSuffix "-" }}{{- end -}}
{{- define "web.labels" -}}
app.kubernetes.io/name: {{ include "web.name" . }}
{{ toYaml .Values.labels }}
{{- end -}}
`)
	for i := range objects {
		write(fmt.Sprintf("chart/templates/o%d.yaml", i), fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "web.name" . }}-%d
  namespace: {{ .Release.Namespace }}
  labels: {{- include "web.labels" . | nindent 4 }}
spec:
  replicas: {{ .Values.replicas }}
  selector:
    matchLabels: {{- include "web.labels" . | nindent 6 }}
  template:
    metadata:
      labels: {{- include "web.labels" . | nindent 8 }}
    spec:
      containers:
      - name: web
        image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
        {{- with .Values.env }}
        env: {{- range $k, $v := . }}
        - {name: {{ $k }}, value: {{ $v | quote }}}
        {{- end }}
        {{- end }}
        ports: [{containerPort: 8080, name: http}]
        resources: {requests: {cpu: 10m, memory: 20Mi}}
`, i))
	}
	write(".kluctl.yaml", "discriminator: bench\n")
	var items strings.Builder
	for i := range releases {
		name := fmt.Sprintf("r%02d", i)
		fmt.Fprintf(&items, "- path: %s\n", name)
		write(name+"/helm-chart.yaml", fmt.Sprintf("helmChart: {path: ../chart, releaseName: %s, namespace: apps}\n", name))
		write(name+"/helm-values.yaml", fmt.Sprintf("replicas: %d\nenv: {A: \"{{ target.name or 'x' }}\", B: two}\n", i))
	}
	write("deployment.yaml", "deployments:\n"+items.String())
	return dir
}

// BenchmarkRender20Releases renders 20 releases of one chart of 30 objects, from opening the project on.
func BenchmarkRender20Releases(b *testing.B) {
	dir := manyReleases(b, 20, 30)
	for b.Loop() {
		p, err := engine.Open(dir, project.Options{SourceRoot: dir})
		if err != nil {
			b.Fatal(err)
		}
		target, err := p.Target(b.Context(), project.Selection{})
		if err != nil {
			b.Fatal(err)
		}
		m, err := engine.Render(b.Context(), p, target, render.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if m.Len() != 600 {
			b.Fatalf("%d objects", m.Len())
		}
		if err := p.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
