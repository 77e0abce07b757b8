package diff

import "strconv"

import "github.com/weighlock/weighlock/engine/object"

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

// keep returns why a live object is never deleted, or "".
func keep(o object.Object) string {
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
