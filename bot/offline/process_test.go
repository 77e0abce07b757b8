package offline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMain is the process that compares, where it is started as such.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "compare" {
		if err := Serve(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "Error:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) == 3 && os.Args[1] == "try" {
		os.Exit(try(os.Args[2]))
	}
	os.Exit(m.Run())
}

func process(t *testing.T, limits Limits) *Process {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &Process{Program: program, Args: []string{"compare"}, Limits: limits, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
}

// tree writes files, name after name, and returns their directory.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if to, link := strings.CutPrefix(content, "-> "); link {
			if err := os.Symlink(to, at); err != nil {
				t.Fatal(err)
			}
		} else if err := os.WriteFile(at, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: b}\ndata: {key: %q}\n"

// withFile is a project with a file in its one item.
func withFile(file string) map[string]string {
	return map[string]string{"deployment.yaml": "deployments: [{path: app}]\n", "app/a.yaml": file}
}

func with(files map[string]string, more ...string) map[string]string {
	for i := 0; i < len(more); i += 2 {
		files[more[i]] = more[i+1]
	}
	return files
}

func TestTheChangeOfAStrangerIsCompared(t *testing.T) {
	t.Parallel()
	secret := "---\napiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: b}\nstringData: {password: %s}\n"
	base := tree(t, withFile(fmt.Sprintf(configMap+secret, "old", "hunter22222")))
	head := tree(t, withFile(fmt.Sprintf(configMap+secret, "{{ 6 * 7 }}", "correct-horse")))
	got, err := process(t, DefaultLimits).Compare(t.Context(), Request{Base: base, Head: head, Projects: []Project{{Name: "p", Path: "."}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].Err != "" || got[0].Set == nil {
		t.Fatalf("found %+v", got)
	}
	fields := map[string]string{}
	for c := range got[0].Set.All() {
		for _, f := range c.Fields {
			fields[f.Path.String()] = fmt.Sprint(f.Old, f.New, f.Secret)
		}
	}
	if fields["data.key"] != "old42false" || fields["data.password"] != "<nil> <nil> true" || len(fields) != 2 {
		t.Errorf("found %v", fields)
	}
}

// What a stranger tries ends with an error that says what was wrong, and nothing of the machine is in the answer.
func TestAttacksEndWithAReason(t *testing.T) {
	t.Setenv("FORGE_TOKEN", "ghp_of-the-bot")
	outside := tree(t, map[string]string{"secret": "of-the-machine"})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			t.Errorf("something has connected")
			c.Close()
		}
	}()
	chart := func(template string) map[string]string {
		return map[string]string{
			"deployment.yaml": "deployments: [{path: app}]\n", "app/kustomization.yaml": "resources: [helm-rendered.yaml]\n",
			"app/helm-chart.yaml":  "helmChart: {path: chart, releaseName: r, namespace: b}\n",
			"app/chart/Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n", "app/chart/templates/a.yaml": template,
		}
	}
	bomb := "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
	for i := 1; i < 12; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 9), ","))
	}
	quick := DefaultLimits
	quick.Time = 5 * time.Second
	small := DefaultLimits
	small.Answer = 1 << 20
	for _, attack := range []struct {
		name   string
		files  map[string]string
		limits Limits
		want   string // in the error, of the whole or of the target
	}{
		{"a loop without end", withFile("{% for i in range(1000000000) %}{% for j in range(1000000000) %}{% endfor %}{% endfor %}"), quick, "limit"},
		{"a chart that loops", chart(`{{ range $i := until 100000000 }}{{ range $j := until 100000000 }}{{ end }}{{ end }}`), quick, "rendering it takes more than"},
		{"20 GB in a chart", chart(`{{ $x := repeat 1000000000 "0123456789" }}{{ $y := repeat 1000000000 "0123456789" }}a: {{ len (printf "%s%s" $x $y) }}`), DefaultLimits, "of memory"},
		{"20 GB in a template", withFile(`{% set x = "0123456789" * 2000000000 %}{{ x }}`), DefaultLimits, "limit"},
		{"10 GB of output", withFile(`{% for i in range(100000000) %}{{ "0123456789" * 10 }}{% endfor %}`), DefaultLimits, "limit"},
		{"an answer that is too long", withFile(`{% for i in range(40) %}` + "---\n" + `apiVersion: v1
kind: ConfigMap
metadata: {name: "a{{ i }}", namespace: b}
data: {key: "{{ "0123456789" * 10000 }}"}
{% endfor %}`), small, "more than 1 MB"},
		{"templates that call each other", chart(`{{ define "f" }}{{ include "g" . }}{{ end }}{{ define "g" }}{{ include "f" . }}{{ end }}{{ include "f" . }}`), DefaultLimits, "nested"},
		{"the environment", withFile(`{% include "/proc/self/environ" %}`), DefaultLimits, "/proc/self/environ"},
		{"the machine's files", withFile(`{% include "../../../../../../../etc/passwd" %}`), DefaultLimits, "etc/passwd"},
		{"a link out of the repository", with(withFile("{% include 'link' %}"), "app/link", "-> "+outside+"/secret"), DefaultLimits, "link"},
		{"variables of the environment", with(withFile(fmt.Sprintf(configMap, "{{ t }}")), "deployment.yaml", "vars: [{systemEnvVars: {t: FORGE_TOKEN}}]\ndeployments: [{path: app}]\n"), DefaultLimits, "systemEnvVars is refused"},
		{"variables from an address", with(withFile(fmt.Sprintf(configMap, "{{ t }}")), "deployment.yaml", "vars: [{http: {url: 'http://"+listener.Addr().String()+"/'}}]\ndeployments: [{path: app}]\n"), DefaultLimits, "http is refused"},
		{"a repository on the machine", with(withFile(fmt.Sprintf(configMap, "x")), "deployment.yaml", "deployments: [{git: {url: 'file://"+outside+"'}}]\n"), DefaultLimits, "is on this machine"},
		{"a repository elsewhere", with(withFile(fmt.Sprintf(configMap, "x")), "deployment.yaml", "deployments: [{git: {url: 'http://"+listener.Addr().String()+"/a/b.git'}}]\n"), DefaultLimits, "refused"},
		{"a chart's repository", with(chart("a"), "app/helm-chart.yaml", "helmChart: {repo: 'http://"+listener.Addr().String()+"', chartName: c, chartVersion: 1.0.0, releaseName: r, skipPrePull: true}\n"), DefaultLimits, "refused"},
		{"a base elsewhere", with(withFile(fmt.Sprintf(configMap, "x")), "app/kustomization.yaml", "resources: ['http://"+listener.Addr().String()+"/a.yaml']\n"), DefaultLimits, "a.yaml"},
		{"a cluster's object", with(withFile(fmt.Sprintf(configMap, "x")), "deployment.yaml", "vars: [{clusterSecret: {name: a, namespace: b, key: c}}]\ndeployments: [{path: app}]\n"), DefaultLimits, "clusterSecret is refused"},
		{"aliases of aliases", withFile(bomb), DefaultLimits, "a.yaml"},
		{"a project out of the repository", with(withFile("x: 1"), "deployment.yaml", "deployments: [{path: ../../../../etc}]\n"), DefaultLimits, "etc"},
	} {
		t.Run(attack.name, func(t *testing.T) {
			base := tree(t, withFile(fmt.Sprintf(configMap, "old")))
			got, err := process(t, attack.limits).Compare(t.Context(), Request{Base: base, Head: tree(t, attack.files), Projects: []Project{{Name: "p", Path: "."}}})
			said := fmt.Sprint(err)
			for _, target := range got {
				said += target.Err
				if target.Set != nil {
					said += fmt.Sprint(target.Set.Failures())
				}
			}
			if !strings.Contains(said, attack.want) {
				t.Errorf("found %q, expected %q in it", said, attack.want)
			}
			for _, secret := range []string{"ghp_of-the-bot", "of-the-machine", "root:"} {
				if strings.Contains(said, secret) {
					t.Errorf("the answer has %q: %s", secret, said)
				}
			}
		})
	}
}

// A chart sees neither a cluster nor a name server.
func TestChartsSeeNothingOfTheNetwork(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"deployment.yaml": "deployments: [{path: app}]\n", "app/kustomization.yaml": "resources: [helm-rendered.yaml]\n",
		"app/helm-chart.yaml":  "helmChart: {path: chart, releaseName: r, namespace: b}\n",
		"app/chart/Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n",
		"app/chart/templates/a.yaml": fmt.Sprintf(configMap, "x") +
			"  host: \"[{{ getHostByName \"localhost\" }}]\"\n  secret: \"[{{ (lookup \"v1\" \"Secret\" \"a\" \"b\").data }}]\"\n",
	}
	files["app/chart/templates/a.yaml"] = strings.Replace(files["app/chart/templates/a.yaml"], `{key: "x"}`, "", 1)
	got, err := process(t, DefaultLimits).Compare(t.Context(), Request{Base: tree(t, map[string]string{"x": ""}), Head: tree(t, files), Projects: []Project{{Name: "p", Path: "."}}})
	if err != nil || len(got) != 1 || got[0].Set == nil {
		t.Fatalf("found %+v, %v", got, err)
	}
	for c := range got[0].Set.All() {
		if host, secret := c.Merged.Text("data", "host"), c.Merged.Text("data", "secret"); host != "[]" || secret != "[]" && secret != "[<nil>]" {
			t.Errorf("found %q and %q", host, secret)
		}
	}
}

func TestCancellingEndsTheProcess(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the head has moved on")
	time.AfterFunc(500*time.Millisecond, func() { cancel(why) })
	files := withFile("{% for i in range(1000000000) %}{% for j in range(1000000000) %}{% endfor %}{% endfor %}")
	_, err := process(t, DefaultLimits).Compare(ctx, Request{Base: tree(t, files), Head: tree(t, files), Projects: []Project{{Name: "p", Path: "."}}})
	if err == nil {
		t.Fatal("the process has not ended")
	}
}
