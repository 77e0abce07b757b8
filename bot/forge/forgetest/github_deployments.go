package forgetest

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/weighlock/weighlock/bot/forge"
)

func (g *GitHub) deploymentJSON(r *repository, d *Deployment) object {
	at := fmt.Sprintf("%s/repos/%s/deployments/%d", g.url, r.name, d.ID)
	return object{
		"url": at, "id": d.ID, "node_id": fmt.Sprint("deployment", d.ID), "sha": d.SHA, "ref": d.SHA, "task": d.task, "payload": object{},
		"environment": d.Environment, "description": nullable(d.Description), "creator": nil, "created_at": d.Created, "updated_at": d.Created,
		"statuses_url": at + "/statuses", "repository_url": fmt.Sprintf("%s/repos/%s", g.url, r.name),
	}
}

func (g *GitHub) createDeployment(w *response, req request) {
	var sent struct {
		Ref, Environment, Description, Task string
		AutoMerge                           *bool     `json:"auto_merge"`
		RequiredContexts                    *[]string `json:"required_contexts"`
	}
	if !g.writable(w, req, &sent) {
		return
	}
	if sent.RequiredContexts == nil || len(*sent.RequiredContexts) > 0 {
		w.refuse(http.StatusConflict, "Conflict: Commit status checks failed for "+sent.Ref+".")
		return
	}
	if !req.repo.commits[sent.Ref] {
		w.refuse(http.StatusUnprocessableEntity, "No ref found for: "+sent.Ref)
		return
	}
	d := g.addDeployment(req.repo, sent.Environment, sent.Ref)
	d.Description, d.task = sent.Description, sent.Task
	w.json(http.StatusCreated, g.deploymentJSON(req.repo, d))
}

func (g *GitHub) listDeployments(w *response, req request) {
	query := req.URL.Query()
	is := func(name, value string) bool { return query.Get(name) == "" || query.Get(name) == value }
	found := []object{}
	for _, d := range slices.Backward(req.repo.deployments) {
		if is("environment", d.Environment) && is("sha", d.SHA) && is("task", d.task) {
			found = append(found, g.deploymentJSON(req.repo, d))
		}
	}
	g.page(w, req, found)
}

func (g *GitHub) deploymentStatusJSON(r *repository, d *Deployment) object {
	at := fmt.Sprintf("%s/repos/%s/deployments/%d", g.url, r.name, d.ID)
	state := string(d.State)
	if d.State == forge.DeploymentRunning {
		state = "in_progress"
	}
	return object{
		"url": at + "/statuses/1", "id": d.ID, "node_id": "status", "state": state, "creator": nil, "description": d.Description,
		"environment": d.Environment, "target_url": d.LogURL, "log_url": d.LogURL, "environment_url": d.EnvironmentURL,
		"deployment_url": at, "repository_url": fmt.Sprintf("%s/repos/%s", g.url, r.name), "created_at": d.Created, "updated_at": d.Created,
	}
}

// createDeploymentStatus makes earlier records of the environment inactive with
// a success, as GitHub does.
func (g *GitHub) createDeploymentStatus(w *response, req request) {
	var sent struct {
		State, Description string
		EnvironmentURL     string `json:"environment_url"`
		LogURL             string `json:"log_url"`
	}
	if !g.writable(w, req, &sent) {
		return
	}
	d := req.repo.deployment(req.PathValue("id"))
	if d == nil {
		w.refuse(http.StatusNotFound, "Not Found")
		return
	}
	d.State, d.Description, d.EnvironmentURL, d.LogURL = forge.DeploymentState(sent.State), sent.Description, sent.EnvironmentURL, sent.LogURL
	if sent.State == "in_progress" {
		d.State = forge.DeploymentRunning
	}
	if d.State == forge.DeploymentSuccess {
		for _, earlier := range req.repo.deployments {
			if earlier.ID < d.ID && earlier.Environment == d.Environment && earlier.State == forge.DeploymentSuccess {
				earlier.State = forge.DeploymentInactive
			}
		}
	}
	w.json(http.StatusCreated, g.deploymentStatusJSON(req.repo, d))
}

func (g *GitHub) listDeploymentStatuses(w *response, req request) {
	d := req.repo.deployment(req.PathValue("id"))
	if d == nil {
		w.refuse(http.StatusNotFound, "Not Found")
		return
	}
	g.page(w, req, []object{g.deploymentStatusJSON(req.repo, d)})
}
