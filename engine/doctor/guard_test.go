package doctor

import (
	"flag"
	"io/fs"
	"os"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
	"sigs.k8s.io/yaml"

	"github.com/weighlock/weighlock/engine/object"
)

var update = flag.Bool("update", false, "write what is found as what is wanted")

// Each archive of testdata/guards is a policy and a binding as patches of one that refuses all, and in words what they let pass.
func TestAPolicyIsJudgedByWhatItLetsPass(t *testing.T) {
	t.Parallel()
	files := os.DirFS("testdata/guards")
	names, err := fs.Glob(files, "*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("no cases:", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(name, ".txtar"), func(t *testing.T) {
			t.Parallel()
			data, err := fs.ReadFile(files, name)
			if err != nil {
				t.Fatal(err)
			}
			parts := map[string]string{}
			for _, f := range txtar.Parse(data).Files {
				parts[f.Name] = string(f.Data)
			}
			var got strings.Builder
			for _, g := range guards([]object.Object{policy(t, parts["policy"])}, []object.Object{binding(t, parts["binding"])}, "previewer") {
				for _, gap := range g.gaps {
					got.WriteString("lets pass: " + gap + "\n")
				}
				for _, open := range g.open {
					got.WriteString("not known: " + open + "\n")
				}
				if len(g.gaps)+len(g.open) == 0 {
					got.WriteString("refuses all\n")
				}
			}
			if got.Len() == 0 {
				got.WriteString("judges nothing that the user asks for\n")
			}
			if *update {
				data, _, _ := strings.Cut(string(data), "-- want --\n")
				if err := os.WriteFile("testdata/guards/"+name, []byte(data+"-- want --\n"+got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got.String() != parts["want"] {
				t.Errorf("found\n%s\nwant\n%s", got.String(), parts["want"])
			}
		})
	}
}

const wholePolicy = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: p}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
    - {apiGroups: ["*"], apiVersions: ["*"], operations: ["*"], resources: ["*/*"], scope: "*"}
    excludeResourceRules:
    - {apiGroups: [authorization.k8s.io], apiVersions: ["*"], operations: [CREATE], resources: [selfsubjectaccessreviews]}
    namespaceSelector: {}
    objectSelector: {}
  matchConditions:
  - {name: previews, expression: request.userInfo.username == "previewer"}
  validations:
  - {expression: has(request.dryRun) && request.dryRun}
  - {expression: "!has(request.subResource) || request.subResource == ''"}
`

const wholeBinding = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: b}
spec: {policyName: p, validationActions: [Deny]}
`

// policy and binding are the whole ones, with fields of their specs replaced.
func policy(t *testing.T, patch string) object.Object  { return patched(t, wholePolicy, patch) }
func binding(t *testing.T, patch string) object.Object { return patched(t, wholeBinding, patch) }

func patched(t *testing.T, whole, patch string) object.Object {
	t.Helper()
	var o object.Object
	if err := yaml.Unmarshal([]byte(whole), &o); err != nil {
		t.Fatal(err)
	}
	var spec map[string]any
	if err := yaml.UnmarshalStrict([]byte(patch), &spec); err != nil {
		t.Fatal(err)
	}
	for k, v := range spec {
		o.Map("spec")[k] = v
	}
	return o
}

// A right that holds for some names or in some way of writing it alone is a right.
func TestARuleGrantsWhatItNamesInAnyWay(t *testing.T) {
	t.Parallel()
	token := Right{Verb: "create", Resource: "serviceaccounts", Subresource: "token"}
	user := Right{Verb: "impersonate", Resource: "users"}
	for _, c := range []struct {
		rule  Rule
		right Right
		want  bool
	}{
		{Rule{Verbs: []string{"*"}, Groups: []string{"*"}, Resources: []string{"*"}}, token, true},
		{Rule{Verbs: []string{"create"}, Groups: []string{""}, Resources: []string{"serviceaccounts"}}, token, false},
		{Rule{Verbs: []string{"create"}, Groups: []string{""}, Resources: []string{"*/token"}}, token, true},
		{Rule{Verbs: []string{"create"}, Groups: []string{""}, Resources: []string{"serviceaccounts/token"}, Names: []string{"a"}}, token, true},
		{Rule{Verbs: []string{"create"}, Groups: []string{"apps"}, Resources: []string{"*"}}, token, false},
		{Rule{Verbs: []string{"impersonate"}, Groups: []string{""}, Resources: []string{"users"}, Names: []string{"a"}}, user, true},
		{Rule{Verbs: []string{"get"}, Groups: []string{"*"}, Resources: []string{"*"}}, user, false},
	} {
		if got := c.rule.grants(c.right); got != c.want {
			t.Errorf("%+v grants %+v: found %v", c.rule, c.right, got)
		}
	}
}
