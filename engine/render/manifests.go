package render

import (
	"iter"

	"github.com/weighlock/weighlock/engine/internal/mask"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/project"
)

// Manifests are the desired objects of a target, in stages.
type Manifests struct {
	Target project.Target
	// Stages are applied one after the other: each ends at a barrier.
	Stages []Stage
	// Images are the places where templates asked for an image.
	Images []Image
	// Sources are the trees and charts from elsewhere that they are made of.
	Sources []project.Fetched
	// Warnings are what the author should know although rendering went well.
	Warnings []string
	// Timed says that templates asked what time it is, so that each render may give something else.
	Timed bool
	// Secrets are the values that nobody may see: those of the deployment, and of the Secrets that are rendered.
	Secrets *mask.Set
	// Declared is what the project says to be no secret.
	Declared Declared
}

// Declared are sources where secrets are kept of which a project declares, by `sensitive: false`, that they give none, and
// what they gave. Who reviews a change need not believe what it says of itself.
type Declared struct {
	Sources []string
	Values  *mask.Set
}

// A Stage is what stands between two barriers. Its items may be applied in parallel.
type Stage struct {
	Items []Item
	// Message is what the barrier at its end says.
	Message string
}

// An Item is one entry of a deployment file; its objects are applied in order.
type Item struct {
	// Dir is the item's directory below the source root, behind the name of its tree where that is an include's.
	// It is empty for an entry that has no objects, and only waits or deletes.
	Dir string
	// From is the entry of the deployment file, for messages.
	From string
	// Waiting and Deletions are what the item does besides applying its objects.
	Waiting   project.Waiting
	Deletions []project.ObjectRef
	// Number is the item's own, and Needs are those of the items that are to be deployed and ready before it.
	Number int
	Needs  []int
	// Waves are those of its objects.
	Waves Span
	// Rules concern the comparison and the conflicts of its objects.
	Rules project.Rules
	// Objects stand in kustomize's order.
	Objects []Manifest
}

// A Span is from an item's first wave to its last.
type Span struct{ First, Last int }

// A Manifest is a desired object and where it came from.
type Manifest struct {
	Object object.Object
	// Source is the file that the object was rendered from, as a slash path below the source root; for an object that a
	// chart or a generator made, the helm-chart.yaml or kustomization.yaml.
	Source string
	// Wave orders the objects of a stage over all of its items, the lower ones first; see [Wave].
	Wave int
	// Unsettled are the fields of which the live value stays where there is one.
	Unsettled []Unsettled
	// Hidden are fields that depend on a secret value without showing it as it is.
	Hidden []object.Path
	// Opaque says that secret values decide what the object is made of, or whether it is there, or may do so: which of its
	// fields depend on them is not known.
	Opaque bool
	// Declared are fields that depend on what [Manifests.Declared] says, or on a secret value; an empty path is all of it.
	Declared []object.Path
}

// All yields every object in order.
func (m *Manifests) All() iter.Seq[Manifest] {
	return func(yield func(Manifest) bool) {
		for _, s := range m.Stages {
			for _, i := range s.Items {
				for _, o := range i.Objects {
					if !yield(o) {
						return
					}
				}
			}
		}
	}
}

// Len is the number of objects.
func (m *Manifests) Len() int {
	n := 0
	for range m.All() {
		n++
	}
	return n
}
