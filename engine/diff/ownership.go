package diff

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/weighlock/weighlock/engine/internal/managed"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/project"
)

// FieldManager is the name under which Weighlock owns fields.
const FieldManager = "weighlock"

const itemDirAnnotation = "kluctl.io/deployment-item-dir"

// managers are the field managers whose objects are this tool's to delete: its own and Kluctl's, whose projects it
// takes over.
var managers = map[string]bool{FieldManager: true, forerunner: true}

// ours says whether an object that carries the discriminator was deployed by this tool, and not made by a controller
// that copied the label (project format §11).
func ours(o object.Object) bool {
	if annotated(o, "kluctl.io/force-managed") {
		return true
	}
	if owners, _ := o.Map("metadata")["ownerReferences"].([]any); len(owners) > 0 {
		return false
	}
	return slices.ContainsFunc(managed.Entries(o), func(e managed.Entry) bool { return managers[e.Manager] })
}

// An AdoptError says that an object belongs to somebody else.
type AdoptError struct {
	Ref    object.Ref
	Owner  string
	Target string
}

// Error names both owners and the ways out.
func (e *AdoptError) Error() string {
	return fmt.Sprintf("%s: belongs to %s and is not taken over by %s: remove it from one of the two, or allow the takeover (adopt: true in .weighlock.yaml, or without --no-adopt)", e.Ref, e.Owner, e.Target)
}

// adopt looks whose the live object is so far. That it was nobody's is no matter.
func (d *differ) adopt(c *Change, live object.Object) error {
	target := fmt.Sprintf("discriminator %q", d.manifests.Target.Discriminator)
	c.TakenFrom = otherOwner(live, c.desired, d.manifests.Target.Discriminator)
	switch {
	case c.TakenFrom == "":
		return nil
	case d.opts.NoAdopt:
		return &AdoptError{Ref: c.Ref, Owner: c.TakenFrom, Target: target}
	}
	c.Warnings = append(c.Warnings, fmt.Sprintf("belongs to %s and is taken over by %s", c.TakenFrom, target))
	return nil
}

// otherOwner names who deploys a live object, if that is not the owner of desired: by another discriminator, or by the
// marks that other tools leave.
func otherOwner(live, desired object.Object, discriminator string) string {
	if have := live.Label(DiscriminatorLabel); have != "" {
		if have != discriminator {
			return fmt.Sprintf("discriminator %q", have)
		}
		return ""
	}
	marks := []struct{ owner, annotation, label string }{
		{"Helm release", "meta.helm.sh/release-name", ""},
		{"Argo CD application", "argocd.argoproj.io/tracking-id", ""},
		{"Flux Kustomization", "", "kustomize.toolkit.fluxcd.io/name"},
		{"Flux HelmRelease", "", "helm.toolkit.fluxcd.io/name"},
	}
	for _, m := range marks {
		if have := live.Annotation(m.annotation); have != "" && desired.Annotation(m.annotation) != have {
			return fmt.Sprintf("%s %q", m.owner, have)
		}
		if have := live.Label(m.label); have != "" && desired.Label(m.label) != have {
			return fmt.Sprintf("%s %q", m.owner, have)
		}
	}
	return ""
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
	return i.Selects(tags, o.Annotation(itemDirAnnotation))
}

// skipDelete keeps an object from being deleted.
const skipDelete = "kluctl.io/skip-delete"

// keepMarks are the annotations by which Helm, Argo CD and Flux are told not to delete an object, Helm's first.
var keepMarks = []struct{ annotation, value string }{
	{"helm.sh/resource-policy", "keep"},
	{"argocd.argoproj.io/sync-options", "Prune=false"},
	{"kustomize.toolkit.fluxcd.io/prune", "disabled"},
}

// keep returns why a live object is not deleted, or "".
func keep(o object.Object, i project.Inclusion) string {
	if i.ByTag() && annotated(o, "kluctl.io/skip-delete-if-tags") {
		return "kept: its item is not deleted where tags pick what is (skipDeleteIfTags)"
	}
	if annotated(o, skipDelete) {
		return "kept: it is annotated with " + skipDelete
	}
	for _, m := range keepMarks {
		for have := range strings.SplitSeq(o.Annotation(m.annotation), ",") {
			if strings.EqualFold(strings.TrimSpace(have), m.value) {
				return fmt.Sprintf("kept: it is annotated with %s: %s", m.annotation, m.value)
			}
		}
	}
	return ""
}

// annotated reads a boolean annotation; what is no boolean counts as false (project format §0.4).
func annotated(o object.Object, annotation string) bool {
	b, _ := strconv.ParseBool(o.Annotation(annotation))
	return b
}
