package render_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getsops/sops/v3"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/weighlock/weighlock/engine/enginetest"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/render"
)

// renderWith renders the files of a txtar archive as a project. Those whose name ends in .enc.yaml are encrypted first, what
// is below password, pin or data in them; key decrypts them. env is the environment.
func renderWith(t *testing.T, files string, env map[string]string, withKey bool) (*render.Manifests, error) {
	t.Helper()
	dir := t.TempDir()
	key, recipient, err := enginetest.AgeKey()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range txtar.Parse([]byte(files)).Files {
		if strings.HasSuffix(f.Name, ".enc.yaml") {
			f.Data, err = enginetest.EncryptForAge(f.Name, f.Data, recipient, func(m *sops.Metadata) { m.UnencryptedSuffix, m.EncryptedRegex = "", "^(password|pin|data)$" })
			if err != nil {
				t.Fatal(err)
			}
		}
		name := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	opts := project.Options{SourceRoot: dir, Env: lookup}
	if withKey {
		opts.Keys = project.Keys{Env: func(name string) (string, bool) { return key, name == "SOPS_AGE_KEY" }}
	}
	p, err := project.Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	target, err := p.Target(t.Context(), project.Selection{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := p.Resolve(t.Context(), target, nil)
	if err != nil {
		return nil, err
	}
	return render.Render(t.Context(), p, d, render.Options{})
}

// traced lists the hidden and unsettled fields of each object.
func traced(m *render.Manifests) []string {
	var out []string
	for o := range m.All() {
		for _, p := range o.Hidden {
			out = append(out, fmt.Sprintf("%s hidden %s", o.Object.Ref().Name, p))
		}
		if o.Opaque {
			out = append(out, o.Object.Ref().Name+" opaque")
		}
		for _, p := range o.Declared {
			out = append(out, fmt.Sprintf("%s declared %s", o.Object.Ref().Name, p))
		}
		for _, u := range o.Unsettled {
			out = append(out, fmt.Sprintf("%s %s %s", o.Object.Ref().Name, u.Cause, u.Path))
		}
	}
	return out
}

const pinned = `
-- deployment.yaml --
vars: [{systemEnvVars: {pin: PIN, long: LONG, flag: FLAG}}]
deployments: [{path: app}]
-- app/a.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data: {pin: "{{ pin }}", url: "http://x?pin={{ pin }}&y", sum: "{{ pin | string | length + pin | int }}", other: "1234 is no pin here", long: "{{ long }}", flag: "{{ flag }}"}
-- app/b.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: b}
spec: {template: {spec: {containers: [{name: other, image: x}, {name: app, image: y, env: [{name: PIN, value: "{{ pin }}"}]}]}}}
`

func TestFieldsThatAShortSecretReachesAreHidden(t *testing.T) {
	t.Parallel()
	m, err := renderWith(t, pinned, map[string]string{"PIN": "1234", "LONG": "hunter2", "FLAG": "true"}, false)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"a hidden data.pin", "a hidden data.sum", "a hidden data.url", "b hidden spec.template.spec.containers[name=app].env[name=PIN].value"}
	if got := traced(m); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if m.Secrets.Text("hunter2") == "hunter2" {
		t.Error("a long value is no secret")
	}
	m, err = renderWith(t, pinned, map[string]string{"PIN": "true", "LONG": "hunter2", "FLAG": "true"}, false)
	if err != nil || len(traced(m)) > 0 {
		t.Errorf("without short values something is hidden: %q, %v", traced(m), err)
	}
}

func TestWhereAShortSecretDecidesWhatIsRenderedAllThatMayHoldItIsHidden(t *testing.T) {
	t.Parallel()
	files := strings.Replace(pinned, "deployments: [{path: app}]", `deployments: [{path: app}, {path: more, when: "pin == 1234"}]`, 1) + `
-- more/c.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data: {other: "1234 is no pin here", more: text}
`
	m, err := renderWith(t, files, map[string]string{"PIN": "1234", "LONG": "hunter2", "FLAG": "true"}, false)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"a hidden data.pin", "a hidden data.sum", "a hidden data.url", "b hidden spec.template.spec.containers[name=app].env[name=PIN].value", "c hidden data.other", "c opaque"}
	if got := traced(m); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if !strings.Contains(strings.Join(m.Warnings, "\n"), "short secret values decide what is rendered") {
		t.Errorf("warnings: %q", m.Warnings)
	}
}

func TestWhatIsMadeOfASecretIsHiddenHoweverItIsMade(t *testing.T) {
	t.Parallel()
	const files = `
-- deployment.yaml --
vars: [{systemEnvVars: {pw: PW, doc: DOC, stage: STAGE, b64: B64, cert: CERT}}]
deployments: [{path: app}, {path: chart}]
-- app/a.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: "a-{{ stage }}"}
data:
  as-it-is: "{{ pw }}"
  within: "http://u:{{ pw }}@h"
  reversed: "{{ pw | reverse }}"
  halves: "{{ pw[:4] }} {{ pw[4:] }}"
  sum: "{{ pw | sha256 }}"
  length: "{{ pw | length }}"
  chosen: "{% if pw < 'm' %}low{% else %}high{% endif %}"
  user: "{{ doc.user | upper }}"
  decoded: "{{ b64 | b64decode | upper }}"
  plain: text
-- chart/helm-chart.yaml --
helmChart: {path: c, releaseName: x}
-- chart/helm-values.yaml --
pw: "{{ pw }}"
cert: |
  {{ cert | indent(2) }}
-- chart/c/Chart.yaml --
apiVersion: v2
name: c
version: 1.0.0
-- chart/c/templates/a.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data: {checksum: {{ .Values.pw | sha256sum }}, title: {{ .Values.pw | title | quote }}, plain: text}
---
apiVersion: v1
kind: Secret
metadata: {name: s}
data: {pw: {{ .Values.pw | b64enc }}}
`
	env := map[string]string{
		"PW": "hunter2-of-env", "DOC": `{"user": "someone-we-know", "n": 5}`, "STAGE": "staging-eu", "B64": "c29tZW9uZSBlbHNlIHdlIGtub3c=",
		"CERT": "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg\n-----END PRIVATE KEY-----",
	}
	m, err := renderWith(t, files, env, false)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"a-staging-eu hidden data.decoded", "a-staging-eu hidden data.halves", "a-staging-eu hidden data.reversed", "a-staging-eu hidden data.sum",
		"a-staging-eu hidden data.user", "c hidden data.checksum", "c hidden data.title",
	}
	if got := traced(m); !slices.Equal(got, want) || len(m.Warnings) > 0 {
		t.Errorf("got %q, %q", got, m.Warnings)
	}
}

func TestWhereASecretDecidesWhetherAnObjectIsThereNothingIsKnownOfIt(t *testing.T) {
	t.Parallel()
	const head = "-- deployment.yaml --\nvars: [{systemEnvVars: {pw: PW}}]\ndeployments: [{path: app}]\n-- app/b.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n"
	const object = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: \"{{ pw | reverse }}\"}\n"
	for name, test := range map[string]struct{ files, want string }{
		"a condition": {head + "-- app/a.yaml --\n{% if pw == 'hunter2' %}" + object + "{% endif %}\n", "a opaque"},
		"a name":      {head + "-- app/a.yaml --\n" + strings.Replace(object, "name: a", `name: "{{ pw | reverse }}"`, 1), "2retnuh opaque"},
		"a key":       {head + "-- app/a.yaml --\n" + strings.Replace(object, "x:", `"{{ pw | reverse }}": 1, x:`, 1), "a hidden data"},
		"a failure":   {head + "-- app/a.yaml --\n" + strings.Replace(object, "reverse", "reverse if pw == 'hunter2' else {}.x.y", 1), "a opaque b opaque"},
	} {
		m, err := renderWith(t, test.files, map[string]string{"PW": "hunter2"}, false)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := strings.Join(traced(m), " "); got != test.want {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

func TestWhatAProjectDeclaresToBeNoSecretIsToldApart(t *testing.T) {
	t.Parallel()
	const files = `
-- deployment.yaml --
vars: [{systemEnvVars: {host: HOST}, sensitive: false}, {systemEnvVars: {pw: PW}}]
deployments: [{path: app}]
-- app/a.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data: {host: "{{ host }}", upper: "{{ host | upper }}", pw: "{{ pw }}", plain: text}
`
	m, err := renderWith(t, files, map[string]string{"HOST": "h.example.com", "PW": "hunter2"}, false)
	if err != nil {
		t.Fatal(err)
	}
	if got := traced(m); !slices.Equal(got, []string{"a declared data.host", "a declared data.upper"}) {
		t.Errorf("got %q", got)
	}
	if !slices.Equal(m.Declared.Sources, []string{"environment variables HOST"}) || m.Secrets.Text("h.example.com") != "h.example.com" || m.Declared.Values.Text("h.example.com") == "h.example.com" {
		t.Errorf("declared: %q", m.Declared.Sources)
	}
}

const encrypted = `
-- deployment.yaml --
vars: [{file: vars.enc.yaml}]
deployments: [{path: app}]
-- vars.enc.yaml --
db: {host: db.example.com, password: hunter2-of-vars, pin: 42}
-- app/secret.enc.yaml --
apiVersion: v1
kind: Secret
metadata: {name: s}
data: {password: aHVudGVyMi1vZi1zZWNyZXQ=}
-- app/a.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: a, annotations: {sum: "{{ db.password | sha256 }}"}}
data: {host: "{{ db.host }}", upper: "{{ db.password | upper }}", pin: "{{ db.pin + 1 }}", plain: text}
`

func TestWithoutAKeyWhatDependsOnAnEncryptedValueIsUnsettled(t *testing.T) {
	t.Parallel()
	m, err := renderWith(t, encrypted, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"a no key data.pin", "a no key data.upper", "a no key metadata.annotations.sum", "s no key data.password"}
	if got := traced(m); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	warnings := strings.Join(m.Warnings, "\n")
	for _, file := range []string{"app/secret.enc.yaml", "vars.enc.yaml"} {
		if !strings.Contains(warnings, "not compared: no key for "+file+" (needs one of age1") {
			t.Errorf("%s is not named: %s", file, warnings)
		}
	}
	m, err = renderWith(t, encrypted, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	if got := traced(m); !slices.Equal(got, []string{"a hidden data.pin", "a hidden data.upper", "a hidden metadata.annotations.sum"}) || len(m.Warnings) > 0 {
		t.Errorf("with the key: %q, %q", got, m.Warnings)
	}
	if m.Secrets.Text("db.example.com") != "db.example.com" || m.Secrets.Text("hunter2-of-secret") == "hunter2-of-secret" {
		t.Error("not what was encrypted is secret")
	}
}

func TestWhatIsMadeOfValuesThatNobodyKnowsIsAnError(t *testing.T) {
	t.Parallel()
	files := strings.Replace(encrypted, "name: a,", `name: "a-{{ db.pin }}",`, 1)
	_, err := renderWith(t, files, nil, false)
	if err == nil || !strings.Contains(err.Error(), "depends on values that cannot be decrypted") || !strings.Contains(err.Error(), "vars.enc.yaml") {
		t.Errorf("got %v", err)
	}
}

func TestErrorsOfRenderingQuoteNoSecret(t *testing.T) {
	t.Parallel()
	env := map[string]string{"PIN": "hunter2-of-env"}
	const head = "-- deployment.yaml --\nvars: [{systemEnvVars: {pin: PIN}}]\ndeployments: [{path: app}]\n"
	for name, files := range map[string]string{
		"a template":        head + "-- app/a.yaml --\n{{ undefined_function(pin) }} {{ pin | int(1, 2, 3, 4) }}\n",
		"an include":        head + "-- app/a.yaml --\n{% include pin %}\n",
		"a deployment file": "-- deployment.yaml --\nvars: [{systemEnvVars: {pin: PIN}}]\ndeployments: [{include: sub}]\n-- sub/deployment.yaml --\ndeployments: [{path: \"{{ pin }}\"}]\n",
		"a manifest":        head + "-- app/a.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: \"{{ pin }}\"}\n",
		"bad YAML":          head + "-- app/a.yaml --\napiVersion: v1\nkind: [{{ pin }}\n",
		"a kustomization":   head + "-- app/kustomization.yaml --\nresources: [\"{{ pin }}\"]\n",
		"a generator":       head + "-- app/kustomization.yaml --\nsecretGenerator: [{name: x, literals: [\"a=hunter2-of-env\", \"a=hunter2-of-env\"]}]\n",
		"a literal":         head + "-- app/kustomization.yaml --\nsecretGenerator: [{name: x, literals: [\"hunter2-of-env\"]}]\n",
		"a chart's schema": head + "-- app/helm-chart.yaml --\nhelmChart: {path: c, releaseName: x}\n-- app/helm-values.yaml --\nn: \"{{ pin }}\"\n" +
			"-- app/c/Chart.yaml --\napiVersion: v2\nname: c\nversion: 1.0.0\n-- app/c/values.schema.json --\n{\"properties\": {\"n\": {\"type\": \"integer\"}}}\n",
		"a chart's fail": head + "-- app/helm-chart.yaml --\nhelmChart: {path: c, releaseName: x}\n-- app/helm-values.yaml --\nn: \"{{ pin }}\"\n" +
			"-- app/c/Chart.yaml --\napiVersion: v2\nname: c\nversion: 1.0.0\n-- app/c/templates/a.yaml --\n{{ fail .Values.n }}\n",
	} {
		_, err := renderWith(t, files, env, false)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for _, part := range []string{"hunter2", "HUNTER2", "aHVudGVyMi"} {
			if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), part) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
