package engine_test

import (
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/enginetest"
	"github.com/weighlock/weighlock/engine/hook"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/render"
	"github.com/weighlock/weighlock/engine/report"
)

// tree makes a project of nested includes, items and barriers, with objects of unique names: maps, hooks of random
// weights, namespaces, and one definition at most.
type tree struct {
	*rand.Rand
	files   map[string]string
	count   int
	defined bool
}

func (t *tree) grow(dir string, depth int) {
	var b strings.Builder
	b.WriteString("deployments:\n")
	for range 1 + t.IntN(4) {
		switch {
		case t.IntN(4) == 0:
			b.WriteString("- barrier: true\n")
		case depth > 0 && t.IntN(3) == 0:
			name := fmt.Sprintf("sub%d", t.count)
			t.count++
			fmt.Fprintf(&b, "- include: %s\n  barrier: %v\n", name, t.IntN(2) == 0)
			t.grow(path.Join(dir, name), depth-1)
		default:
			name := fmt.Sprintf("item%d", t.count)
			fmt.Fprintf(&b, "- path: %s\n  barrier: %v\n", name, t.IntN(3) == 0)
			t.item(path.Join(dir, name))
		}
	}
	b.WriteString("- path: last\n")
	t.item(path.Join(dir, "last"))
	t.files[path.Join(dir, "deployment.yaml")] = b.String()
}

func (t *tree) item(dir string) {
	for range 1 + t.IntN(4) {
		t.count++
		text := fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m%d\n  namespace: \"{{ args.ns }}\"\n", t.count)
		switch kind := t.IntN(12); {
		case kind < 4:
			phase := []string{"pre-deploy", "post-deploy", "pre-deploy-initial", "post-deploy-initial"}[kind]
			text += fmt.Sprintf("  annotations: {kluctl.io/hook: %s, kluctl.io/hook-weight: \"%d\"}\n", phase, t.IntN(5)-2)
		case kind == 4:
			text = fmt.Sprintf("apiVersion: v1\nkind: Namespace\nmetadata: {name: \"{{ args.ns }}-%d\"}\n", t.count)
		case kind == 5 && !t.defined:
			t.defined = true
			text = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: \"boats.{{ args.ns }}.example.com\"}\n" +
				"spec:\n  group: \"{{ args.ns }}.example.com\"\n  names: {kind: Boat, plural: boats}\n  scope: Namespaced\n" +
				"  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]\n"
		}
		t.files[path.Join(dir, fmt.Sprintf("o%d.yaml", t.count))] = text
	}
}

// keepsOrder deploys random trees and proves from the server's log in which order they were written.
func keepsOrder(t *testing.T, first, n uint64) {
	t.Helper()
	c := enginetest.Start(t)
	for seed := first; seed < first+n; seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			project := tree{Rand: rand.New(rand.NewPCG(seed, 7)), files: map[string]string{".kluctl.yaml": "discriminator: \"{{ args.ns }}\"\n"}}
			project.grow("", 2)
			var archive strings.Builder
			for name, text := range project.files {
				fmt.Fprintf(&archive, "-- %s --\n%s", name, text)
			}
			who, ns := c.Identity(t), c.Namespace(t)
			s := newSite(t, who.Kubeconfig, archive.String())
			s.args = map[string]any{"ns": ns}
			t.Cleanup(func() {
				c.Kubectl(t, "delete", "namespaces,crds", "-l", "kluctl.io/discriminator="+ns, "--ignore-not-found", "--wait=false")
			})
			p, target := s.open()
			m, err := engine.Render(t.Context(), p, target, render.Options{Reader: s.cluster.Reader()})
			if err != nil {
				t.Fatal(err)
			}
			audit := c.Audit(t)
			s.deployed()
			inTurn(t, m, audit.Since(t).By(who).Writes())
			if set := s.diff(diff.Options{}); set.Visible() {
				t.Errorf("a second deploy would change:\n%s", report.Text(set, nil))
			}
		})
	}
}

// turn is where an object stands in the order of its target.
type turn struct {
	stage, phase, item, place int
}

// The phases of a stage.
const (
	itsNamespaces = iota
	itsDefinitions
	itsItems
)

// inTurn proves that each object was written once and in its turn: stage after stage, Namespaces and definitions first in
// theirs, and the objects of an item one after the other between its hooks.
func inTurn(t *testing.T, m *render.Manifests, log enginetest.AuditEvents) {
	t.Helper()
	turns := map[string]turn{}
	for n, stage := range m.Stages {
		for i, item := range stage.Items {
			for place, o := range inOrderOfItem(t, item) {
				ref := o.Ref()
				at := turn{stage: n, phase: itsItems, item: i, place: place}
				switch {
				case ref.IsNamespace():
					at.phase = itsNamespaces
				case ref.IsCRD():
					at.phase = itsDefinitions
				}
				turns[strings.ToLower(ref.Kind)+"s/"+ref.Name] = at
			}
		}
	}
	var events enginetest.AuditEvents
	seen := map[string]bool{}
	for _, e := range log {
		if e.Verb == "delete" && e.Code == 404 {
			continue // a hook that was not there
		}
		key := e.Resource + "/" + e.Name
		if _, ok := turns[key]; !ok || seen[key] {
			t.Errorf("unexpected: %s", e)
		}
		seen[key] = true
		events = append(events, e)
	}
	if len(seen) != len(turns) {
		t.Errorf("%d objects, %d written", len(turns), len(seen))
	}
	for _, a := range events {
		for _, b := range events {
			before, after := turns[a.Resource+"/"+a.Name], turns[b.Resource+"/"+b.Name]
			sameStage := before.stage == after.stage
			must := before.stage < after.stage || sameStage && before.phase < after.phase ||
				sameStage && before.phase == itsItems && after.phase == itsItems && before.item == after.item && before.place < after.place
			if must && !a.End.Before(b.Begin) {
				t.Errorf("the first was not done when the second began:\n%s %+v\n%s %+v", a, before, b, after)
			}
		}
	}
}

// inOrderOfItem are an item's objects as they are to be written: the hooks before by their weights, the others, and the
// hooks after.
func inOrderOfItem(t *testing.T, item render.Item) []object.Object {
	t.Helper()
	type hooked struct {
		object object.Object
		hook   *hook.Hook
	}
	var before, after []hooked
	var objects []object.Object
	for _, o := range item.Objects {
		h, _, err := hook.Of(o.Object)
		switch {
		case err != nil:
			t.Fatal(err)
		case h == nil:
			objects = append(objects, o.Object)
		case h.Runs(hook.Moment{Before: true, Initial: true}):
			before = append(before, hooked{o.Object, h})
		default:
			after = append(after, hooked{o.Object, h})
		}
	}
	byWeight := func(a, b hooked) int { return a.hook.Weight - b.hook.Weight }
	slices.SortStableFunc(before, byWeight)
	slices.SortStableFunc(after, byWeight)
	var out []object.Object
	for _, h := range before {
		out = append(out, h.object)
	}
	out = append(out, objects...)
	for _, h := range after {
		out = append(out, h.object)
	}
	return out
}

func TestRandomTreesKeepTheirOrder(t *testing.T) {
	t.Parallel()
	keepsOrder(t, 0, 5)
}
