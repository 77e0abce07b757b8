package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

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
	bot     bot.Bot
	log     *slog.Logger
	metrics *metrics
	// tracer traces runs.
	tracer trace.Tracer
}

// How often what fails is tried before it is given up: what is not known to pass, what ended the process each time, and more.
const (
	triesUnknown = 4
	triesDeadly  = 10
	// triesUntold is for what has been done and could not be told, whatever the forge says of it: some minutes.
	triesUntold = 7
)

// noteUnreached is what is noted of a preview that is to be renewed once all clusters, and the forge, answer.
const noteUnreached = "previewed, but for a cluster, or a check that the forge did not take"

// noteTried begins what is noted of an item that has failed for a cause that may pass, and that was tried for as long as the server has
// patience: it is to be taken up again.
const noteTried = "all tries failed: "

// errUnreached says that a push is not deployed, or not whole, because a cluster does not answer.
var errUnreached = errors.New("a cluster does not answer")

// Handle implements [queue.Handler].
func (w *worker) Handle(ctx context.Context, run *queue.Run, last bool) queue.Outcome {
	ctx, span := w.tracer.Start(ctx, "run", aboutRun(run))
	defer span.End()
	out := w.handle(ctx, run, last)
	if out.Err != nil {
		span.SetStatus(codes.Error, "") // its text is in the log
	}
	return out
}

func (w *worker) handle(ctx context.Context, run *queue.Run, last bool) queue.Outcome {
	s := w.sources[run.Source]
	if s == nil {
		return queue.Outcome{Err: fmt.Errorf("forge %s is not configured any more", run.Source)}
	}
	if run.Event == missedRecord {
		return w.closeRecords(ctx, s, run, last)
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
	b.OptIn = true
	if len(b.DigestKey) == 0 {
		b.SigningKeys = s.config.signingKeys()
	}
	b.Forge, b.Clone = j, s.clone(w.cache, client, event.From().Repo)
	may := func(context string) error { return s.config.mayUse(event.From().Repo, context) }
	b.Cluster, b.Previews = b.Cluster.Within(may), b.Previews.Within(may)
	b.Log = w.log.With("delivery", run.Delivery, "key", run.Key)
	b.Holder = fmt.Sprintf("%s (run %d.%d of weighlock serve)", strings.TrimPrefix(run.Key, run.Source+":"), run.Seq, run.Fence)
	b.Cancel = func(ctx context.Context, pr forge.PullRequest, by forge.User) (int, error) {
		return w.store.Cancel(ctx, pullKey(run.Source, pr.Repo, pr.Number), run.Delivery, "@"+by.Login)
	}
	push, isPush := event.(forge.BranchPushed)
	f := &findings{}
	b.Observer, b.Judged = f, func(v bot.Verdict) { w.judged(v, isPush) }
	out, err := w.do(ctx, &b, j, event)
	w.tell(ctx, b.Log, f, isPush && out.Unreached && !last)
	if err == nil {
		err = w.oweRecords(ctx, run, j, github.InstallationOf(run.Body))
	}
	if err == nil && run.Kind == queue.Preview && errors.Is(context.Cause(ctx), queue.ErrShutdown) { // it may have been stopped before its last check
		err = context.Cause(ctx)
	}
	if err == nil && isPush && out.Unreached {
		err = fmt.Errorf("%w: %w", errUnreached, f.cause())
	}
	if err == nil {
		note := firstLine(out.Summary)
		if isPush {
			w.mark(ctx, &b, push, run, f)
			if left := f.notDeployed(); len(left) > 0 {
				note = noteHeld + strings.Join(left, ", ")
			}
		}
		if e, ok := event.(forge.CommentCreated); ok {
			if err := w.clear(ctx, &b, e, run, f); err != nil {
				b.Log.WarnContext(ctx, "what became of a push is not told on its commit", "error", err)
			}
		}
		w.metrics.answered(run.Kind, time.Since(run.Received))
		if out.Failed {
			w.metrics.failed(run.Kind)
			if len(f.list()) == 0 {
				b.Log.WarnContext(ctx, "not all went well", "kind", run.Kind, "told", clipped(out.Summary, 2000))
			}
		}
		if _, preview := event.(forge.PullRequestChanged); preview && (out.Unreached || out.Unchecked) {
			note = noteUnreached
		}
		return queue.Outcome{Note: note}
	}
	if stopped := new(queue.CancelledError); errors.As(context.Cause(ctx), &stopped) {
		err = errors.Join(err, w.cancelled(ctx, &b, event, stopped.By))
	}
	if ctx.Err() != nil {
		return queue.Outcome{Err: errors.Join(err, context.Cause(ctx)), Retry: outer.Err() == nil} // the journal was not stored
	}
	passes, failed := retryable(err)
	retry := passes && !last || run.Kind == queue.Preview && run.Attempt < triesUnknown || j.begun() && !last && run.Attempt < triesUntold
	retry = retry && !errors.As(err, new(*queue.CancelledError))
	switch {
	case retry:
	case isPush && !j.begun() && !w.concerns(ctx, &b, push):
		b.Log.InfoContext(ctx, "a push to a branch that nothing is deployed from cannot be looked at", "branch", push.Branch, "cause", oneLineOf(err))
		return queue.Outcome{Note: fmt.Sprintf("nothing is deployed from %s", push.Branch)}
	case isPush:
		err = errors.Join(err, w.giveUpPush(ctx, &b, push, run, err))
	default:
		err = errors.Join(err, w.giveUp(ctx, &b, event, err, j.done()))
	}
	if !retry {
		err = errors.Join(err, w.oweRecords(ctx, run, j, github.InstallationOf(run.Body)))
	}
	if passes && !retry {
		err = fmt.Errorf("%s%w", noteTried, err)
	}
	if left := f.notDeployed(); isPush && !retry && len(left) > 0 {
		err = fmt.Errorf("%w\n%s%s", err, noteHeld, strings.Join(left, ", "))
	}
	return queue.Outcome{Err: err, Retry: retry, RetryAfter: failed.RetryAfter}
}

// judged counts verdicts. What becomes of a push after its verdict is found out, whatever that is.
func (w *worker) judged(v bot.Verdict, push bool) {
	w.metrics.judged(v)
	if !push && !v.Met() {
		w.metrics.ended(found{deploy: true, ending: bot.EndedRefused})
	}
}

// tell counts what became of each target, and tells the operator of those with which not all went well. What is tried again anyway wakes
// nobody up.
func (w *worker) tell(ctx context.Context, log *slog.Logger, f *findings, again bool) {
	for _, n := range f.list() {
		again := again && n.deploy && n.ending == bot.EndedUnreached
		if !again {
			w.metrics.ended(n)
		}
		level, what := slog.LevelWarn, "a target is not previewed as it should be"
		switch {
		case n.cause == nil:
			continue
		case n.deploy && (n.ending == bot.EndedRefused || n.ending == bot.EndedHeld):
			what = "a deploy was not carried out"
		case again:
			what = "a deploy failed, and is tried again"
		case n.deploy:
			level, what = slog.LevelError, "a deploy failed"
		}
		log.Log(ctx, level, what, "target", n.target, "outcome", n.ending, "cause", clipped(oneLineOf(n.cause), 2000))
	}
}

// oneLineOf is an error's text in one line, without what no line has: forges may refuse a comment with it.
func oneLineOf(err error) string {
	text := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && !unicode.IsSpace(r) {
			return unicode.ReplacementChar
		}
		return r
	}, err.Error())
	return strings.Join(strings.Fields(text), " ")
}

// do does what an event calls for, beginning where an earlier run of it was interrupted.
func (w *worker) do(ctx context.Context, b *bot.Bot, j *journal, event forge.Event) (bot.Outcome, error) {
	run := j.run
	deadly := run.Interrupted && run.Attempt > triesDeadly
	// What was begun is brought to its end first, whatever becomes of the rest; unless that is what ends the server.
	if len(run.Journal) > 0 && !(deadly && run.Attempt > 2*triesDeadly) {
		if err := j.resume(ctx, b, event); err != nil {
			return bot.Outcome{}, err
		}
	}
	if run.Cancelled != "" {
		text := fmt.Sprintf("😕 %s has cancelled this before it began.\n", run.Cancelled)
		return bot.Outcome{Summary: text}, errors.Join(w.refuse(ctx, b, event, text), &queue.CancelledError{By: run.Cancelled})
	}
	if deadly {
		return bot.Outcome{}, fmt.Errorf("the server has ended in the middle of this %d times", run.Attempt-1)
	}
	if repo := event.From().Repo; !w.sources[run.Source].config.serves(repo) { // the server was started with another configuration since
		text := fmt.Sprintf("😕 This is not carried out: the server does nothing for %s any more.\n", repo)
		return bot.Outcome{Summary: text}, w.refuse(ctx, b, event, text)
	}
	if e, ok := event.(forge.BranchPushed); ok && run.Event != missedPush {
		if done, err := w.foundDeployed(ctx, run, e); done || err != nil {
			return bot.Outcome{Summary: fmt.Sprintf("Nothing to do: %.7s was found, and deployed, before it was told of.", e.After)}, err
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
		if run.Attempt < triesUnknown && behindEvent(pr, e) {
			return bot.Outcome{}, fmt.Errorf("the forge does not tell yet of %s what it has delivered: its head is still %.7s, onto %s", pr, pr.Head.SHA, pr.Base.Name)
		}
		return b.Refresh(ctx, e.PullRequest.Repo, e.PullRequest.Number)
	}
	return b.Handle(ctx, event)
}

// behindEvent says whether a pull request is told as it was before an event: forges tell of events before all of their databases have them. Of what
// is previewed as it was nobody would hear again.
func behindEvent(pr forge.PullRequest, e forge.PullRequestChanged) bool {
	return e.Before != "" && pr.Head.SHA == e.Before && e.Before != e.PullRequest.Head.SHA || e.Action == forge.Retargeted && pr.Base.Name != e.PullRequest.Base.Name
}

// lastWords is how long a run may take to say that it was stopped.
const lastWords = 20 * time.Second

// cancelled answers a comment that was cancelled before the bot had an answer to it.
func (w *worker) cancelled(ctx context.Context, b *bot.Bot, event forge.Event, by string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	return w.refuse(ctx, b, event, fmt.Sprintf("😕 %s has cancelled this before anything was done.\n", by))
}

// giveUp tells who waits for it that an event is not dealt with any more, and what of it was done.
func (w *worker) giveUp(ctx context.Context, b *bot.Bot, event forge.Event, cause error, done []string) error {
	if errors.As(cause, new(*queue.CancelledError)) {
		return nil // told
	}
	if len(done) > 0 {
		return w.refuse(ctx, b, event, fmt.Sprintf("❌ This was carried out, and could not be told as it should: %s\n\n%s\n\nThe preview, which `/diff` renews, shows what is left.\n", oneLine(cause), strings.Join(done, "\n")))
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
	text := clipped(oneLineOf(err), 1000)
	return "`` " + strings.ReplaceAll(text, "`", "'") + " ``"
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return clipped(line, 200)
}

// clipped is the beginning of a text, so many characters of it.
func clipped(text string, most int) string {
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}
