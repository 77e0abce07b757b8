package helm

import (
	"bytes"
	"context"
	"errors"
	"log"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"helm.sh/helm/v3/pkg/releaseutil"
	"sigs.k8s.io/yaml"
)

// TestEqualsHelmTemplate compares with what Helm's own program gave. The golden files are made in this directory, with helm built from
// the module (go build helm.sh/helm/v3/cmd/helm), by
//
//	for c in cache traits; do for v in testdata/$c-*.values.yaml; do
//	  helm template rel ../../../testdata/charts/$c -n shop -f $v --include-crds --skip-tests --kube-version 1.36.0 >${v%.values.yaml}.helm.yaml
//	done; done
func TestEqualsHelmTemplate(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"cache-defaults", "cache-set", "traits-defaults", "traits-set"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chart, _, _ := strings.Cut(name, "-")
			var values map[string]any
			if err := yaml.Unmarshal(read(t, "testdata/"+name+".values.yaml"), &values); err != nil {
				t.Fatal(err)
			}
			rel := Release{Namespace: "shop", Values: values, KubeVersion: "1.36.0"}
			got := documents(t, render(t, load(t, files(t, chart)), rel).Manifest)
			want := documents(t, read(t, "testdata/"+name+".helm.yaml"))
			if len(want) < 3 {
				t.Fatalf("only %d documents in the golden file", len(want))
			}
			for i := range max(len(got), len(want)) {
				var g, w any
				if i < len(got) {
					g = got[i]
				}
				if i < len(want) {
					w = want[i]
				}
				if !reflect.DeepEqual(g, w) {
					t.Errorf("document %d:\ngot  %v\nwant %v", i, g, w)
				}
			}
		})
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// documents reads a manifest's objects as Kubernetes does, without null documents.
func documents(t *testing.T, manifest []byte) []map[string]any {
	t.Helper()
	split := releaseutil.SplitManifests(string(manifest))
	var keys []string
	for k := range split {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int {
		if (releaseutil.BySplitManifestsOrder{a, b}).Less(0, 1) {
			return -1
		}
		return 1
	})
	var out []map[string]any
	for _, k := range keys {
		var doc map[string]any
		if err := yaml.Unmarshal([]byte(split[k]), &doc); err != nil {
			t.Fatal(err)
		}
		if doc != nil {
			out = append(out, doc)
		}
	}
	return out
}

func TestManifestIsPlainYAML(t *testing.T) {
	t.Parallel()
	got := render(t, load(t, small("a: &x {b: yes, b: off}\nc: *x\nd: {<<: *x, m: 0644}\ndate: 2001-01-01\nbig: 9007199254740993\n")), Release{})
	const want = "---\n# Source: small/templates/x.yaml\n" +
		"a:\n  b: false\nbig: 9007199254740993\nc:\n  b: false\nd:\n  b: false\n  m: 420\ndate: \"2001-01-01\"\n"
	if string(got.Manifest) != want {
		t.Errorf("got:\n%s\nwant:\n%s", got.Manifest, want)
	}
}

func TestReleaseReachesTemplates(t *testing.T) {
	t.Parallel()
	c := load(t, small(`v: {{ .Release.Name }} {{ .Release.Namespace }} {{ .Release.Revision }} {{ .Release.IsInstall }} {{ .Release.Service }}
kube: {{ .Capabilities.KubeVersion.Version }} {{ .Capabilities.KubeVersion.Minor }}
apis: {{ .Capabilities.APIVersions.Has "apps/v1" }} {{ .Capabilities.APIVersions.Has "example.com/v1/Thing" }}
num: {{ kindOf .Values.n }} {{ kindOf (index .Values.l 0) }} {{ .Values.n }}`))
	values := map[string]any{"n": int64(1000000), "l": []any{1}}
	for _, c2 := range []struct {
		rel  Release
		want string
	}{
		{Release{}, "rel default 1 true Helm|v1.36.0 36|true false"},
		{Release{Namespace: "ns", KubeVersion: "1.25"}, "rel ns 1 true Helm|v1.25 25|true false"},
		{Release{KubeVersion: "v1.29.3-gke.100"}, "rel default 1 true Helm|v1.29.3-gke.100 29|true false"},
		{Release{APIVersions: []string{"example.com/v1/Thing"}}, "rel default 1 true Helm|v1.36.0 36|false true"},
		{Release{APIVersions: []string{}}, "rel default 1 true Helm|v1.36.0 36|false false"},
	} {
		c2.rel.Values = values
		doc := documents(t, render(t, c, c2.rel).Manifest)[0]
		if got := strings.Join([]string{doc["v"].(string), doc["kube"].(string), doc["apis"].(string)}, "|"); got != c2.want {
			t.Errorf("%+v: %s, want %s", c2.rel, got, c2.want)
		}
		if doc["num"] != "float64 float64 1e+06" {
			t.Errorf("a number in values is %v, want what a values file gives: float64", doc["num"])
		}
	}
	if !slices.Contains(DefaultAPIVersions(), "apps/v1") {
		t.Error("apps/v1 is no default API version")
	}
}

func TestSkipCRDsLeavesOutOnlyTheDirectory(t *testing.T) {
	t.Parallel()
	c := load(t, files(t, "traits"))
	for skip, want := range map[bool]int{false: 3, true: 1} {
		if got := strings.Count(string(render(t, c, Release{SkipCRDs: skip}).Manifest), "kind: CustomResourceDefinition"); got != want {
			t.Errorf("skip %t: %d CRDs, want %d", skip, got, want)
		}
	}
}

func TestNotesAreTheChartsOwn(t *testing.T) {
	t.Parallel()
	if got := render(t, load(t, files(t, "traits")), Release{}).Notes; got != "Thank you for installing rel.\n" {
		t.Errorf("notes %q", got)
	}
}

func TestWarningsSayWhatHelmLogs(t *testing.T) {
	t.Parallel()
	c := load(t, files(t, "traits"))
	got := render(t, c, Release{Values: map[string]any{"nested": map[string]any{"keep": map[string]any{"a": 1}}}}).Warnings
	for _, want := range []string{"chart traits 0.3.1 is deprecated", `skipping unknown hook: "crd-install"`, "traits.nested.keep"} {
		if !slices.ContainsFunc(got, func(w string) bool { return strings.Contains(w, want) }) {
			t.Errorf("no warning says %q: %q", want, got)
		}
	}
}

// TestLoggerOfOthersIsLeftAlone runs in sequence: it replaces the process's logger.
func TestLoggerOfOthersIsLeftAlone(t *testing.T) {
	before := log.Writer()
	defer log.SetOutput(before)
	var mine bytes.Buffer
	log.SetOutput(&mine)
	said := listen()
	done := make(chan bool)
	go func() {
		defer close(done)
		log.Print("from another goroutine")
	}()
	<-done
	log.Print("warning: from here")
	said.stop()
	log.Print("afterwards")
	if got := mine.String(); strings.Contains(got, "from here") || !strings.Contains(got, "from another goroutine") || !strings.Contains(got, "afterwards") {
		t.Errorf("the logger printed %q", got)
	}
	if !slices.Equal(said.heard, []string{"from here"}) {
		t.Errorf("heard %q", said.heard)
	}
	if log.Writer() != &mine {
		t.Error("the logger did not get its writer back")
	}
}

// TestRendersRunInParallel renders one chart with different values at once: nobody sees another's, and nobody's change the chart.
func TestRendersRunInParallel(t *testing.T) {
	t.Parallel()
	c := load(t, files(t, "traits"))
	first := render(t, c, Release{})
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			extras := i%2 == 0
			values := map[string]any{"tags": map[string]any{"extras": extras}, "nested": map[string]any{"drop": nil}}
			r, err := c.Render(context.Background(), Release{Name: "rel", Values: values})
			if err != nil {
				t.Error(err)
				return
			}
			if got := strings.Contains(string(r.Manifest), "name: proxy"); got != extras {
				t.Errorf("subchart there: %t, want %t", got, extras)
			}
			if !strings.Contains(string(r.Manifest), `nested: '{"keep":1}'`) {
				t.Error("null did not remove a value")
			}
		})
	}
	wg.Wait()
	if again := render(t, c, Release{}); !reflect.DeepEqual(again, first) {
		t.Errorf("the chart changed:\n%s", again.Manifest)
	}
}

func TestErrorsNameChartAndPlace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files []File
		rel   Release
		want  []string
	}{
		"template":     {small("a: 1\nb: {{ .Values.x.y.z }}"), Release{}, []string{"chart small", "small/templates/x.yaml:2", "nil pointer"}},
		"parse":        {small("a: {{ if }}"), Release{}, []string{"small/templates/x.yaml:1"}},
		"fail":         {small(`{{ fail "set a password" }}`), Release{}, []string{"small/templates/x.yaml:1", "set a password"}},
		"required":     {small(`{{ required "which one?" .Values.one }}`), Release{}, []string{"which one?"}},
		"yaml":         {small("a: b: c"), Release{}, []string{"small/templates/x.yaml", "mapping values"}},
		"no object":    {small("just text"), Release{}, []string{"small/templates/x.yaml"}},
		"crd":          {with(small(""), "crds/a.yaml", "a: b: c"), Release{}, []string{"small/crds/a.yaml"}},
		"schema":       {files(t, "cache"), Release{Values: map[string]any{"replicas": "many"}}, []string{"chart cache", "replicas", "want integer"}},
		"kube version": {files(t, "traits"), Release{KubeVersion: "1.21"}, []string{"chart traits", ">=1.22.0-0", "v1.21"}},
		"bad version":  {files(t, "traits"), Release{KubeVersion: "new"}, []string{`"new"`}},
		"release name": {files(t, "traits"), Release{Name: "No Name"}, []string{`"No Name"`}},
		"recursion":    {small(`{{ define "a" }}{{ include "a" . }}{{ end }}{{ include "a" . }}`), Release{}, []string{"nested reference", "small/templates/x.yaml:1", "more steps"}},
		"list":         {small("- a\n- b"), Release{}, []string{"small/templates/x.yaml", "a document is a list, expected an object"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.rel.Name == "" {
				c.rel.Name = "rel"
			}
			_, err := load(t, c.files).Render(context.Background(), c.rel)
			if err == nil {
				t.Fatal("no error")
			}
			if n := len(err.Error()); n > maxError {
				t.Errorf("the error has %d bytes, more than anyone reads: %.300s…", n, err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}

func TestCancelledRenderReturns(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	c := load(t, small(`{{ range $i := until 3000000 }}{{ end }}`))
	cancel()
	if _, err := c.Render(ctx, Release{Name: "rel"}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestSchemasNeverReachOut(t *testing.T) {
	t.Parallel()
	for _, ref := range []string{"http://127.0.0.1:1/x.json", "https://example.invalid/x.json", "file:///etc/passwd", "urn:example:x"} {
		schema := `{"properties": {"a": {"$ref": "` + ref + `#/definitions/a"}}}`
		c := load(t, with(small("a: 1"), "values.schema.json", schema))
		got := render(t, c, Release{Values: map[string]any{"a": 1}}).Warnings
		if len(got) != 1 || !strings.Contains(got[0], ref) || !strings.Contains(got[0], "chart small") {
			t.Errorf("%s: warnings %q", ref, got)
		}
	}
	bad := load(t, with(small("a: 1"), "values.schema.json", `{"properties": 1}`))
	if _, err := bad.Render(context.Background(), Release{Name: "rel"}); err == nil || !strings.Contains(err.Error(), "values.schema.json of chart small") {
		t.Errorf("error %v", err)
	}
}
