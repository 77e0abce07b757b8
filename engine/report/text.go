package report

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
)

// Text words a change set for a terminal, or what became of it if result is not nil. Sections that have nothing to say are
// left out.
func Text(set *diff.ChangeSet, result *apply.Result) string {
	t := text{doc: NewDocument(set, result)}
	return t.whole(set, result)
}

// ShortText is [Text] without the differences of the objects that it names.
func ShortText(set *diff.ChangeSet, result *apply.Result) string {
	t := text{doc: NewDocument(set, result), short: true}
	return t.whole(set, result)
}

func (t *text) whole(set *diff.ChangeSet, result *apply.Result) string {
	if result == nil {
		t.plan(set, planned)
		t.refs("Orphan objects", isLeft, set)
		t.refs("Kept objects", isKept, set)
	} else {
		t.done(set, result)
	}
	t.origins(set)
	t.messages("Notes", notes(set))
	t.messages("Warnings", abridged(t.doc.Warnings))
	if result == nil {
		t.messages("Errors", t.doc.Errors)
		t.remedy(set)
		fmt.Fprintf(&t.b, "%s\n", visible(Summary(set)))
	} else {
		t.messages("Errors", failed(set, result, apply.Failed, apply.NotReady))
		t.remedy(set)
		fmt.Fprintf(&t.b, "%s\n", visible(Outcome(result)))
	}
	return t.b.String()
}

// remedy names the flag that lets objects be replaced, where nothing else keeps them from that.
func (t *text) remedy(set *diff.ChangeSet) {
	if slices.ContainsFunc(set.Failures(), func(c *diff.Change) bool {
		refused := new(diff.ReplaceError)
		return errors.As(c.Err, &refused) && refused.Allowable()
	}) {
		t.b.WriteString("--force-replace-on-error allows that what cannot be changed is deleted and created anew.\n\n")
	}
}

// titles are those of the sections of a plan, or of what became of it.
type titles struct{ created, hooks string }

var planned, carriedOut = titles{"New objects", "Hooks"}, titles{"Created objects", "Applied hooks"}

// plan lists the operations of a change set.
func (t *text) plan(set *diff.ChangeSet, as titles) {
	t.refs(as.created, has(diff.Create), set)
	for c := range set.All() {
		if c.Op == diff.Create && len(c.Fields) > 0 {
			t.differences(fmt.Sprintf("%s, from %s", c.Ref, c.RenamedFrom), c.Fields)
		}
	}
	t.changed(set)
	t.replaced(set)
	t.refs("Deleted objects", has(diff.Delete), set)
	t.hooks(set, as.hooks)
	t.refs("Waited for", has(diff.Await), set)
}

// written are the states of what was carried out, whether it became ready or not.
var written = []apply.Status{apply.Applied, apply.Deleted, apply.Ran, apply.Ready, apply.NotReady}

// done lists what was carried out, and by itself what was not begun.
func (t *text) done(set *diff.ChangeSet, result *apply.Result) {
	statuses := becameOf(set, result)
	t.plan(picked(set, func(c *diff.Change) bool { return slices.Contains(written, statuses[c]) }), carriedOut)
	var gone []string
	for _, o := range result.Outcomes {
		if o.Removed {
			gone = append(gone, "  "+o.Ref.String())
		}
	}
	t.section("Deleted hooks", gone)
	left := picked(set, func(c *diff.Change) bool { return statuses[c] == apply.Skipped })
	t.refs("Hooks that did not run", func(c *diff.Change) bool { return c.Hook != nil }, left)
	t.refs("Orphan objects", isLeft, set)
	t.refs("Kept objects", isKept, set)
	t.messages("Not done", failed(set, result, apply.NotTried))
}

// becameOf is what became of each change.
func becameOf(set *diff.ChangeSet, result *apply.Result) map[*diff.Change]apply.Status {
	i, out := 0, map[*diff.Change]apply.Status{}
	for c := range set.All() {
		out[c] = result.Outcomes[i].Status
		i++
	}
	return out
}

// picked is the part of a change set that pick picks.
func picked(set *diff.ChangeSet, pick func(*diff.Change) bool) *diff.ChangeSet {
	out := *set
	var item diff.Item
	out.Stages, out.Orphans = nil, nil
	for c := range set.All() {
		if pick(c) {
			item.Changes = append(item.Changes, c)
		}
	}
	out.Stages = []diff.Stage{{Items: []diff.Item{item}}}
	return &out
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
	var created, updated, replaced int
	for _, o := range r.Outcomes {
		switch {
		case o.Op == diff.Await, o.Op == diff.Run:
		case o.Status != apply.Applied && o.Status != apply.NotReady:
		case o.Op == diff.Create:
			created++
		case o.Op == diff.Replace:
			replaced++
		case o.Op != diff.Unchanged:
			updated++
		}
	}
	parts := []string{}
	for _, p := range []struct {
		n    int
		word string
	}{
		{created, "created"}, {updated, "changed"}, {replaced, "replaced"}, {r.Count(apply.Deleted), "deleted"}, {r.Count(apply.Ran), plural(r.Count(apply.Ran), "hook", "hooks") + " ran"}, {r.Count(apply.Unchanged), "unchanged"},
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
	doc   Document
	short bool
	b     strings.Builder
}

// differences tells how an object differs.
func (t *text) differences(of string, fields []diff.FieldChange) {
	if !t.short {
		t.section("Diff for object "+of, changeLines(fields))
	}
}

func (t *text) refs(title string, pick func(*diff.Change) bool, set *diff.ChangeSet) {
	var lines []string
	for c := range set.All() {
		if pick(c) {
			lines = append(lines, "  "+c.Ref.String()+aside(c))
			for _, text := range c.Consequences {
				lines = append(lines, "    "+text)
			}
		}
	}
	for _, r := range reasons(set, pick) {
		lines = append(lines, "  ("+r+")")
	}
	t.section(title, lines)
}

func (t *text) changed(set *diff.ChangeSet) {
	t.refs("Changed objects", isShown, set)
	f := fold(set, func(diff.FieldChange) bool { return true })
	if len(f.labels) > 0 && !t.short {
		lines := []string{"  " + f.title()}
		for _, l := range f.labels {
			lines = append(lines, "  "+l.text())
			for _, r := range l.refs {
				lines = append(lines, "    "+r.String())
			}
		}
		t.section("Labels that change on many objects", lines)
	}
	for c := range set.All() {
		if isShown(c) && len(f.fields[c]) > 0 {
			t.differences(c.Ref.String(), f.fields[c])
		}
	}
}

func (t *text) replaced(set *diff.ChangeSet) {
	isReplaced := func(c *diff.Change) bool { return c.Op == diff.Replace && c.Err == nil }
	t.refs("Replaced objects", isReplaced, set)
	t.refs("Objects that cannot be changed, only replaced", func(c *diff.Change) bool { return c.Op == diff.Replace && c.Err != nil }, set)
	for c := range set.All() {
		if c.Op == diff.Replace && len(c.Fields) > 0 {
			t.differences(c.Ref.String(), c.Fields)
		}
	}
}

// hooks lists the hooks that run, or ran.
func (t *text) hooks(set *diff.ChangeSet, title string) {
	t.refs(title, isHook, set)
	for c := range set.All() {
		if isHook(c) && len(c.Fields) > 0 {
			t.differences(c.Ref.String(), c.Fields)
		}
	}
	t.refs("Hooks that do not run", func(c *diff.Change) bool { return c.Op == diff.Skip && c.Hook != nil }, set)
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
		parts = append(parts, "missing in the cluster already before this change")
	case c.Cause == diff.Drift && c.Orphan():
		parts = append(parts, "left over already before this change")
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

// longList is from how many characters on a message's list is cut to its first names.
const longList, firstNames = 300, 3

// abridged are messages without the ends of long lists of names: a document has them.
func abridged(list []DocumentMessage) []DocumentMessage {
	out := slices.Clone(list)
	for i, m := range out {
		head, names, ok := cutLast(m.Message, ": ")
		all := strings.Split(names, ", ")
		if ok && len(m.Message) > longList && len(all) > 2*firstNames {
			out[i].Message = fmt.Sprintf("%s: %s (-o json has them all)", head, some(all, firstNames))
		}
	}
	return out
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

func (t *text) messages(title string, messages []DocumentMessage) {
	var lines []string
	for _, m := range messages {
		line := m.Message
		if m.Ref != nil && !strings.HasPrefix(line, m.Ref.String()) {
			line = m.Ref.String() + ": " + line
		}
		for l := range strings.Lines(line) {
			lines = append(lines, "  "+strings.TrimSuffix(l, "\n"))
		}
	}
	t.section(title, lines)
}

// section adds lines under a title; whatever others have written stands in one line and is seen as what it is.
func (t *text) section(title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	t.b.WriteString(visible(title) + ":\n")
	for _, l := range lines {
		t.b.WriteString(visible(l) + "\n")
	}
	t.b.WriteString("\n")
}
