package doctor

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/engine/object"
)

// sound is a cluster in which all is as it should be, but for what a test says.
type sound struct {
	user               string
	policies, bindings []object.Object
	rules              []Rule
	incomplete         bool
	aggregated         []string
	touched            error
	unreadable         string // a group
	lacks              object.Ref
}

var refusal = &RefusedError{Policy: true, Err: errors.New("no")}

func (s *sound) Version(context.Context) (string, error)      { return "v1", nil }
func (s *sound) UID(context.Context) (string, error)          { return "u", nil }
func (s *sound) User(context.Context) (string, error)         { return s.user, nil }
func (s *sound) Connect(context.Context) error                { return refusal }
func (s *sound) Touch(context.Context, object.Ref) error      { return s.touched }
func (s *sound) Namespaces(context.Context) ([]string, error) { return []string{"a", "b"}, nil }
func (s *sound) Aggregated(context.Context) ([]string, error) { return s.aggregated, nil }
func (s *sound) Allowed(_ context.Context, r Right) (bool, error) {
	if r.Verb == "get" || r.Verb == "list" {
		return s.unreadable == "" && r.Subresource == "" || r.Resource != "*" && r.Group != s.unreadable && r.Subresource == "", nil
	}
	return s.user == "deployer" || r.Group == "*", nil
}
func (s *sound) Kept(context.Context) ([]Right, error) {
	return []Right{{Resource: "pods"}, {Resource: "secrets"}, {Group: "shop.example", Resource: "tills"}}, nil
}
func (s *sound) Has(_ context.Context, r object.Ref) (bool, error) { return r != s.lacks, nil }
func (s *sound) Create(_ context.Context, _ object.Object, how Way) error {
	if how == DryRun {
		return nil
	}
	return refusal
}
func (s *sound) Policies(context.Context) (policies, bindings []object.Object, err error) {
	return s.policies, s.bindings, nil
}
func (s *sound) Rules(context.Context, string) ([]Rule, bool, error) {
	return s.rules, !s.incomplete, nil
}

// Nothing is said to be so that was not shown.
func TestWhatIsNotShownIsNotSaidToBeSo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		about  string
		spoil  func(t *testing.T, previews, deploys *sound)
		check  string
		status Status
		says   string
	}{
		{"all is well", func(*testing.T, *sound, *sound) {}, "policy", OK, "policy p, bound by b"},
		{"the policy is for somebody else", func(_ *testing.T, p, _ *sound) { p.user = "another" }, "policy", Warning, "what it refuses elsewhere is not known"},
		{"one of two policies does", func(t *testing.T, p, _ *sound) {
			p.policies = append([]object.Object{policy(t, "failurePolicy: Ignore")}, p.policies...)
		}, "policy", OK, "bound by b"},
		{"a policy that cannot be judged", func(t *testing.T, p, _ *sound) {
			p.policies = []object.Object{policy(t, "validations: [{expression: object.x == 1}]")}
		}, "policy", Warning, "object.x == 1"},
		{"changes pass", func(_ *testing.T, p, _ *sound) { p.touched = nil }, "writes", Failed, "default/ServiceAccount/default would have been written"},
		{"an object is not there, and would be made", func(_ *testing.T, _, d *sound) {
			d.lacks = object.Ref{Version: "v1", Kind: "ServiceAccount", Namespace: "kube-system", Name: "default"}
		}, "writes", Failed, "cannot be tried on kube-system/ServiceAccount/default"},
		{"the server does not know all rights", func(_ *testing.T, p, _ *sound) { p.incomplete = true }, "rights", Warning, "may be missed"},
		{"another server takes writes", func(_ *testing.T, p, _ *sound) {
			p.aggregated, p.rules = []string{"metrics.k8s.io", "shop.example"}, []Rule{{Verbs: []string{"patch"}, Groups: []string{"shop.example"}, Resources: []string{"*"}}}
		}, "other servers", Failed, "shop.example"},
		{"a right over one policy", func(_ *testing.T, p, _ *sound) {
			p.rules = []Rule{{Verbs: []string{"delete"}, Groups: []string{"admissionregistration.k8s.io"}, Resources: []string{"validatingadmissionpolicybindings"}, Names: []string{"b"}}}
		}, "configuration", Failed, "validatingadmissionpolicybindings.admissionregistration.k8s.io: delete (b)"},
		{"a right to act in part as another", func(_ *testing.T, p, _ *sound) {
			p.rules = []Rule{{Verbs: []string{"impersonate:user-info"}, Groups: []string{"authentication.k8s.io"}, Resources: []string{"users"}}}
		}, "other identities", Failed, "users.authentication.k8s.io: impersonate:user-info"},
		{"all kinds are readable at once", func(*testing.T, *sound, *sound) {}, "reads", OK, "all kinds may be read"},
		{"all kinds that there are", func(_ *testing.T, p, _ *sound) { p.unreadable = "another.example" }, "reads", OK, "all 3 kinds that the cluster has"},
		{"some kinds are out of sight", func(_ *testing.T, p, _ *sound) { p.unreadable = "shop.example" }, "reads", Warning, "each preview says: tills.shop.example"},
		{"kubelets let it in", func(_ *testing.T, p, _ *sound) {
			p.rules = []Rule{{Verbs: []string{"get"}, Groups: []string{""}, Resources: []string{"nodes/*", "nodes/proxy"}}}
		}, "kubelets", Warning, "nodes/proxy"},
	} {
		t.Run(c.about, func(t *testing.T) {
			t.Parallel()
			p := &sound{user: "previewer", policies: []object.Object{policy(t, "")}, bindings: []object.Object{binding(t, "")}, touched: refusal}
			d := &sound{user: "deployer"}
			c.spoil(t, p, d)
			found := false
			for _, f := range Examine(t.Context(), Examination{Deploys: d, Previews: p, Records: "r"}) {
				if f.Check == c.check {
					found = true
					if f.Status != c.status || !strings.Contains(f.Detail, c.says) {
						t.Errorf("found %+v", f)
					}
				}
			}
			if !found {
				t.Errorf("%s was not looked at", c.check)
			}
		})
	}
}
