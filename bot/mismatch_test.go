package bot

import (
	"strings"
	"testing"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
)

func TestAMismatchTellsTheClusterFromTheProject(t *testing.T) {
	t.Parallel()
	change := func(owner string, op diff.Op) *diff.Change {
		return &diff.Change{Ref: ref("ConfigMap", "shop", "map"), Op: op, Fields: []diff.FieldChange{{Op: diff.Modify, Path: object.Path{}.Field("data"), Old: owner, New: "b", Owner: owner}}}
	}
	set := func(rendered string, list ...*diff.Change) *diff.ChangeSet {
		return &diff.ChangeSet{Digest: "now", Rendered: strings.Repeat(rendered, 64), Stages: []diff.Stage{{Items: []diff.Item{{Changes: list}}}}}
	}
	was := set("a", change("", diff.Update))
	shown := &Shown{Rendered: map[ID]string{"prod": was.Rendered[:shortHash]}, Objects: map[ID]map[string]string{"prod": hashes(was)}}
	many := set("a")
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		many.Orphans = append(many.Orphans, &diff.Change{Ref: ref("ConfigMap", "shop", name), Op: diff.Delete})
	}
	for name, c := range map[string]struct {
		shown   *Shown
		now     *diff.ChangeSet
		base    string
		want    string
		objects int
	}{
		"somebody has set a field":   {shown, set("a", change("kubectl", diff.Update)), "", "only the cluster has moved since the preview, in shop/ConfigMap/map (set by kubectl)", 1},
		"the base has nothing in it": {shown, set("a", change("kubectl", diff.Update)), "main has moved on", "only the cluster has moved", 1},
		"somebody has deleted it":    {shown, set("a", change("", diff.Create)), "", "shop/ConfigMap/map (is missing)", 1},
		"somebody has done it":       {shown, set("a", change("", diff.Unchanged)), "", "shop/ConfigMap/map (is as it is to be by now)", 1},
		"it is gone":                 {shown, set("a"), "", "shop/ConfigMap/map (is not there any more)", 1},
		"many":                       {shown, many, "", "and 3 more", 6},
		"the base has moved on":      {shown, set("b", change("x", diff.Update)), "main has moved on from 1 to 2", "main has moved on from 1 to 2 since the preview, and what is rendered is something else now", 1},
		"values have changed":        {shown, set("b", change("", diff.Update)), "", "values that the project loads have changed", 0},
		"an old preview":             {&Shown{}, set("b", change("", diff.Update)), "", "the change is not the one that the preview showed", 0},
	} {
		if got := c.shown.mismatch("prod", c.now, c.base); !strings.Contains(got.Text, c.want) || len(got.Objects) != c.objects {
			t.Errorf("%s: got %+v, want %q", name, got, c.want)
		}
	}
}
