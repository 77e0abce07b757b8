package engine_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/render"
)

// BenchmarkRender renders a project of 400 items with five templated objects each. Besides the time, it tells how much
// processor time a run takes (cpu-ms/op) and how much memory the process had in use at most (peak-MB).
//
//	go test -run '^$' -bench Render ./engine
func BenchmarkRender(b *testing.B) {
	for _, kind := range []struct{ name, kustomization string }{
		{"generated", ""},
		{"kustomized", "resources: [deployment.yaml, service.yaml, configmap.yaml, account.yaml, ingress.yaml]\nlabels: [{pairs: {team: web}}]\n"},
	} {
		b.Run(kind.name, func(b *testing.B) {
			const items = 400
			dir := b.TempDir()
			manyItems(b, dir, items, kind.kustomization)
			peak := watchMemory(b)
			before := processorTime(b)
			b.ResetTimer()
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
				if m.Len() != 5*items {
					b.Fatalf("%d objects, want %d", m.Len(), 5*items)
				}
				p.Close()
			}
			b.ReportMetric(float64((processorTime(b)-before).Milliseconds())/float64(b.N), "cpu-ms/op")
			b.ReportMetric(float64(peak())/1e6, "peak-MB")
		})
	}
}

// manyItems writes a project of n items, ten to a sub-project.
func manyItems(b *testing.B, dir string, n int, kustomization string) {
	b.Helper()
	const group = 10
	var root strings.Builder
	root.WriteString("commonLabels: {app.kubernetes.io/part-of: bench}\nvars: [{values: {image: nginx, replicas: 2, domain: example.com}}]\ndeployments:\n")
	for g := range n / group {
		fmt.Fprintf(&root, "- include: group%02d\n", g)
		var deployment strings.Builder
		fmt.Fprintf(&deployment, "vars: [{values: {group: %d}}]\ndeployments:\n", g)
		for i := range group {
			fmt.Fprintf(&deployment, "- path: app%d\n  vars: [{values: {name: app-%02d-%d}}]\n", i, g, i)
			for name, text := range fiveObjects {
				writeFile(b, filepath.Join(dir, fmt.Sprintf("group%02d/app%d", g, i), name), text)
			}
			if kustomization != "" {
				writeFile(b, filepath.Join(dir, fmt.Sprintf("group%02d/app%d", g, i), "kustomization.yaml"), kustomization)
			}
		}
		writeFile(b, filepath.Join(dir, fmt.Sprintf("group%02d", g), "deployment.yaml"), deployment.String())
	}
	writeFile(b, filepath.Join(dir, "deployment.yaml"), root.String())
	writeFile(b, filepath.Join(dir, ".kluctl.yaml"), "discriminator: bench\n")
}

func writeFile(b *testing.B, name, text string) {
	b.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		b.Fatal(err)
	}
}

// processorTime is what the process has used until now.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// watchMemory samples what the Go runtime has mapped and not given back, until its result is called: the most, in bytes.
func watchMemory(b *testing.B) func() uint64 {
	b.Helper()
	runtime.GC()
	stop, most := make(chan struct{}), make(chan uint64)
	go func() {
		sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		var top uint64
		for {
			metrics.Read(sample)
			top = max(top, sample[0].Value.Uint64()-sample[1].Value.Uint64())
			select {
			case <-tick.C:
			case <-stop:
				most <- top
				return
			}
		}
	}()
	return func() uint64 { close(stop); return <-most }
}

var fiveObjects = map[string]string{
	"deployment.yaml": `apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ name }}
  namespace: {{ args.namespace | default("bench") }}
  labels:
    app: {{ name }}
    group: "{{ group }}"
spec:
  replicas: {{ replicas }}
  selector:
    matchLabels:
      app: {{ name }}
  template:
    metadata:
      labels:
        app: {{ name }}
    spec:
      serviceAccountName: {{ name }}
      containers:
      - name: app
        image: {{ image }}:1.25
        args: ["--name={{ name }}", "--verbose"]
        ports:
        - {containerPort: 8080, name: http}
        env:
{%- for i in range(5) %}
        - {name: VALUE_{{ i }}, value: "{{ name }}-{{ i }}"}
{%- endfor %}
        envFrom:
        - configMapRef:
            name: {{ name }}
        readinessProbe:
          httpGet: {path: /ready, port: http}
          periodSeconds: 5
        resources:
          limits: {cpu: 500m, memory: 128Mi}
          requests: {cpu: 10m, memory: 64Mi}
{%- if group % 2 == 0 %}
      nodeSelector: {disk: ssd}
{%- endif %}
`,
	"service.yaml": `apiVersion: v1
kind: Service
metadata:
  name: {{ name }}
  namespace: {{ args.namespace | default("bench") }}
spec:
  selector: {app: {{ name }}}
  ports:
  - {name: http, port: 80, targetPort: http}
`,
	"configmap.yaml": `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ name }}
  namespace: {{ args.namespace | default("bench") }}
data:
  url: https://{{ name }}.{{ domain }}/
  config.yaml: |
    name: {{ name | upper }}
    group: {{ group }}
    list: {{ [1, 2, 3] | join(",") }}
`,
	"account.yaml": `apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ name }}
  namespace: {{ args.namespace | default("bench") }}
`,
	"ingress.yaml": `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ name }}
  namespace: {{ args.namespace | default("bench") }}
spec:
  rules:
  - host: {{ name }}.{{ domain }}
    http:
      paths:
      - path: /
        pathType: Prefix
        backend: {service: {name: {{ name }}, port: {name: http}}}
`,
}
