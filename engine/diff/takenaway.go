package diff

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/engine/object"
)

// narrowings says what a changed CustomResourceDefinition takes away: versions and fields, and of how many live objects.
func (d *differ) narrowings(ctx context.Context, c *Change) []string {
	lines := takenAway(c.Live, c.Merged)
	if len(lines) == 0 {
		return nil
	}
	group, kind := definedKind(c.Live, c.Ref.Name)
	k, ok := d.live.kinds[groupKind{group, kind}]
	if !ok {
		return lines
	}
	found, failed := d.list(ctx, []Query{{Kind: k}})
	switch {
	case len(failed) > 0:
		return append(lines, fmt.Sprintf("how many objects of its kind there are is not known: %v", failed[0].err))
	case len(found) == 0:
		return append(lines, "there are no objects of its kind")
	}
	all := make([]object.Ref, len(found))
	for i, o := range found {
		all[i] = o.Ref()
	}
	return append(lines, fmt.Sprintf("there %s of its kind: %s", plural(len(all), "is 1 object", fmt.Sprintf("are %d objects", len(all))), refs(all)))
}

// takenAway names the versions and the fields that a definition loses. Fields of a version that goes are not named.
func takenAway(before, after object.Object) []string {
	was, is := versionsOf(before), versionsOf(after)
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(was)) {
		old, now := was[name], is[name]
		switch {
		case now == nil:
			lines = append(lines, fmt.Sprintf("version %s goes", name))
			continue
		case old["served"] == true && now["served"] != true:
			lines = append(lines, fmt.Sprintf("version %s is not served any more", name))
		}
		gone := lost(schemaOf(old), schemaOf(now), "")
		if len(gone) > 0 {
			lines = append(lines, fmt.Sprintf("%s of %s %s: %s", plural(len(gone), "a field", fmt.Sprintf("%d fields", len(gone))),
				name, plural(len(gone), "goes", "go"), strings.ReplaceAll(listed(gone, 10), "; ", ", ")))
		}
	}
	return lines
}

func versionsOf(crd object.Object) map[string]map[string]any {
	out := map[string]map[string]any{}
	list, _ := crd.Map("spec")["versions"].([]any)
	for _, v := range list {
		if version, ok := v.(map[string]any); ok {
			name, _ := version["name"].(string)
			out[name] = version
		}
	}
	return out
}

func schemaOf(version map[string]any) map[string]any {
	return object.Object(version).Map("schema", "openAPIV3Schema")
}

// lost are the fields that a schema has and another one has not, the outermost of each. What keeps unknown fields loses none.
func lost(before, after map[string]any, path string) []string {
	if after["x-kubernetes-preserve-unknown-fields"] == true {
		return nil
	}
	var out []string
	is := object.Object(after).Map("properties")
	if _, free := after["additionalProperties"]; !free {
		was := object.Object(before).Map("properties")
		for _, name := range slices.Sorted(maps.Keys(was)) {
			at := strings.TrimPrefix(path+"."+name, ".")
			old, _ := was[name].(map[string]any)
			now, ok := is[name].(map[string]any)
			if !ok {
				out = append(out, at)
				continue
			}
			out = append(out, lost(old, now, at)...)
		}
	}
	for key, mark := range map[string]string{"items": "[]", "additionalProperties": ".*"} {
		old, now := object.Object(before).Map(key), object.Object(after).Map(key)
		if old != nil && now != nil {
			out = append(out, lost(old, now, path+mark)...)
		}
	}
	slices.Sort(out)
	return out
}
