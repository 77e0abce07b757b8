package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/weighlock/weighlock/action/actiontest"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/forgetest"
	"github.com/weighlock/weighlock/serve/servetest"
)

// The people and places of the story.
const (
	maintainer = "grace"
	branch     = "bigger-web"
	project    = "testdata/projects/shop"
	change     = "testdata/projects/shop-change"
)

var repo = forge.Repo{Owner: "acme", Name: "shop"}

// stand is a stand-in for a forge.
type stand interface {
	forgetest.Server
	URL() string
	Close()
}

type story struct {
	runner  *actiontest.Runner
	git     *actiontest.Git
	forge   stand
	kubectl []string
	printed int // comments that were printed
	// server, if not nil, takes webhooks in place of the runner's jobs.
	server *servetest.Server
}

func newStory(ctx context.Context, dir, kubeconfig, kubectl, host string) (*story, error) {
	weighlock, err := filepath.Abs("bin/weighlock")
	if err != nil {
		return nil, err
	}
	g, err := actiontest.NewGit(ctx, dir, repo.String())
	if err != nil {
		return nil, err
	}
	r := &actiontest.Runner{Program: []string{weighlock}, Repo: repo, Git: g, Kubeconfig: kubeconfig, Dir: dir}
	s := &story{git: g, kubectl: []string{kubectl, "--kubeconfig", kubeconfig}, runner: r}
	options := forgetest.Options{Clock: time.Now}
	switch host {
	case "github":
		if r.GitHub, err = forgetest.NewGitHub(options); err == nil {
			s.forge = r.GitHub
			r.GitHub.AddRepo(repo, forgetest.RepoOptions{Private: true})
			r.GitHub.AddToken(actiontest.ActionsToken, forgetest.Token{Actions: true})
		}
	case "gitlab":
		g.MergeRequests = true
		if r.GitLab, err = forgetest.NewGitLab(options); err == nil {
			s.forge = r.GitLab
			r.GitLab.AddRepo(repo, forgetest.RepoOptions{Private: true})
			r.GitLab.AddToken(actiontest.ProjectToken, actiontest.ProjectBot)
			r.GitLab.SetPermission(repo, actiontest.ProjectBot, forge.Write)
		}
	default:
		err = fmt.Errorf("FORGE is %q, want github or gitlab", host)
	}
	if err != nil {
		return nil, errors.Join(err, g.Close())
	}
	s.forge.SetPermission(repo, maintainer, forge.Write)
	return s, nil
}

// serve lets a server take the forge's webhooks.
func (s *story) serve(ctx context.Context, host string) error {
	dir := filepath.Join(s.runner.Dir, "server")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	token := map[string]string{"github": actiontest.ActionsToken, "gitlab": actiontest.ProjectToken}[host]
	s.server = &servetest.Server{
		Program: s.runner.Program, Kind: host, API: s.forge.URL(), Git: strings.TrimSuffix(s.git.URL(), "/"+repo.String()+".git"), Token: token,
		Kubeconfig: s.runner.Kubeconfig, Dir: dir, Signs: host == "gitlab",
	}
	fmt.Println("$ weighlock serve --config server.yaml &   # webhooks, in place of jobs")
	return s.server.Start(ctx)
}

func (s *story) Close() {
	if s.server != nil {
		if err := s.server.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "demo: stopping the server:", err)
		}
	}
	s.forge.Close()
	s.git.Close()
}

// tell tells the story, chapter by chapter.
func (s *story) tell(ctx context.Context) error {
	var base, head string
	var number int
	chapters := []struct {
		title string
		do    func() error
	}{
		{"The project is pushed to main: a job deploys staging, which deploys on merge", func() (err error) {
			if err = s.git.Copy(project); err != nil {
				return err
			}
			if base, err = s.git.Commit(ctx, "main", "The shop"); err != nil {
				return err
			}
			return s.job(ctx, s.forge.PushWebhook(forgetest.Push{Repo: repo, Branch: "main", After: base, By: maintainer}), "refs/heads/main", true)
		}},
		{"Prod is deployed from the command line", func() error { return s.deploy(ctx, "prod") }},
		{"A pull request changes an image, a replica count and a Secret, adds an object and removes one", func() (err error) {
			if head, err = s.change(ctx); err != nil {
				return err
			}
			number = s.forge.OpenPullRequest(forgetest.NewPullRequest{
				Repo: repo, Title: "A bigger web", Author: maintainer, Head: forge.Ref{Name: branch, SHA: head}, Base: forge.Ref{SHA: base},
			})
			if _, err = s.git.PullRefs(ctx, number, base, head); err != nil {
				return err
			}
			hook := s.forge.PullRequestWebhook(repo, number, forge.Opened, maintainer)
			return s.job(ctx, hook, s.git.PullRef(number, "merge"), false)
		}},
		{"A maintainer reads it and comments: /deploy staging", func() error {
			c := s.forge.Comment(repo, number, maintainer, "Looks right.\n\n/deploy staging")
			s.printed++
			return s.job(ctx, s.forge.CommentWebhook(c), "refs/heads/main", false)
		}},
		{"The pull request is merged", func() error {
			merge, err := s.git.Run(ctx, "rev-parse", fmt.Sprintf("%s^{tree}", head))
			if err != nil {
				return err
			}
			if merge, err = s.git.Run(ctx, "commit-tree", merge, "-p", base, "-p", head, "-m", "Merge a bigger web"); err != nil {
				return err
			}
			if _, err = s.git.Run(ctx, "push", "--quiet", "origin", merge+":refs/heads/main"); err != nil {
				return err
			}
			s.forge.Merge(repo, number, merge, maintainer)
			return s.job(ctx, s.forge.PushWebhook(forgetest.Push{Repo: repo, Branch: "main", Before: base, After: merge, By: maintainer}), "refs/heads/main", false)
		}},
		{"What the cluster holds", func() error { return s.show(ctx) }},
	}
	for i, c := range chapters {
		fmt.Printf("\n━━━ %d. %s\n\n", i+1, c.title)
		if err := c.do(); err != nil {
			return fmt.Errorf("%s: %w", c.title, err)
		}
		if number > 0 {
			s.comments(number)
		}
	}
	return nil
}

// change makes the pull request's branch.
func (s *story) change(ctx context.Context) (string, error) {
	if _, err := s.git.Run(ctx, "checkout", "--quiet", "-b", branch); err != nil {
		return "", err
	}
	removed, err := os.Open(filepath.Join(change, "remove.txt"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if err == nil {
		defer removed.Close()
		for lines := bufio.NewScanner(removed); lines.Scan(); {
			if name := strings.TrimSpace(lines.Text()); name != "" && !strings.HasPrefix(name, "#") {
				if err := os.Remove(filepath.Join(s.git.Work, name)); err != nil {
					return "", err
				}
			}
		}
	}
	if err := s.git.Copy(change); err != nil {
		return "", err
	}
	if err := os.Remove(filepath.Join(s.git.Work, "remove.txt")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return s.git.Commit(ctx, branch, "A bigger web")
}

// patience is after how long a job says that it is still at work.
const patience = 2 * time.Second

// job runs a job and prints what it prints, with its summary where nothing is posted for people to read.
func (s *story) job(ctx context.Context, hook forgetest.Webhook, ref string, summary bool) error {
	if s.server != nil {
		return s.deliver(ctx, hook)
	}
	fmt.Printf("$ weighlock action   # for the event %s\n", hook.Name)
	start := time.Now()
	working := time.NewTicker(patience)
	defer working.Stop()
	done := make(chan struct{})
	var job actiontest.Job
	var err error
	go func() {
		defer close(done)
		job, err = s.runner.Run(ctx, hook, ref)
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		case <-working.C:
			fmt.Printf("  … at work for %s\n", time.Since(start).Round(time.Second))
		}
	}
	if err != nil {
		return err
	}
	fmt.Printf("  exit code %d after %s\n", job.ExitCode, time.Since(start).Round(time.Second/10))
	if job.ExitCode != 0 {
		return fmt.Errorf("the job failed:\n%s\n%s", job.Output, job.Summary)
	}
	if summary {
		quote("the job's summary", cmp.Or(job.Summary, job.Output))
	}
	return nil
}

// deliver delivers a webhook, signed, and waits until the server has dealt with it.
func (s *story) deliver(ctx context.Context, hook forgetest.Webhook) error {
	fmt.Printf("  the webhook %s is delivered\n", hook.Name)
	start := time.Now()
	status, err := s.server.Deliver(ctx, hook)
	if err != nil {
		return err
	}
	fmt.Printf("  stored after %s: HTTP %d\n", time.Since(start).Round(time.Millisecond/10), status)
	if status != http.StatusOK {
		return fmt.Errorf("the webhook was not taken: HTTP %d", status)
	}
	if err := s.server.Idle(ctx); err != nil {
		return err
	}
	fmt.Printf("  done after %s\n", time.Since(start).Round(time.Second/10))
	return nil
}

// deploy deploys a target of the work tree from the command line.
func (s *story) deploy(ctx context.Context, target string) error {
	fmt.Printf("$ weighlock deploy --target %s --yes\n", target)
	cmd := exec.CommandContext(ctx, s.runner.Program[0], "deploy", "--target", target, "--yes", "--kubeconfig", s.runner.Kubeconfig)
	cmd.Dir = filepath.Join(s.git.Work, "deploy")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}

// comments prints what was posted since the last time, and the preview again when it was edited.
func (s *story) comments(number int) {
	all := s.forge.Comments(repo, number)
	for _, c := range all[min(s.printed, len(all)):] {
		quote(fmt.Sprintf("@%s comments", c.Author.Login), c.Body)
	}
	s.printed = len(all)
}

func quote(title, body string) {
	fmt.Printf("\n  ┌─ %s\n", title)
	for _, l := range strings.Split(strings.TrimRight(body, "\n"), "\n") {
		fmt.Println("  │", l)
	}
	fmt.Println("  └─")
}

// show prints the objects of both targets.
func (s *story) show(ctx context.Context) error {
	args := append(s.kubectl[1:], "get", "deployments,services,configmaps,secrets", "--all-namespaces", "--selector", "kluctl.io/discriminator",
		"-o", "custom-columns=NAMESPACE:.metadata.namespace,KIND:.kind,NAME:.metadata.name,REPLICAS:.spec.replicas,IMAGE:.spec.template.spec.containers[0].image")
	cmd := exec.CommandContext(ctx, s.kubectl[0], args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}
