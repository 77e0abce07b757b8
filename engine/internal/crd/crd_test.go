package crd

import (
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/weighlock/weighlock/engine/object"
)

func read(t *testing.T, text string) object.Object {
	t.Helper()
	var o object.Object
	if err := yaml.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// What no schema describes is judged all the same: a server refuses it.
func TestNamesAndLabelsAreJudged(t *testing.T) {
	t.Parallel()
	d, err := New(read(t, `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: ships.example.com}
spec:
  group: example.com
  names: {kind: Ship, plural: ships}
  scope: Namespaced
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
`))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ metadata, want string }{
		"fine":             {`{name: a.b, namespace: ns, labels: {a/b: c}, annotations: {x: "y z"}}`, ""},
		"name":             {`{name: Bad_Name, namespace: ns}`, `Ship/Bad_Name: metadata.name: Invalid value: "Bad_Name"`},
		"label":            {`{name: a, namespace: ns, labels: {x: "y z"}}`, `metadata.labels: Invalid value: "y z"`},
		"label's key":      {`{name: a, namespace: ns, labels: {"x y": z}}`, `metadata.labels: Invalid value: "x y"`},
		"number":           {`{name: a, namespace: ns, labels: {x: 5}}`, `metadata.labels: Invalid value: found a number, expected a string`},
		"without its home": {`{name: a}`, "metadata.namespace: Required value: objects of this kind live in a namespace"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := d.Judge(t.Context(), read(t, "{apiVersion: example.com/v1, kind: Ship, metadata: "+c.metadata+"}"), nil)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
