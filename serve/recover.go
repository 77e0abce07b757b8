package serve

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"syscall"

	"github.com/weighlock/weighlock/bot"
	"github.com/weighlock/weighlock/bot/checkout"
	"github.com/weighlock/weighlock/bot/forge"
)

// interrupted is what the forge is told of a deploy whose process died.
const interrupted = "interrupted: the server that ran it has ended"

// resume brings to an end what an earlier run of the same delivery has begun to write: records are closed, answers written, and
// the pull request is told of a deploy of which nobody knows how far it came. It can itself be interrupted at any point.
func (j *journal) resume(ctx context.Context, b *bot.Bot, event forge.Event) error {
	repo := event.From().Repo
	var open []string
	var errs []error // a record that cannot be closed keeps no answer from being written, nor the other way round
	for i := range j.state.Deployments {
		d := &j.state.Deployments[i]
		if d.Deployment.ID == 0 { // the forge may have made the record all the same
			found, err := j.LatestDeployment(ctx, d.Deployment.Repo, d.Deployment.Environment, d.Deployment.SHA)
			if err == nil && found.State == forge.DeploymentRunning {
				d.Deployment = found
			} else if passes, _ := retryable(err); passes {
				errs = append(errs, fmt.Errorf("whether there is a record of the deploy: %w", err))
			}
		}
		if d.Deployment.ID != 0 && !d.Told {
			if err := j.Forge.SetDeployment(ctx, d.Deployment, d.end()); err != nil {
				errs = append(errs, fmt.Errorf("the record of a deploy is not closed: %w", err))
			} else {
				d.Told = true
			}
		}
		if !d.Answered {
			open = append(open, d.String())
		}
	}
	for _, a := range j.state.Answers {
		pr, err := b.Forge.PullRequest(ctx, repo, a.Number)
		if err == nil {
			err = b.Post(ctx, pr, a.Body)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("an answer is not written: %w", err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	comment, isComment := event.(forge.CommentCreated)
	if !isComment || len(open) == 0 { // a push is deployed again, and holds what is not as it was reviewed
		return j.save(ctx)
	}
	if err := b.Explain(ctx, comment, func(command string) string {
		return "❌ The server that carried this out has ended in the middle:\n\n" + strings.Join(open, "\n") +
			"\n\nWhat was applied stays; the rest was not done. The preview shows what is left, and " + command + " does it.\n"
	}); err != nil {
		return err
	}
	_, err := b.Refresh(ctx, comment.Repo, comment.Comment.Number)
	return err
}

// noRoom says that one of our disks is full, as we found, or git did: the operator's to mend, and no mistake of who waits.
func noRoom(err error) bool {
	return err != nil && (errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || gitNoRoom.MatchString(err.Error()))
}

var gitNoRoom = regexp.MustCompile(`No space left on device|Disk quota exceeded`)

// retryable says whether a failure may pass by itself, and how long the forge asks to wait.
func retryable(err error) (bool, *forge.Error) {
	failed := new(forge.Error)
	if errors.As(err, &failed) {
		// A token that is not valid is the operator's to change: what waits for that is not lost.
		return errors.Is(err, forge.ErrUnavailable) || errors.Is(err, forge.ErrRateLimited) || errors.Is(err, forge.ErrUnauthorized), failed
	}
	if errors.Is(err, checkout.ErrUnavailable) || errors.Is(err, errUnreached) || noRoom(err) {
		return true, failed
	}
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) || errors.Is(err, context.DeadlineExceeded), failed
}
