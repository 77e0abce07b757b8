package helm

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/ignore"
)

// A File is one file of a chart. Name is its slash path inside of the chart: "Chart.yaml", "templates/x.yaml".
type File struct {
	Name string
	Data []byte
}

// A Chart is a parsed chart with its subcharts. It does not change: renders may run concurrently.
type Chart struct {
	chart    *chart.Chart
	warnings []string // what Helm said while parsing
	volatile bool     // see Volatile
}

// Load parses the files of a chart's directory, without those that its .helmignore names. Their order does not matter.
// Helm's limits on the size of files and charts hold.
func Load(files []File) (*Chart, error) {
	rules, err := ignoreRules(files)
	if err != nil {
		return nil, err
	}
	var kept []*loader.BufferedFile
	var total int64
	left := newBudget()
	for _, f := range files {
		if !fs.ValidPath(f.Name) {
			return nil, fmt.Errorf("chart file %q: not a clean relative path", f.Name)
		}
		if ignored(rules, f.Name) {
			continue
		}
		size := int64(len(f.Data))
		if size > loader.MaxDecompressedFileSize {
			return nil, fmt.Errorf("chart file %s: %d bytes, Helm allows %d", f.Name, size, loader.MaxDecompressedFileSize)
		}
		if total += size; total > loader.MaxDecompressedChartSize {
			return nil, fmt.Errorf("chart: more than %d bytes, Helm allows no more", loader.MaxDecompressedChartSize)
		}
		if err := left.file(f.Name, f.Data); err != nil {
			return nil, fmt.Errorf("chart: %w", err)
		}
		kept = append(kept, &loader.BufferedFile{Name: f.Name, Data: bytes.TrimPrefix(f.Data, []byte("\xef\xbb\xbf"))})
	}
	// Helm walks a directory name by name; crds/ keeps that order in the manifest.
	slices.SortFunc(kept, func(a, b *loader.BufferedFile) int {
		return slices.Compare(strings.Split(a.Name, "/"), strings.Split(b.Name, "/"))
	})
	return parse(kept)
}

// LoadArchive parses a packaged chart (.tgz) held in memory, within Helm's limits of size and its rules for paths.
func LoadArchive(data []byte) (*Chart, error) {
	files, err := unpack(data)
	if err != nil {
		return nil, err
	}
	return parse(files)
}

func unpack(data []byte) ([]*loader.BufferedFile, error) {
	err := newBudget().archive(data)
	var files []*loader.BufferedFile
	if err == nil {
		files, err = loader.LoadArchiveFiles(bytes.NewReader(data))
	}
	if err != nil {
		return nil, fmt.Errorf("chart archive: %w", err)
	}
	return files, nil
}

// Unpack returns the files of a packaged chart (.tgz), within Helm's limits of size and its rules for paths. Their names are
// clean paths; the directory that the archive has around them is gone.
func Unpack(data []byte) ([]File, error) {
	unpacked, err := unpack(data)
	if err != nil {
		return nil, err
	}
	files := make([]File, len(unpacked))
	for i, f := range unpacked {
		if !fs.ValidPath(f.Name) {
			return nil, fmt.Errorf("chart archive: %q is not a clean relative path", f.Name)
		}
		files[i] = File{Name: f.Name, Data: f.Data}
	}
	return files, nil
}

// parse has Helm read the files. A panic in a parser, provoked by a hostile chart, is an error.
func parse(files []*loader.BufferedFile) (c *Chart, err error) {
	defer recovered("loading the chart", &err)
	said := listen()
	defer said.stop()
	loaded, err := loader.LoadFiles(files)
	if err != nil {
		if name := loaded.Name(); name != "" {
			return nil, fmt.Errorf("chart %s: %w", name, err)
		}
		return nil, fmt.Errorf("chart: %w", err)
	}
	if err := validate(loaded); err != nil {
		return nil, fmt.Errorf("chart %s: %w", loaded.Name(), err)
	}
	sortSubcharts(loaded)
	return &Chart{chart: loaded, warnings: said.heard, volatile: volatile(loaded)}, nil
}

// validate refuses what Helm does not install. Of missing dependencies, those of the chart itself count: a subchart may lack its
// own when they are switched off.
func validate(c *chart.Chart) error {
	if t := c.Metadata.Type; t != "" && t != "application" {
		return fmt.Errorf("type %s: only application charts can be rendered", t)
	}
	var missing []string
	for _, d := range c.Metadata.Dependencies {
		has := func(sub *chart.Chart) bool { return sub.Name() == d.Name }
		if !slices.ContainsFunc(c.Dependencies(), has) {
			missing = append(missing, d.Name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("dependencies missing from charts/: %s (run `helm dependency build`)", strings.Join(missing, ", "))
	}
	return nil
}

// sortSubcharts gives subcharts an order, which Helm's loader takes from a map.
func sortSubcharts(c *chart.Chart) {
	subs := slices.Clone(c.Dependencies())
	slices.SortStableFunc(subs, func(a, b *chart.Chart) int {
		return cmp.Or(cmp.Compare(a.Name(), b.Name()), cmp.Compare(a.Metadata.Version, b.Metadata.Version))
	})
	c.SetDependencies(subs...)
	for _, s := range subs {
		sortSubcharts(s)
	}
}

// Name is the chart's name, from its Chart.yaml.
func (c *Chart) Name() string { return c.chart.Name() }

// Version is the chart's version, from its Chart.yaml.
func (c *Chart) Version() string { return c.chart.Metadata.Version }

// copyChart copies what Helm changes while it renders: metadata, values and the tree of subcharts. Files are shared.
func copyChart(c *chart.Chart) *chart.Chart {
	meta := *c.Metadata
	meta.Dependencies = make([]*chart.Dependency, len(c.Metadata.Dependencies))
	for i, d := range c.Metadata.Dependencies {
		dep := *d
		meta.Dependencies[i] = &dep
	}
	out := &chart.Chart{
		Metadata: &meta, Lock: c.Lock, Schema: c.Schema,
		Templates: c.Templates, Files: c.Files,
		Values: copyMap(c.Values),
	}
	for _, s := range c.Dependencies() {
		out.AddDependency(copyChart(s))
	}
	return out
}

func copyMap(m map[string]any) map[string]any {
	if m == nil {
		return nil
	}
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = copyValue(v)
	}
	return out
}

func copyValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return copyMap(v)
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = copyValue(e)
		}
		return out
	}
	return v
}

// ignoreRules are those of the chart's .helmignore, and Helm's own.
func ignoreRules(files []File) (*ignore.Rules, error) {
	rules := ignore.Empty()
	for _, f := range files {
		if f.Name != ignore.HelmIgnore {
			continue
		}
		var err error
		if rules, err = ignore.Parse(bytes.NewReader(f.Data)); err != nil {
			return nil, fmt.Errorf("chart file %s: %w", f.Name, err)
		}
	}
	rules.AddDefaults()
	return rules, nil
}

// ignored says whether the file or a directory above it is ignored.
func ignored(rules *ignore.Rules, name string) bool {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if rules.Ignore(dir, entryInfo{path.Base(dir), fs.ModeDir}) {
			return true
		}
	}
	return rules.Ignore(name, entryInfo{path.Base(name), 0})
}

// entryInfo is the little that .helmignore rules ask of a file.
type entryInfo struct {
	name string
	mode fs.FileMode
}

func (e entryInfo) Name() string       { return e.name }
func (e entryInfo) Size() int64        { return 0 }
func (e entryInfo) Mode() fs.FileMode  { return e.mode }
func (e entryInfo) ModTime() time.Time { return time.Time{} }
func (e entryInfo) IsDir() bool        { return e.mode.IsDir() }
func (e entryInfo) Sys() any           { return nil }

// recovered turns a panic into an error.
func recovered(doing string, err *error) {
	if r := recover(); r != nil {
		*err = errors.Join(*err, fmt.Errorf("%s: panic: %v", doing, r))
	}
}
