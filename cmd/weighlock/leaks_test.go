package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/engine/enginetest"
)

// leaky is a change that has the server quote Secrets: where it finds them not valid, in the words of policies that deny and
// that warn, in conflicts, and in what else is live.
var leaky = map[string]string{
	"deploy/app/map.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: "map-{{ target.name }}", namespace: NAMESPACE, annotations: {copied: "no more"}}
data: {color: blue, url: "https://u:vAlue/of+secret@db/"}
`,
	"deploy/app/secret.yaml": `apiVersion: v1
kind: Secret
metadata: {name: "secret-{{ target.name }}", namespace: NAMESPACE}
stringData: {token: vAlue/of+secret, other: "{\"password\": \"wOrd \\\"in\\\" JSON\"}", number: "81549300"}
data: {file: Ynl0ZXMAb2ZTZWNyZXQ=}
`,
	"deploy/app/denied.yaml": `apiVersion: v1
kind: Secret
metadata: {name: "denied-{{ target.name }}", namespace: NAMESPACE}
stringData: {token: vAlue/that=denied}
`,
	"deploy/app/type.yaml": `apiVersion: v1
kind: Secret
metadata: {name: "type-{{ target.name }}", namespace: NAMESPACE, labels: {l: "vAlue/of+secret"}}
type: kubernetes.io/tls
stringData: {tls.crt: vAlue-of-certificate}
`,
	"deploy/app/service.yaml": `apiVersion: v1
kind: Service
metadata: {name: "service-{{ target.name }}", namespace: NAMESPACE}
spec: {clusterIP: "vAlue/of+secret", externalName: "vAlue-of-certificate", ports: [{port: 81549300, name: "wOrd \"in\" JSON"}]}
`,
	"deploy/app/base64.yaml": `apiVersion: v1
kind: Secret
metadata: {name: "base64-{{ target.name }}", namespace: NAMESPACE}
data: {token: "vAlue*no*base64"}
`,
}

// leakySecrets are the values that the change and the cluster hold, before and after.
var leakySecrets = []string{
	"vAlue/of+secret", `wOrd "in" JSON`, "81549300", "bytes\x00ofSecret", "vAlue/that=denied", "vAlue-of-certificate", "vAlue*no*base64",
	"first-token", "vAlue:by&hand", "vAlue-of-kubectl",
}

// policies quote the Secrets of a namespace.
const policies = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: NAMESPACE-deny}
spec: {matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [secrets]}]}, validations: [{expression: "!object.metadata.name.startsWith('denied')", messageExpression: "'the token must not be ' + string(object.data.token)"}]}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: NAMESPACE-deny}
spec: {policyName: NAMESPACE-deny, validationActions: [Deny], matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NAMESPACE}}}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: NAMESPACE-warn}
spec: {matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps]}]}, validations: [{expression: "!has(object.data.url)", messageExpression: "'such an address is unwise: ' + object.data.url"}]}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: NAMESPACE-warn}
spec: {policyName: NAMESPACE-warn, validationActions: [Warn], matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NAMESPACE}}}}
`

// shows expects no secret in a text, in any form.
func shows(t *testing.T, what, text string) {
	t.Helper()
	for _, secret := range leakySecrets {
		for form, part := range enginetest.FormsOf(secret) {
			if at := strings.Index(text, part); at >= 0 {
				t.Errorf("%s: %q is shown %s: …%s…", what, secret, form, text[max(0, at-200):min(len(text), at+100)])
			}
		}
	}
}

// Whatever the server quotes, no Secret is in an output, an error, a debug log, or anything that is sent to the forge.
func TestNoSecretThatTheServerQuotesIsShown(t *testing.T) {
	t.Parallel()
	c := converse(t)
	c.runner.Env = append(c.runner.Env, "WEIGHLOCK_DEBUG=true", "RUNNER_DEBUG=1", "ACTIONS_STEP_DEBUG=true")
	// What was there before: as our last deploy left it, as kubectl did, and as others changed it.
	c.pushMain("", c.base, 0)
	c.cluster.KubectlInput(t, `{apiVersion: v1, kind: Secret, metadata: {name: base64-staging, namespace: `+c.namespace+`}, stringData: {token: vAlue-of-kubectl}}`, "apply", "-f", "-")
	c.cluster.KubectlInput(t, `{apiVersion: v1, kind: Secret, metadata: {name: secret-staging, namespace: `+c.namespace+`}, data: {token: `+base64.StdEncoding.EncodeToString([]byte("vAlue:by&hand"))+`}}`,
		"apply", "--server-side", "--field-manager=operator", "--force-conflicts", "-f", "-")
	c.cluster.Kubectl(t, "annotate", "configmap", "map-staging", "-n", c.namespace, "copied=vAlue/of+secret")
	c.cluster.KubectlInput(t, strings.ReplaceAll(policies, "NAMESPACE", c.namespace), "apply", "-f", "-")
	t.Cleanup(func() {
		c.cluster.Kubectl(t, "delete", "validatingadmissionpolicy,validatingadmissionpolicybinding", c.namespace+"-deny", c.namespace+"-warn", "--wait=false")
	})

	head := c.branch(leaky)
	kubeconfig, env := c.cluster.Identity(t).Kubeconfig, map[string]string{"HOME": t.TempDir()}
	program := func(args ...string) string {
		t.Helper()
		var out bytes.Buffer
		run(context.WithoutCancel(t.Context()), process{
			args:   append(args, "--debug", "--kubeconfig", kubeconfig, "--project-dir", filepath.Join(c.git.Work, "deploy"), "-t", "staging"),
			getenv: func(name string) string { return env[name] }, lookupenv: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
			stdin: strings.NewReader("y\n"), stdout: &out, stderr: &out,
		})
		shows(t, strings.Join(args, " "), out.String())
		return out.String()
	}
	var text string
	for range 200 { // policies come into force a moment after they are stored
		if text = program("diff"); strings.Contains(text, "the token must not be") && strings.Contains(text, "such an address is unwise") {
			break
		}
	}
	for _, want := range []string{"the token must not be", "such an address is unwise: https://u:", "not updating data.token", "base64-staging", "metadata.labels", "spec.clusterIP", "level=DEBUG"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not quoted, so the test proves nothing:\n%s", want, text)
		}
	}
	for _, args := range [][]string{
		{"diff", "-o", "json"}, {"diff", "-o", "yaml"}, {"diff", "-o", "markdown"}, {"diff", "--force-replace-on-error", "--prune"}, {"diff", "--from", "main"},
		{"deploy"}, {"deploy", "--yes", "--force-apply", "-o", "json"},
	} {
		program(args...)
	}
	if got := c.cluster.Kubectl(t, "get", "secret", "secret-staging", "-n", c.namespace, "-o", "jsonpath={.data.token}"); got != base64.StdEncoding.EncodeToString([]byte("vAlue/of+secret")) {
		t.Errorf("the secret is not as the project has it: %s", got)
	}

	// The same through the bot: preview, command, merge. (A file that it is shown in a diff of its own is not ours to hide.)
	c.number = c.github.OpenPullRequest(c.pullRequest(head))
	c.shown = func(text string) { shows(t, "a job", text) }
	c.preview(forge.Opened, head, 1)
	c.say(writer, "/diff staging", 1)
	c.say(writer, "/deploy staging", 1)
	c.github.Merge(testRepo, c.number, head, writer)
	if _, err := c.git.Run(t.Context(), "push", "--quiet", "--force", "origin", head+":refs/heads/main"); err != nil {
		t.Fatal(err)
	}
	job := c.pushMain(c.base, head, 1)
	if !strings.Contains(job.Output, "level=DEBUG") {
		t.Errorf("the job does not run at debug level:\n%s", job.Output)
	}
	sent := ""
	for _, e := range c.github.Exchanges() {
		if e.Method != "GET" {
			sent += e.RequestBody
		}
	}
	shows(t, "what was sent to the forge", sent)
	if !strings.Contains(sent, "the token must not be") || !strings.Contains(sent, "such an address is unwise") {
		t.Errorf("nothing is quoted to the forge, so the test proves nothing:\n%s", sent)
	}
}

// The client libraries of clusters log what goes wrong, with what they like of it. None of that is printed.
func TestLibrariesPrintNothing(t *testing.T) {
	t.Parallel()
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "1000")
		io.WriteString(w, `{"message": "half an ans`)
	}))
	t.Cleanup(broken.Close)
	dir := t.TempDir()
	for name, text := range map[string]string{
		"kubeconfig":      `{apiVersion: v1, kind: Config, current-context: c, clusters: [{name: c, cluster: {server: "` + broken.URL + `"}}], users: [{name: u, user: {}}], contexts: [{name: c, context: {cluster: c, user: u}}]}`,
		".kluctl.yaml":    "discriminator: x\n",
		"deployment.yaml": "deployments: []\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "diff", "--project-dir", dir, "--kubeconfig", filepath.Join(dir, "kubeconfig"))
	cmd.Env = []string{asProgram + "=1", "HOME=" + dir}
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "unexpected EOF") {
		t.Fatalf("the request does not fail as it should: %v\n%s", err, out)
	}
	if strings.Contains(string(out), ".go:") {
		t.Errorf("a library writes for itself:\n%s", out)
	}
}
