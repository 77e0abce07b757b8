package gitlab

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
)

type wireDeployment struct {
	ID          int64     `json:"id"`
	SHA         string    `json:"sha"`
	Status      string    `json:"status"`
	CreatedAt   time.Time `json:"created_at"`
	Deployable  *struct{} `json:"deployable"` // the job of a pipeline that made it
	Environment *struct {
		Name string `json:"name"`
	} `json:"environment"`
}

func (d *wireDeployment) forge(repo forge.Repo) (forge.Deployment, error) {
	if d.ID <= 0 || !isCommit(d.SHA) || d.Environment == nil {
		return forge.Deployment{}, fmt.Errorf("deployment without an id, a commit or an environment")
	}
	out := forge.Deployment{Repo: repo, ID: d.ID, Environment: d.Environment.Name, SHA: d.SHA, State: forge.DeploymentRunning, Created: d.CreatedAt}
	switch d.Status {
	case "success":
		out.State = forge.DeploymentSuccess
	case "failed", "canceled", "skipped":
		out.State = forge.DeploymentFailure
	}
	return out, nil
}

// CreateDeployment implements [forge.Deployments].
func (c *Client) CreateDeployment(ctx context.Context, n forge.NewDeployment) (forge.Deployment, error) {
	do := call{op: fmt.Sprintf("record a deployment of %s@%s to %s", n.Repo, n.SHA, n.Environment), method: http.MethodPost, job: true}
	if !isCommit(n.SHA) || n.Environment == "" || n.Branch == "" {
		return forge.Deployment{}, &forge.Error{Op: do.op, Message: "want a full commit name, a branch and an environment", Err: forge.ErrInvalid}
	}
	if err := do.on(n.Repo, "/deployments"); err != nil {
		return forge.Deployment{}, err
	}
	do.body = struct {
		Environment string `json:"environment"`
		SHA         string `json:"sha"`
		Ref         string `json:"ref"`
		Tag         bool   `json:"tag"`
		Status      string `json:"status"`
	}{n.Environment, n.SHA, n.Branch, false, "running"}
	var got wireDeployment
	if _, err := c.send(ctx, do, &got); err != nil {
		return forge.Deployment{}, err
	}
	d, err := got.forge(n.Repo)
	if err != nil {
		return forge.Deployment{}, c.misread(do, err)
	}
	return d, nil
}

// SetDeployment implements [forge.Deployments]. The environment's URL is set
// before the state, so that who follows the news finds it.
func (c *Client) SetDeployment(ctx context.Context, d forge.Deployment, status forge.DeploymentStatus) error {
	do := call{op: fmt.Sprintf("set deployment %d of %s to %s", d.ID, d.Repo, status.State), method: http.MethodPut, job: true}
	words := map[forge.DeploymentState]string{
		forge.DeploymentRunning: "running", forge.DeploymentSuccess: "success", forge.DeploymentFailure: "failed",
	}
	word := words[status.State]
	if word == "" {
		return &forge.Error{Op: do.op, Message: "GitLab's deployments have no such state", Err: forge.ErrUnsupported}
	}
	if err := do.on(d.Repo, "/deployments/%d", d.ID); err != nil {
		return err
	}
	if status.EnvironmentURL != "" {
		if err := c.setEnvironmentURL(ctx, d, status.EnvironmentURL); err != nil {
			return err
		}
	}
	do.body = struct {
		Status string `json:"status"`
	}{word}
	_, err := c.send(ctx, do, nil)
	return err
}

func (c *Client) setEnvironmentURL(ctx context.Context, d forge.Deployment, address string) error {
	do := call{
		op: fmt.Sprintf("set the URL of environment %s of %s", d.Environment, d.Repo), method: http.MethodGet,
		query: url.Values{"name": {d.Environment}}, job: true,
	}
	if err := do.on(d.Repo, "/environments"); err != nil {
		return err
	}
	found, err := list[struct {
		ID          int64  `json:"id"`
		Name        string `json:"name"`
		ExternalURL string `json:"external_url"`
	}](ctx, c, do)
	if err != nil {
		return err
	}
	for _, e := range found {
		if e.Name != d.Environment {
			continue
		}
		if e.ExternalURL == address {
			return nil
		}
		do.method, do.query = http.MethodPut, nil
		if err := do.on(d.Repo, "/environments/%d", e.ID); err != nil {
			return err
		}
		do.body = struct {
			ExternalURL string `json:"external_url"`
		}{address}
		_, err := c.send(ctx, do, nil)
		return err
	}
	return &forge.Error{Op: do.op, Message: "there is no such environment", Err: forge.ErrNotFound}
}

// LatestDeployment implements [forge.Deployments]. Records that GitLab keeps of
// a pipeline's jobs are none to us.
func (c *Client) LatestDeployment(ctx context.Context, repo forge.Repo, environment, sha string) (forge.Deployment, error) {
	do := call{
		op: fmt.Sprintf("read the latest deployment of %s to %s", repo, environment), method: http.MethodGet,
		query: url.Values{"environment": {environment}, "order_by": {"id"}, "sort": {"desc"}}, job: true,
	}
	if err := do.on(repo, "/deployments"); err != nil {
		return forge.Deployment{}, err
	}
	got, err := list[wireDeployment](ctx, c, do)
	if err != nil {
		return forge.Deployment{}, err
	}
	for i := range got {
		if got[i].Deployable != nil || sha != "" && got[i].SHA != sha {
			continue
		}
		d, err := got[i].forge(repo)
		if err == nil && d.Environment != environment {
			err = fmt.Errorf("it is one of %q", d.Environment)
		}
		if err != nil {
			return forge.Deployment{}, c.misread(do, err)
		}
		return d, nil
	}
	return forge.Deployment{}, &forge.Error{Op: do.op, Message: "there is none", Err: forge.ErrNotFound}
}
