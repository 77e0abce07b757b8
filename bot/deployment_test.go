package bot

import (
	"errors"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/lock"
)

func TestWhatWasNotDeployedIsTriedAgainByTheCommandThatTheAnswerNames(t *testing.T) {
	t.Parallel()
	locked := &lock.HeldError{Record: lock.Record{Holder: "@mary", Hold: true}}
	partly := &apply.Result{Outcomes: []apply.Outcome{{Status: apply.Applied}, {Status: apply.Failed, Err: errors.New("full")}}}
	again := Command{Verb: VerbPrune, Commit: "1a2b3c4d5e", Force: true}.on("prod")
	for name, d := range map[string]deployment{
		"locked":   {verb: "deployed", err: locked},
		"busy":     {verb: "deployed", err: &lock.HeldError{}},
		"refused":  {verb: "deployed", err: errors.New("it does not render")},
		"partly":   {verb: "deployed", set: &diff.ChangeSet{}, result: partly},
		"none yet": {verb: "deployed", set: &diff.ChangeSet{}, result: &apply.Result{Outcomes: partly.Outcomes[1:]}},
	} {
		if got := d.markdown("prod", "1a2b3c4d5e", "", 1000); strings.Contains(got, "/prune") || strings.Contains(got, "/diff") {
			t.Errorf("%s, with nowhere to say it: %s", name, got)
		}
		d.look, d.again = Command{Verb: VerbDiff}.on("prod"), again
		if got := d.markdown("prod", "1a2b3c4d5e", "", 1000); !strings.Contains(got, "`/prune prod @1a2b3c4 --force-conflicts`") {
			t.Errorf("%s: %s", name, got)
		}
	}
}
