package main

// workflowOf is what runs weighlock on a forge.
func workflowOf(forge string) written {
	if forge == "gitlab" {
		return written{".gitlab-ci.yml", gitLabPipeline}
	}
	return written{".github/workflows/weighlock.yml", gitHubWorkflow}
}

const gitHubWorkflow = `name: Weighlock
on:
  pull_request:
  push: {branches: [main]}
  issue_comment: {types: [created]}
permissions: {contents: write, pull-requests: write, issues: write, checks: write, statuses: write, deployments: write}
jobs:
  weighlock-run:
    if: github.event_name != 'issue_comment' || github.event.issue.pull_request && contains(github.event.comment.body, '/')
    runs-on: ubuntu-latest
    steps:
    - uses: actions/checkout@v4
    - uses: weighlock/weighlock@v1
      with:
        kubeconfig: ${{ secrets.KUBECONFIG }}
        digest-key: ${{ secrets.WEIGHLOCK_DIGEST_KEY }}
`

const gitLabPipeline = `include:
- component: $CI_SERVER_FQDN/weighlock/weighlock/weighlock@1
`
