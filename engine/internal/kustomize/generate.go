package kustomize

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/yaml"
)

// GenerateOptions say how a kustomization is made up for a directory that has none.
type GenerateOptions struct {
	// Recursive takes the files of all subdirectories too.
	Recursive bool
	// Outputs maps directories that hold a helm-chart file (paths of the file system) to the name of the file with the chart's
	// objects, which stands in the list for the chart. Default: helm-rendered.yaml. The caller writes that file.
	Outputs map[string]string
	// Display is that of [Options].
	Display func(path string) string
}

// Generate writes the kustomization.yaml of dir, which has none (project format §3.1). It lists every *.yml and *.yaml of the
// directory by name, without helm-values files and with a chart's output for its helm-chart file. It is an error if dir, or
// with Recursive a directory below it, has a kustomization of its own.
func Generate(fsys FS, dir string, opts GenerateOptions) error {
	dir = path.Join("/", dir)
	names, err := listed(fsys, dir, opts)
	if err != nil {
		return err
	}
	data, err := yaml.Marshal(map[string]any{
		"apiVersion": "kustomize.config.k8s.io/v1beta1",
		"kind":       "Kustomization",
		"resources":  names,
	})
	if err != nil {
		return err
	}
	return fsys.WriteFile(path.Join(dir, konfig.DefaultKustomizationFileName()), data)
}

// listed is what a generated kustomization of dir lists: paths relative to dir, by name, directory by directory.
func listed(fsys FS, dir string, opts GenerateOptions) ([]string, error) {
	report := reporter{fsys, Options{Display: opts.Display}}
	names := []string{}
	walk := func(p string, info fs.FileInfo, err error) error {
		in := path.Dir(p)
		switch {
		case err != nil:
			return err
		case info.IsDir() && (p == dir || opts.Recursive):
			if k := kustomizationPath(fsys, p); k != "" {
				return fmt.Errorf("%s: found a kustomization where one is generated (an item's `recursive` allows none)", report.display(k))
			}
		case info.IsDir(), in != dir && !opts.Recursive:
		case isYAML(p, "helm-chart"):
			names = append(names, relative(dir, path.Join(in, opts.output(in))))
		case isYAML(p, "") && !isYAML(p, "helm-values"):
			names = append(names, relative(dir, p))
		}
		return nil
	}
	if err := fsys.Walk(dir, walk); err != nil {
		return nil, err
	}
	slices.SortFunc(names, comparePaths)
	return slices.Compact(names), nil
}

// output is the name of the file with the objects of the chart in dir.
func (o GenerateOptions) output(dir string) string {
	for d, name := range o.Outputs {
		if path.Join("/", d) == dir && name != "" {
			return name
		}
	}
	return "helm-rendered.yaml"
}

func relative(dir, p string) string {
	return strings.TrimPrefix(strings.TrimPrefix(p, dir), "/")
}

// isYAML says whether a file has a YAML name, of that stem if one is given, in any case.
func isYAML(p, stem string) bool {
	name := strings.ToLower(path.Base(p))
	have, ok := strings.CutSuffix(name, ".yaml")
	if !ok {
		have, ok = strings.CutSuffix(name, ".yml")
	}
	return ok && (stem == "" || have == stem)
}

// Find returns the path of the kustomization file in dir, relative to the root of the file system, or "" if there is none.
func Find(fsys FS, dir string) string {
	return strings.TrimPrefix(kustomizationPath(fsys, path.Join("/", dir)), "/")
}

// Annotations are those of the kustomization in dir itself, which do not reach its objects. One that cannot be read has
// none: building it says why.
func Annotations(fsys FS, dir string) map[string]string {
	file := kustomizationPath(fsys, path.Join("/", dir))
	data, err := fsys.ReadFile(file)
	if err != nil {
		return nil
	}
	var k struct {
		Metadata struct {
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
	}
	if yaml.Unmarshal(data, &k) != nil {
		return nil
	}
	return k.Metadata.Annotations
}

// SetNamespace writes ns into the `namespace` field of dir's kustomization, if that has none (project format §3.2).
func SetNamespace(fsys FS, dir, ns string) error {
	report := reporter{fsys: fsys}
	file := kustomizationPath(fsys, path.Join("/", dir))
	if file == "" {
		return fmt.Errorf("%s: no kustomization.yaml in this directory", report.display(dir))
	}
	data, err := fsys.ReadFile(file)
	if err != nil {
		return err
	}
	k, err := readMap(data)
	if err != nil {
		return report.buildError(path.Join("/", dir), err)
	}
	if len(k) == 0 {
		return report.buildError(path.Join("/", dir), errEmpty)
	}
	for key, v := range k {
		if strings.EqualFold(key, "namespace") {
			if v != nil && v != "" {
				return nil
			}
			delete(k, key)
		}
	}
	k["namespace"] = ns
	if data, err = yaml.Marshal(k); err != nil {
		return err
	}
	return fsys.WriteFile(file, data)
}
