package report

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"

	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
)

// hostile is text that tries to break out of wherever it is put.
const hostile = "x`y``z|</details></summary><img src=x onerror=alert(1)>\n```\n@acme/everyone\n````diff\n- a\n[link](http://example.com) \u202egnp.exe\x1b[31m"

func hostileRef(name string) object.Ref {
	return object.Ref{Version: "v1", Kind: "ConfigMap", Namespace: hostile, Name: name + hostile}
}

// hostileSet has a change of every kind with hostile text in all places.
func hostileSet(n int) *diff.ChangeSet {
	set := &diff.ChangeSet{Warnings: []string{hostile}}
	set.Target.Name = hostile
	var item diff.Item
	for i := range n {
		name := fmt.Sprint(i)
		path := object.Path{}.Field("data").Field(hostile).Element("name", hostile, 0)
		item.Changes = append(item.Changes,
			&diff.Change{Ref: hostileRef("new" + name), Op: diff.Create, Source: hostile, Merged: object.Object{"data": map[string]any{hostile: hostile}}, Reason: hostile},
			&diff.Change{Ref: hostileRef("upd" + name), Op: diff.Update, Source: hostile, Warnings: []string{hostile}, Fields: []diff.FieldChange{
				{Op: diff.Modify, Path: path, Old: hostile, New: "a\nb\n" + hostile}, {Op: diff.Insert, Path: path, New: map[string]any{hostile: hostile}},
				{Op: diff.Reorder, Path: path, Old: []any{hostile, "b"}, New: []any{"b", hostile}},
			}},
			&diff.Change{Ref: hostileRef("bad" + name), Op: diff.Failed, Source: hostile, Err: errors.New(hostile)},
		)
	}
	set.Stages = []diff.Stage{{Items: []diff.Item{item}}}
	set.Orphans = []*diff.Change{{Ref: hostileRef("gone"), Op: diff.Delete}, {Ref: hostileRef("kept"), Op: diff.Skip, Reason: hostile}}
	return set
}

func hostilePreview(n int) Preview {
	return Preview{Head: "1234567890", Base: "abcdefabcd", BaseName: hostile, At: "14:02 UTC", Targets: []TargetPreview{
		{Name: hostile, Set: hostileSet(n), Next: Code(hostile)}, {Name: "b", Err: errors.New(hostile)},
	}}
}

// rendered is what a forge makes of Markdown: GitHub's dialect, HTML let through, for the forge's sanitiser to sort out.
func rendered(t *testing.T, markdown string) string {
	t.Helper()
	var out bytes.Buffer
	md := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
	if err := md.Convert([]byte(markdown), &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// sound checks what must hold of every comment.
func sound(t *testing.T, markdown string) {
	t.Helper()
	out := rendered(t, markdown)
	for _, tag := range []string{"details", "summary", "table"} {
		if open, shut := strings.Count(out, "<"+tag), strings.Count(out, "</"+tag); open != shut {
			t.Errorf("%d <%s>, %d </%s>", open, tag, shut, tag)
		}
	}
	for _, bad := range []string{"<img", "<a href", "\u202e", "\x1b"} {
		if strings.Contains(out, bad) {
			i := strings.Index(out, bad)
			t.Errorf("%q got through: …%s…", bad, out[max(0, i-200):min(len(out), i+100)])
		}
	}
	outside := codeFree(out)
	if strings.Contains(outside, "@acme") {
		i := strings.Index(outside, "@acme")
		t.Errorf("a mention got through: …%s…", outside[max(0, i-200):min(len(outside), i+100)])
	}
	if !utf8.ValidString(markdown) {
		t.Error("not valid UTF-8")
	}
}

// codeFree is HTML without its code elements: inside of them forges see no mention.
func codeFree(out string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(out, "<code")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		_, out, _ = strings.Cut(rest, "</code>")
	}
}

func TestTextFromManifestsStaysText(t *testing.T) {
	t.Parallel()
	sound(t, hostilePreview(2).Markdown(1<<20))
	sound(t, Preview{Problem: hostile, BaseName: hostile}.Markdown(1<<20))
	sound(t, ChangeSetMarkdown(hostileSet(2), nil))
	result := &apply.Result{Outcomes: []apply.Outcome{
		{Ref: hostileRef("a"), Status: apply.Failed, Err: errors.New(hostile)}, {Ref: hostileRef("b"), Status: apply.NotTried},
	}}
	sound(t, ResultMarkdown(result, 1<<20))
}

func TestAPreviewFitsItsBudgetAndStaysSound(t *testing.T) {
	t.Parallel()
	p := hostilePreview(60)
	whole := p.Markdown(1 << 30)
	for _, budget := range []int{len(whole), 65536, 40000, 20000, 5000} {
		s := p.Markdown(budget)
		if n := utf8.RuneCountInString(s); n > budget {
			t.Errorf("%d characters in a budget of %d", n, budget)
		}
		sound(t, s)
		if len(s) < len(whole) && !strings.Contains(s, "not fit") {
			t.Errorf("budget %d: it is not said that something is left out:\n%s", budget, s)
		}
		if !strings.Contains(s, "**61 deleted**") && !strings.Contains(s, "**1 deleted**") {
			t.Errorf("budget %d: the numbers are missing", budget)
		}
	}
}

func TestAPreviewGoesOnInPagesThatAreEachSound(t *testing.T) {
	t.Parallel()
	long := &diff.Change{Ref: hostileRef("long"), Op: diff.Update, Fields: []diff.FieldChange{
		{Op: diff.Modify, Path: object.Path{}.Field("data"), Old: "a", New: strings.Repeat(hostile+"\nß€😀\n", 4000)},
	}}
	for objects, wantPages := range map[int]int{1: 1, 120: 3, 800: 5} {
		p := hostilePreview(objects)
		if objects > 1 {
			p.Targets[0].Set.Stages[0].Items[0].Changes = append(p.Targets[0].Set.Stages[0].Items[0].Changes, long)
		}
		pages := p.Pages(60000, 60000, 5)
		if len(pages) < wantPages {
			t.Errorf("%d objects, %d bytes: %d pages, want %d or more", objects, len(p.Markdown(1<<30)), len(pages), wantPages)
		}
		for i, page := range pages {
			if n := utf8.RuneCountInString(page); n > 60000 || len(page) > 3*60000 {
				t.Errorf("%d objects: page %d has %d characters, %d bytes", objects, i+1, n, len(page))
			}
			if i < len(pages)-1 && !strings.Contains(page, fmt.Sprintf("goes on in page %d of %d", i+2, len(pages))) {
				t.Errorf("page %d does not say that it goes on", i+1)
			}
			sound(t, page)
		}
		if last := pages[len(pages)-1]; objects == 800 && !strings.Contains(last, "left out") {
			t.Errorf("it is not said that something is left out: …%s", last[len(last)-300:])
		}
	}
}

func TestOneChangedLineOfALongTextIsShownWithItsSurroundings(t *testing.T) {
	t.Parallel()
	var old []string
	for i := range 500 {
		old = append(old, fmt.Sprintf("line %d", i+1))
	}
	new := append([]string{}, old...)
	new[249] = "changed"
	lines := fieldLines(diff.FieldChange{Op: diff.Modify, Path: object.Path{}.Field("data").Field("f"),
		Old: strings.Join(old, "\n"), New: strings.Join(new, "\n")})
	want := []string{"  data.f", "  @@ line 247 @@", "  line 247", "  line 248", "  line 249", "- line 250", "+ changed", "  line 251", "  line 252", "  line 253"}
	if strings.Join(lines, "\n") != strings.Join(want, "\n") {
		t.Errorf("got:\n%s", strings.Join(lines, "\n"))
	}
}

func TestFenceIsLongerThanAnyInside(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"a": "```", "```": "````", "a `````b": "``````", "": "```"} {
		if got, _, _ := strings.Cut(Fence("", text), "\n"); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}
