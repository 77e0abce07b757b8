package action_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/weighlock/weighlock/action"
	"github.com/weighlock/weighlock/action/actiontest"
	"github.com/weighlock/weighlock/bot"
	"github.com/weighlock/weighlock/bot/checkout"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/forgetest"
	"github.com/weighlock/weighlock/bot/offline"
	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/enginetest"
	"github.com/weighlock/weighlock/engine/kube"
	"github.com/weighlock/weighlock/engine/project"
)

var update = flag.Bool("update", false, "rewrite the conversations' transcripts")

// TestConversations plays the archives of testdata/script: steps in the archive's comment, what repositories hold as files
// below the names of their commits, and in transcript.md all that people get to see for it. That is what they see on GitHub; on GitLab it is
// the same but for what [portable] leaves out, or else as transcript.gitlab.md has it. See [conversation.step] for the steps. The bot is the real one, behind the door of a CI job, with a stand-in for the forge, real git and the test
// cluster, where each conversation has a namespace of its own.
func TestConversations(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("found %d conversations, %v", len(files), err)
	}
	cluster := enginetest.Start(t)
	connected, err := kube.Open(kube.Config{Kubeconfigs: []string{cluster.Kubeconfig()}})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for kind, name := range []string{"GitHub", "GitLab"} {
				t.Run(name, func(t *testing.T) {
					c := converse(t, cluster, connected, archive, forgeKind(kind))
					for line := range strings.Lines(string(archive.Comment)) {
						c.step(strings.TrimSpace(line))
					}
					c.compare(file, archive)
				})
			}
		})
	}
}

// A conversation is a repository with a project on a forge and in a cluster, and what is said there.
type conversation struct {
	*testing.T
	kind      forgeKind
	cluster   *enginetest.Cluster
	connected *kube.Cluster
	namespace string
	repo      forge.Repo
	forge     forgetest.Server
	git       *actiontest.Git
	runner    *actiontest.Runner
	commits   map[string]map[string]string // their files, by the names that the archive gives them
	names     map[string]string            // of commits, by SHA
	main      string                       // the commit of the main branch
	heads     map[int]string               // of pull requests
	branches  map[string]string            // others, by name
	onto      string                       // the one of them that the pull request goes to; "" is main
	number    int                          // of the pull request that is talked about
	shift     time.Duration                // of the bot's clock
	down      bool                         // nobody gets to the cluster
	merged    string                       // the commit that merged a pull request
	queued    string                       // the commit that the merge queue would make of main
	last      forgetest.Webhook            // of the last job, with what that checked out
	lastRef   string
	during    *interruption
	seen      map[int64]seen // comments, as they were told last
	records   []string       // checks and deployments, as they were told last
	requests  int            // to the forge, up to the last that were told
	out       strings.Builder
}

// seen is what was told of a comment.
type seen struct {
	body      string
	reactions int
	hidden    bool
}

// usual is what the main branch holds where the archive does not say otherwise: two targets, each with a ConfigMap.
var usual = map[string]string{
	".weighlock.yaml":        "version: 1\nprojects: [{path: deploy, name: shop}]\ntargets:\n  staging: {deploy: merge, prune: apply}\n  prod: {deploy: command}\n",
	"deploy/.kluctl.yaml":    "targets: [{name: staging}, {name: prod}]\ndiscriminator: \"NAMESPACE-{{ target.name }}\"\n",
	"deploy/deployment.yaml": "deployments: [{path: app}]\n",
	"deploy/app/map.yaml":    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"map-{{ target.name }}\", namespace: NAMESPACE}\ndata: {color: red}\n",
}

func converse(t *testing.T, cluster *enginetest.Cluster, connected *kube.Cluster, archive *txtar.Archive, kind forgeKind) *conversation {
	t.Helper()
	c := &conversation{
		T: t, kind: kind, cluster: cluster, connected: connected, namespace: cluster.Namespace(t), repo: forge.Repo{Owner: "acme", Name: "shop"},
		commits: map[string]map[string]string{"main": {}}, names: map[string]string{}, heads: map[int]string{}, branches: map[string]string{}, seen: map[int64]seen{},
	}
	for name, text := range usual {
		c.commits["main"][name] = text
	}
	for _, f := range archive.Files {
		if commit, name, ok := strings.Cut(f.Name, "/"); ok {
			if c.commits[commit] == nil {
				c.commits[commit] = map[string]string{}
			}
			c.commits[commit][name] = string(f.Data)
		}
	}
	dir := t.TempDir()
	var err error
	if c.git, err = actiontest.NewGit(t.Context(), dir, c.repo.String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.git.Close() })
	c.runner = &actiontest.Runner{Repo: c.repo, Git: c.git, Kubeconfig: cluster.Kubeconfig(), Dir: dir, Full: true}
	options := forgetest.Options{Violation: func(err error) { t.Errorf("%v", err) }, Clock: time.Now}
	if kind == gitLab {
		c.git.MergeRequests = true
		if c.runner.GitLab, err = forgetest.NewGitLab(options); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.runner.GitLab.Close)
		c.forge = c.runner.GitLab
		c.forge.AddRepo(c.repo, forgetest.RepoOptions{Private: true})
		c.runner.GitLab.AddToken(actiontest.ProjectToken, actiontest.ProjectBot)
		c.forge.SetPermission(c.repo, actiontest.ProjectBot, forge.Write)
	} else {
		if c.runner.GitHub, err = forgetest.NewGitHub(options); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.runner.GitHub.Close)
		c.forge = c.runner.GitHub
		c.forge.AddRepo(c.repo, forgetest.RepoOptions{Private: true})
		c.runner.GitHub.AddToken(actiontest.ActionsToken, forgetest.Token{Actions: true})
	}
	for login, p := range map[string]forge.Permission{"grace": forge.Write, "mary": forge.Maintain, "eve": forge.Read} {
		c.forge.SetPermission(c.repo, login, p)
	}
	c.main = c.commit("main", "")
	return c
}

// commit makes the commit of that name on top of another one.
func (c *conversation) commit(name, onto string) string {
	c.Helper()
	files, ok := c.commits[name]
	if !ok {
		c.Fatalf("the archive has no files of commit %s", name)
	}
	here := map[string]string{}
	for path, text := range files {
		here[path] = strings.ReplaceAll(text, "NAMESPACE", c.namespace)
	}
	sha := c.must(c.git.Import(c.Context(), name, onto, here))
	c.names[sha] = name
	return sha
}

func (c *conversation) must(out string, err error) string {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
	return out
}

// refs sets what the forge has of the pull request's commits, and returns the ref that its jobs check out.
func (c *conversation) refs(number int) string {
	c.Helper()
	base := c.main
	if c.onto != "" {
		base = c.branches[c.onto]
	}
	merge := c.must(c.git.PullRefs(c.Context(), number, base, c.heads[number]))
	if merge == "" {
		return c.git.PullRef(number, "head") // no merge commit where there is a conflict
	}
	return c.git.PullRef(number, "merge")
}

// job runs a job for a webhook and tells what came of it.
func (c *conversation) job(hook forgetest.Webhook, ref string) {
	c.Helper()
	c.last, c.lastRef = hook, ref
	env, err := c.runner.Prepare(c.Context(), hook, ref)
	if err != nil {
		c.Fatal(err)
	}
	getenv := func(name string) string { return env[name] }
	var log, shown bytes.Buffer
	var job *action.Job
	var runner action.Runner = &action.GitLabLog{W: &shown, Now: time.Now}
	if c.runner.GitLab != nil {
		job, err = action.ReadGitLab(c.Context(), getenv)
	} else {
		job, err = action.ReadGitHub(getenv)
		runner = action.GitHubLog(io.Discard, getenv)
	}
	if err != nil {
		c.Fatal(err)
	}
	job.Forge = interrupted{job.Forge, c}
	b := &bot.Bot{
		Forge: job.Forge,
		Clone: func(ctx context.Context, refs ...string) (*checkout.Repo, error) {
			return checkout.Open(ctx, job.Workspace, checkout.Options{AllowFile: true, Refs: refs, Auth: checkout.Auth{User: job.User, Token: job.Token}})
		},
		Cluster: func(_ context.Context, _ project.Target, as string) (engine.Cluster, error) {
			if as != "" {
				return kube.Open(kube.Config{Kubeconfigs: []string{c.cluster.Kubeconfig()}, Impersonate: as})
			}
			if c.down {
				return kube.Open(kube.Config{Kubeconfigs: []string{filepath.Join(c.runner.Dir, "nowhere")}})
			}
			return c.connected, nil
		},
		Offline: &offline.Process{Program: os.Args[0], Args: []string{compareOffline}, Limits: offline.DefaultLimits, Log: slog.New(slog.NewTextHandler(&log, nil))},
		Env:     func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		Holder:  job.Run,
		Now:     func() time.Time { return time.Now().Add(c.shift) },
		Log:     slog.New(slog.NewTextHandler(&log, nil)),
	}
	_, err = action.Run(c.Context(), job, b, runner)
	summary := section.ReplaceAll(shown.Bytes(), nil)
	if file := env["GITHUB_STEP_SUMMARY"]; file != "" {
		var readErr error
		if summary, readErr = os.ReadFile(file); readErr != nil {
			c.Fatal(readErr)
		}
	}
	wrote := c.tell()
	if err != nil {
		fmt.Fprintf(&c.out, "=== the job ends red: %v\n", err)
	}
	if !wrote {
		fmt.Fprintf(&c.out, "=== nothing is posted; the job's summary:\n%s\n", strings.TrimSpace(string(summary)))
	}
	if c.runner.GitHub != nil { // a log is no Markdown
		sound(c.T, string(summary))
	}
	if c.Failed() {
		c.Logf("the job's log:\n%s", log.String())
	}
}

// tell tells what has changed on the forge since it was told last, and whether anything was written.
func (c *conversation) tell() bool {
	c.Helper()
	if c.number == 0 {
		return false
	}
	wrote := false
	all := c.forge.Comments(c.repo, c.number)
	for i, comment := range all {
		was, known := c.seen[comment.ID]
		// That a minute has passed is no news.
		edited := known && c.settled(was.body) != c.settled(comment.Body)
		if edited {
			fmt.Fprintf(&c.out, "=== @%s edits comment %d\n%s\n", comment.Author.Login, i+1, shortened(comment.Body))
		} else if !known {
			fmt.Fprintf(&c.out, "=== @%s comments (%d)\n%s\n", comment.Author.Login, i+1, shortened(comment.Body))
		}
		reactions := c.forge.Reactions(comment)
		for _, r := range reactions[was.reactions:] {
			fmt.Fprintf(&c.out, "=== @%s reacts with %s to comment %d\n", r.User.Login, r.Content, i+1)
		}
		if comment.Author.Bot && (!known || edited) {
			wrote = true
			sound(c.T, comment.Body)
		}
		hidden := c.forge.Hidden(comment)
		if hidden && !was.hidden {
			fmt.Fprintf(&c.out, "=== comment %d is folded away as outdated\n", i+1)
		}
		c.seen[comment.ID] = seen{comment.Body, len(reactions), hidden}
	}
	c.tellRecords()
	return wrote
}

// shortened is what a transcript has of a comment: of a very long one its ends and about how long it is.
func shortened(body string) string {
	const long, head, tail = 30_000, 7000, 800
	if len(body) <= long {
		return body
	}
	from, to := strings.LastIndexByte(body[:head], '\n')+1, len(body)-tail+strings.IndexByte(body[len(body)-tail:], '\n')
	return fmt.Sprintf("%s=== … about %d kB …%s", body[:from], len(body)/1000, body[to:])
}

// tellRecords tells what checks and deployments say now, where that is news.
func (c *conversation) tellRecords() {
	var now []string
	for _, commit := range []string{c.heads[c.number], c.queued} {
		for _, check := range c.forge.Checks(c.repo, commit) {
			if strings.HasPrefix(check.Name, "weighlock") {
				now = append(now, fmt.Sprintf("check %s%s: %s, %s", pick(commit == c.queued, "of the queue ", ""), check.Name, check.State, check.Title))
			}
		}
	}
	for i, d := range c.forge.Deployments(c.repo) {
		now = append(now, fmt.Sprintf("deployment %d of %s to %s: %s, %s %s", i+1, short(d.SHA), d.Environment, d.State, d.Description, d.EnvironmentURL))
	}
	for _, line := range now {
		if !slices.Contains(c.records, line) {
			fmt.Fprintf(&c.out, "=== %s\n", strings.TrimSpace(line))
		}
	}
	c.records = now
}

// names are the parts of a request's path that name one thing of many.
var names = regexp.MustCompile(`/([0-9]+|[0-9a-f]{40})(/|$)`)

// tellRequests tells what the forge was asked: what a job costs of the limits on requests.
func (c *conversation) tellRequests() {
	count := map[string]int{}
	all := c.forge.Exchanges()
	for _, e := range all[c.requests:] {
		count[e.Method+" "+names.ReplaceAllString(e.Path, "/*$2")]++
	}
	fmt.Fprintf(&c.out, "=== %d requests\n", len(all)-c.requests)
	for _, what := range slices.Sorted(maps.Keys(count)) {
		fmt.Fprintf(&c.out, "%3d %s\n", count[what], what)
	}
	c.requests = len(all)
}

func pick[T any](b bool, yes, no T) T {
	if b {
		return yes
	}
	return no
}

// expect notes what a person wrote, so that it is not told as ours.
func (c *conversation) expect(comment forge.Comment) {
	c.seen[comment.ID] = seen{body: comment.Body}
}

var (
	volatile = regexp.MustCompile(`answer [a-z]+-[0-9a-f-]+|"[0-9a-f]{8}"|"[0-9a-f]{64}"|\b[0-9a-f]{7,40}\b|([0-9]{4}-[0-9]{2}-[0-9]{2} )?[0-9]{2}:[0-9]{2} UTC|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]+)?Z|\bin [0-9.]+m?s:|comment [0-9]{4} of`)
	section  = regexp.MustCompile(`\x1b\[0Ksection_[a-z]+:[0-9]+:[a-z_]+\r\x1b\[0K(Report\n)?|\x1b\[31mError: [^\x1b]*\x1b\[0m\n`)
	since    = regexp.MustCompile(`,"since":\{[^}]*\}`) // times, told in each marker
	port     = regexp.MustCompile(`127\.0\.0\.1:[0-9]+`)
	kinds    = regexp.MustCompile(`(?:- [0-9]+ kinds? cannot be listed [^\n]*\n)+`) // other tests define some of their own meanwhile
)

// settled is a text with names in place of what differs from one run to the next.
func (c *conversation) settled(text string) string {
	text = strings.ReplaceAll(text, c.namespace, "NAMESPACE")
	text = strings.ReplaceAll(text, c.runner.Dir, "DIR")
	text = kinds.ReplaceAllString(text, "- KINDS cannot be listed\n")
	text = port.ReplaceAllString(since.ReplaceAllString(text, ""), "SERVER")
	return volatile.ReplaceAllStringFunc(text, func(s string) string {
		switch {
		case strings.HasSuffix(s, "UTC"):
			return "TIME"
		case strings.HasPrefix(s, "answer "):
			return "answer FOR"
		case s[0] == '"' && len(s) == 10:
			return `"HASH"`
		case strings.HasPrefix(s, "comment "):
			return "comment ID of"
		case strings.HasPrefix(s, "in "):
			return "in TIME:"
		case strings.HasSuffix(s, "Z"):
			return "DATE"
		case s[0] == '"':
			return `"DIGEST"`
		}
		for sha, name := range c.names {
			if strings.HasPrefix(sha, s) {
				return strings.ToUpper(name)
			}
		}
		return "COMMIT"
	})
}

// compare compares the transcript with the archive's.
func (c *conversation) compare(file string, archive *txtar.Archive) {
	c.Helper()
	got := c.settled(c.out.String())
	at := func(k forgeKind) int {
		return slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == k.transcript() })
	}
	i := at(c.kind)
	alike := c.kind == gitLab && (i < 0 || *update) && at(gitHub) >= 0 && portable(got) == portable(string(archive.Files[at(gitHub)].Data))
	switch {
	case *update && alike && i >= 0:
		archive.Files = slices.Delete(archive.Files, i, i+1)
	case *update && !alike:
		if i < 0 {
			i = len(archive.Files)
			archive.Files = append(archive.Files, txtar.File{Name: c.kind.transcript()})
		}
		archive.Files[i].Data = []byte(got)
	case alike:
		return
	case i < 0 && c.kind == gitLab && at(gitHub) >= 0:
		c.Errorf("%s: on GitLab it went otherwise than on GitHub. Got:\n%s", file, portable(got))
		return
	case i < 0:
		c.Fatalf("%s has no %s; write it with -update and read it", file, c.kind.transcript())
	default:
		if want := string(archive.Files[i].Data); got != want {
			c.Errorf("%s: it went otherwise. Got:\n%s\nwant:\n%s", file, got, want)
		}
		return
	}
	if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
		c.Fatal(err)
	}
}

// An interruption is what happens on the forge in the middle of a job.
type interruption struct {
	verb string
	left int // how many calls of the verb are let through before
	do   func()
}

// interrupted is a forge on which something happens in the middle of a job.
type interrupted struct {
	forge.Forge
	c *conversation
}

func (i interrupted) meet(verb string) {
	d := i.c.during
	if d == nil || d.verb != verb {
		return
	}
	if d.left--; d.left < 0 {
		i.c.during = nil // also for the jobs that it gives rise to
		d.do()
	}
}

func (i interrupted) PullRequest(ctx context.Context, r forge.Repo, number int) (forge.PullRequest, error) {
	i.meet("PullRequest")
	return i.Forge.PullRequest(ctx, r, number)
}

func (i interrupted) PullRequestsOf(ctx context.Context, r forge.Repo, sha string) ([]forge.PullRequest, error) {
	i.meet("PullRequestsOf")
	return i.Forge.PullRequestsOf(ctx, r, sha)
}

func (i interrupted) CreateDeployment(ctx context.Context, n forge.NewDeployment) (forge.Deployment, error) {
	i.meet("CreateDeployment")
	return i.Forge.CreateDeployment(ctx, n)
}

func (i interrupted) Permission(ctx context.Context, r forge.Repo, u forge.User) (forge.Permission, error) {
	i.meet("Permission")
	return i.Forge.Permission(ctx, r, u)
}

func (i interrupted) UpdateComment(ctx context.Context, comment forge.Comment, body string) (forge.Comment, error) {
	i.meet("UpdateComment")
	return i.Forge.UpdateComment(ctx, comment, body)
}

func (i interrupted) CreateComment(ctx context.Context, r forge.Repo, number int, body string) (forge.Comment, error) {
	i.meet("CreateComment")
	return i.Forge.CreateComment(ctx, r, number, body)
}

// compareOffline makes the test binary the process that compares what strangers wrote.
const compareOffline = "compare-offline"

// TestMain lets garbage lie for longer: conversations are short, and there are many.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == compareOffline {
		if err := offline.Serve(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}
