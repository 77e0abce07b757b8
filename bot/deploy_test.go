package bot

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/bot/checkout"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
)

func ref(kind, namespace, name string) object.Ref {
	return object.Ref{Version: "v1", Kind: kind, Namespace: namespace, Name: name}
}

// changes is a change set with a digest that changes an object and deletes others.
func changes(digest string, deletes ...object.Ref) *diff.ChangeSet {
	s := &diff.ChangeSet{Digest: digest, Stages: []diff.Stage{{Items: []diff.Item{{Changes: []*diff.Change{{Ref: ref("ConfigMap", "shop", "map"), Op: diff.Update}}}}}}}
	for _, r := range deletes {
		s.Orphans = append(s.Orphans, &diff.Change{Ref: r, Op: diff.Delete})
	}
	return s
}

// What is asked for beyond what the preview shows is bound to the preview as it compared.
func TestADeployIsBoundToWhatThePreviewCompared(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		order       deployOrder
		preview     diff.Options
		force       bool
		prune, seen bool
	}{
		"as shown":                       {deployOrder{}, diff.Options{}, false, false, false},
		"as shown, deletions with it":    {deployOrder{}, diff.Options{Prune: true}, false, true, false},
		"deletions that were shown":      {deployOrder{prune: true}, diff.Options{Prune: true}, false, true, false},
		"deletions beside what is shown": {deployOrder{prune: true}, diff.Options{}, false, true, true},
		"conflicts overwritten":          {deployOrder{force: true}, diff.Options{NoAdopt: true}, true, false, true},
		"both":                           {deployOrder{force: true, prune: true}, diff.Options{Prune: true}, true, true, true},
	} {
		c.order.reviewed = "digest"
		got := c.order.options(c.preview)
		if got.Reviewed != "digest" || got.Diff.Force != c.force || got.Diff.Prune != c.prune || got.Diff.NoAdopt != c.preview.NoAdopt || (got.Seen != nil) != c.seen {
			t.Errorf("%s: got %+v", name, got)
		}
		if got.Seen != nil && (got.Seen.Force || got.Seen.Prune != c.preview.Prune || got.Seen.NoAdopt != c.preview.NoAdopt) {
			t.Errorf("%s: it is compared with %+v, the preview was %+v", name, *got.Seen, c.preview)
		}
	}
}

func TestOnlyAppliesWhatItNamesAndNamesWhatThereIs(t *testing.T) {
	t.Parallel()
	objects := []object.Ref{ref("ConfigMap", "shop", "map"), ref("ConfigMap", "other", "map"), ref("Secret", "shop", "map"), ref("Namespace", "", "shop")}
	for only, c := range map[string]struct {
		picks []bool
		err   string
	}{
		"configmap/map":                    {[]bool{true, true, false, false}, ""},
		"ConfigMap/shop/map":               {[]bool{true, false, false, false}, ""},
		"ConfigMap/shop/map ConfigMap/map": {[]bool{true, true, false, false}, ""},
		"namespace/shop secret/shop/map":   {[]bool{false, false, true, true}, ""},
		"ConfigMap/shop/mop":               {[]bool{false, false, false, false}, "the target has no object ConfigMap/shop/mop"},
		"secret/map Deployment/shop/map":   {[]bool{false, false, true, false}, "the target has no object Deployment/shop/map"},
	} {
		asked := false
		opts := deployOrder{
			only: strings.Fields(only), approve: func(context.Context, *diff.ChangeSet) error { asked = true; return nil },
		}.options(diff.Options{})
		for i, r := range objects {
			if got := opts.Only(r); got != c.picks[i] {
				t.Errorf("%s: %s is picked: %t", only, r, got)
			}
		}
		err := opts.Approve(t.Context(), changes("d"))
		if (err == nil) != (c.err == "") || err != nil && err.Error() != c.err || asked != (c.err == "") {
			t.Errorf("%s: got %v, asked further: %t", only, err, asked)
		}
	}
	if opts := (deployOrder{}).options(diff.Options{}); opts.Only != nil {
		t.Error("where nothing is named, something is picked")
	}
}

func TestACommandIsRefusedWhereWhatItRestsOnHasMoved(t *testing.T) {
	t.Parallel()
	a := asked{
		by: forge.User{Login: "grace"}, base: baseSHA,
		pr: forge.PullRequest{State: forge.StateOpen, Head: forge.Ref{SHA: headSHA}, Base: forge.Ref{Name: "main"}},
	}
	for name, c := range map[string]struct {
		move func(*standing)
		says string
	}{
		"nothing":         {func(*standing) {}, ""},
		"the head":        {func(s *standing) { s.pr.Head.SHA = baseSHA }, "the head has moved on from 1a2b3c4 to 9f8e7d6"},
		"the base branch": {func(s *standing) { s.pr.Base.Name = "release" }, "the base branch is release"},
		"what it is at":   {func(s *standing) { s.tip = headSHA }, "main has moved on from 9f8e7d6 to 1a2b3c4"},
		"its state":       {func(s *standing) { s.pr.State = forge.StateMerged }, "the pull request is merged"},
		"its draft":       {func(s *standing) { s.pr.Draft = true }, "is a draft"},
		"the comment":     {func(s *standing) { s.withdrawn = "deleted" }, "the command was deleted"},
	} {
		now := standing{pr: a.pr, tip: baseSHA}
		c.move(&now)
		err := a.moved(now)
		if moved := new(movedError); (err == nil) != (c.says == "") || err != nil && (!errors.As(err, &moved) || !strings.Contains(moved.what, c.says)) {
			t.Errorf("%s: got %v, want %q", name, err, c.says)
		}
	}
}

func TestAPushDeploysWhatWasReviewedAndIsHeldElse(t *testing.T) {
	t.Parallel()
	namespace := ref("Namespace", "", "shop")
	merged := func(shown *Shown) []incoming {
		pr := forge.PullRequest{Number: 1, State: forge.StateMerged, Head: forge.Ref{SHA: headSHA}, Author: forge.User{Login: "linus"}}
		return []incoming{{PullRequest: pr, commit: baseSHA, shown: shown}}
	}
	// One that brings nothing to prod, and behind it one that an earlier push has merged.
	after := func(shown *Shown, decided ...ID) []incoming {
		out := append(merged(&Shown{Head: headSHA, Digests: map[ID]string{"staging": "s"}}), merged(shown)...)
		out[1].Number, out[1].earlier, out[1].said = 2, true, said{decided: map[ID]bool{}}
		for _, id := range decided {
			out[1].said.decided[id] = true
		}
		return out
	}
	for name, c := range map[string]struct {
		policy  func(*TargetPolicy)
		push    pushed
		facts   Facts
		set     *diff.ChangeSet
		held    string // part of why, "" where it is deployed
		differs bool
	}{
		"what was shown":                                   {nil, pushed{merges: merged(&Shown{Head: headSHA, Digests: map[ID]string{"prod": "d"}})}, Facts{}, changes("d"), "", false},
		"something else":                                   {nil, pushed{merges: merged(&Shown{Head: headSHA, Digests: map[ID]string{"prod": "e"}})}, Facts{}, changes("d"), "is not the one that the preview showed", true},
		"something else, as it may be":                     {func(p *TargetPolicy) { p.RequireReviewed = false }, pushed{merges: merged(&Shown{Head: headSHA, Digests: map[ID]string{"prod": "e"}})}, Facts{}, changes("d"), "", true},
		"the preview of another head":                      {nil, pushed{merges: merged(&Shown{Head: baseSHA, Digests: map[ID]string{"prod": "e"}})}, Facts{}, changes("d"), "the preview was of 9f8e7d6, and 1a2b3c4 was merged", true},
		"no preview":                                       {nil, pushed{merges: merged(nil)}, Facts{}, changes("d"), "showed no preview", true},
		"what one merged right before showed":              {nil, pushed{merges: after(&Shown{Head: headSHA, Digests: map[ID]string{"prod": "d"}})}, Facts{}, changes("d"), "", false},
		"something else than that":                         {nil, pushed{merges: after(&Shown{Head: headSHA, Digests: map[ID]string{"prod": "e"}})}, Facts{}, changes("d"), "is not the one that the preview showed", true},
		"what one merged before showed that was decided":   {nil, pushed{merges: after(&Shown{Head: headSHA, Digests: map[ID]string{"prod": "d"}}, "prod")}, Facts{}, changes("d"), "showed no change of this target", true},
		"that, decided for another target":                 {nil, pushed{merges: after(&Shown{Head: headSHA, Digests: map[ID]string{"prod": "d"}}, "staging")}, Facts{}, changes("d"), "", false},
		"no pull request":                                  {nil, pushed{}, Facts{}, changes("d"), "", false},
		"no pull request where there have to be approvals": {func(p *TargetPolicy) { p.Approvals = 2 }, pushed{}, Facts{}, changes("d"), "not met: 2 approvals (nobody could give any)", false},
		"too few approvals": {func(p *TargetPolicy) { p.Approvals = 1 }, pushed{merges: merged(&Shown{Head: headSHA, Digests: map[ID]string{"prod": "d"}})},
			Facts{}, changes("d"), "not met: 1 approval", false},
		"approvals": {func(p *TargetPolicy) { p.Approvals = 1 }, pushed{merges: merged(&Shown{Head: headSHA, Digests: map[ID]string{"prod": "d"}})},
			Facts{Approvals: fact([]Approval{{By: forge.User{Login: "mary"}, Commit: headSHA}}, nil)}, changes("d"), "", false},
		"a target that goes first and has not": {func(p *TargetPolicy) { p.After = []string{"staging"} }, pushed{}, Facts{After: map[string]Fact[checkout.Tree]{"staging": fact(checkout.Tree{}, nil)}},
			changes("d"), "it was never deployed", false},
		"checks, which were for the merge":    {func(p *TargetPolicy) { p.Checks = ChecksAll }, pushed{}, Facts{Checks: fact([]Check(nil), errors.New("HTTP 500"))}, changes("d"), "", false},
		"a deletion that has to be asked for": {nil, pushed{}, Facts{}, changes("d", namespace), "it deletes " + namespace.String(), false},
		"something else than was approved": {func(p *TargetPolicy) { p.RequireReviewed, p.Approvals = false, 1 }, pushed{merges: merged(&Shown{Head: headSHA, Digests: map[ID]string{"prod": "e"}})},
			Facts{Approvals: fact([]Approval{{By: forge.User{Login: "mary"}, Commit: headSHA}}, nil)}, changes("d"), "is not the one that the preview showed", true},
		"what is never previewed": {func(p *TargetPolicy) { p.Preview = PreviewNever }, pushed{merges: merged(nil)}, Facts{}, changes("d"), "", false},
	} {
		policy := defaultPolicy()
		if c.policy != nil {
			c.policy(&policy)
		}
		c.push.After = baseSHA
		differs, held := c.push.judge(Job{ID: "prod", Target: Target{Policy: policy}}, c.facts, nil, c.set)
		why := ""
		if held != nil {
			why = strings.Join(held.why(), "; ")
		}
		if (held == nil) != (c.held == "") || !strings.Contains(why, c.held) || (differs != nil) != c.differs {
			t.Errorf("%s: held %q, differs %+v; want %q, %t", name, why, differs, c.held, c.differs)
		}
	}
}

func TestAPushThatIsHeldIsCountedByWhatHoldsIt(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"after not met, preview not met": &heldError{gates: Verdict{{Name: "after", State: GateNotMet}, {Name: "preview", State: GateNotMet}}},
		"state not met":                  &movedError{what: "main has moved on"},
		"unknown not met":                errors.New("HTTP 500"),
		"preview met":                    nil,
	} {
		var got []string
		b := &Bot{Log: slog.New(slog.DiscardHandler), Judged: func(v Verdict) {
			for _, g := range v {
				got = append(got, g.Name+" "+string(g.State))
			}
		}}
		b.audit(t.Context(), Job{ID: "prod"}, pushed{}, "", err)
		if joined := strings.Join(got, ", "); joined != want {
			t.Errorf("%v: got %q, want %q", err, joined, want)
		}
	}
}

func TestAPruneDeletesNothingThatWasNotCompared(t *testing.T) {
	t.Parallel()
	a, b := ref("ConfigMap", "shop", "a"), ref("ConfigMap", "shop", "b")
	for _, c := range []struct {
		set, seen *diff.ChangeSet
		want      bool
	}{
		{changes("", a), changes("", a, b), true}, {changes("", a, b), changes("", a), false}, {changes(""), changes("", a), true}, {changes("", a), changes(""), false},
	} {
		if got := deletesAtMost(c.set, c.seen); got != c.want {
			t.Errorf("%v of %v: got %t", c.set.Orphans, c.seen.Orphans, got)
		}
	}
}
