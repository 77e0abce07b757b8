package kustomize

import (
	"bytes"
	"errors"
	"io"
	"path"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"
)

// isList says whether a kustomization does nothing but list resources.
func isList(k types.Kustomization) bool {
	if len(k.EnforceFields()) > 0 {
		return false
	}
	k.TypeMeta, k.MetaData, k.Resources = types.TypeMeta{}, nil, nil
	return reflect.DeepEqual(k, types.Kustomization{})
}

// verbatim are the objects of a kustomization that does nothing but list files, as kustomize would give them: as they stand.
// Most items are like that, and kustomize takes many times as long. Whatever it might change, drop, or have something to say
// about, is left to it: then ok is false.
func (c *checker) verbatim(dir string) (out []Resource, ok bool) {
	if !c.listed || c.remote != nil || len(c.visited) != 1 || c.inPlugin {
		return nil, false
	}
	kustomizations := 0
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		if c.fsys.Exists(path.Join(dir, name)) {
			kustomizations++
		}
	}
	if kustomizations != 1 {
		return nil, false
	}
	seen := map[[4]string]bool{}
	for _, m := range c.makers {
		data, err := c.fsys.ReadFile(m.file)
		if err != nil {
			return nil, false
		}
		objects, ok := asTheyStand(data)
		if !ok || len(objects) != m.count {
			return nil, false
		}
		for _, o := range objects {
			id, ok := identity(o)
			if !ok || seen[id] {
				return nil, false
			}
			seen[id] = true
			out = append(out, Resource{Object: o, Origin: strings.TrimPrefix(m.file, "/")})
		}
	}
	return out, true
}

// asTheyStand reads a file of objects in the YAML about which all readers agree.
func asTheyStand(data []byte) (out []map[string]any, ok bool) {
	if bytes.ContainsRune(data, '\r') || bytes.HasPrefix(data, []byte("\ufeff")) || bytes.HasPrefix(data, []byte("%")) || bytes.Contains(data, []byte("\n%")) || bytes.Contains(data, []byte("\n...")) {
		return nil, false
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc yaml.Node
		switch err := dec.Decode(&doc); {
		case errors.Is(err, io.EOF):
			return out, true
		case err != nil:
			return nil, false
		}
		if isNull(&doc) {
			continue
		}
		if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode || !clear(doc.Content[0]) {
			return nil, false
		}
		var m map[string]any
		if doc.Content[0].Decode(&m) != nil {
			return nil, false
		}
		odd := false
		plain(m, "", func(string, string) { odd = true })
		if odd {
			return nil, false
		}
		out = append(out, m)
	}
}

// clear says whether a node has one reading: no anchors, no tags but those that follow from the text, keys that are text and
// stand there once, nothing empty in lists.
func clear(n *yaml.Node) bool {
	if n.Anchor != "" || n.Alias != nil || n.Style&yaml.TaggedStyle != 0 {
		return false
	}
	switch n.Kind {
	case yaml.ScalarNode:
		return slices.Contains([]string{"!!str", "!!int", "!!float", "!!bool", "!!null"}, n.Tag)
	case yaml.MappingNode:
		keys := make(map[string]bool, len(n.Content)/2)
		for i := 0; i < len(n.Content); i += 2 {
			key := n.Content[i]
			if key.Kind != yaml.ScalarNode || key.Tag != "!!str" || keys[key.Value] || !clear(key) || !clear(n.Content[i+1]) {
				return false
			}
			keys[key.Value] = true
		}
		return true
	case yaml.SequenceNode:
		for _, e := range n.Content {
			if e.Tag == "!!null" || !clear(e) {
				return false
			}
		}
		return true
	}
	return false
}

// referring are the kinds into whose references kustomize writes the namespace of what they name, though it renames nothing.
var referring = []string{"ClusterRoleBinding", "RoleBinding", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "StorageClass"}

// identity tells an object from others. Not ok is one that means something to kustomize, or that it would refuse.
func identity(o map[string]any) (id [4]string, ok bool) {
	version, _ := o["apiVersion"].(string)
	kind, _ := o["kind"].(string)
	meta, _ := o["metadata"].(map[string]any)
	name, _ := meta["name"].(string)
	if version == "" || kind == "" || name == "" || strings.HasSuffix(kind, "List") || slices.Contains(referring, kind) || strings.Contains(version, "kustomize") {
		return id, false
	}
	namespace := ""
	if ns, has := meta["namespace"]; has {
		if namespace, ok = ns.(string); !ok || namespace == "" {
			return id, false
		}
	}
	for _, field := range []string{"labels", "annotations"} {
		texts, has := meta[field]
		if !has {
			continue
		}
		m, _ := texts.(map[string]any)
		if len(m) == 0 {
			return id, false
		}
		for key, v := range m {
			if _, text := v.(string); !text || strings.Contains(key, "config.k") || strings.Contains(key, "kustomize") {
				return id, false
			}
		}
	}
	group, _, grouped := strings.Cut(version, "/")
	if !grouped {
		group = ""
	}
	return [4]string{group, kind, namespace, name}, true
}
