package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/weighlock/weighlock/engine/doctor"
	"github.com/weighlock/weighlock/engine/enginetest"
)

// diagnosis is what weighlock doctor finds, by check.
func diagnosis(t *testing.T, args ...string) map[string]doctor.Finding {
	t.Helper()
	_, said := inside(t, append([]string{"doctor", "-o", "json"}, args...)...)
	var all []doctor.Finding
	if err := json.NewDecoder(strings.NewReader(said)).Decode(&all); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	out := map[string]doctor.Finding{}
	for _, f := range all {
		out[f.Check] = f
	}
	return out
}

// What deploy/ sets up is proven, and each way in which it would let a write pass is found, also where what the doctor can try is refused all
// the same; nothing is written by looking.
func TestDoctorProvesThatPreviewsCannotWrite(t *testing.T) {
	t.Parallel()
	cluster := enginetest.Start(t)
	ns := cluster.Namespace(t)
	admin := cluster.Kubeconfig()
	if code, said := inside(t, "deploy", "-y", "--project-dir", "../../deploy", "--kubeconfig", admin, "-a", "namespace="+ns, "-a", "name=w", "--records-namespace", ns); code != 0 {
		t.Fatal(said)
	}
	name := ns + "-w-preview"
	t.Cleanup(func() {
		for _, kind := range []string{"validatingadmissionpolicy", "validatingadmissionpolicybinding"} {
			cluster.Kubectl(t, "delete", kind, name, "--ignore-not-found", "--wait=false")
		}
	})
	token := strings.TrimSpace(cluster.Kubectl(t, "create", "token", "-n", ns, "w-preview"))
	preview := kubeconfigWith(t, admin, func(config map[string]any) {
		for _, u := range config["users"].([]any) {
			u.(map[string]any)["user"] = map[string]any{"token": token}
		}
	})
	look := func() map[string]doctor.Finding {
		return diagnosis(t, "--kubeconfig", admin, "--preview-kubeconfig", preview, "--records-namespace", ns)
	}
	// eventually looks until a check is as it should be: what is changed takes a moment until it holds.
	eventually := func(about, check string, want doctor.Status, says string) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; {
			f, others := look(), 0
			for other, g := range f {
				if g.Status != doctor.OK && other != check && other != "reads" { // other tests define kinds
					others++
				}
			}
			if f[check].Status == want && strings.Contains(f[check].Detail, says) && (want != doctor.OK || others == 0) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: %s is not %s (%s): found %+v", about, check, want, says, f)
			}
		}
	}
	version := func() string {
		return cluster.Kubectl(t, "get", "serviceaccount", "-n", "default", "default", "-o", "jsonpath={.metadata.resourceVersion}")
	}
	before, audit := version(), cluster.Audit(t)
	eventually("as deploy/ has it", "policy", doctor.OK, "policy "+name)
	f := look()
	if len(f) != 14 {
		t.Errorf("found %d checks: %+v", len(f), f)
	}
	if reads := f["reads"]; reads.Status != doctor.OK {
		_, kinds, _ := strings.Cut(reads.Detail, "says: ")
		for kind := range strings.SplitSeq(kinds, ", ") {
			if !strings.Contains(kind, ".") || strings.HasSuffix(kind, ".k8s.io") {
				t.Errorf("%q of Kubernetes itself is out of sight: %+v", kind, reads)
			}
		}
	}

	patch := func(kind, name, spec string) func() {
		return func() { cluster.Kubectl(t, "patch", kind, name, "--type=merge", "-p", `{"spec":`+spec+`}`) }
	}
	role := func(rule string) (do, undo func()) {
		manifest := "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: more, namespace: " + ns + "}, rules: [" + rule + "]}\n---\n" +
			"{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: more, namespace: " + ns + "}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: more}, subjects: [{kind: ServiceAccount, name: w-preview, namespace: " + ns + "}]}\n"
		return func() { cluster.KubectlInput(t, manifest, "apply", "-f", "-") }, func() { cluster.KubectlInput(t, manifest, "delete", "-f", "-") }
	}
	const policy, binding = "validatingadmissionpolicy", "validatingadmissionpolicybinding"
	rules := func(operations string) string {
		return `{"matchConstraints":{"resourceRules":[{"apiGroups":["*"],"apiVersions":["*"],"operations":[` + operations + `],"resources":["*/*"]}]}}`
	}
	actAs, actAsNot := role("{apiGroups: [''], resources: [serviceaccounts], resourceNames: [deployer], verbs: [impersonate]}")
	token1, tokenNot := role("{apiGroups: [''], resources: [serviceaccounts/token], resourceNames: [default], verbs: [create]}")
	for _, c := range []struct {
		about       string
		do, undo    func()
		check, says string
	}{
		{
			"bound for some namespaces", patch(binding, name, `{"matchResources":{"namespaceSelector":{"matchExpressions":[{"key":"kubernetes.io/metadata.name","operator":"NotIn","values":["`+ns+`"]}]}}}`),
			patch(binding, name, `{"matchResources":null}`), "policy", "the binding is for some namespaces alone",
		},
		{"ignores failures", patch(policy, name, `{"failurePolicy":"Ignore"}`), patch(policy, name, `{"failurePolicy":"Fail"}`), "policy", "failurePolicy: Ignore"},
		{"without deletions", patch(policy, name, rules(`"CREATE","UPDATE","CONNECT"`)), patch(policy, name, rules(`"*"`)), "policy", "for delete"},
		{"without changes", patch(policy, name, rules(`"CREATE","DELETE","CONNECT"`)), patch(policy, name, rules(`"*"`)), "writes", "default/ServiceAccount/default would have been written"},
		{"only warns", patch(binding, name, `{"validationActions":["Warn"]}`), patch(binding, name, `{"validationActions":["Deny"]}`), "writes", "Namespace/kube-system would have been written"},
		{"may act as one account", actAs, actAsNot, "other identities", "serviceaccounts: impersonate (deployer), in namespace " + ns},
		{"may have the token of one account", token1, tokenNot, "other identities", "serviceaccounts/token: create (default), in namespace " + ns},
	} {
		c.do()
		eventually(c.about, c.check, doctor.Failed, c.says)
		c.undo()
	}
	eventually("as it was", "policy", doctor.OK, "policy "+name)
	if after := version(); after != before {
		t.Errorf("what was asked to be changed is at %s, and was at %s", after, before)
	}
	for _, e := range audit.Since(t).By(enginetest.Identity{User: "system:serviceaccount:" + ns + ":w-preview"}) {
		if e.Writes() && e.Code < 300 && e.Verb != "patch" { // the change that changes nothing
			t.Errorf("the doctor has written: %v", e)
		}
	}
}
