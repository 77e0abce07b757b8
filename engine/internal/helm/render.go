package helm

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/releaseutil"
)

// A Release is what a chart is rendered for.
type Release struct {
	Name      string         // required
	Namespace string         // default: "default"
	Values    map[string]any // laid over the chart's own; nil values remove
	// KubeVersion is what .Capabilities.KubeVersion says: "1.29", "1.29.3", or a server's own "v1.29.3-gke.1".
	// Default: [DefaultKubeVersion].
	KubeVersion string
	// APIVersions is what .Capabilities.APIVersions has: "group/version" and "group/version/Kind". Nil: [DefaultAPIVersions].
	APIVersions []string
	SkipCRDs    bool // leave out the files in crds/
	// Cluster answers the template function lookup. Nil: it finds nothing.
	Cluster Cluster
	// AnotherTime renders as of some other time, to find what depends on it.
	AnotherTime bool
}

// Rendered is what a chart gave.
type Rendered struct {
	// Manifest holds the objects as YAML documents in Helm's order: crds/, objects in install order, hooks. Test hooks and
	// empty documents are left out; where a document has a key twice, the last one counts. A comment
	// `# Source: chart/templates/file.yaml` comes before each.
	Manifest []byte
	// Notes is the chart's own NOTES.txt.
	Notes string
	// Warnings are for people: a deprecated chart, a value of a wrong shape, an unknown hook.
	Warnings []string
}

// Render renders the chart as `helm install` would. Errors name the chart, and the file and line of a template.
//
// A panic in Helm is an error too. Cancelling ctx makes Render return; Helm has no way to stop a template, so one that runs on is
// left to end by itself, and one that recurses through tpl or builds huge text can exhaust the process: charts of strangers
// belong into a process of their own.
func (c *Chart) Render(ctx context.Context, rel Release) (Rendered, error) {
	if err := ctx.Err(); err != nil {
		return Rendered{}, err
	}
	type answer struct {
		r   Rendered
		err error
	}
	done := make(chan answer, 1)
	go func() {
		r, err := c.render(ctx, rel)
		done <- answer{r, err}
	}()
	select {
	case <-ctx.Done():
		return Rendered{}, fmt.Errorf("chart %s: %w", c.Name(), ctx.Err())
	case a := <-done:
		if a.err != nil {
			return Rendered{}, fmt.Errorf("chart %s: release %s: %w", c.Name(), rel.Name, shortened(a.err))
		}
		return a.r, nil
	}
}

func (c *Chart) render(ctx context.Context, rel Release) (out Rendered, err error) {
	defer recovered("rendering", &err)
	said := listen()
	defer said.stop()

	caps, err := capabilities(rel)
	if err != nil {
		return Rendered{}, err
	}
	ch := copyChart(c.chart)
	if rel.AnotherTime {
		atAnotherTime(ch)
	}
	values, warnings, err := renderValues(ch, rel, caps)
	if err != nil {
		return Rendered{}, err
	}
	var files map[string]string
	if rel.Cluster == nil {
		files, err = engine.Render(ch, values)
	} else {
		files, err = engine.RenderWithClientProvider(ch, values, lookups{ctx, rel.Cluster})
	}
	if err != nil {
		return Rendered{}, err
	}
	out.Notes = takeNotes(ch, files)
	if out.Manifest, err = manifest(ch, files, rel.SkipCRDs); err != nil {
		return Rendered{}, err
	}
	// A test hook by its name in Helm 2, which Helm drops as one it does not know; as a test hook it is no news.
	heard := slices.DeleteFunc(said.heard, func(line string) bool { return strings.Contains(line, `unknown hook: "test-failure"`) })
	out.Warnings = slices.Concat(deprecation(c.chart), c.warnings, heard, warnings)
	return out, nil
}

// deprecation warns of a chart that its authors gave up.
func deprecation(c *chart.Chart) []string {
	if !c.Metadata.Deprecated {
		return nil
	}
	return []string{fmt.Sprintf("chart %s %s is deprecated", c.Name(), c.Metadata.Version)}
}

// renderValues are the top-level objects of templates (.Values, .Release, …). It switches ch's subcharts on and off.
func renderValues(ch *chart.Chart, rel Release, caps *chartutil.Capabilities) (chartutil.Values, []string, error) {
	if err := chartutil.ValidateReleaseName(rel.Name); err != nil {
		return nil, nil, fmt.Errorf("release name %q: %w", rel.Name, err)
	}
	if want := ch.Metadata.KubeVersion; want != "" && !chartutil.IsCompatibleRange(want, caps.KubeVersion.Version) {
		return nil, nil, fmt.Errorf("needs kubeVersion %s, which Kubernetes %s does not meet", want, caps.KubeVersion.Version)
	}
	values := valuesFile(rel.Values)
	if err := chartutil.ProcessDependenciesWithMerge(ch, values); err != nil {
		return nil, nil, err
	}
	namespace := rel.Namespace
	if namespace == "" {
		namespace = "default"
	}
	opts := chartutil.ReleaseOptions{Name: rel.Name, Namespace: namespace, Revision: 1, IsInstall: true}
	const skipSchemas = true // Helm's own validation loads addresses
	top, err := chartutil.ToRenderValuesWithSchemaValidation(ch, values, opts, caps, skipSchemas)
	if err != nil {
		return nil, nil, err
	}
	merged, err := top.Table("Values")
	if err != nil {
		return nil, nil, err
	}
	warnings, err := checkSchemas(ch, merged)
	return top, warnings, err
}

// valuesFile copies values into what Helm makes of a file of them, in which every number is a float64: it is what kindOf says,
// and why a template prints 1000000 as 1e+06.
func valuesFile(values map[string]any) map[string]any {
	out := make(map[string]any, len(values))
	for k, v := range values {
		out[k] = valueInFile(v)
	}
	return out
}

func valueInFile(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return valuesFile(v)
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = valueInFile(e)
		}
		return out
	case int:
		return float64(v)
	case int64:
		return float64(v)
	case uint64:
		return float64(v)
	}
	return v
}

// takeNotes removes all NOTES.txt from the rendered files and returns the chart's own.
func takeNotes(ch *chart.Chart, files map[string]string) string {
	const name = "NOTES.txt"
	notes := files[path.Join(ch.Name(), "templates", name)]
	for f := range files {
		if strings.HasSuffix(f, name) {
			delete(files, f)
		}
	}
	return notes
}

// manifest puts the rendered files into Helm's order.
func manifest(ch *chart.Chart, files map[string]string, skipCRDs bool) ([]byte, error) {
	hooks, objects, err := releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if !skipCRDs {
		for _, crd := range ch.CRDObjects() {
			if err := writeDocuments(&b, crd.Filename, string(crd.File.Data)); err != nil {
				return nil, err
			}
		}
	}
	for _, m := range objects {
		if err := writeDocument(&b, m.Name, m.Content); err != nil {
			return nil, err
		}
	}
	for _, h := range hooks {
		if slices.Contains(h.Events, release.HookTest) {
			continue
		}
		if err := writeDocument(&b, h.Path, h.Manifest); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}
