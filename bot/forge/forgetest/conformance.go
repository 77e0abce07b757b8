package forgetest

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
)

// Server is what a stand-in of any forge offers; [GitHub] and [GitLab] say what
// the methods do.
type Server interface {
	AddRepo(forge.Repo, RepoOptions)
	Rename(repo, to forge.Repo)
	AddUser(login string) forge.User
	SetPermission(repo forge.Repo, login string, p forge.Permission)
	OpenPullRequest(NewPullRequest) int
	PushHead(repo forge.Repo, number int, sha string)
	SetDraft(repo forge.Repo, number int, draft bool)
	SetBase(repo forge.Repo, number int, base forge.Ref)
	Hidden(c forge.Comment) bool
	Merge(repo forge.Repo, number int, sha, by string)
	ClosePullRequest(repo forge.Repo, number int)
	ReopenPullRequest(repo forge.Repo, number int)
	Comment(repo forge.Repo, number int, login, body string) forge.Comment
	EditComment(c forge.Comment, body string)
	DeleteComment(forge.Comment)
	Comments(repo forge.Repo, number int) []forge.Comment
	Reactions(forge.Comment) []Reaction
	Fail(Fault)
	Exchanges() []Exchange

	SetFile(repo forge.Repo, ref, path, content string)
	SetChangedFiles(repo forge.Repo, number int, files []forge.ChangedFile)
	AddTeam(team string, logins ...string)
	Review(repo forge.Repo, number int, login string, state forge.ReviewState)
	Report(repo forge.Repo, sha string, result forge.CheckResult)
	RequireChecks(repo forge.Repo, branch string, names ...string)
	Checks(repo forge.Repo, sha string) []Check
	Deployments(repo forge.Repo) []Deployment

	PullRequestWebhook(repo forge.Repo, number int, action forge.Action, by string) Webhook
	CommentWebhook(forge.Comment) Webhook
	EditWebhook(c forge.Comment, before, by string) Webhook
	PushWebhook(Push) Webhook
}

var (
	_ Server = (*GitHub)(nil)
	_ Server = (*GitLab)(nil)
)

// Adapter is one that [Conformance] tests, with the stand-in that it speaks to.
type Adapter struct {
	Server Server
	// Forge acts as an account that is nobody's collaborator, with pauses
	// between attempts that a test can wait for.
	Forge forge.Forge
	// Decode is the adapter's.
	Decode func(name, delivery string, payload []byte) (forge.Event, error)
}

// The commits of the suite.
const (
	commitA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	commitB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	commitC = "cccccccccccccccccccccccccccccccccccccccc"
	commitD = "dddddddddddddddddddddddddddddddddddddddd"
)

// stage is a fresh stand-in with a public repository and a pull request by amy
// in it.
type stage struct {
	Adapter
	repo   forge.Repo
	number int
}

type rule struct {
	name  string
	check func(*testing.T, stage)
}

// Conformance tests that an adapter does what [forge.Forge] and [forge.Event]
// promise. Start gives each test an adapter with a stand-in of its own.
func Conformance(t *testing.T, start func(*testing.T) Adapter) {
	rules := []rule{
		{"a pull request reads as it is now", pullRequestReads},
		{"a pull request from another repository is a fork's", forkReads},
		{"the pull requests of a commit are those that merged it or hold it", pullRequestsOfCommit},
		{"what is not there is ErrNotFound", notFound},
		{"a repository that was renamed is found by the name that it had, and tells its new one", renamed},
		{"all pages of comments are read, in order", commentPages},
		{"what comes behind a full page that has not changed is read", commentBehindFullPage},
		{"a comment comes back as it was written", commentRoundTrip},
		{"an answer that is out of date is hidden, where that is possible", hideComment},
		{"a deleted comment cannot be updated, and may be deleted again", deletedComment},
		{"a comment may be as long as MaxComment says, and no longer", longComment},
		{"we are the author of our comments", selfIsAuthor},
		{"the same reaction twice is one", reactions},
		{"an edited comment is told from one that was reacted to", edited},
		{"permissions are told apart, all of them", permissions},
		{"a stranger has no permission in a private repository", strangers},
		{"who is not known has no permission but an error", unknownUsers},
		{"a read is repeated when the forge fails", readsRepeat},
		{"a read of what has not changed is not answered again", unchanged},
		{"a write is not repeated, as it may have taken place", writesDoNotRepeat},
		{"a long wait is left to the caller", longWait},
		{"a canceled context ends a call", canceled},
		{"refusals are told apart", refusals},
		{"a read is repeated when its answer breaks off", cutAnswer},
		{"an answer that does not come is waited for as long as the context lives", slowAnswer},
		{"an event tells of a pull request what reading it tells", pullRequestEvents},
		{"a comment's event tells of the comment what reading it tells", commentEvents},
		{"a push's event names the branch and its commits", pushEvents},
	}
	for _, rule := range slices.Concat(rules, recordRules, limitRules()) {
		t.Run(rule.name, func(t *testing.T) {
			t.Parallel()
			s := stage{Adapter: start(t), repo: forge.Repo{Owner: "acme", Name: "shop"}}
			s.Server.AddRepo(s.repo, RepoOptions{})
			s.number = s.open(commitA)
			rule.check(t, s)
		})
	}
}

func edited(t *testing.T, s stage) {
	c := s.Server.Comment(s.repo, s.number, "amy", "hello")
	check := func(when string, want bool) {
		t.Helper()
		if got, err := s.Forge.Edited(t.Context(), s.comments(t)[0]); err != nil || got != want {
			t.Errorf("%s: edited is %t, %v", when, got, err)
		}
	}
	check("new", false)
	s.collaborate(t)
	if err := s.Forge.React(t.Context(), c, forge.Eyes); err != nil {
		t.Fatal(err)
	}
	check("reacted to", false)
	s.Server.EditComment(c, "/deploy prod")
	check("edited", true)
	s.Server.EditComment(c, "hello")
	check("edited back", true)
}

func renamed(t *testing.T, s stage) {
	s.Server.Comment(s.repo, s.number, "amy", "hello")
	was := s.repo
	s.repo = forge.Repo{Owner: "emca/shops", Name: "store"}
	if s.Server.PullRequestWebhook(was, s.number, forge.Opened, "amy").Name == "pull_request" {
		s.repo.Owner = "emca" // GitHub's have no slashes
	}
	s.Server.Rename(was, s.repo)
	now := s.read(t)
	if now.Repo != s.repo || now.Base.Repo != s.repo || now.Head.Repo != s.repo || now.Fork {
		t.Errorf("read by its new name it is %+v", now)
	}
	byOld, err := s.Forge.PullRequest(t.Context(), was, s.number)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, byOld, now)
	about, err := s.Forge.Repository(t.Context(), was)
	if err != nil || about.Repo != s.repo {
		t.Errorf("the repository is %+v, %v", about, err)
	}
	if all, err := s.Forge.Comments(t.Context(), was, s.number); err != nil || len(all) != 1 {
		t.Errorf("comments by the old name: %v, %v", all, err)
	}
	if got := decode[forge.PullRequestChanged](t, s, s.Server.PullRequestWebhook(s.repo, s.number, forge.Ready, "amy"), "amy"); got.PullRequest.Repo != s.repo {
		t.Errorf("an event is about %s", got.PullRequest.Repo)
	}
}

func (s stage) open(sha string) int {
	return s.Server.OpenPullRequest(NewPullRequest{
		Repo: s.repo, Title: "Sell more", Body: "Much more.", Author: "amy",
		Head: forge.Ref{Name: "more", SHA: sha}, Base: forge.Ref{SHA: commitB},
	})
}

func (s stage) read(t *testing.T) forge.PullRequest {
	t.Helper()
	pr, err := s.Forge.PullRequest(t.Context(), s.repo, s.number)
	if err != nil {
		t.Fatal(err)
	}
	return pr
}

func equal[T any](t *testing.T, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// fails checks an error's kind, and that it is one of ours.
func fails(t *testing.T, err, kind error) {
	t.Helper()
	var ours *forge.Error
	if !errors.Is(err, kind) || !errors.As(err, &ours) || ours.Op == "" {
		t.Errorf("got %v, want a *forge.Error that is: %v", err, kind)
	}
}

func pullRequestReads(t *testing.T, s stage) {
	want := forge.PullRequest{
		Repo: s.repo, Number: s.number, Title: "Sell more", State: forge.StateOpen, Author: s.Server.AddUser("amy"),
		Head: forge.Ref{Name: "more", SHA: commitA, Repo: s.repo},
		Base: forge.Ref{Name: "main", SHA: commitB, Repo: s.repo},
	}
	check := func() {
		t.Helper()
		got := s.read(t)
		if !strings.HasPrefix(got.URL, "http") {
			t.Errorf("URL is %q", got.URL)
		}
		got.URL = ""
		equal(t, got, want)
	}
	check()
	s.Server.SetDraft(s.repo, s.number, true)
	want.Draft = true
	check()
	s.Server.SetDraft(s.repo, s.number, false)
	s.Server.PushHead(s.repo, s.number, commitC)
	want.Draft, want.Head.SHA = false, commitC
	check()
	s.Server.Merge(s.repo, s.number, commitD, "amy")
	want.State, want.MergeCommit = forge.StateMerged, commitD
	check()

	s.number = s.open(commitA)
	s.Server.ClosePullRequest(s.repo, s.number)
	if got := s.read(t); got.State != forge.StateClosed || got.MergeCommit != "" {
		t.Errorf("closed pull request: state %s, merge commit %q", got.State, got.MergeCommit)
	}
	s.Server.ReopenPullRequest(s.repo, s.number)
	if got := s.read(t); got.State != forge.StateOpen {
		t.Errorf("reopened pull request: state %s", got.State)
	}
}

func forkReads(t *testing.T, s stage) {
	fork := forge.Repo{Owner: "mallory", Name: "shop"}
	s.number = s.Server.OpenPullRequest(NewPullRequest{
		Repo: s.repo, Title: "Trust me", Author: "mallory",
		Head: forge.Ref{Name: "main", SHA: commitC, Repo: fork}, Base: forge.Ref{SHA: commitB},
	})
	got := s.read(t)
	if !got.Fork || got.Head.Repo != fork || got.Repo != s.repo || got.Base.Repo != s.repo {
		t.Errorf("got %+v", got)
	}
}

func pullRequestsOfCommit(t *testing.T, s stage) {
	s.open(commitC)
	s.Server.Merge(s.repo, s.number, commitD, "amy")
	for sha, want := range map[string][]int{
		commitD: {1}, commitC: {2}, commitB: nil,
		"eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee": nil, // nobody knows it
	} {
		prs, err := s.Forge.PullRequestsOf(t.Context(), s.repo, sha)
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		for _, pr := range prs {
			got = append(got, pr.Number)
		}
		if !slices.Equal(got, want) {
			t.Errorf("pull requests of %.7s: got %v, want %v", sha, got, want)
		}
		if sha == commitD && len(prs) == 1 {
			equal(t, prs[0], s.read(t))
		}
	}
}

func notFound(t *testing.T, s stage) {
	nowhere := forge.Repo{Owner: "acme", Name: "nowhere"}
	_, err := s.Forge.PullRequest(t.Context(), nowhere, 1)
	fails(t, err, forge.ErrNotFound)
	_, err = s.Forge.PullRequest(t.Context(), s.repo, 99)
	fails(t, err, forge.ErrNotFound)
	_, err = s.Forge.Comments(t.Context(), s.repo, 99)
	fails(t, err, forge.ErrNotFound)
	_, err = s.Forge.CreateComment(t.Context(), s.repo, 99, "hello")
	fails(t, err, forge.ErrNotFound)
	_, err = s.Forge.PullRequestsOf(t.Context(), nowhere, commitA)
	fails(t, err, forge.ErrNotFound)
	err = s.Forge.React(t.Context(), forge.Comment{Repo: s.repo, Number: s.number, ID: 99}, forge.Eyes)
	fails(t, err, forge.ErrNotFound)
}

func readsRepeat(t *testing.T, s stage) {
	s.Server.Fail(Fault{Status: 502, Times: 2})
	if got := s.read(t); got.Number != s.number {
		t.Errorf("got %+v", got)
	}
	s.Server.Fail(Fault{Status: 502, Times: 50})
	_, err := s.Forge.Comments(t.Context(), s.repo, s.number)
	fails(t, err, forge.ErrUnavailable)
	if n := len(s.Server.Exchanges()); n > 20 {
		t.Errorf("%d requests: the attempts have no bound", n)
	}
}

func unchanged(t *testing.T, s stage) {
	s.Server.Comment(s.repo, s.number, "amy", "nice")
	first, comments := s.read(t), s.comments(t)
	before := len(s.Server.Exchanges())
	equal(t, s.read(t), first)
	equal(t, s.comments(t), comments)
	for _, e := range s.Server.Exchanges()[before:] {
		if e.Status != 304 || e.ResponseBody != "" {
			t.Errorf("%s is answered again, with %d", e.Path, e.Status)
		}
	}
	s.Server.PushHead(s.repo, s.number, commitC)
	if got := s.read(t).Head.SHA; got != commitC {
		t.Errorf("the head is %s, want the new one", got)
	}
}

func writesDoNotRepeat(t *testing.T, s stage) {
	s.Server.Fail(Fault{Status: 502, Late: true})
	_, err := s.Forge.CreateComment(t.Context(), s.repo, s.number, "once")
	fails(t, err, forge.ErrUnavailable)
	if n := len(s.Server.Comments(s.repo, s.number)); n != 1 {
		t.Errorf("%d comments, want 1", n)
	}
}

func longWait(t *testing.T, s stage) {
	before := len(s.Server.Exchanges())
	s.Server.Fail(Fault{Status: 429, Times: 9, RetryAfter: time.Hour})
	_, err := s.Forge.PullRequest(t.Context(), s.repo, s.number)
	fails(t, err, forge.ErrRateLimited)
	var limit *forge.Error
	if errors.As(err, &limit) && limit.RetryAfter != time.Hour {
		t.Errorf("retry after %s, want 1h", limit.RetryAfter)
	}
	if n := len(s.Server.Exchanges()) - before; n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func canceled(t *testing.T, s stage) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Forge.PullRequest(ctx, s.repo, s.number)
	fails(t, err, context.Canceled)
	_, err = s.Forge.CreateComment(ctx, s.repo, s.number, "late")
	fails(t, err, context.Canceled)
	if n := len(s.Server.Comments(s.repo, s.number)); n != 0 {
		t.Errorf("%d comments, want none", n)
	}
}

func refusals(t *testing.T, s stage) {
	for status, kind := range map[int]error{
		401: forge.ErrUnauthorized, 403: forge.ErrForbidden, 404: forge.ErrNotFound, 409: forge.ErrInvalid,
		422: forge.ErrInvalid, 429: forge.ErrRateLimited, 500: forge.ErrUnavailable, 503: forge.ErrUnavailable,
	} {
		s.Server.Fail(Fault{Status: status, Message: "because of reasons"})
		_, err := s.Forge.CreateComment(t.Context(), s.repo, s.number, "hello")
		fails(t, err, kind)
		var failed *forge.Error
		if errors.As(err, &failed) && failed.Status != status {
			t.Errorf("status %d, want %d", failed.Status, status)
		}
	}
	if n := len(s.Server.Comments(s.repo, s.number)); n != 0 {
		t.Errorf("%d comments, want none", n)
	}
}

func cutAnswer(t *testing.T, s stage) {
	s.Server.Fail(Fault{Cut: true})
	if got := s.read(t); got.Number != s.number {
		t.Errorf("got %+v", got)
	}
	s.Server.Fail(Fault{Cut: true})
	_, err := s.Forge.CreateComment(t.Context(), s.repo, s.number, "once")
	fails(t, err, forge.ErrUnavailable)
	if n := len(s.Server.Comments(s.repo, s.number)); n != 1 {
		t.Errorf("%d comments, want 1", n)
	}
}

func slowAnswer(t *testing.T, s stage) {
	s.Server.Fail(Fault{Delay: time.Minute})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := s.Forge.PullRequest(ctx, s.repo, s.number)
	fails(t, err, context.DeadlineExceeded)
}
