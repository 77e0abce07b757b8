package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
)

// deploymentTask tells our records from those that others keep of the same
// environment, such as GitHub Actions.
const deploymentTask = "deploy:weighlock"

// maxDeploymentDescription is what GitHub takes, in characters.
const maxDeploymentDescription = 140

type wireDeployment struct {
	ID          int64     `json:"id"`
	SHA         string    `json:"sha"`
	Environment string    `json:"environment"`
	CreatedAt   time.Time `json:"created_at"`
}

// deploymentStates are GitHub's words.
var deploymentStates = map[forge.DeploymentState]string{
	forge.DeploymentRunning: "in_progress", forge.DeploymentSuccess: "success",
	forge.DeploymentFailure: "failure", forge.DeploymentInactive: "inactive",
}

// CreateDeployment implements [forge.Deployments]. GitHub neither merges the
// base into the commit nor looks at other checks for it: what is deployed has
// been decided.
func (c *Client) CreateDeployment(ctx context.Context, n forge.NewDeployment) (forge.Deployment, error) {
	do := call{op: fmt.Sprintf("record a deployment of %s@%s to %s", n.Repo, n.SHA, n.Environment), method: http.MethodPost}
	if !isCommit(n.SHA) || n.Environment == "" {
		return forge.Deployment{}, &forge.Error{Op: do.op, Message: "want a full commit name and an environment", Err: forge.ErrInvalid}
	}
	if err := do.on(n.Repo, "deployments"); err != nil {
		return forge.Deployment{}, err
	}
	do.body = struct {
		Ref              string   `json:"ref"`
		Task             string   `json:"task"`
		AutoMerge        bool     `json:"auto_merge"`
		RequiredContexts []string `json:"required_contexts"`
		Environment      string   `json:"environment"`
		Description      string   `json:"description"`
	}{n.SHA, deploymentTask, false, []string{}, n.Environment, cut(n.Description, maxDeploymentDescription)}
	var got wireDeployment
	if _, err := c.send(ctx, do, &got); err != nil {
		return forge.Deployment{}, err
	}
	if got.ID <= 0 || got.SHA != n.SHA { // 202: something was merged in place of it
		return forge.Deployment{}, c.misread(do, fmt.Errorf("it is one of %q", got.SHA))
	}
	d := forge.Deployment{Repo: n.Repo, ID: got.ID, Environment: n.Environment, SHA: got.SHA, State: forge.DeploymentRunning, Created: got.CreatedAt}
	return d, c.SetDeployment(ctx, d, forge.DeploymentStatus{State: forge.DeploymentRunning, Description: n.Description})
}

// SetDeployment implements [forge.Deployments]. With a success GitHub makes the
// environment's earlier records inactive.
func (c *Client) SetDeployment(ctx context.Context, d forge.Deployment, status forge.DeploymentStatus) error {
	do := call{op: fmt.Sprintf("set deployment %d of %s to %s", d.ID, d.Repo, status.State), method: http.MethodPost}
	if err := do.on(d.Repo, "deployments/%d/statuses", d.ID); err != nil {
		return err
	}
	do.body = struct {
		State          string `json:"state"`
		Description    string `json:"description"`
		EnvironmentURL string `json:"environment_url,omitempty"`
		LogURL         string `json:"log_url,omitempty"`
	}{deploymentStates[status.State], cut(status.Description, maxDeploymentDescription), status.EnvironmentURL, status.LogURL}
	_, err := c.send(ctx, do, nil)
	return err
}

// LatestDeployment implements [forge.Deployments]. Records of others, such as
// GitHub Actions' own of a job's environment, are none to us.
func (c *Client) LatestDeployment(ctx context.Context, repo forge.Repo, environment, sha string) (forge.Deployment, error) {
	do := call{op: fmt.Sprintf("read the latest deployment of %s to %s", repo, environment), method: http.MethodGet}
	query := url.Values{"environment": {environment}, "task": {deploymentTask}, "per_page": {"1"}}
	if sha != "" {
		query.Set("sha", sha)
	}
	if err := do.on(repo, "deployments"); err != nil {
		return forge.Deployment{}, err
	}
	do.path += "?" + query.Encode()
	var found []wireDeployment // newest first
	if _, err := c.read(ctx, do, &found); err != nil {
		return forge.Deployment{}, err
	}
	if found == nil {
		return forge.Deployment{}, c.misread(do, errors.New("no list"))
	}
	if len(found) == 0 {
		return forge.Deployment{}, &forge.Error{Op: do.op, Message: "there is none", Err: forge.ErrNotFound}
	}
	newest := found[0]
	if newest.ID <= 0 || newest.Environment != environment || sha != "" && newest.SHA != sha {
		return forge.Deployment{}, c.misread(do, fmt.Errorf("it is one of %q to %q", newest.SHA, newest.Environment))
	}
	if err := do.on(repo, "deployments/%d/statuses?per_page=1", newest.ID); err != nil {
		return forge.Deployment{}, err
	}
	var statuses []struct {
		State string `json:"state"`
	}
	if _, err := c.read(ctx, do, &statuses); err != nil {
		return forge.Deployment{}, err
	}
	if statuses == nil {
		return forge.Deployment{}, c.misread(do, errors.New("no list of statuses"))
	}
	d := forge.Deployment{Repo: repo, ID: newest.ID, Environment: environment, SHA: newest.SHA, State: forge.DeploymentRunning, Created: newest.CreatedAt}
	if len(statuses) > 0 {
		switch statuses[0].State {
		case "success":
			d.State = forge.DeploymentSuccess
		case "failure", "error":
			d.State = forge.DeploymentFailure
		case "inactive":
			d.State = forge.DeploymentInactive
		}
	}
	return d, nil
}
