package kustomize

import (
	"encoding/json"
	"slices"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/kio"
)

const transformersField = "transformers"

// transforming is a kustomization that has transformers.
type transforming struct {
	file    string
	entries []string
}

// A configuration is the object that configures a transformer.
type configuration struct {
	file   string // that it stands in, or the kustomization that makes it
	object map[string]any
}

func (c configuration) name() string {
	meta, _ := c.object["metadata"].(map[string]any)
	name, _ := meta["name"].(string)
	return name
}

// patchers notes the transformers that are patches for what a target selects.
func (c *checker) patchers() {
	for _, t := range c.transforming {
		for i, config := range c.configurations(t) {
			if kind := config.object["kind"]; kind != "PatchTransformer" && kind != "PatchJson6902Transformer" {
				continue
			}
			target, err := json.Marshal(config.object[keyOf(config.object, "target")])
			var selector *types.Selector
			if err != nil || json.Unmarshal(target, &selector) != nil || selector == nil {
				continue // kustomize tells what is wrong with it
			}
			c.targeted = append(c.targeted, targeted{
				file: t.file, field: transformersField, index: i, patch: types.Patch{Target: selector}, config: config,
			})
		}
	}
}

// configurations are those of a kustomization's transformers in the order in which they transform: first those that stand
// in it, then those of files and directories.
func (c *checker) configurations(t transforming) []configuration {
	var inside, beside []configuration
	for _, entry := range t.entries {
		if isInline(entry) {
			inside = append(inside, objectsOf(t.file, []byte(entry))...)
			continue
		}
		at := resolve(t.file, entry)
		if c.remote != nil && c.remote.placed[entry] != "" {
			at = c.remote.placed[entry]
		}
		if c.fsys.IsDir(at) {
			if dir, _, err := c.fsys.CleanedAbs(at); err == nil {
				at = string(dir)
			}
			for _, object := range c.made[at] {
				beside = append(beside, configuration{kustomizationPath(c.fsys, at), object})
			}
		} else if data, err := c.fsys.ReadFile(at); err == nil {
			beside = append(beside, objectsOf(at, data)...)
		}
	}
	return append(inside, beside...)
}

func objectsOf(file string, data []byte) []configuration {
	nodes, err := kio.FromBytes(data)
	if err != nil {
		return nil // has been told
	}
	var out []configuration
	for _, n := range nodes {
		if object, err := n.Map(); err == nil {
			out = append(out, configuration{file, object})
		}
	}
	return out
}

// inline edits a kustomization so that its transformers stand in it one by one, where one of them is to be asked for what it
// selects.
func (c *checker) inline(file string, k map[string]any) {
	asked := slices.ContainsFunc(c.targeted, func(t targeted) bool { return t.file == file && t.field == transformersField })
	at := slices.IndexFunc(c.transforming, func(t transforming) bool { return t.file == file })
	if !asked || at < 0 {
		return
	}
	var entries []any
	for _, config := range c.configurations(c.transforming[at]) {
		entry, err := inlined(config.object)
		if err != nil {
			return
		}
		entries = append(entries, entry)
	}
	k[keyOf(k, transformersField)] = entries
}

func inlined(object map[string]any) (string, error) {
	text, err := json.Marshal(object)
	return string(text), err
}
