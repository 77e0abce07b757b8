package serve

import (
	"context"
	"fmt"

	"github.com/weighlock/weighlock/bot"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/queue"
	"github.com/weighlock/weighlock/bot/webhook"
)

// An intake stores the deliveries of a forge that call for something.
type intake struct {
	config *ForgeConfig
	store  *queue.Store
}

// Take implements [webhook.Queue].
func (in *intake) Take(ctx context.Context, d webhook.Delivery) (webhook.Outcome, error) {
	item, ok := in.item(d)
	if !ok {
		return webhook.Ignored, nil
	}
	if e, ok := d.Event.(forge.BranchPushed); ok { // it may have been found before it was told
		known, err := in.store.Known(ctx, foundPush(item.Key, e.After), belated)
		if err != nil || known {
			return webhook.Known, err
		}
	}
	added, err := in.store.Add(ctx, item)
	switch {
	case err != nil:
		return "", err
	case !added:
		return webhook.Known, nil
	}
	return webhook.Stored, nil
}

// item is a delivery as the queue keeps it; false if it calls for nothing.
func (in *intake) item(d webhook.Delivery) (queue.Item, bool) {
	repo := d.Event.From().Repo
	call := bot.CallOf(d.Event)
	if call == bot.CallNothing || !in.config.serves(repo) {
		return queue.Item{}, false
	}
	item := queue.Item{Delivery: d.ID, Source: d.Source, Event: d.Header.Event, Body: d.Body, Repo: d.Source + ":" + repo.String()}
	switch e := d.Event.(type) {
	case forge.PullRequestChanged:
		item.Key, item.Subject = pullKey(d.Source, repo, e.PullRequest.Number), headSubject(e.PullRequest)
	case forge.CommentCreated:
		item.Key, item.Subject = pullKey(d.Source, repo, e.Comment.Number), commentSubject(e.Comment)
	case forge.BranchPushed:
		item.Key, item.Subject = branchKey(item.Repo, e.Branch), pushSubject(e.After)
	}
	switch call {
	case bot.CallPreview:
		item.Kind = queue.Preview
	case bot.CallDeploy:
		item.Kind = queue.Deploy
	default:
		item.Kind = queue.Command
	}
	if call == bot.CallCancel { // it must not wait for what it stops
		item.Key = cancelKey(item.Key)
	}
	return item, true
}

// cancelKey is that of the commands that stop what runs for a key.
func cancelKey(key string) string { return key + "/" + bot.VerbCancel }

// pullKey is what the runs of a pull request have in common.
func pullKey(source string, repo forge.Repo, number int) string {
	return fmt.Sprintf("%s:%s#%d", source, repo, number)
}

// headSubject and commentSubject name what an item is about, however it was heard of.
func headSubject(pr forge.PullRequest) string {
	return "head:" + pr.Head.SHA + " onto " + pr.Base.Name
}

func commentSubject(c forge.Comment) string { return fmt.Sprintf("comment:%d", c.ID) }
