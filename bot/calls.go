package bot

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/engine/report"
)

// A Call is what an event calls for, as far as the event alone tells.
type Call string

// What events call for.
const (
	CallNothing Call = "nothing"
	// CallPreview: a pull request is to be previewed as it is then; of several such calls the last one does.
	CallPreview Call = "preview"
	// CallCommand: a person asks for something that writes to no cluster.
	CallCommand Call = "command"
	// CallDeploy: it may write to a cluster.
	CallDeploy Call = "deploy"
	// CallCancel: a person asks to stop what runs, and for nothing else.
	CallCancel Call = "cancel"
)

// CallOf says what [Bot.Handle] would do about an event, for those who put events into an order.
func CallOf(event forge.Event) Call {
	switch e := event.(type) {
	case forge.PullRequestChanged:
		if previewed[e.Action] {
			return CallPreview
		}
	case forge.MergeQueued:
		return CallPreview
	case forge.BranchPushed:
		return CallDeploy
	case forge.CommentCreated:
		commands := ParseCommands(e.Comment.Body)
		if len(commands) == 0 || e.Comment.Author.Bot {
			return CallNothing
		}
		call := CallCancel
		for _, c := range commands {
			switch {
			case c.Verb == VerbDeploy, c.Verb == VerbPrune:
				return CallDeploy
			case c.Verb != VerbCancel || c.Err != nil:
				call = CallCommand
			}
		}
		return call
	}
	return CallNothing
}

// answerTo names the answers to a comment: the comment as a whole, or with its number one of its commands.
func answerTo(c forge.Comment) answerID { return answerID(fmt.Sprintf("comment-%d", c.ID)) }

// answerToPush names the answer about a target that a push deploys. What is in the target's name must not end the marker.
func answerToPush(commit string, target ID) answerID {
	return answerID(fmt.Sprintf("push-%s-%s", commit, url.PathEscape(string(target))))
}

func (id answerID) command(n int) answerID { return answerID(fmt.Sprintf("%s-%d", id, n+1)) }

// IsAnswer says whether a comment's body is an answer of ours, which people must see, as opposed to the preview.
func IsAnswer(body string) bool { return strings.HasPrefix(body, answerMarker) }

// Post makes a pull request say what an answer says that was to be written and may have been: it is written once.
func (b *Bot) Post(ctx context.Context, pr forge.PullRequest, body string) error {
	head, _, _ := strings.Cut(body, "\n")
	ours, err := b.ourComments(ctx, pr)
	if err != nil {
		return fmt.Errorf("looking for an answer on %s: %w", pr, err)
	}
	if find(ours, head+"\n") != nil {
		return nil
	}
	return b.put(ctx, pr, nil, body)
}

// answers are what we have written about a comment so far.
type answers struct {
	to   answerID
	pr   forge.PullRequest
	ours []forge.Comment
}

// answersTo reads the pull request of a comment, and what we have written there so far.
func (b *Bot) answersTo(ctx context.Context, e forge.CommentCreated) (answers, error) {
	a := answers{to: answerTo(e.Comment)}
	var err error
	if a.pr, err = b.Forge.PullRequest(ctx, e.Repo, e.Comment.Number); err != nil {
		return a, err
	}
	if a.ours, err = b.ourComments(ctx, a.pr); err != nil {
		err = fmt.Errorf("looking for the answers to %s: %w", e.Comment.URL, err)
	}
	return a, err
}

// Explain answers the first command of a comment that has no answer: it was begun, and this is what is known of it. text is given
// the command as Markdown.
func (b *Bot) Explain(ctx context.Context, e forge.CommentCreated, text func(command string) string) error {
	a, err := b.answersTo(ctx, e)
	if err != nil {
		return err
	}
	for n, c := range ParseCommands(e.Comment.Body) {
		if id := a.to.command(n); find(a.ours, id.marker()) == nil {
			return b.answer(ctx, a.pr, id, text(report.Code(c.on(ID(strings.Join(c.Targets, " "))))))
		}
	}
	return nil
}

// Refuse answers a comment as a whole, if it was not answered: none of its commands is carried out any more.
func (b *Bot) Refuse(ctx context.Context, e forge.CommentCreated, text string) error {
	a, err := b.answersTo(ctx, e)
	if err != nil || find(a.ours, a.to.marker()) != nil || find(a.ours, answerMarker+string(a.to)+"-") != nil {
		return err
	}
	b.react(ctx, e.Comment, forge.Confused)
	return b.answer(ctx, a.pr, a.to, text)
}

// Answered says whether a comment of people was answered, judging by all comments of its pull request.
func (b *Bot) Answered(c forge.Comment, self forge.User, all []forge.Comment) bool {
	id := answerTo(c)
	for _, o := range all {
		if o.Author.Same(self) && (strings.HasPrefix(o.Body, id.marker()) || strings.HasPrefix(o.Body, answerMarker+string(id)+"-")) {
			return true
		}
	}
	return false
}

// cancel carries out /cancel where there is something that can be stopped from here.
func (b *Bot) cancel(ctx context.Context, e forge.CommentCreated, pr forge.PullRequest) (string, bool, error) {
	if b.Cancel == nil {
		return "😕 There is no run to cancel from here: each command is a job of its own in the CI, which can cancel it. A deploy that is cancelled finishes the object under way, says what it did and gives its lock back.", false, nil
	}
	p, err := b.Forge.Permission(ctx, pr.Repo, e.Comment.Author)
	if err != nil {
		return "", false, err
	}
	if p < forge.Write {
		return fmt.Sprintf("😕 `/cancel` needs permission to write (has %s).", p), false, nil
	}
	n, err := b.Cancel(ctx, pr, e.Comment.Author)
	switch {
	case err != nil:
		return "", false, err
	case n == 0:
		return "Nothing runs or waits for this pull request.", true, nil
	}
	return fmt.Sprintf("%d %s asked to stop. A deploy finishes the object under way, says what it did and gives its lock back.", n, plural(n, "run is", "runs are")), true, nil
}

// page is the address of this run for people, "" where it has none.
func (b *Bot) page() string {
	if strings.HasPrefix(b.Holder, "https://") || strings.HasPrefix(b.Holder, "http://") {
		return b.Holder
	}
	return ""
}

func (b *Bot) judged(v Verdict) {
	if b.Judged != nil {
		b.Judged(v)
	}
}

// audit tells the log why a push deploys a target, or why not: the same line that a command's verdict gets.
func (b *Bot) audit(ctx context.Context, j Job, p pushed, differs string, err error) {
	held, moved := new(heldError), new(movedError)
	why := "the change is what the pull request showed"
	switch {
	case p.pullRequest(j.ID).Number == 0:
		why = "it was pushed without a pull request, and the target asks for nothing that only one has"
	case differs != "":
		why = "the target lets through what is not as it was shown: " + differs
	}
	v := Verdict{{Name: "preview", State: GateMet, Text: why}}
	switch {
	case errors.As(err, &held):
		v = held.gates
	case err != nil:
		v = Verdict{{Name: pick(errors.As(err, &moved), "state", "unknown"), State: GateNotMet, Text: err.Error()}}
	}
	b.judged(v)
	b.Log.InfoContext(ctx, "judged", "target", j.ID, "actor", p.Sender.Login, "push", p.After, "met", err == nil, "gates", v)
}

// Refresh brings the preview of a pull request that is not closed up to date.
func (b *Bot) Refresh(ctx context.Context, repo forge.Repo, number int) (Outcome, error) {
	pr, err := b.Forge.PullRequest(ctx, repo, number)
	if err != nil || pr.State == forge.StateClosed {
		return Outcome{}, err
	}
	clone, err := b.Clone(ctx, b.Forge.HeadRef(pr.Number), "refs/heads/"+pr.Base.Name)
	if err != nil {
		return Outcome{}, b.tell(ctx, pr, err)
	}
	defer clone.Close()
	base, err := clone.Tip(ctx, pr.Base.Name)
	if err != nil {
		return Outcome{}, b.tell(ctx, pr, err)
	}
	return b.preview(ctx, clone, pr, base, interest{})
}
