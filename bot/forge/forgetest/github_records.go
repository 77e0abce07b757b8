package forgetest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/weighlock/weighlock/bot/forge"
)

func (g *GitHub) getRepo(w *response, req request) {
	o := g.repoJSON(req.repo)
	maps.Copy(o, object{"network_count": 0, "subscribers_count": 0})
	w.json(http.StatusOK, o)
}

// unescaped is what a segment of the path stands for.
func unescaped(req *http.Request, name string) string {
	s, err := url.PathUnescape(req.PathValue(name))
	if err != nil {
		return ""
	}
	return s
}

func (g *GitHub) getContents(w *response, req request) {
	files, path := req.repo.files[req.URL.Query().Get("ref")], unescaped(req.Request, "path")
	content, ok := files[path]
	if !ok {
		below := []object{}
		for name, content := range files {
			if strings.HasPrefix(name, path+"/") {
				below = append(below, g.fileJSON(req.repo, name, content))
			}
		}
		if len(below) > 0 {
			w.json(http.StatusOK, below)
			return
		}
		w.refuse(http.StatusNotFound, "Not Found")
		return
	}
	o := g.fileJSON(req.repo, path, content)
	o["encoding"], o["content"] = "base64", base64.StdEncoding.EncodeToString([]byte(content))+"\n"
	if len(content) > 1<<20 {
		o["encoding"], o["content"] = "none", ""
	}
	w.json(http.StatusOK, o)
}

func (g *GitHub) fileJSON(r *repository, path, content string) object {
	at := fmt.Sprintf("%s/repos/%s/contents/%s", g.url, r.name, path)
	return object{
		"type": "file", "name": path[strings.LastIndexByte(path, '/')+1:], "path": path, "size": len(content),
		"sha": noCommit, "url": at, "git_url": at, "html_url": at, "download_url": at,
		"_links": object{"self": at, "git": at, "html": at},
	}
}

func (g *GitHub) listPulls(w *response, req request) {
	query := req.URL.Query()
	found := []object{}
	for _, p := range req.repo.pulls {
		open := p.State == forge.StateOpen
		if (query.Get("state") == "all" || open) && (query.Get("base") == "" || query.Get("base") == p.Base.Name) {
			found = append(found, g.pullBriefJSON(p))
		}
	}
	slices.Reverse(found) // newest first
	g.page(w, req, found)
}

// maxListedFiles is how many changed files GitHub lists.
const maxListedFiles = 3000

func (g *GitHub) listFiles(w *response, req request) {
	p := findPull(w, req)
	if p == nil {
		return
	}
	all := []object{}
	for _, f := range p.files[:min(len(p.files), maxListedFiles)] {
		at := fmt.Sprintf("%s/%s/blob/%s/%s", gitHubURL, req.repo.name, p.Head.SHA, url.PathEscape(f.Path))
		o := object{
			"sha": noCommit, "filename": f.Path, "status": "modified", "additions": 1, "deletions": 1, "changes": 2,
			"blob_url": at, "raw_url": at, "contents_url": at, "patch": "@@ -1 +1 @@\n-a\n+b",
		}
		if f.Previous != "" {
			o["status"], o["previous_filename"] = "renamed", f.Previous
		}
		all = append(all, o)
	}
	g.page(w, req, all)
}

var gitHubReviews = map[forge.ReviewState]string{
	forge.ReviewApproved: "APPROVED", forge.ReviewChanges: "CHANGES_REQUESTED", forge.ReviewDismissed: "DISMISSED", "": "COMMENTED",
}

func (g *GitHub) listReviews(w *response, req request) {
	p := findPull(w, req)
	if p == nil {
		return
	}
	all := []object{}
	for _, r := range p.reviews {
		at := fmt.Sprintf("%s#pullrequestreview-%d", p.URL, r.id)
		all = append(all, object{
			"id": r.id, "node_id": fmt.Sprint("review", r.id), "user": g.userJSON(r.User), "body": "", "state": gitHubReviews[r.State],
			"commit_id": r.SHA, "submitted_at": r.At, "html_url": at, "pull_request_url": p.URL,
			"author_association": req.repo.association(r.User.Login),
			"_links":             object{"html": object{"href": at}, "pull_request": object{"href": p.URL}},
		})
	}
	g.page(w, req, all)
}

// statusReporter marks those checks that are commit statuses.
const statusReporter = ""

// checkRunJSON is a check run; its states are ours but for "running".
func (g *GitHub) checkRunJSON(r *repository, sha string, c *check) object {
	at := fmt.Sprintf("%s/repos/%s/check-runs/%d", g.url, r.name, c.id)
	o := object{
		"id": c.id, "node_id": fmt.Sprint("check", c.id), "head_sha": sha, "name": c.Name, "url": at,
		"html_url": fmt.Sprintf("%s/%s/runs/%d", gitHubURL, r.name, c.id), "details_url": nullable(c.URL), "external_id": c.externalID,
		"status": "completed", "conclusion": c.State, "started_at": c.started, "completed_at": c.Updated,
		"check_suite": object{"id": c.id / 2}, "pull_requests": []object{},
		"app":    g.appJSON(c.Reporter),
		"output": object{"title": nullable(c.Title), "summary": nullable(c.Summary), "text": nil, "annotations_count": 0, "annotations_url": at + "/annotations"},
	}
	switch c.State {
	case forge.CheckQueued:
		o["status"], o["conclusion"], o["completed_at"] = "queued", nil, nil
	case forge.CheckRunning:
		o["status"], o["conclusion"], o["completed_at"] = "in_progress", nil, nil
	}
	return o
}

func (g *GitHub) appJSON(slug string) object {
	return object{
		"id": 1, "slug": slug, "node_id": "app", "owner": g.userJSON(g.user("github")), "name": slug, "description": nil,
		"external_url": gitHubURL, "html_url": gitHubURL + "/apps/" + slug, "created_at": exampleTime, "updated_at": exampleTime,
		"permissions": object{"checks": "write"}, "events": []string{},
	}
}

func (g *GitHub) listCheckRuns(w *response, req request) {
	sha, name := req.PathValue("sha"), req.URL.Query().Get("check_name")
	found := []object{}
	for _, c := range req.repo.checks[sha] {
		if c.Reporter != statusReporter && (name == "" || name == c.Name) {
			found = append(found, g.checkRunJSON(req.repo, sha, c))
		}
	}
	slices.Reverse(found) // newest first
	w.json(http.StatusOK, object{"total_count": len(found), "check_runs": g.pageOf(w, req, found)})
}

// getStatus answers the newest status of each name.
func (g *GitHub) getStatus(w *response, req request) {
	sha := req.PathValue("sha")
	newest, found := map[string]bool{}, []object{}
	for _, c := range slices.Backward(req.repo.checks[sha]) {
		if c.Reporter == statusReporter && !newest[c.Name] {
			newest[c.Name] = true
			found = append(found, g.statusJSON(req.repo, sha, c))
		}
	}
	at := fmt.Sprintf("%s/repos/%s/commits/%s", g.url, req.repo.name, sha)
	w.json(http.StatusOK, object{
		"state": "pending", "sha": sha, "total_count": len(found), "statuses": g.pageOf(w, req, found),
		"repository": g.repoJSON(req.repo), "commit_url": at, "url": at + "/status",
	})
}

func (g *GitHub) statusJSON(r *repository, sha string, c *check) object {
	state := string(c.State)
	switch c.State {
	case forge.CheckQueued, forge.CheckRunning:
		state = "pending"
	case forge.CheckNeutral:
		state = "success"
	}
	return object{
		"url": fmt.Sprintf("%s/repos/%s/statuses/%s", g.url, r.name, sha), "id": c.id, "node_id": fmt.Sprint("status", c.id), "state": state,
		"description": nullable(c.Title), "target_url": nullable(c.URL), "context": c.Name, "avatar_url": nil,
		"created_at": c.started, "updated_at": c.Updated,
	}
}

// maxStatus is what GitHub takes of a status's description.
const maxStatus = 140

func (g *GitHub) createStatus(w *response, req request) {
	var sent struct {
		State, Context, Description string
		TargetURL                   string `json:"target_url"`
	}
	if !g.writable(w, req, &sent) {
		return
	}
	if len([]rune(sent.Description)) > maxStatus {
		w.refuse(http.StatusUnprocessableEntity, "Validation Failed: description is too long (maximum is 140 characters)")
		return
	}
	state := map[string]forge.CheckState{"success": forge.CheckSuccess, "pending": forge.CheckRunning}[sent.State]
	if state == "" {
		state = forge.CheckFailure
	}
	sha := req.PathValue("sha")
	c := g.addCheck(req.repo, sha, Check{Title: sent.Description, CheckResult: forge.CheckResult{Name: sent.Context, State: state, URL: sent.TargetURL}})
	o := g.statusJSON(req.repo, sha, c)
	o["creator"] = g.userJSON(g.user(req.token.Login))
	w.json(http.StatusCreated, o)
}

// writable reads a request's body, where the token may write.
func (g *GitHub) writable(w *response, req request, into any) bool {
	if req.permission() < forge.Write {
		w.refuse(http.StatusForbidden, "Resource not accessible by personal access token")
		return false
	}
	if err := json.NewDecoder(req.Body).Decode(into); err != nil {
		w.refuse(http.StatusBadRequest, "Problems parsing JSON")
		return false
	}
	return true
}

type sentCheckRun struct {
	Name, Status, Conclusion string
	HeadSHA                  string `json:"head_sha"`
	ExternalID               string `json:"external_id"`
	DetailsURL               string `json:"details_url"`
	Output                   struct{ Title, Summary string }
}

func (c *check) set(sent sentCheckRun) {
	switch sent.Status {
	case "queued":
		c.State = forge.CheckQueued
	case "in_progress":
		c.State = forge.CheckRunning
	default:
		c.State = forge.CheckState(sent.Conclusion)
	}
	c.URL, c.Title, c.Summary, c.externalID = sent.DetailsURL, sent.Output.Title, sent.Output.Summary, sent.ExternalID
}

// app is the app that a token belongs to, or empty.
func (t Token) app() string { return strings.TrimSuffix(t.Login, botSuffix) }

func (g *GitHub) createCheckRun(w *response, req request) {
	var sent sentCheckRun
	if !g.writable(w, req, &sent) {
		return
	}
	if !strings.HasSuffix(req.token.Login, botSuffix) {
		w.refuse(http.StatusForbidden, "You must authenticate via a GitHub App.")
		return
	}
	c := g.addCheck(req.repo, sent.HeadSHA, Check{CheckResult: forge.CheckResult{Name: sent.Name, Reporter: req.token.app()}})
	c.set(sent)
	w.json(http.StatusCreated, g.checkRunJSON(req.repo, sent.HeadSHA, c))
}

func (g *GitHub) updateCheckRun(w *response, req request) {
	var sent sentCheckRun
	if !g.writable(w, req, &sent) {
		return
	}
	for sha, checks := range req.repo.checks {
		for _, c := range checks {
			if strconv.FormatInt(c.id, 10) != req.PathValue("id") {
				continue
			}
			if c.Reporter != req.token.app() {
				w.refuse(http.StatusForbidden, "Invalid app_id")
				return
			}
			c.Updated = g.clock()
			c.set(sent)
			w.json(http.StatusOK, g.checkRunJSON(req.repo, sha, c))
			return
		}
	}
	w.refuse(http.StatusNotFound, "Not Found")
}

// listRules and getBranch share what a branch requires: the first of it is a
// ruleset's, the others are the branch protection's.
func (g *GitHub) listRules(w *response, req request) {
	rules := []object{}
	if names := req.repo.required[unescaped(req.Request, "branch")]; len(names) > 0 {
		rules = append(rules, object{
			"type": "required_status_checks", "ruleset_source_type": "Repository", "ruleset_source": req.repo.name.String(), "ruleset_id": 1,
			"parameters": object{"required_status_checks": []object{{"context": names[0]}}, "strict_required_status_checks_policy": false},
		})
	}
	g.page(w, req, rules)
}

func (g *GitHub) getBranch(w *response, req request) {
	branch := unescaped(req.Request, "branch")
	names := req.repo.required[branch]
	contexts, checks := []string{}, []object{}
	for _, name := range names[min(1, len(names)):] {
		contexts = append(contexts, name)
		checks = append(checks, object{"context": name, "app_id": nil})
	}
	at := fmt.Sprintf("%s/repos/%s/branches/%s", g.url, req.repo.name, branch)
	o := object{
		"name": branch, "protected": len(contexts) > 0, "protection_url": at + "/protection", "_links": object{"self": at, "html": at},
		"commit":     g.commitJSON(req.repo, noCommit),
		"protection": object{"enabled": len(contexts) > 0, "required_status_checks": object{"enforcement_level": "non_admins", "contexts": contexts, "checks": checks}},
	}
	w.json(http.StatusOK, o)
}

func (g *GitHub) commitJSON(r *repository, sha string) object {
	at := fmt.Sprintf("%s/repos/%s/commits/%s", g.url, r.name, sha)
	person := object{"name": "amy", "email": "amy@example.com", "date": exampleTime}
	return object{
		"url": at, "sha": sha, "node_id": "commit", "html_url": at, "comments_url": at + "/comments",
		"author": nil, "committer": nil, "parents": []object{},
		"commit": object{
			"url": at, "author": person, "committer": person, "message": "Sell more", "comment_count": 0,
			"tree": object{"sha": noCommit, "url": at},
		},
	}
}

func (g *GitHub) getTeam(w *response, req request) {
	team := req.PathValue("org") + "/" + req.PathValue("team")
	if _, ok := g.teams[team]; !ok {
		w.refuse(http.StatusNotFound, "Not Found")
		return
	}
	at := fmt.Sprintf("%s/orgs/%s", g.url, team)
	org := object{}
	maps.Copy(org, object{
		"login": req.PathValue("org"), "id": 1, "node_id": "org", "url": at, "repos_url": at, "events_url": at, "hooks_url": at, "issues_url": at,
		"members_url": at, "public_members_url": at, "avatar_url": at, "description": nil, "html_url": at, "has_organization_projects": true,
		"has_repository_projects": true, "public_repos": 0, "public_gists": 0, "followers": 0, "following": 0, "created_at": exampleTime,
		"updated_at": exampleTime, "type": "Organization", "archived_at": nil,
	})
	w.json(http.StatusOK, object{
		"id": 1, "node_id": "team", "url": at, "html_url": at, "name": req.PathValue("team"), "slug": req.PathValue("team"), "description": nil,
		"permission": "pull", "members_url": at + "/members", "repositories_url": at + "/repos", "type": "organization", "created_at": exampleTime,
		"updated_at": exampleTime, "members_count": len(g.teams[team]), "repos_count": 0, "organization": org,
	})
}

func (g *GitHub) getMembership(w *response, req request) {
	team := req.PathValue("org") + "/" + req.PathValue("team")
	if !slices.Contains(g.teams[team], req.PathValue("username")) {
		w.refuse(http.StatusNotFound, "Not Found")
		return
	}
	w.json(http.StatusOK, object{"url": g.url + req.URL.Path, "role": "member", "state": "active"})
}

func (g *GitHub) getAccount(w *response, req request) {
	u, ok := g.users[req.PathValue("username")]
	if !ok {
		w.refuse(http.StatusNotFound, "Not Found")
		return
	}
	w.json(http.StatusOK, g.accountJSON(u))
}
