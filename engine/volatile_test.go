package engine_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/enginetest"
	"github.com/weighlock/weighlock/engine/report"
)

const volatileChart = `
-- .kluctl.yaml --
discriminator: "volatile-{{ args.ns }}"
-- deployment.yaml --
deployments: [{path: app}]
-- app/helm-chart.yaml --
helmChart: {path: ../chart, releaseName: r, namespace: "{{ args.ns }}"}
-- app/helm-values.yaml --
level: {{ args.level }}
-- chart/Chart.yaml --
{apiVersion: v2, name: ca, version: 1.0.0}
-- chart/templates/all.yaml --
{{- $ca := genCA "x" 365 }}
apiVersion: v1
kind: Secret
metadata: {name: tls}
data:
  ca.crt: {{ $ca.Cert | b64enc }}
  ca.key: {{ $ca.Key | b64enc }}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: config}
data:
  app.conf: |
    level: {{ .Values.level }}
    token: {{ randAlphaNum 20 }}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {checksum: {{ uuidv4 }}}}
    spec:
      containers: [{name: app, image: nginx, env: [{name: AT, value: {{ now | date "2006-01-02" | quote }}}]}]
`

// TestVolatileCharts is N18 of the catalogue of diff cases: a chart that gives other values each time shows no change
// once it is deployed, and the author's own change alone. The change set that was reviewed can be deployed.
func TestVolatileCharts(t *testing.T) {
	t.Parallel()
	c := enginetest.Start(t)
	who := c.Identity(t)
	ns := c.Namespace(t)
	s := newSite(t, who.Kubeconfig, volatileChart)
	s.args = map[string]any{"ns": ns, "level": "info"}

	reviewed := s.diff(diff.Options{})
	if again := s.diff(diff.Options{}); again.Digest != reviewed.Digest {
		t.Error("what a render gives anew changes the digest")
	}
	_, result := s.deploy(engine.DeployOptions{Reviewed: reviewed.Digest})
	if result == nil || result.Err() != nil {
		t.Fatalf("the reviewed change cannot be deployed: %v", result)
	}
	secret := func() string { return c.Kubectl(t, "get", "secret", "tls", "-n", ns, "-o", "jsonpath={.data}") }
	before := secret()

	set := s.diff(diff.Options{})
	if set.Changed() || len(set.Failures()) > 0 {
		t.Errorf("a second preview shows:\n%s", report.Text(set, nil))
	}
	if !slices.ContainsFunc(set.Warnings, func(w string) bool { return strings.Contains(w, "theirs stay") && strings.Contains(w, "Secret/tls") }) {
		t.Errorf("no warning says what stays: %q", set.Warnings)
	}

	s.args["level"] = "debug"
	set, _ = s.deployed()
	expect(t, ops(set), []string{"unchanged Secret/tls", "update ConfigMap/config", "unchanged Deployment/web"})
	for change := range set.All() {
		for _, f := range change.Fields {
			old, _ := f.Old.(string)
			if want := strings.Replace(old, "level: info", "level: debug", 1); want == old || f.New != want {
				t.Errorf("%s: %v became %v, want the author's line changed and the token kept", f.Path, f.Old, f.New)
			}
		}
	}
	if after := secret(); after != before {
		t.Error("the certificate on the cluster has changed")
	}
}

const hookedChart = `
-- .kluctl.yaml --
discriminator: "hooked-{{ args.ns }}"
-- deployment.yaml --
deployments: [{path: app}]
-- app/helm-chart.yaml --
helmChart: {path: ../chart, releaseName: r, namespace: "{{ args.ns }}"}
-- chart/Chart.yaml --
{apiVersion: v2, name: hooked, version: 1.0.0}
-- chart/templates/map.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: map}
-- chart/templates/hook.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: migrate, annotations: {helm.sh/hook: "pre-install,pre-upgrade"}}
data: {immutable-in-spirit: "yes"}
immutable: true
-- chart/templates/tests/test.yaml --
apiVersion: v1
kind: Pod
metadata: {name: "test-{{ randAlphaNum 5 | lower }}", annotations: {helm.sh/hook: test}}
spec: {restartPolicy: Never, containers: [{name: a, image: "a:1"}]}
`

// A chart's tests are no part of a deploy, whatever their names are, and its hooks are no changes (O8).
func TestHooksAndTestsOfAChartAreNoChange(t *testing.T) {
	t.Parallel()
	c := enginetest.Start(t)
	ns := c.Namespace(t)
	s := newSite(t, c.Identity(t).Kubeconfig, hookedChart)
	s.args = map[string]any{"ns": ns}
	first := s.diff(diff.Options{})
	if text := report.Text(first, nil); strings.Contains(text, "Pod/test-") || !strings.Contains(text, "ConfigMap/map") {
		t.Errorf("got:\n%s", text)
	}
	s.deployed()
	if got := c.Kubectl(t, "get", "pods", "-n", ns, "-o", "name"); got != "" {
		t.Errorf("tests were applied: %s", got)
	}
	set, again := s.diff(diff.Options{Prune: true}), s.diff(diff.Options{Prune: true})
	if set.Digest != again.Digest {
		t.Error("the digest is another one each time")
	}
	for change := range set.All() {
		if change.Op != diff.Unchanged && change.Hook == nil {
			t.Errorf("%s: %s", change.Ref, change.Op)
		}
	}
	if strings.Contains(report.Text(set, nil), "New objects") {
		t.Errorf("got:\n%s", report.Text(set, nil))
	}
}
