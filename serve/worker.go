package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/weighlock/weighlock/bot"
	"github.com/weighlock/weighlock/bot/checkout"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/github"
	"github.com/weighlock/weighlock/bot/queue"
)

// A worker does what deliveries call for.
type worker struct {
	sources map[string]*source
	store   *queue.Store
	cache   *checkout.Cache
	// bot is what all repositories share; forge, clone and holder are each run's own.
	bot bot.Bot
	log *slog.Logger
	// answered is told how long people waited for what a delivery called for.
	answered func(kind queue.Kind, waited time.Duration)
}

// How often what fails is tried before it is given up: what is not known to pass, and what ended the process each time.
const (
	triesUnknown = 4
	triesDeadly  = 10
)

// Handle implements [queue.Handler].
func (w *worker) Handle(ctx context.Context, run *queue.Run, last bool) queue.Outcome {
	s := w.sources[run.Source]
	if s == nil {
		return queue.Outcome{Err: fmt.Errorf("forge %s is not configured any more", run.Source)}
	}
	event, err := s.decode(run.Event, run.Delivery, run.Body)
	if err != nil {
		return queue.Outcome{Err: err}
	}
	client, err := s.client(github.InstallationOf(run.Body), event.From().Repo)
	if err != nil {
		return queue.Outcome{Err: err}
	}
	outer := ctx
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	j, err := readJournal(client, w.store, run, stop)
	if err != nil {
		return queue.Outcome{Err: err}
	}
	b := w.bot // a copy
	b.Forge, b.Clone = j, s.clone(w.cache, client, event.From().Repo)
	b.Log = w.log.With("delivery", run.Delivery, "key", run.Key)
	b.Holder = fmt.Sprintf("%s (run %d.%d of weighlock serve)", strings.TrimPrefix(run.Key, run.Source+":"), run.Seq, run.Fence)
	b.Cancel = func(ctx context.Context, pr forge.PullRequest, by forge.User) (int, error) {
		return w.store.Cancel(ctx, pullKey(run.Source, pr.Repo, pr.Number), run.Delivery, "@"+by.Login)
	}
	out, err := w.do(ctx, &b, j, event)
	if err == nil {
		if w.answered != nil {
			w.answered(run.Kind, time.Since(run.Received))
		}
		return queue.Outcome{Note: firstLine(out.Summary)}
	}
	if stopped := new(queue.CancelledError); errors.As(context.Cause(ctx), &stopped) {
		err = errors.Join(err, w.cancelled(ctx, &b, event, stopped.By))
	}
	if ctx.Err() != nil {
		return queue.Outcome{Err: errors.Join(err, context.Cause(ctx)), Retry: outer.Err() == nil} // the journal was not stored
	}
	passes, failed := retryable(err)
	retry := passes && !last || run.Kind == queue.Preview && run.Attempt < triesUnknown
	if !retry {
		err = errors.Join(err, w.giveUp(ctx, &b, event, err))
	}
	return queue.Outcome{Err: err, Retry: retry, RetryAfter: failed.RetryAfter}
}

// do does what an event calls for, beginning where an earlier run of it was interrupted.
func (w *worker) do(ctx context.Context, b *bot.Bot, j *journal, event forge.Event) (bot.Outcome, error) {
	run := j.run
	if run.Cancelled != "" {
		text := fmt.Sprintf("😕 %s has cancelled this before it began.\n", run.Cancelled)
		return bot.Outcome{Summary: text}, errors.Join(w.refuse(ctx, b, event, text), &queue.CancelledError{By: run.Cancelled})
	}
	if run.Interrupted && run.Attempt > triesDeadly {
		return bot.Outcome{}, fmt.Errorf("the server has ended in the middle of this %d times", run.Attempt-1)
	}
	if len(run.Journal) > 0 {
		if err := j.resume(ctx, b, event); err != nil {
			return bot.Outcome{}, err
		}
	}
	if e, ok := event.(forge.PullRequestChanged); ok {
		// What the event tells was so when it was sent.
		pr, err := b.Forge.PullRequest(ctx, e.PullRequest.Repo, e.PullRequest.Number)
		if err != nil {
			return bot.Outcome{}, err
		}
		if pr.State != forge.StateOpen {
			return bot.Outcome{Summary: fmt.Sprintf("Nothing to do: %s is %s.", pr, pr.State)}, nil
		}
		if err := b.Refresh(ctx, e.PullRequest.Repo, e.PullRequest.Number); err != nil {
			return bot.Outcome{}, err
		}
		return bot.Outcome{Summary: "previewed"}, nil
	}
	return b.Handle(ctx, event)
}

// lastWords is how long a run may take to say that it was stopped.
const lastWords = 20 * time.Second

// cancelled answers a comment that was cancelled before the bot had an answer to it.
func (w *worker) cancelled(ctx context.Context, b *bot.Bot, event forge.Event, by string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	return w.refuse(ctx, b, event, fmt.Sprintf("😕 %s has cancelled this before anything was done.\n", by))
}

// giveUp tells who waits for it that an event is not dealt with any more.
func (w *worker) giveUp(ctx context.Context, b *bot.Bot, event forge.Event, cause error) error {
	if errors.As(cause, new(*queue.CancelledError)) {
		return nil // told
	}
	return w.refuse(ctx, b, event, fmt.Sprintf("❌ This could not be carried out: %s\n", oneLine(cause)))
}

// refuse answers a comment as a whole. Of pushes and pull requests the bot tells itself, as far as there is where to.
func (w *worker) refuse(ctx context.Context, b *bot.Bot, event forge.Event, text string) error {
	if e, ok := event.(forge.CommentCreated); ok {
		return b.Refuse(ctx, e, text)
	}
	return nil
}

// oneLine is an error as a line of Markdown that nothing of it can leave.
func oneLine(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if r := []rune(text); len(r) > 1000 {
		text = string(r[:1000]) + "…"
	}
	return "`` " + strings.ReplaceAll(text, "`", "'") + " ``"
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if r := []rune(line); len(r) > 200 {
		return string(r[:200]) + "…"
	}
	return line
}
