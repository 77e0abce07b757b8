package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// proj is a project to measure.
type proj struct {
	// Name is what figures call it: "400 items".
	name string
	// items counts items or releases.
	items int
	files map[string]string
}

func (p proj) write(dir string) error {
	for name, text := range p.files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// perGroup is how many items an include has.
const perGroup = 10

const projectFile = `args: [{name: ns}, {name: version, default: v1}]
discriminator: "bench-{{ args.ns }}"
`

// itemProject has n items of five templated objects each. The argument version changes one object in a hundred.
func itemProject(n int) proj {
	p := proj{name: fmt.Sprintf("%d items", n), items: n, files: map[string]string{".kluctl.yaml": projectFile}}
	var root strings.Builder
	root.WriteString("commonLabels: {app.kubernetes.io/part-of: bench}\nvars: [{values: {image: nginx, domain: example.com}}]\ndeployments:\n")
	for g := 0; g*perGroup < n; g++ {
		group := fmt.Sprintf("group%03d", g)
		fmt.Fprintf(&root, "- include: %s\n", group)
		var deployment strings.Builder
		fmt.Fprintf(&deployment, "vars: [{values: {group: %d}}]\ndeployments:\n", g)
		for i := g * perGroup; i < min(n, (g+1)*perGroup); i++ {
			fmt.Fprintf(&deployment, "- path: app%d\n  vars: [{values: {name: app-%04d, number: %d}}]\n", i, i, i)
			for name, text := range fiveObjects {
				p.files[fmt.Sprintf("%s/app%d/%s", group, i, name)] = text
			}
		}
		p.files[group+"/deployment.yaml"] = deployment.String()
	}
	p.files["deployment.yaml"] = root.String()
	return p
}

// releaseProject has n releases of one chart with five objects.
func releaseProject(n int) proj {
	p := proj{name: fmt.Sprintf("%d releases", n), items: n, files: map[string]string{
		".kluctl.yaml":                  projectFile,
		"chart/Chart.yaml":              "apiVersion: v2\nname: app\nversion: 1.0.0\n",
		"chart/values.yaml":             "image: nginx\n",
		"chart/templates/_helpers.tpl":  "{{- define \"app.labels\" -}}\napp: {{ .Release.Name }}\nchart: {{ .Chart.Name }}\n{{- end -}}\n",
		"chart/templates/objects.yaml":  chartObjects,
		"chart/templates/tests/no.yaml": "{{- if .Values.test }}\nkind: Pod\n{{- end }}\n",
	}}
	var root strings.Builder
	root.WriteString("deployments:\n")
	for i := range n {
		fmt.Fprintf(&root, "- path: r%d\n  vars: [{values: {number: %d}}]\n", i, i)
		p.files[fmt.Sprintf("r%d/helm-chart.yaml", i)] = fmt.Sprintf("helmChart: {path: ../chart, releaseName: r%d, namespace: \"{{ args.ns }}\", output: out.yaml, skipCRDs: true}\n", i)
		p.files[fmt.Sprintf("r%d/helm-values.yaml", i)] = "version: \"{{ args.version if number % 20 == 0 else 'v1' }}\"\n"
		p.files[fmt.Sprintf("r%d/kustomization.yaml", i)] = "resources: [out.yaml]\n"
	}
	p.files["deployment.yaml"] = root.String()
	return p
}

const chartObjects = `{{- range list "a" "b" "c" }}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ $.Release.Name }}-{{ . }}
  labels: {{- include "app.labels" $ | nindent 4 }}
data:
  version: {{ ternary $.Values.version "v1" (eq . "a") | quote }}
---
{{- end }}
apiVersion: v1
kind: Service
metadata:
  name: {{ .Release.Name }}
spec:
  selector: {app: {{ .Release.Name }}}
  ports: [{name: http, port: 80}]
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
  labels: {{- include "app.labels" . | nindent 4 }}
spec:
  replicas: 0
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata: {labels: {app: {{ .Release.Name }}}}
    spec: {containers: [{name: app, image: "{{ .Values.image }}:1.25"}]}
`

var fiveObjects = map[string]string{
	"deployment.yaml": `apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ name }}
  namespace: {{ args.ns }}
  labels: {app: {{ name }}, group: "{{ group }}"}
spec:
  replicas: 0
  selector: {matchLabels: {app: {{ name }}}}
  template:
    metadata: {labels: {app: {{ name }}}}
    spec:
      serviceAccountName: {{ name }}
      containers:
      - name: app
        image: {{ image }}:1.25
        args: ["--name={{ name }}", "--verbose"]
        ports: [{containerPort: 8080, name: http}]
        env:
{%- for i in range(5) %}
        - {name: VALUE_{{ i }}, value: "{{ name }}-{{ i }}"}
{%- endfor %}
        envFrom: [{configMapRef: {name: {{ name }}}}]
        readinessProbe: {httpGet: {path: /ready, port: http}, periodSeconds: 5}
        resources:
          limits: {cpu: 500m, memory: 128Mi}
          requests: {cpu: 10m, memory: 64Mi}
`,
	"service.yaml": `apiVersion: v1
kind: Service
metadata: {name: {{ name }}, namespace: {{ args.ns }}}
spec:
  selector: {app: {{ name }}}
  ports: [{name: http, port: 80, targetPort: http}]
`,
	"configmap.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: {{ name }}, namespace: {{ args.ns }}}
data:
  url: https://{{ name }}.{{ domain }}/
  version: "{{ args.version if number % 20 == 0 else 'v1' }}"
  config.yaml: |
    name: {{ name | upper }}
    list: {{ [1, 2, 3] | join(",") }}
`,
	"account.yaml": `apiVersion: v1
kind: ServiceAccount
metadata: {name: {{ name }}, namespace: {{ args.ns }}}
`,
	"role.yaml": `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: {{ name }}, namespace: {{ args.ns }}}
rules:
- {apiGroups: [""], resources: [configmaps], resourceNames: [{{ name }}], verbs: [get]}
`,
}
