package forgetest

import (
	"fmt"
	"maps"
	"strings"

	"github.com/weighlock/weighlock/bot/forge"
)

// gitHubActions are GitHub's words for what happens to a pull request.
var gitHubActions = map[forge.Action]string{
	forge.Opened:       "opened",
	forge.Reopened:     "reopened",
	forge.Synchronized: "synchronize",
	forge.Retargeted:   "edited",
	forge.Ready:        "ready_for_review",
	forge.Drafted:      "converted_to_draft",
	forge.Closed:       "closed",
}

// PullRequestWebhook builds the payload that tells of a pull request, as it is
// now, that a user has just opened, merged and so on.
func (g *GitHub) PullRequestWebhook(repo forge.Repo, number int, action forge.Action, by string) Webhook {
	g.mu.Lock()
	defer g.mu.Unlock()
	word, ok := gitHubActions[action]
	if !ok {
		panic(fmt.Sprintf("forgetest: no action %q on a pull request", action))
	}
	p := g.pull(repo, number)
	o := object{
		"action": word, "number": number, "pull_request": g.pullJSON(p),
		"repository": g.repoJSON(g.repo(repo)), "sender": g.userJSON(g.user(by)),
	}
	switch action {
	case forge.Synchronized:
		o["before"], o["after"] = p.previous, p.Head.SHA
	case forge.Retargeted:
		o["changes"] = object{"base": object{"ref": object{"from": "another"}, "sha": object{"from": p.Base.SHA}}}
	}
	return g.webhook("pull_request", "webhook-pull-request-"+strings.ReplaceAll(word, "_", "-"), o)
}

// CommentWebhook builds the payload that tells of a new comment.
func (g *GitHub) CommentWebhook(c forge.Comment) Webhook {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.webhook("issue_comment", "webhook-issue-comment-created", g.commentPayload(c, "created", c.Author.Login))
}

// EditWebhook builds the payload that tells of a comment that somebody has edited, which said something else before.
func (g *GitHub) EditWebhook(c forge.Comment, before, by string) Webhook {
	g.mu.Lock()
	defer g.mu.Unlock()
	o := g.commentPayload(c, "edited", by)
	o["changes"] = object{"body": object{"from": before}}
	return g.webhook("issue_comment", "webhook-issue-comment-edited", o)
}

func (g *GitHub) commentPayload(c forge.Comment, action, by string) object {
	return object{
		"action": action, "issue": g.issueJSON(g.pull(c.Repo, c.Number)), "comment": g.commentJSON(&comment{Comment: c}),
		"repository": g.repoJSON(g.repo(c.Repo)), "sender": g.userJSON(g.user(by)),
	}
}

// PushWebhook builds the payload that tells of a push. Open pull requests onto
// the branch see their base move.
func (g *GitHub) PushWebhook(push Push) Webhook {
	g.mu.Lock()
	defer g.mu.Unlock()
	r, by := g.repo(push.Repo), g.user(push.By)
	for _, p := range r.pulls {
		if p.State == forge.StateOpen && p.Base.Name == push.Branch && push.After != "" {
			p.Base.SHA = push.After
		}
	}
	r.mention(push.After)
	o := g.example(examplePush, push.Repo, 0)
	maps.Copy(o, object{
		"ref": "refs/heads/" + push.Branch, "before": push.Before, "after": push.After,
		"created": push.Before == "", "deleted": push.After == "", "forced": false,
		"compare": fmt.Sprintf("%s/%s/compare/%.12s...%.12s", gitHubURL, push.Repo, push.Before, push.After),
		"pusher":  object{"name": by.Login, "email": by.Login + "@users.noreply.github.com"},
		"sender":  g.userJSON(by),
	})
	head := o["head_commit"].(object)
	head["id"], head["url"] = push.After, fmt.Sprintf("%s/%s/commit/%s", gitHubURL, push.Repo, push.After)
	o["commits"] = []object{head}
	if push.Before == "" {
		o["before"] = noCommit
	}
	if push.After == "" {
		o["after"], o["head_commit"], o["commits"] = noCommit, nil, []object{}
	}
	repository := g.fillRepo(o["repository"].(object), r)
	repository["master_branch"] = r.options.DefaultBranch
	repository["owner"].(object)["name"] = r.name.Owner
	delete(o, "installation")
	return g.webhook("push", "webhook-push", o)
}

// MergeGroupWebhook builds the payload that asks for checks of what a merge
// queue would make of the branch that a pull request goes to.
func (g *GitHub) MergeGroupWebhook(repo forge.Repo, number int, sha string) Webhook {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.pull(repo, number)
	g.repo(repo).mention(sha)
	o := g.example(exampleMergeGroup, repo, 0)
	group := o["merge_group"].(object)
	maps.Copy(group, object{
		"head_sha": sha, "base_sha": p.Base.SHA, "base_ref": "refs/heads/" + p.Base.Name,
		"head_ref": fmt.Sprintf("refs/heads/gh-readonly-queue/%s/pr-%d-%s", p.Base.Name, number, p.Base.SHA),
	})
	group["head_commit"].(object)["id"] = sha
	o["repository"], o["sender"] = g.repoJSON(g.repo(repo)), g.userJSON(p.Author)
	delete(o, "installation")
	delete(o, "organization")
	return g.webhook("merge_group", "webhook-merge-group-checks-requested", o)
}

// webhook finishes a payload and checks it against the description.
func (g *GitHub) webhook(name, schema string, payload object) Webhook {
	w := g.deliver(name, payload)
	if g.delivered%g.sample != 0 {
		return w
	}
	if err := g.described.value(schema, w.Body); err != nil {
		g.violation(fmt.Errorf("payload of %s: %w", name, err))
	}
	return w
}
