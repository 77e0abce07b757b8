package forge

import (
	"context"
	"time"
)

// Deployments keeps the forge's records of what was deployed where.
type Deployments interface {
	// CreateDeployment records that a commit is about to be deployed. The
	// environment is made where there is none. The record's state is
	// [DeploymentRunning]; where it was made and that could not be said, there is
	// an error beside it.
	CreateDeployment(ctx context.Context, deployment NewDeployment) (Deployment, error)

	// SetDeployment says how a deployment goes. Only Repo, ID and Environment of
	// it are used.
	SetDeployment(ctx context.Context, deployment Deployment, status DeploymentStatus) error

	// LatestDeployment is the newest record of ours of an environment, of one commit
	// or, with an empty sha, of any. ErrNotFound when there is none. One that has
	// succeeded and was followed by another may be [DeploymentInactive].
	LatestDeployment(ctx context.Context, repo Repo, environment, sha string) (Deployment, error)
}

// DeploymentState is how a deployment goes.
type DeploymentState string

// The states of a deployment.
const (
	DeploymentRunning DeploymentState = "running" // or waits to
	DeploymentSuccess DeploymentState = "success"
	DeploymentFailure DeploymentState = "failure"
	// DeploymentInactive: something else is there now. GitLab has no such state:
	// see [Capabilities].InactiveDeployments.
	DeploymentInactive DeploymentState = "inactive"
)

// NewDeployment describes one to record.
type NewDeployment struct {
	Repo Repo
	// SHA is the commit, in full.
	SHA string
	// Branch that the commit is on or comes from. GitLab wants it.
	Branch      string
	Environment string
	// Description is one line. GitLab shows none.
	Description string
}

// DeploymentStatus is news of a deployment.
type DeploymentStatus struct {
	State DeploymentState
	// EnvironmentURL is where what was deployed can be looked at. GitLab keeps it
	// with the environment.
	EnvironmentURL string
	// LogURL is where the log is. GitLab keeps none.
	LogURL string
	// Description is one line, cut at a forge's limit. GitLab shows none.
	Description string
}

// Deployment is a record.
type Deployment struct {
	Repo        Repo
	ID          int64
	Environment string
	SHA         string
	State       DeploymentState
	Created     time.Time
}
