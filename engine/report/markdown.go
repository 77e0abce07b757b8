package report

import (
	"errors"
	"fmt"
	"strings"

	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
)

// A Detail is how much of a change set is shown.
type Detail int

// The details, from the most to the least.
const (
	Full     Detail = iota // every changed path and every new object as rendered
	Paths                  // every changed path; new objects by name
	Names                  // the names of the objects alone
	Numbers                // nothing but the numbers
	smallest = Numbers
)

// A Preview is what a pull request would do to some targets.
type Preview struct {
	// Head and Base are the commits that were merged for it; BaseName is the base branch.
	Head, Base, BaseName string
	// At is when the clusters were compared, as text such as "14:02 UTC".
	At      string
	Targets []TargetPreview
	// Problem, if set, is why there are no targets to show, such as a merge conflict.
	Problem string
	// Notice, in Markdown, says why there are none although nothing is wrong.
	Notice string
	// Summary shows the names of objects alone.
	Summary bool
	// Merged says that Head is in the base branch already.
	Merged bool
}

// A TargetPreview is one target's part of a [Preview].
type TargetPreview struct {
	Name string
	// Set is what would change; nil when Err says why that is not known.
	Set *diff.ChangeSet
	Err error
	// Unaffected, if set, says why the target was not compared, such as "not affected". Set and Err are nil then.
	Unaffected string
	// Next says, in Markdown, how the change gets to the cluster.
	Next string
}

// Markdown words the preview in at most max characters. What does not fit is left out whole, object bodies first, and
// that is said.
func (p Preview) Markdown(max int) string {
	first := Full
	if p.Summary {
		first = Names
	}
	for detail := first; ; detail++ {
		s := p.markdown(detail)
		if len([]rune(s)) <= max {
			return s
		}
		if detail == smallest {
			return cut(s, max)
		}
	}
}

// cut is the last resort when even the numbers do not fit: what remains are whole lines up to the first block, which
// must not be left open.
func cut(s string, max int) string {
	const note = "\nThis report did not fit into a comment.\n"
	var b strings.Builder
	size := len([]rune(note))
	for l := range strings.Lines(s) {
		size += len([]rune(l))
		if size > max || strings.HasPrefix(l, "```") || strings.HasPrefix(l, "<details") {
			break
		}
		b.WriteString(l)
	}
	return b.String() + note
}

func (p Preview) markdown(detail Detail) string {
	var b strings.Builder
	b.WriteString(p.head())
	for _, t := range p.Targets {
		b.WriteString(t.details(detail))
	}
	switch {
	case p.Summary && detail == Names:
		b.WriteString("\n<sub>A summary: run <code>weighlock diff</code> to see what changes in the objects, or set <code>comment.detail: full</code> in .weighlock.yaml.</sub>\n")
	case detail > Full:
		b.WriteString("\n<sub>" + leftOut[detail] + "</sub>\n")
	}
	return b.String()
}

// head is what comes first: the headline, a row a target, and what cannot be undone.
func (p Preview) head() string {
	var b strings.Builder
	fmt.Fprintf(&b, "### Weighlock: %s\n", p.Headline())
	if p.Merged {
		fmt.Fprintf(&b, "%s, what %s is at", Code(Short(p.Head)), Code(p.BaseName))
	} else {
		fmt.Fprintf(&b, "%s onto %s at %s", Code(Short(p.Head)), Code(p.BaseName), Code(Short(p.Base)))
	}
	if p.At != "" {
		fmt.Fprintf(&b, ", compared with the cluster at %s", p.At)
	}
	b.WriteString(".\n")
	if p.Problem != "" {
		fmt.Fprintf(&b, "\n> [!CAUTION]\n%s\n", quote(message(errors.New(p.Problem))))
	}
	if p.Notice != "" {
		fmt.Fprintf(&b, "\n> [!NOTE]\n> %s\n", p.Notice)
	}
	if len(p.Targets) > 0 {
		b.WriteString("\n| target | changes | next |\n|---|---|---|\n")
		for _, t := range p.Targets {
			fmt.Fprintf(&b, "| **%s** | %s | %s |\n", Cell(Escape(t.Name)), t.changes(), Cell(t.Next))
		}
	}
	for _, t := range p.Targets {
		b.WriteString(t.warning())
	}
	return b.String()
}

var leftOut = map[Detail]string{
	Paths:   "The bodies of new objects did not fit into a comment and are left out.",
	Names:   "The changed paths did not fit into a comment and are left out: run <code>weighlock diff</code> to see them.",
	Numbers: "The changed objects did not fit into a comment and are left out: run <code>weighlock diff</code> to see them.",
}

// Headline is the preview in a few words.
func (p Preview) Headline() string {
	if p.Problem != "" {
		return "no preview"
	}
	if p.Notice != "" {
		return "not looked at yet"
	}
	changes, failed, compared := 0, 0, 0
	for _, t := range p.Targets {
		if t.Unaffected != "" {
			continue
		}
		compared++
		if t.Err != nil {
			failed++
			continue
		}
		changes += Count(t.Set).Changes()
		if Count(t.Set).Failed > 0 {
			failed++
		}
	}
	all := fmt.Sprintf("%d %s", len(p.Targets), plural(len(p.Targets), "target", "targets"))
	targets := all
	if compared < len(p.Targets) {
		targets = fmt.Sprintf("%d of %s", compared, all)
	}
	switch {
	case compared == 0 && len(p.Targets) > 0:
		return all + ", none affected"
	case failed > 0:
		return fmt.Sprintf("%s, %d with errors", targets, failed)
	case changes == 0:
		return targets + ", no changes"
	}
	return fmt.Sprintf("%s, %d %s", targets, changes, plural(changes, "change", "changes"))
}

func (t TargetPreview) changes() string {
	if t.Unaffected != "" {
		return t.Unaffected
	}
	if t.Err != nil {
		return "❌ no preview"
	}
	return Count(t.Set).join(func(s string, danger bool) string {
		if danger {
			return "**" + s + "**"
		}
		return s
	})
}

// warning says what cannot be undone: what goes with an object that is deleted or replaced.
func (t TargetPreview) warning() string {
	if t.Set == nil {
		return ""
	}
	var b strings.Builder
	for c := range t.Set.All() {
		if len(c.Consequences) == 0 {
			continue
		}
		verb := "deletes"
		if c.Op == diff.Replace {
			verb = "replaces"
		}
		fmt.Fprintf(&b, "\n> [!WARNING]\n> **%s** %s %s: %s.\n", Escape(t.Name), verb, refCode(c.Ref), Escape(strings.Join(c.Consequences, "; ")))
	}
	return b.String()
}

func (t TargetPreview) details(detail Detail) string {
	if t.Unaffected != "" {
		return ""
	}
	if t.Err != nil && detail >= Numbers {
		return ""
	}
	if t.Err != nil {
		return fmt.Sprintf("\n**%s** could not be previewed:\n%s", Escape(t.Name), Fence("", message(t.Err)))
	}
	var b strings.Builder
	if detail < Numbers {
		b.WriteString(t.refused())
	}
	if body := t.body(detail); body != "" {
		b.WriteString(t.folded(body, ""))
	}
	return b.String()
}

// folded is a part of the target's body that can be folded away; aside goes behind the target's name.
func (t TargetPreview) folded(body, aside string) string {
	return fmt.Sprintf("\n<details%s><summary><b>%s</b>%s: %s</summary>\n%s\n</details>\n", t.open(), htmlText(t.Name), aside, Count(t.Set), body)
}

// refused tells which objects the cluster refuses, and why.
func (t TargetPreview) refused() string {
	var b strings.Builder
	if failures := t.Set.Failures(); len(failures) > 0 {
		fmt.Fprintf(&b, "\n**%s**: the cluster refuses %d %s:\n", Escape(t.Name), len(failures), plural(len(failures), "object", "objects"))
		list := make([]failure, len(failures))
		bySource := map[object.Ref]string{}
		for i, c := range failures {
			list[i], bySource[c.Ref] = failure{c.Ref, c.Err}, from(c)
		}
		for _, g := range grouped(list) {
			var names []string
			for _, r := range g.refs {
				names = append(names, refCode(r)+bySource[r])
			}
			fmt.Fprintf(&b, "\n%s\n%s", strings.Join(names, ", "), Fence("", message(g.err)))
		}
	}
	return b.String()
}

// unfolded is up to how many changed objects are shown without a click.
const unfolded = 5

func (t TargetPreview) open() string {
	if n := Count(t.Set); n.Changes() <= unfolded {
		return " open"
	}
	return ""
}

// body lists what changes, what is dangerous first.
func (t TargetPreview) body(detail Detail) string {
	if detail >= Numbers {
		return ""
	}
	var b strings.Builder
	b.WriteString(names("Deleted", t.Set, has(diff.Delete)))
	if detail == Names {
		b.WriteString(names("Changed", t.Set, has(diff.Update)) + names("Replaced", t.Set, has(diff.Replace)))
	} else {
		b.WriteString(t.updates())
	}
	if detail == Full {
		b.WriteString(t.creations())
	} else {
		b.WriteString(names("New", t.Set, has(diff.Create)))
	}
	b.WriteString(t.hooks(detail))
	b.WriteString(names("Waited for", t.Set, has(diff.Await)))
	b.WriteString(names("Orphans, left as they are", t.Set, isLeft))
	b.WriteString(origins(t.Set))
	b.WriteString(messages("Warnings", NewDocument(t.Set, nil).Warnings))
	b.WriteString(messages("Notes", notes(t.Set)))
	return b.String()
}

// has picks the changes with an operation.
func has(op diff.Op) func(*diff.Change) bool { return func(c *diff.Change) bool { return c.Op == op } }

// hooks lists the hooks that run, with what differs from their last run where that is still there.
func (t TargetPreview) hooks(detail Detail) string {
	out := names("Hooks", t.Set, isHook)
	if detail >= Names {
		return out
	}
	for c := range t.Set.All() {
		if isHook(c) && len(c.Fields) > 0 {
			out += fieldsMarkdown(c, c.Fields)
		}
	}
	return out
}

func names(title string, set *diff.ChangeSet, pick func(*diff.Change) bool) string {
	var b strings.Builder
	for c := range set.All() {
		if pick(c) {
			fmt.Fprintf(&b, "\n- %s%s%s", refCode(c.Ref), from(c), Escape(aside(c)))
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return fmt.Sprintf("\n**%s**\n%s%s\n", title, because(set, pick), b.String())
}

// because words the reasons of the picked changes, one a line.
func because(set *diff.ChangeSet, pick func(*diff.Change) bool) string {
	var b strings.Builder
	for _, r := range reasons(set, pick) {
		fmt.Fprintf(&b, "\n<sub>%s</sub>\n", Escape(r))
	}
	return b.String()
}

func (t TargetPreview) updates() string {
	var b strings.Builder
	b.WriteString(replacements(t.Set))
	f := fold(t.Set)
	title := "\n**Changed**\n"
	if len(f.labels) > 0 {
		b.WriteString(title + f.markdown())
		title = ""
	}
	for c := range t.Set.All() {
		if isShown(c) && len(f.fields[c]) > 0 {
			b.WriteString(title + fieldsMarkdown(c, f.fields[c]))
			title = ""
		}
	}
	return b.String()
}

// replacements are the objects that are deleted and created anew.
func replacements(set *diff.ChangeSet) string {
	var b strings.Builder
	for c := range set.All() {
		if c.Op == diff.Replace {
			b.WriteString(fieldsMarkdown(c, c.Fields))
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "\n**Replaced: deleted and created anew**\n" + because(set, has(diff.Replace)) + b.String()
}

func fieldsMarkdown(c *diff.Change, fields []diff.FieldChange) string {
	return fmt.Sprintf("\n%s%s%s\n%s", refCode(c.Ref), from(c), Escape(aside(c)), Fence("diff", strings.Join(changeLines(fields), "\n")))
}

// markdown tells the changes of labels that many objects share.
func (f folded) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n<details><summary>%s</summary>\n", f.title())
	for _, l := range f.labels {
		var names []string
		for _, r := range l.refs {
			names = append(names, refCode(r))
		}
		fmt.Fprintf(&b, "\n%s on %s\n", Code(l.text()), strings.Join(names, ", "))
	}
	return b.String() + "\n</details>\n"
}

func (t TargetPreview) creations() string {
	var b strings.Builder
	for c := range t.Set.All() {
		if c.Op != diff.Create {
			continue
		}
		if b.Len() == 0 {
			b.WriteString("\n**New**\n" + because(t.Set, has(diff.Create)))
		}
		lines := prefixed("", objectLines(c.Merged))
		for i, l := range lines {
			lines[i] = strings.TrimPrefix(l, " ")
		}
		fmt.Fprintf(&b, "\n<details><summary><code>%s</code>%s%s</summary>\n\n%s\n</details>\n",
			htmlText(refText(c.Ref)), source(c), htmlText(aside(c)), Fence("yaml", strings.Join(lines, "\n")))
	}
	return b.String()
}

func messages(title string, list []DocumentMessage) string {
	var b strings.Builder
	for _, w := range list {
		b.WriteString("\n- ")
		if w.Ref != nil {
			b.WriteString(refCode(*w.Ref) + ": ")
		}
		b.WriteString(Escape(w.Message))
	}
	if b.Len() == 0 {
		return ""
	}
	return "\n**" + title + "**\n" + b.String() + "\n"
}

func from(c *diff.Change) string {
	if c.Source == "" {
		return ""
	}
	return " (from " + Code(c.Source) + ")"
}

// source is what from says, for places where Markdown is not read.
func source(c *diff.Change) string {
	if c.Source == "" {
		return ""
	}
	return " from " + htmlText(c.Source)
}

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
	if s := b.String(); len([]rune(s)) <= max {
		return s
	}
	return outcomeCounts(r) + ".\n\nThe list of what went wrong did not fit into a comment; it is in the log.\n"
}

func refText(r object.Ref) string {
	name := r.Name
	if r.Namespace != "" {
		name = r.Namespace + "/" + name
	}
	return r.Kind + " " + name
}

func refCode(r object.Ref) string { return Code(refText(r)) }

// ChangeSetMarkdown words one change set, and what became of it if result is not nil, without a limit.
func ChangeSetMarkdown(set *diff.ChangeSet, result *apply.Result) string {
	t := TargetPreview{Name: set.Target.Name, Set: set}
	s := fmt.Sprintf("### Weighlock: %s\n%s", Escape(Summary(set)), t.warning()+t.details(Full))
	if result != nil {
		s += "\n" + ResultMarkdown(result, int(^uint(0)>>1))
	}
	return s
}
