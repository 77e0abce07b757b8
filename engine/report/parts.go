package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
)

// A Detail is how much of a change set is shown.
type Detail int

// The details, from the most to the least.
const (
	Full    Detail = iota // every changed path and every new object as rendered
	Paths                 // every changed path; new objects by name
	Names                 // the names of the objects alone
	Numbers               // nothing but the numbers
)

// A section is what stands before some parts of a body and behind them.
type section struct{ open, shut string }

func titled(title string) section { return section{open: "\n**" + title + "**\n"} }

func foldedSection(title string) section {
	return section{open: "\n<details><summary>" + title + "</summary>\n", shut: "\n</details>\n"}
}

// A part is a piece of a target's body that is sound by itself: the smallest that stands on one page.
type part struct {
	section section
	text    string
	// short is what takes the place of a text that does not fit; it may be empty.
	short string
	// item says that the part is an item of a list, which takes no empty line from the one before.
	item bool
}

// A body is made of parts. Sections are opened and shut as parts ask for it.
type body struct {
	strings.Builder
	last part
}

// before is what a part needs in front of it.
func (b *body) before(p part) string {
	gap := "\n"
	if p.section == b.last.section {
		if p.item && b.last.item {
			gap = ""
		}
		return gap
	}
	return b.last.section.shut + p.section.open + gap
}

func (b *body) add(p part) {
	b.WriteString(b.before(p) + p.text)
	b.last = p
}

// whole is the body as it stands, its section shut.
func (b *body) whole() string { return b.String() + b.last.section.shut }

func wholeBody(list []part) string {
	var b body
	for _, p := range list {
		b.add(p)
	}
	return b.whole()
}

// parts are the pieces of the target's body, what is dangerous first.
func (t TargetPreview) parts(detail Detail) []part {
	if t.Set == nil || detail >= Numbers {
		return nil
	}
	w := partsOf{set: t.Set, detail: detail, valueless: t.summary}
	w.names("Deleted", has(diff.Delete))
	all := func(c *diff.Change) []diff.FieldChange { return c.Fields }
	w.fields("Replaced: deleted and created anew", func(c *diff.Change) bool { return c.Op == diff.Replace && c.Err == nil }, all)
	w.fields("Would have to be replaced, and is not", func(c *diff.Change) bool { return c.Op == diff.Replace && c.Err != nil }, all)
	w.messages("Warnings", abridged(w.words(NewDocument(t.Set, nil).Warnings)))
	changes := fold(t.Set, func(f diff.FieldChange) bool { return f.Cause != diff.Drift })
	w.fields("Changed", changes.left, func(c *diff.Change) []diff.FieldChange { return changes.fields[c] })
	w.labels(changes)
	w.creations()
	w.hooks()
	w.names("Waited for", has(diff.Await))
	w.drift()
	w.names("Orphans, left as they are", isLeft)
	w.origins()
	w.messages("Notes", w.words(notes(t.Set)))
	return w.list
}

// words are messages without the values that they may quote, where none are shown.
func (w *partsOf) words(list []DocumentMessage) []DocumentMessage {
	if !w.valueless {
		return list
	}
	changes := map[object.Ref]*diff.Change{}
	for c := range w.set.All() {
		changes[c.Ref] = c
	}
	type message struct {
		about object.Ref
		text  string
	}
	seen := map[message]bool{}
	var out []DocumentMessage
	for _, m := range list {
		if m.Ref != nil && changes[*m.Ref] != nil {
			m.Message = changes[*m.Ref].WithoutValues(m.Message)
			if told := (message{*m.Ref, m.Message}); seen[told] {
				continue
			} else {
				seen[told] = true
			}
		}
		out = append(out, m)
	}
	return out
}

// label words a shared change of a label, without its values where none are shown.
func (w *partsOf) label(l labelChange) string {
	if w.valueless {
		return l.label
	}
	return l.text()
}

// partsOf collects the parts of a change set's body.
type partsOf struct {
	set    *diff.ChangeSet
	detail Detail
	// valueless says that what objects hold is not shown, however much room there is.
	valueless bool
	list      []part
}

func (w *partsOf) add(s section, text string, item bool) {
	w.list = append(w.list, part{section: s, text: text, item: item})
}

// picked are the changes that pick picks, those of kinds first of which most depends.
func (w *partsOf) picked(pick func(*diff.Change) bool) []*diff.Change {
	var out []*diff.Change
	for c := range w.set.All() {
		if pick(c) {
			out = append(out, c)
		}
	}
	slices.SortStableFunc(out, func(a, b *diff.Change) int { return cmp.Compare(weight(a.Ref), weight(b.Ref)) })
	return out
}

// weight orders objects by what depends on their kind.
func weight(r object.Ref) int {
	switch {
	case r.IsNamespace():
		return 0
	case r.IsCRD():
		return 1
	case r.Kind == "PersistentVolumeClaim":
		return 2
	case r.Group == rbacGroup:
		return 3
	case r.IsSecret():
		return 4
	}
	return 5
}

// names lists the picked objects, a line each.
func (w *partsOf) names(title string, pick func(*diff.Change) bool) {
	s := titled(title)
	s.open += because(w.set, pick)
	for _, c := range w.picked(pick) {
		w.add(s, fmt.Sprintf("- %s%s%s\n", refCode(c.Ref), from(c), Escape(aside(c))), true)
	}
}

// fields shows the picked objects with the fields that change.
func (w *partsOf) fields(title string, pick func(*diff.Change) bool, fields func(*diff.Change) []diff.FieldChange) {
	if w.detail >= Names {
		w.names(title, pick)
		return
	}
	s := titled(title)
	s.open += because(w.set, pick)
	for _, c := range w.picked(pick) {
		w.object(s, c, fieldsMarkdown(c, fields(c)))
	}
}

// object adds a part that is about an object, which is named also where the part does not fit.
func (w *partsOf) object(s section, c *diff.Change, text string) {
	w.list = append(w.list, part{section: s, text: text, short: refCode(c.Ref) + from(c) + ": this did not fit.\n"})
}

// labels tells of the labels that change alike on many objects.
func (w *partsOf) labels(f folded) {
	if len(f.labels) == 0 {
		return
	}
	s := foldedSection(f.title())
	for _, l := range f.labels {
		var on []string
		for _, r := range l.refs[:min(maxRefs, len(l.refs))] {
			on = append(on, refCode(r))
		}
		if more := len(l.refs) - len(on); more > 0 {
			on = append(on, fmt.Sprintf("and %d more", more))
		}
		w.add(s, fmt.Sprintf("%s on %s\n", Code(w.label(l)), strings.Join(on, ", ")), false)
	}
}

// maxRefs is how many objects are named that share something.
const maxRefs = 50

// creations shows the new objects as rendered, each folded.
func (w *partsOf) creations() {
	if w.detail > Full {
		w.names("New", has(diff.Create))
		return
	}
	s := titled("New")
	s.open += because(w.set, has(diff.Create))
	for _, c := range w.picked(has(diff.Create)) {
		lines := prefixed("", objectLines(c.Merged))
		for i, l := range lines {
			lines[i] = strings.TrimPrefix(l, " ")
		}
		w.object(s, c, fmt.Sprintf("<details><summary><code>%s</code>%s%s</summary>\n\n%s\n</details>\n",
			htmlText(refText(c.Ref)), source(c), htmlText(aside(c)), Fence("yaml", clipped(lines))))
	}
	for _, c := range w.picked(has(diff.Create)) {
		if len(c.Fields) > 0 {
			w.add(titled("New objects that differ from those that they take the place of"), fieldsMarkdown(c, c.Fields), false)
		}
	}
}

// hooks lists the hooks that run, with what differs from their last run where that is still there.
func (w *partsOf) hooks() {
	w.names("Hooks", isHook)
	if w.detail >= Names {
		return
	}
	for _, c := range w.picked(isHook) {
		if len(c.Fields) > 0 {
			w.add(titled("Hooks that differ from their last run"), fieldsMarkdown(c, c.Fields), false)
		}
	}
}

// drift shows where the cluster is not as the base branch has it, which a deploy sets right.
func (w *partsOf) drift() {
	isDrift := func(f diff.FieldChange) bool { return f.Cause == diff.Drift }
	drifted := fold(w.set, isDrift)
	paths, objects := 0, 0
	var list []*diff.Change
	for _, c := range w.picked(isShown) {
		n := 0
		for _, f := range c.Fields {
			if isDrift(f) {
				n++
			}
		}
		if n > 0 {
			paths, objects = paths+n, objects+1
			list = append(list, c)
		}
	}
	if objects == 0 {
		return
	}
	s := foldedSection(fmt.Sprintf("Already drifted, not by this pull request: %s on %s", count(paths, "path", "paths"), count(objects, "object", "objects")))
	s.open += "\nThe cluster is not as the base branch says. A deploy sets it back.\n"
	for _, l := range drifted.labels {
		var on []string
		for _, r := range l.refs {
			on = append(on, refCode(r))
		}
		w.add(s, fmt.Sprintf("%s on %s\n", Code(w.label(l)), some(on, maxRefs)), false)
	}
	for _, c := range list {
		switch fields := drifted.fields[c]; {
		case len(fields) == 0:
		case w.detail >= Names:
			w.add(s, "- "+refCode(c.Ref)+"\n", true)
		default:
			w.object(s, c, fieldsMarkdown(c, undrifted(fields)))
		}
	}
}

// undrifted are fields without the word that they have drifted, where all have.
func undrifted(fields []diff.FieldChange) []diff.FieldChange {
	out := slices.Clone(fields)
	for i := range out {
		out[i].Cause = ""
	}
	return out
}

func (w *partsOf) origins() {
	if text := origins(w.set); text != "" {
		w.add(section{}, strings.TrimPrefix(text, "\n"), false)
	}
}

func (w *partsOf) messages(title string, list []DocumentMessage) {
	for _, m := range list {
		text := "- "
		if m.Ref != nil {
			text += refCode(*m.Ref) + ": "
		}
		w.add(titled(title), text+Escape(cutText(m.Message, maxLine))+"\n", true)
	}
}

// has picks the changes with an operation.
func has(op diff.Op) func(*diff.Change) bool { return func(c *diff.Change) bool { return c.Op == op } }

// because words the reasons of the picked changes, one a line.
func because(set *diff.ChangeSet, pick func(*diff.Change) bool) string {
	var b strings.Builder
	for _, r := range reasons(set, pick) {
		fmt.Fprintf(&b, "\n<sub>%s</sub>\n", Escape(r))
	}
	return b.String()
}

// fieldsMarkdown is an object with the lines of its diff.
func fieldsMarkdown(c *diff.Change, fields []diff.FieldChange) string {
	return fmt.Sprintf("%s%s%s\n%s", refCode(c.Ref), from(c), Escape(aside(c)), Fence("diff", clipped(changeLines(fields))))
}

// maxShown is how many bytes of a line a comment shows, about.
const maxShown = 2000

// clipped joins lines, of the very long ones what they begin with.
func clipped(lines []string) string {
	for i, l := range lines {
		if len(l) > maxShown {
			kept := strings.ToValidUTF8(l[:maxShown], "")
			lines[i] = fmt.Sprintf("%s… (%d bytes more)", kept, len(l)-len(kept))
		}
	}
	return strings.Join(lines, "\n")
}

func from(c *diff.Change) string {
	if c.Source == "" {
		return ""
	}
	return " (from " + Code(cutText(c.Source, maxName)) + ")"
}

// source is what from says, for places where Markdown is not read.
func source(c *diff.Change) string {
	if c.Source == "" {
		return ""
	}
	return " from " + htmlText(cutText(c.Source, maxName))
}

func refText(r object.Ref) string {
	name := r.Name
	if r.Namespace != "" {
		name = r.Namespace + "/" + name
	}
	return cutText(r.Kind+" "+name, maxName)
}

// maxName is how many characters of a name are shown: what is longer is no name that a cluster takes.
const maxName = 400

func refCode(r object.Ref) string { return Code(refText(r)) }
