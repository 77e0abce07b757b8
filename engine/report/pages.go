package report

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/weighlock/weighlock/engine/diff"
)

// pageReserve is what is kept free of a page for what is said at its end.
const pageReserve = 400

// size is how much of a page a text takes: its characters, or a third of its bytes where those are more, as forges limit
// both.
func size(s string) int { return max(utf8.RuneCountInString(s), (len(s)+2)/3) }

// Pages words the preview on up to most pages, the first of at most first characters and the others of at most rest. Each
// is sound by itself: nothing is cut inside of a block of code or of what is folded. What does not fit is left out whole,
// and that is said.
func (p Preview) Pages(first, rest, most int) []string {
	head := p.head()
	if p.Summary || most < 2 || size(p.markdown(Full)) <= first || size(head) > first-pageReserve {
		return []string{p.Markdown(first)}
	}
	w := &pages{list: []string{head}, first: first, rest: rest, most: most}
	for _, t := range p.Targets {
		w.target(t)
	}
	return w.done()
}

// pages are those that are being written.
type pages struct {
	list              []string
	first, rest, most int
	// left counts parts that are on no page, and cut those that are there without all of their lines.
	left, cut int
}

// room is what is free on the last page.
func (w *pages) room() int {
	limit := w.rest
	if len(w.list) == 1 {
		limit = w.first
	}
	return limit - pageReserve - size(w.list[len(w.list)-1])
}

// target writes a target's parts, as many as fit on a page folded together.
func (w *pages) target(t TargetPreview) {
	if t.Unaffected != "" {
		return
	}
	if t.Set == nil {
		w.add(t.details(Full))
		return
	}
	w.add(t.refused())
	frame := size(t.folded("", ", continued"))
	body, aside, used := "", "", 0
	flush := func() {
		if body != "" {
			w.list[len(w.list)-1] += t.folded(body, aside)
			body, aside, used = "", ", continued", 0
		}
	}
	room := w.room() - frame
	for _, part := range t.parts() {
		n := size(part)
		if used+n > room && len(w.list) < w.most {
			flush()
			if n > w.room()-frame {
				w.list = append(w.list, w.title())
			}
			room = w.room() - frame
		}
		if used+n > room {
			part = w.shorten(part, room-used)
			n = size(part)
		}
		body, used = body+part, used+n
	}
	flush()
}

// add writes a part on this page or the next one.
func (w *pages) add(part string) {
	if size(part) > w.room() && len(w.list) < w.most {
		w.list = append(w.list, w.title())
	}
	if free := w.room(); size(part) > free {
		part = w.shorten(part, free)
	}
	w.list[len(w.list)-1] += part
}

func (w *pages) title() string { return fmt.Sprintf("### Weighlock, page %d\n", len(w.list)+1) }

// shorten leaves out lines of a part's last block of code, or all of it where that is not enough.
func (w *pages) shorten(part string, limit int) string {
	lines := strings.SplitAfter(part, "\n")
	open, shut, fence := -1, -1, ""
	for i, l := range lines {
		mark := l[:len(l)-len(strings.TrimLeft(l, "`"))]
		switch {
		case fence == "" && len(mark) >= 3:
			open, fence = i, mark
		case fence != "" && strings.TrimSpace(l) == fence:
			shut, fence = i, ""
		}
	}
	const note = "… %d more lines did not fit\n"
	if open < 0 || shut < open {
		w.left++
		return ""
	}
	used := size(strings.Join(lines[:open+1], "")) + size(strings.Join(lines[shut:], "")) + size(note) + 10
	keep := open + 1
	for keep < shut && used+size(lines[keep]) <= limit {
		used += size(lines[keep])
		keep++
	}
	if keep == open+1 {
		w.left++
		return ""
	}
	w.cut++
	return strings.Join(lines[:keep], "") + fmt.Sprintf(note, shut-keep) + strings.Join(lines[shut:], "")
}

// done says at the ends of the pages where it goes on and what is missing.
func (w *pages) done() []string {
	last := len(w.list) - 1
	if w.left+w.cut > 0 {
		w.list[last] += fmt.Sprintf("\n<sub>Not all did fit: %d %s left out and %d shortened. The job's summary has more, and <code>weighlock diff</code> shows all of it.</sub>\n",
			w.left, plural(w.left, "part is", "parts are"), w.cut)
	}
	for i := range last {
		w.list[i] += fmt.Sprintf("\n<sub>This did not fit into one comment: it goes on in page %d of %d, below.</sub>\n", i+2, last+1)
	}
	return w.list
}

// parts are the pieces of the target's body, each sound by itself.
func (t TargetPreview) parts() []string {
	var out []string
	add := func(s string) {
		if s != "" {
			out = append(out, s)
		}
	}
	one := func(c *diff.Change) *diff.ChangeSet {
		return &diff.ChangeSet{Target: t.Set.Target, Stages: []diff.Stage{{Items: []diff.Item{{Changes: []*diff.Change{c}}}}}}
	}
	add(names("Deleted", t.Set, has(diff.Delete)))
	for c := range t.Set.All() {
		if c.Op == diff.Replace {
			add(replacements(one(c)))
		}
	}
	f := fold(t.Set)
	if len(f.labels) > 0 {
		add("\n**Changed**\n" + f.markdown())
	}
	for c := range t.Set.All() {
		if isShown(c) && len(f.fields[c]) > 0 {
			add("\n**Changed**: " + strings.TrimPrefix(fieldsMarkdown(c, f.fields[c]), "\n"))
		}
	}
	for c := range t.Set.All() {
		if c.Op == diff.Create {
			add(TargetPreview{Name: t.Name, Set: one(c)}.creations())
		}
	}
	add(t.hooks(Full))
	add(names("Waited for", t.Set, has(diff.Await)))
	add(names("Orphans, left as they are", t.Set, isLeft))
	add(origins(t.Set))
	add(messages("Warnings", NewDocument(t.Set, nil).Warnings))
	add(messages("Notes", notes(t.Set)))
	return out
}
