package bot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/weighlock/weighlock/bot/checkout"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/project"
)

// A Bot handles events of one repository. Its fields are set once; it is safe for concurrent use.
type Bot struct {
	Forge forge.Forge
	// Clone is where the repository's commits are found; git fetches into it what it lacks.
	Clone Clone
	// Cluster connects to a target's cluster.
	Cluster Connect
	// Previews is Cluster for previews, where these go as another identity; nil is Cluster.
	Previews Connect
	// Patience is how long a target's cluster may take to be compared before it counts as unreachable; 0 has no end.
	Patience time.Duration
	// Remotes say how the git and OCI repositories are reached that projects include.
	Remotes project.Remotes
	// DigestKey binds secret values to what was reviewed; see [diff.Options].
	DigestKey []byte
	// SigningKeys sign what previews show, for people can edit the comments of others: the first one does, and all are believed.
	// Default: DigestKey.
	SigningKeys [][]byte
	// Keys decrypt files of SOPS.
	Keys project.Keys
	// Env looks up environment variables for the projects of the repository itself: those that they load, and as whom they ask
	// secret stores. nil keeps all of that out of their reach, as it is always out of reach for forks.
	Env func(name string) (string, bool)
	// Withheld says which of them projects may not load; see [project.Options].
	Withheld func(name string) bool
	// Offline compares what forks would change with what there is, without a cluster and in a process that can do nothing else.
	// nil looks at nothing of a fork before somebody lets it be.
	Offline Offline
	// LockDuration is for how long the lock of a deploy stands after the last sign of life; 0 is the engine's default.
	LockDuration time.Duration
	// OptIn says that only those pull requests are previewed unasked whose base branch or head has a configuration: a server
	// hears of repositories that nobody has set up.
	OptIn bool
	// Holder names this run of the bot to those whom its locks keep out, such as the address of a CI job; default: what the
	// event is about.
	Holder string
	// Cancel stops what else runs or waits for a pull request, and says how many runs that are. nil where each event is a job
	// of its own, which the CI can cancel.
	Cancel func(ctx context.Context, pr forge.PullRequest, by forge.User) (int, error)
	// Now is the clock.
	Now func() time.Time
	Log *slog.Logger
	// CommentMode, if it is not empty, wins over what the configuration says of the preview comment.
	CommentMode CommentMode
	// Judged, if it is not nil, is told of each verdict on a deploy.
	Judged func(Verdict)
	// Observer, if it is not nil, is told what is found out.
	Observer Observer
}

// Connect connects to a target's cluster, as another user if as is not empty.
type Connect func(ctx context.Context, t project.Target, as string) (engine.Cluster, error)

// A Clone opens the repository that an event is about. refs are names under which the server also has the commits.
type Clone func(ctx context.Context, refs ...string) (*checkout.Repo, error)

// An Outcome is what handling an event came to, for the log and the job summary.
type Outcome struct {
	// Summary is Markdown: the report, or why there was nothing to do.
	Summary string
	// Failed says that something did not go well although all could be said of it: a job should end red.
	Failed bool
	// Unread says that no cluster was asked, because a fork's commit waits for somebody to let it be looked at.
	Unread bool
	// Unreached says that a cluster did not answer, so that there is no preview of a target, or a push has not deployed it. The
	// same may go better later.
	Unreached bool
	// Unchecked says that the forge did not take a check, for a cause that may pass.
	Unchecked bool
}

// Handle does what an event calls for. An error is for whoever runs the bot; what people on the pull request must know
// of it has been published by then, as far as the forge let us.
func (b *Bot) Handle(ctx context.Context, event forge.Event) (Outcome, error) {
	switch e := event.(type) {
	case forge.PullRequestChanged:
		return b.pullRequestChanged(ctx, e)
	case forge.CommentCreated:
		return b.commentCreated(ctx, e)
	case forge.BranchPushed:
		return b.branchPushed(ctx, e)
	case forge.MergeQueued:
		return b.mergeQueued(ctx, e)
	case forge.ChecksFinished:
		// A command that was refused is not carried out later: whoever gave it may have thought better of it, and another
		// one may be what people wait for. Checks are asked for when a command is given.
		return Outcome{Summary: "Nothing to do: no deploy waits for checks."}, nil
	case forge.Ignored:
		return Outcome{Summary: "Nothing to do: " + e.Reason + "."}, nil
	default:
		return Outcome{}, fmt.Errorf("events of type %T are not known", event)
	}
}

// previewed are the actions after which a pull request is previewed.
var previewed = map[forge.Action]bool{
	forge.Opened: true, forge.Reopened: true, forge.Synchronized: true, forge.Retargeted: true, forge.Ready: true,
}

func (b *Bot) pullRequestChanged(ctx context.Context, e forge.PullRequestChanged) (Outcome, error) {
	if !previewed[e.Action] {
		return Outcome{Summary: fmt.Sprintf("Nothing to do: a pull request that is %s is not previewed.", e.Action)}, nil
	}
	repo, err := b.Clone(ctx, b.Forge.HeadRef(e.PullRequest.Number), "refs/heads/"+e.PullRequest.Base.Name)
	if err != nil {
		return Outcome{}, b.tell(ctx, e.PullRequest, err)
	}
	defer repo.Close()
	base, err := mergedBase(ctx, repo, e.PullRequest)
	if err != nil {
		return Outcome{}, b.tell(ctx, e.PullRequest, err)
	}
	return b.preview(ctx, repo, e.PullRequest, base, interest{})
}

// mergedBase is the commit that the head is merged onto: where the clone has the pull request's merge commit checked
// out, as in CI, its first parent, else what the base branch is at. What forges say of that lags behind.
func mergedBase(ctx context.Context, repo *checkout.Repo, pr forge.PullRequest) (string, error) {
	head, err := repo.Head(ctx)
	if err != nil {
		return "", err
	}
	if len(head.Parents) == 2 && head.Parents[1] == pr.Head.SHA {
		return head.Parents[0], nil
	}
	return repo.Tip(ctx, pr.Base.Name)
}

// setUp says whether one of the commits has a configuration.
func setUp(ctx context.Context, repo *checkout.Repo, commits ...string) (bool, error) {
	for _, c := range commits {
		if err := repo.Fetch(ctx, c); err != nil {
			return false, err
		}
		if _, err := repo.File(ctx, c, ConfigFile); !errors.Is(err, fs.ErrNotExist) {
			return true, nil // what cannot be read is told by who reads it
		}
	}
	return false, nil
}

// config reads the configuration of a commit; one that has none gets the default.
func config(ctx context.Context, repo *checkout.Repo, commit string) (*Config, error) {
	if err := repo.Fetch(ctx, commit); err != nil {
		return nil, err
	}
	data, err := repo.File(ctx, commit, ConfigFile)
	if errors.Is(err, fs.ErrNotExist) {
		return DefaultConfig(), nil
	}
	if err != nil {
		return nil, err
	}
	cfg, err := ParseConfig(fmt.Sprintf("%s (of %s)", ConfigFile, short(commit)), data)
	if err != nil {
		return nil, &brokenConfigError{err}
	}
	return cfg, nil
}

// brokenConfigError is a configuration that was read and is none.
type brokenConfigError struct{ error }

func (e *brokenConfigError) Unwrap() error { return e.error }
