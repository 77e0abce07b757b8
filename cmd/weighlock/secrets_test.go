package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/weighlock/weighlock/engine/enginetest"
)

// fromStores is a project whose variables come from every store, and go everywhere.
const fromStores = `
-- p/.kluctl.yaml --
discriminator: "{{ args.ns }}"
args: [{name: ns}, {name: sources}, {name: broken, default: ""}]
-- p/deployment.yaml --
vars:
- vault: {address: "{{ args.sources }}", path: secret/data/shop}
- awsSecretsManager: {secretName: shop, region: eu-west-1}
- http: {url: "{{ args.sources }}/locked/doc.yaml"}
- clusterSecret: {name: stored, namespace: "{{ args.ns }}", key: doc}
- systemEnvVars: {env: SECRET_OF_ENV}
{% if args.broken == 'vault' %}- vault: {address: "{{ args.sources }}", path: secret/data/broken}
{% elif args.broken == 'aws' %}- awsSecretsManager: {secretName: broken, region: eu-west-1}
{% elif args.broken == 'url' %}- http: {url: "{{ '{{ args.sources }}/none/{{ vault }}' }}"}
{% endif %}deployments: [{path: app}]
-- p/app/a.yaml --
{% for name, value in {'vault': vault, 'aws': aws, 'http': http, 'cluster': cluster, 'env': env}.items() %}---
apiVersion: v1
kind: ConfigMap
metadata: {name: "from-{{ name }}", namespace: "{{ args.ns }}", annotations: {example.com/it: {{ value | to_json }}}}
data:
  it: {{ value | to_json }}
  basic: {{ ('user:' + value) | b64encode }}
  longer: {{ ('users:' + value) | b64encode }}
  longest: {{ ('my-users:' + value) | b64encode }}
  url: {{ ('https://u:' + (value | urlencode) + '@h/') | to_json }}
  json: {{ {'password': value} | to_json | to_json }}
{% endfor %}
{% if args.broken == 'template' %}{{ raise('cannot use ' + vault + aws + http + cluster + env) }}{% endif %}
{% if args.broken == 'type' %}{{ vault + 1 }}{% endif %}
{% if args.broken == 'lookup' %}{{ {'a': 1}[vault] }}{% endif %}
{% if args.broken == 'yaml' %}{{ vault }}: [{{ aws }}{% endif %}
{% if args.broken == 'server' %}---
apiVersion: v1
kind: Service
metadata: {name: e, namespace: "{{ args.ns }}", labels: {bad: {{ (vault + '!') | to_json }}}}
spec: {clusterIP: {{ aws | to_json }}, ports: [{port: 80, name: {{ http | to_json }}}]}
{% endif %}
-- www/v1/secret/data/shop --
{"data": {"data": {"vault": "vault/s3cret+\"x\"&é"}, "metadata": {}}}
-- www/v1/secret/data/broken --
{"data": {"data": {"more": "vault-s3cret-broken {{ "}, "metadata": {}}}
-- www/aws/shop --
aws: aws%s3cret=x
-- www/aws/broken --
aws: [aws-s3cret-broken
-- www/locked/doc.yaml --
http: "http s3cret\twith a tab"
`

func TestSecretsOfStoresAreInNoOutputNoErrorAndNoDebugLog(t *testing.T) {
	t.Parallel()
	cluster := enginetest.Start(t)
	ns, dir := cluster.Namespace(t), t.TempDir()
	for _, f := range txtar.Parse([]byte(fromStores)).Files {
		name := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	secrets := []string{"vault/s3cret+\"x\"&é", "vault-s3cret-broken", "aws%s3cret=x", "aws-s3cret-broken", "http s3cret\twith a tab", "cluster:s3cret,x", "env s3cret#x",
		"t0ken-of-vault", "password-of-web", "key-of-aws"}
	cluster.KubectlInput(t, fmt.Sprintf(`{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "stored", "namespace": %q}, "stringData": {"doc": "cluster: 'cluster:s3cret,x'"}}`, ns), "apply", "-f", "-")
	sources := serveSources(t, filepath.Join(dir, "www"))
	host := strings.TrimPrefix(sources, "http://")
	env := map[string]string{
		"HOME": dir, "KUBECONFIG": cluster.Identity(t).Kubeconfig, "SECRET_OF_ENV": "env s3cret#x", "VAULT_TOKEN": "t0ken-of-vault",
		"AWS_ENDPOINT_URL": sources, "AWS_ACCESS_KEY_ID": "KEY", "AWS_SECRET_ACCESS_KEY": "key-of-aws",
		"WEIGHLOCK_HTTP_HOST": host, "WEIGHLOCK_HTTP_USERNAME": "app", "WEIGHLOCK_HTTP_PASSWORD": "s3cret",
	}
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	program := func(want int, args ...string) string {
		t.Helper()
		var out bytes.Buffer
		args = append(args, "--debug", "--project-dir", filepath.Join(dir, "p"))
		if args[0] != "list-targets" {
			args = append(args, "-a", "ns="+ns, "-a", "sources="+sources)
		}
		code := run(context.WithoutCancel(t.Context()), process{
			args: args, getenv: func(name string) string { return env[name] }, lookupenv: lookup, stdin: strings.NewReader("y\n"), stdout: &out, stderr: &out,
		})
		if code != want {
			t.Errorf("%v: exit code %d, want %d:\n%s", args, code, want, out.String())
		}
		shown := out.String()
		for _, secret := range secrets {
			for form, text := range enginetest.FormsOf(secret) {
				if at := strings.Index(shown, text); at >= 0 {
					t.Errorf("%v: %q is shown %s: …%s…", args, secret, form, shown[max(0, at-200):min(len(shown), at+100)])
				}
			}
		}
		return shown
	}
	formats := []string{"text", "json", "markdown"}
	for _, format := range formats {
		program(0, "diff", "-o", format)
	}
	if log := program(0, "deploy"); !strings.Contains(log, "level=DEBUG msg=request method=PATCH") || !strings.Contains(log, "discriminator="+ns) {
		t.Errorf("the debug log tells too little:\n%s", log)
	}
	if got := cluster.Kubectl(t, "get", "configmap", "from-vault", "-n", ns, "-o", "jsonpath={.data.it} {.data.basic}"); got != "vault/s3cret+\"x\"&é "+base64.StdEncoding.EncodeToString([]byte("user:vault/s3cret+\"x\"&é")) {
		t.Errorf("masked values were applied: %s", got)
	}
	for _, name := range []string{"vars", "list-images"} {
		program(0, name)
	}
	for _, broken := range []string{"vault", "aws", "url", "template", "type", "lookup", "yaml", "server"} {
		for _, args := range [][]string{{"diff"}, {"diff", "-o", "json"}, {"deploy", "--yes"}} {
			program(1, append(args, "-a", "broken="+broken)...)
		}
		if broken != "server" {
			program(1, "render", "-a", "broken="+broken)
		}
	}
}
