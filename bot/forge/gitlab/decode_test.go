package gitlab_test

import (
	"encoding/json"
	"flag"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/forgetest"
	"github.com/weighlock/weighlock/bot/forge/gitlab"
	"github.com/weighlock/weighlock/testdata/events"
)

var update = flag.Bool("update", false, "write what the tests see to the golden files")

// hooks are the names that GitLab gives to the events of our examples, where
// the object_kind in the payload does not lead to them.
var hooks = map[string]string{
	"merge_request": "Merge Request Hook", "note": "Note Hook", "push": "Push Hook", "tag_push": "Tag Push Hook",
	"pipeline": "Pipeline Hook", "build": "Job Hook", "deployment": "Deployment Hook", "release": "Release Hook",
	"emoji": "Emoji Hook", "access_token": "Resource Access Token Hook",
}

// payloads reads all of GitLab's examples that we have.
func payloads(tb testing.TB, each func(file, event string, payload []byte)) {
	tb.Helper()
	files, err := fs.Glob(events.GitLab, "gitlab/*.json")
	if err != nil || len(files) < 14 {
		tb.Fatalf("%d payloads, %v", len(files), err)
	}
	for _, file := range files {
		payload, err := events.GitLab.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		var kind struct {
			ObjectKind string `json:"object_kind"`
		}
		if err := json.Unmarshal(payload, &kind); err != nil {
			tb.Fatalf("%s: %v", file, err)
		}
		name := hooks[kind.ObjectKind]
		if name == "" {
			name = "System Hook"
		}
		each(strings.TrimSuffix(filepath.Base(file), ".json"), name, payload)
	}
}

func TestDecodeReadsEveryPayloadAsTheGoldenFileSays(t *testing.T) {
	t.Parallel()
	payloads(t, func(file, name string, payload []byte) {
		event, err := gitlab.Decode(name, "d-1", payload)
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
	raw, err := events.GitLab.ReadFile("gitlab/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return forgetest.Changed(t, raw, change)
}

const (
	mergeRequest = "client-go.merge_request.json"
	commented    = "client-go.note_merge_request.json"
	pushed       = "client-go.push.json"
)

func TestDecodeMergeRequestInUnusualForms(t *testing.T) {
	t.Parallel()
	attributes := func(name string, value any) func(map[string]any) {
		return func(o map[string]any) { forgetest.At(o, "object_attributes")[name] = value }
	}
	update := func(changes map[string]any) func(map[string]any) {
		return func(o map[string]any) {
			forgetest.At(o, "object_attributes")["action"] = "update"
			delete(forgetest.At(o, "object_attributes"), "oldrev")
			o["changes"] = changes
		}
	}
	was := func(previous, current any) map[string]any {
		return map[string]any{"previous": previous, "current": current}
	}
	for _, tt := range []struct {
		rule   string
		change func(map[string]any)
		check  func(forge.Event) bool
	}{
		{"another source project is a fork", attributes("source_project_id", 99), func(e forge.Event) bool {
			changed, ok := e.(forge.PullRequestChanged)
			return ok && changed.PullRequest.Fork
		}},
		{"a deleted fork is a fork", func(o map[string]any) {
			forgetest.At(o, "object_attributes")["source_project_id"] = nil
			forgetest.At(o, "object_attributes")["source"] = nil
		}, func(e forge.Event) bool {
			changed, ok := e.(forge.PullRequestChanged)
			return ok && changed.PullRequest.Fork && changed.PullRequest.Head.Repo == (forge.Repo{})
		}},
		{"a title tells of a draft in old versions", update(map[string]any{"title": was("Draft: x", "x")}), func(e forge.Event) bool {
			changed, ok := e.(forge.PullRequestChanged)
			return ok && changed.Action == forge.Ready
		}},
		{"another target branch is a change of target", update(map[string]any{"target_branch": was("a", "b")}), func(e forge.Event) bool {
			changed, ok := e.(forge.PullRequestChanged)
			return ok && changed.Action == forge.Retargeted
		}},
		{"an edit of the text only does not count", update(map[string]any{"title": was("x", "y"), "description": was("", "z")}), ignored},
		{"an approval does not count", attributes("action", "approved"), ignored},
		{"a test delivery does not count", func(o map[string]any) { delete(forgetest.At(o, "object_attributes"), "action") }, ignored},
		{"a merge request without commits does not count", attributes("last_commit", nil), ignored},
	} {
		event, err := gitlab.Decode("Merge Request Hook", "", payload(t, mergeRequest, tt.change))
		if err != nil || !tt.check(event) {
			t.Errorf("%s: got %T %+v, %v", tt.rule, event, event, err)
		}
	}
}

func ignored(e forge.Event) bool {
	_, ok := e.(forge.Ignored)
	return ok
}

func TestDecodeTakesNewCommentsOfPeopleOnMergeRequestsOnly(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rule   string
		change func(map[string]any)
	}{
		{"edited", func(o map[string]any) { forgetest.At(o, "object_attributes")["action"] = "update" }},
		{"not said to be new", func(o map[string]any) { delete(forgetest.At(o, "object_attributes"), "action") }},
		{"GitLab's own", func(o map[string]any) { forgetest.At(o, "object_attributes")["system"] = true }},
		{"internal", func(o map[string]any) { forgetest.At(o, "object_attributes")["internal"] = true }},
		{"confidential", func(o map[string]any) { o["event_type"] = "confidential_note" }},
		{"on code", func(o map[string]any) { forgetest.At(o, "object_attributes")["type"] = "DiffNote" }},
		{"on an issue", func(o map[string]any) { forgetest.At(o, "object_attributes")["noteable_type"] = "Issue" }},
	} {
		event, err := gitlab.Decode("Note Hook", "", payload(t, commented, tt.change))
		if err != nil || !ignored(event) {
			t.Errorf("%s: got %T %+v, %v", tt.rule, event, event, err)
		}
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
		{"Push Hook", nil, "the payload is empty"},
		{"Push Hook", []byte("name: x"), "the payload is not what GitLab sends"},
		{"Push Hook", []byte(`{}`), `the payload is one of "", want "push"`},
		{"Push Hook", payload(t, commented, asIs), `the payload is one of "note", want "push"`},
		{"Push Hook", payload(t, pushed, func(o map[string]any) { delete(o, "project") }), "the payload has no project"},
		{"Push Hook", payload(t, pushed, func(o map[string]any) { forgetest.At(o, "project")["path_with_namespace"] = "../.." }), `repository "../..": want owner/name`},
		{"Push Hook", payload(t, pushed, func(o map[string]any) { o["after"] = "HEAD" }), `after "HEAD" is no commit`},
		{"Merge Request Hook", payload(t, mergeRequest, func(o map[string]any) { forgetest.At(o, "object_attributes")["iid"] = 0 }), "no merge request, or one without a number"},
		{"Merge Request Hook", payload(t, mergeRequest, func(o map[string]any) { forgetest.At(o, "object_attributes")["state"] = "odd" }), `state "odd"`},
		{"Merge Request Hook", payload(t, mergeRequest, func(o map[string]any) { forgetest.At(o, "object_attributes", "last_commit")["id"] = "main" }), `head "main" is no commit`},
		{"Note Hook", payload(t, commented, func(o map[string]any) { forgetest.At(o, "object_attributes")["author_id"] = 99 }), "by another account than the event"},
		{"Note Hook", payload(t, commented, func(o map[string]any) { delete(forgetest.At(o, "object_attributes"), "id") }), "no note, or one without an id"},
		{"Note Hook", payload(t, commented, func(o map[string]any) { o["merge_request"] = nil }), "no merge request"},
	} {
		event, err := gitlab.Decode(tt.event, "", tt.payload)
		if event != nil || err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.event) {
			t.Errorf("%s: got %+v, %v\nwant an error with %q", tt.event, event, err, tt.want)
		}
	}
}

// FuzzDecode: whatever the payload, there is an event or an error, and no
// event without the parts that callers rely on.
func FuzzDecode(f *testing.F) {
	payloads(f, func(_, event string, payload []byte) { f.Add(event, payload) })
	f.Add("Push Hook", []byte(`{"ref":1}`))
	f.Fuzz(func(t *testing.T, name string, payload []byte) {
		event, err := gitlab.Decode(name, "id", payload)
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
