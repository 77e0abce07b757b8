package render

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/weighlock/weighlock/engine/internal/helm"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/yamldoc"
)

// chartFile is helm-chart.yaml (project format §4.1).
type chartFile struct {
	HelmChart struct {
		Path        string `json:"path"`
		ReleaseName string `json:"releaseName"`
		Namespace   string `json:"namespace"`
		Output      string `json:"output"`
		SkipCRDs    bool   `json:"skipCRDs"`
	} `json:"helmChart"`
}

const defaultOutput = "helm-rendered.yaml"

// release is one rendered chart of an item.
type release struct {
	file      string // the helm-chart.yaml that asked for it, below the source root
	namespace string // what its objects get that name none; "" when the release names none
	warnings  []string
}

// renderCharts renders each helm-chart.yaml of an item into the file that its kustomization takes the objects from.
func (r *renderer) renderCharts(ctx context.Context, w *work) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(w.files)) {
		if base := path.Base(name); base == "helm-chart.yaml" || base == "helm-chart.yml" {
			if err := r.renderChart(ctx, w, name); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

func (r *renderer) renderChart(ctx context.Context, w *work, name string) error {
	file := path.Join(w.item.Dir, name)
	var cf chartFile
	if err := yamldoc.Decode(file, w.files[name], &cf); err != nil {
		return err
	}
	spec := cf.HelmChart
	var errs []error
	if spec.Path == "" || path.IsAbs(spec.Path) {
		errs = append(errs, fmt.Errorf("%s: helmChart.path: needs the chart's directory, relative to this file", file))
	}
	if spec.ReleaseName == "" {
		errs = append(errs, fmt.Errorf("%s: helmChart.releaseName: is required", file))
	}
	if spec.Output == "" {
		spec.Output = defaultOutput
	} else if spec.Output != path.Base(spec.Output) {
		errs = append(errs, fmt.Errorf("%s: helmChart.output: %s is not a plain file name", file, spec.Output))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	chart, err := r.charts.load(w.item.Source, path.Join(path.Dir(file), spec.Path))
	if err != nil {
		return fmt.Errorf("%s: helmChart.path: %w", file, err)
	}
	values, err := chartValues(w, name)
	if err != nil {
		return err
	}
	out, err := chart.Render(ctx, helm.Release{
		Name: spec.ReleaseName, Namespace: spec.Namespace, Values: values, SkipCRDs: spec.SkipCRDs,
		KubeVersion: r.caps.KubeVersion, APIVersions: r.caps.APIVersions,
	})
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	output := path.Join(path.Dir(name), spec.Output)
	w.files[output] = out.Manifest
	rel := release{file: file, namespace: spec.Namespace}
	for _, warning := range out.Warnings {
		rel.warnings = append(rel.warnings, file+": "+warning)
	}
	w.releases[output] = rel
	return nil
}

// chartValues reads the helm-values.yaml beside a helm-chart.yaml, if there is one.
func chartValues(w *work, chartFile string) (map[string]any, error) {
	for _, base := range []string{"helm-values.yaml", "helm-values.yml"} {
		name := path.Join(path.Dir(chartFile), base)
		if data, ok := w.files[name]; ok {
			var values map[string]any
			err := yamldoc.Decode(path.Join(w.item.Dir, name), data, &values)
			return values, err
		}
	}
	return nil, nil
}

// chartDir is where a chart lies.
type chartDir struct {
	source *project.Source
	dir    string
}

// charts holds the parsed charts of a run: one that several items use is parsed once.
type charts struct {
	mu     sync.Mutex
	loaded map[chartDir]func() (*helm.Chart, error)
}

func (c *charts) load(source *project.Source, dir string) (*helm.Chart, error) {
	c.mu.Lock()
	if c.loaded == nil {
		c.loaded = map[chartDir]func() (*helm.Chart, error){}
	}
	key := chartDir{source, dir}
	load := c.loaded[key]
	if load == nil {
		load = sync.OnceValues(func() (*helm.Chart, error) { return readChart(source, dir) })
		c.loaded[key] = load
	}
	c.mu.Unlock()
	return load()
}

func readChart(source *project.Source, dir string) (*helm.Chart, error) {
	if ok, err := source.IsDir(dir); err != nil {
		return nil, err
	} else if !ok {
		return nil, fmt.Errorf("%s is not a directory of the project", dir)
	}
	var files []helm.File
	err := fs.WalkDir(source.FS(), dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := source.Read(name)
		if err != nil {
			return err
		}
		files = append(files, helm.File{Name: strings.TrimPrefix(name, dir+"/"), Data: data})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading chart %s: %w", dir, err)
	}
	return helm.Load(files)
}
