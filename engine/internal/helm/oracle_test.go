//go:build oracles

package helm

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// TestOracle renders the project's own charts with Helm's own program, too: the same objects in the same order, or an error in
// both.
func TestOracle(t *testing.T) {
	t.Parallel()
	program := oracle(t)
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, c := range []struct {
		chart, values, kube string
		apis                []string
	}{
		{chart: "cache"},
		{chart: "cache", values: "replicas: 3"},
		{chart: "cache", values: "replicas: many"},
		{chart: "traits"},
		{chart: "traits", values: "{tags: {extras: true}, metrics: {enabled: false}, crds: false, nested: {drop: null}}"},
		{chart: "traits", values: "{big: 12345678901234, list: [], greeting: '{{ .Release.Name | upper }}', global: {domain: x}}", kube: "1.24.3", apis: []string{"policy/v1beta1/PodSecurityPolicy"}},
		{chart: "traits", kube: "1.20"},
		{chart: "network"},
		{chart: "network", values: "{relay: {tls: {auto: false}}, nodeinit: {enabled: true}, ipam: {mode: kubernetes}, k8sServiceHost: api, k8sServicePort: 6443, operator: {enabled: false}}"},
		{chart: "network", kube: "1.24.0", apis: []string{"policy/v1beta1/PodSecurityPolicy"}},
		{chart: "certificates"},
		{chart: "certificates", values: "{installCRDs: true, cainjector: {enabled: false}, startupapicheck: {enabled: false}}"},
		{chart: "certificates", values: "prometheus: {servicemonitor: {enabled: true}}"},
		{chart: "certificates", values: "prometheus: {servicemonitor: {enabled: true}}", apis: []string{"monitoring.example.com/v1/ServiceMonitor"}},
		{chart: "entry"},
		{chart: "entry", kube: "1.24.9"},
		{chart: "entry", kube: "1.20.1", values: "{tcp: {22: a/b}, controller: {kind: DaemonSet, hostNetwork: true, config: {a: 1, b: true}, tolerations: [{key: x}], ingressClass: {default: true}, updateStrategy: {type: RollingUpdate}}}"},
		{chart: "entry", values: "controller: {admission: {enabled: false}, nodeSelector: null}"},
		{chart: "greeter"},
		{chart: "greeter", values: "{replicaCount: 2, ui: {message: 'hello {{ .Release.Namespace }}'}, hpa: {enabled: true}, serviceMonitor: {enabled: true}}", apis: []string{"greeter.example.com/v1/Greeting"}},
		{chart: "greeter", values: "{logLevel: loud, replicaCount: -1}"},
		{chart: "greeter", values: "service: {enabled: null}"},
	} {
		t.Run(fmt.Sprintf("%s %d", c.chart, i), func(t *testing.T) {
			t.Parallel()
			slots <- struct{}{}
			defer func() { <-slots }()
			kube := c.kube
			if kube == "" {
				kube = "1.36.0"
			}
			var apis []string
			if c.apis != nil {
				apis = append(DefaultAPIVersions(), c.apis...)
			}
			want, theirs := template(t, program, filepath.Join(charts, c.chart), c.values, kube, c.apis)
			var values map[string]any
			if err := yaml.Unmarshal([]byte(c.values), &values); err != nil {
				t.Fatal(err)
			}
			r, ours := load(t, files(t, c.chart)).Render(t.Context(), Release{Name: "rel", Namespace: "shop", Values: values, KubeVersion: kube, APIVersions: apis})
			if (theirs == nil) != (ours == nil) {
				t.Fatalf("values %s:\nHelm: %v\nwe: %v", c.values, theirs, ours)
			}
			if ours != nil {
				return
			}
			got := settled(documents(t, r.Manifest))
			if !reflect.DeepEqual(got, settled(want)) {
				t.Errorf("got:\n%s\nHelm gives other objects:\n%v", r.Manifest, want)
			}
			if len(got) == 0 {
				t.Error("the chart gives nothing, so this proves nothing")
			}
		})
	}
}

// TestOracleOnSmallCharts renders the archives of testdata/small, and templates with mistakes, with Helm's own program, too.
func TestOracleOnSmallCharts(t *testing.T) {
	t.Parallel()
	program := oracle(t)
	type release struct {
		chart  []File
		values string
	}
	releases := map[string]release{}
	for _, name := range smallCharts(t) {
		_, chart, values, _ := smallChart(t, name)
		releases[strings.TrimSuffix(filepath.Base(name), ".txtar")] = release{chart, values}
	}
	for name, template := range mistakes {
		releases["mistake: "+name] = release{small(template), ""}
	}
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for name, rel := range releases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			slots <- struct{}{}
			defer func() { <-slots }()
			dir := t.TempDir()
			for _, f := range rel.chart {
				file := filepath.Join(dir, f.Name)
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, f.Data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, theirs := template(t, program, dir, rel.values, "1.36.0", nil)
			r, ours := renderSmall(t, rel.chart, rel.values)
			if (theirs == nil) != (ours == nil) {
				t.Fatalf("Helm: %v\nwe: %v", theirs, ours)
			}
			if got := documents(t, r.Manifest); ours == nil && !reflect.DeepEqual(got, want) {
				t.Errorf("got:\n%s\nHelm gives other objects:\n%v", r.Manifest, want)
			}
		})
	}
}

// oracle is the path of Helm's own program.
func oracle(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("../../../testdata/oracles/build.sh").Output()
	if err != nil {
		t.Fatalf("building the oracle: %v", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "helm")
}

// template is what `helm template` gives, or its error.
func template(t *testing.T, program, chart, values, kube string, apis []string) ([]map[string]any, error) {
	t.Helper()
	home := t.TempDir()
	file := filepath.Join(home, "values.yaml")
	if err := os.WriteFile(file, []byte(values), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"template", "rel", chart, "--namespace", "shop", "--values", file, "--include-crds", "--skip-tests", "--kube-version", kube}
	for _, a := range apis {
		args = append(args, "--api-versions", a)
	}
	cmd := exec.Command(program, args...)
	cmd.Env = []string{"HOME=" + home}
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, &said)
	}
	return documents(t, out), nil
}

// settled replaces the certificates and keys that a chart generates, which are others each time.
func settled(docs []map[string]any) []map[string]any {
	for _, d := range docs {
		data, _ := d["data"].(map[string]any)
		for k, v := range data {
			if text, _ := v.(string); d["kind"] == "Secret" && len(text) > 500 {
				data[k] = "generated"
			}
		}
	}
	return docs
}
