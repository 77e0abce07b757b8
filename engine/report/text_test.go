package report_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/hook"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/report"
)

// A result tells what was done, not what was planned.
func TestAResultTellsWhatWasDone(t *testing.T) {
	t.Parallel()
	ref := func(name string) object.Ref {
		return object.Ref{Version: "v1", Kind: "ConfigMap", Namespace: "n", Name: name}
	}
	field := []diff.FieldChange{{Op: diff.Modify, Path: object.Path{}.Field("data"), Old: "a", New: "b"}}
	var item diff.Item
	result := &apply.Result{}
	add := func(c diff.Change, status apply.Status, err error) {
		item.Changes = append(item.Changes, &c)
		result.Outcomes = append(result.Outcomes, apply.Outcome{Ref: c.Ref, Op: c.Op, Status: status, Err: err})
	}
	stop := errors.New("not tried: told to stop")
	add(diff.Change{Ref: ref("new"), Op: diff.Create}, apply.Applied, nil)
	add(diff.Change{Ref: ref("changed"), Op: diff.Update, Fields: field}, apply.Applied, nil)
	add(diff.Change{Ref: ref("refused"), Op: diff.Update, Fields: field}, apply.Failed, errors.New("n/ConfigMap/refused: denied"))
	add(diff.Change{Ref: ref("replaced"), Op: diff.Replace, Fields: field}, apply.Applied, nil)
	add(diff.Change{Ref: ref("kept"), Op: diff.Replace, Fields: field, Err: errors.New("immutable")}, apply.Failed, errors.New("n/ConfigMap/kept: immutable"))
	add(diff.Change{Ref: ref("ran"), Op: diff.Run, Hook: &hook.Hook{}}, apply.Ran, nil)
	add(diff.Change{Ref: ref("never"), Op: diff.Run, Hook: &hook.Hook{}}, apply.NotTried, errors.New("not tried: hook x before it failed"))
	for i := range 7 {
		add(diff.Change{Ref: ref(fmt.Sprint("later", i)), Op: diff.Create}, apply.NotTried, stop)
	}
	add(diff.Change{Ref: ref("gone"), Op: diff.Delete}, apply.Deleted, nil)
	add(diff.Change{Ref: ref("same"), Op: diff.Unchanged}, apply.Unchanged, nil)
	set := &diff.ChangeSet{Stages: []diff.Stage{{Items: []diff.Item{item}}}}
	want := `Created objects:
  n/ConfigMap/new

Changed objects:
  n/ConfigMap/changed

Diff for object n/ConfigMap/changed:
  data
- a
+ b

Replaced objects:
  n/ConfigMap/replaced

Diff for object n/ConfigMap/replaced:
  data
- a
+ b

Deleted objects:
  n/ConfigMap/gone

Applied hooks:
  n/ConfigMap/ran

Not done:
  n/ConfigMap/never: not tried: hook x before it failed
  not tried: told to stop: 7 objects: n/ConfigMap/later0, n/ConfigMap/later1, n/ConfigMap/later2, n/ConfigMap/later3, n/ConfigMap/later4, n/ConfigMap/later5, n/ConfigMap/later6

Errors:
  n/ConfigMap/refused: denied
  n/ConfigMap/kept: immutable

1 created, 1 changed, 1 replaced, 1 deleted, 1 hook ran, 1 unchanged, 2 failed, 8 not tried
`
	if got := report.Text(set, result); got != want {
		t.Errorf("got:\n%s", got)
	}
	if got := report.Summary(set); !strings.HasPrefix(got, "8 new, 2 changed, 1 replaced, 1 deleted, 1 failed,") {
		t.Errorf("the plan: %s", got)
	}
}

func TestLongListsInWarningsAreCutForPeopleAlone(t *testing.T) {
	t.Parallel()
	kinds := make([]string, 40)
	for i := range kinds {
		kinds[i] = fmt.Sprintf("kind%02d.example.com", i)
	}
	set := &diff.ChangeSet{Warnings: []string{"40 kinds cannot be listed for lack of rights: " + strings.Join(kinds, ", "), strings.Repeat("a long sentence, ", 30)}}
	want := "40 kinds cannot be listed for lack of rights: kind00.example.com, kind01.example.com, kind02.example.com and 37 more (-o json has them all)"
	if text := report.Text(set, nil); !strings.Contains(text, want+"\n") || !strings.Contains(text, strings.TrimSpace(set.Warnings[1])) {
		t.Errorf("got:\n%s", text)
	}
	if doc := report.NewDocument(set, nil); doc.Warnings[0].Message != set.Warnings[0] {
		t.Error("the document must have all")
	}
}
