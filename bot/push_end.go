package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/engine/report"
)

// PushCheck names the check of a pushed commit that says whether it is deployed. It is made where something went wrong: what goes well,
// the forge's records of deployments tell.
const PushCheck = CheckName + " deploy"

// MarkPush says by a check of a pushed commit what became of its deploy; why is "" where all went well, else a line that says what did
// not, and details are Markdown. A CI job that deploys is such a mark itself.
func (b *Bot) MarkPush(ctx context.Context, e forge.BranchPushed, why, details string) error {
	c := forge.Check{Name: PushCheck, State: forge.CheckSuccess, Title: "deployed", Summary: details}
	if why != "" {
		c.State, c.Title = forge.CheckFailure, why
	}
	err := again(ctx, func() error {
		return b.Forge.SetCheck(ctx, forge.Commit{Repo: e.Repo, SHA: e.After, Branch: e.Branch}, c)
	})
	if err != nil {
		return fmt.Errorf("saying of %s what became of its deploy: %w", short(e.After), err)
	}
	return nil
}

// GiveUpPush tells where people look that a push was not deployed: by a check of its commit, and on the pull request that it merged. next
// says what comes then.
func (b *Bot) GiveUpPush(ctx context.Context, e forge.BranchPushed, cause error, next string) error {
	text := fmt.Sprintf("❌ %s was not deployed. %s\n%s", short(e.After), next, report.Fence("", limited(cause)))
	err := b.MarkPush(ctx, e, "not deployed: "+strings.Join(strings.Fields(limited(cause)), " "), text)
	pr, lookErr := b.mergedBy(ctx, e)
	if lookErr != nil || pr == nil {
		return errors.Join(err, lookErr)
	}
	id := answerID("push-" + e.After)
	if ours, lookErr := b.ourComments(ctx, *pr); lookErr != nil || find(ours, answerMarker+string(id)+"-") != nil {
		return errors.Join(err, lookErr) // it has heard of each target
	}
	return errors.Join(err, b.answer(ctx, *pr, id, text))
}

// RedeemPush says of a push that was given up that it is deployed after all.
func (b *Bot) RedeemPush(ctx context.Context, e forge.BranchPushed) error {
	err := b.MarkPush(ctx, e, "", "")
	pr, lookErr := b.mergedBy(ctx, e)
	if lookErr != nil || pr == nil {
		return errors.Join(err, lookErr)
	}
	ours, lookErr := b.ourComments(ctx, *pr)
	id := answerID("push-" + e.After)
	if lookErr != nil || find(ours, id.marker()) == nil {
		return errors.Join(err, lookErr)
	}
	return errors.Join(err, b.answer(ctx, *pr, id, fmt.Sprintf("✅ %s is deployed after all.\n", report.Code(short(e.After)))))
}
