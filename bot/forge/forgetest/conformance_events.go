package forgetest

import (
	"testing"

	"github.com/weighlock/weighlock/bot/forge"
)

// decode reads a webhook, and checks what all events carry.
func decode[T forge.Event](t *testing.T, s stage, w Webhook, by string) T {
	t.Helper()
	event, err := s.Decode(w.Name, w.Delivery, w.Body)
	if err != nil {
		t.Fatal(err)
	}
	typed, ok := event.(T)
	if !ok {
		t.Fatalf("got a %T, want a %T: %+v", event, typed, event)
	}
	equal(t, event.From(), forge.Delivery{
		ID: w.Delivery, Repo: s.repo, DefaultBranch: "main", Sender: s.Server.AddUser(by),
	})
	return typed
}

func pullRequestEvents(t *testing.T, s stage) {
	check := func(action forge.Action, before string) {
		t.Helper()
		event := decode[forge.PullRequestChanged](t, s, s.Server.PullRequestWebhook(s.repo, s.number, action, "bob"), "bob")
		if event.Action != action || event.Before != before {
			t.Errorf("got %s, before %q; want %s, before %q", event.Action, event.Before, action, before)
		}
		equal(t, event.PullRequest, told(event.PullRequest, s.read(t)))
	}
	check(forge.Opened, "")
	s.Server.PushHead(s.repo, s.number, commitC)
	check(forge.Synchronized, commitA)
	s.Server.SetDraft(s.repo, s.number, true)
	check(forge.Drafted, "")
	s.Server.SetDraft(s.repo, s.number, false)
	check(forge.Ready, "")
	check(forge.Retargeted, "")
	s.Server.ClosePullRequest(s.repo, s.number)
	check(forge.Closed, "")

	s.number = s.open(commitA)
	check(forge.Reopened, "")
	s.Server.Merge(s.repo, s.number, commitD, "bob")
	check(forge.Closed, "")
}

// told is what reading a pull request told, without what an event may leave
// empty and does.
func told(event, read forge.PullRequest) forge.PullRequest {
	if event.Base.SHA == "" {
		read.Base.SHA = ""
	}
	if event.Author.Login == "" {
		read.Author.Login = ""
	}
	return read
}

func commentEvents(t *testing.T, s stage) {
	s.Server.SetDraft(s.repo, s.number, true)
	want := s.Server.Comment(s.repo, s.number, "bob", "/diff")
	event := decode[forge.CommentCreated](t, s, s.Server.CommentWebhook(want), "bob")
	if event.State != forge.StateOpen || !event.Draft || event.Head != "" && event.Head != commitA {
		t.Errorf("state %s, draft %t, head %q; want an open draft, and %s or nothing", event.State, event.Draft, event.Head, commitA)
	}
	equal(t, utc([]forge.Comment{event.Comment}), s.comments(t))

	was := want.Body
	s.Server.EditComment(want, "/deploy prod")
	want = s.Server.Comments(s.repo, s.number)[0]
	if got := decode[forge.Ignored](t, s, s.Server.EditWebhook(want, was, "amy"), "amy"); got.Reason == "" {
		t.Error("an edit is ignored without a reason")
	}

	s.Server.Merge(s.repo, s.number, commitD, "bob")
	event = decode[forge.CommentCreated](t, s, s.Server.CommentWebhook(want), "bob")
	if event.State != forge.StateMerged {
		t.Errorf("state %s, want merged", event.State)
	}
}

func pushEvents(t *testing.T, s stage) {
	push := Push{Repo: s.repo, Branch: "release/1.0", Before: commitA, After: commitB, By: "bob"}
	got := decode[forge.BranchPushed](t, s, s.Server.PushWebhook(push), "bob")
	equal(t, got, forge.BranchPushed{
		Delivery: got.Delivery, Branch: "release/1.0", Before: commitA, After: commitB,
	})

	push = Push{Repo: s.repo, Branch: "new", After: commitB, By: "bob"}
	got = decode[forge.BranchPushed](t, s, s.Server.PushWebhook(push), "bob")
	equal(t, got, forge.BranchPushed{Delivery: got.Delivery, Branch: "new", After: commitB})

	push = Push{Repo: s.repo, Branch: "old", Before: commitB, By: "bob"}
	if got := decode[forge.Ignored](t, s, s.Server.PushWebhook(push), "bob"); got.Reason == "" {
		t.Error("a deleted branch is ignored without a reason")
	}

	push = Push{Repo: s.repo, Branch: "main", Before: commitB, After: commitD, By: "bob"}
	decode[forge.BranchPushed](t, s, s.Server.PushWebhook(push), "bob")
	if got := s.read(t).Base.SHA; got != commitB && got != commitD { // a forge may look at it later
		t.Errorf("after a push to main the pull request's base is %s, want %s or %s", got, commitB, commitD)
	}
}
