package bot

import (
	"reflect"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/render"
)

// affected says whether a change makes a target another one: other objects, in another order, otherwise waited for,
// or otherwise shown.
// What a chart makes anew with each render is no difference.
func affected(before, after *render.Manifests) bool {
	if !reflect.DeepEqual(orderOf(before), orderOf(after)) {
		return true
	}
	set := diff.Compare(before, after, diff.Options{})
	return set.Changed() || len(set.Failures()) > 0 // what cannot be compared has to be told of
}

// order is what a target does besides applying its objects as they are.
type order struct {
	waiting   project.Waiting
	deletions []project.ObjectRef
	objects   []object.Ref
	// ignore hides nothing of the change that brings it, but of later ones.
	ignore []project.IgnoreRule
}

func orderOf(m *render.Manifests) [][]order {
	out := make([][]order, len(m.Stages))
	for n, s := range m.Stages {
		for _, i := range s.Items {
			o := order{waiting: i.Waiting, deletions: i.Deletions, ignore: i.Rules.Ignore}
			for _, d := range i.Objects {
				o.objects = append(o.objects, d.Object.Ref())
			}
			out[n] = append(out[n], o)
		}
	}
	return out
}
