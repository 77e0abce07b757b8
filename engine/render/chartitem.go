package render

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"sigs.k8s.io/yaml"

	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/yamldoc"
)

// chartFiles are the files of an item that is a chart and nothing else: a release named as the chart, or as a helm-chart.yaml
// beside it says, whose values are the arguments.
func chartFiles(ctx context.Context, d *project.Deployment, item project.Item) (map[string][]byte, error) {
	files := map[string][]byte{}
	tpl := item.Source.Templates(item.SearchDirs)
	for _, name := range []string{"helm-chart.yaml", "helm-chart.yml", "helm-values.yaml", "helm-values.yml"} {
		data, err := tpl.File(ctx, path.Join(item.Dir, name), item.Vars)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			data, err = d.Decrypt(ctx, item.Source, path.Join(item.Dir, name), data)
		}
		if err != nil {
			return nil, err
		}
		files[name] = data
	}
	if files["helm-chart.yaml"] == nil && files["helm-chart.yml"] == nil {
		chart, err := chartName(item)
		if err != nil {
			return nil, err
		}
		if files["helm-chart.yaml"], err = yaml.Marshal(map[string]any{"helmChart": map[string]any{"path": ".", "releaseName": chart}}); err != nil {
			return nil, err
		}
	}
	if files["helm-values.yaml"] == nil && files["helm-values.yml"] == nil {
		values, err := yaml.Marshal(item.Vars["args"])
		if err != nil {
			return nil, err
		}
		files["helm-values.yaml"] = values
	}
	return files, nil
}

func chartName(item project.Item) (string, error) {
	for _, name := range []string{"Chart.yaml", "Chart.yml"} {
		file := path.Join(item.Dir, name)
		data, err := item.Source.Read(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		v, err := yamldoc.Value(file, data)
		if err != nil {
			return "", err
		}
		m, _ := v.(map[string]any)
		if chart, ok := m["name"].(string); ok {
			return chart, nil
		}
		return "", fmt.Errorf("%s: name: is required", file)
	}
	return "", fmt.Errorf("%s: has no Chart.yaml", item.Dir)
}
