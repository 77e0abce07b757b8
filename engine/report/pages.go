package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// pageReserve is what is kept free of a page for what is said at its end.
const pageReserve = 500

// size is how much of a comment a text takes: its UTF-16 code units, which is the most that forges count a character as, or
// a third of its bytes where that is more, as forges limit both.
func size(s string) int {
	units := 0
	for _, r := range s {
		units++
		if r > 0xffff {
			units++
		}
	}
	return max(units, (len(s)+2)/3)
}

// Markdown words the preview in at most max bytes, as [Preview.Pages] does on one page.
func (p Preview) Markdown(max int) string {
	return p.pages(budget{first: max, rest: max, most: 1, size: func(s string) int { return len(s) }})[0]
}

// Pages words the preview on up to most pages, the first of at most first characters and the others of at most rest, and
// each of at most three bytes for each of those. Each page is sound by itself: nothing is cut inside of a block of code or
// of what is folded. Where not everything fits, long objects are shown in part, then objects by their names, so that each is
// told of; what is left out is said.
func (p Preview) Pages(first, rest, most int) []string {
	return p.pages(budget{first: first, rest: rest, most: most, size: size})
}

// A budget is how much room there is for a report.
type budget struct {
	first, rest, most int
	size              func(string) int
}

// An attempt is a way to fit a report into its budget: with a detail, and at most so much of each object.
type attempt struct {
	detail Detail
	each   int
}

func (p Preview) pages(b budget) []string {
	if p.Summary {
		p.Targets = slices.Clone(p.Targets)
		for i := range p.Targets {
			p.Targets[i].summary = true
		}
	}
	head, most := p.head(maxPoints), p.parts(p.detail())
	var whole strings.Builder
	whole.WriteString(head)
	for i, t := range p.Targets {
		whole.WriteString(t.details(most[i]))
	}
	whole.WriteString(p.footer(p.detail()))
	if s := whole.String(); b.size(s) <= b.first {
		return []string{s}
	}
	for _, points := range []int{3, 1} {
		if b.size(head) > b.first/2 {
			head = p.head(points)
		}
	}
	if b.size(head) > b.first-pageReserve {
		return []string{cut(head, b)}
	}
	w := pages{attempt: attempt{detail: p.detail()}}
	for _, a := range []attempt{{Full, math.MaxInt}, {Full, 10_000}, {Full, 2_000}, {Paths, 2_000}, {Paths, 500}, {Names, math.MaxInt}} {
		if a.detail < p.detail() {
			continue
		}
		if a.detail > w.detail {
			most = p.parts(a.detail)
		}
		w = pages{budget: b, list: []string{head}, free: b.first - pageReserve - b.size(head), attempt: a}
		for i, t := range p.Targets {
			w.target(t, most[i])
		}
		if w.left == 0 && (w.cut == 0 || a.each < math.MaxInt) {
			break
		}
	}
	w.list[len(w.list)-1] += p.footer(w.detail)
	return w.done()
}

// parts are those of all targets.
func (p Preview) parts(detail Detail) [][]part {
	out := make([][]part, len(p.Targets))
	for i, t := range p.Targets {
		out[i] = t.parts(detail)
	}
	return out
}

// cut is the last resort when not even the rows of the table fit: what remains are whole lines up to the first block, which
// must not be left open.
func cut(s string, b budget) string {
	const note = "\nThis report did not fit into a comment.\n"
	var out strings.Builder
	used := b.size(note)
	for l := range strings.Lines(s) {
		used += b.size(l)
		if used > b.first || strings.HasPrefix(l, "```") || strings.HasPrefix(l, "<details") {
			break
		}
		out.WriteString(l)
	}
	return out.String() + note
}

// pages are those that are being written.
type pages struct {
	budget
	attempt
	list []string
	// free is how much fits on the last page.
	free int
	// left counts parts that are on no page, and cut those that are there without all of their lines.
	left, cut int
}

// target writes what is to be told of a target, as many parts as fit on a page folded together.
func (w *pages) target(t TargetPreview, list []part) {
	if t.Set == nil {
		w.unfolded([]part{{text: strings.TrimPrefix(t.failed(), "\n")}})
		return
	}
	w.unfolded(t.refused())
	aside := ""
	w.parts(list, func(text string) string {
		text = t.folded(text, aside)
		aside = ", continued"
		return text
	}, w.size(t.folded("", ", continued")))
}

func (w *pages) unfolded(list []part) {
	w.parts(list, func(text string) string { return text }, 0)
}

// parts writes parts, those on one page in a frame, which takes so much room by itself.
func (w *pages) parts(list []part, frame func(string) string, around int) {
	var b body
	flush := func() {
		if b.Len() > 0 {
			text := frame(b.whole())
			w.list[len(w.list)-1] += text
			w.free -= w.size(text)
			b = body{}
		}
	}
	used := around
	for _, p := range list {
		if p.text == "" {
			continue
		}
		if w.size(p.text) > w.each {
			p = w.shorten(p, w.each)
		}
		need := func() int { return w.size(b.before(p)) + w.size(p.text) + w.size(p.section.shut) }
		if used+need() > w.free && len(w.list) < w.most {
			flush()
			title := fmt.Sprintf("### Weighlock, page %d\n", len(w.list)+1)
			w.list, w.free, used = append(w.list, title), w.rest-pageReserve-w.size(title), around
		}
		if over := used + need() - w.free; over > 0 {
			room := w.size(p.text) - over
			if p = w.shorten(p, room); w.size(p.text) > room {
				p.text = ""
			}
		}
		if p.text == "" {
			continue
		}
		used += w.size(b.before(p)) + w.size(p.text)
		b.add(p)
	}
	flush()
}

// shorten leaves out the last lines of a part's last block of code. Where that is not enough, what the part is about is all
// that is left.
func (w *pages) shorten(p part, limit int) part {
	lines := strings.SplitAfter(p.text, "\n")
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
	if open < 0 || shut < open {
		return w.leave(p)
	}
	note := func(n int) string { return fmt.Sprintf("… %s did not fit\n", count(n, "more line", "more lines")) }
	used := w.size(strings.Join(lines[:open+1], "")) + w.size(strings.Join(lines[shut:], "")) + w.size(note(len(lines)))
	keep := open + 1
	for keep < shut && used+w.size(lines[keep]) <= limit {
		used += w.size(lines[keep])
		keep++
	}
	if keep == open+1 {
		return w.leave(p)
	}
	w.cut++
	p.text = strings.Join(lines[:keep], "") + note(shut-keep) + strings.Join(lines[shut:], "")
	return p
}

func (w *pages) leave(p part) part {
	w.left++
	p.text = p.short
	return p
}

// done says at the ends of the pages where it goes on and what is missing.
func (w *pages) done() []string {
	last := len(w.list) - 1
	var missing []string
	if w.left > 0 {
		missing = append(missing, fmt.Sprintf("%s left out", count(w.left, "object is", "objects are")))
	}
	if w.cut > 0 {
		missing = append(missing, fmt.Sprintf("%s shown in part", count(w.cut, "object is", "objects are")))
	}
	if len(missing) > 0 {
		w.list[last] += fmt.Sprintf("\n<sub>Not everything did fit: %s. The job's report has more, and <code>weighlock diff</code> shows all of it.</sub>\n", strings.Join(missing, ", "))
	}
	for i := range last {
		w.list[i] += fmt.Sprintf("\n<sub>This did not fit into one comment: it goes on in page %d of %d, below.</sub>\n", i+2, last+1)
	}
	return w.list
}
