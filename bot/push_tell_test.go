package bot

import (
	"fmt"
	"slices"
	"testing"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/history"
)

// What an earlier push merged is told of before what this one did, which says by being there that all is told; what was deployed and never
// told of is told of from the history; what may have been told better stays.
func TestWhatAPushTells(t *testing.T) {
	t.Parallel()
	merge := func(number int, earlier bool) incoming {
		return incoming{PullRequest: forge.PullRequest{Number: number}, earlier: earlier, untold: map[ID]history.Entry{}}
	}
	own, before, lost := merge(3, false), merge(2, true), merge(1, true)
	lost.untold["prod"] = history.Entry{Commit: headSHA, Summary: "1 created"}
	changed := &diff.ChangeSet{Stages: []diff.Stage{{Items: []diff.Item{{Changes: []*diff.Change{{Op: diff.Create}}}}}}}
	failed := &apply.Result{Outcomes: []apply.Outcome{{Status: apply.Failed, Err: fmt.Errorf("full")}}}
	p := pushed{merges: []incoming{own, before, lost}}
	got := p.announcements([]pushResult{
		{job: Job{ID: "prod"}, deployment: deployment{set: changed, result: &apply.Result{}}, hearing: []incoming{own, before}, texts: []string{"to its own", "to the one before"}},
		{job: Job{ID: "staging"}, deployment: deployment{set: changed, result: failed}, hearing: []incoming{own, before}, texts: []string{"failed", "failed"}},
		{job: Job{ID: "test"}, deployment: deployment{set: &diff.ChangeSet{}, result: &apply.Result{}}, hearing: []incoming{own}, texts: []string{"as it was"}},
		{job: Job{ID: "later"}, deployment: deployment{err: &movedError{what: "moved on", later: true}}, moved: true, later: true, texts: []string{"nobody hears it"}},
	})
	var told []string
	for _, a := range got {
		told = append(told, fmt.Sprintf("#%d %s unless=%t failed=%t", a.Number, a.id, a.unless != nil, a.failed))
	}
	want := []string{
		"#2 prod unless=false failed=false", "#1 prod unless=true failed=false", "#2 staging unless=true failed=true",
		"#3 prod unless=false failed=false", "#3 staging unless=false failed=true", "#3 test unless=true failed=false",
	}
	if !slices.Equal(told, want) {
		t.Errorf("got %q, want %q", told, want)
	}
	if got[0].text != "to the one before" || got[3].text != "to its own" {
		t.Errorf("got %q and %q", got[0].text, got[3].text)
	}
	if p.leaves(nil) || !p.leaves([]pushResult{{later: true}}) {
		t.Error("whether something is left is not told by whether a target is left")
	}
}
