package action_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/forgetest"
)

// step carries out a line of a conversation:
//
//	push [COMMIT]                    a push to main, of its first commit or of one on top of what it has
//	open COMMIT LOGIN [draft] [fork|fork-of OWNER] LOGIN opens a pull request of a commit on top of main
//	head COMMIT LOGIN                LOGIN pushes to the pull request
//	ready|drafted|closed|reopened|retargeted LOGIN
//	merge LOGIN                      LOGIN merges the pull request
//	merge-both N1 N2 LOGIN           LOGIN merges two of them by one push, as a merge queue may
//	queue                            the pull request gets into the merge queue, or train, onto what main is at
//	say LOGIN TEXT                   LOGIN comments; \n in TEXT ends a line, @HEAD, @MAIN and @MERGED name commits, @WHOLE the head by its whole id
//	long LOGIN TEXT                  the same, behind 28 kB of other text
//	branch COMMIT LOGIN              LOGIN pushes a branch that goes by the name of its commit, on top of main
//	gone BRANCH                      somebody deletes that branch
//	onto BRANCH LOGIN                LOGIN has the pull request go to that branch
//	force COMMIT LOGIN               LOGIN pushes to the pull request what does not build on what was there, on top of main
//	review LOGIN approved|dismissed|changes   LOGIN approves the head, no longer does, or (GitHub alone) requests changes
//	report NAME STATE [main]         somebody else's check of the head, or of what main is at
//	again                            the last job runs once more
//	late NUMBER                      a job for that comment, which was written before, runs only now
//	pull NUMBER                      says which pull request is talked about; at first the last one that was opened
//	on NUMBER STEP                   the step is about that pull request, what follows again about the one that was talked about
//	permission LOGIN PERMISSION      what LOGIN may do
//	kubectl ARGUMENTS                changes the cluster, or shows of it; FILE is what somebody else wants of map-staging
//	fault REQUEST STATUS [TIMES] [late|cut]   requests of that kind (see [requests]) fail, late: after they took place
//	delete NUMBER                    somebody deletes the comment of that number
//	edit NUMBER LOGIN TEXT           LOGIN edits it
//	rename OWNER/NAME                the repository is called that from now on
//	clock DURATION                   the bot's clock is ahead by that much
//	cluster down|up
//	requests                         tells what the forge was asked since it was told last, and how often
//	quiet STEP                       no job runs for the step
//	during VERB N STEP               the step happens in the middle of the next job, before its Nth call of a verb of the forge;
//	                                 with "job" before it, the jobs that it gives rise to run there, too
//
// Empty lines and those that begin with # say nothing.
func (c *conversation) step(line string) {
	c.Helper()
	if line == "" || strings.HasPrefix(line, "#") {
		return
	}
	fmt.Fprintf(&c.out, "> %s\n", line)
	// The commits have other names each time: say @HEAD and @MAIN for those of the pull request and of the main branch.
	line = strings.NewReplacer("NAMESPACE", c.namespace, "@HEAD", "@"+short(c.tip()), "@WHOLE", "@"+c.tip(), "@MAIN", "@"+short(c.main), "@MERGED", "@"+short(c.merged)).Replace(line)
	c.carryOut(strings.Fields(line), line, c.job)
	c.out.WriteString("\n")
}

// tip is the head of the pull request, or once that is merged what main is at.
func (c *conversation) tip() string {
	if c.merged != "" {
		return c.main
	}
	return c.heads[c.number]
}

func short(sha string) string { return sha[:min(7, len(sha))] }

// carryOut carries out a step; job runs the jobs that it gives rise to.
func (c *conversation) carryOut(words []string, line string, job func(forgetest.Webhook, string)) {
	c.Helper()
	words = append(words, "", "", "", "")
	args := words[1:]
	switch words[0] {
	case "quiet":
		c.carryOut(words[1:], line, func(forgetest.Webhook, string) {})
	case "during":
		n, err := strconv.Atoi(args[1])
		if err != nil {
			c.Fatalf("%s: %v", line, err)
		}
		c.during = &interruption{verb: args[0], left: n - 1, do: func() {
			if words[3] == "job" {
				c.carryOut(words[4:], line, job)
				return
			}
			c.carryOut(words[3:], line, func(forgetest.Webhook, string) {})
		}}
	case "push":
		before := ""
		if args[0] != "" {
			before, c.main = c.main, c.commit(args[0], c.main)
			c.point("refs/heads/main", c.main)
		}
		job(c.forge.PushWebhook(forgetest.Push{Repo: c.repo, Branch: "main", Before: before, After: c.main, By: "grace"}), "refs/heads/main")
	case "open":
		head := forge.Ref{Name: args[0], SHA: c.commit(args[0], c.main)}
		if slices.Contains(args[2:], "fork") {
			head.Repo = forge.Repo{Owner: args[1], Name: c.repo.Name}
		}
		if i := slices.Index(args, "fork-of"); i > 0 {
			head.Repo = forge.Repo{Owner: args[i+1], Name: c.repo.Name}
		}
		c.number = c.forge.OpenPullRequest(forgetest.NewPullRequest{
			Repo: c.repo, Title: args[0], Author: args[1], Head: head, Base: forge.Ref{SHA: c.main}, Draft: slices.Contains(args[2:], "draft"),
		})
		c.heads[c.number] = head.SHA
		var files []forge.ChangedFile
		for _, name := range slices.Sorted(maps.Keys(c.commits[args[0]])) {
			files = append(files, forge.ChangedFile{Path: name})
		}
		c.forge.SetChangedFiles(c.repo, c.number, files)
		job(c.forge.PullRequestWebhook(c.repo, c.number, forge.Opened, args[1]), c.refs(c.number))
	case "head":
		c.heads[c.number] = c.commit(args[0], c.heads[c.number])
		c.forge.PushHead(c.repo, c.number, c.heads[c.number])
		job(c.forge.PullRequestWebhook(c.repo, c.number, forge.Synchronized, args[1]), c.refs(c.number))
	case "branch":
		c.branches[args[0]] = c.commit(args[0], c.main)
		job(c.forge.PushWebhook(forgetest.Push{Repo: c.repo, Branch: args[0], After: c.branches[args[0]], By: args[1]}), "refs/heads/"+args[0])
	case "gone":
		c.must(c.git.Run(c.Context(), "push", "--quiet", "origin", ":refs/heads/"+args[0]))
	case "onto":
		c.onto = args[0]
		c.forge.SetBase(c.repo, c.number, forge.Ref{Name: args[0], SHA: c.branches[args[0]]})
		if c.runner.GitLab == nil {
			job(c.forge.PullRequestWebhook(c.repo, c.number, forge.Retargeted, args[1]), c.refs(c.number))
		}
	case "force":
		c.heads[c.number] = c.commit(args[0], c.main)
		c.forge.PushHead(c.repo, c.number, c.heads[c.number])
		job(c.forge.PullRequestWebhook(c.repo, c.number, forge.Synchronized, args[1]), c.refs(c.number))
	case "ready", "drafted", "closed", "reopened", "retargeted":
		switch words[0] {
		case "ready", "drafted":
			c.forge.SetDraft(c.repo, c.number, words[0] == "drafted")
		case "closed":
			c.forge.ClosePullRequest(c.repo, c.number)
		case "reopened":
			c.forge.ReopenPullRequest(c.repo, c.number)
		}
		if c.runner.GitLab == nil || words[0] == "reopened" { // the others start no pipeline of GitLab's
			job(c.forge.PullRequestWebhook(c.repo, c.number, forge.Action(words[0]), args[0]), c.refs(c.number))
		}
	case "merge":
		c.merge(args[0], job)
	case "merge-both":
		c.mergeBoth(args[:3], job)
	case "queue":
		c.queue(job)
	case "say", "long":
		_, text, _ := strings.Cut(line, " say ")
		if text == "" {
			text = strings.TrimPrefix(line, words[0]+" ")
		}
		_, text, _ = strings.Cut(text, " ")
		if words[0] == "long" {
			text = strings.Repeat("A sentence of a long story.\n\n", 1000) + text
		}
		comment := c.forge.Comment(c.repo, c.number, args[0], strings.ReplaceAll(text, `\n`, "\n"))
		c.expect(comment)
		job(c.forge.CommentWebhook(comment), "refs/heads/main")
	case "late":
		n, err := strconv.Atoi(args[0])
		if err != nil {
			c.Fatal(err)
		}
		job(c.forge.CommentWebhook(c.forge.Comments(c.repo, c.number)[n-1]), "refs/heads/main")
	case "review":
		state := forge.ReviewState(args[1])
		if args[1] == "changes" {
			state = forge.ReviewChanges
		}
		c.forge.Review(c.repo, c.number, args[0], state)
	case "report":
		if at := pick(args[2] == "main", c.main, c.heads[c.number]); c.number > 0 {
			c.forge.Report(c.repo, at, forge.CheckResult{Name: args[0], State: forge.CheckState(args[1])})
		}
	case "again":
		c.job(c.last, c.lastRef)
	case "on":
		was := c.number
		c.number, _ = strconv.Atoi(args[0])
		c.carryOut(words[2:], line, job)
		c.number = was
	case "pull":
		c.number, _ = strconv.Atoi(args[0])
	case "permission":
		p, err := forge.ParsePermission(args[1])
		if err != nil {
			c.Fatal(err)
		}
		c.forge.SetPermission(c.repo, args[0], p)
	case "kubectl":
		_, rest, _ := strings.Cut(line, "kubectl ")
		if strings.Contains(rest, "FILE") {
			file := filepath.Join(c.runner.Dir, "other.yaml")
			text := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: map-staging}\ndata: {color: theirs}\n"
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				c.Fatal(err)
			}
			rest = strings.ReplaceAll(rest, "FILE", file)
		}
		shown := c.cluster.Kubectl(c.T, append(strings.Fields(rest), "--namespace", c.namespace)...)
		if strings.HasPrefix(rest, "get ") {
			c.out.WriteString(strings.TrimSpace(shown) + "\n")
		}
	case "fault":
		of, known := requests[args[0]]
		if !known {
			c.Fatalf("%s: there is no such kind of request", line)
		}
		status, _ := strconv.Atoi(args[1])
		times, _ := strconv.Atoi(args[2])
		c.forge.Fail(forgetest.Fault{
			Method: of[c.kind].method, Path: of[c.kind].path, Status: status, Times: times, Late: slices.Contains(args, "late"), Cut: slices.Contains(args, "cut"),
			RetryAfter: pick(status == http.StatusTooManyRequests, time.Second, 0),
		})
	case "delete":
		n, _ := strconv.Atoi(args[0])
		c.forge.DeleteComment(c.forge.Comments(c.repo, c.number)[n-1])
	case "edit":
		n, _ := strconv.Atoi(args[0])
		was := c.forge.Comments(c.repo, c.number)[n-1]
		_, text, _ := strings.Cut(line, " "+args[0]+" "+args[1]+" ")
		c.forge.EditComment(was, text)
		comment := c.forge.Comments(c.repo, c.number)[n-1]
		c.seen[comment.ID] = seen{text, len(c.forge.Reactions(comment)), c.forge.Hidden(comment)}
		job(c.forge.EditWebhook(comment, was.Body, args[1]), "refs/heads/main")
	case "rename":
		to, err := forge.ParseRepo(args[0])
		if err != nil {
			c.Fatal(err)
		}
		c.forge.Rename(c.repo, to)
		c.repo, c.runner.Repo = to, to
		if err := c.git.Rename(to.String()); err != nil {
			c.Fatal(err)
		}
	case "clock":
		d, err := time.ParseDuration(args[0])
		if err != nil {
			c.Fatal(err)
		}
		c.shift = d
	case "requests":
		c.tellRequests()
	case "cluster":
		c.down = args[0] == "down"
		text := "{apiVersion: v1, kind: Config, current-context: gone, clusters: [{name: c, cluster: {server: \"http://127.0.0.1:1\"}}], users: [{name: u, user: {}}], contexts: [{name: gone, context: {cluster: c, user: u}}]}"
		if err := os.WriteFile(filepath.Join(c.runner.Dir, "nowhere"), []byte(text), 0o600); err != nil {
			c.Fatal(err)
		}
	default:
		c.Fatalf("%s: there is no such step", line)
	}
}

// queue has a merge queue ask for checks of the pull request's merge onto main.
func (c *conversation) queue(job func(forgetest.Webhook, string)) {
	c.Helper()
	ref := fmt.Sprintf("refs/heads/gh-readonly-queue/main/pr-%d-%s", c.number, c.main)
	if c.kind == gitLab {
		ref = c.git.PullRef(c.number, "train")
	}
	c.queued = c.must(c.git.Merge(c.Context(), ref, c.main, c.heads[c.number]))
	c.names[c.queued] = "queued"
	if c.kind == gitHub {
		job(c.runner.GitHub.MergeGroupWebhook(c.repo, c.number, c.queued), ref)
		return
	}
	c.runner.Train = c.queued
	job(c.forge.PullRequestWebhook(c.repo, c.number, forge.Reopened, "grace"), ref)
	c.runner.Train = ""
}

// merge merges the pull request onto main as it is.
func (c *conversation) merge(by string, job func(forgetest.Webhook, string)) {
	c.Helper()
	head, before := c.heads[c.number], c.main
	c.main = c.must(c.git.Merge(c.Context(), "refs/heads/main", before, head))
	c.names[c.main], c.merged = "merged", c.main
	c.forge.Merge(c.repo, c.number, c.main, by)
	job(c.forge.PushWebhook(forgetest.Push{Repo: c.repo, Branch: "main", Before: before, After: c.main, By: by}), "refs/heads/main")
}

// mergeBoth merges two pull requests by one push.
func (c *conversation) mergeBoth(args []string, job func(forgetest.Webhook, string)) {
	c.Helper()
	before := c.main
	for n, number := range args[:2] {
		c.number, _ = strconv.Atoi(number)
		c.main = c.must(c.git.Merge(c.Context(), "refs/heads/main", c.main, c.heads[c.number]))
		c.names[c.main] = fmt.Sprint("merged", n+1)
		c.forge.Merge(c.repo, c.number, c.main, args[2])
	}
	c.merged = c.main
	job(c.forge.PushWebhook(forgetest.Push{Repo: c.repo, Branch: "main", Before: before, After: c.main, By: args[2]}), "refs/heads/main")
}

func (c *conversation) point(ref, commit string) {
	c.Helper()
	if err := c.git.Point(ref, commit); err != nil {
		c.Fatal(err)
	}
}
