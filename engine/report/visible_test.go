package report

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
)

// What is not seen as what it is, is written out; what is, stays, and so do lines.
func TestWhatWouldNotBeSeenIsWrittenOut(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain, ünïcödé, 日本語, \t✓":       "plain, ünïcödé, 日本語, \t✓",
		"\x1b[2J\x00\a\x7f\u009b1m":      `\u001b[2J\u0000\u0007\u007f\u009b1m`,
		"a\rb":                           `a\u000db`,
		"if \u202ea\u202c \u2066b\u2069": `if \u202ea\u202c \u2066b\u2069`,
		"ad\u200bmin \ufeffroot\u00ad":   `ad\u200bmin \ufeffroot\u00ad`,
		"a\u00a0b\u3000c\u2028d":         `a\u00a0b\u3000c\u2028d`,
		"\u115f\u3164\uffa0\u2800\u034f": `\u115f\u3164\uffa0\u2800\u034f`,
		"\U000e0041\U000e0101":           `\U000e0041\U000e0101`,
		"a\ufe0f ⚠\ufe0f ⚠":              `a\ufe0f ⚠` + "\ufe0f ⚠",
		"caf\xe9 \x9b \ufffd":            `caf\xe9 \x9b ` + "\ufffd",
		"two\nlines\n":                   "two\nlines\n",
	} {
		got := Visible(text)
		if got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		if again := Visible(got); again != got {
			t.Errorf("%q: got %q the second time", text, again)
		}
	}
}

// Whatever place of a report others' text gets to, nothing of it is unseen; what programs read has it as it is, and so has the
// digest's side of the change.
func TestNoReportShowsSomethingElseThanIsThere(t *testing.T) {
	t.Parallel()
	const evil = "a\u202eb\u2066\x1b[31m\x00\u200b\u00a0\U000e0041\rz"
	ref := object.Ref{Version: "v1", Kind: "ConfigMap", Namespace: evil, Name: evil}
	path := object.Path{}.Field("data").Field(evil)
	set := setOf(
		&diff.Change{Ref: ref, Op: diff.Create, Source: evil, Merged: object.Object{"kind": "ConfigMap", "data": map[string]any{evil: evil, "lines": evil + "\n" + evil}}},
		&diff.Change{Ref: ref, Op: diff.Update, Notes: []string{evil}, Warnings: []string{evil}, Fields: []diff.FieldChange{
			{Op: diff.Modify, Path: path, Old: "x", New: evil, Owner: evil, Since: evil, Cause: diff.Drift},
			{Op: diff.Modify, Path: path, Old: "x\ny", New: "x\n" + evil},
			{Op: diff.Insert, Path: path, New: []any{evil, map[string]any{evil: evil}}},
			{Op: diff.Reorder, Path: path, Old: []any{evil, "a"}, New: []any{"a", evil}},
		}},
		&diff.Change{Ref: ref, Op: diff.Delete, Reason: evil, Consequences: []string{evil}},
		&diff.Change{Ref: ref, Op: diff.Failed, Err: fmt.Errorf("%s\n%s", evil, evil)},
	)
	set.Target.Name, set.Target.Discriminator, set.Target.Derived = evil, evil, true
	set.Warnings = []string{evil}
	texts := map[string]string{
		"text": Text(set, nil), "Markdown": ChangeSetMarkdown(set, nil), "code": Code(evil), "fence": Fence("", evil), "HTML": htmlText(evil),
		"excerpt": Excerpt(set, func(*diff.Change) bool { return true }, Full, 60000),
	}
	for i, page := range (Preview{BaseName: evil, Problem: evil, Broken: []string{evil}, Targets: []TargetPreview{{Name: evil, Set: set}}}).Pages(63000, 63000, 5) {
		texts[fmt.Sprintf("page %d", i)] = page
	}
	for where, text := range texts {
		// A space without width is what keeps forges from making something of a text.
		for _, bad := range []string{"\u202e", "\u2066", "\x1b", "\x00", "\u00a0", "\U000e0041", "\r"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s: %q is unseen in %q", where, bad, text)
			}
		}
		if !strings.Contains(text, `u202eb`) {
			t.Errorf("%s: what is there is not told: %q", where, text)
		}
	}
	data, err := NewDocument(set, nil).JSON()
	if err != nil {
		t.Fatal(err)
	}
	var doc Document
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	if got := doc.Objects[1].Changes[0].NewValue; got != evil {
		t.Errorf("programs read %q", got)
	}
}
