package render

import (
	"bytes"
	"path"
	"slices"

	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/yamldoc"
)

// A chart that asks which API versions there are also sees those that the same project defines: what it gives must not depend
// on whether it is the first or the second deployment. Only what its own templates define it does not see: charts leave a
// definition out where it is there already.

// definedVersions are the API versions of the CRDs in the files of all items and in the crds/ of all charts.
func definedVersions(works []*work) map[string]*release {
	defined := map[string]*release{}
	add := func(data []byte) {
		for _, v := range servedVersions(data) {
			defined[v] = nil
		}
	}
	for _, w := range works {
		if w.item.OnlyRender {
			continue
		}
		for name, data := range w.files {
			if ext := path.Ext(name); ext == ".yaml" || ext == ".yml" {
				add(data)
			}
		}
		for _, rel := range w.releases {
			if !rel.spec.SkipCRDs {
				for _, data := range rel.chart.Chart.CRDs() {
					add(data)
				}
			}
		}
	}
	return defined
}

// others are the API versions that are not defined by rel's own templates.
func others(defined map[string]*release, rel *release) []string {
	var versions []string
	for v, by := range defined {
		if by == nil || by != rel {
			versions = append(versions, v)
		}
	}
	slices.Sort(versions)
	return versions
}

// servedVersions are group/version and group/version/Kind of the CRDs in a YAML file. One that cannot be read has none: others
// report it.
func servedVersions(data []byte) []string {
	if !bytes.Contains(data, []byte("CustomResourceDefinition")) {
		return nil
	}
	docs, _ := yamldoc.Values("", data)
	var served []string
	for _, doc := range docs {
		m, _ := doc.Value.(map[string]any)
		crd := object.Object(m)
		if m == nil || !crd.Ref().IsCRD() {
			continue
		}
		group, kind := crd.Text("spec", "group"), crd.Text("spec", "names", "kind")
		list, _ := crd.Get("spec", "versions")
		versions, _ := list.([]any)
		for _, v := range versions {
			version, _ := v.(map[string]any)
			name, _ := version["name"].(string)
			if on, _ := version["served"].(bool); on && name != "" && group != "" {
				served = append(served, group+"/"+name, group+"/"+name+"/"+kind)
			}
		}
	}
	return served
}
