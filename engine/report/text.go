package report

import (
	"fmt"
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
	t.refs("Deleted objects", func(c *diff.Change) bool { return c.Op == diff.Delete }, set)
	t.refs("Orphan objects", func(c *diff.Change) bool { return c.Op == diff.Skip }, set)
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
		if o.Status == apply.Applied && o.Op == diff.Create {
			created++
		} else if o.Status == apply.Applied {
			updated++
		}
	}
	parts := []string{}
	for _, p := range []struct {
		n    int
		word string
	}{
		{created, "created"}, {updated, "changed"}, {r.Count(apply.Deleted), "deleted"}, {r.Count(apply.Unchanged), "unchanged"},
		{r.Count(apply.Failed), "failed"}, {r.Count(apply.NotTried), "not tried"},
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
			lines = append(lines, "  "+c.Ref.String())
		}
	}
	for _, r := range reasons(set, pick) {
		lines = append(lines, "  ("+visible(r)+")")
	}
	t.section(title, lines)
}

func (t *text) changed(set *diff.ChangeSet) {
	t.refs("Changed objects", func(c *diff.Change) bool { return c.Op == diff.Update }, set)
	for c := range set.All() {
		if c.Op != diff.Update {
			continue
		}
		var lines []string
		for _, f := range c.Fields {
			lines = append(lines, fieldLines(f)...)
		}
		t.section("Diff for object "+c.Ref.String(), lines)
	}
}

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
