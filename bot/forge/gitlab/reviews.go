package gitlab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
)

// Reviews implements [forge.Reviews]. GitLab keeps approvals, and not for which
// commit they were given: [forge.Review] says when they count for the head.
func (c *Client) Reviews(ctx context.Context, pr forge.PullRequest) ([]forge.Review, error) {
	do := call{op: fmt.Sprintf("list reviews of %s!%d", pr.Repo, pr.Number), method: http.MethodGet}
	if err := do.on(pr.Repo, "/merge_requests/%d/approvals", pr.Number); err != nil {
		return nil, err
	}
	var got struct {
		ApprovedBy []struct {
			User       *wireUser  `json:"user"`
			ApprovedAt *time.Time `json:"approved_at"` // since GitLab 17
		} `json:"approved_by"`
	}
	if _, err := c.read(ctx, do, &got); err != nil {
		return nil, err
	}
	if got.ApprovedBy == nil {
		return nil, c.misread(do, errors.New("no list of approvals"))
	}
	if len(got.ApprovedBy) == 0 {
		return []forge.Review{}, nil
	}
	// Nobody can approve what is pushed later, so the time of the push is read
	// after the approvals.
	pushed, err := c.pushed(ctx, pr)
	if err != nil {
		return nil, err
	}
	reviews := make([]forge.Review, len(got.ApprovedBy))
	for i, a := range got.ApprovedBy {
		reviews[i] = forge.Review{User: a.User.forge(), State: forge.ReviewApproved}
		if a.ApprovedAt != nil {
			reviews[i].At = *a.ApprovedAt
			if !pushed.IsZero() && a.ApprovedAt.After(pushed) {
				reviews[i].SHA = pr.Head.SHA
			}
			continue
		}
		resets, err := c.resetsApprovals(ctx, pr.Repo)
		if err != nil {
			return nil, err
		}
		if resets && !pushed.IsZero() {
			reviews[i].SHA = pr.Head.SHA
		}
	}
	slices.SortStableFunc(reviews, func(a, b forge.Review) int { return a.At.Compare(b.At) })
	return reviews, nil
}

// pushed is the time at which GitLab got a merge request's head, zero when the
// head has moved on since it was read.
func (c *Client) pushed(ctx context.Context, pr forge.PullRequest) (time.Time, error) {
	do := call{op: fmt.Sprintf("list versions of %s!%d", pr.Repo, pr.Number), method: http.MethodGet}
	if err := do.on(pr.Repo, "/merge_requests/%d/versions", pr.Number); err != nil {
		return time.Time{}, err
	}
	got, err := list[struct {
		ID        int64     `json:"id"`
		HeadSHA   string    `json:"head_commit_sha"`
		CreatedAt time.Time `json:"created_at"`
	}](ctx, c, do)
	if err != nil || len(got) == 0 {
		return time.Time{}, err
	}
	newest := got[0]
	for _, v := range got {
		if v.ID > newest.ID {
			newest = v
		}
	}
	if newest.HeadSHA != pr.Head.SHA {
		return time.Time{}, nil
	}
	return newest.CreatedAt, nil
}

// resetsApprovals tells whether a push takes all approvals away.
func (c *Client) resetsApprovals(ctx context.Context, repo forge.Repo) (bool, error) {
	do := call{op: fmt.Sprintf("read how approvals go in %s", repo), method: http.MethodGet}
	if err := do.on(repo, "/approvals"); err != nil {
		return false, err
	}
	var got struct {
		Resets bool `json:"reset_approvals_on_push"`
	}
	_, err := c.read(ctx, do, &got)
	if errors.Is(err, forge.ErrNotFound) { // editions without that setting
		return false, nil
	}
	return got.Resets, err
}

// TeamMember implements [forge.Reviews]. Members of a group's parents are its
// members, and so are those of groups that it invited.
func (c *Client) TeamMember(ctx context.Context, team string, user forge.User) (bool, error) {
	do := call{op: fmt.Sprintf("read whether %s is a member of %s", user.Login, team), method: http.MethodGet}
	group, ok := groupPath(team)
	if !ok || user.ID <= 0 {
		return false, &forge.Error{Op: do.op, Message: "want a group's path, and a user with an id", Err: forge.ErrInvalid}
	}
	do.path = fmt.Sprintf("groups/%s/members/all/%d", group, user.ID)
	var member struct {
		wireUser
		MembershipState string `json:"membership_state"`
	}
	_, err := c.read(ctx, do, &member)
	if errors.Is(err, forge.ErrNotFound) {
		// Either no member, or no group that we may see.
		do.path = "groups/" + group
		do.query = map[string][]string{"with_projects": {"false"}}
		_, err := c.read(ctx, do, nil)
		return false, err
	}
	if err != nil {
		return false, err
	}
	if member.ID != user.ID {
		return false, c.misread(do, errors.New("it is about another account"))
	}
	return member.State == "active" && (member.MembershipState == "" || member.MembershipState == "active"), nil
}
