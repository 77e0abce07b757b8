package github_test

import (
	"flag"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/forgetest"
	"github.com/weighlock/weighlock/bot/forge/github"
	"github.com/weighlock/weighlock/testdata/events"
)

var update = flag.Bool("update", false, "write what the tests see to the golden files")

// payloads reads all of GitHub's examples that we have. The second part of a
// file's name is the event's.
func payloads(tb testing.TB, each func(file, event string, payload []byte)) {
	tb.Helper()
	files, err := fs.Glob(events.GitHub, "github/*.json")
	if err != nil || len(files) < 20 {
		tb.Fatalf("%d payloads, %v", len(files), err)
	}
	for _, file := range files {
		payload, err := events.GitHub.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		each(name, strings.Split(name, ".")[1], payload)
	}
}

func TestDecodeReadsEveryPayloadAsTheGoldenFileSays(t *testing.T) {
	t.Parallel()
	payloads(t, func(file, name string, payload []byte) {
		event, err := github.Decode(name, "d-1", payload)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			return
		}
		forgetest.Decoded(t, file, event, *update)
	})
}

// payload reads an example and lets a test change it.
func payload(t *testing.T, file string, change func(map[string]any)) []byte {
	t.Helper()
	raw, err := events.GitHub.ReadFile("github/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return forgetest.Changed(t, raw, change)
}

const (
	opened      = "octokit-examples.pull_request.opened.12.json"
	synchronize = "octokit-examples.pull_request.synchronize.22.json"
	commented   = "derived.issue_comment.created-on-pull-request.json"
	pushed      = "octokit-examples.push.4.json"
)

func TestDecodePullRequestInUnusualForms(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rule   string
		change func(map[string]any)
		check  func(forge.PullRequestChanged) bool
	}{
		{
			"a deleted fork is a fork",
			func(o map[string]any) { forgetest.At(o, "pull_request", "head")["repo"] = nil },
			func(e forge.PullRequestChanged) bool {
				return e.PullRequest.Fork && e.PullRequest.Head.Repo == (forge.Repo{})
			},
		},
		{
			"another repository of the same name is a fork",
			func(o map[string]any) { forgetest.At(o, "pull_request", "head", "repo")["id"] = 1 },
			func(e forge.PullRequestChanged) bool { return e.PullRequest.Fork },
		},
		{
			"a deleted author is nobody",
			func(o map[string]any) { forgetest.At(o, "pull_request")["user"] = nil },
			func(e forge.PullRequestChanged) bool { return e.PullRequest.Author == (forge.User{}) },
		},
		{
			"fields that do not matter may have any form",
			func(o map[string]any) {
				forgetest.At(o, "pull_request", "base", "repo")["custom_properties"] = map[string]any{"teams": []string{"a", "b"}}
				forgetest.At(o, "repository")["custom_properties"] = map[string]any{"teams": []string{"a", "b"}}
			},
			func(e forge.PullRequestChanged) bool { return e.PullRequest.Number == 2 },
		},
		{
			"before the merge there is no merge commit",
			func(o map[string]any) { forgetest.At(o, "pull_request")["merge_commit_sha"] = strings.Repeat("a", 40) },
			func(e forge.PullRequestChanged) bool { return e.PullRequest.MergeCommit == "" },
		},
		{
			"a repository that is not said to be private is public",
			func(o map[string]any) { delete(forgetest.At(o, "repository"), "private") },
			func(e forge.PullRequestChanged) bool { return !e.Private },
		},
		{
			"another base branch is a change of target",
			func(o map[string]any) {
				o["action"] = "edited"
				o["changes"] = map[string]any{"base": map[string]any{"ref": map[string]any{"from": "old"}}}
			},
			func(e forge.PullRequestChanged) bool { return e.Action == forge.Retargeted },
		},
	} {
		event, err := github.Decode("pull_request", "", payload(t, opened, tt.change))
		changed, ok := event.(forge.PullRequestChanged)
		if err != nil || !ok || !tt.check(changed) {
			t.Errorf("%s: got %T %+v, %v", tt.rule, event, event, err)
		}
	}
}

func TestDecodeOfPullRequestTargetIsThatOfPullRequest(t *testing.T) {
	t.Parallel()
	same := payload(t, synchronize, func(map[string]any) {})
	a, errA := github.Decode("pull_request", "1", same)
	b, errB := github.Decode("pull_request_target", "1", same)
	if errA != nil || errB != nil || a != b {
		t.Errorf("got %+v, %v\nand %+v, %v", a, errA, b, errB)
	}
}

func TestDecodeOfAMergeQueueNamesThePullRequest(t *testing.T) {
	t.Parallel()
	const file = "octokit-examples.merge_group.checks_requested.0.json"
	for ref, want := range map[string]int{
		"refs/heads/gh-readonly-queue/release/1.0/pr-7-929f8209d40f77f4abc622a499c93a83babdbe64": 7,
		"refs/heads/gh-readonly-queue/main/odd":                                                  0,
	} {
		event, err := github.Decode("merge_group", "", payload(t, file, func(o map[string]any) { forgetest.At(o, "merge_group")["head_ref"] = ref }))
		queued, ok := event.(forge.MergeQueued)
		if err != nil || !ok || queued.Number != want || queued.Base.Name != "main" {
			t.Errorf("%s: got %T %+v, %v", ref, event, event, err)
		}
	}
	event, err := github.Decode("merge_group", "", payload(t, file, func(o map[string]any) { o["action"] = "destroyed" }))
	if _, ok := event.(forge.Ignored); !ok || err != nil {
		t.Errorf("got %T, %v", event, err)
	}
}

func TestDecodeOfFinishedChecksNamesThePullRequestOfThisRepository(t *testing.T) {
	t.Parallel()
	const file = "octokit-examples.check_suite.rerequested.7.json"
	for _, tt := range []struct {
		change func(map[string]any)
		want   int
	}{
		{func(map[string]any) {}, 2},
		{func(o map[string]any) { forgetest.At(o, "repository")["id"] = 1 }, 0},
		{func(o map[string]any) { forgetest.At(o, "check_suite")["pull_requests"] = []any{} }, 0},
	} {
		event, err := github.Decode("check_suite", "", payload(t, file, func(o map[string]any) { o["action"] = "completed"; tt.change(o) }))
		finished, ok := event.(forge.ChecksFinished)
		if err != nil || !ok || finished.Number != tt.want || finished.SHA != "ec26c3e57ca3a959ca5aad62de7213c562f8c821" {
			t.Errorf("got %T %+v, %v; want number %d", event, event, err, tt.want)
		}
	}
}

func TestDecodeIgnoresAnEditOfTheTextOnly(t *testing.T) {
	t.Parallel()
	edited := payload(t, opened, func(o map[string]any) {
		o["action"] = "edited"
		o["changes"] = map[string]any{"title": map[string]any{"from": "old"}}
	})
	event, err := github.Decode("pull_request", "", edited)
	if _, ok := event.(forge.Ignored); !ok || err != nil {
		t.Errorf("got %T, %v", event, err)
	}
}

func TestDecodeSaysWhatIsWrongWithAPayload(t *testing.T) {
	t.Parallel()
	asIs := func(map[string]any) {}
	for _, tt := range []struct {
		event   string
		payload []byte
		want    string
	}{
		{"", []byte("{}"), "the event has no name"},
		{"push", nil, "the payload is empty"},
		{"push", []byte("name: x"), "the payload is not a JSON object"},
		{"push", []byte(`[1]`), "the payload is not a JSON object"},
		{"check_run", []byte(`{"a":`), "the payload is not a JSON object"},
		{"push", []byte(`{}`), "the payload has no ref, no before, no after, no repository"},
		{"pull_request", payload(t, pushed, asIs), "the payload has no action, no pull_request: it looks like one of the event push"},
		{"push", payload(t, commented, asIs), "no after: it looks like one of the event issue_comment"},
		{"issue_comment", payload(t, opened, asIs), "the payload has no comment, no issue: it looks like one of the event pull_request"},
		{"pull_request", payload(t, opened, func(o map[string]any) { o["pull_request"] = nil }), "the payload has no pull_request"},
		{"pull_request", payload(t, opened, func(o map[string]any) { o["pull_request"] = "x" }), "cannot unmarshal string"},
		{"pull_request", payload(t, opened, func(o map[string]any) { delete(forgetest.At(o, "pull_request"), "head") }), "without a number, a head or a base"},
		{"pull_request", payload(t, opened, func(o map[string]any) { forgetest.At(o, "pull_request", "head")["sha"] = "main" }), `head "main"`},
		{"pull_request", payload(t, opened, func(o map[string]any) { forgetest.At(o, "pull_request")["state"] = "odd" }), `state "odd": want open or closed`},
		{"pull_request", payload(t, opened, func(o map[string]any) { forgetest.At(o, "repository")["full_name"] = "evil/repo" }), "the payload's repository is evil/repo, its pull request's is Codertocat/Hello-World"},
		{"pull_request", payload(t, opened, func(o map[string]any) { forgetest.At(o, "repository")["full_name"] = "../.." }), `repository "../..": want owner/name`},
		{"issue_comment", payload(t, commented, func(o map[string]any) { delete(forgetest.At(o, "comment"), "id") }), "comment without an id"},
		{"issue_comment", payload(t, commented, func(o map[string]any) { delete(forgetest.At(o, "issue"), "number") }), "the pull request has no number"},
		{"push", payload(t, pushed, func(o map[string]any) { o["after"] = "HEAD" }), `after "HEAD" is no commit`},
	} {
		event, err := github.Decode(tt.event, "", tt.payload)
		if event != nil || err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.event) {
			t.Errorf("%s: got %+v, %v\nwant an error with %q", tt.event, event, err, tt.want)
		}
	}
}

// FuzzDecode: whatever the payload, there is an event or an error, and no
// event without the parts that callers rely on.
func FuzzDecode(f *testing.F) {
	payloads(f, func(_, event string, payload []byte) { f.Add(event, payload) })
	f.Add("push", []byte(`{"ref":1}`))
	f.Fuzz(func(t *testing.T, name string, payload []byte) {
		event, err := github.Decode(name, "id", payload)
		if (event == nil) == (err == nil) {
			t.Fatalf("got %v, %v", event, err)
		}
		switch e := event.(type) {
		case forge.PullRequestChanged:
			if e.Action == "" || e.PullRequest.Number <= 0 || e.PullRequest.Repo != e.Repo || len(e.PullRequest.Head.SHA) < 40 {
				t.Errorf("got %+v", e)
			}
		case forge.CommentCreated:
			if e.Comment.ID <= 0 || e.Comment.Number <= 0 || e.Comment.Repo != e.Repo || e.State == "" || e.Repo.Name == "" {
				t.Errorf("got %+v", e)
			}
		case forge.BranchPushed:
			if e.Branch == "" || len(e.After) < 40 || e.Repo.Name == "" {
				t.Errorf("got %+v", e)
			}
		case forge.MergeQueued:
			if len(e.SHA) < 40 || e.Base.Name == "" || e.Number < 0 || e.Repo.Name == "" {
				t.Errorf("got %+v", e)
			}
		case forge.ChecksFinished:
			if len(e.SHA) < 40 || e.Number < 0 || e.Repo.Name == "" {
				t.Errorf("got %+v", e)
			}
		case forge.Ignored:
			if e.Reason == "" {
				t.Errorf("got %+v", e)
			}
		}
	})
}
