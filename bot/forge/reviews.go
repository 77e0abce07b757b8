package forge

import (
	"context"
	"time"
)

// Reviews reads who agrees to a pull request, and who belongs to whom.
type Reviews interface {
	// Reviews lists the newest opinion of each reviewer, in the order in which
	// they were given. Mere comments are no opinion.
	Reviews(ctx context.Context, pr PullRequest) ([]Review, error)

	// TeamMember tells whether a user is a member of a team now: GitHub's
	// "organisation/team", GitLab's group by its path, by inheritance too. An
	// error means that nobody knows, also when there is no such team.
	TeamMember(ctx context.Context, team string, user User) (bool, error)
}

// ReviewState is an opinion on a pull request.
type ReviewState string

// The opinions. GitLab knows approvals only.
const (
	ReviewApproved  ReviewState = "approved"
	ReviewChanges   ReviewState = "changes requested"
	ReviewDismissed ReviewState = "dismissed" // by somebody else, or by a push
)

// Review is somebody's opinion on a pull request.
type Review struct {
	// User is zero when the account has been deleted.
	User  User
	State ReviewState
	// SHA is the commit that it was given for, empty when nobody knows. GitLab
	// keeps none: there it is the head where the approval is younger than the push
	// of the head, or, in versions that do not tell its time, where the project
	// takes approvals away with each push; else it is empty.
	SHA string
	// At is when, zero when the forge does not tell.
	At time.Time
}
