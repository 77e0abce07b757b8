package engine_test

import (
	"bytes"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/report"
)

var documentSchema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	data, err := os.ReadFile("../docs/reference/result.schema.json")
	if err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("result.schema.json", doc); err != nil {
		return nil, err
	}
	return c.Compile("result.schema.json")
})

// matchesSchema expects that a change set's document is as published. Every comparison and deployment of these tests
// goes through it.
func matchesSchema(t *testing.T, set *diff.ChangeSet, result *apply.Result) {
	t.Helper()
	data, err := report.NewDocument(set, result).JSON()
	if err != nil {
		t.Fatal(err)
	}
	schemaMatches(t, data)
}

// schemaMatches expects that a document is as published.
func schemaMatches(t *testing.T, data []byte) {
	t.Helper()
	schema, err := documentSchema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(doc); err != nil {
		t.Errorf("the document does not match docs/reference/result.schema.json: %v\n%s", err, data)
	}
}

// Defaults that a change brings along are told apart (N5); a switch to an autoscaler does not reset the replicas (N9);
// what is too large is named (O5).
func TestWhatTheServerMakesOfAWorkload(t *testing.T) {
	t.Parallel()
	c, s, ns := plainSite(t)
	file := func(spec string) string {
		return "-- app/w.yaml --\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: \"{{ args.ns }}\"}\n" +
			"spec: {" + spec + "selector: {matchLabels: {app: a}}, template: {metadata: {labels: {app: a}}, spec: {containers: [{name: a, image: \"a:1\"}]}}}\n"
	}
	s.write(file("replicas: 3, strategy: {type: Recreate}, "))
	s.deployed()
	s.write(file("replicas: 3, strategy: {type: RollingUpdate}, "))
	expect(t, paths(find(t, s.diff(diff.Options{}), "web")), []string{"insert spec.strategy.rollingUpdate defaulting", "update spec.strategy.type"})
	s.deployed()
	s.write(file("strategy: {type: RollingUpdate}, ") + `---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: "{{ args.ns }}"}
spec: {maxReplicas: 5, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}
`)
	set := s.diff(diff.Options{})
	if web := find(t, set, "web"); web.Ref.Kind != "Deployment" || web.Op != diff.Unchanged {
		t.Errorf("got %s: %v", web.Op, paths(web))
	}
	contains(t, report.Text(set, nil), "spec.replicas stays at 3: "+ns+"/HorizontalPodAutoscaler/web sets it")
	s.deployed()
	if got := c.Kubectl(t, "get", "deployment", "web", "-n", ns, "-o", "jsonpath={.spec.replicas}"); got != "3" {
		t.Errorf("the replicas are reset to %s", got)
	}
	s.write("-- app/w.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: huge, namespace: \"{{ args.ns }}\"}\ndata: {k: \"" + strings.Repeat("x", 1_600_000) + "\"}\n")
	huge := find(t, s.diff(diff.Options{}), "huge")
	if huge.Op != diff.Failed {
		t.Fatalf("got %s", huge.Op)
	}
	contains(t, huge.Err.Error(), "ConfigMap/huge", "Too long")
}

// The same object twice, and one that a controller made with copied labels (F5, P3).
func TestTheSameObjectTwiceNamesBothFiles(t *testing.T) {
	t.Parallel()
	c, s, ns := plainSite(t)
	s.deployed()
	uid := c.Kubectl(t, "get", "configmap", "a", "-n", ns, "-o", "jsonpath={.metadata.uid}")
	c.KubectlInput(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: child, namespace: `+ns+`, labels: {kluctl.io/discriminator: `+ns+`}, ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: a, uid: `+uid+`}]}}`,
		"apply", "--server-side", "--field-manager=weighlock", "-f", "-")
	expect(t, ops(s.diff(diff.Options{Prune: true})), []string{"unchanged ConfigMap/a", "unchanged ConfigMap/b"})
	s.write("-- deployment.yaml --\ndeployments: [{path: app}, {path: more}]\n-- more/a.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: \"{{ args.ns }}\"}\n")
	p, target := s.open()
	_, err := engine.Diff(t.Context(), p, target, s.cluster, diff.Options{})
	if err == nil {
		t.Fatal("it is taken")
	}
	contains(t, err.Error(), "app/a.yaml", "more/a.yaml", "ConfigMap/a")
}
