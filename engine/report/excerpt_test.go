package report_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/report"
)

func TestAnExcerptIsSoundAndSaysWhatItLeavesOut(t *testing.T) {
	t.Parallel()
	var all []*diff.Change
	for i := range 9 {
		o := object.Object{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": fmt.Sprintf("m%d", i)}, "data": map[string]any{"k": strings.Repeat("x", 300)}}
		all = append(all, diff.NewCreation(o))
	}
	set := &diff.ChangeSet{Stages: []diff.Stage{{Items: []diff.Item{{Changes: all}}}}}
	got := report.Excerpt(set, func(c *diff.Change) bool { return c.Ref.Name != "m0" }, report.Full, 2000)
	if len(got) > 2100 || strings.Contains(got, "m0") || !strings.Contains(got, "m1") || !strings.Contains(got, "… and ") {
		t.Errorf("got %d characters:\n%s", len(got), got)
	}
	if strings.Count(got, "<details>") != strings.Count(got, "</details>") || strings.Count(got, "```")%2 != 0 {
		t.Errorf("it is cut inside of something:\n%s", got)
	}
	names := report.Excerpt(set, func(*diff.Change) bool { return true }, report.Names, 2000)
	if strings.Contains(names, "xxx") || !strings.Contains(names, "m8") {
		t.Errorf("names alone: %s", names)
	}
}
