package serve

import (
	"context"
	"fmt"
	"time"

	"github.com/weighlock/weighlock/bot"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/queue"
)

// mark says on the pushed commit what became of its deploy, where that did not go well, or does at last: nobody may have asked for it on a
// pull request.
func (w *worker) mark(ctx context.Context, b *bot.Bot, e forge.BranchPushed, run *queue.Run, f *findings) {
	why, deployed := f.causes()
	var err error
	switch {
	case len(why) > 0:
		details := ""
		for _, cause := range why {
			details += "- " + oneLine(cause) + "\n"
		}
		err = b.MarkPush(ctx, e, fmt.Sprintf("not deployed: %v", why[0]), details)
	case deployed && run.Again > 0:
		err = b.RedeemPush(ctx, e)
	}
	if err != nil {
		b.Log.WarnContext(ctx, "what became of a push is not told on its commit", "error", err)
	}
}

// giveUpPush tells of a push that is not tried any more for now.
func (w *worker) giveUpPush(ctx context.Context, b *bot.Bot, e forge.BranchPushed, run *queue.Run, cause error) error {
	next := "It is not tried again by itself."
	if passes, _ := retryable(cause); passes && time.Since(run.Received) < retakeFor {
		next = fmt.Sprintf("It is tried again by itself, as long as it is the head of %s and no day has gone by.", e.Branch)
	}
	b.Log.ErrorContext(ctx, "a push is not deployed", "repository", e.Repo.String(), "branch", e.Branch, "commit", e.After, "cause", cause.Error(), "next", next)
	return b.GiveUpPush(ctx, e, cause, next)
}
