package bot

import (
	"testing"

	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/render"
)

func manifests(items ...render.Item) *render.Manifests {
	return &render.Manifests{Stages: []render.Stage{{Items: items}}}
}

func configMap(name, value string) render.Manifest {
	return render.Manifest{Object: object.Object{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": name, "namespace": "n"}, "data": map[string]any{"k": value},
	}}
}

func TestATargetIsAffectedByWhatMakesItAnotherOne(t *testing.T) {
	t.Parallel()
	base := manifests(render.Item{Objects: []render.Manifest{configMap("a", "1"), configMap("b", "1")}})
	volatile := func(v string) *render.Manifests {
		m := configMap("a", v)
		m.Unsettled = []render.Unsettled{{Path: object.Path{}.Field("data").Field("k")}}
		return manifests(render.Item{Objects: []render.Manifest{m}})
	}
	for name, c := range map[string]struct {
		before, after *render.Manifests
		want          bool
	}{
		"the same":        {base, manifests(render.Item{Objects: []render.Manifest{configMap("a", "1"), configMap("b", "1")}}), false},
		"another file":    {base, manifests(render.Item{From: "deployment.yaml: deployments[7]", Objects: []render.Manifest{configMap("a", "1"), configMap("b", "1")}}), false},
		"another value":   {base, manifests(render.Item{Objects: []render.Manifest{configMap("a", "2"), configMap("b", "1")}}), true},
		"one more":        {base, manifests(render.Item{Objects: []render.Manifest{configMap("a", "1"), configMap("b", "1"), configMap("c", "1")}}), true},
		"one less":        {base, manifests(render.Item{Objects: []render.Manifest{configMap("a", "1")}}), true},
		"another order":   {base, manifests(render.Item{Objects: []render.Manifest{configMap("b", "1"), configMap("a", "1")}}), true},
		"a wait":          {base, manifests(render.Item{Waiting: project.Waiting{All: true}, Objects: []render.Manifest{configMap("a", "1"), configMap("b", "1")}}), true},
		"generated anew":  {volatile("x"), volatile("y"), false},
		"a barrier":       {base, &render.Manifests{Stages: []render.Stage{base.Stages[0], {}}}, true},
		"two items of it": {base, manifests(render.Item{Objects: []render.Manifest{configMap("a", "1")}}, render.Item{Objects: []render.Manifest{configMap("b", "1")}}), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := affected(c.before, c.after); got != c.want {
				t.Errorf("got %t, want %t", got, c.want)
			}
		})
	}
}
