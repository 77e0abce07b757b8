package forgetest

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/testdata/events"
)

// gitLabActions are GitLab's words for what happens to a merge request.
var gitLabActions = map[forge.Action]string{
	forge.Opened:       "open",
	forge.Reopened:     "reopen",
	forge.Synchronized: "update",
	forge.Retargeted:   "update",
	forge.Ready:        "update",
	forge.Drafted:      "update",
	forge.Closed:       "close",
}

// payload reads one of the examples of GitLab's client library.
func payload(file string) object {
	raw, err := events.GitLab.ReadFile("gitlab/" + file)
	if err != nil {
		panic(err) // it is part of the program
	}
	var o object
	if err := json.Unmarshal(raw, &o); err != nil {
		panic(fmt.Sprintf("forgetest: %s: %v", file, err))
	}
	return o
}

// PullRequestWebhook builds the payload that tells of a merge request, as it is
// now, that a user has just opened, merged and so on.
func (g *GitLab) PullRequestWebhook(repo forge.Repo, number int, action forge.Action, by string) Webhook {
	g.mu.Lock()
	defer g.mu.Unlock()
	word, ok := gitLabActions[action]
	if !ok {
		panic(fmt.Sprintf("forgetest: no action %q on a merge request", action))
	}
	p := g.pull(repo, number)
	if p.State == forge.StateMerged {
		word = "merge"
	}
	o := payload("client-go.merge_request.json")
	changed := object{"updated_at": object{"previous": gitLabTime(p.created), "current": gitLabTime(p.updated)}}
	attributes := g.eventMergeRequest(o["object_attributes"].(object), p)
	attributes["action"] = word
	delete(attributes, "system_action")
	attributes["system"] = false
	switch action {
	case forge.Synchronized:
		attributes["oldrev"] = p.previous
	case forge.Retargeted:
		changed["target_branch"] = object{"previous": "another", "current": p.Base.Name}
	case forge.Ready, forge.Drafted:
		changed["draft"] = object{"previous": !p.Draft, "current": p.Draft}
	}
	maps.Copy(o, object{
		"object_attributes": attributes, "user": eventUser(o, g.user(by)), "project": g.eventProject(o["project"].(object), repo),
		"labels": []object{}, "changes": changed, "assignees": []object{}, "reviewers": []object{},
	})
	g.eventRepository(o)
	return g.deliver("Merge Request Hook", o)
}

// CommentWebhook builds the payload that tells of a new note.
func (g *GitLab) CommentWebhook(c forge.Comment) Webhook {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.deliver("Note Hook", g.notePayload(c, c.Author))
}

// EditWebhook builds the payload that tells of a note that somebody has edited. What it said before GitLab does not tell.
func (g *GitLab) EditWebhook(c forge.Comment, _, by string) Webhook {
	g.mu.Lock()
	defer g.mu.Unlock()
	o := g.notePayload(c, g.user(by))
	o["object_attributes"].(object)["action"] = "update"
	return g.deliver("Note Hook", o)
}

func (g *GitLab) notePayload(c forge.Comment, by forge.User) object {
	p := g.pull(c.Repo, c.Number)
	o := payload("client-go.note_merge_request.json")
	maps.Copy(o["object_attributes"].(object), object{
		"id": c.ID, "note": c.Body, "author_id": c.Author.ID, "url": c.URL,
		"created_at": gitLabTime(c.Created), "updated_at": gitLabTime(c.Updated),
		"project_id": g.repo(c.Repo).id, "noteable_id": p.id,
	})
	maps.Copy(o, object{
		"user": eventUser(o, by), "project_id": g.repo(c.Repo).id,
		"project":       g.eventProject(o["project"].(object), c.Repo),
		"merge_request": g.eventMergeRequest(o["merge_request"].(object), p),
	})
	g.eventRepository(o)
	return o
}

// PushWebhook builds the payload that tells of a push. What GitLab says of open
// merge requests onto the branch stays as it was.
func (g *GitLab) PushWebhook(push Push) Webhook {
	g.mu.Lock()
	defer g.mu.Unlock()
	r, by := g.repo(push.Repo), g.user(push.By)
	r.mention(push.After)
	o := payload("client-go.push.json")
	commit := o["commits"].([]any)[0].(object)
	commit["id"], commit["url"] = push.After, fmt.Sprintf("%s/%s/-/commit/%s", g.url, push.Repo, push.After)
	maps.Copy(o, object{
		"ref": "refs/heads/" + push.Branch, "before": push.Before, "after": push.After, "checkout_sha": push.After,
		"user_id": by.ID, "user_name": by.Login, "user_username": by.Login, "user_email": by.Login + "@example.com",
		"project_id": r.id, "project": g.eventProject(o["project"].(object), push.Repo),
		"commits": []object{commit}, "total_commits_count": 1,
	})
	if push.Before == "" {
		o["before"] = noCommit
	}
	if push.After == "" {
		o["after"], o["checkout_sha"], o["commits"], o["total_commits_count"] = noCommit, nil, []object{}, 0
	}
	g.eventRepository(o)
	return g.deliver("Push Hook", o)
}

// gitLabTime is a time in the older form, which payloads still have.
func gitLabTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

func eventUser(example object, u forge.User) object {
	o := maps.Clone(example["user"].(object))
	o["id"], o["name"], o["username"], o["email"] = u.ID, u.Login, u.Login, "[REDACTED]"
	return o
}

// eventProject fills an example's project with ours.
func (g *GitLab) eventProject(example object, repo forge.Repo) object {
	r := g.repo(repo)
	web := g.url + "/" + repo.String()
	ssh := "git@gitlab.example.com:" + repo.String() + ".git"
	level := 20
	if r.options.Private {
		level = 0
	}
	o := maps.Clone(example)
	maps.Copy(o, object{
		"name": repo.Name, "web_url": web, "git_ssh_url": ssh, "git_http_url": web + ".git",
		"namespace": repo.Owner, "visibility_level": level, "path_with_namespace": repo.String(),
		"default_branch": r.options.DefaultBranch, "homepage": web, "url": ssh, "ssh_url": ssh, "http_url": web + ".git",
	})
	if _, ok := o["id"]; ok {
		o["id"] = r.id
	}
	return o
}

// eventRepository fills the part that GitLab calls deprecated.
func (g *GitLab) eventRepository(o object) {
	repository, project := o["repository"].(object), o["project"].(object)
	for name := range repository {
		repository[name] = project[name]
	}
}

// eventMergeRequest fills an example's merge request with ours. Draft and the
// merge commit are newer than the example.
func (g *GitLab) eventMergeRequest(example object, p *pull) object {
	o := maps.Clone(example)
	maps.Copy(o, object{
		"id": p.id, "iid": p.Number, "title": p.Title, "description": p.body, "url": p.URL, "author_id": p.Author.ID,
		"state": gitLabStates[p.State], "draft": p.Draft, "work_in_progress": p.Draft,
		"created_at": gitLabTime(p.created), "updated_at": gitLabTime(p.updated),
		"source_branch": p.Head.Name, "target_branch": p.Base.Name,
		"source_project_id": g.repo(p.Head.Repo).id, "target_project_id": g.repo(p.Base.Repo).id,
		"source": g.eventProject(o["source"].(object), p.Head.Repo), "target": g.eventProject(o["target"].(object), p.Base.Repo),
		"merge_commit_sha": nullable(p.MergeCommit), "labels": []object{}, "milestone_id": nil,
		"assignee_id": nil, "assignee_ids": []int{}, "reviewer_ids": []int{},
	})
	delete(o, "assignee")
	commit := maps.Clone(o["last_commit"].(object))
	commit["id"] = p.Head.SHA
	commit["url"] = strings.Join([]string{g.url, p.Head.Repo.String(), "-/commit", p.Head.SHA}, "/")
	o["last_commit"] = commit
	return o
}
