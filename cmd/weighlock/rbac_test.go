package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/weighlock/weighlock/engine/enginetest"
)

// inside runs the program in this process, with nothing in its environment.
func inside(t *testing.T, args ...string) (code int, said string) {
	t.Helper()
	var out strings.Builder
	none := func(string) (string, bool) { return "", false }
	p := process{args: args, getenv: func(string) string { return "" }, lookupenv: none, stdout: &out, stderr: &out, stdin: strings.NewReader("")}
	code = run(t.Context(), p)
	return code, out.String()
}

// The rights that are suggested are enough for a deploy, and each of them is needed: without one, the deploy or the doctor says
// what is missing.
func TestSuggestedRightsAreEnoughAndAllAreNeeded(t *testing.T) {
	t.Parallel()
	cluster := enginetest.Start(t)
	ns := cluster.Namespace(t)
	dir := t.TempDir()
	for name, text := range map[string]string{
		".kluctl.yaml":     "discriminator: \"" + ns + "\"\nargs: [{name: v, default: 0}]\n",
		"deployment.yaml":  "deployments: [{path: app}]\n",
		"app/map.yaml":     "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: " + ns + "}\ndata: {v: \"{{ args.v }}\"}\n",
		"app/web.yaml":     "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a, namespace: " + ns + "}\nspec:\n  selector: {matchLabels: {a: b}}\n  template:\n    metadata: {labels: {a: b}, annotations: {v: \"{{ args.v }}\"}}\n    spec: {containers: [{name: a, image: a}]}\n",
		"app/role.yaml":    "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: a, namespace: " + ns + ", annotations: {v: \"{{ args.v }}\"}}\nrules: [{apiGroups: [\"\"], resources: [pods], resourceNames: [\"{{ args.v }}\"], verbs: [get]}]\n",
		"app/binding.yaml": "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: a, namespace: " + ns + ", annotations: {v: \"{{ args.v }}\"}}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: a}\nsubjects: [{kind: User, name: \"{{ args.v }}\", apiGroup: rbac.authorization.k8s.io}]\n",
	} {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	project := []string{"--project-dir", dir, "--kubeconfig"}
	code, manifests := inside(t, append([]string{"rbac", "suggest", "--account-namespace", ns, "--account", "least", "--records-namespace", ns}, append(project, cluster.Kubeconfig())...)...)
	if code != 0 {
		t.Fatal(manifests)
	}
	cluster.KubectlInput(t, manifests, "apply", "-f", "-")
	token := strings.TrimSpace(cluster.Kubectl(t, "create", "token", "-n", ns, "least"))
	kubeconfig := kubeconfigWith(t, cluster.Kubeconfig(), func(config map[string]any) {
		for _, u := range config["users"].([]any) {
			u.(map[string]any)["user"] = map[string]any{"token": token}
		}
	})
	v := 0
	// healthy says whether the account can deploy, and whether the doctor says so.
	healthy := func() (bool, string) {
		v++
		last := []string{kubeconfig, "--records-namespace", ns, "-a", fmt.Sprint("v=", v)}
		said := ""
		for _, command := range [][]string{{"diff"}, {"deploy", "-y"}} {
			code, out := inside(t, append(append(command, project...), last...)...)
			if said += out; code != 0 {
				return false, said
			}
		}
		code, out := inside(t, "doctor", "--kubeconfig", kubeconfig, "--records-namespace", ns)
		return code == 0, said + out
	}
	eventually := func(want bool, about string) string {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; { // rights take a moment until they hold
			got, said := healthy()
			if got == want {
				return said
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: found %v\n%s", about, got, said)
			}
		}
	}
	eventually(true, "with all rights")
	dec := yaml.NewDecoder(strings.NewReader(manifests))
	tried := 0
	for {
		var role map[string]any
		if err := dec.Decode(&role); err != nil {
			break
		}
		rules, _ := role["rules"].([]any)
		for n := range rules {
			less := map[string]any{}
			for k, v := range role {
				less[k] = v
			}
			less["rules"] = append(append([]any{}, rules[:n]...), rules[n+1:]...)
			apply := func(o map[string]any) {
				text, err := yaml.Marshal(o)
				if err != nil {
					t.Fatal(err)
				}
				cluster.KubectlInput(t, string(text), "apply", "-f", "-")
			}
			apply(less)
			said := eventually(false, fmt.Sprintf("without %v", rules[n]))
			if !strings.Contains(said, "forbidden") && !strings.Contains(said, "lacks rights") && !strings.Contains(said, "attempting to grant") {
				t.Errorf("without %v it is not said what is missing:\n%s", rules[n], said)
			}
			apply(role)
			eventually(true, fmt.Sprintf("with %v again", rules[n]))
			tried++
		}
	}
	if tried < 5 {
		t.Errorf("only %d rules were tried", tried)
	}
}
