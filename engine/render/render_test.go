package render_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/render"
)

// rendered renders the files of a txtar archive as a project.
func rendered(t *testing.T, files string) *render.Manifests {
	t.Helper()
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(files)).Files {
		name := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, err := project.Open(dir, project.Options{SourceRoot: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	target, err := p.Target(t.Context(), project.Selection{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := p.Resolve(t.Context(), target, nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := render.Render(t.Context(), p, d, render.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const volatileProject = `
-- deployment.yaml --
deployments: [{path: app}, {path: other}, {path: plain}]
-- app/helm-chart.yaml --
helmChart: {path: ../chart, releaseName: r, namespace: ns}
-- app/kustomization.yaml --
resources: [helm-rendered.yaml]
namePrefix: p-
-- other/kustomization.yaml --
resources: [../app]
nameSuffix: -o
-- plain/helm-chart.yaml --
helmChart: {path: ../calm, releaseName: r}
-- calm/Chart.yaml --
{apiVersion: v2, name: calm, version: 1.0.0}
-- calm/templates/x.yaml --
{apiVersion: v1, kind: ConfigMap, metadata: {name: calm}}
-- chart/Chart.yaml --
{apiVersion: v2, name: chart, version: 1.0.0}
-- chart/templates/secret.yaml --
{{- $ca := genCA "x" 1 }}
apiVersion: v1
kind: Secret
metadata: {name: tls}
data:
  tls.crt: {{ $ca.Cert | b64enc }}
  fixed: Zml4ZWQ=
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c, annotations: {at: '{{ now | date "2006-01-02" }}'}}
data:
  conf: |
    fixed: 1
    token: {{ randAlphaNum 20 }}
---
{{- $job := printf "job-%s" (randAlpha 8 | lower) }}
apiVersion: batch/v1
kind: Job
metadata: {name: {{ $job }}}
spec:
  template:
    spec:
      containers:
      - {name: b, image: x}
      - {name: a, image: x, env: [{name: ID, value: {{ uuidv4 }}}, {name: JOB, value: p-{{ $job }}}]}
`

func TestVolatileFieldsAreMarked(t *testing.T) {
	t.Parallel()
	m := rendered(t, volatileProject)
	got := map[string][]string{}
	for o := range m.All() {
		name := o.Object.Ref().String()
		if o.Object.Ref().Kind == "Job" {
			name = "Job" + strings.TrimLeft(strings.TrimPrefix(o.Object.Ref().Name, "p-job-"), "abcdefghijklmnopqrstuvwxyz")
		}
		got[name] = []string{}
		for _, u := range o.Unsettled {
			got[name] = append(got[name], string(u.Cause)+" "+u.Path.String())
			if value, ok := u.Path.Lookup(map[string]any(o.Object)); !ok || value == u.Again {
				t.Errorf("%s: %s: %v is no other value than %v", name, u.Path, value, u.Again)
			}
		}
	}
	config := []string{`volatile data.conf`, `volatile metadata.annotations.at`}
	secret := []string{`volatile data["tls.crt"]`}
	job := []string{"renamed metadata.name", "volatile spec.template.spec.containers[name=a].env[name=ID].value"}
	for name, want := range map[string][]string{
		"ns/Secret/p-tls": secret, "ns/ConfigMap/p-c": config, "Job": {job[0], job[1], "renamed spec.template.spec.containers[name=a].env[name=JOB].value"},
		"ns/Secret/p-tls-o": secret, "ns/ConfigMap/p-c-o": config, "ConfigMap/calm": {},
	} {
		slices.Sort(want)
		slices.Sort(got[name])
		if !slices.Equal(got[name], want) || got[name] == nil {
			t.Errorf("%s: got %q, want %q; all: %v", name, got[name], want, got)
		}
	}
	warnings := strings.Join(m.Warnings, "\n")
	for _, want := range []string{"theirs stay: ", `Secret/p-tls (data["tls.crt"])`, "has another name each time"} {
		if !strings.Contains(warnings, want) {
			t.Errorf("no warning says %q:\n%s", want, warnings)
		}
	}
	if strings.Contains(warnings, "plain") {
		t.Errorf("a chart that names no such function is warned of:\n%s", warnings)
	}
}

// TestAnnotationsOfAKustomization: a barrier may be asked for by the item's own kustomization.
func TestAnnotationsOfAKustomization(t *testing.T) {
	t.Parallel()
	m := rendered(t, `
-- deployment.yaml --
deployments: [{path: a}, {path: b}]
-- a/kustomization.yaml --
metadata: {annotations: {kluctl.io/barrier: "true", kluctl.io/wait-readiness: "true"}}
resources: [x.yaml]
-- a/x.yaml --
{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}
-- b/x.yaml --
{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}
`)
	if len(m.Stages) != 2 {
		t.Errorf("%d stages, want one to end at the barrier", len(m.Stages))
	}
	for o := range m.All() {
		if o.Object.Annotation("kluctl.io/barrier") != "" {
			t.Errorf("%s: the kustomization's annotation is on the object", o.Object.Ref())
		}
	}
}

// TestScopesAreKnownWithoutACluster: a cluster-scoped object loses its namespace, one of a chart gets the release's; what
// nobody knows stays as it is written.
func TestScopesAreKnownWithoutACluster(t *testing.T) {
	t.Parallel()
	m := rendered(t, `
-- deployment.yaml --
deployments: [{path: app}, {path: plain}]
-- app/helm-chart.yaml --
helmChart: {path: ../chart, releaseName: r, namespace: ns}
-- chart/Chart.yaml --
{apiVersion: v2, name: chart, version: 1.0.0}
-- chart/templates/x.yaml --
{apiVersion: v1, kind: ConfigMap, metadata: {name: unnamed}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: named, namespace: own}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: role, namespace: own}}
---
{apiVersion: example.org/v1, kind: Local, metadata: {name: local}}
---
{apiVersion: example.org/v1, kind: Global, metadata: {name: global, namespace: own}}
---
{apiVersion: unknown.org/v1, kind: Any, metadata: {name: any}}
-- plain/x.yaml --
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: locals.example.org}
spec: {group: example.org, scope: Namespaced, names: {kind: Local, plural: locals}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: globals.example.org}
spec: {group: example.org, scope: Cluster, names: {kind: Global, plural: globals}}
---
{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicy, metadata: {name: policy, namespace: own}}
---
{apiVersion: v1, kind: Secret, metadata: {name: plain}}
`)
	var got []string
	for o := range m.All() {
		if ref := o.Object.Ref(); !ref.IsCRD() {
			got = append(got, ref.String())
		}
	}
	slices.Sort(got)
	want := []string{"Any/any", "ClusterRole/role", "Global/global", "Secret/plain", "ValidatingAdmissionPolicy/policy", "ns/ConfigMap/unnamed", "ns/Local/local", "own/ConfigMap/named"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
