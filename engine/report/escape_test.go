package report

import (
	"regexp"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
)

// What forges and their bots make something of stays text, and stays readable.
func TestReferencesAndCommandsStayText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"plain text, 100% of it: a/b, x@1, 50%.", "plain text, 100% of it: a/b, x@_1, 50%."},
		{"@team and a@example.com", "@_team and a@_example.com"},
		{"acme/shop#12 !34 ~bug ~\"to do\" %v1.0 $7 &8 ^alert GH-9 gh-1", `acme/shop\#_12 \!_34 \~_bug \~_"to do" %_v1.0 $_7 &amp;_8 ^_alert GH_-9 gh_-1`},
		{"https://example.com WWW.example.com", ":_//example.com WWW_.example.com"},
		{":tada: registry:5000/a:1 f.yaml:12: :+1: f.yaml:100:", ":_tada: registry:5000/a:1 f.yaml:12: :_+1: f.yaml:_100:"},
		{"</details><!-- weighlock:preview {} -->", `&lt;/details&gt;&lt;\!-- weighlock:preview {} --&gt;`},
		{"a\r\n/merge\n\u202eb\u2066\u3164", `a\\u000d /merge \\u202eb\\u2066\\u3164`},
	} {
		got := strings.ReplaceAll(Escape(c.text), "\u200b", "_")
		if !strings.HasSuffix(got, c.want) {
			t.Errorf("%q: got %q, want %q", c.text, got, c.want)
		}
	}
	for text, want := range map[string]string{
		"/merge":                "```\n_/merge\n```\n",
		"a\n/lgtm cancel\n /x":  "```\na\n_/lgtm cancel\n _/x\n```\n",
		"/etc/passwd\n//x\n/ x": "```\n/etc/passwd\n//x\n/ x\n```\n",
		"```\n/close\n````":     "`````\n```\n_/close\n````\n`````\n",
	} {
		if got := strings.ReplaceAll(Fence("", text), "\u200b", "_"); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if got := rendered(t, "| a | b |\n|---|---|\n| "+Cell(Code(`x\|y|z`))+" | "+Cell(Escape(`x\|y`))+" |\n"); strings.Count(got, "<td>") != 2 {
		t.Errorf("a cell ends early: %s", got)
	}
}

// quickAction is a line on which GitLab, in its older versions, or another bot looks for a command.
var quickAction = regexp.MustCompile(`(?m)^\s*/[a-z_]+(\s|$)`)

// Wherever text of others is put, no line of a comment is a command, and no line is longer than people and forges bear.
func TestNoTextOfOthersBecomesACommandOrFloodsTheComment(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1<<20)
	evil := "a\n/merge\n```\n/close\n````\n/approve\r\n/label ~x\n" + long
	ref := func(kind string) object.Ref {
		return object.Ref{Version: "v1", Kind: kind, Namespace: evil, Name: evil}
	}
	path := object.Path{}.Field("data").Field(evil)
	set := setOf(
		&diff.Change{Ref: ref("ConfigMap"), Op: diff.Create, Source: "a\n/merge", Merged: object.Object{"/merge x": evil, "data": map[string]any{"a": evil}}},
		&diff.Change{Ref: ref("ConfigMap"), Op: diff.Update, Fields: []diff.FieldChange{{Op: diff.Modify, Path: path, Old: evil, New: "b\n/merge"}, {Op: diff.Insert, Path: path, New: evil, Cause: diff.Drift, Owner: evil}}},
		&diff.Change{Ref: ref("Namespace"), Op: diff.Delete, Consequences: []string{evil}, Reason: "x\n/merge"},
	)
	set.Warnings = []string{evil}
	for i, page := range (Preview{BaseName: "b\n/merge", Targets: []TargetPreview{{Name: "t\n/merge", Set: set, Next: Code("/deploy a\n/merge")}}}).Pages(63000, 63000, 5) {
		sound(t, page)
		if found := quickAction.FindString(page); found != "" {
			t.Errorf("page %d: %q is a command", i+1, found)
		}
		if n := size(page); n > 63000 {
			t.Errorf("page %d has %d characters", i+1, n)
		}
	}
}
