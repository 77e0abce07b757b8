package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/engine/history"
	"github.com/weighlock/weighlock/engine/report"
)

// An announcement is what a push has to tell of a target on the pull request of a merge.
type announcement struct {
	incoming
	id   ID
	text string
	// later says that a later push has more to tell, and failed that a newer one may have told more already.
	later, failed bool
	// unless, if set, says which answers that are there tell more.
	unless func(answer string) bool
}

// announcements are what there is to tell of the targets of a push, those of the push itself last: that they are there says that all
// is told.
func (p pushed) announcements(results []pushResult) []announcement {
	var out []announcement
	for _, r := range results {
		for n, m := range r.hearing {
			a := announcement{incoming: m, id: r.job.ID, text: r.texts[n], later: r.later, failed: !r.ok()}
			if r.unremarkable() || !r.ok() && m.earlier { // the job that did it has told of it, or another one meanwhile
				a.unless = tellsDeployed
			}
			out = append(out, a)
		}
		for _, m := range p.merges {
			if e, is := m.untold[r.job.ID]; is {
				out = append(out, announcement{incoming: m, id: r.job.ID, text: deployedBefore(r.job.ID, e), unless: tellsDeployed})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b announcement) int {
		return strings.Compare(pick(a.earlier, "", "own"), pick(b.earlier, "", "own"))
	})
	return out
}

// announce says them. left is that a later push has to look for what was not done, or could not be told.
func (b *Bot) announce(ctx context.Context, p pushed, all []announcement, left bool) error {
	var errs []error
	for _, a := range all {
		id := answerToPush(a.commit, a.id)
		if !a.later && (left || !a.earlier && errors.Join(errs...) != nil) {
			a.text = leaves + a.text
		}
		if a.later || a.failed && p.overtaken(ctx) {
			errs = append(errs, b.answerUnlessThere(ctx, a.PullRequest, id, a.text, func(string) bool { return true }))
			continue
		}
		if a.unless != nil {
			errs = append(errs, b.answerUnlessThere(ctx, a.PullRequest, id, a.text, a.unless))
		} else {
			errs = append(errs, b.answer(ctx, a.PullRequest, id, a.text))
		}
		b.supersede(ctx, a.PullRequest, id, []string{string(a.id)})
	}
	return errors.Join(errs...)
}

// tellsDeployed says whether an answer to a push tells that a target is deployed.
func tellsDeployed(answer string) bool {
	text := strings.TrimPrefix(afterMarker(answer), leaves)
	return strings.HasPrefix(text, "🚀") || strings.HasPrefix(text, "✅")
}

// deployedBefore tells of a deploy that went well, by what the target's history has of it.
func deployedBefore(id ID, e history.Entry) string {
	if parts := strings.Split(e.Summary, ", "); !slices.ContainsFunc(parts, func(part string) bool { return !strings.HasSuffix(part, " unchanged") }) {
		return fmt.Sprintf("✅ **%s** is as %s has it: %s.\n", report.Escape(string(id)), report.Code(short(e.Commit)), report.Escape(e.Summary))
	}
	return fmt.Sprintf("🚀 **%s** deployed %s in %s: %s.\n", report.Escape(string(id)), report.Code(short(e.Commit)), took(e.EndTime.Sub(e.StartTime)), report.Escape(e.Summary))
}
