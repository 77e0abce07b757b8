package report_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/report"
)

func label(name string) object.Path {
	return object.Path{}.Field("metadata").Field("labels").Field(name)
}

// A chart's new version changes a label on each of its objects: that is told once, and what else changes by object.
func TestLabelsThatChangeOnManyObjectsAreToldOnce(t *testing.T) {
	t.Parallel()
	var changes []*diff.Change
	for i := range 11 {
		c := &diff.Change{Ref: object.Ref{Version: "v1", Kind: "ConfigMap", Name: fmt.Sprintf("m%02d", i)}, Op: diff.Update, Fields: []diff.FieldChange{
			{Op: diff.Modify, Path: label("helm.sh/chart"), Old: "x-1", New: "x-2"},
			{Op: diff.Modify, Path: label("app.kubernetes.io/version"), Old: "1", New: "2"},
		}}
		if i == 3 {
			c.Fields = append(c.Fields, diff.FieldChange{Op: diff.Modify, Path: object.Path{}.Field("data").Field("k"), Old: "a", New: "b"})
		}
		changes = append(changes, c)
	}
	set := &diff.ChangeSet{Stages: []diff.Stage{{Items: []diff.Item{{Changes: changes}}}}}
	for form, text := range map[string]string{"text": report.Text(set, nil), "markdown": report.ChangeSetMarkdown(set, nil)} {
		if strings.Count(text, "helm.sh/chart: x-1 → x-2") != 1 || !strings.Contains(text, "2 label changes on 11 objects") || !strings.Contains(text, "data.k") {
			t.Errorf("%s:\n%s", form, text)
		}
		if strings.Contains(text, `labels["helm.sh/chart"]`) {
			t.Errorf("%s: told on each object, too:\n%s", form, text)
		}
	}
	if got := report.NewDocument(set, nil); len(got.Objects[0].Changes) != 2 {
		t.Error("the document must have all changes")
	}
}

// White space that changes is seen, and of long lines what changes.
func TestChangedWhiteSpaceIsMarkedAndLongLinesAreCut(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100_000)
	c := &diff.Change{Ref: object.Ref{Version: "v1", Kind: "ConfigMap", Name: "m"}, Op: diff.Update, Fields: []diff.FieldChange{
		{Op: diff.Modify, Path: object.Path{}.Field("data").Field("a"), Old: "one\ntwo\n", New: "one  \ntwo\t\n"},
		{Op: diff.Modify, Path: object.Path{}.Field("data").Field("b"), Old: long + "old" + long, New: long + "nëw" + long},
		{Op: diff.Modify, Path: object.Path{}.Field("data").Field("c"), Old: long + "\n" + long, New: long + "\n" + long + "end"},
	}}
	text := report.Text(&diff.ChangeSet{Stages: []diff.Stage{{Items: []diff.Item{{Changes: []*diff.Change{c}}}}}}, nil)
	x := strings.Repeat("x", 60)
	for _, want := range []string{"- one\n- two\n+ one··\n+ two→\n", "- (99940 bytes that stay) … " + x + "old" + x + " … (99940 bytes that stay)\n", x + "nëw" + x, "+ (99940 bytes that stay) … " + x + "end\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("not %q in:\n%.3000s", want, text)
		}
	}
}

// One changed line of a long text is shown with its surroundings alone.
func TestALongTextShowsItsChangedLines(t *testing.T) {
	t.Parallel()
	var lines []string
	for i := range 500 {
		lines = append(lines, fmt.Sprintf("line %d", i))
	}
	old := strings.Join(lines, "\n")
	lines[250] = "changed"
	c := &diff.Change{Ref: object.Ref{Version: "v1", Kind: "ConfigMap", Name: "m"}, Op: diff.Update, Fields: []diff.FieldChange{
		{Op: diff.Modify, Path: object.Path{}.Field("data").Field("k"), Old: old, New: strings.Join(lines, "\n")},
	}}
	text := report.Text(&diff.ChangeSet{Stages: []diff.Stage{{Items: []diff.Item{{Changes: []*diff.Change{c}}}}}}, nil)
	if strings.Count(text, "line ") > 9 || !strings.Contains(text, "- line 250\n+ changed\n") {
		t.Errorf("got:\n%s", text)
	}
}
