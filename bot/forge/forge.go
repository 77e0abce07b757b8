package forge

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Forge is a forge that we speak to under one identity. Every verb means the
// same on every forge, and every error is an [*Error].
//
// Reads are repeated by the adapter, within bounds, when the forge is busy or
// asks to wait. Writes are where the forge has refused them for their number.
// Else they are not: after a failed write nobody knows whether it took place,
// and a caller that wants to repeat it looks first.
type Forge interface {
	Conversation
	Contents
	Checks
	Reviews
	Deployments

	// Capabilities tells what the forge, or our token, cannot do.
	Capabilities() Capabilities
}

// Capabilities is what one forge can do and another cannot. A verb that is
// asked for what it cannot do fails with [ErrUnsupported], unless it says
// otherwise.
type Capabilities struct {
	// CheckSummary: a check has a page, which shows its Summary, and [CheckNeutral]
	// is a state of its own. Else a neutral check is shown as a success.
	CheckSummary bool
	// RequiredByName: a branch requires checks by name, so that one that nobody
	// has reported yet is known to be missing.
	RequiredByName bool
	// ReviewCommits: the forge keeps for which commit a review was given.
	ReviewCommits bool
	// InactiveDeployments: a deployment can be [DeploymentInactive].
	InactiveDeployments bool
	// HideComments: comments can be hidden.
	HideComments bool
	// DeploymentLogs: a deployment keeps LogURL and Description.
	DeploymentLogs bool
	// SectionedOwners: CODEOWNERS has sections, each with owners of its own, and
	// is looked for where GitLab looks for it.
	SectionedOwners bool
}

// Conversation reads pull requests and speaks on them.
type Conversation interface {
	// PullRequest reads a pull request as it is now.
	PullRequest(ctx context.Context, repo Repo, number int) (PullRequest, error)

	// PullRequestsOf lists the pull requests that a commit belongs to: those
	// that merged it, and open ones whose head holds it. A commit that the
	// forge does not know belongs to none.
	PullRequestsOf(ctx context.Context, repo Repo, sha string) ([]PullRequest, error)

	// Comments lists all comments of a pull request, oldest first. Review
	// comments, which sit on lines of code, are not among them.
	Comments(ctx context.Context, repo Repo, number int) ([]Comment, error)

	// Edited tells whether a comment was changed since it was written. The
	// comment is as it was read.
	Edited(ctx context.Context, comment Comment) (bool, error)

	// CreateComment adds a comment to a pull request.
	CreateComment(ctx context.Context, repo Repo, number int, body string) (Comment, error)

	// UpdateComment replaces the body of a comment. Only Repo, Number and ID of
	// the comment are used to find it. A comment that has been deleted is
	// ErrNotFound.
	UpdateComment(ctx context.Context, comment Comment, body string) (Comment, error)

	// DeleteComment removes a comment. One that is not there is no error. Only
	// Repo, Number and ID of the comment are used.
	DeleteComment(ctx context.Context, comment Comment) error

	// HideComment folds a comment of ours away as outdated: people can still
	// open it. One that is hidden stays so, and one that has been deleted is
	// ErrNotFound. The comment is as it was read.
	HideComment(ctx context.Context, comment Comment) error

	// React adds our reaction to a comment. The same reaction twice is one
	// reaction and no error. Only Repo, Number and ID of the comment are used.
	React(ctx context.Context, comment Comment, reaction Reaction) error

	// Permission tells what a user may do in a repository now. An error means
	// that nobody knows, and who does not know must refuse: a stranger may
	// answer NoPermission as well as ErrNotFound.
	Permission(ctx context.Context, repo Repo, user User) (Permission, error)

	// Self tells who we are: the author that our comments carry.
	Self(ctx context.Context) (User, error)

	// HeadRef is the name under which the repository's git server has a pull
	// request's head, also that of a fork: refs/pull/7/head on GitHub.
	HeadRef(number int) string

	// MaxComment is how long a comment's body may be, in characters (Unicode
	// code points).
	MaxComment() int
}

// Repo names a repository on a forge. It is comparable, so it serves as a key.
type Repo struct {
	// Owner is the user or organisation; on GitLab the whole path of groups,
	// which may hold slashes.
	Owner string
	// Name is the last part of the path.
	Name string
}

// ParseRepo reads "owner/name", the form of [Repo.String]. What follows the
// last slash is the name, so that "group/subgroup/name" is understood too.
func ParseRepo(s string) (Repo, error) {
	i := strings.LastIndexByte(s, '/')
	if i < 0 {
		return Repo{}, fmt.Errorf("repository %q: want owner/name", s)
	}
	r := Repo{Owner: s[:i], Name: s[i+1:]}
	if r.Name == "" || strings.ContainsAny(s, " \t\r\n?#%\\") {
		return Repo{}, fmt.Errorf("repository %q: want owner/name", s)
	}
	for group := range strings.SplitSeq(r.Owner, "/") {
		if group == "" || group == "." || group == ".." {
			return Repo{}, fmt.Errorf("repository %q: want owner/name", s)
		}
	}
	if r.Name == "." || r.Name == ".." {
		return Repo{}, fmt.Errorf("repository %q: want owner/name", s)
	}
	return r, nil
}

// String is the repository's path, "owner/name".
func (r Repo) String() string { return r.Owner + "/" + r.Name }

// User is an account on a forge: a person's or a program's.
type User struct {
	// ID stays when the login changes. Zero means unknown.
	ID int64
	// Login is the name in mentions, without the @.
	Login string
	// Bot is true of accounts that the forge itself marks as programs.
	Bot bool
}

// Same tells whether two values mean one account: by ID where both are known,
// else by login, which forges compare without regard to case, and by kind, so
// that a person who takes a program's name is not taken for it.
func (u User) Same(v User) bool {
	if u.ID != 0 && v.ID != 0 {
		return u.ID == v.ID
	}
	return u.Login != "" && u.Bot == v.Bot && strings.EqualFold(u.Login, v.Login)
}

// PullRequest is a proposed change.
type PullRequest struct {
	// Repo is the repository that it is proposed to.
	Repo   Repo
	Number int
	Title  string
	// URL is the page for people.
	URL    string
	State  State
	Draft  bool
	Author User
	// Head is what is proposed. Its Repo is the zero value when the fork that
	// it came from has been deleted.
	Head Ref
	// Base is where it shall go. Base.SHA is the base as the forge last looked
	// at it, which may lag behind the branch.
	Base Ref
	// Fork is true when the head lives in another repository than the base,
	// also when that one has been deleted: nobody trusted wrote it.
	Fork bool
	// MergeCommit is the commit that brought the change into the base branch:
	// a merge commit, the squashed commit, or the last of the rebased ones.
	// Empty unless State is [StateMerged].
	MergeCommit string
}

// String names the pull request for messages, "owner/name#7".
func (p PullRequest) String() string { return fmt.Sprintf("%s#%d", p.Repo, p.Number) }

// Ref is one side of a pull request.
type Ref struct {
	// Name is the branch, without refs/heads/.
	Name string
	// SHA is the commit, in full.
	SHA  string
	Repo Repo
}

// State is where a pull request stands. Merged is not also closed.
type State string

// The states of a pull request.
const (
	StateOpen   State = "open"
	StateClosed State = "closed" // without having been merged
	StateMerged State = "merged"
)

// Comment is what somebody wrote below a pull request.
type Comment struct {
	// Repo and Number name the pull request that it belongs to. An ID alone
	// does not lead to a comment on every forge.
	Repo   Repo
	Number int
	ID     int64
	// Node is what the forge's other API calls it, where it has one.
	Node   string
	Author User
	Body   string
	// URL is the page for people, at the comment.
	URL     string
	Created time.Time
	// Updated equals Created until the comment is edited; on GitLab also
	// until somebody reacts to it.
	Updated time.Time
}

// Reaction is a small picture below a comment.
type Reaction string

// The reactions that we use.
const (
	Eyes     Reaction = "eyes"     // seen, at work
	Rocket   Reaction = "rocket"   // done
	Confused Reaction = "confused" // refused
)
