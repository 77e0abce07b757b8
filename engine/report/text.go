package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
)

// Text words a change set, and what became of it if result is not nil, for a terminal. Sections that have nothing to
// say are left out.
func Text(set *diff.ChangeSet, result *apply.Result) string {
	t := text{doc: NewDocument(set, result)}
	t.refs("New objects", func(c *diff.Change) bool { return c.Op == diff.Create }, set)
	t.changed(set)
	t.replaced(set)
	t.refs("Deleted objects", func(c *diff.Change) bool { return c.Op == diff.Delete }, set)
	t.hooks(set, result)
	t.refs("Waited for", func(c *diff.Change) bool { return c.Op == diff.Await }, set)
	t.refs("Orphan objects", isLeft, set)
	t.refs("Kept objects", isKept, set)
	t.origins(set)
	t.messages("Notes", notes(set))
	t.messages("Warnings", t.doc.Warnings)
	t.messages("Errors", t.doc.Errors)
	if result == nil {
		fmt.Fprintf(&t.b, "%s\n", Summary(set))
	} else {
		fmt.Fprintf(&t.b, "%s\n", Outcome(result))
	}
	return t.b.String()
}

// Summary is a change set in one line.
func Summary(set *diff.ChangeSet) string {
	n := Count(set)
	s := fmt.Sprintf("%s; %d unchanged", n, n.Unchanged)
	if set.Target.Name != "" {
		s = set.Target.Name + ": " + s
	}
	return s
}

// Outcome is a result in one line.
func Outcome(r *apply.Result) string {
	if r.Target.Name != "" {
		return r.Target.Name + ": " + outcomeCounts(r)
	}
	return outcomeCounts(r)
}

// outcomeCounts reads like "2 created, 3 changed, 55 unchanged".
func outcomeCounts(r *apply.Result) string {
	var created, updated int
	for _, o := range r.Outcomes {
		switch {
		case o.Op == diff.Await, o.Op == diff.Run:
		case o.Status != apply.Applied && o.Status != apply.NotReady:
		case o.Op == diff.Create:
			created++
		case o.Op != diff.Unchanged:
			updated++
		}
	}
	parts := []string{}
	for _, p := range []struct {
		n    int
		word string
	}{
		{created, "created"}, {updated, "changed"}, {r.Count(apply.Deleted), "deleted"}, {r.Count(apply.Ran), plural(r.Count(apply.Ran), "hook", "hooks") + " ran"}, {r.Count(apply.Unchanged), "unchanged"},
		{r.Count(apply.Failed), "failed"}, {r.Count(apply.NotReady), "not ready"}, {r.Count(apply.NotTried), "not tried"},
	} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.word))
		}
	}
	if len(parts) == 0 {
		parts = []string{"no objects"}
	}
	return strings.Join(parts, ", ")
}

type text struct {
	doc Document
	b   strings.Builder
}

func (t *text) refs(title string, pick func(*diff.Change) bool, set *diff.ChangeSet) {
	var lines []string
	for c := range set.All() {
		if pick(c) {
			lines = append(lines, "  "+c.Ref.String()+visible(aside(c)))
			for _, text := range c.Consequences {
				lines = append(lines, "    "+visible(text))
			}
		}
	}
	for _, r := range reasons(set, pick) {
		lines = append(lines, "  ("+visible(r)+")")
	}
	t.section(title, lines)
}

func (t *text) changed(set *diff.ChangeSet) {
	t.refs("Changed objects", isShown, set)
	f := fold(set, func(diff.FieldChange) bool { return true })
	if len(f.labels) > 0 {
		lines := []string{"  " + f.title()}
		for _, l := range f.labels {
			lines = append(lines, "  "+visible(l.text()))
			for _, r := range l.refs {
				lines = append(lines, "    "+r.String())
			}
		}
		t.section("Labels that change on many objects", lines)
	}
	for c := range set.All() {
		if isShown(c) && len(f.fields[c]) > 0 {
			t.section("Diff for object "+c.Ref.String(), changeLines(f.fields[c]))
		}
	}
}

func (t *text) replaced(set *diff.ChangeSet) {
	isReplaced := func(c *diff.Change) bool { return c.Op == diff.Replace }
	t.refs("Replaced objects", isReplaced, set)
	for c := range set.All() {
		if isReplaced(c) && len(c.Fields) > 0 {
			t.section("Diff for object "+c.Ref.String(), changeLines(c.Fields))
		}
	}
}

// hooks lists the hooks: those that run, and, once they have, those that were deleted afterwards.
func (t *text) hooks(set *diff.ChangeSet, result *apply.Result) {
	title := "Hooks"
	if result != nil {
		title = "Applied hooks"
	}
	t.refs(title, isHook, set)
	for c := range set.All() {
		if isHook(c) && len(c.Fields) > 0 {
			t.section("Diff for object "+c.Ref.String(), changeLines(c.Fields))
		}
	}
	t.refs("Hooks that do not run", func(c *diff.Change) bool { return c.Op == diff.Skip && c.Hook != nil }, set)
	if result == nil {
		return
	}
	var lines []string
	for _, o := range result.Outcomes {
		if o.Removed {
			lines = append(lines, "  "+o.Ref.String())
		}
	}
	t.section("Deleted hooks", lines)
}

func isHook(c *diff.Change) bool { return c.Op == diff.Run }

// isLeft says whether an object is an orphan that stays.
func isLeft(c *diff.Change) bool { return c.Op == diff.Skip && c.Hook == nil && !isKept(c) }

// isKept says whether an object that the project still has is not deleted with the rest of its target.
func isKept(c *diff.Change) bool { return c.Op == diff.Skip && c.Hook == nil && c.Stage() >= 0 }

// isShown says whether an object has changes that may be seen.
func isShown(c *diff.Change) bool { return c.Op == diff.Update && len(c.Fields) > 0 }

// isDrifted says whether all that changes of an object had drifted.
func isDrifted(c *diff.Change) bool {
	return len(c.Fields) > 0 && !slices.ContainsFunc(c.Fields, func(f diff.FieldChange) bool { return f.Cause != diff.Drift })
}

// aside says beside an object's name what else there is to know of it.
func aside(c *diff.Change) string {
	var parts []string
	switch {
	case c.Cause == diff.Drift && c.Op == diff.Create:
		parts = append(parts, "missing already, not by this change")
	case c.Cause == diff.Drift && c.Orphan():
		parts = append(parts, "an orphan already, not by this change")
	}
	if c.RenamedFrom != nil {
		parts = append(parts, "looks like "+c.RenamedFrom.String()+" renamed: that one is deleted and this one created")
	}
	if c.RenamedTo != nil {
		parts = append(parts, "looks renamed to "+c.RenamedTo.String())
	}
	if c.Hidden > 0 {
		parts = append(parts, fmt.Sprintf("%d more hidden by ignore rules", c.Hidden))
	}
	return bracketed(parts...)
}

// notes are what is worth knowing and no reason to worry.
func notes(set *diff.ChangeSet) []DocumentMessage {
	var out []DocumentMessage
	hidden := 0
	for c := range set.All() {
		for _, n := range c.Notes {
			out = append(out, DocumentMessage{Ref: &c.Ref, Message: n})
		}
		if c.Op == diff.Update && len(c.Fields) == 0 {
			hidden++
		}
	}
	if hidden > 0 {
		out = append(out, DocumentMessage{Message: fmt.Sprintf("%s only in what ignore rules hide, and %s written", count(hidden, "object changes", "objects change"), plural(hidden, "is", "are"))})
	}
	if set.Unbound {
		out = append(out, DocumentMessage{Message: "the values of Secrets are not bound by the digest, only their keys: set WEIGHLOCK_DIGEST_KEY to bind them"})
	}
	if set.Partial {
		out = append(out, DocumentMessage{Message: "this is a part only: the cluster did not answer all questions"})
	}
	return out
}

func count(n int, one, many string) string { return fmt.Sprintf("%d %s", n, plural(n, one, many)) }

func (t *text) messages(title string, messages []DocumentMessage) {
	var lines []string
	for _, m := range messages {
		line := m.Message
		if m.Ref != nil && !strings.HasPrefix(line, m.Ref.String()) {
			line = m.Ref.String() + ": " + line
		}
		for l := range strings.Lines(line) {
			lines = append(lines, "  "+visible(strings.TrimSuffix(l, "\n")))
		}
	}
	t.section(title, lines)
}

func (t *text) section(title string, lines []string) {
	if len(lines) > 0 {
		fmt.Fprintf(&t.b, "%s:\n%s\n\n", title, strings.Join(lines, "\n"))
	}
}
