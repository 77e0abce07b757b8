package main

import (
	"strings"
	"testing"

	"github.com/weighlock/weighlock/bot/forge"
)

func TestProjectsSeeTheJobsEnvironmentButNotWhatTheJobIsTrustedWith(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"MY_SETTING": false, "VAULT_ADDR": false, "AWS_PROFILE": false, "AWS_REGION": false, "GITHUB_SHA": false, "CI_COMMIT_SHA": false, "PATH": false, "": false,
		"GITHUB_TOKEN": true, "github_token": true, "GH_TOKEN": true, "ACTIONS_RUNTIME_TOKEN": true, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": true, "INPUT_TOKEN": true,
		"CI_JOB_TOKEN": true, "CI_JOB_JWT_V2": true, "CI_REPOSITORY_URL": true, "VAULT_TOKEN": true, "AWS_SECRET_ACCESS_KEY": true, "SOPS_AGE_KEY": true,
		"WEIGHLOCK_GIT_PASSWORD": true, "KLUCTL_REGISTRY_1_PASSWORD": true, digestKeyVariable: true,
	} {
		if got := withheld(name); got != want {
			t.Errorf("%s: withheld %v, want %v", name, got, want)
		}
	}
}

func TestAPullRequestReadsNoTokenOfItsJob(t *testing.T) {
	t.Parallel()
	c := converse(t)
	const setting, other, token = "setting-of-the-job", "another-of-the-job", "t0ken-of-the-job"
	c.runner.Env = append(c.runner.Env, "MY_SETTING="+setting, "OTHER_SETTING="+other, "VAULT_TOKEN="+token)
	reads := func(name, rest string) map[string]string {
		return map[string]string{
			"deploy/deployment.yaml": "vars: [{systemEnvVars: {it: \"" + name + "\"}, sensitive: false" + rest + "}]\ndeployments: [{path: app}]\n",
			"deploy/app/map.yaml":    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"map-{{ target.name }}\", namespace: NAMESPACE}\ndata: {color: \"{{ it | default('none') }}\"}\n",
		}
	}
	c.write(reads("MY_SETTING", ""))
	c.base = c.commit("main")
	c.open(map[string]string{"deploy/app/more.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"more-{{ target.name }}\", namespace: NAMESPACE}\ndata: {color: \"{{ it }}\"}\n"}, 0)
	if body := c.comments()[0].Body; !strings.Contains(body, setting) {
		t.Errorf("a setting of the job is not seen:\n%s", body)
	}
	head := c.branch(reads("OTHER_SETTING", ""))
	c.github.PushHead(testRepo, c.number, head)
	c.preview(forge.Synchronized, head, 0)
	if body := c.comments()[0].Body; strings.Contains(body, other) || !strings.Contains(body, "environment variables OTHER\\_SETTING gives no secrets") {
		t.Errorf("what only the change says to be no secret is shown, or nothing said:\n%s", body)
	}
	for _, name := range []string{"VAULT_TOKEN", "GITHUB_TOKEN", "VAULT_TOKEN:none", "{{ 'VAULT' }}_TOKEN"} {
		head := c.branch(reads(name, ", ignoreMissing: true"))
		c.github.PushHead(testRepo, c.number, head)
		c.preview(forge.Synchronized, head, 1)
		body := c.comments()[0].Body
		if !strings.Contains(body, "is refused") || strings.Contains(body, token) {
			t.Errorf("%s:\n%s", name, body)
		}
	}
}
