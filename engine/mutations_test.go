package engine_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"sigs.k8s.io/yaml"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/enginetest"
	"github.com/weighlock/weighlock/engine/object"
)

// mutation is what is done to an object; see testdata/mutations.yaml.
type mutation struct {
	Name, Base, Want string
	By               [][]string
	// Others are managers that apply some of its fields.
	Others []struct {
		Manager string
		Fields  object.Object
	}
	Patch []map[string]any
}

// mutations reads the mutations and returns each one's object before and after.
func mutations(t *testing.T) (list []mutation, before, after map[string]object.Object) {
	t.Helper()
	data, err := os.ReadFile("testdata/mutations.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Bases     map[string]json.RawMessage
		Mutations []mutation
	}
	if err := yaml.Unmarshal(data, &doc, yaml.DisallowUnknownFields); err != nil {
		t.Fatal(err)
	}
	before, after = map[string]object.Object{}, map[string]object.Object{}
	for _, m := range doc.Mutations {
		o, err := object.FromJSON(doc.Bases[m.Base])
		if err != nil {
			t.Fatalf("%s: base %s: %v", m.Name, m.Base, err)
		}
		meta, _ := o["metadata"].(map[string]any)
		if meta == nil {
			meta = map[string]any{}
		}
		meta["name"] = m.Name
		o["metadata"] = meta
		before[m.Name] = o
		text, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		ops, err := json.Marshal(m.Patch)
		if err != nil {
			t.Fatal(err)
		}
		patch, err := jsonpatch.DecodePatch(ops)
		if err != nil {
			t.Fatalf("%s: %v", m.Name, err)
		}
		if len(m.Patch) > 0 {
			if text, err = patch.Apply(text); err != nil {
				t.Fatalf("%s: %v", m.Name, err)
			}
		}
		if after[m.Name], err = object.FromJSON(text); err != nil {
			t.Fatal(err)
		}
	}
	return doc.Mutations, before, after
}

// thingDefinition is the definition of the mutations' custom kind.
const thingDefinition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.mutations.example.com}
spec:
  group: mutations.example.com
  scope: Namespaced
  names: {plural: things, kind: Thing}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              size: {type: integer}
              big: {type: integer, format: int64}
              list: {type: array, items: {type: object, properties: {x: {type: integer}, "y": {type: array, items: {type: integer}}}}}
              names: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [name], items: {type: object, required: [name], properties: {name: {type: string}, v: {type: integer}}}}
              nested: {type: object, properties: {a: {type: integer}}}
              free: {type: object, x-kubernetes-preserve-unknown-fields: true}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: parts.mutations.example.com}
spec:
  group: mutations.example.com
  scope: Namespaced
  names: {plural: parts, kind: Part}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
          spec:
            type: object
            properties:
              tags: {type: array, x-kubernetes-list-type: set, items: {type: string}}
              loose: {type: array, items: {type: string}}
              size: {x-kubernetes-int-or-string: true}
              free: {type: object, additionalProperties: {type: integer}}
              template: {type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true}
              deep: {type: object, properties: {list: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [a, b], items: {type: object, required: [a, b], properties: {a: {type: integer}, b: {type: integer}, c: {type: integer}}}}}}
              ports: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [port, protocol], items: {type: object, required: [port], properties: {port: {type: integer}, protocol: {type: string, default: TCP}, name: {type: string}}}}
              atoms: {type: object, x-kubernetes-map-type: atomic, properties: {a: {type: integer}, b: {type: integer}}}
              maybe: {type: string, nullable: true, default: d}
              ratio: {type: number}
              when: {type: string, format: date-time}
              level: {type: integer, default: 3}
`

// mutationSite deploys all objects as they are before, in one project.
func mutationSite(t *testing.T) (*enginetest.Cluster, *site, []mutation, map[string]object.Object) {
	t.Helper()
	c := enginetest.Start(t)
	c.KubectlInput(t, thingDefinition, "apply", "-f", "-")
	c.Kubectl(t, "wait", "--for=condition=Established", "crd/things.mutations.example.com", "crd/parts.mutations.example.com")
	list, before, after := mutations(t)
	s := newSite(t, c.Identity(t).Kubeconfig, "-- .kluctl.yaml --\ndiscriminator: \"{{ args.ns }}\"\n-- deployment.yaml --\ndeployments: [{path: app}]\n")
	s.args = map[string]any{"ns": c.Namespace(t)}
	s.writeObjects(before)
	s.deployed()
	return c, s, list, after
}

// writeObjects writes objects as the files of the item app.
func (s *site) writeObjects(objects map[string]object.Object) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Join(s.dir, "app"), 0o755); err != nil {
		s.t.Fatal(err)
	}
	for name, o := range objects {
		o = o.Clone()
		o.SetNamespace("{{ args.ns }}")
		data, err := json.Marshal(o)
		if err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(s.dir, "app", name+".yaml"), data, 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
}

// snapshot reads live objects by mutation.
func snapshot(t *testing.T, s *site, list []mutation, objects map[string]object.Object) map[string]object.Object {
	t.Helper()
	out := map[string]object.Object{}
	for _, m := range list {
		ref := objects[m.Name].Ref()
		ref.Namespace = s.args["ns"].(string)
		live, err := s.cluster.Previewer().Get(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		out[m.Name] = live
	}
	return out
}

// interfere does what others do to the objects.
func interfere(t *testing.T, c *enginetest.Cluster, s *site, list []mutation, objects map[string]object.Object) {
	t.Helper()
	ns := s.args["ns"].(string)
	for _, m := range list {
		for _, args := range m.By {
			c.Kubectl(t, append([]string{"-n", ns}, args...)...)
		}
		for _, o := range m.Others {
			ref, fields := objects[m.Name].Ref(), o.Fields.Clone()
			fields["apiVersion"], fields["kind"] = ref.APIVersion(), ref.Kind
			fields["metadata"] = map[string]any{"name": ref.Name, "namespace": ns}
			text, err := json.Marshal(fields)
			if err != nil {
				t.Fatal(err)
			}
			c.KubectlInput(t, string(text), "apply", "--server-side", "--force-conflicts", "--field-manager="+o.Manager, "-f", "-")
		}
	}
}

func TestWhatADiffNamesIsWhatADeployChanges(t *testing.T) {
	t.Parallel()
	c, s, list, after := mutationSite(t)
	interfere(t, c, s, list, after)
	s.writeObjects(after)
	opts := diff.Options{Replace: true}
	changes := map[string]*diff.Change{}
	set := s.diff(opts)
	for ch := range set.All() {
		changes[ch.Ref.Name] = ch
	}
	if again := s.diff(opts); again.Digest != set.Digest {
		t.Error("the digest is another one each time")
	}
	was := snapshot(t, s, list, after)
	s.deploy(engine.DeployOptions{Diff: opts})
	is := snapshot(t, s, list, after)
	for _, m := range list {
		ch := changes[m.Name]
		if ch == nil {
			t.Errorf("%s: is not in the diff", m.Name)
			continue
		}
		wantOp := map[string]diff.Op{"": diff.Update, "noop": diff.Unchanged, "refused": diff.Failed, "replace": diff.Replace}[m.Want]
		if ch.Op != wantOp {
			t.Errorf("%s: got op %s, want %s: %v %s", m.Name, ch.Op, wantOp, ch.Err, ch.Reason)
			continue
		}
		truth, told := changedLeaves(was[m.Name], is[m.Name]), toldLeaves(ch, was[m.Name], is[m.Name])
		if m.Want == "replace" {
			truth, told = slices.DeleteFunc(truth, allocatedAnew), slices.DeleteFunc(told, allocatedAnew)
		}
		if !slices.Equal(truth, told) {
			t.Errorf("%s:\n  changed: %s\n  told:    %s", m.Name, strings.Join(truth, ", "), strings.Join(told, ", "))
		}
	}
	if again := s.diff(opts); again.Changed() {
		for ch := range again.All() {
			if m := after[ch.Ref.Name]; ch.Op != diff.Unchanged && ch.Op != diff.Failed && m != nil {
				t.Errorf("%s: a second deploy would change it: %s %+v", ch.Ref.Name, ch.Op, ch.Fields)
			}
		}
	}
}

// allocatedAnew says whether a leaf is one that the server fills in for each new object.
func allocatedAnew(leaf string) bool {
	for _, part := range []string{"clusterIP", "controller-uid", "job-name", "nodePort", "ipFamil", "internalTrafficPolicy", "kube-api-access", ".volumes = [", ".volumeMounts = ["} {
		if strings.Contains(leaf, part) {
			return true
		}
	}
	return false
}

// changedLeaves are the leaves that differ between two live objects: as independent of the comparison's own code as may
// be, each field with its value is a line, an element of a list is named by its name or stands for itself.
func changedLeaves(a, b object.Object) []string {
	return differing(flat(settled(a)), flat(settled(b)))
}

// toldLeaves are the leaves that differ when what the change tells is done to the object as it was.
func toldLeaves(ch *diff.Change, was, is object.Object) []string {
	told := settled(was)
	final := settled(is)
	for _, f := range ch.Fields {
		new := allocatedAs(object.CloneValue(f.New), f.Path, final)
		if f.Secret && f.Op != diff.Remove {
			new, _ = f.Path.Lookup(map[string]any(final)) // only that it changes is told
		}
		told = edit(told, f.Path, f.Op, new).(object.Object)
	}
	return differing(flat(settled(was)), flat(told))
}

// allocatedAs puts what the server chose into a value that is told, at p of the object as it is then.
func allocatedAs(v any, p object.Path, final object.Object) any {
	switch v := v.(type) {
	case string:
		if v == diff.Allocated {
			is, _ := p.Lookup(map[string]any(final))
			return is
		}
	case map[string]any:
		for k, e := range v {
			v[k] = allocatedAs(e, p.Field(k), final)
		}
	case []any:
		for i, e := range v {
			v[i] = allocatedAs(e, p.In(v, i), final)
		}
	}
	return v
}

func settled(o object.Object) object.Object {
	o = o.Clone()
	delete(o, "status")
	meta := o.Map("metadata")
	for _, k := range []string{"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp"} {
		delete(meta, k)
	}
	if f, _ := meta["finalizers"].([]any); len(f) == 1 && strings.HasPrefix(fmt.Sprint(f[0]), "kubernetes.io/") {
		delete(meta, "finalizers") // a controller's, some time later
	}
	delete(o.Map("metadata", "annotations"), "deployment.kubernetes.io/revision") // the controller's, some time later
	return o
}

// edit does what a field change tells to v, which is changed.
func edit(v any, p object.Path, op diff.FieldOp, new any) any {
	if o, ok := v.(object.Object); ok {
		return object.Object(edit(map[string]any(o), p, op, new).(map[string]any))
	}
	if op == diff.Reorder {
		return v
	}
	step := p[0]
	switch v := v.(type) {
	case nil:
		m := map[string]any{}
		if step.List {
			return []any{new}
		}
		return edit(m, p, op, new)
	case map[string]any:
		switch {
		case len(p) > 1:
			v[step.Field] = edit(v[step.Field], p[1:], op, new)
		case op == diff.Remove:
			delete(v, step.Field)
		default:
			v[step.Field] = object.CloneValue(new)
		}
		return v
	case []any:
		i := step.Position(v)
		switch {
		case len(p) > 1:
			v[i] = edit(v[i], p[1:], op, new)
		case op == diff.Insert:
			return append(slices.Clone(v), new)
		case op == diff.Remove:
			out := slices.Clone(v)
			out[i] = nil // positions stay until all is done
			return out
		default:
			v[i] = object.CloneValue(new)
		}
		return v
	}
	return v
}

// flat lists a value's leaves, each as path = value.
func flat(o object.Object) []string {
	var out []string
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, e := range v {
				walk(at+"."+k, e)
			}
			if len(v) > 0 {
				return
			}
		case []any:
			for _, e := range v {
				if m, ok := e.(map[string]any); ok && m["name"] != nil {
					walk(fmt.Sprintf("%s[%v]", at, m["name"]), e)
				} else if e != nil {
					walk(at+"[]", e)
				}
			}
			if len(v) > 0 {
				return
			}
		}
		if data, _ := json.Marshal(v); string(data) != "null" {
			out = append(out, at+" = "+string(data))
		}
	}
	walk("", map[string]any(o))
	slices.Sort(out)
	return out
}

// differing are the lines that only one side has, with a sign.
func differing(a, b []string) []string {
	left := map[string]int{}
	for _, l := range a {
		left[l]++
	}
	var out []string
	for _, l := range b {
		if left[l] > 0 {
			left[l]--
		} else {
			out = append(out, "+"+l)
		}
	}
	for l, n := range left {
		for range n {
			out = append(out, "-"+l)
		}
	}
	slices.Sort(out)
	return out
}
