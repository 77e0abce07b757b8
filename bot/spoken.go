package bot

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
	"golang.org/x/net/html"
)

// maxLooked bounds how much of a comment is looked at for commands: reading Markdown takes time that may grow with the square
// of its length, and strangers write it.
const maxLooked = 16 << 10

// comments is how people see a comment, on either forge.
var comments = goldmark.New(goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.Footnote)).Parser()

// slashLine is a line that may be a command.
var slashLine = regexp.MustCompile(`(?m)^/[A-Za-z][^\r\n]*`)

// slashLines are the lines of a comment that begin with a slash and a letter and that people see as what its author says:
// not in code, a quotation, a table, a footnote or folded text, not struck out, and not hidden. unread is the rest of a long comment.
func slashLines(body string) (out []string, unread string) {
	if len(body) > maxLooked {
		// Nothing that hides a line for what comes behind it goes on beyond an empty line.
		end := strings.LastIndex(strings.ReplaceAll(body[:maxLooked], "\r\n", "\n "), "\n\n") + 1
		body, unread = body[:end], body[end:]
	}
	found := slashLine.FindAllStringIndex(body, -1)
	if len(found) == 0 {
		return nil, unread
	}
	source := []byte(body)
	said := spoken(source)
	for _, at := range found {
		if said(at[0]) && !fenced(body, at[0]) {
			out = append(out, strings.TrimRight(body[at[0]:at[1]], " \t"))
		}
	}
	return out, unread
}

// spoken reads Markdown and returns whether the line that begins at an offset begins with its author's text.
func spoken(source []byte) func(offset int) bool {
	r := reading{open: map[string]int{}, said: map[int]bool{}}
	aside := 0 // how many nodes are open whose text is not simply the author's
	_ = ast.Walk(comments.Parse(text.NewReader(source)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n.(type) {
		case *ast.Document, *ast.Paragraph, *ast.TextBlock, *ast.Heading, *ast.List, *ast.ListItem, *ast.Emphasis, *ast.HTMLBlock, *ast.RawHTML, *ast.Text:
		default:
			if entering {
				aside++
			} else {
				aside--
			}
		}
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.HTMLBlock:
			block := slices.Clone(n.Lines().Sliced(0, n.Lines().Len()))
			if n.HasClosure() {
				block = append(block, n.ClosureLine)
			}
			r.html(source, block, aside > 0)
		case *ast.RawHTML:
			r.html(source, n.Segments.Sliced(0, n.Segments.Len()), aside > 0)
		case *ast.Text:
			r.text(n.Segment.Start, aside > 0)
		}
		return ast.WalkContinue, nil
	})
	return func(offset int) bool { return r.said[offset] }
}

// concealing are the HTML elements whose text is folded, quoted, struck out, code, or not shown at all.
var concealing = map[string]bool{
	"details": true, "blockquote": true, "q": true, "del": true, "s": true, "strike": true,
	"code": true, "kbd": true, "pre": true, "samp": true, "tt": true, "var": true, "xmp": true, "plaintext": true,
	"iframe": true, "math": true, "noscript": true, "object": true, "script": true, "select": true, "style": true, "svg": true,
	"template": true, "textarea": true, "title": true,
}

// closedComment is an HTML comment, or what browsers take for one, with its end.
var closedComment = regexp.MustCompile(`(?s)^(<!--(>|->|.*--!?>)|<([^!]|![^-]|!-[^-]).*>)$`)

// A reading follows, from the beginning of a comment to its end, what is shown as its author's text.
type reading struct {
	// open counts the concealing elements that are open.
	open map[string]int
	// lost is set once a tag is not closed: nobody knows what it swallows.
	lost bool
	// said are the offsets at which such text begins: of a line, each that is one.
	said map[int]bool
}

func (r *reading) text(offset int, aside bool) {
	if !aside && !r.lost && len(r.open) == 0 {
		r.said[offset] = true
	}
}

// html reads a piece of HTML, of which text that stands between tags may be shown, too. What it opens in a quotation is taken to
// go on behind it: a comment or a tag that is not closed does.
func (r *reading) html(source []byte, piece []text.Segment, aside bool) {
	var joined bytes.Buffer
	begins := map[int]int{} // offsets of lines, by their place in joined
	for _, line := range piece {
		begins[joined.Len()] = line.Start
		joined.Write(line.Value(source))
	}
	z, at := html.NewTokenizer(&joined), 0
	for {
		kind := z.Next()
		from := at
		raw := bytes.Clone(z.Raw())
		at += len(raw)
		tag, _ := z.TagName()
		name := string(tag)
		switch {
		case kind == html.ErrorToken:
			r.lost = r.lost || len(raw) > 0
			return
		case kind == html.TextToken:
			for ; from < at; from++ {
				if offset, is := begins[from]; is {
					r.text(offset, aside)
				}
			}
		case kind == html.CommentToken:
			r.lost = r.lost || !closedComment.Match(raw)
		case !concealing[name]:
		case kind == html.StartTagToken, kind == html.SelfClosingTagToken: // <details/> opens one all the same
			r.open[name]++
		case kind == html.EndTagToken && r.open[name] > 1:
			r.open[name]--
		case kind == html.EndTagToken:
			delete(r.open, name)
		}
	}
}

// fenced says whether what stands at an offset is within what forges have beyond Markdown: quotations of several lines and
// formulas, between lines that are alike, and what begins a comment as data.
func fenced(body string, offset int) bool {
	before, after := lines(body[:offset]), lines(body[offset:])
	for _, fence := range []string{">>>", "$$"} {
		if before.count(fence)%2 == 1 && after.count(fence) > 0 {
			return true
		}
	}
	for _, fence := range []string{"---", "+++", ";;;"} {
		if len(before) > 0 && before[0] == fence && before.count(fence) == 1 && after.count(fence) > 0 {
			return true
		}
	}
	return false
}

type lineList []string

func lines(s string) lineList {
	var out lineList
	for line := range strings.Lines(s) {
		out = append(out, strings.TrimRight(line, " \t\r\n"))
	}
	return out
}

func (l lineList) count(line string) int {
	n := 0
	for _, have := range l {
		if have == line {
			n++
		}
	}
	return n
}
