package render

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"

	"github.com/weighlock/weighlock/engine/chart"
	"github.com/weighlock/weighlock/engine/internal/helm"
	"github.com/weighlock/weighlock/engine/yamldoc"
)

// release is one chart of an item.
type release struct {
	file      string // the helm-chart.yaml that asks for it, as shown
	namespace string // what its objects get that name none; "" when the release names none
	warnings  []string

	spec    chart.Spec
	chart   chart.Loaded
	values  map[string]any
	defines []string // the API versions of the CRDs that its templates gave
	input   helm.Release
	seen    int // how many API versions of the project's CRDs it was rendered with
}

// crdRounds is how often charts that ask for API versions are rendered at most: a chart can define a kind that another
// one waits for.
const crdRounds = 4

// renderCharts renders each helm-chart.yaml of the items into the file that its item's kustomization takes the objects from.
func (r *renderer) renderCharts(ctx context.Context, works []*work) error {
	if err := each(works, func(w *work) error { return r.findCharts(ctx, w) }); err != nil {
		return err
	}
	defined := definedVersions(works)
	for round := range crdRounds {
		err := each(works, func(w *work) error {
			var errs []error
			for _, output := range slices.Sorted(maps.Keys(w.releases)) {
				if err := r.renderChart(ctx, w, output, defined, round); err != nil {
					errs = append(errs, err)
				}
			}
			return errors.Join(errs...)
		})
		if err != nil {
			return err
		}
		before := len(defined)
		for _, w := range works {
			for _, rel := range w.releases {
				for _, v := range rel.defines {
					if _, known := defined[v]; !known {
						defined[v] = rel
					}
				}
			}
		}
		if len(defined) == before {
			return nil
		}
	}
	return nil
}

// findCharts reads the helm-chart.yaml files of an item, their values, and their charts.
func (r *renderer) findCharts(ctx context.Context, w *work) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(w.files)) {
		if !chart.IsFile(path.Base(name)) {
			continue
		}
		rel, err := r.findChart(ctx, w, name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		output := path.Join(path.Dir(name), rel.spec.Output)
		if other, taken := w.releases[output]; taken {
			errs = append(errs, fmt.Errorf("%s: writes to %s, as %s does: give one of them another output", rel.file, rel.spec.Output, other.file))
		}
		w.releases[output] = rel
	}
	return errors.Join(errs...)
}

func (r *renderer) findChart(ctx context.Context, w *work, name string) (*release, error) {
	at := path.Join(w.item.Dir, name)
	file := w.item.Source.Display(at)
	if w.item.Chart {
		if _, err := fs.Stat(w.item.Source.FS(), at); err != nil {
			file = w.shown("Chart.yaml") // nobody wrote the other one
		}
	}
	spec, err := chart.Read(file, w.files[name])
	if err != nil {
		template, readErr := w.item.Source.Read(at)
		if readErr != nil {
			return nil, err
		}
		return nil, yamldoc.Relocate(err, template, w.files[name])
	}
	if spec.Output == "" {
		spec.Output = chart.DefaultOutput
	}
	rel := &release{file: file, namespace: spec.Namespace, spec: spec}
	if rel.chart, err = r.charts.Load(ctx, w.item.Source, path.Dir(at), &spec); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	rel.values, err = chartValues(w, name)
	return rel, err
}

// renderChart renders a release, in later rounds only if it may come out differently.
func (r *renderer) renderChart(ctx context.Context, w *work, output string, defined map[string]*release, round int) error {
	rel := w.releases[output]
	asks := rel.chart.Chart.AsksForAPIVersions()
	caps := r.caps.APIVersions
	if asks {
		extra := others(defined, rel)
		if round > 0 && len(extra) == rel.seen {
			return nil
		}
		rel.seen = len(extra)
		if caps == nil {
			caps = helm.DefaultAPIVersions()
		}
		caps = append(slices.Clip(caps), extra...)
	} else if round > 0 {
		return nil
	}
	rel.input = helm.Release{
		Name: rel.spec.ReleaseName, Namespace: rel.spec.Namespace, Values: rel.values, SkipCRDs: rel.spec.SkipCRDs,
		KubeVersion: r.caps.KubeVersion, APIVersions: caps, Cluster: r.cluster,
	}
	out, err := rel.chart.Chart.Render(ctx, rel.input)
	if err != nil {
		return fmt.Errorf("%s: %w", rel.file, err)
	}
	w.files[output] = out.Manifest
	rel.warnings = nil
	for _, warning := range slices.Concat(rel.chart.Warnings, out.Warnings) {
		rel.warnings = append(rel.warnings, rel.file+": "+warning)
	}
	rel.defines = servedVersions(out.Manifest)
	return nil
}

// chartValues reads the helm-values.yaml beside a helm-chart.yaml, if there is one.
func chartValues(w *work, chartFile string) (map[string]any, error) {
	for _, base := range []string{"helm-values.yaml", "helm-values.yml"} {
		name := path.Join(path.Dir(chartFile), base)
		if data, ok := w.files[name]; ok {
			var values map[string]any
			err := yamldoc.Decode(w.shown(name), data, &values)
			return values, err
		}
	}
	return nil, nil
}
