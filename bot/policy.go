package bot

import (
	"fmt"
	"strings"

	"github.com/weighlock/weighlock/bot/forge"
)

// A Gate is one condition of a deploy and whether it is met.
type Gate struct {
	Met bool
	// Text says the condition and, where it is not met, what is the case instead.
	Text string
}

// A Verdict is all gates of a deploy. Every one of them is looked at, so that a refusal names all that is missing.
type Verdict []Gate

// Met says whether the deploy may go ahead.
func (v Verdict) Met() bool {
	for _, g := range v {
		if !g.Met {
			return false
		}
	}
	return len(v) > 0
}

// Missing is the number of gates that are not met.
func (v Verdict) Missing() int {
	n := 0
	for _, g := range v {
		if !g.Met {
			n++
		}
	}
	return n
}

// A Request is what is known when a command asks for a deploy. Err fields say that something could not be found out;
// that is a no.
type Request struct {
	Command     Command
	Job         Job
	PullRequest forge.PullRequest
	Actor       forge.User
	// Permission is what the actor may do in the repository.
	Permission    forge.Permission
	PermissionErr error
	// Shown is what our comment shows of the pull request; nil when there is no comment of ours.
	Shown *Shown
	// Base is the base branch's commit now.
	Base string
	// Moved says how the target leads elsewhere than the base branch says; "" when it does not.
	Moved string
}

// Judge looks at all gates of a deploy by command.
func Judge(r Request) Verdict {
	pr := r.PullRequest
	var v Verdict
	gate := func(met bool, yes, no string) { v = append(v, Gate{met, pick(met, yes, no)}) }

	switch {
	case r.PermissionErr != nil:
		gate(false, "", fmt.Sprintf("@%s may deploy %s (this could not be found out: %v)", r.Actor.Login, r.Job.ID, r.PermissionErr))
	default:
		gate(r.Permission >= r.Job.Policy.Permission,
			fmt.Sprintf("@%s may deploy %s", r.Actor.Login, r.Job.ID),
			fmt.Sprintf("@%s may deploy %s (needs permission %s, has %s)", r.Actor.Login, r.Job.ID, r.Job.Policy.Permission, r.Permission))
	}
	gate(r.Job.Policy.Deploy != DeployNever, fmt.Sprintf("%s is deployed by comment", r.Job.ID),
		fmt.Sprintf("%s is deployed by comment (its policy says never)", r.Job.ID))
	gate(pr.State == forge.StateOpen, "the pull request is open", fmt.Sprintf("the pull request is open (it is %s)", pr.State))
	gate(!pr.Fork, "the change comes from this repository", "the change comes from this repository (a fork's is deployed when it is merged)")
	gate(r.Moved == "", "the target is where the base branch has it", fmt.Sprintf("the target is where the base branch has it (%s)", r.Moved))
	if r.Command.Commit != "" {
		gate(strings.HasPrefix(pr.Head.SHA, r.Command.Commit), "the head is the commit that the command names",
			fmt.Sprintf("the head is the commit that the command names (%s; the head is %s)", r.Command.Commit, short(pr.Head.SHA)))
	}
	return append(v, r.reviewed()...)
}

// reviewed are the gates that bind a deploy to what the comment shows.
func (r Request) reviewed() Verdict {
	if r.Shown == nil {
		return Verdict{{false, "a preview was shown (there is none yet)"}}
	}
	digest := r.Shown.Digests[r.Job.ID]
	return Verdict{
		{digest != "", pick(digest != "", "a preview was shown", fmt.Sprintf("a preview of %s was shown (it has errors, or is not there because the change does not affect the target: /diff %s shows one)", r.Job.ID, r.Job.ID))},
		{r.Shown.Head == r.PullRequest.Head.SHA, pick(r.Shown.Head == r.PullRequest.Head.SHA, "the preview is of the head",
			fmt.Sprintf("the preview is of the head (it shows %s, the head is %s)", short(r.Shown.Head), short(r.PullRequest.Head.SHA)))},
		{r.Shown.Base == r.Base, pick(r.Shown.Base == r.Base, "the preview is onto the base branch as it is",
			fmt.Sprintf("the preview is onto the base branch as it is (it shows %s, %s is at %s)", short(r.Shown.Base), r.PullRequest.Base.Name, short(r.Base)))},
	}
}

func pick(b bool, yes, no string) string {
	if b {
		return yes
	}
	return no
}

func short(sha string) string { return sha[:min(len(sha), 7)] }
