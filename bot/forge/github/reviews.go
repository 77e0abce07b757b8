package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
)

// Reviews implements [forge.Reviews].
func (c *Client) Reviews(ctx context.Context, pr forge.PullRequest) ([]forge.Review, error) {
	do := call{op: fmt.Sprintf("list reviews of %s", pr), method: http.MethodGet}
	if err := do.on(pr.Repo, "pulls/%d/reviews", pr.Number); err != nil {
		return nil, err
	}
	got, err := list[struct {
		User        *wireUser `json:"user"`
		State       string    `json:"state"`
		CommitID    string    `json:"commit_id"` // null when the commit is gone
		SubmittedAt time.Time `json:"submitted_at"`
	}](ctx, c, do)
	if err != nil {
		return nil, err
	}
	reviews := []forge.Review{}
	for _, r := range got { // oldest first
		review := forge.Review{User: r.User.forge(), SHA: r.CommitID, At: r.SubmittedAt}
		switch r.State {
		case "APPROVED":
			review.State = forge.ReviewApproved
		case "CHANGES_REQUESTED":
			review.State = forge.ReviewChanges
		case "DISMISSED":
			review.State = forge.ReviewDismissed
		default: // COMMENTED, PENDING
			continue
		}
		if review.User.ID != 0 {
			reviews = withoutReviewsOf(reviews, review.User)
		}
		reviews = append(reviews, review)
	}
	return reviews, nil
}

func withoutReviewsOf(reviews []forge.Review, user forge.User) []forge.Review {
	kept := reviews[:0]
	for _, r := range reviews {
		if !r.User.Same(user) {
			kept = append(kept, r)
		}
	}
	return kept
}

// TeamMember implements [forge.Reviews]. GitHub is asked by login, so who it
// belongs to is asked as well. The token needs to read the organisation's
// members, which that of GitHub Actions may not.
func (c *Client) TeamMember(ctx context.Context, team string, user forge.User) (bool, error) {
	do := call{op: fmt.Sprintf("read whether %s is a member of %s", user.Login, team), method: http.MethodGet}
	org, slug, ok := strings.Cut(team, "/")
	if !ok || !isName(org) || !isName(slug) || !isName(user.Login) || user.ID == 0 {
		return false, &forge.Error{Op: do.op, Message: "want a team as organisation/team, and a user with login and id", Err: forge.ErrInvalid}
	}
	path := "orgs/" + org + "/teams/" + slug
	do.path = path + "/memberships/" + url.PathEscape(user.Login)
	var got struct {
		State string `json:"state"`
	}
	_, err := c.read(ctx, do, &got)
	if errors.Is(err, forge.ErrNotFound) {
		// Either no member, or no team that we may see.
		do.path = path
		_, err := c.read(ctx, do, nil)
		return false, err
	}
	if err != nil || got.State != "active" { // invited and not come yet
		return false, err
	}
	do.path = "users/" + url.PathEscape(user.Login)
	var account wireUser
	if _, err := c.read(ctx, do, &account); err != nil {
		return false, err
	}
	if account.ID != user.ID {
		return false, &forge.Error{Op: do.op, Message: "the login belongs to another account now", Err: forge.ErrNotFound}
	}
	return true, nil
}

// isName tells whether s can stand in a path as the name of an account or team.
func isName(s string) bool { return s != "" && !strings.ContainsAny(s, "./\\?#% ") }
