package diff

import (
	"slices"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/project"
)

func TestIgnoreRulesNameVariablesOfWorkloads(t *testing.T) {
	t.Parallel()
	const workload = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec:
  template:
    spec:
      containers:
      - name: first
      - name: c
        env: [{name: A, value: a}, {name: FOO, value: foo}]
        envFrom: [{prefix: p}, {configMapRef: {name: m}}, {secretRef: {name: s}}]
      initContainers:
      - {name: i, env: [{name: FOO, value: foo}]}
`
	const env, envFrom = "spec.template.spec.containers[1].env", "spec.template.spec.containers[1].envFrom"
	for name, c := range map[string]struct {
		rule project.IgnoreRule
		want []string
	}{
		"by name":                    {project.IgnoreRule{FieldPath: []string{"spec.template.spec.containers[1].env.FOO.value"}}, []string{env + "[1].value"}},
		"the whole variable":         {project.IgnoreRule{FieldPath: []string{"$.spec.template.spec.containers[*].env.FOO"}}, []string{env + "[1]"}},
		"at any depth":               {project.IgnoreRule{FieldPath: []string{"$..env.A.value"}}, []string{env + "[0].value"}},
		"by a regular expression":    {project.IgnoreRule{FieldPathRegex: []string{`containers\[\d\]\.env\.FOO\.value`}}, []string{env + "[1].value"}},
		"by position":                {project.IgnoreRule{FieldPath: []string{"spec.template.spec.containers[1].env[0].value"}}, []string{env + "[0].value"}},
		"all of them":                {project.IgnoreRule{FieldPath: []string{"spec.template.spec.containers[1].env"}}, []string{env}},
		"what a reference names":     {project.IgnoreRule{FieldPath: []string{`spec.template.spec.containers[1].envFrom["secretRef/s"]`}}, []string{envFrom + "[2]"}},
		"a name that is not there":   {project.IgnoreRule{FieldPath: []string{"spec.template.spec.containers[1].env.NONE"}}, nil},
		"no init containers by name": {project.IgnoreRule{FieldPath: []string{"spec.template.spec.initContainers[0].env.FOO"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var o object.Object
			if err := yaml.Unmarshal([]byte(workload), &o); err != nil {
				t.Fatal(err)
			}
			ignore, err := newIgnorer(o, []project.IgnoreRule{c.rule}, Ignore{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range ignore.find(o) {
				got = append(got, p.JSONPath())
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			before := o.Clone()
			ignore.strip(o)
			if len(c.want) > 0 == object.Equal(map[string]any(before), map[string]any(o)) {
				t.Errorf("stripped: %v", o)
			}
		})
	}
}
