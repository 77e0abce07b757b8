package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/weighlock/weighlock/bot"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/queue"
)

// A journal is what a deploy has done and is about to do, stored before it is done. The bot speaks to the forge through it and
// knows nothing of it.
type journal struct {
	forge.Forge
	store *queue.Store
	run   *queue.Run
	// stop ends the run: what cannot be stored must not be done.
	stop  context.CancelCauseFunc
	state journalState
}

type journalState struct {
	// Deployments were begun: what is deployed there may be there in part.
	Deployments []journalDeployment `json:"deployments,omitempty"`
	// Answers were to be written.
	Answers []journalAnswer `json:"answers,omitempty"`
}

type journalDeployment struct {
	// Deployment has no ID when the process died, or the forge failed, before it told it.
	Deployment forge.Deployment `json:"deployment"`
	// Ended is how it ended, nil while it runs.
	Ended *forge.DeploymentStatus `json:"ended,omitempty"`
	// Told says that the forge has heard of its end.
	Told bool `json:"told,omitempty"`
	// Answered says that the pull request hears of it by one of the answers.
	Answered bool `json:"answered,omitempty"`
}

type journalAnswer struct {
	Number int    `json:"number"`
	Body   string `json:"body"`
}

// readJournal reads what an earlier run of the item has left.
func readJournal(f forge.Forge, store *queue.Store, run *queue.Run, stop context.CancelCauseFunc) (*journal, error) {
	j := &journal{Forge: f, store: store, run: run, stop: stop}
	if len(run.Journal) == 0 {
		return j, nil
	}
	if err := json.Unmarshal(run.Journal, &j.state); err != nil {
		return nil, fmt.Errorf("what an earlier run has left cannot be read: %w", err)
	}
	return j, nil
}

// begun says whether a deploy was begun, of which people must hear.
func (j *journal) begun() bool { return len(j.state.Deployments) > 0 }

// done says of each deploy that was begun how it ended, as items of a list.
func (j *journal) done() []string {
	var out []string
	for _, d := range j.state.Deployments {
		out = append(out, d.String())
	}
	return out
}

// is says whether a record of the forge is of that deploy, which may have been made without our hearing of it.
func (d *journalDeployment) is(other forge.Deployment) bool {
	known := d.Deployment
	return known.Environment == other.Environment && (known.ID == other.ID || known.ID == 0 && known.SHA == other.SHA)
}

// end is how a deploy ended, as far as that is known.
func (d *journalDeployment) end() forge.DeploymentStatus {
	if d.Ended != nil {
		return *d.Ended
	}
	return forge.DeploymentStatus{State: forge.DeploymentFailure, Description: interrupted}
}

func (d *journalDeployment) String() string {
	if d.Ended != nil {
		return fmt.Sprintf("- **%s** had ended: %s", d.Deployment.Environment, d.Ended.State)
	}
	return fmt.Sprintf("- **%s** was being written to", d.Deployment.Environment)
}

func (j *journal) save(ctx context.Context) error {
	data, err := json.Marshal(j.state)
	if err != nil {
		return err
	}
	err = j.store.SetJournal(context.WithoutCancel(ctx), j.run, data)
	if err != nil {
		j.stop(err)
	}
	return err
}

// held ends the run where another replica may have it: what this one says and does is of yesterday.
func (j *journal) held(ctx context.Context) error {
	err := j.store.Held(context.WithoutCancel(ctx), j.run)
	if err != nil {
		j.stop(err)
	}
	return err
}

// UpdateComment is the forge's, for who holds the run.
func (j *journal) UpdateComment(ctx context.Context, comment forge.Comment, body string) (forge.Comment, error) {
	if err := j.held(ctx); err != nil {
		return forge.Comment{}, err
	}
	return j.Forge.UpdateComment(ctx, comment, body)
}

// DeleteComment is the forge's, for who holds the run.
func (j *journal) DeleteComment(ctx context.Context, comment forge.Comment) error {
	if err := j.held(ctx); err != nil {
		return err
	}
	return j.Forge.DeleteComment(ctx, comment)
}

// SetCheck is the forge's, for who holds the run.
func (j *journal) SetCheck(ctx context.Context, commit forge.Commit, check forge.Check) error {
	if err := j.held(ctx); err != nil {
		return err
	}
	return j.Forge.SetCheck(ctx, commit, check)
}

// CreateComment stores an answer before it is written.
func (j *journal) CreateComment(ctx context.Context, repo forge.Repo, number int, body string) (forge.Comment, error) {
	if bot.IsAnswer(body) && !slices.Contains(j.state.Answers, journalAnswer{number, body}) {
		j.state.Answers = append(j.state.Answers, journalAnswer{number, body})
		for i := range j.state.Deployments {
			j.state.Deployments[i].Answered = true
		}
		if err := j.save(ctx); err != nil {
			return forge.Comment{}, err
		}
	}
	if err := j.held(ctx); err != nil {
		return forge.Comment{}, err
	}
	return j.Forge.CreateComment(ctx, repo, number, body)
}

// CreateDeployment stores, right before the first write to a cluster, that there is one.
func (j *journal) CreateDeployment(ctx context.Context, n forge.NewDeployment) (forge.Deployment, error) {
	at := len(j.state.Deployments)
	j.state.Deployments = append(j.state.Deployments, journalDeployment{Deployment: forge.Deployment{Repo: n.Repo, Environment: n.Environment, SHA: n.SHA}})
	if err := j.save(ctx); err != nil {
		return forge.Deployment{}, err
	}
	d, err := j.Forge.CreateDeployment(ctx, n)
	if d.ID == 0 {
		return d, err
	}
	j.state.Deployments[at].Deployment = d
	return d, errors.Join(err, j.save(ctx))
}

// SetDeployment stores how a deploy ended before the forge hears of it.
func (j *journal) SetDeployment(ctx context.Context, d forge.Deployment, status forge.DeploymentStatus) error {
	for i := range j.state.Deployments {
		if known := &j.state.Deployments[i]; known.is(d) {
			known.Deployment, known.Ended = d, &status
			if err := j.save(ctx); err != nil {
				return err
			}
			err := j.Forge.SetDeployment(ctx, d, status)
			known.Told = err == nil
			return err
		}
	}
	return j.Forge.SetDeployment(ctx, d, status)
}
