package diff

import (
	"strconv"
	"strings"

	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/project"
)

// FieldManager is the name under which Weighlock owns fields.
const FieldManager = "weighlock"

// managers are the field managers whose objects are this tool's to delete: its own and Kluctl's, whose projects it
// takes over.
var managers = map[string]bool{FieldManager: true, "kluctl": true}

// ours says whether an object that carries the discriminator was deployed by this tool, and not made by a controller
// that copied the label (project format §11).
func ours(o object.Object) bool {
	if annotated(o, "kluctl.io/force-managed") {
		return true
	}
	meta := o.Map("metadata")
	if owners, _ := meta["ownerReferences"].([]any); len(owners) > 0 {
		return false
	}
	entries, _ := meta["managedFields"].([]any)
	for _, e := range entries {
		if m, ok := e.(map[string]any); ok && managers[object.Object(m).Text("manager")] {
			return true
		}
	}
	return false
}

// picked says whether a live object is of an item that the inclusion picks, by what the item's deploy wrote on it
// (project format §2.6).
func picked(o object.Object, i project.Inclusion) bool {
	var tags []string
	for k, v := range o.Map("metadata", "labels") {
		if tag, ok := v.(string); ok && strings.HasPrefix(k, "kluctl.io/tag-") {
			tags = append(tags, tag)
		}
	}
	return i.Selects(tags, o.Annotation("kluctl.io/deployment-item-dir"))
}

// keep returns why a live object is not deleted, or "".
func keep(o object.Object, i project.Inclusion) string {
	if i.ByTag() && annotated(o, "kluctl.io/skip-delete-if-tags") {
		return "kept: its item is not deleted where tags pick what is (skipDeleteIfTags)"
	}
	if annotated(o, "kluctl.io/skip-delete") {
		return "kept: it is annotated with kluctl.io/skip-delete"
	}
	if o.Annotation("helm.sh/resource-policy") == "keep" {
		return "kept: it is annotated with helm.sh/resource-policy: keep"
	}
	return ""
}

// annotated reads a boolean annotation; what is no boolean counts as false (project format §0.4).
func annotated(o object.Object, annotation string) bool {
	b, _ := strconv.ParseBool(o.Annotation(annotation))
	return b
}
