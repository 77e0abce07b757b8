package history

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/report"
)

// lastLevel leaves least of a record.
const lastLevel = 3

// shorten leaves the more out of a record the higher the level; 0 leaves it whole. What went wrong is kept longest.
func shorten(r Record, level int) Record {
	doc := r.Document
	objects := func(keep func(report.DocumentObject) bool) []report.DocumentObject {
		out := []report.DocumentObject{}
		for _, o := range doc.Objects {
			if keep(o) {
				o.Changes, o.Conflicts = nil, nil
				out = append(out, o)
			}
		}
		return out
	}
	switch level {
	case 0:
		return r
	case 1:
		r.Entry.Shortened = "the differences of fields are left out"
		r.Text = cut(r.Text, 256<<10)
		doc.Objects = objects(func(report.DocumentObject) bool { return true })
	case 2:
		r.Entry.Shortened = "the differences of fields, and objects that did not change, are left out; messages are cut"
		r.Text = cut(r.Text, 128<<10)
		doc.Objects = objects(func(o report.DocumentObject) bool { return o.Op != diff.Unchanged })
		doc.Errors, doc.Warnings = messages(doc.Errors, 500), messages(doc.Warnings, 100)
	default:
		r.Entry.Shortened = "all objects are left out; messages are cut"
		r.Text = cut(r.Text, 64<<10)
		r.Entry.Namespaces = r.Entry.Namespaces[:min(len(r.Entry.Namespaces), 200)]
		doc.Objects, doc.Sources = []report.DocumentObject{}, nil
		doc.Errors, doc.Warnings = messages(doc.Errors, 50), messages(doc.Warnings, 10)
	}
	note := "this result was too large to be kept whole: " + r.Entry.Shortened
	doc.Warnings = append(doc.Warnings[:len(doc.Warnings):len(doc.Warnings)], report.DocumentMessage{Message: note})
	r.Text += note + "\n"
	r.Document = doc
	return r
}

// maxMessage is how long a message of a shortened record is.
const maxMessage = 1000

// messages are the first n, each cut.
func messages(list []report.DocumentMessage, n int) []report.DocumentMessage {
	out := []report.DocumentMessage{}
	for _, m := range list[:min(len(list), n)] {
		if len(m.Message) > maxMessage {
			m.Message = truncate(m.Message, maxMessage) + " …"
		}
		out = append(out, m)
	}
	if more := len(list) - len(out); more > 0 {
		out = append(out, report.DocumentMessage{Message: fmt.Sprintf("and %d more", more)})
	}
	return out
}

// cut keeps whole lines of a text: its end, where the errors and the summary are, and as much of its beginning.
func cut(text string, max int) string {
	if len(text) <= max {
		return text
	}
	head := truncate(text, max/2)
	if i := strings.LastIndexByte(head, '\n'); i >= 0 {
		head = head[:i+1]
	}
	tail := strings.ToValidUTF8(text[len(text)-max/2:], "")
	if i := strings.IndexByte(tail, '\n'); i >= 0 && i+1 < len(tail) {
		tail = tail[i+1:]
	}
	return head + fmt.Sprintf("… %d bytes are left out …\n", len(text)-len(head)-len(tail)) + tail
}

// truncate is at most the first n bytes of a text, whole characters.
func truncate(text string, n int) string {
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
