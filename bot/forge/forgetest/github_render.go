package forgetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/testdata/events"
)

// gitHubURL is where pages for people are; nothing answers there.
const gitHubURL = "https://github.com"

// What GitHub's examples are about; in answers it is replaced.
const (
	exampleAPI    = "https://api.github.com"
	exampleRepo   = "Codertocat/Hello-World"
	exampleLogin  = "Codertocat"
	exampleNumber = "2"
)

// The examples that answers and payloads are made from.
const (
	examplePullRequest = "octokit-examples.pull_request.opened.12.json"
	exampleComment     = "derived.issue_comment.created-on-pull-request.json"
	exampleMergeGroup  = "octokit-examples.merge_group.checks_requested.0.json"
	examplePush        = "octokit-examples.push.4.json"
)

type object = map[string]any

// example reads one of GitHub's examples, with names and addresses replaced.
// Without a repository or a number those stay as they are.
func (g *GitHub) example(file string, repo forge.Repo, number int) object {
	key := exampleKey{file, repo, number}
	if o, ok := g.examples[key]; ok {
		return clone(o).(object)
	}
	raw, err := events.GitHub.ReadFile("github/" + file)
	if err != nil {
		panic(err) // it is part of the program
	}
	replace := []string{exampleAPI, g.url}
	if repo != (forge.Repo{}) {
		replace = append(replace, exampleRepo, repo.String())
	}
	if number != 0 {
		for _, kind := range []string{"/pulls/", "/pull/", "/issues/"} {
			replace = append(replace, kind+exampleNumber, fmt.Sprint(kind, number))
		}
	}
	var o object
	if err := json.Unmarshal([]byte(strings.NewReplacer(replace...).Replace(string(raw))), &o); err != nil {
		panic(fmt.Sprintf("forgetest: %s: %v", file, err))
	}
	g.examples[key] = o
	return clone(o).(object)
}

// An exampleKey is an example as it was filled in.
type exampleKey struct {
	file   string
	repo   forge.Repo
	number int
}

// clone copies what JSON can hold.
func clone(v any) any {
	switch v := v.(type) {
	case object:
		out := make(object, len(v)+8) // more is put in
		for name, value := range v {
			out[name] = clone(value)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, value := range v {
			out[i] = clone(value)
		}
		return out
	}
	return v
}

// exampleSender is the user of the example of a pull request, which nearly every answer holds.
var exampleSender = sync.OnceValue(func() string {
	raw, err := events.GitHub.ReadFile("github/" + examplePullRequest)
	var o struct{ Sender json.RawMessage }
	if err = errors.Join(err, json.Unmarshal(raw, &o)); err != nil {
		panic(err) // it is part of the program
	}
	return string(o.Sender)
})

// userJSON is GitHub's form of a user within other things.
func (g *GitHub) userJSON(u forge.User) object {
	if o, ok := g.usersJSON[u]; ok {
		return maps.Clone(o) // all its values are simple
	}
	var o object
	if err := json.Unmarshal([]byte(strings.NewReplacer(exampleAPI, g.url, exampleLogin, u.Login).Replace(exampleSender())), &o); err != nil {
		panic(err)
	}
	o["id"], o["login"] = u.ID, u.Login
	if u.Bot {
		o["type"] = "Bot"
	}
	g.usersJSON[u] = o
	return maps.Clone(o)
}

// accountJSON is GitHub's form of a user who is asked for by itself.
func (g *GitHub) accountJSON(u forge.User) object {
	o := g.userJSON(u)
	maps.Copy(o, object{
		"user_view_type": "public", "name": nil, "company": nil, "blog": "", "location": nil, "email": nil,
		"hireable": nil, "bio": nil, "public_repos": 0, "public_gists": 0, "followers": 0, "following": 0,
		"created_at": "2019-05-15T15:19:25Z", "updated_at": "2019-05-15T15:19:25Z",
	})
	return o
}

// repoJSON is a repository as it stands in answers and in all payloads but a
// push's.
func (g *GitHub) repoJSON(r *repository) object {
	return g.fillRepo(g.example(examplePullRequest, r.name, 0)["repository"].(object), r)
}

func (g *GitHub) fillRepo(o object, r *repository) object {
	o["id"], o["name"], o["fork"] = r.id, r.name.Name, r.fork
	o["private"], o["default_branch"] = r.options.Private, r.options.DefaultBranch
	o["has_discussions"] = false // newer than the example
	o["visibility"] = "public"
	if r.options.Private {
		o["visibility"] = "private"
	}
	o["owner"] = g.userJSON(g.user(r.name.Owner))
	return o
}

// pullJSON is GitHub's full form of a pull request.
func (g *GitHub) pullJSON(p *pull) object {
	o := g.example(examplePullRequest, p.Repo, p.Number)["pull_request"].(object)
	maps.Copy(o, object{
		"id": p.id, "number": p.Number, "title": p.Title, "body": nullable(p.body), "draft": p.Draft,
		"state": "open", "user": g.userJSON(p.Author), "comments": len(p.comments), "commits": len(p.heads),
		"created_at": p.created, "updated_at": p.updated, "closed_at": nullable(p.closed), "merged_at": nil,
		"author_association": g.repo(p.Repo).association(p.Author.Login),
		"statuses_url":       fmt.Sprintf("%s/repos/%s/statuses/%s", g.url, p.Repo, p.Head.SHA),
		"head":               g.refJSON(p.Head), "base": g.refJSON(p.Base),
	})
	o["_links"].(object)["statuses"] = object{"href": o["statuses_url"]}
	if p.State != forge.StateOpen {
		o["state"] = "closed"
	}
	if p.State == forge.StateMerged {
		o["merged"], o["merged_at"], o["merged_by"] = true, p.closed, g.userJSON(p.mergedBy)
		o["merge_commit_sha"] = p.MergeCommit
	}
	return o
}

// pullBriefJSON is a pull request in a list.
func (g *GitHub) pullBriefJSON(p *pull) object {
	o := g.pullJSON(p)
	for _, only := range []string{"merged", "merged_by", "comments", "commits"} { // the short form has them not
		delete(o, only)
	}
	return o
}

func (g *GitHub) refJSON(r forge.Ref) object {
	return object{
		"label": r.Repo.Owner + ":" + r.Name, "ref": r.Name, "sha": r.SHA,
		"user": g.userJSON(g.user(r.Repo.Owner)), "repo": g.repoJSON(g.repo(r.Repo)),
	}
}

// commentJSON is a comment, and issueJSON the pull request that it is on, as
// GitHub tells it there.
func (g *GitHub) commentJSON(c *comment) object {
	o := g.example(exampleComment, c.Repo, c.Number)["comment"].(object)
	maps.Copy(o, object{
		"id": c.ID, "node_id": nodeID(c), "body": c.Body, "user": g.userJSON(c.Author), "html_url": c.URL,
		"url":        fmt.Sprintf("%s/repos/%s/issues/comments/%d", g.url, c.Repo, c.ID),
		"created_at": c.Created, "updated_at": c.Updated,
		"author_association":       g.repo(c.Repo).association(c.Author.Login),
		"performed_via_github_app": nil, // newer than the example
		"reactions":                reactionsJSON(fmt.Sprintf("%s/repos/%s/issues/comments/%d", g.url, c.Repo, c.ID), c.reactions),
	})
	return o
}

func nodeID(c *comment) string { return fmt.Sprintf("IC_%d", c.ID) }

func (g *GitHub) issueJSON(p *pull) object {
	o := g.example(exampleComment, p.Repo, p.Number)["issue"].(object)
	maps.Copy(o, object{
		"number": p.Number, "title": p.Title, "body": nullable(p.body), "draft": p.Draft, "state": "open",
		"user": g.userJSON(p.Author), "comments": len(p.comments), "labels": []any{},
		"assignee": nil, "assignees": []any{}, "milestone": nil,
		"created_at": p.created, "updated_at": p.updated, "closed_at": nullable(p.closed),
		"author_association": g.repo(p.Repo).association(p.Author.Login),
		// newer than the example
		"active_lock_reason": nil, "performed_via_github_app": nil, "state_reason": nil,
		"reactions": reactionsJSON(fmt.Sprintf("%s/repos/%s/issues/%d", g.url, p.Repo, p.Number), nil),
	})
	if p.State != forge.StateOpen {
		o["state"] = "closed"
	}
	if p.State == forge.StateMerged {
		o["pull_request"].(object)["merged_at"] = p.closed
	}
	return o
}

// reactionsJSON counts the reactions below something.
func reactionsJSON(url string, reactions []Reaction) object {
	o := object{"url": url + "/reactions", "total_count": len(reactions)}
	for _, content := range []forge.Reaction{"+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"} {
		n := 0
		for _, r := range reactions {
			if r.Content == content {
				n++
			}
		}
		o[string(content)] = n
	}
	return o
}

func reactionJSON(id int64, r Reaction, user object, at time.Time) object {
	return object{"id": id, "node_id": fmt.Sprintf("reaction%d", id), "user": user, "content": r.Content, "created_at": at}
}

func (r *repository) association(login string) string {
	switch {
	case login == r.name.Owner:
		return "OWNER"
	case r.permissions[login] > forge.NoPermission:
		return "COLLABORATOR"
	}
	return "NONE"
}

// nullable is JSON's null for a zero value.
func nullable[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}
