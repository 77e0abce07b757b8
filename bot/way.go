package bot

import (
	"errors"
	"strings"

	"github.com/weighlock/weighlock/bot/checkout"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/report"
)

// A way is how a target's change may get to the cluster.
type way struct {
	Job
	pr    forge.PullRequest
	tree  checkout.Tree
	facts Facts
	// trust says what the branch that the pull request goes to deploys; err that this could not be found out.
	trust branchTrust
	err   error
	// elsewhere says that the pull request points the target elsewhere, repolicied that it changes its policy: its own merge does not
	// deploy it then.
	elsewhere, repolicied bool
}

// mend says how a target gets rid of its errors.
func (w way) mend(set *diff.ChangeSet) string {
	push := "mend the errors, then push"
	if set == nil {
		return push
	}
	for _, c := range set.Failures() {
		if refused := new(diff.ReplaceError); !errors.As(c.Err, &refused) || !refused.Allowable() {
			return push
		}
	}
	return "give what cannot be changed another name, then push; or delete it, then " + report.Code(Command{Verb: VerbDiff}.on(w.ID))
}

// next says how a target's change gets to the cluster, and what is missing for it.
func (w way) next(t report.TargetPreview) string {
	j, pr, set := w.Job, w.pr, t.Set
	switch {
	case t.Unreachable():
		return report.Code(Command{Verb: VerbDiff}.on(j.ID)) + " once it answers again"
	case set == nil || len(set.Failures()) > 0:
		return w.mend(set)
	}
	merged := pr.State == forge.StateMerged
	say := Command{Verb: VerbDeploy, Prune: guarded(j.Policy, set) != ""}
	if j.Policy.Pin || merged {
		say.Commit = w.tree.Head
	}
	switch kept := len(lost(set)) > 0; {
	case !set.Changed() && kept && j.Policy.Deploy != DeployNever && (merged || !pr.Fork):
		say.Force = true
		return "nothing, as others keep their fields; to take these: " + report.Code(say.on(j.ID))
	case !set.Changed():
		return "nothing to do"
	}
	command, when := report.Code(say.on(j.ID)), ""
	if wanted := w.facts.Gates(j.Policy, pr, w.tree).Wanted(); len(wanted) > 0 {
		for i, w := range wanted {
			wanted[i] = report.Escape(w)
		}
		when = " when: " + strings.Join(wanted, ", ")
	}
	onMerge := w.err == nil && j.Policy.Deploy == DeployOnMerge && w.trust.onPush(j)
	switch from := w.trust.from(j); {
	case j.Policy.Deploy == DeployNever:
		return "is not deployed from here"
	case w.err == nil && from != "":
		return "is deployed from " + report.Code(from)
	case pr.Fork && !merged && onMerge:
		return "deploys when this merges"
	case pr.Fork && !merged:
		return command + when + " once this is merged"
	case onMerge && !merged && w.elsewhere:
		return "is not deployed by this merge, which changes where it leads: after that by " + report.Code("/"+VerbDeploy)
	case onMerge && !merged && w.repolicied:
		return "is not deployed by this merge, which changes who may deploy it, or how: " + command + when
	case onMerge && !merged && !say.Prune && when != "":
		return "deploys when this merges, or " + command + "; either" + when
	case onMerge && !merged && !say.Prune:
		return "deploys when this merges, or " + command
	default:
		return command + when
	}
}
