package serve

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/weighlock/weighlock/bot"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/queue"
	"github.com/weighlock/weighlock/bot/webhook"
)

// An intake stores the deliveries of a forge that call for something.
type intake struct {
	config *ForgeConfig
	store  *queue.Store
	log    *slog.Logger

	mu   sync.Mutex
	told map[string]bool
}

// Take implements [webhook.Queue].
func (in *intake) Take(ctx context.Context, d webhook.Delivery) (webhook.Answer, error) {
	repo := d.Event.From().Repo
	if d.Header.Event == pingEvent { // the moment at which somebody looks whether it works
		in.log.InfoContext(ctx, "a webhook works: the forge has tried it", "forge", d.Source, "repository", repo.String(), "served", in.config.serves(repo))
	}
	item, ignored := in.item(d)
	switch {
	case ignored != "" && repo != (forge.Repo{}) && !in.config.serves(repo):
		if in.first("ignored", repo) {
			in.log.InfoContext(ctx, "deliveries of a repository are ignored", "forge", d.Source, "repository", repo.String(), "why", ignored)
		}
		return webhook.Answer{Outcome: webhook.Ignored, Why: ignored}, nil
	case in.first("heard", repo) && repo != (forge.Repo{}):
		in.log.InfoContext(ctx, "a repository is heard of by its webhook for the first time", "forge", d.Source, "repository", repo.String(), "event", d.Header.Event)
	}
	if ignored != "" {
		return webhook.Answer{Outcome: webhook.Ignored, Why: ignored}, nil
	}
	added, err := in.store.Add(ctx, item)
	switch {
	case err != nil:
		return webhook.Answer{}, err
	case !added:
		return webhook.Answer{Outcome: webhook.Known}, nil
	}
	return webhook.Answer{Outcome: webhook.Stored}, nil
}

// pingEvent is what GitHub sends when a webhook is made, and when somebody asks for it.
const pingEvent = "ping"

// toldMost bounds of how many repositories it is remembered what was told of them.
const toldMost = 10_000

// first says whether something is to be told of a repository for the first time since the server has started.
func (in *intake) first(what string, repo forge.Repo) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	key := what + " " + repo.String()
	if in.told[key] || len(in.told) >= toldMost {
		return false
	}
	if in.told == nil {
		in.told = map[string]bool{}
	}
	in.told[key] = true
	return true
}

// item is a delivery as the queue keeps it, or why it is ignored.
func (in *intake) item(d webhook.Delivery) (item queue.Item, ignored string) {
	repo := d.Event.From().Repo
	if repo != (forge.Repo{}) && !in.config.serves(repo) {
		return queue.Item{}, fmt.Sprintf("%s is not among the repositories of the forge %s in the server's configuration", repo, in.config.Name)
	}
	call := bot.CallOf(d.Event)
	if call == bot.CallNothing {
		if e, ok := d.Event.(forge.Ignored); ok {
			return queue.Item{}, e.Reason
		}
		return queue.Item{}, "it calls for nothing"
	}
	item = queue.Item{Delivery: d.ID, Source: d.Source, Event: d.Header.Event, Body: d.Body, Repo: d.Source + ":" + repo.String()}
	switch e := d.Event.(type) {
	case forge.PullRequestChanged:
		item.Key, item.Subject = pullKey(d.Source, repo, e.PullRequest.Number), headSubject(e.PullRequest)
	case forge.CommentCreated:
		item.Key, item.Subject = pullKey(d.Source, repo, e.Comment.Number), commentSubject(e.Comment)
	case forge.BranchPushed:
		item.Key, item.Subject = branchKey(item.Repo, e.Branch), pushSubject(e.After)
	case forge.MergeQueued: // each stands for itself: what comes later in the queue takes the place of none
		item.Subject = "queued:" + e.SHA
		item.Key = branchKey(item.Repo, e.Base.Name) + "/" + item.Subject
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
		item.Key, item.Kind = cancelKey(item.Key), queue.Urgent
	}
	return item, ""
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
