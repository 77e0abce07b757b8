package engine_test

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/enginetest"
	"github.com/weighlock/weighlock/engine/object"
)

// quietKinds is a project of kinds of which the server need not be asked when nothing changes.
const quietKinds = `
-- .kluctl.yaml --
discriminator: "{{ args.ns }}"
-- deployment.yaml --
deployments: [{path: app}]
-- app/all.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: map, namespace: "{{ args.ns }}", labels: {team: a}, annotations: {note: b}}
data: {a: "1", b: "2"}
---
apiVersion: v1
kind: Secret
metadata: {name: secret, namespace: "{{ args.ns }}"}
stringData: {password: hunter2}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: account, namespace: "{{ args.ns }}"}
---
apiVersion: v1
kind: Service
metadata: {name: service, namespace: "{{ args.ns }}"}
spec: {selector: {app: a}, ports: [{name: http, port: 80}, {name: dns, port: 53, protocol: UDP}, {name: tcp, port: 53}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: role, namespace: "{{ args.ns }}"}
rules: [{apiGroups: [""], resources: [configmaps, secrets], verbs: [get]}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: deployment, namespace: "{{ args.ns }}"}
spec:
  replicas: 0
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}}
    spec:
      hostNetwork: true
      containers:
      - {name: a, image: "a:1", args: [x, y], env: [{name: A, value: "1"}, {name: B, value: "2"}], resources: {limits: {cpu: 1}}}
      - {name: b, image: "b:1", volumeMounts: [{name: v, mountPath: /v}]}
      volumes: [{name: v, emptyDir: {}}]
`

func (s *site) dryRuns(c *enginetest.Cluster, who enginetest.Identity) int {
	s.t.Helper()
	s.counted = true
	defer func() { s.counted = false }()
	audit, n := c.Audit(s.t), 0
	s.diff(diff.Options{})
	for _, e := range audit.Since(s.t).By(who) {
		if e.DryRun && e.Name != "weighlock-is-not-warned" {
			n++
		}
	}
	return n
}

// What is certain is not asked, and would have been answered alike. What may make a difference to the answer makes it
// uncertain: s.diff compares with what the server answers when it is asked about all.
func TestWhatIsNotAskedWouldHaveBeenAnsweredAlike(t *testing.T) {
	t.Parallel()
	for _, k := range []struct {
		name string
		// asked is how many dry runs the six objects need. disturb makes them uncertain.
		asked   int
		disturb func(t *testing.T, c *enginetest.Cluster, s *site, ns string)
	}{
		{"nothing has happened", 0, nil},
		{"others own other fields", 0, func(t *testing.T, c *enginetest.Cluster, _ *site, ns string) {
			c.Kubectl(t, "annotate", "-n", ns, "configmap/map", "deployment/deployment", "other=x")
			c.Kubectl(t, "patch", "-n", ns, "service/service", "--type=json", `-p=[{"op":"add","path":"/spec/ports/0","value":{"name":"first","port":1}}]`)
		}},
		{"others own the same fields, with the same values", 0, func(t *testing.T, c *enginetest.Cluster, _ *site, ns string) {
			c.KubectlInput(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: map, namespace: `+ns+`}, data: {a: "1"}}`, "apply", "--server-side", "--field-manager=other", "-f", "-")
		}},
		{"others have changed fields, and what is left is asked, too", 4,
			func(t *testing.T, c *enginetest.Cluster, _ *site, ns string) {
				c.Kubectl(t, "patch", "-n", ns, "configmap/map", "-p", `{"data":{"a":"9"}}`)
				c.Kubectl(t, "set", "image", "-n", ns, "deployment/deployment", "a=a:2")
			}},
		{"others have turned a list", 1, func(t *testing.T, c *enginetest.Cluster, _ *site, ns string) {
			c.Kubectl(t, "patch", "-n", ns, "service/service", "--type=json", `-p=[{"op":"move","from":"/spec/ports/2","path":"/spec/ports/0"}]`)
		}},
		{"the project has changed", 3, func(_ *testing.T, _ *enginetest.Cluster, s *site, _ string) {
			s.write(`-- app/all.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: map, namespace: "{{ args.ns }}", labels: {team: a}, annotations: {note: b}}
data: {a: "1"}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: account, namespace: "{{ args.ns }}", labels: {more: x}}
---
apiVersion: v1
kind: Service
metadata: {name: service, namespace: "{{ args.ns }}"}
spec: {selector: {app: a}, ports: [{name: dns, port: 53, protocol: UDP}, {name: http, port: 80}, {name: tcp, port: 53}]}
`)
		}},
		{"the server warns of pods", 1, func(t *testing.T, c *enginetest.Cluster, _ *site, ns string) {
			c.Kubectl(t, "label", "namespace", ns, "pod-security.kubernetes.io/warn=restricted")
		}},
		// It refuses pods, and warns of what would make them.
		{"Pod Security refuses pods", 1, func(t *testing.T, c *enginetest.Cluster, _ *site, ns string) {
			c.Kubectl(t, "label", "namespace", ns, "pod-security.kubernetes.io/enforce=baseline")
		}},
		{"Pod Security keeps records of pods", 0, func(t *testing.T, c *enginetest.Cluster, _ *site, ns string) {
			c.Kubectl(t, "label", "namespace", ns, "pod-security.kubernetes.io/audit=restricted")
		}},
		{"a webhook changes new objects", 0, func(t *testing.T, c *enginetest.Cluster, s *site, ns string) {
			mutateWhere(t, c, ns, onCreation(ns, `""`, "configmaps"), func() string { return `[{"op":"add","path":"/data","value":{"injected":"x"}}]` })
			s.awaitNew(`{apiVersion: v1, kind: ConfigMap, metadata: {name: probe, namespace: `+ns+`}}`, func(o object.Object) bool { return o.Text("data", "injected") == "x" })
		}},
		{"the server warns of pods, and a webhook makes new ones harmless", 1, func(t *testing.T, c *enginetest.Cluster, s *site, ns string) {
			mutateWhere(t, c, ns, onCreation(ns, "apps", "deployments"), func() string {
				return `[{"op":"add","path":"/spec/template/spec","value":{"containers":[{"name":"a","image":"a:1"}]}}]`
			})
			s.awaitNew(`{apiVersion: apps/v1, kind: Deployment, metadata: {name: probe, namespace: `+ns+`}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {hostNetwork: true, containers: [{name: a, image: "a:1"}]}}}}`,
				func(o object.Object) bool { return o.Map("spec", "template", "spec")["hostNetwork"] == nil })
			c.Kubectl(t, "label", "namespace", ns, "pod-security.kubernetes.io/warn=baseline")
		}},
		{"the user may not write some kinds", 5, func(t *testing.T, c *enginetest.Cluster, s *site, ns string) {
			all, core := []string{"*"}, []string{""}
			id := c.User(t, "", rbacv1.PolicyRule{APIGroups: all, Resources: all, Verbs: []string{"get", "list"}})
			c.Grant(t, id, ns, rbacv1.PolicyRule{APIGroups: core, Resources: []string{"configmaps"}, Verbs: []string{"patch"}},
				// One name is not all names.
				rbacv1.PolicyRule{APIGroups: core, Resources: []string{"secrets"}, ResourceNames: []string{"secret"}, Verbs: []string{"patch"}})
			s.connect(id.Kubeconfig)
		}},
		{"a policy refuses", 2, func(t *testing.T, c *enginetest.Cluster, s *site, ns string) {
			c.KubectlInput(t, fmt.Sprintf(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: %[1]s}
spec:
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %[1]s}}
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [UPDATE], resources: [configmaps, serviceaccounts]}]
  validations: [{expression: "object.kind != 'ConfigMap'"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: %[1]s}
spec: {policyName: %[1]s, validationActions: [Deny]}
`, ns), "apply", "-f", "-")
			t.Cleanup(func() {
				c.Kubectl(t, "delete", "--wait=false", "--ignore-not-found", "validatingadmissionpolicy/"+ns, "validatingadmissionpolicybinding/"+ns)
			})
			for range 200 { // it is in force a moment later
				if set := s.diff(diff.Options{AskAll: true}); len(set.Failures()) > 0 {
					return
				}
			}
			t.Error("the policy does not come into force")
		}},
	} {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			c := enginetest.Start(t)
			who := c.Identity(t)
			s := newSite(t, who.Kubeconfig, quietKinds)
			ns := c.Namespace(t)
			s.args = map[string]any{"ns": ns}
			s.deployed()
			if k.disturb != nil {
				k.disturb(t, c, s, ns)
			}
			s.diff(diff.Options{})
			if s.kubeconfig != who.Kubeconfig {
				return // another user's requests
			}
			if got := s.dryRuns(c, who); got != k.asked {
				t.Errorf("%d dry runs, want %d", got, k.asked)
			}
		})
	}
}

// onCreation are the rules of a webhook that looks at what is created of a kind in a namespace.
func onCreation(ns, group, resource string) string {
	return `namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ` + ns + `}}, rules: [{apiGroups: [` + group + `], apiVersions: [v1], operations: [CREATE], resources: [` + resource + `]}]`
}

// awaitNew waits until the server's dry run of a new object is as expected: webhooks come into force a moment after they are stored.
func (s *site) awaitNew(manifest string, is func(object.Object) bool) {
	s.t.Helper()
	o := parsed(s.t, manifest)
	for range 200 {
		if answer, err := s.cluster.Previewer().Apply(s.t.Context(), o, false); err == nil && is(answer.Merged) {
			return
		}
	}
	s.t.Fatal("the webhook does not come into force")
}

func parsed(t *testing.T, manifest string) object.Object {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(manifest))
	if err != nil {
		t.Fatal(err)
	}
	o, err := object.FromJSON(data)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// Whatever somebody does to the live objects, the short way says what the long way says.
func TestWhatIsNotAskedIsRightAfterRandomChanges(t *testing.T) {
	t.Parallel()
	c := enginetest.Start(t)
	s := newSite(t, c.Identity(t).Kubeconfig, quietKinds)
	ns := c.Namespace(t)
	s.args = map[string]any{"ns": ns}
	s.deployed()
	patches := []struct{ object, patch string }{
		{"configmap/map", `[{"op":"remove","path":"/data/a"}]`}, {"configmap/map", `[{"op":"add","path":"/data/c","value":"3"}]`},
		{"configmap/map", `[{"op":"replace","path":"/data/b","value":""}]`}, {"configmap/map", `[{"op":"replace","path":"/metadata/labels/team","value":"z"}]`},
		{"secret/secret", `[{"op":"replace","path":"/data/password","value":"eA=="}]`}, {"serviceaccount/account", `[{"op":"add","path":"/imagePullSecrets","value":[{"name":"x"}]}]`},
		{"service/service", `[{"op":"move","from":"/spec/ports/0","path":"/spec/ports/1"}]`}, {"service/service", `[{"op":"replace","path":"/spec/ports/1/targetPort","value":"named"}]`},
		{"service/service", `[{"op":"add","path":"/spec/selector/more","value":"x"}]`}, {"service/service", `[{"op":"add","path":"/spec/externalIPs","value":["192.0.2.1"]}]`},
		{"role/role", `[{"op":"add","path":"/rules/-","value":{"apiGroups":[""],"resources":["pods"],"verbs":["get"]}}]`},
		{"role/role", `[{"op":"replace","path":"/rules/0/resources","value":["secrets","configmaps"]}]`},
		{"deployment/deployment", `[{"op":"move","from":"/spec/template/spec/containers/0","path":"/spec/template/spec/containers/1"}]`},
		{"deployment/deployment", `[{"op":"add","path":"/spec/template/spec/containers/0/env/0","value":{"name":"Z","value":"0"}}]`},
		{"deployment/deployment", `[{"op":"replace","path":"/spec/template/spec/containers/0/args","value":["y","x"]}]`},
		{"deployment/deployment", `[{"op":"replace","path":"/spec/replicas","value":1}]`}, {"deployment/deployment", `[{"op":"replace","path":"/spec/replicas","value":0}]`},
		{"deployment/deployment", `[{"op":"add","path":"/spec/template/spec/volumes/-","value":{"name":"w","emptyDir":{}}}]`},
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 12 {
		for range 1 + random.IntN(4) {
			p := patches[random.IntN(len(patches))]
			// One that does not fit any more after the others changes nothing.
			_ = exec.CommandContext(t.Context(), c.KubectlPath(), "--kubeconfig", c.Kubeconfig(), "patch", "-n", ns, p.object, "--type=json", "-p", p.patch).Run()
		}
		s.diff(diff.Options{})
		if random.IntN(3) == 0 {
			s.deployed()
		}
	}
}
