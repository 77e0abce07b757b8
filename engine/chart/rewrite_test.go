package chart

import (
	"strings"
	"testing"
)

func TestRewritingChangesTheVersionAndNothingElse(t *testing.T) {
	t.Parallel()
	key := []string{"helmChart", "chartVersion"}
	for name, c := range map[string]struct{ in, to, want string }{
		"plain":         {"helmChart:\n  chartVersion: 1.0.0 # 1.0.0\n  x: 1.0.0\n", "1.1.0", "helmChart:\n  chartVersion: 1.1.0 # 1.0.0\n  x: 1.0.0\n"},
		"quotes":        {"helmChart: {a: '1.0.0', chartVersion: '1.0.0'}\n", "2.0.0", "helmChart: {a: '1.0.0', chartVersion: '2.0.0'}\n"},
		"tag":           {"helmChart:\n  chartVersion: !!str 1.0.0\n", "2.0.0", "helmChart:\n  chartVersion: !!str 2.0.0\n"},
		"wide letters":  {"helmChart: {name: grüße, chartVersion: 1.0.0}", "2.0.0", "helmChart: {name: grüße, chartVersion: 2.0.0}"},
		"line ends":     {"helmChart:\r\n  chartVersion: 1.0.0\r\n", "2.0.0", "helmChart:\r\n  chartVersion: 2.0.0\r\n"},
		"not a number":  {"helmChart:\n  chartVersion: 1.0.0\n", "2.0", "helmChart:\n  chartVersion: \"2.0\"\n"},
		"other comment": {"# chartVersion: 1.0.0\nhelmChart:\n  chartVersion:\n    1.0.0\n", "2.0.0", "# chartVersion: 1.0.0\nhelmChart:\n  chartVersion:\n    2.0.0\n"},
	} {
		got, err := rewrite([]byte(c.in), key, "1.0.0", c.to)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: got %q, %v; want %q", name, got, err, c.want)
		}
	}
	for name, in := range map[string]string{
		"an alias":   "x: &v 1.0.0\nhelmChart: {chartVersion: *v}\n",
		"an escape":  "helmChart: {chartVersion: \"1\\x2e0.0\"}\n",
		"a block":    "helmChart:\n  chartVersion: |-\n    1.0.0\n",
		"not there":  "helmChart: {}\n",
		"not a map":  "helmChart: [1]\n",
		"not a file": "a: b: c\n",
	} {
		if got, err := rewrite([]byte(in), key, "1.0.0", "2.0.0"); err == nil {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

func TestTheNewestVersionIsTakenWithinTheConstraints(t *testing.T) {
	t.Parallel()
	versions := []string{"3.0.0-rc.1", "2.1.0", "2.0.0", "1.2.0", "v1.1.0", "1.0.0"}
	for _, c := range []struct{ current, constraint, want string }{
		{"1.0.0", "", "2.1.0"}, {"1.0.0", "~1", "1.2.0"}, {"1.0.0", "~1.1", "v1.1.0"}, {"2.1.0", "", ""}, {"2.1.0", ">=2-0", "3.0.0-rc.1"},
		{"2.1.0", "~1", ""}, {"v1.0.0", "<2", "1.2.0"}, {"9.0.0", "", ""}, {"~1", "", ""},
	} {
		s := Spec{ChartVersion: c.current, UpdateConstraints: c.constraint}
		if got := s.newest(versions); got != c.want {
			t.Errorf("from %s within %q: %q, want %q", c.current, c.constraint, got, c.want)
		}
	}
}

func TestChartsHaveTheirPlaces(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		spec Spec
		want string
	}{
		{Spec{Repo: "https://Charts.Example.com", ChartName: "Web"}, "https_charts.example.com/Web"},
		{Spec{Repo: "https://charts.example.com:443/Stable/", ChartName: "web"}, "https_charts.example.com/stable/web"},
		{Spec{Repo: "http://charts.example.com:8080/x", ChartName: "web"}, "http_8080_charts.example.com/x/web"},
		{Spec{Repo: "oci://registry.example.com:5000/team/web"}, "oci_5000_registry.example.com/team/web"},
		{Spec{Git: &Git{URL: "https://user:secret@git.example.com/Team/charts.git", SubDir: "Web"}}, "git_https_git.example.com/team/charts/web"},
		{Spec{Git: &Git{URL: "git@git.example.com:team/charts.git"}}, "git_ssh_git.example.com/team/charts"},
		{Spec{Git: &Git{URL: "ssh://git@git.example.com:2222/team/charts"}}, "git_ssh_2222_git.example.com/team/charts"},
	} {
		if got, err := c.spec.home(); err != nil || got != c.want {
			t.Errorf("%+v: %q, %v; want %q", c.spec, got, err, c.want)
		}
	}
	for _, s := range []Spec{{Repo: "nothing"}, {Repo: "https://h/x", ChartName: ".."}, {Repo: "https://h/x", ChartName: `a\b`}} {
		if got, err := s.home(); err == nil {
			t.Errorf("%+v: %q", s, got)
		}
	}
	for _, v := range []string{"../1.0.0", "", "a//b", "1.0.0/.."} {
		if got, err := versionDir(v); err == nil {
			t.Errorf("version %q: %q", v, got)
		}
	}
}

func TestLocksNameNoCredentials(t *testing.T) {
	t.Parallel()
	for _, s := range []Spec{{Repo: "https://user:secret@h/x", ChartName: "web", ChartVersion: "1.0.0"}, {Git: &Git{URL: "https://secret@h/x"}}} {
		l := lock{Charts: []locked{s.lockKey()}}
		data, err := l.encode()
		if err != nil || strings.Contains(string(data), "secret") {
			t.Errorf("got %s, %v", data, err)
		}
		read, err := readLock("helm-charts.lock", data)
		if _, ok := read.find(&s); err != nil || !ok {
			t.Errorf("%+v is not found in %s: %v", s, data, err)
		}
	}
}
