package action_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
)

var (
	ourTags = regexp.MustCompile(`^</?(details|summary|b|code|sub|i|ul|li|br|p|h[1-6]|table|thead|tbody|tr|th|td|strong|em|blockquote|ol|pre|del|hr|input|span)( [^>]*)?/?>$`)
	anyTag  = regexp.MustCompile(`</?[a-zA-Z][^>]*>`)
	mention = regexp.MustCompile(`(^|[^\w` + "`" + `/])@[A-Za-z0-9]`)
)

// people are those whom we may mention: who gave the command, or acted.
var people = regexp.MustCompile(`@(grace|mary|eve|ada)\b`)

// sound checks by a real renderer what must hold of everything that we post.
func sound(t *testing.T, markdown string) {
	t.Helper()
	md := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
	source := []byte(markdown)
	doc := md.Parser().Parse(text.NewReader(source))
	var out bytes.Buffer
	if err := md.Renderer().Render(&out, source, doc); err != nil {
		t.Fatal(err)
	}
	shown := out.String()
	for _, tag := range []string{"details", "summary", "table", "pre", "code", "b", "sub"} {
		opened, shut := len(regexp.MustCompile(`<`+tag+`[ >]`).FindAllString(shown, -1)), strings.Count(shown, "</"+tag+">")
		if opened != shut {
			t.Errorf("%d <%s>, %d </%s>:\n%s", opened, tag, shut, tag, markdown)
		}
	}
	for _, tag := range anyTag.FindAllString(shown, -1) {
		if !ourTags.MatchString(tag) {
			t.Errorf("HTML that is not ours: %s", tag)
		}
	}
	if strings.Count(markdown, "\n|") > 1 && !strings.Contains(shown, "<table>") {
		t.Errorf("the table is none:\n%s", markdown)
	}
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if n, ok := n.(*ast.Text); ok && entering {
			if _, code := n.Parent().(*ast.CodeSpan); code {
				return ast.WalkContinue, nil
			}
			if s := people.ReplaceAllString(string(n.Segment.Value(source)), ""); mention.MatchString(s) {
				t.Errorf("%q mentions somebody", s)
			}
		}
		return ast.WalkContinue, nil
	})
	if strings.ContainsFunc(markdown, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r >= 0x202a && r <= 0x202e }) {
		t.Error("a control character is not shown as such")
	}
}
