package kustomize

import (
	"bytes"
	"encoding/json"
	"path"
	"regexp"
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
// Mostly the order of the files tells. Else kustomize tells origins by annotations, which it adds before patches are applied: a
// patch that expects annotations, or none, then goes another way. So the objects come from a build without them, and a second
// build only says where each came from.
func (c *checker) origins(dir string, built resmap.ResMap) ([]string, error) {
	known := c.inOrder(dir, built.Size())
	if known != nil && len(c.targeted) == 0 {
		return known, nil
	}
	out := make([]string, built.Size())
	top := kustomizationPath(c.fsys, dir)
	annotated, err := c.run(edited{c.fsys, func(file string, k map[string]any) bool {
		if file == top {
			annotating(k)
		}
		c.marking(file, k)
		return file == top || len(c.targeted) > 0
	}}, dir)
	if err != nil {
		annotated = nil
	}
	if err := c.unmatched(dir, annotated, built); err != nil || known != nil {
		return known, err
	}
	if annotated == nil || annotated.Size() != built.Size() {
		return out, nil
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

// inOrder are the files of n objects where their order and number tell; nil where they do not.
func (c *checker) inOrder(dir string, n int) []string {
	if c.unsure || c.sorts[dir] {
		return nil
	}
	unknown, sum := -1, 0
	for i, m := range c.makers {
		switch {
		case m.count >= 0:
			sum += m.count
		case unknown >= 0:
			return nil
		default:
			unknown = i
		}
	}
	if sum > n || sum < n && unknown < 0 {
		return nil // a patch took one away, or there is one that does not count
	}
	out := make([]string, 0, n)
	for i, m := range c.makers {
		count := m.count
		if i == unknown {
			count = n - sum
		}
		for range count {
			out = append(out, strings.TrimPrefix(m.file, "/"))
		}
	}
	return out
}

// listKind finds a document that is a list of objects, and perhaps some other text.
var listKind = regexp.MustCompile(`kind["']?\s*:\s*["']?\w*List\b`)

// documents counts the objects of a file; -1 if it has to be read to tell.
func documents(data []byte) int {
	if listKind.Match(data) {
		return -1
	}
	n, filled := 0, false
	for line := range bytes.Lines(data) {
		line = bytes.TrimSpace(line)
		switch {
		case bytes.HasPrefix(line, []byte("---")) && len(line) > len("---"):
			return -1 // something more on the line
		case bytes.Equal(line, []byte("---")), bytes.Equal(line, []byte("...")):
			filled = false // or a line of some text, and then the sum is another
		case len(line) > 0 && line[0] != '#' && !filled:
			n, filled = n+1, true
		}
	}
	return n
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
