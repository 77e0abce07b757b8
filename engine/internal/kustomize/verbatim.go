package kustomize

import (
	"bytes"
	"errors"
	"io"
	"path"
	"reflect"
	"regexp"
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
	var taken verbatimObjects
	for _, m := range c.makers {
		data, err := c.fsys.ReadFile(m.file)
		if err != nil || !taken.add(m.file, data, m.count) {
			return nil, false
		}
	}
	return taken.out, true
}

// AsListed builds the directory dir, which has no kustomization, as by the one that [Generate] makes up for it, where kustomize would
// give the objects of its files as they stand. The files are those that are listed. Where ok is false, Generate and [Build] tell.
func AsListed(fsys FS, dir string, opts GenerateOptions) (out []Resource, files []string, ok bool) {
	dir = path.Join("/", dir)
	names, err := listed(fsys, dir, opts)
	if err != nil || len(names) == 0 {
		return nil, nil, false
	}
	var taken verbatimObjects
	for _, name := range names {
		if isURL(name) || isRepository(name) {
			return nil, nil, false
		}
		file := path.Join(dir, name)
		data, err := fsys.ReadFile(file)
		if err != nil || tooDeep(data) || !taken.add(file, data, documents(data)) {
			return nil, nil, false
		}
	}
	return taken.out, names, true
}

// verbatimObjects are those of files that give them as they stand.
type verbatimObjects struct {
	out  []Resource
	seen map[[4]string]bool
}

// add takes the objects of a file that has count of them, or says that they are for kustomize.
func (o *verbatimObjects) add(file string, data []byte, count int) bool {
	found, ok := asTheyStand(data)
	if !ok || len(found) != count {
		return false
	}
	for _, object := range found {
		id, ok := identity(object)
		if !ok || o.seen[id] {
			return false
		}
		if o.seen == nil {
			o.seen = map[[4]string]bool{}
		}
		o.seen[id] = true
		o.out = append(o.out, Resource{Object: object, Origin: strings.TrimPrefix(file, "/")})
	}
	return true
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
		if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode || !unambiguous(doc.Content[0]) {
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

// boolean are the words that are no text in YAML 1.1.
var boolean = []string{"y", "n", "yes", "no", "on", "off"}

// unambiguous says whether a node has one reading: no anchors, no tags but those that follow from the text, keys that are text and
// stand there once, nothing empty in lists.
func unambiguous(n *yaml.Node) bool {
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
			if key.Kind != yaml.ScalarNode || key.Tag != "!!str" || keys[key.Value] || key.Value == "<<" || key.Style == 0 && slices.Contains(boolean, strings.ToLower(key.Value)) || !unambiguous(key) || !unambiguous(n.Content[i+1]) {
				return false
			}
			keys[key.Value] = true
		}
		return true
	case yaml.SequenceNode:
		for _, e := range n.Content {
			if e.Tag == "!!null" || !unambiguous(e) {
				return false
			}
		}
		return true
	}
	return false
}

// referring are the kinds into whose references kustomize writes the namespace of what they name, though it renames nothing.
var referring = []string{"ClusterRoleBinding", "RoleBinding", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "StorageClass"}

// What names an object is looked at by kustomize in ways of its own: others than those that every cluster has are left to it.
var (
	plainVersion = regexp.MustCompile(`^([a-z0-9][a-z0-9.-]*/)?v[a-z0-9]+$`)
	plainName    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.:_-]*$`)
)

// identity tells an object from others. Not ok is one that means something to kustomize, or that it would refuse.
func identity(o map[string]any) (id [4]string, ok bool) {
	version, _ := o["apiVersion"].(string)
	kind, _ := o["kind"].(string)
	meta, _ := o["metadata"].(map[string]any)
	name, _ := meta["name"].(string)
	if !plainVersion.MatchString(version) || !plainName.MatchString(kind) || !plainName.MatchString(name) || strings.HasSuffix(kind, "List") || slices.Contains(referring, kind) || strings.Contains(version, "kustomize") {
		return id, false
	}
	namespace := ""
	if ns, has := meta["namespace"]; has {
		if namespace, ok = ns.(string); !ok || !plainName.MatchString(namespace) {
			return id, false
		}
		if namespace == "default" { // kustomize takes no namespace for this one
			namespace = ""
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
