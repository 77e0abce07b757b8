// Command screenshots makes a page of HTML for each of the comments that scripts/screenshots.sh takes pictures of. The
// comments are those of the conversations in action/testdata/script, in a style much like that of forges. It is not shipped.
//
//	screenshots DIRECTORY
package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
)

//go:embed page.html
var page string

// pictures are made of comments: of a conversation, the one that is the first to hold a text.
var pictures = []struct{ name, conversation, holds string }{
	{"preview", "danger", "[!CAUTION]"},
	{"refused", "approvals", "😕 **staging** was not deployed"},
	{"held", "held-after-main-moved", "✋ **staging**"},
	{"deployed", "danger", "🚀 **staging** deployed `MERGED`"},
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: screenshots DIRECTORY")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "screenshots:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	t, err := template.New("page").Parse(page)
	if err != nil {
		return err
	}
	for _, p := range pictures {
		archive, err := txtar.ParseFile(filepath.Join("action/testdata/script", p.conversation+".txtar"))
		if err != nil {
			return err
		}
		comment := ""
		for _, f := range archive.Files {
			if f.Name == "transcript.md" {
				comment = find(string(f.Data), p.holds)
			}
		}
		if comment == "" {
			return fmt.Errorf("%s: no comment holds %q", p.conversation, p.holds)
		}
		var shown, out bytes.Buffer
		md := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
		if err := md.Convert([]byte(lively.Replace(comment)), &shown); err != nil {
			return err
		}
		if err := t.Execute(&out, template.HTML(alerts(shown.String()))); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, p.name+".html"), out.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// find is the first comment of a transcript that holds a text, without its marker.
func find(transcript, holds string) string {
	for _, part := range regexp.MustCompile(`(?m)^(=== [a-z@]|> [a-z])`).Split(transcript, -1) {
		if said, comment, ok := strings.Cut(part, "\n"); ok && strings.Contains(said, "comment") && strings.Contains(comment, holds) {
			return comment
		}
	}
	return ""
}

// lively puts something like the real thing where transcripts have names of what differs from run to run.
var lively = strings.NewReplacer("NAMESPACE", "shop", "in TIME:", "in 41s:", "at TIME", "at 14:02 UTC", "TIME", "2026-01-02 13:40 UTC", "DATE", "2026-01-02T09:12:44Z",
	"`RISKY`", "`1a2b3c4`", "BLUE", "1a2b3c4", "`MAIN`", "`9f8e7d6`", "MAIN", "9f8e7d6", "MERGED", "c4d5e6f", "COMMIT", "5b6c7d8")

var alert = regexp.MustCompile(`<blockquote>\s*<p>\[!([A-Z]+)\]\s*`)

// alerts does what forges do with the quotes that begin with the name of an alert.
func alerts(s string) string {
	return alert.ReplaceAllStringFunc(s, func(m string) string {
		name := alert.FindStringSubmatch(m)[1]
		return fmt.Sprintf(`<blockquote class="alert %s"><p class="title">%s</p><p>`, strings.ToLower(name), name[:1]+strings.ToLower(name[1:]))
	})
}
