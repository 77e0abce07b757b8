package bot

import (
	"reflect"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/bot/forge"
)

func TestTheMoreExactAndTheLaterEntryWins(t *testing.T) {
	t.Parallel()
	c, err := ParseConfig("c.yaml", []byte(`
version: 1
projects: [{path: deploy, name: shop}, {path: infra}]
targets:
  prod: {deploy: command}
  "*": {deploy: merge, allow: {permission: maintain}}
  "pro*": {deploy: never}
  "p*": {prune: apply, deploy: merge}
  infra:prod: {deploy: never, lock: optional}
`))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []struct {
		project, target string
		deploy          DeployMode
		prune           PruneMode
		lock            LockMode
	}{
		{"shop", "staging", DeployOnMerge, PruneReport, LockRequired},
		{"shop", "prod", DeployOnCommand, PruneApply, LockRequired},
		{"infra", "prod", DeployNever, PruneApply, LockOptional},
		{"shop", "pro2", DeployNever, PruneApply, LockRequired},
	} {
		want := defaultPolicy()
		want.Deploy, want.Prune, want.Lock, want.Allow.Permission = w.deploy, w.prune, w.lock, forge.Maintain
		if got := c.Policy(w.project, w.target); !reflect.DeepEqual(got, want) {
			t.Errorf("%s:%s: got %+v, want %+v", w.project, w.target, got, want)
		}
	}
	explained := map[string]string{}
	for _, r := range c.Explain("infra", "prod") {
		explained[r.Key] = r.Value + " from " + r.From
	}
	for key, want := range map[string]string{
		"deploy": "never from c.yaml:9 (infra:prod)", "lock": "optional from c.yaml:9 (infra:prod)", "prune": "apply from c.yaml:8 (p*)",
		"allow.permission": "maintain from c.yaml:6 (*)", "approvals": "0 from default", "environment.name": "prod from default",
	} {
		if explained[key] != want {
			t.Errorf("%s: explained as %q, want %q", key, explained[key], want)
		}
	}
	if c.Projects[1].Name != "infra" {
		t.Errorf("the name of a project is the base name of its path, got %q", c.Projects[1].Name)
	}
}

func TestRemoteBasesAreRefusedUnlessTheConfigurationAllowsThem(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]bool{"": false, "version: 1\n": false, "version: 1\nremoteBases: true\n": true} {
		c, err := ParseConfig("c.yaml", []byte(file))
		if err != nil || c.RemoteBases != want {
			t.Errorf("%q: %+v, %v", file, c, err)
		}
	}
}

func TestAnEntryIsForTheTargetOfExactlyThatNameAlsoWhereItReadsLikeAPattern(t *testing.T) {
	t.Parallel()
	if c, err := ParseConfig("c.yaml", []byte("version: 1\ntargets:\n  prod-*: {approvals: 2}\n  \"*\": {approvals: 0}\n")); err != nil || c.Policy("shop", "prod-eu").Approvals != 2 {
		t.Errorf("a wider glob behind a narrower one wins over it: %v", err)
	}
	c, err := ParseConfig("c.yaml", []byte("version: 1\ntargets:\n  \"prod[eu]\": {approvals: 2}\n"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"prod[eu]": 2, "prode": 2, "prod": 0} {
		if got := c.Policy("shop", name).Approvals; got != want {
			t.Errorf("%s: %d approvals, want %d", name, got, want)
		}
	}
}

func TestWithoutConfigurationNothingDeploysByItself(t *testing.T) {
	t.Parallel()
	if got := DefaultConfig().Policy(".", "prod"); got.Deploy != DeployOnCommand || got.Prune != PruneReport || got.Allow.Permission != forge.Write || !got.RequireReviewed {
		t.Errorf("got %+v", got)
	}
}

func TestMistakesOfAConfigurationAreReportedTogetherWithTheirLines(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file string
		want []string
	}{
		"values": {"version: 2\nprojects:\n- path: ../x\n- {path: a, name: n}\n- {path: b, name: n}\ntargets:\n  prod:\n    deploy: always\n    prune: always\n    allow: {permission: read}\n",
			[]string{"c.yaml:1:", "c.yaml:3:", "c.yaml:5:", "c.yaml:8:", "c.yaml:9:", "report or apply", "c.yaml:10:", "merge, command or never", "triage, write, maintain or admin"}},
		"keys that this version does not know": {"version: 1\ntargets:\n  prod:\n    approval: 1\n    deploys: merge\n",
			[]string{"c.yaml:4:", "approval", "c.yaml:5:", "deploys"}},
		"who and when": {"version: 1\ntargets:\n  prod:\n    approvals: -1\n    checks: some\n    allow:\n      teams: [sre]\n      users: [\"@grace\"]\n    pruneGuard: {max: -1}\n    serviceAccount: deployer\n    environment: {url: shop.example.com}\ncomment: {mode: edit, unchanged: drop, detail: some}\n",
			[]string{"c.yaml:4:", "c.yaml:5:", "required, all or none", "c.yaml:7:", "organisation/team", "c.yaml:8:", "without the @", "c.yaml:9:", "c.yaml:10:", "namespace:name", "c.yaml:11:", "a web address", "c.yaml:12:", "update, new or none", "fold, show or hide", "full, summary or auto"}},
		"remotes": {"version: 1\nremotes:\n- github.com/acme/*\n- https://github.com/acme/lib\n- git@github.com:acme/lib\n- \"http://10.0.0.1:8080/**\"\n- \"github.com/{a,b}\"\n",
			[]string{"c.yaml:4: remotes[1]: found \"https://github.com/acme/lib\", expected host/path", "c.yaml:5: remotes[2]", "c.yaml:7: remotes[4]"}},
		"locks and records": {"version: 1\nrecords:\n  namespace: Not_One\n  keep: -1\ntargets:\n  prod:\n    lock: never\n",
			[]string{"c.yaml:3:", "the name of a namespace", "c.yaml:4:", "c.yaml:7:", "required or optional"}},
		"remoteBases":       {"version: 1\nremoteBases: [github.com/acme/*]\n", []string{"c.yaml:2: remoteBases: "}},
		"a second document": {"version: 1\n---\nversion: 1\n", []string{"second document"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ParseConfig("c.yaml", []byte(c.file))
			if err == nil {
				t.Fatal("no error")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q is not in:\n%v", w, err)
				}
			}
		})
	}
}
