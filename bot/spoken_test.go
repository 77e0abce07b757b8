package bot

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	render "github.com/yuin/goldmark/renderer/html"
	"golang.org/x/net/html"
)

func TestWhatIsNotItsAuthorsTextIsNoCommand(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		"see `one\n/diff\ntwo`", "``\n/diff\n``", "a `` b ` c\n/diff ``", "    code\n\n    /diff", "- a\n\n      /diff", "\t/diff",
		"> quote\n/diff", "> > quote\n/diff", "- > quote\n/diff", "> - item\n/diff", "> ```\n> a\n\n```\n/diff\n```",
		"```a`b\n```\n/diff", "````\n```\n/diff", "~~~ a ~~~\n/diff",
		"<details><summary>x</summary>\n\n/diff\n\n</details>", "<DETAILS open>\n\n/diff", "<details/>\n\n/diff", "x <details>\n/diff", "<details>\n<!-- </details> -->\n\n/diff",
		"<details title='</details>'>\n\n/diff", "<div title='\n\n/diff\n\n'>", "a <b title='\n/diff\n'>", "<!-- a\n\n/diff\n\n-->", "x <!-- a\n/diff\n-->", "<!--\n/diff",
		"<?a\n/diff\n?>", "<!A\n/diff\n>", "<![CDATA[\n/diff\n]]>", "<script>\n/diff\n</script>", "<pre>\n\n/diff\n\n</pre>", "x <code>\n/diff\n</code>", "<kbd>\n/diff\n</kbd>",
		"<template>\n\n/diff\n", "<s>\n\n/diff\n\n</s>", "a ~~b\n/diff\nc~~", "[a]:\n/diff", "[a]: b '\n/diff\n'", "[a\n/diff\nb](c)", "![a\n/diff\nb](c)", "[a](<\n/diff>",
		"[a](b '\n/diff\n')", "[^1]\n\n[^1]: note\n/diff", "a | b\n--|--\n/diff", "/diff | a\n--|--", ">>>\n/diff\n>>>", ">>>\nx\n\n/diff\n\n>>>\n", "---\n/diff\n---", "+++\na: b\n/diff\n+++", "$$\n/diff\n$$",
		strings.Repeat("a", maxLooked) + "\n\n/diff", "`" + strings.Repeat("a\n", maxLooked/3) + "/diff\n" + strings.Repeat("a\n", maxLooked) + "`",
	} {
		for _, c := range ParseCommands(body) {
			if len(body) <= maxLooked || c.Err == nil { // that nobody looks so far behind is told
				t.Errorf("%.60q: got %v", body, c)
			}
		}
	}
}

func TestWhatIsItsAuthorsTextIsACommand(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		"a `b\n\n/diff\n\nc`", "a ` b\n/diff", "\\`\n/diff\n\\`", "> quote\n\n/diff", "> ```\n/diff", "1. > ```\n   > a\n/diff", "- item\n/diff", "1. item\n\n/diff", "```\na\n```\n/diff", "/diff\n---", "/diff\n===", "/diff\n--\nGrace",
		"<details>\n</details>\n/diff", "<!-- a -->\n/diff", "<!-- a\n-->\n/diff", "<b>x</b>\n/diff", "<https://example.com>\n/diff", "a < b\n/diff\nb > c", "<br>\n/diff", "*a\n/diff\nb*", "# a\n/diff", "[a]: b\n/diff",
		"a | b\n--|--\n1 | 2\n\n/diff", "```\n>>>\n```\n/diff", "---\n\n/diff", "/diff\n\n" + strings.Repeat("a", maxLooked), "\ufeff\n/diff", "a\r\n/diff\r\n", "\n\n/diff",
	} {
		if got := ParseCommands(body); len(got) != 1 || got[0].Err != nil {
			t.Errorf("%.60q: got %v", body, got)
		}
	}
}

// What a browser makes of the rendered comment is the oracle: a line is a command only where it is shown there as text, and
// where no HTML of the author's is involved it always is.
func TestACommandIsShownAsText(t *testing.T) {
	t.Parallel()
	fragments := []string{
		"/diff N\n", "/diff N\n", "/diff N\n", "\n", "\n", "\n\n", "text\n", "a `b\n", "c` d\n", "```\n", "````\n", "~~~\n", "    ", "> ", "> > ", "- ", "1. ", "  ", "* * *\n", "---\n", "===\n", "# h ", "[a]: ", "[a](",
		")", "[", "](b)\n", "![", "~~", "**", "*", "_", "\\", "`", "``", "a | b\n--|--\n", "|", "'", "\"", "[^1]: ", "[^1]", "&lt;", "\t",
		"<details>\n", "</details>\n", "<details>", "</details>", "<!-- ", " -->", "<pre>\n", "</pre>\n", "<code>", "</code>", "<b title='", "'>", "<div>\n", "</div>\n", "<blockquote>", "</blockquote>\n", "<script>", "</script>",
	}
	md := goldmark.New(goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.Footnote), goldmark.WithRendererOptions(render.WithUnsafe()))
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same texts each time
	commands, plain := 0, 0
	for range 8_000 {
		var body strings.Builder
		for i := range 1 + random.IntN(14) {
			body.WriteString(strings.ReplaceAll(fragments[random.IntN(len(fragments))], "N", fmt.Sprint("t", i)))
		}
		got, _ := slashLines(body.String())
		commands += len(got)
		var page bytes.Buffer
		if err := md.Convert([]byte(body.String()), &page); err != nil {
			t.Fatal(err)
		}
		shown := shownLines(t, page.Bytes())
		for _, line := range got {
			if !slices.Contains(shown, line) {
				t.Errorf("%q is a command of %q, which is shown as %s", line, body.String(), page.String())
			}
		}
		if strings.ContainsAny(body.String(), "<$+;") || strings.HasPrefix(body.String(), "---") {
			continue
		}
		plain++
		for line := range strings.Lines(body.String()) {
			line = strings.TrimRight(line, "\n")
			if strings.HasPrefix(line, "/diff t") && !strings.ContainsAny(line, "`*_[]!~\\|&#<>\t") && slices.Contains(shown, line) && !slices.Contains(got, line) {
				t.Errorf("%q is no command of %q, which is shown as %s", line, body.String(), page.String())
			}
		}
	}
	if commands < 500 || plain < 500 {
		t.Errorf("%d commands, %d texts without HTML: this proves little", commands, plain)
	}
}

// shownLines are the lines of a page that are shown as text, and neither folded, quoted, struck out, code nor in a table.
func shownLines(t *testing.T, page []byte) []string {
	t.Helper()
	doc, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		switch n.Type {
		case html.TextNode:
			text.WriteString(n.Data)
		case html.ElementNode:
			switch n.Data {
			case "head":
				return
			case "pre", "code", "blockquote", "details", "del", "s", "script", "style", "table", "a", "title", "img":
				text.WriteString("\x00")
				return
			case "div":
				if slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Val == "footnotes" }) {
					return
				}
				text.WriteString("\n")
			case "p", "li", "h1", "h2", "br", "ul", "ol":
				text.WriteString("\n")
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(doc)
	var out []string
	for line := range strings.Lines(text.String()) {
		out = append(out, strings.TrimRight(line, " \t\n"))
	}
	return out
}

// Reading a comment takes bounded time, whoever wrote it: see the limit of what is looked at.
func BenchmarkHostileComments(b *testing.B) {
	for _, piece := range []string{"> ", "1. ", "[a](", "`a``", "[a]: b\n", "<a href=\"", "text\n"} {
		body := strings.Repeat(piece, maxLooked/len(piece)-4) + "\n\n/diff\n"
		b.Run(fmt.Sprintf("%q", piece), func(b *testing.B) {
			for b.Loop() {
				ParseCommands(body)
			}
		})
	}
}
