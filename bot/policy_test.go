package bot

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/weighlock/weighlock/bot/checkout"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/engine/lock"
)

const (
	headSHA = "1a2b3c4d5e6f7a8b9c0d1a2b3c4d5e6f7a8b9c0d"
	baseSHA = "9f8e7d6c5b4a9f8e7d6c5b4a9f8e7d6c5b4a9f8e"
)

// mergedTree is what a pull request is deployed as: its head merged onto the base.
var mergedTree = checkout.Tree{ID: "5a5a5a5", Base: baseSHA, Head: headSHA}

// shownAt is when what is deployed was shown, and the command written.
var shownAt = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// allowed is a request whose gates are all met; each test spoils one.
func allowed() Request {
	return Request{
		Command:     Command{Verb: VerbDeploy, Targets: []string{"prod"}},
		Job:         Job{Target: Target{Name: "prod", Policy: defaultPolicy()}, ID: "prod"},
		PullRequest: forge.PullRequest{State: forge.StateOpen, Head: forge.Ref{SHA: headSHA}, Base: forge.Ref{Name: "main"}},
		Actor:       forge.User{Login: "grace"},
		Permission:  fact(forge.Write, nil),
		Tree:        mergedTree,
		Shown:       &Shown{Head: headSHA, Base: baseSHA, Digests: map[ID]string{"prod": "d"}, Since: map[ID]time.Time{"prod": shownAt}},
		Asked:       shownAt,
		Base:        baseSHA,
	}
}

// approved demands an approval, and has that of a user for a commit.
func approved(by, commit string) func(*Request) {
	return func(r *Request) {
		r.Job.Policy.Approvals = 1
		r.PullRequest.Author = forge.User{Login: "linus"}
		r.Approvals.Value = []Approval{{By: forge.User{Login: by}, Commit: commit}}
	}
}

// mergedAs is [approved] of a pull request that was merged as a commit.
func mergedAs(by, merge string) func(*Request) {
	return func(r *Request) {
		approved(by, headSHA)(r)
		r.PullRequest.State, r.PullRequest.MergeCommit, r.Command.Commit = forge.StateMerged, merge, "1a2b3c4"
		r.PullRequest.Head.SHA = headSHA
	}
}

// after demands that staging goes first, and has it at a commit.
func after(at checkout.Tree, err error) func(*Request) {
	return func(r *Request) {
		r.Job.Policy.After = []string{"staging"}
		r.After = map[string]Fact[checkout.Tree]{"staging": fact(at, err)}
	}
}

func TestEachGateAloneRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(*Request)
		says  string
	}{
		"nothing":                        {func(*Request) {}, ""},
		"a pinned head":                  {func(r *Request) { r.Command.Commit = "1a2b3c4" }, ""},
		"too little permission":          {func(r *Request) { r.Permission.Value = forge.Triage }, "needs permission write, has triage"},
		"a permission that is not known": {func(r *Request) { r.Permission.Err = errors.New("HTTP 500") }, "could not be found out: HTTP 500"},
		"a closed pull request":          {func(r *Request) { r.PullRequest.State = forge.StateClosed }, "it is closed"},
		"a merged pull request":          {func(r *Request) { r.PullRequest.State = forge.StateMerged }, "it is merged"},
		"a fork":                         {func(r *Request) { r.PullRequest.Fork = true }, "a fork's is deployed once it is merged"},
		"a policy of never":              {func(r *Request) { r.Job.Policy.Deploy = DeployNever }, "policy says never"},
		"a target that leads elsewhere":  {func(r *Request) { r.Moved.Value = "its context was x" }, "its context was x"},
		"another commit":                 {func(r *Request) { r.Command.Commit = "9999999" }, "(9999999; it is 1a2b3c4)"},
		"a merged one with its commit":   {func(r *Request) { r.PullRequest.State, r.Command.Commit = forge.StateMerged, "1a2b3c4" }, ""},
		"a merged fork with its commit": {func(r *Request) {
			r.PullRequest.State, r.PullRequest.Fork, r.Command.Commit = forge.StateMerged, true, "1a2b3c4"
		}, ""},
		"a draft":                        {func(r *Request) { r.PullRequest.Draft = true }, "is not a draft"},
		"no commit where it is pinned":   {func(r *Request) { r.Job.Policy.Pin = true }, "`/deploy prod @1a2b3c4`"},
		"a commit where it is pinned":    {func(r *Request) { r.Job.Policy.Pin, r.Command.Commit = true, "1a2b3c4" }, ""},
		"a named user":                   {func(r *Request) { r.Job.Policy.Allow.Users = []string{"Grace"} }, ""},
		"nobody that is named":           {func(r *Request) { r.Job.Policy.Allow.Users = []string{"ada"} }, "one of those named for prod (ada)"},
		"a member of a team":             {func(r *Request) { r.Job.Policy.Allow.Teams, r.Team.Value = []string{"acme/sre"}, "acme/sre" }, ""},
		"a team that is not known":       {func(r *Request) { r.Job.Policy.Allow.Teams, r.Team.Err = []string{"acme/sre"}, errors.New("HTTP 403") }, "could not be found out: HTTP 403"},
		"a file of somebody else":        {func(r *Request) { r.Job.Policy.Codeowners, r.Unowned.Value = true, []string{"a", "b", "c", "d"} }, "(not a, b, c and 1 more)"},
		"no file of anybody else":        {func(r *Request) { r.Job.Policy.Codeowners = true }, ""},
		"no approval":                    {func(r *Request) { r.Job.Policy.Approvals = 1 }, "1 approval of 1a2b3c4 (0)"},
		"an approval":                    {approved("ada", headSHA), ""},
		"an approval of an older commit": {approved("ada", baseSHA), "@ada approved 9f8e7d6, before the last push"},
		"an approval of the author":      {approved("linus", headSHA), "1 approval of 1a2b3c4 (0)"},
		"two approvals of one person": {func(r *Request) {
			approved("ada", headSHA)(r)
			r.Approvals.Value = append(r.Approvals.Value, r.Approvals.Value...)
			r.Job.Policy.Approvals = 2
		}, "2 approvals of 1a2b3c4 (by @ada)"},
		"approvals that are not known":       {func(r *Request) { r.Job.Policy.Approvals, r.Approvals.Err = 1, errors.New("HTTP 500") }, "could not be found out: HTTP 500"},
		"a red check":                        {func(r *Request) { r.Checks.Value = []Check{{"build", true, "success"}, {"lint", false, "queued"}} }, "lint: queued"},
		"green checks":                       {func(r *Request) { r.Checks.Value = []Check{{"build", true, "success"}} }, ""},
		"checks that are not known":          {func(r *Request) { r.Checks.Err = errors.New("HTTP 500") }, "could not be found out: HTTP 500"},
		"checks that nobody wants":           {func(r *Request) { r.Job.Policy.Checks, r.Checks.Err = ChecksNone, errors.New("HTTP 500") }, ""},
		"approvals of what was merged":       {mergedAs("ada", headSHA), ""},
		"approvals, and more was merged":     {mergedAs("ada", baseSHA), "nothing else came to main since it was merged (it was merged as 9f8e7d6, main is at 1a2b3c4"},
		"a command from before the preview":  {func(r *Request) { r.Asked = shownAt.Add(-time.Second) }, "which shows this since 2026-03-01 12:00 UTC: read it, then repeat"},
		"a preview that says not since when": {func(r *Request) { r.Shown.Since = nil }, "/diff prod shows it anew"},
		"after another with this":            {after(mergedTree, nil), ""},
		"after another, merged to the same":  {after(checkout.Tree{ID: mergedTree.ID, Head: "merged"}, nil), ""},
		"after another with an older head":   {after(checkout.Tree{ID: "0", Head: baseSHA}, nil), "staging runs what is to be deployed (it runs 9f8e7d6, and this is 1a2b3c4 onto 9f8e7d6)"},
		"after another onto an older base":   {after(checkout.Tree{ID: "0", Base: "0ldba5e0", Head: headSHA}, nil), "(it runs 1a2b3c4 onto 0ldba5e, and this is 1a2b3c4 onto 9f8e7d6)"},
		"after another from a clone of it":   {after(checkout.Tree{Head: headSHA}, nil), "(it runs 1a2b3c4, and this is 1a2b3c4 onto 9f8e7d6)"},
		"after another from a clone, merged": {func(r *Request) { after(checkout.Tree{Head: headSHA}, nil)(r); r.Tree.Base = "" }, ""},
		"after another, never deployed":      {after(checkout.Tree{}, nil), "it was never deployed"},
		"after another, not known":           {after(mergedTree, errors.New("forbidden")), "could not be found out: forbidden"},
		"guarded deletions":                  {func(r *Request) { r.Shown.Guarded = map[ID]string{"prod": "it deletes Namespace shop"} }, "--prune (it deletes Namespace shop)"},
		"guarded deletions, asked for": {func(r *Request) {
			r.Shown.Guarded, r.Command.Prune = map[ID]string{"prod": "it deletes Namespace shop"}, true
		}, ""},
		"no preview":            {func(r *Request) { r.Shown = nil }, "there is none yet"},
		"a preview with errors": {func(r *Request) { r.Shown.Digests = nil }, "has errors"},
		"a head that moved":     {func(r *Request) { r.Shown.Head = baseSHA }, "it shows 9f8e7d6, the head is 1a2b3c4"},
		"a base that moved":     {func(r *Request) { r.Base = headSHA }, "it shows 9f8e7d6, main is at 1a2b3c4"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := allowed()
			c.spoil(&r)
			v := Judge(r)
			if v.Met() != (c.says == "") {
				t.Fatalf("met is %v: %v", v.Met(), v)
			}
			if c.says == "" {
				return
			}
			if missing := v.of(GateNotMet); len(missing) != 1 {
				t.Errorf("want one gate not met, got %v", missing)
			}
			if text := refusal("prod", "deployed", v); !strings.Contains(strings.NewReplacer(`\`, "", "\u200b", "").Replace(text), c.says) {
				t.Errorf("%q is not in:\n%s", c.says, text)
			}
		})
	}
}

func TestARefusalNamesEveryGate(t *testing.T) {
	t.Parallel()
	r := allowed()
	r.Permission.Value, r.PullRequest.Fork, r.Shown = forge.Read, true, nil
	text := refusal("prod", "deployed", Judge(r))
	if got := strings.Count(text, "- [ ]"); got != 3 {
		t.Errorf("want 3 gates that are not met:\n%s", text)
	}
	if !strings.Contains(text, "- [x]") {
		t.Errorf("the gates that are met are missing:\n%s", text)
	}
}

func TestWhatNobodyLookedAtIsNeitherMetNorMissing(t *testing.T) {
	t.Parallel()
	r := allowed()
	r.Permission.Value = forge.Read
	r.Moved.Err, r.Approvals.Err, r.Checks.Err = errUnread, errUnread, errUnread
	r.Job.Policy.Approvals = 1
	v := append(Judge(r), free("prod", errUnread))
	text := refusal("prod", "deployed", v)
	asked, unasked, apart := strings.Cut(text, "Not looked at before that:")
	if !apart || strings.Count(asked, "- [ ]") != 1 || !strings.Contains(asked, "1 of 6 conditions is not met") {
		t.Errorf("want one gate not met of those that were looked at:\n%s", text)
	}
	for _, said := range []string{"prod is deployed by comment", "the target is where the base branch has it", "1 approval of 1a2b3c4", "checks are green", "nobody else has locked"} {
		if strings.Contains(asked, said) || !strings.Contains(unasked, said) {
			t.Errorf("%q is said to be so, or not:\n%s", said, text)
		}
	}
	if v.of(GateUnasked).Met() {
		t.Error("what nobody looked at lets a deploy through")
	}
}

func TestARefusalSaysWhoHasTheTarget(t *testing.T) {
	t.Parallel()
	held := &lock.HeldError{Record: lock.Record{Holder: "@mary", Hold: true, Why: "incident 7", Since: shownAt}}
	for _, c := range []struct {
		err  error
		says string
	}{
		{nil, "- [x] nobody else has locked or deploys prod"},
		{held, "- [ ] nobody else has locked or deploys prod (held by @mary since 2026-03-01T12:00:00Z (incident 7)): `/unlock prod`"},
		{errors.New("no route to host"), "- [ ] nobody else has locked or deploys prod (this could not be found out: no route to host)"},
	} {
		text := strings.NewReplacer(`\`, "", "\u200b", "").Replace(refusal("prod", "deployed", Verdict{free("prod", c.err)}))
		if !strings.Contains(text, c.says) {
			t.Errorf("%q is not in:\n%s", c.says, text)
		}
	}
}

func TestNoGatesAreNotMet(t *testing.T) {
	t.Parallel()
	if (Verdict{}).Met() {
		t.Error("an empty verdict must refuse")
	}
}

func TestOnlyAMarkerAtTheStartIsOne(t *testing.T) {
	t.Parallel()
	s := Shown{Head: headSHA, Base: baseSHA, Digests: map[ID]string{"a-->b": "x"}}
	m := s.marker()
	if got, ok := readMarker(m + "\ntext"); !ok || got.Head != headSHA || got.Digests["a-->b"] != "x" {
		t.Errorf("the marker is not read again: %v %+v", ok, got)
	}
	if strings.Count(m, "-->") != 1 {
		t.Errorf("a target's name ends the marker: %s", m)
	}
	for _, body := range []string{"> " + m, "text\n" + m, "", previewMarker, previewMarker + "{", "<!-- weighlock:preview x -->"} {
		if _, ok := readMarker(body); ok {
			t.Errorf("%q is taken for a marker", body)
		}
	}
}
