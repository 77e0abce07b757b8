//go:build !race

package diff

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/weighlock/weighlock/engine/internal/mask"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/render"
)

// stillCluster is a cluster that answers from memory.
type stillCluster struct {
	live []object.Object
	// certain says that it need not be asked about them.
	certain bool
}

var errNotAsked = errors.New("this is not asked for")

func (stillCluster) Get(context.Context, object.Ref) (object.Object, error) { return nil, nil }

func (stillCluster) Kinds(context.Context) ([]Kind, []error, error) {
	return []Kind{{Group: "apps", Version: "v1", Kind: "Deployment", Resource: "deployments", Namespaced: true, Versions: []string{"v1"}}}, nil, nil
}

func (s stillCluster) List(context.Context, Query) ([]object.Object, error) { return s.live, nil }

// Apply answers for objects that are new, or as others by now want them.
func (s stillCluster) Apply(_ context.Context, o object.Object, _ bool) (Preview, error) {
	merged := o.Clone()
	if s.certain && o.Ref().Name != "weighlock-is-not-warned" {
		return Preview{}, errNotAsked
	}
	if len(s.live) > 0 && o.Ref().Name != "weighlock-is-not-warned" {
		merged.Map("metadata")["resourceVersion"] = "1"
	}
	return Preview{Merged: merged}, nil
}

func (stillCluster) Check(context.Context, object.Object) error { return errNotAsked }

func (stillCluster) Update(context.Context, object.Object) (Preview, error) {
	return Preview{}, errNotAsked
}

func (stillCluster) MayApply(context.Context, object.Ref) (bool, error) { return true, nil }

// workload is a Deployment as projects have them; live, it is as it was applied.
func workload(n int, image string, live bool) object.Object {
	name := fmt.Sprint("app-", n)
	labels := func() map[string]any { return map[string]any{"app": name} }
	o := object.Object{
		"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": map[string]any{"name": name, "namespace": "apps", "labels": map[string]any{"app": name, DiscriminatorLabel: "d"}},
		"spec": map[string]any{
			"replicas": int64(2), "selector": map[string]any{"matchLabels": labels()},
			"template": map[string]any{"metadata": map[string]any{"labels": labels()}, "spec": map[string]any{
				"serviceAccountName": name,
				"containers": []any{map[string]any{
					"name": "app", "image": image, "args": []any{"--name=" + name, "--verbose"},
					"env":       []any{map[string]any{"name": "A", "value": "1"}, map[string]any{"name": "B", "value": "2"}},
					"resources": map[string]any{"limits": map[string]any{"cpu": "500m", "memory": "128Mi"}},
				}},
			}},
		},
	}
	if !live {
		return o
	}
	leaf := map[string]any{}
	env := func(name string) (string, any) {
		return `k:{"name":"` + name + `"}`, map[string]any{".": leaf, "f:name": leaf, "f:value": leaf}
	}
	a, ofA := env("A")
	b, ofB := env("B")
	meta := o.Map("metadata")
	meta["resourceVersion"], meta["uid"], meta["generation"] = "1", name, int64(1)
	meta["managedFields"] = []any{map[string]any{
		"manager": FieldManager, "operation": "Apply", "apiVersion": "apps/v1", "time": "2026-01-01T00:00:00Z", "fieldsType": "FieldsV1",
		"fieldsV1": map[string]any{
			"f:metadata": map[string]any{"f:labels": map[string]any{"f:app": leaf, "f:" + DiscriminatorLabel: leaf}},
			"f:spec": map[string]any{"f:replicas": leaf, "f:selector": leaf, "f:template": map[string]any{
				"f:metadata": map[string]any{"f:labels": map[string]any{"f:app": leaf}},
				"f:spec": map[string]any{"f:serviceAccountName": leaf, "f:containers": map[string]any{`k:{"name":"app"}`: map[string]any{
					".": leaf, "f:name": leaf, "f:image": leaf, "f:args": leaf, "f:env": map[string]any{a: ofA, b: ofB},
					"f:resources": map[string]any{"f:limits": map[string]any{"f:cpu": leaf, "f:memory": leaf}},
				}}},
			}},
		},
	}}
	o["status"] = map[string]any{"observedGeneration": int64(1), "replicas": int64(2)}
	return o
}

// How often memory is allocated for an object does not depend on the machine; see the bounds of rendering. A bound is a tenth above
// what was measured when it was written; who has a reason to exceed it raises it.
func TestComparingAnObjectAllocatesNoMoreThan(t *testing.T) {
	const objects = 100
	var rendered, live, stale []object.Object
	for n := range objects {
		rendered, live, stale = append(rendered, workload(n, "a:2", false)), append(live, workload(n, "a:2", true)), append(stale, workload(n, "a:1", true))
	}
	m := &render.Manifests{Target: project.Target{Discriminator: "d"}, Secrets: &mask.Set{}}
	item := render.Item{Dir: "app"}
	for _, o := range rendered {
		item.Objects = append(item.Objects, render.Manifest{Object: o, Source: "app/deployment.yaml"})
	}
	m.Stages = []render.Stage{{Items: []render.Item{item}}}
	for _, c := range []struct {
		name           string
		cluster        stillCluster
		op             Op
		most, inDigest float64
	}{
		{"a new object", stillCluster{}, Create, 482, 93},
		{"one that does not change", stillCluster{live, true}, Unchanged, 600, 1},
		{"one that changes", stillCluster{stale, false}, Update, 910, 16},
	} {
		var set *ChangeSet
		allocations := testing.AllocsPerRun(3, func() {
			var err error
			if set, err = Diff(t.Context(), m, c.cluster, Options{}); err != nil {
				t.Fatal(err)
			}
		})
		for ch := range set.All() {
			if ch.Op != c.op {
				t.Fatalf("%s: %s: %s, want %s: %v %+v", c.name, ch.Ref, ch.Op, c.op, ch.Err, ch.Fields)
			}
		}
		if each := allocations / objects; each > c.most {
			t.Errorf("%s: %.0f allocations for each object, at most %.0f were expected", c.name, each, c.most)
		}
		if each := testing.AllocsPerRun(3, func() { digest(set, nil) }) / objects; each > c.inDigest {
			t.Errorf("%s: %.0f allocations for each object's digest, at most %.0f were expected", c.name, each, c.inDigest)
		}
	}
}
