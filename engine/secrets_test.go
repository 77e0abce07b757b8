package engine_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getsops/sops/v3"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/enginetest"
	"github.com/weighlock/weighlock/engine/render"
	"github.com/weighlock/weighlock/engine/report"
)

// encrypt writes files of a txtar archive over the site's, encrypted below data, stringData and password, and puts the key
// into its environment.
func (s *site) encrypt(files string) {
	s.t.Helper()
	key, recipient, err := enginetest.AgeKey()
	if err != nil {
		s.t.Fatal(err)
	}
	archive := txtar.Parse([]byte(files))
	for i, f := range archive.Files {
		archive.Files[i].Data, err = enginetest.EncryptForAge(path.Base(f.Name), f.Data, recipient, func(m *sops.Metadata) {
			m.UnencryptedSuffix, m.EncryptedRegex = "", "^(data|stringData|password)$"
		})
		if err != nil {
			s.t.Fatal(err)
		}
	}
	s.write(string(txtar.Format(archive)))
	s.env["SOPS_AGE_KEY"] = key
}

// printed is all that people, logs and programs may get to see of a change set and its result.
func printed(t *testing.T, set *diff.ChangeSet, result *apply.Result, err error) string {
	t.Helper()
	out := fmt.Sprintf("%v %+v\n", err, err)
	if set == nil {
		return out
	}
	document, err := report.NewDocument(set, result).JSON()
	if err != nil {
		t.Fatal(err)
	}
	all, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	out += report.Text(set, result) + string(document) + string(all) + report.ChangeSetMarkdown(set, result) + strings.Join(set.Warnings, "\n") + set.Digest
	for c := range set.All() {
		out += fmt.Sprintf("%v %+v %v %v %v\n", c.Err, c.Err, c.Fields, c.Conflicts, c.Reason)
	}
	if result != nil {
		for _, o := range result.Outcomes {
			out += fmt.Sprintf("%+v\n", o)
		}
	}
	return out
}

const secretive = `
-- .kluctl.yaml --
discriminator: "{{ args.ns }}"
args: [{name: ns}]
-- deployment.yaml --
vars:
- systemEnvVars: {token: TOKEN, key: KEY, pin: PIN}
- file: vars.yaml
deployments: [{path: app}, {path: chart}]
-- app/a.yaml --
apiVersion: v1
kind: ConfigMap
metadata:
  name: a
  namespace: "{{ args.ns }}"
  annotations: {token: "{{ token }}", pin: "{{ pin }}"}
data:
  token: "Bearer {{ token }}"
  basic: "{{ ('user:' + token) | b64encode }}"
  url: "https://u:{{ token | urlencode }}@db/?password={{ db.password }}"
  json: '{"password": {{ db.password | to_json }}, "pin": {{ pin }}}'
  pin: "{{ pin }}"
  config: |
    key: |
      {{ key | indent(6) }}
    host: {{ db.host }}
-- app/d.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: d, namespace: "{{ args.ns }}"}
spec:
  replicas: 0
  selector: {matchLabels: {app: d}}
  template:
    metadata: {labels: {app: d}}
    spec:
      containers:
      - name: d
        image: example.com/d
        env: [{name: PASSWORD, value: "{{ db.password }}"}, {name: PIN, value: "{{ pin }}"}]
-- chart/helm-chart.yaml --
helmChart: {path: c, releaseName: c, namespace: "{{ args.ns }}"}
-- chart/c/Chart.yaml --
apiVersion: v2
name: c
version: 1.0.0
-- chart/c/templates/a.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: chart}
data: {password: {{ .Values.password | quote }}}
`

func secretiveSite(t *testing.T) (*enginetest.Cluster, *site, []string) {
	t.Helper()
	c := enginetest.Start(t)
	s := newSite(t, c.Identity(t).Kubeconfig, secretive)
	s.args = map[string]any{"ns": c.Namespace(t)}
	s.env = map[string]string{"TOKEN": "t0ken/of+env&x", "KEY": "'first line of key'\n", "PIN": "4711"}
	s.encrypt(`
-- vars.yaml --
db: {host: db.example.com, password: hunter2-of-vars}
-- app/s.yaml --
apiVersion: v1
kind: Secret
metadata: {name: s, namespace: ` + fmt.Sprint(s.args["ns"]) + `}
stringData: {password: hunter2-of-secret}
-- chart/helm-values.yaml --
password: hunter2-of-chart
`)
	return c, s, []string{"t0ken/of+env&x", "first line of key", "hunter2-of-vars", "hunter2-of-secret", "hunter2-of-chart", "4711"}
}

func TestSecretsOfEverySourceAppearInNoOutput(t *testing.T) {
	t.Parallel()
	c, s, secrets := secretiveSite(t)
	ns := fmt.Sprint(s.args["ns"])
	var shown strings.Builder
	show := func(opts engine.DeployOptions, deploy bool) *diff.ChangeSet {
		t.Helper()
		p, target := s.open()
		if !deploy {
			set, err := engine.Diff(t.Context(), p, target, s.cluster, opts.Diff)
			shown.WriteString(printed(t, set, nil, err))
			return set
		}
		set, result, err := engine.Deploy(t.Context(), p, target, s.cluster, opts)
		shown.WriteString(printed(t, set, result, err))
		if err != nil || result.Err() != nil {
			t.Errorf("%v, %v", err, result.Err())
		}
		return set
	}
	show(engine.DeployOptions{}, false)
	first := show(engine.DeployOptions{}, true)
	if again := show(engine.DeployOptions{}, false); again.Changed() {
		t.Errorf("a second deploy would change:\n%s", report.Text(again, nil))
	}
	if got := c.Kubectl(t, "get", "configmap", "a", "-n", ns, "-o", "jsonpath={.data.pin} {.data.url}"); got != "4711 https://u:t0ken/of%2Benv%26x@db/?password=hunter2-of-vars" {
		t.Errorf("masked values were applied: %s", got)
	}

	// Other values: what changes is told, and to what is not.
	s.env["TOKEN"], s.env["PIN"] = "t0ken/of+another", "4712"
	secrets = append(secrets, "t0ken/of+another", "4712")
	set := show(engine.DeployOptions{}, false)
	if set.Digest == first.Digest || !set.Unbound {
		t.Errorf("digest %s, unbound %v", set.Digest, set.Unbound)
	}
	for _, want := range []string{"data.token", "data.pin", "data.basic", `metadata.annotations.token`} {
		if !strings.Contains(report.Text(set, nil), want) {
			t.Errorf("that %s changes is not shown:\n%s", want, report.Text(set, nil))
		}
	}

	// Conflicts and refusals of the server quote values.
	c.KubectlInput(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: `+ns+`}, data: {token: theirs, pin: "4713"}}`,
		"apply", "--server-side", "--field-manager=operator", "--force-conflicts", "-f", "-")
	show(engine.DeployOptions{}, false)
	s.write(`-- app/e.yaml --
apiVersion: v1
kind: Service
metadata: {name: "e", namespace: "{{ args.ns }}", labels: {bad: "{{ token }}"}}
spec: {clusterIP: "{{ db.password }}", ports: [{port: {{ pin * 100 }}}, {port: 80, name: "{{ token }}"}]}
`)
	show(engine.DeployOptions{}, false)
	// Parts of a second and digests hold four digits by chance.
	all := regexp.MustCompile(`[0-9]*\.[0-9]+|[0-9a-f]{40,}`).ReplaceAllString(shown.String(), "")
	for _, secret := range secrets {
		for form, text := range enginetest.FormsOf(secret) {
			if len(text) < 4 {
				continue
			}
			if at := strings.Index(all, text); at >= 0 {
				t.Errorf("%s is shown %s: …%s…", secret, form, all[max(0, at-200):min(len(all), at+100)])
			}
		}
	}
	if !strings.Contains(shown.String(), "db.example.com") {
		t.Error("what was not encrypted is hidden, too")
	}
}

func TestWithoutAKeyAPreviewComparesTheRestAndADeployWritesNoPlaceholder(t *testing.T) {
	t.Parallel()
	c, s, _ := secretiveSite(t)
	ns := fmt.Sprint(s.args["ns"])
	s.deployed()
	delete(s.env, "SOPS_AGE_KEY")
	s.write("-- app/plain.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain, namespace: \"{{ args.ns }}\"}\ndata: {a: b}\n")
	set := s.diff(diff.Options{})
	expect(t, ops(set), []string{"unchanged ConfigMap/a", "unchanged Deployment/d", "create ConfigMap/plain", "unchanged Secret/s", "unchanged ConfigMap/chart"})
	for change := range set.All() {
		unknown := strings.Contains(strings.Join(change.Warnings, "\n"), "not compared: ")
		if unknown == (change.Ref.Name == "plain") {
			t.Errorf("%s: warnings %q", change.Ref, change.Warnings)
		}
	}
	if text := report.Text(set, nil); !strings.Contains(text, "no key for app/s.yaml (needs one of age1") || strings.Contains(text, "weighlock-has-no-key") {
		t.Errorf("got:\n%s", text)
	}
	// A change beside what is unknown is seen.
	s.write(strings.Replace(secretive, `token: "Bearer`, `token: "Changed`, 1))
	set = s.diff(diff.Options{})
	if !strings.Contains(report.Text(set, nil), "data.token") {
		t.Errorf("got:\n%s", report.Text(set, nil))
	}
	before := c.Kubectl(t, "get", "configmaps,secrets,deployments", "-n", ns, "-o", "jsonpath={range .items[*]}{.metadata.resourceVersion}{\"\\n\"}{end}")
	_, result := s.deploy(engine.DeployOptions{})
	if result.Count(apply.Failed) != 4 || result.Count(apply.Applied) != 1 || !strings.Contains(result.Err().Error(), "not written: data") {
		t.Errorf("%d failed, %d applied: %v", result.Count(apply.Failed), result.Count(apply.Applied), result.Err())
	}
	after := c.Kubectl(t, "get", "configmaps,secrets,deployments", "-n", ns, "-o", "jsonpath={range .items[*]}{.metadata.resourceVersion}{\"\\n\"}{end}")
	if len(strings.Split(after, "\n")) != len(strings.Split(before, "\n"))+1 {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	if all := c.Kubectl(t, "get", "configmaps,secrets,deployments", "-n", ns, "-o", "yaml"); strings.Contains(all, "weighlock-has-no-key") {
		t.Errorf("a placeholder was written:\n%s", all)
	}
}

// What is proposed says nothing of the cluster's secrets, whatever its templates make of them, and is bound all the same.
func TestAProposedChangeShowsNoSecretThatItTakesApart(t *testing.T) {
	t.Parallel()
	const base = `
-- deployment.yaml --
vars: [{clusterSecret: {name: db, namespace: "{{ args.ns }}", key: password, targetPath: db.password}}]
deployments: [{path: app}]
-- app/a.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: a, namespace: "{{ args.ns }}"}
data: {plain: text, sum: "{{ db.password | reverse }}"}
`
	const attack = `
-- deployment.yaml --
vars:
- clusterSecret: {name: db, namespace: "{{ args.ns }}", key: password, targetPath: db.password}
- {clusterObject: {kind: Secret, name: other, namespace: "{{ args.ns }}", path: data.token}, targetPath: token, sensitive: false}
deployments: [{path: app}, {path: chart}]
-- app/a.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: a, namespace: "{{ args.ns }}"}
data: {plain: other text, sum: gone, upper: "{{ db.password | upper }}", token: "{{ token }}", decoded: "{{ token | b64decode }}"}
-- app/named.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: "x-{{ db.password | reverse }}", namespace: "{{ args.ns }}", labels: {x: "{{ db.password | reverse }}"}}
-- app/there.yaml --
{% if db.password[0] == "h" %}
apiVersion: v1
kind: ConfigMap
metadata: {name: there, namespace: "{{ args.ns }}", annotations: {x: "{{ db.password | reverse }}"}}
data: {rev: "{{ db.password | reverse }}"}
{% endif %}
-- app/bad.yaml --
apiVersion: v1
kind: Service
metadata: {name: bad, namespace: "{{ args.ns }}", labels: {bad: "{{ db.password | reverse }}/!"}}
spec: {ports: [{port: 80}]}
-- chart/helm-chart.yaml --
helmChart: {path: c, releaseName: c, namespace: "{{ args.ns }}"}
-- chart/helm-values.yaml --
ns: "{{ args.ns }}"
-- chart/c/Chart.yaml --
apiVersion: v2
name: c
version: 1.0.0
-- chart/c/templates/a.yaml --
{{- $s := lookup "v1" "Secret" .Values.ns "third" }}
apiVersion: v1
kind: ConfigMap
metadata: {name: chart}
data: {whole: {{ $s.data.key | b64dec }}, title: {{ $s.data.key | b64dec | upper }}, encoded: {{ $s.data.key }}{{ range (lookup "v1" "Secret" .Values.ns "").items }}, {{ .metadata.name }}: {{ index .data | toJson | sha256sum }}{{ end }}}
`
	c := enginetest.Start(t)
	s := newSite(t, c.Identity(t).Kubeconfig, base)
	ns := c.Namespace(t)
	s.args = map[string]any{"ns": ns}
	c.KubectlInput(t, strings.ReplaceAll(`
apiVersion: v1
kind: Secret
metadata: {name: db, namespace: NS}
stringData: {password: hunter2-of-db}
---
apiVersion: v1
kind: Secret
metadata: {name: other, namespace: NS}
stringData: {token: token-of-others}
---
apiVersion: v1
kind: Secret
metadata: {name: third, namespace: NS}
stringData: {key: key-of-a-third}
`, "NS", ns), "apply", "-f", "-")
	s.deployed()
	p, target := s.open()
	before, err := engine.Render(t.Context(), p, target, render.Options{Reader: s.cluster.Reader()})
	if err != nil {
		t.Fatal(err)
	}
	s.write(attack)
	p, target = s.open()
	set, err := engine.Diff(t.Context(), p, target, s.cluster, diff.Options{Base: before, Proposed: true})
	if err != nil {
		t.Fatal(err)
	}
	shown := printed(t, set, nil, nil)
	for _, secret := range []string{"hunter2-of-db", "token-of-others", "key-of-a-third"} {
		upside := []byte(secret)
		slices.Reverse(upside)
		for _, text := range []string{secret, string(upside), strings.ToUpper(secret), base64.StdEncoding.EncodeToString([]byte(secret))} {
			if at := strings.Index(shown, text); at >= 0 {
				t.Errorf("%s is shown: …%s…", text, shown[max(0, at-200):min(len(shown), at+100)])
			}
		}
	}
	for _, want := range []string{"other text", "data.upper", "ConfigMap/(hidden)", "Service/bad: ", "sensitive: false"} {
		if !strings.Contains(shown, want) {
			t.Errorf("%s is not shown:\n%s", want, report.Text(set, nil))
		}
	}
	deployed, err := engine.Diff(t.Context(), p, target, s.cluster, diff.Options{})
	if err != nil || deployed.Digest != set.Digest {
		t.Errorf("the digest of a deploy is another one: %v", err)
	}
}
