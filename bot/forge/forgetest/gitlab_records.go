package forgetest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/weighlock/weighlock/bot/forge"
)

// AddPipeline makes a pipeline run on a commit, as GitLab does some time after a
// push to a project with CI, and returns its id.
func (g *GitLab) AddPipeline(repo forge.Repo, sha string) int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	id := g.nextID()
	g.repo(repo).mention(sha)
	g.repo(repo).pipelines[sha] = id
	return id
}

func (g *GitLab) pipelineJSON(p *pull) any {
	id := g.repo(p.Repo).pipelines[p.Head.SHA]
	if id == 0 {
		return nil
	}
	return object{"id": id, "sha": p.Head.SHA, "project_id": g.repo(p.Repo).id, "status": "running", "ref": p.Head.Name}
}

func (g *GitLab) getCommit(w *response, req gitLabRequest) {
	sha := req.PathValue("sha")
	if !req.repo.commits[sha] {
		w.refuse(http.StatusNotFound, "Commit Not Found")
		return
	}
	o := object{"id": sha, "short_id": sha[:8], "title": "Sell more", "message": "Sell more", "parent_ids": []string{}, "last_pipeline": nil}
	if id := req.repo.pipelines[sha]; id != 0 {
		o["last_pipeline"] = object{"id": id, "sha": sha, "status": "running"}
	}
	w.json(http.StatusOK, o)
}

var gitLabStatuses = map[forge.CheckState]string{
	forge.CheckQueued: "pending", forge.CheckRunning: "running", forge.CheckSuccess: "success", forge.CheckFailure: "failed", forge.CheckNeutral: "skipped",
}

func (g *GitLab) statusJSON(r *repository, sha string, c *check) object {
	o := object{
		"id": c.id, "sha": sha, "ref": "more", "status": gitLabStatuses[c.State], "name": c.Name, "target_url": nullable(c.URL),
		"description": nullable(c.Title), "created_at": c.started, "started_at": nil, "finished_at": nil, "allow_failure": !c.Required,
		"coverage": nil, "pipeline_id": r.pipelines[sha], "author": nil,
	}
	if c.State.Finished() {
		o["finished_at"] = c.Updated
	}
	return o
}

// listStatuses answers the newest of each name, unless asked for all.
func (g *GitLab) listStatuses(w *response, req gitLabRequest) {
	sha := req.PathValue("sha")
	newest, found := map[string]bool{}, []object{}
	for _, c := range slices.Backward(req.repo.checks[sha]) {
		if !newest[c.Name] {
			newest[c.Name] = true
			found = append(found, g.statusJSON(req.repo, sha, c))
		}
	}
	g.page(w, req, found)
}

// maxStatusText is what GitLab takes of a status's description and URL.
const maxStatusText = 255

// createStatus keeps the state machine of GitLab's jobs: one that has not ended
// goes on, and cannot become what it is; else there is a new one.
func (g *GitLab) createStatus(w *response, req gitLabRequest) {
	var sent struct {
		State, Name, Description string
		TargetURL                string `json:"target_url"`
		PipelineID               int64  `json:"pipeline_id"`
	}
	if !writable(w, req, &sent) {
		return
	}
	sha := req.PathValue("sha")
	switch {
	case !req.repo.commits[sha]:
		w.refuse(http.StatusNotFound, "Commit Not Found")
		return
	case len([]rune(sent.Description)) > maxStatusText || len(sent.TargetURL) > maxStatusText:
		w.json(http.StatusBadRequest, object{"message": object{"description": []string{"is too long (maximum is 255 characters)"}}})
		return
	case sent.PipelineID != req.repo.pipelines[sha]:
		w.refuse(http.StatusNotFound, "Pipeline for pipeline_id, sha and ref Not Found")
		return
	}
	if sent.PipelineID == 0 { // one of GitLab's kind "external"
		req.repo.pipelines[sha] = g.nextID()
	}
	var c *check
	for _, have := range req.repo.checks[sha] {
		if have.Name == sent.Name && !have.State.Finished() {
			c = have
		}
	}
	if c != nil && gitLabStatuses[c.State] == sent.State {
		w.refuse(http.StatusBadRequest, fmt.Sprintf("Cannot transition status via :%s from :%s (Reason(s): Status cannot transition via \"%s\")", "run", sent.State, "run"))
		return
	}
	if c == nil {
		c = g.addCheck(req.repo, sha, Check{CheckResult: forge.CheckResult{Name: sent.Name, Required: true}})
	}
	for state, word := range gitLabStatuses {
		if word == sent.State {
			c.State = state
		}
	}
	c.Title, c.URL, c.Updated = sent.Description, sent.TargetURL, g.clock()
	w.json(http.StatusOK, g.statusJSON(req.repo, sha, c))
}

// writable reads a request's body, where the account may write.
func writable(w *response, req gitLabRequest, into any) bool {
	if req.repo.permission(req.login) < forge.Write {
		w.refuse(http.StatusForbidden, "Forbidden")
		return false
	}
	if err := json.NewDecoder(req.Body).Decode(into); err != nil {
		w.json(http.StatusBadRequest, object{"error": "The provided content-type 'application/json' and its content are not the same"})
		return false
	}
	return true
}

func (g *GitLab) listMergeRequests(w *response, req gitLabRequest) {
	query := req.URL.Query()
	found := []object{}
	for _, p := range slices.Backward(req.repo.pulls) {
		if is := query.Get("state"); is != "" && is != gitLabStates[p.State] {
			continue
		}
		if is := query.Get("target_branch"); is != "" && is != p.Base.Name {
			continue
		}
		found = append(found, g.mergeRequestBasicJSON(p))
	}
	g.page(w, req, found)
}

func (g *GitLab) listDiffs(w *response, req gitLabRequest) {
	p := mergeRequest(w, req)
	if p == nil {
		return
	}
	all := []object{}
	for _, f := range p.files[:min(len(p.files), maxDiffFiles)] {
		o := object{
			"diff": "@@ -1 +1 @@\n-a\n+b\n", "collapsed": false, "too_large": false, "new_path": f.Path, "old_path": f.Path, "a_mode": "100644",
			"b_mode": "100644", "new_file": false, "renamed_file": false, "deleted_file": false, "generated_file": nil,
		}
		if f.Previous != "" {
			o["old_path"], o["renamed_file"] = f.Previous, true
		}
		all = append(all, o)
	}
	g.page(w, req, all)
}

func (g *GitLab) listVersions(w *response, req gitLabRequest) {
	p := mergeRequest(w, req)
	if p == nil {
		return
	}
	all := []object{}
	for i, sha := range slices.Backward(p.heads) {
		all = append(all, object{
			"id": p.id*100 + int64(i), "head_commit_sha": sha, "base_commit_sha": p.Base.SHA, "start_commit_sha": p.Base.SHA,
			"created_at": p.pushes[i], "merge_request_id": p.id, "state": "collected", "real_size": "1", "patch_id_sha": nil,
		})
	}
	g.page(w, req, all)
}

// getApprovals knows no other opinion than approvals, which can be taken back.
func (g *GitLab) getApprovals(w *response, req gitLabRequest) {
	p := mergeRequest(w, req)
	if p == nil {
		return
	}
	by := []object{}
	for i, r := range p.reviews {
		revoked := slices.ContainsFunc(p.reviews[i+1:], func(later *review) bool { return later.User == r.User && later.State == forge.ReviewDismissed })
		if r.State == forge.ReviewApproved && !revoked && !(req.repo.resets && r.SHA != p.Head.SHA) {
			o := object{"user": g.userJSON(r.User), "approved_at": r.At}
			if req.repo.untimed {
				delete(o, "approved_at")
			}
			by = append(by, o)
		}
	}
	w.json(http.StatusOK, object{"user_has_approved": false, "user_can_approve": false, "approved": len(by) > 0, "approved_by": by})
}

func (g *GitLab) getApprovalSettings(w *response, req gitLabRequest) {
	w.json(http.StatusOK, object{"reset_approvals_on_push": req.repo.resets, "approvals_before_merge": 0, "merge_requests_author_approval": false})
}

// SetApprovals says whether a push takes approvals away, and makes GitLab one of
// a version that does not tell when approvals were given.
func (g *GitLab) SetApprovals(repo forge.Repo, resets, untimed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.repo(repo)
	r.resets, r.untimed = resets, untimed
}

func (g *GitLab) getFile(w *response, req gitLabRequest) {
	path, err := url.PathUnescape(req.PathValue("path"))
	ref := req.URL.Query().Get("ref")
	content, ok := req.repo.files[ref][path]
	if err != nil || !ok {
		w.refuse(http.StatusNotFound, "File Not Found")
		return
	}
	w.json(http.StatusOK, object{
		"file_name": path, "file_path": path, "size": len(content), "encoding": "base64", "ref": ref, "blob_id": noCommit, "commit_id": noCommit,
		"last_commit_id": noCommit, "execute_filemode": false, "content_sha256": "", "content": base64.StdEncoding.EncodeToString([]byte(content)),
	})
}

// group finds the members of the group that the path names, or answers 404.
func (g *GitLab) group(w *response, req gitLabRequest) (path string, members []string, ok bool) {
	path, err := url.PathUnescape(req.PathValue("group"))
	members, ok = g.teams[path]
	if err != nil || !ok {
		w.refuse(http.StatusNotFound, "Group Not Found")
		return "", nil, false
	}
	return path, members, true
}

func (g *GitLab) getGroup(w *response, req gitLabRequest) {
	if path, _, ok := g.group(w, req); ok {
		w.json(http.StatusOK, object{"id": 1, "name": path, "path": path, "full_path": path, "full_name": path, "visibility": "public", "web_url": g.url + "/groups/" + path})
	}
}

func (g *GitLab) getGroupMember(w *response, req gitLabRequest) {
	_, members, ok := g.group(w, req)
	if !ok {
		return
	}
	for _, login := range members {
		if u := g.user(login); strconv.FormatInt(u.ID, 10) == req.PathValue("user") {
			o := g.userJSON(u)
			o["access_level"], o["membership_state"] = 30, "active"
			o["created_at"], o["expires_at"] = exampleTime, nil
			w.json(http.StatusOK, o)
			return
		}
	}
	w.refuse(http.StatusNotFound, "Not found")
}

func (g *GitLab) deploymentJSON(r *repository, d *Deployment) object {
	words := map[forge.DeploymentState]string{forge.DeploymentRunning: "running", forge.DeploymentSuccess: "success", forge.DeploymentFailure: "failed"}
	return object{
		"id": d.ID, "iid": d.ID, "ref": "more", "sha": d.SHA, "created_at": d.Created, "updated_at": d.Created, "user": nil, "deployable": nil,
		"environment": object{"id": environmentID(r, d.Environment), "name": d.Environment, "slug": "e", "external_url": nullable(d.EnvironmentURL)},
		"status":      words[d.State],
	}
}

// environmentID numbers environments by their first deployment.
func environmentID(r *repository, name string) int64 {
	for _, d := range r.deployments {
		if d.Environment == name {
			return d.ID + 100000
		}
	}
	return 0
}

func (g *GitLab) listDeployments(w *response, req gitLabRequest) {
	query := req.URL.Query()
	if query.Get("order_by") != "id" || query.Get("sort") != "desc" {
		w.refuse(http.StatusNotImplemented, "the stand-in lists the newest first")
		return
	}
	found := []object{}
	for _, d := range slices.Backward(req.repo.deployments) {
		if is := query.Get("environment"); is == "" || is == d.Environment {
			found = append(found, g.deploymentJSON(req.repo, d))
		}
	}
	g.page(w, req, found)
}

func (g *GitLab) createDeployment(w *response, req gitLabRequest) {
	var sent struct{ Environment, SHA, Ref, Status string }
	if !writable(w, req, &sent) {
		return
	}
	if !req.repo.commits[sent.SHA] {
		w.json(http.StatusBadRequest, object{"message": object{"sha": []string{"The commit does not exist"}}})
		return
	}
	w.json(http.StatusCreated, g.deploymentJSON(req.repo, g.addDeployment(req.repo, sent.Environment, sent.SHA)))
}

func (g *GitLab) updateDeployment(w *response, req gitLabRequest) {
	var sent struct{ Status string }
	if !writable(w, req, &sent) {
		return
	}
	d := req.repo.deployment(req.PathValue("deployment"))
	if d == nil {
		w.refuse(http.StatusNotFound, "Not found")
		return
	}
	d.State = map[string]forge.DeploymentState{"running": forge.DeploymentRunning, "success": forge.DeploymentSuccess, "failed": forge.DeploymentFailure}[sent.Status]
	w.json(http.StatusOK, g.deploymentJSON(req.repo, d))
}

func (g *GitLab) environmentJSON(r *repository, d *Deployment) object {
	return object{
		"id": environmentID(r, d.Environment), "name": d.Environment, "slug": "e", "external_url": nullable(d.EnvironmentURL),
		"created_at": d.Created, "updated_at": d.Created, "state": "available", "tier": "other",
	}
}

func (g *GitLab) listEnvironments(w *response, req gitLabRequest) {
	name := req.URL.Query().Get("name")
	seen, found := map[string]bool{}, []object{}
	for _, d := range req.repo.deployments {
		if !seen[d.Environment] && (name == "" || name == d.Environment) {
			seen[d.Environment] = true
			found = append(found, g.environmentJSON(req.repo, d))
		}
	}
	g.page(w, req, found)
}

// updateEnvironment changes what all deployments of an environment show.
func (g *GitLab) updateEnvironment(w *response, req gitLabRequest) {
	var sent struct {
		ExternalURL string `json:"external_url"`
	}
	if !writable(w, req, &sent) {
		return
	}
	var last *Deployment
	for _, d := range req.repo.deployments {
		if fmt.Sprint(environmentID(req.repo, d.Environment)) == req.PathValue("environment") {
			d.EnvironmentURL, last = sent.ExternalURL, d
		}
	}
	if last == nil {
		w.refuse(http.StatusNotFound, "Not found")
		return
	}
	w.json(http.StatusOK, g.environmentJSON(req.repo, last))
}
