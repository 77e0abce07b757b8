package report

import (
	"fmt"
	"strings"

	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
)

// ResultMarkdown words what became of a change set, with the causes of what went wrong, in at most max characters.
func ResultMarkdown(r *apply.Result, max int) string {
	var b strings.Builder
	b.WriteString(outcomeCounts(r) + ".\n")
	for _, o := range r.Outcomes {
		if o.Status == apply.Failed {
			fmt.Fprintf(&b, "\n%s failed:\n%s", refCode(o.Ref), Fence("", message(o.Err)))
		}
	}
	var notTried []string
	for _, o := range r.Outcomes {
		if o.Status == apply.NotTried {
			notTried = append(notTried, refCode(o.Ref))
		}
	}
	if len(notTried) > 0 {
		fmt.Fprintf(&b, "\nNot tried: %s.\n", strings.Join(notTried, ", "))
	}
	if s := b.String(); size(s) <= max {
		return s
	}
	return outcomeCounts(r) + ".\n\nThe list of what went wrong did not fit into a comment; it is in the log.\n"
}

// ChangeSetMarkdown words one change set, and what became of it if result is not nil, without a limit.
func ChangeSetMarkdown(set *diff.ChangeSet, result *apply.Result) string {
	t := TargetPreview{Name: set.Target.Name, Set: set}
	s := fmt.Sprintf("### Weighlock: %s\n%s", Escape(Summary(set)), t.danger(maxPoints, false)+t.details(t.parts(Full)))
	if result != nil {
		s += "\n" + ResultMarkdown(result, int(^uint(0)>>1))
	}
	return s
}
