package main

import (
	"slices"
	"strings"
)

// withheld says whether a variable of a CI job's environment holds what the job, or this program, is trusted with. Projects
// cannot load it into their variables: what a pull request renders is shown to all who can read it, and a template can show a
// value in a form that no masking foresees. The clients of stores and SOPS, which these values are for, do get them.
func withheld(name string) bool {
	name = strings.ToUpper(name) // Windows does not tell them apart
	if slices.Contains(withheldNames, name) {
		return true
	}
	return slices.ContainsFunc(withheldPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

var (
	withheldPrefixes = []string{
		"WEIGHLOCK_", "KLUCTL_", // credentials of remotes, the key of digests
		"ACTIONS_", "INPUT_", // tokens of the runner's services, inputs of the action
		"CI_JOB_JWT", "SOPS_",
	}
	withheldNames = []string{
		"GITHUB_TOKEN", "GH_TOKEN", "GITHUB_ENTERPRISE_TOKEN", "GH_ENTERPRISE_TOKEN", "GITLAB_TOKEN",
		"CI_JOB_TOKEN", "CI_REPOSITORY_URL", "CI_REGISTRY_PASSWORD", "CI_DEPLOY_PASSWORD", "CI_DEPENDENCY_PROXY_PASSWORD",
		"VAULT_TOKEN", "DOCKER_AUTH_CONFIG",
		"AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
		"AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PASSWORD", "AZURE_PASSWORD", "ARM_CLIENT_SECRET",
		"GOOGLE_OAUTH_ACCESS_TOKEN", "CLOUDSDK_AUTH_ACCESS_TOKEN",
	}
)
