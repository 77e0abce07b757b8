package kustomize

import (
	"encoding/json"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"
)

// origins finds the file of each built resource.
//
// Kustomize tells origins by annotations, which it adds before patches are applied: a patch that expects annotations, or none,
// then goes another way. So the objects come from a build without them, and a second build only says where each came from. A
// kustomization of a single file, which is what a chart's output is, needs none.
func (c *checker) origins(dir string, built resmap.ResMap) []string {
	out := make([]string, built.Size())
	if len(c.files) == 1 && !c.makes {
		for i := range out {
			out[i] = strings.TrimPrefix(c.files[0], "/")
		}
		return out
	}
	annotated, err := c.run(annotating{c.fsys, kustomizationPath(c.fsys, dir)}, dir)
	if err != nil || annotated.Size() != built.Size() {
		return out
	}
	for i, res := range annotated.Resources() {
		// RemoveBuildAnnotations has been here: what is left of origins is public.
		origin, err := res.GetOrigin()
		if err != nil || origin == nil || res.CurId() != built.Resources()[i].CurId() {
			continue
		}
		if p := origin.Path; p != "" {
			out[i] = strings.TrimPrefix(path.Join(dir, p), "/")
		} else if p := origin.ConfiguredIn; p != "" {
			out[i] = strings.TrimPrefix(path.Join(dir, p), "/")
		}
	}
	return out
}

// annotating is a file system in which one kustomization asks for origin annotations.
type annotating struct {
	FS
	kustomization string
}

func (a annotating) ReadFile(name string) ([]byte, error) {
	data, err := a.FS.ReadFile(name)
	if err != nil || path.Clean(name) != a.kustomization {
		return data, err
	}
	k, err := readMap(data)
	if err != nil {
		return nil, err
	}
	key := "buildMetadata"
	for have := range k {
		if strings.EqualFold(have, key) {
			key = have
		}
	}
	options, _ := k[key].([]any)
	if !slices.Contains(options, any(types.OriginAnnotations)) {
		k[key] = append(options, types.OriginAnnotations)
	}
	return json.Marshal(k)
}

// readMap reads a kustomization as kustomize does, without a type in mind.
func readMap(data []byte) (map[string]any, error) {
	var k map[string]any
	err := yaml.Unmarshal(data, &k)
	return k, err
}
