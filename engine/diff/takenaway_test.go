package diff

import (
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/weighlock/weighlock/engine/object"
)

func TestWhatADefinitionLosesIsNamed(t *testing.T) {
	t.Parallel()
	version := func(name, served, properties string) string {
		return "{name: " + name + ", served: " + served + ", schema: {openAPIV3Schema: {properties: {spec: {" + properties + "}}}}}"
	}
	for name, c := range map[string]struct{ before, after, want string }{
		"nothing":        {version("v1", "true", "properties: {a: {}}"), version("v1", "true", "properties: {a: {}, b: {}}"), ""},
		"a version":      {version("v1", "true", "properties: {a: {}}") + "," + version("v2", "true", ""), version("v2", "true", ""), "version v1 goes"},
		"serving":        {version("v1", "true", ""), version("v1", "false", ""), "version v1 is not served any more"},
		"a field":        {version("v1", "true", "properties: {a: {properties: {b: {}}}}"), version("v1", "true", "properties: {a: {properties: {c: {}}}}"), "a field of v1 goes: spec.a.b"},
		"fields":         {version("v1", "true", "properties: {a: {properties: {b: {}}}, z: {}}"), version("v1", "true", "properties: {y: {}}"), "2 fields of v1 go: spec.a, spec.z"},
		"of elements":    {version("v1", "true", "properties: {a: {items: {properties: {b: {}, c: {}}}}}"), version("v1", "true", "properties: {a: {items: {properties: {c: {}}}}}"), "a field of v1 goes: spec.a[].b"},
		"of a map":       {version("v1", "true", "additionalProperties: {properties: {b: {}, c: {}}}"), version("v1", "true", "additionalProperties: {properties: {c: {}}}"), "a field of v1 goes: spec.*.b"},
		"but not closed": {version("v1", "true", "properties: {a: {}}"), version("v1", "true", "x-kubernetes-preserve-unknown-fields: true"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sides [2]object.Object
			for i, versions := range []string{c.before, c.after} {
				if err := yaml.Unmarshal([]byte("spec: {versions: ["+versions+"]}"), &sides[i]); err != nil {
					t.Fatal(err)
				}
			}
			if got := strings.Join(takenAway(sides[0], sides[1]), "; "); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
