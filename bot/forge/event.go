package forge

// Event is something that happened on a forge, verified and in our words. It
// is one of [PullRequestChanged], [CommentCreated], [BranchPushed],
// [MergeQueued], [ChecksFinished] and [Ignored]; callers tell them apart with a
// type switch.
type Event interface {
	// From is what all events have: which delivery brought it, and from where.
	From() Delivery

	event() // no kinds but ours
}

// Delivery is what every event carries.
type Delivery struct {
	// ID is the forge's name for this delivery; a redelivery has the same. In
	// a CI job it names the run.
	ID string
	// Repo is where it happened. Zero for what concerns no repository.
	Repo Repo
	// DefaultBranch of the repository, such as main.
	DefaultBranch string
	// Private is true when the forge says that not everybody can read the
	// repository. In doubt it is false, and what we write must do for the
	// public.
	Private bool
	// Sender is the account whose doing it was.
	Sender User
}

// From returns d itself; the events embed a Delivery and get it from there.
func (d Delivery) From() Delivery { return d }

// PullRequestChanged says that a pull request was opened, got commits, was
// closed and so on.
type PullRequestChanged struct {
	Delivery
	Action Action
	// PullRequest is the state right after the change. By the time the event
	// is looked at there may be a newer one. GitLab tells no commit of the base,
	// of the author nothing but the ID, unless it is the sender, and after a
	// merge without a merge commit not which commit it is: what it does not
	// tell is empty, and reading the pull request tells it.
	PullRequest PullRequest
	// Before is the head before it, set with Synchronized only, and empty when
	// the forge does not tell.
	Before string
}

// Action is what happened to a pull request.
type Action string

// The actions on a pull request that can matter to a deployment. Others are
// [Ignored].
const (
	Opened       Action = "opened"
	Reopened     Action = "reopened"
	Synchronized Action = "synchronized" // the head moved: a push, forced or not
	Retargeted   Action = "retargeted"   // it has another base branch now
	Ready        Action = "ready"        // no draft any more
	Drafted      Action = "drafted"      // turned into a draft
	Closed       Action = "closed"       // closed or merged: State tells which
)

// CommentCreated says that somebody wrote a new comment on a pull request.
// Edited comments are [Ignored]: an old comment must not act with today's
// rights.
type CommentCreated struct {
	Delivery
	Comment Comment
	// State of the pull request at that time.
	State State
	// Draft of the pull request at that time.
	Draft bool
	// Head is the pull request's commit at that time. GitHub does not tell it.
	Head string
}

// BranchPushed says that a branch points at another commit, by a push or by a
// merge.
type BranchPushed struct {
	Delivery
	// Branch without refs/heads/.
	Branch string
	// Before is the branch's old commit, empty when the branch is new.
	Before string
	// After is the branch's new commit.
	After string
}

// MergeQueued says that a pull request stands in a queue to be merged, and that
// checks shall say whether the commit that the base would become then is good.
// GitLab tells of its merge trains to nobody but the jobs that run for them.
type MergeQueued struct {
	Delivery
	// SHA is what the base would become: the pull requests that stand before it in
	// the queue are in it, too.
	SHA string
	// Base is where it shall go; its commit may be one that is in the queue itself.
	Base Ref
	// Number of the pull request, 0 when the forge does not tell.
	Number int
}

// ChecksFinished says that a reporter's checks of a commit have ended: those of
// an app on GitHub, a pipeline on GitLab. What waited for checks may go on now;
// whether it does, reading them tells.
type ChecksFinished struct {
	Delivery
	// SHA is the commit that they ran on. On GitLab it may be a merge request's
	// merged result.
	SHA string
	// Number of the pull request that they ran for, 0 when there is none, or the
	// forge does not tell, as of one from a fork.
	Number int
}

// Ignored says that something happened which never concerns us, and why.
type Ignored struct {
	Delivery
	// Reason reads on after "ignored: ", such as "a comment on an issue".
	Reason string
}

func (PullRequestChanged) event() {}
func (CommentCreated) event()     {}
func (BranchPushed) event()       {}
func (MergeQueued) event()        {}
func (ChecksFinished) event()     {}
func (Ignored) event()            {}
