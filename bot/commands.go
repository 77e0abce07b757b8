package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/weighlock/weighlock/bot/checkout"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/engine/report"
)

// oldCommand is from what age on a command is not carried out: it was meant for what there was then.
const oldCommand = 15 * time.Minute

// An asked is a command, who gave it and what about.
type asked struct {
	Command
	by      forge.User
	comment forge.Comment
	pr      forge.PullRequest
	repo    *checkout.Repo
	// base is what the base branch is at.
	base string
}

// at is the commit that a command about the pull request concerns: its head, or once that is merged what the base is at.
func (a asked) at() string {
	if a.pr.State == forge.StateMerged {
		return a.base
	}
	return a.pr.Head.SHA
}

// branch is the one that the commit is on.
func (a asked) branch() string {
	return pick(a.pr.State == forge.StateMerged, a.pr.Base.Name, a.pr.Head.Name)
}

// commentCreated carries out the commands of a comment.
func (b *Bot) commentCreated(ctx context.Context, e forge.CommentCreated) (Outcome, error) {
	commands := ParseCommands(e.Comment.Body)
	if len(commands) == 0 || e.Comment.Author.Bot {
		return Outcome{Summary: "Nothing to do: the comment holds no command."}, nil
	}
	b.react(ctx, e.Comment, forge.Eyes)
	pr, err := b.Forge.PullRequest(ctx, e.Repo, e.Comment.Number)
	if err != nil {
		return Outcome{}, err
	}
	id := answerTo(e.Comment)
	ours, err := b.ourComments(ctx, pr)
	if err != nil {
		return Outcome{}, fmt.Errorf("whether the comment was answered before: %w", err)
	}
	answered := func(n int) bool { return find(ours, id.command(n).marker()) != nil }
	if last := len(commands) - 1; find(ours, id.marker()) != nil || answered(last) {
		return Outcome{Summary: "Nothing to do: the comment was answered before."}, nil
	}
	if gone, now, err := b.withdrawn(ctx, e.Comment); err != nil {
		return Outcome{}, fmt.Errorf("whether the comment is still there: %w", err)
	} else if gone != "" && len(ParseCommands(now)) == 0 {
		return Outcome{Summary: "Nothing to do: the comment was " + gone + " meanwhile."}, nil
	} else if gone != "" { // a slip of the pen: who mends it at once waits for something
		text := "😕 The comment was edited before it was carried out, so it is not: write what is meant in a new one.\n"
		b.react(ctx, e.Comment, forge.Confused)
		return Outcome{Summary: text, Failed: true}, b.answer(ctx, pr, id, text)
	}
	if age := b.Now().Sub(e.Comment.Created); age > oldCommand {
		text := fmt.Sprintf("😕 This command is %s old and is not carried out any more. If it is still meant, write it again.\n", age.Round(time.Minute))
		b.react(ctx, e.Comment, forge.Confused)
		return Outcome{Summary: text, Failed: true}, b.answer(ctx, pr, id, text)
	}
	var out Outcome
	var errs []error
	ok := true
	for n, c := range commands {
		if answered(n) { // by a run that ended in the middle
			continue
		}
		var later func() error
		text, done, err := b.command(ctx, e, pr, c, &later)
		say := func() {
			if text = strings.TrimSpace(text); text != "" {
				text += "\n"
				if err := b.answer(ctx, pr, id.command(n), text); err != nil {
					errs, done = append(errs, err), false
				}
			}
		}
		if err != nil {
			// What was done before the failure is told all the same.
			errs, done = append(errs, err), false
			text += fmt.Sprintf("\n❌ %s failed:\n%s", report.Code("/"+c.Verb), report.Fence("", limited(err)))
		}
		say()
		if done && (c.Verb == VerbDeploy || c.Verb == VerbPrune) {
			b.supersede(ctx, pr, id.command(n), c.Targets)
		}
		if later != nil {
			if err := later(); err != nil {
				// That does not undo what was done.
				errs, done = append(errs, err), false
				text += fmt.Sprintf("\n⚠️ That is done, but not all that follows:\n%s", report.Fence("", limited(err)))
				say()
			}
		}
		if text != "" {
			out.Summary += text + "\n"
		}
		ok = ok && done
	}
	b.react(ctx, e.Comment, forge.Reaction(pick(ok, string(forge.Rocket), string(forge.Confused))))
	out.Failed = !ok
	return out, errors.Join(errs...)
}

// Forges tell of a comment before all of their databases have it. One that is not there is looked for again while it is young.
const (
	youngComment         = 30 * time.Second
	firstLook, lastPause = time.Second, 4 * time.Second
)

// withdrawn says what became of a comment that somebody thinks better of, "deleted" or "edited" ("" where it is as it was), and what it
// says now.
func (b *Bot) withdrawn(ctx context.Context, c forge.Comment) (gone, now string, err error) {
	for pause := firstLook; ; pause *= 2 {
		gone, now, err = b.becameOf(ctx, c)
		if gone != wasDeleted || pause > lastPause || b.Now().Sub(c.Created) > youngComment {
			return gone, now, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return "", "", ctx.Err()
		}
	}
}

// wasDeleted is what became of a comment that is not there.
const wasDeleted = "deleted"

func (b *Bot) becameOf(ctx context.Context, c forge.Comment) (gone, now string, err error) {
	all, err := b.Forge.Comments(ctx, c.Repo, c.Number)
	if err != nil {
		return "", "", err
	}
	for _, now := range all {
		if now.ID == c.ID {
			return pick(now.Body == c.Body, "", "edited"), now.Body, nil
		}
	}
	return wasDeleted, "", nil
}

// help lists the commands.
const help = "| command | |\n|---|---|\n" +
	"| `/diff [TARGET…]` | render and compare again; a target that is named also when it is not affected |\n" +
	"| `/deploy TARGET… [@COMMIT]` | deploy what the preview shows; `--force-conflicts` overwrites what other field managers own, `--prune` deletes what the project no longer has, `--only KIND/NAMESPACE/NAME…` applies nothing else |\n" +
	"| `/prune TARGET` | only delete what the project no longer has |\n" +
	"| `/lock TARGET [--reason \"…\"]`, `/unlock TARGET`, `/locks` | keep others from deploying; let them again; who does |\n" +
	"| `/ok-to-test @COMMIT` | let that commit of a fork be previewed |\n" +
	"| `/help` | show this |\n\n" +
	"<sub>Where the forge or another bot takes a command for its own, write <code>/weighlock COMMAND</code>.</sub>\n"

// command carries out one command. It returns the answer and whether it was done; later is set to what can wait until the
// answer is there.
func (b *Bot) command(ctx context.Context, e forge.CommentCreated, pr forge.PullRequest, c Command, later *func() error) (string, bool, error) {
	switch {
	case c.Err != nil:
		text := fmt.Sprintf("😕 %s.", report.Escape(c.Err.Error()))
		if !errors.As(c.Err, new(slipError)) {
			text += "\n\n" + help
		}
		return text, false, nil
	case c.Verb == VerbHelp:
		return help, true, nil
	case c.Verb == VerbCancel:
		return b.cancel(ctx, e, pr)
	}
	repo, err := b.Clone(ctx, b.Forge.HeadRef(pr.Number), "refs/heads/"+pr.Base.Name)
	if err != nil {
		return "", false, err
	}
	defer func() {
		then := *later
		if then == nil {
			repo.Close()
			return
		}
		*later = func() error { defer repo.Close(); return then() }
	}()
	// Not what the job has checked out: that may be the pull request's own head, and the base decides who may do what.
	base, err := repo.Tip(ctx, pr.Base.Name)
	if err != nil {
		return "", false, err
	}
	a := asked{Command: c, by: e.Comment.Author, comment: e.Comment, pr: pr, repo: repo, base: base}
	switch c.Verb {
	case VerbDeploy, VerbPrune:
		return b.deployCommand(ctx, a, later)
	case VerbLock, VerbUnlock:
		return b.lockCommand(ctx, a)
	}
	// Who may not write may still not have the cluster asked by our credentials at will.
	if p, err := b.Forge.Permission(ctx, pr.Repo, a.by); err != nil || p < forge.Write {
		why := fmt.Sprintf("has %s", p)
		if err != nil {
			why = "this could not be found out: " + err.Error()
		}
		return fmt.Sprintf("😕 %s needs permission to write (%s).", report.Code("/"+c.Verb), report.Escape(why)), false, nil
	}
	switch c.Verb {
	case VerbLocks:
		return b.locksCommand(ctx, a)
	case VerbOkToTest:
		return b.okToTest(ctx, a)
	}
	if pr.State == forge.StateClosed {
		return "😕 `/diff` needs a pull request that is open or merged: this one is closed.", false, nil
	}
	out, err := b.preview(ctx, repo, pr, base, interest{targets: c.Targets, person: true})
	if none := new(noTargetError); errors.As(err, &none) {
		return fmt.Sprintf("😕 %s.", report.Escape(none.Error())), false, nil
	}
	if out.Unread {
		return fmt.Sprintf("😕 No cluster is asked about a fork's change before somebody with permission to write has read the commit: %s", report.Code(okToTestCommand(pr))), false, err
	}
	return "", !out.Failed, err
}

// okToTest previews a fork's head, which somebody who may write has looked at.
func (b *Bot) okToTest(ctx context.Context, a asked) (string, bool, error) {
	switch {
	case !a.pr.Fork:
		return "`/ok-to-test` is for the commits of forks; this pull request comes from the repository itself.", true, nil
	case a.pr.State != forge.StateOpen:
		return fmt.Sprintf("😕 `/ok-to-test` needs an open pull request: this one is %s.", a.pr.State), false, nil
	case a.Commit != a.pr.Head.SHA && strings.HasPrefix(a.pr.Head.SHA, a.Commit):
		return fmt.Sprintf("😕 Name the whole commit, as another one that begins alike could be made: %s", report.Code(okToTestCommand(a.pr))), false, nil
	case a.Commit != a.pr.Head.SHA:
		return fmt.Sprintf("😕 The head is not %s but %s: look at that, then write %s", report.Code(short(a.Commit)), report.Code(short(a.pr.Head.SHA)), report.Code(okToTestCommand(a.pr))), false, nil
	}
	out, err := b.previewVetted(ctx, a.repo, a.pr, a.base, interest{person: true})
	return "", !out.Failed, err
}

// okToTestCommand allows a fork's head to be looked at, and nothing that may be pushed in its place.
func okToTestCommand(pr forge.PullRequest) string {
	return fmt.Sprintf("/%s @%s", VerbOkToTest, pr.Head.SHA)
}

// vetted says whether somebody who may write has written the head of a fork, which is their own then, or has allowed it by a comment
// that names it and was not edited since. To a fork of others these may push as they like, whoever has opened the pull request.
func (b *Bot) vetted(ctx context.Context, pr forge.PullRequest) (bool, error) {
	if strings.EqualFold(pr.Head.Repo.Owner, pr.Author.Login) {
		if p, err := b.Forge.Permission(ctx, pr.Repo, pr.Author); err != nil || p >= forge.Write {
			return err == nil, err
		}
	}
	comments, err := b.Forge.Comments(ctx, pr.Repo, pr.Number)
	if err != nil {
		return false, err
	}
	may := map[forge.User]bool{} // write; who may not is not read, either
	for _, c := range comments {
		if c.Author.Bot || !strings.Contains(strings.ToLower(c.Body), "/"+VerbOkToTest) && !strings.Contains(strings.ToLower(c.Body), "/"+ourPrefix) {
			continue
		}
		if _, known := may[c.Author]; !known {
			p, err := b.Forge.Permission(ctx, pr.Repo, c.Author)
			if err != nil {
				return false, err
			}
			may[c.Author] = p >= forge.Write
		}
		if may[c.Author] && slices.ContainsFunc(ParseCommands(c.Body), func(said Command) bool {
			return said.Verb == VerbOkToTest && said.Err == nil && said.Commit == pr.Head.SHA
		}) {
			if edited, err := b.Forge.Edited(ctx, c); err != nil || !edited {
				return err == nil, err
			}
		}
	}
	return false, nil
}
