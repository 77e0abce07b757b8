package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/weighlock/weighlock/bot/checkout"
)

// A surrounding is what the clone tells of where it lives.
type surrounding struct {
	// forge is "github", "gitlab" or, where nothing tells, "".
	forge string
	// why says what told the forge.
	why string
	// branch is the default branch.
	branch string
	// root is the clone's root, if the directory is another one of it.
	root string
}

// surroundings reads what the clone in dir tells. That there is none is no error: there is less to guess then.
func surroundings(ctx context.Context, dir string) surrounding {
	out := surrounding{branch: "main"}
	if repo, err := checkout.Open(ctx, dir, checkout.Options{}); err == nil {
		defer repo.Close()
		if out.forge = forgeOf(repo.Remote()); out.forge != "" {
			out.why = "the clone's remote says"
		}
		if here, err := filepath.Abs(dir); err == nil && !sameDir(here, repo.Root()) {
			out.root = repo.Root()
		}
		if branch := repo.DefaultBranch(ctx); branch != "" {
			out.branch = branch
		}
	}
	for _, of := range [][2]string{{gitLabFile, "gitlab"}, {".github", "github"}} {
		if _, err := os.Stat(filepath.Join(dir, of[0])); err == nil && out.forge == "" {
			out.forge, out.why = of[1], "there is "+of[0]
		}
	}
	return out
}

// sameDir says whether both name one directory, whatever links lead there.
func sameDir(a, b string) bool {
	x, err := os.Stat(a)
	y, wrong := os.Stat(b)
	return err != nil || wrong != nil || os.SameFile(x, y)
}

// usedBy is the file of another workflow of GitHub's that runs weighlock; "" if there is none.
func (f *initFlags) usedBy() string {
	if f.forge != "github" {
		return ""
	}
	files, err := filepath.Glob(filepath.Join(f.dir, ".github", "workflows", "*.y*ml"))
	if err != nil {
		return ""
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err == nil && usesWeighlock.Match(text) && filepath.Base(file) != path.Base(gitHubFile) {
			return path.Join(".github", "workflows", filepath.Base(file))
		}
	}
	return ""
}

var usesWeighlock = regexp.MustCompile(`(?m)^[^#\n]*uses: *["']?weighlock/weighlock@`)

// forgeOf tells the forge by a remote's address: https://gitlab.example.com/a/b or git@github.com:a/b.
func forgeOf(remote string) string {
	host := remote
	if u, err := url.Parse(remote); err == nil && u.Host != "" {
		host = u.Hostname()
	} else {
		host, _, _ = strings.Cut(host, ":")
		host = host[strings.LastIndex(host, "@")+1:]
	}
	for _, label := range strings.Split(strings.ToLower(host), ".") {
		if label == "github" || label == "gitlab" {
			return label
		}
	}
	return ""
}

const (
	gitHubFile = ".github/workflows/weighlock.yml"
	gitLabFile = ".gitlab-ci.yml"
)

// workflow is what runs weighlock on the forge.
func (f *initFlags) workflow(branch string) (written, error) {
	if f.forge == "gitlab" {
		return f.pipeline()
	}
	name, err := yaml.Marshal(branch)
	if err != nil {
		return written{}, err
	}
	return written{name: gitHubFile, text: fmt.Sprintf(gitHubWorkflow, strings.TrimSpace(string(name)))}, nil
}

// pipeline is a pipeline that includes the component. To one that is there already the component is added, as text, so that
// what else is in it stays as it is.
func (f *initFlags) pipeline() (written, error) {
	old, err := os.ReadFile(filepath.Join(f.dir, gitLabFile))
	if errors.Is(err, fs.ErrNotExist) {
		return written{name: gitLabFile, text: "include:\n" + gitLabComponent}, nil
	}
	if err != nil || strings.Contains(string(old), "/weighlock/weighlock@") {
		return written{name: gitLabFile, text: string(old)}, err
	}
	if bytes.Contains(old, []byte("\n---")) {
		return written{}, fmt.Errorf("%s has a header of its own: add to the include of what follows it\n%s", gitLabFile, gitLabComponent)
	}
	var jobs struct {
		Stages  []string
		Include yaml.Node
	}
	if err := yaml.Unmarshal(old, &jobs); err != nil {
		return written{}, fmt.Errorf("%s: %w", gitLabFile, err)
	}
	component := gitLabComponent
	if n := len(jobs.Stages); n > 0 && !slices.Contains(jobs.Stages, "deploy") {
		component += fmt.Sprintf("  inputs: {stage: %q}\n", jobs.Stages[n-1])
	}
	out := written{name: gitLabFile, added: component}
	switch list := jobs.Include; {
	case list.IsZero():
		out.text = "include:\n" + component + "\n" + string(old)
	case list.Kind == yaml.SequenceNode && list.Style&yaml.FlowStyle == 0:
		indent := strings.Repeat(" ", list.Column-1)
		lines := strings.SplitAfter(string(old), "\n")
		lines[list.Line-1] = indent + strings.ReplaceAll(strings.TrimSuffix(component, "\n"), "\n", "\n"+indent) + "\n" + lines[list.Line-1]
		out.text = strings.Join(lines, "")
	default:
		return written{}, fmt.Errorf("%s:%d: write include as a list, one entry a line, and add\n%s", gitLabFile, list.Line, component)
	}
	return out, nil
}

// Whoever can push a branch can change what its workflow does, and so has what a job of it has: what deploys is a secret of
// an environment that only the default branch may use. An empty name is none.
const gitHubWorkflow = `name: Weighlock
on:
  pull_request: {types: [opened, synchronize, reopened, edited, ready_for_review, converted_to_draft]}
  push: {branches: [%s]}
  issue_comment: {types: [created]}
permissions: {contents: read, pull-requests: write, issues: write, checks: write, statuses: write, deployments: write}
jobs:
  weighlock-run:
    if: github.event_name != 'issue_comment' || github.event.issue.pull_request && contains(github.event.comment.body, '/')
    runs-on: ubuntu-latest
    environment: ${{ github.event_name != 'pull_request' && 'weighlock' || '' }}   # holds KUBECONFIG, for the default branch alone
    steps:
    - uses: actions/checkout@v4
    - uses: weighlock/weighlock@v1
      with:
        kubeconfig: ${{ secrets.KUBECONFIG }}
        preview-kubeconfig: ${{ secrets.KUBECONFIG_PREVIEW }}   # of an identity that cannot write: each branch's jobs can have it
        digest-key: ${{ secrets.WEIGHLOCK_DIGEST_KEY }}
`

const gitLabComponent = "- component: $CI_SERVER_FQDN/weighlock/weighlock/weighlock@1\n"
