package engine_test

import (
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/enginetest"
	"github.com/weighlock/weighlock/engine/report"
)

const newNamespace = `
-- .kluctl.yaml --
discriminator: "{{ args.ns }}"
-- deployment.yaml --
deployments: [{path: app}]
-- app/0.yaml --
apiVersion: v1
kind: Namespace
metadata: {name: "{{ args.ns }}-new"}
-- app/1.yaml --
apiVersion: v1
kind: Pod
metadata: {name: plain, namespace: "{{ args.ns }}-new"}
spec: {containers: [{name: a, image: "a:1"}]}
-- app/2.yaml --
apiVersion: v1
kind: Pod
metadata: {name: wrong, namespace: "{{ args.ns }}-new"}
spec: {containers: [{name: a, image: "a:1", portz: []}]}
-- app/3.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: map, namespace: "{{ args.ns }}-new"}
-- app/4.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: "{{ args.ns }}-new"}
spec: {selector: {matchLabels: {app: x}}, template: {metadata: {labels: {app: x}}, spec: {containers: [{name: a, image: "a:1"}]}}}
`

// A namespace that stands in for a new one may have policies, objects and rights of its own: what it refuses for these is
// judged by the server's schema and told, and no error of the new namespace (C2).
func TestWhatTheStandInRefusesIsJudgedByTheSchema(t *testing.T) {
	t.Parallel()
	c := enginetest.Start(t)
	ns := c.Namespace(t)
	s := newSite(t, c.Identity(t).Kubeconfig, newNamespace)
	s.args = map[string]any{"ns": ns}
	stand := ns + "-stand"
	c.KubectlInput(t, `
{apiVersion: v1, kind: Namespace, metadata: {name: `+stand+`, labels: {pod-security.kubernetes.io/enforce: restricted}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: `+stand+`}
spec: {replicas: 0, selector: {matchLabels: {app: other}}, template: {metadata: {labels: {app: other}}, spec: {containers: [{name: a, image: "a:1"}]}}}
`, "apply", "-f", "-")
	t.Cleanup(func() { c.Kubectl(t, "delete", "namespace", stand, "--wait=false") })

	set := s.diff(diff.Options{StandIn: stand})
	expect(t, ops(set), []string{"create Namespace/" + ns + "-new", "create Pod/plain", "failed Pod/wrong", "create ConfigMap/map", "create Deployment/web"})
	text := report.Text(set, nil)
	contains(t, text, "only checked against the server's schema: namespace "+stand+", where it was tried, does not admit it, and the new one may not either", "violates PodSecurity")
	contains(t, find(t, set, "wrong").Err.Error(), ns+"-new/Pod/wrong", "portz")
	if strings.Contains(text, "weighlock-preview") {
		t.Errorf("the stand-in's name is shown:\n%s", text)
	}

	// Who has no rights in the stand-in.
	who := c.User(t, ns, rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"get", "list", "patch"}})
	c.KubectlInput(t, `
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: `+ns+`-namespaces}, rules: [{apiGroups: [""], resources: [namespaces], verbs: [get, list, patch, create]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: `+ns+`-namespaces}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: `+ns+`-namespaces}, subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: `+who.User+`}]}
`, "apply", "-f", "-")
	t.Cleanup(func() { c.Kubectl(t, "delete", "clusterrole,clusterrolebinding", ns+"-namespaces", "--wait=false") })
	s.connect(who.Kubeconfig)
	set = s.diff(diff.Options{StandIn: stand})
	expect(t, ops(set), []string{"create Namespace/" + ns + "-new", "create Pod/plain", "failed Pod/wrong", "create ConfigMap/map", "create Deployment/web"})
	contains(t, report.Text(set, nil), "only checked against the server's schema: it cannot be tried elsewhere")
}

// That a namespace is being deleted is said once, with what it waits for (I3).
func TestANamespaceThatIsBeingDeletedIsToldOnceWithWhatItWaitsFor(t *testing.T) {
	t.Parallel()
	c, s, ns := plainSite(t)
	c.KubectlInput(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: holds, namespace: `+ns+`, finalizers: [example.com/wait]}}`, "create", "-f", "-")
	c.Kubectl(t, "delete", "namespace", ns, "--wait=false")
	t.Cleanup(func() {
		c.Kubectl(t, "patch", "configmap", "holds", "-n", ns, "--type=merge", "-p", `{"metadata":{"finalizers":null}}`)
	})
	var text string
	for range 500 { // the controller tells what is left a moment later
		if text = report.Text(s.diff(diff.Options{}), nil); strings.Contains(text, "example.com/wait") {
			break
		}
	}
	contains(t, text, "namespace "+ns+" is being deleted since 2", "nothing can be created in it", "example.com/wait", "2 objects: ")
	if n := strings.Count(text, "is being deleted"); n != 1 {
		t.Errorf("said %d times:\n%s", n, text)
	}
	s.write("-- app/0.yaml --\napiVersion: v1\nkind: Namespace\nmetadata: {name: \"{{ args.ns }}\"}\n")
	contains(t, find(t, s.diff(diff.Options{}), ns).Err.Error(), "is being deleted since 2", "example.com/wait")
}
