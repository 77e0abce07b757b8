package serve

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/weighlock/weighlock/bot"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/queue"
)

// noteHeld begins what is noted of a push whose check says that targets are not deployed; their names follow. Where the push was given up,
// a line that says why comes before it.
const noteHeld = "not deployed: "

// heldOf is which targets a note says are not deployed; why comes before.
func heldOf(note string) (why string, names []string) {
	at := strings.LastIndex("\n"+note, "\n"+noteHeld)
	if at < 0 {
		return note, nil
	}
	return note[:at], strings.Split(note[at+len(noteHeld):], ", ")
}

// foundDeployed says whether a push was found by looking, and deployed, right before its delivery. Nobody knows of one that was found who has
// pushed: what was held for that is not.
func (w *worker) foundDeployed(ctx context.Context, run *queue.Run, e forge.BranchPushed) (bool, error) {
	a, err := w.store.AccountOf(ctx, foundPush(run.Key, e.After), belated)
	if err != nil || a == nil || a.State != queue.Done {
		return false, err
	}
	_, held := heldOf(a.Note)
	return len(held) == 0, nil
}

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

// clear brings the check of the commit as which a pull request was merged up to date: a command has deployed what its push has not.
func (w *worker) clear(ctx context.Context, b *bot.Bot, e forge.CommentCreated, run *queue.Run, f *findings) error {
	done := f.deployed()
	if len(done) == 0 {
		return nil
	}
	pr, err := b.Forge.PullRequest(ctx, e.Repo, e.Comment.Number)
	if err != nil || pr.State != forge.StateMerged || pr.MergeCommit == "" {
		return err
	}
	a, err := w.store.Account(ctx, run.Repo, pushSubject(pr.MergeCommit))
	if err != nil || a == nil {
		return err
	}
	before, names := heldOf(a.Note)
	if len(names) == 0 {
		return w.askAgain(ctx, b, a)
	}
	left := slices.DeleteFunc(names, func(name string) bool { return slices.Contains(done, name) })
	note, why, details := "deployed by commands", "", ""
	if len(left) > 0 {
		why, details = noteHeld+strings.Join(left, ", "), "The pull request says why.\n"
		note = before + why
	}
	push := forge.BranchPushed{Delivery: forge.Delivery{Repo: e.Repo}, Branch: pr.Base.Name, After: pr.MergeCommit}
	if err := b.MarkPush(ctx, push, why, details); err != nil {
		return err
	}
	return w.store.Amend(ctx, a.Seq, note)
}

// askAgain lets a push that was given up before its targets were known find out what is left of it, now that a command has deployed some. Of an old one its
// check stays: it would deploy what nobody thinks of any more.
func (w *worker) askAgain(ctx context.Context, b *bot.Bot, a *queue.Account) error {
	if a.State != queue.Failed || time.Since(a.Since) > retakeFor {
		return nil
	}
	again, err := w.store.Again(ctx, a.Seq)
	if again {
		b.Log.InfoContext(ctx, "a push that was given up is looked at again: a command has deployed some of it")
	}
	return err
}

// concerns says whether a push may deploy something, as far as is known. What is wrong with a branch that the default branch does not
// name, such as that it is gone by now, as those of a merge queue are, keeps nothing from being deployed.
func (w *worker) concerns(ctx context.Context, b *bot.Bot, e forge.BranchPushed) bool {
	if e.DefaultBranch == "" || e.Branch == e.DefaultBranch {
		return true
	}
	clone, err := b.Clone(ctx, "refs/heads/"+e.DefaultBranch)
	if err != nil {
		return true
	}
	defer clone.Close()
	tip, err := clone.Tip(ctx, e.DefaultBranch)
	if err != nil {
		return true
	}
	branches, err := deploying(ctx, clone, tip)
	return err != nil || slices.Contains(branches, e.Branch)
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
