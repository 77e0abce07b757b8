package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/queue"
)

// A record is one of the forge's of a deploy that has ended, and that the forge did not let us close.
type record struct {
	Deployment forge.Deployment       `json:"deployment"`
	Status     forge.DeploymentStatus `json:"status"`
}

// untold are the records of deploys that have ended and that the forge does not know to have.
func (j *journal) untold() []record {
	var out []record
	for _, d := range j.state.Deployments {
		if !d.Told && d.Deployment.ID != 0 {
			out = append(out, record{d.Deployment, d.end()})
		}
	}
	return out
}

// oweRecords stores, once a run has ended, what the forge is still to be told of deploys, as an item of its own: what a run was for is done without it.
func (w *worker) oweRecords(ctx context.Context, run *queue.Run, j *journal, installation int64) error {
	records := j.untold()
	if len(records) == 0 {
		return nil
	}
	m := missed{Records: records}
	m.Installation.ID = installation
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	key := run.Key + "/record"
	_, err = w.store.Add(context.WithoutCancel(ctx), queue.Item{
		Delivery: run.Delivery + "!record", Source: run.Source, Event: missedRecord, Body: body, Key: key, Repo: run.Repo, Kind: queue.Command, Subject: "record:" + run.Delivery,
	})
	return err
}

// closeRecords tells the forge how deploys have ended, whatever it said of that before.
func (w *worker) closeRecords(ctx context.Context, s *source, run *queue.Run, last bool) queue.Outcome {
	var m missed
	if err := json.Unmarshal(run.Body, &m); err != nil || len(m.Records) == 0 {
		return queue.Outcome{Err: fmt.Errorf("what is to be told of deploys cannot be read: %w", err)}
	}
	client, err := s.client(m.Installation.ID, m.Records[0].Deployment.Repo)
	if err != nil {
		return queue.Outcome{Err: err}
	}
	var errs []error
	for _, r := range m.Records {
		if err := closeRecord(ctx, client, r); err != nil {
			errs = append(errs, fmt.Errorf("the record of the deploy of %s is not closed: %w", r.Deployment.Environment, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		_, failed := retryable(err)
		return queue.Outcome{Err: err, Retry: !last, RetryAfter: failed.RetryAfter}
	}
	return queue.Outcome{Note: "the forge knows how the deploys have ended"}
}

// closeRecord tells the forge how one has ended, unless the next deploy to its environment did: an environment would be said to hold what
// was deployed to it before, else.
func closeRecord(ctx context.Context, f forge.Forge, r record) error {
	d, status := r.Deployment, r.Status
	same, err := f.LatestDeployment(ctx, d.Repo, d.Environment, d.SHA)
	if err == nil && same.ID == d.ID && same.State != forge.DeploymentRunning {
		return nil
	}
	var latest forge.Deployment
	if err == nil {
		latest, err = f.LatestDeployment(ctx, d.Repo, d.Environment, "")
	}
	switch {
	case errors.Is(err, forge.ErrNotFound):
	case err != nil:
		return err
	case latest.ID != d.ID && status.State == forge.DeploymentSuccess && f.Capabilities().InactiveDeployments:
		status.State = forge.DeploymentInactive
	}
	return f.SetDeployment(ctx, d, status)
}
