package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
)

// ResultMarkdown words what became of a change set, with the causes of what went wrong, in at most max characters.
func ResultMarkdown(r *apply.Result, max int) string {
	head := outcomeCounts(r) + ".\n"
	var notTried []string
	for _, o := range r.Outcomes {
		if o.Status == apply.NotTried {
			notTried = append(notTried, refCode(o.Ref))
		}
	}
	tail := ""
	if len(notTried) > 0 {
		tail = fmt.Sprintf("\nNot tried: %s.\n", some(notTried, maxRefs))
	}
	const note = "\n<sub>What else went wrong did not fit: the log has it.</sub>\n"
	if size(head)+size(tail)+size(note) > max {
		return head + note
	}
	var causes strings.Builder
	free := max - size(head) - size(tail) - size(note)
	for _, o := range r.Outcomes {
		text := cause(o)
		if free -= size(text); free < 0 {
			return head + causes.String() + note + tail
		}
		causes.WriteString(text)
	}
	return head + causes.String() + tail
}

// cause words why an object failed or is not ready; "" where it is neither.
func cause(o apply.Outcome) string {
	what := map[apply.Status]string{apply.Failed: "failed", apply.NotReady: "is not ready"}[o.Status]
	if what == "" || o.Err == nil {
		return ""
	}
	if o.Waited > 0 {
		what += " after " + o.Waited.Round(time.Second).String()
	}
	return fmt.Sprintf("\n%s %s:\n%s", refCode(o.Ref), what, Fence("", message(o.Err)))
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
