package main

import "testing"

func TestProjectsSeeTheJobsEnvironmentButNotWhatTheJobIsTrustedWith(t *testing.T) {
	t.Parallel()
	env := jobEnv(func(string) (string, bool) { return "value", true })
	for name, want := range map[string]bool{
		"VAULT_TOKEN": true, "AWS_PROFILE": true, "MY_SETTING": true,
		"GITHUB_TOKEN": false, "ACTIONS_RUNTIME_TOKEN": false, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": false, "INPUT_TOKEN": false, digestKeyVariable: false,
	} {
		if _, got := env(name); got != want {
			t.Errorf("%s: seen %v, want %v", name, got, want)
		}
	}
}
