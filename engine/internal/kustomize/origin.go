package kustomize

import (
	"encoding/json"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/yaml"
)

type node = kyaml.RNode

// origins finds the file of each built resource, and the patches that reach none.
//
// Kustomize tells origins by annotations, which it adds before patches are applied: a patch that expects annotations, or none,
// then goes another way. So the objects come from a build without them, and a second build only says where each came from. A
// kustomization of a single file, which is what a chart's output is, needs none.
func (c *checker) origins(dir string, built resmap.ResMap) ([]string, error) {
	out := make([]string, built.Size())
	if len(c.files) == 1 && !c.makes {
		for i := range out {
			out[i] = strings.TrimPrefix(c.files[0], "/")
		}
		if len(c.targeted) == 0 {
			return out, nil
		}
	}
	top := kustomizationPath(c.fsys, dir)
	annotated, err := c.run(edited{c.fsys, func(file string, k map[string]any) bool {
		if file == top {
			annotating(k)
		}
		c.marking(file, k)
		return file == top || len(c.targeted) > 0
	}}, dir)
	if err != nil {
		return out, c.unmatched(dir, nil, built)
	}
	if err := c.unmatched(dir, annotated, built); err != nil || annotated.Size() != built.Size() {
		return out, err
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
	return out, nil
}

// annotating edits a kustomization so that its objects tell their origins.
func annotating(k map[string]any) {
	key := keyOf(k, "buildMetadata")
	options, _ := k[key].([]any)
	if !slices.Contains(options, any(types.OriginAnnotations)) {
		k[key] = append(options, types.OriginAnnotations)
	}
}

// edited is a file system in which kustomizations are changed as they are read. The edit says whether it changed one.
type edited struct {
	FS
	edit func(file string, k map[string]any) bool
}

func (e edited) ReadFile(name string) ([]byte, error) {
	data, err := e.FS.ReadFile(name)
	file := clean(name)
	if err != nil || !isKustomization(file) {
		return data, err
	}
	k, err := readMap(data)
	if err != nil {
		return nil, err
	}
	if !e.edit(file, k) {
		return data, nil
	}
	return json.Marshal(k)
}

// quiet is the file system that kustomize sees: of the old fields, those that have an equal new one are written so, because
// kustomize prints a warning for each.
func quiet(fsys FS) FS {
	return edited{fsys, func(_ string, k map[string]any) bool {
		changed := false
		if bases, ok := k["bases"].([]any); ok && len(bases) > 0 {
			resources, _ := k["resources"].([]any)
			k["resources"], changed = append(resources, bases...), true
			delete(k, "bases")
		}
		if labels, ok := k["commonLabels"].(map[string]any); ok && len(labels) > 0 && k[keyOf(k, "labels")] == nil {
			k["labels"], changed = []any{map[string]any{"pairs": labels, "includeSelectors": true}}, true
			delete(k, "commonLabels")
		}
		return changed
	}}
}

// readMap reads a kustomization as kustomize does, without a type in mind.
func readMap(data []byte) (map[string]any, error) {
	var k map[string]any
	err := yaml.Unmarshal(data, &k)
	return k, err
}

// keyOf is how a map spells a field, whose case kustomize does not care for.
func keyOf(m map[string]any, field string) string {
	for have := range m {
		if strings.EqualFold(have, field) {
			return have
		}
	}
	return field
}
