package forgetest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/bot/forge"
)

func (s stage) comments(t *testing.T) []forge.Comment {
	t.Helper()
	got, err := s.Forge.Comments(t.Context(), s.repo, s.number)
	if err != nil {
		t.Fatal(err)
	}
	return utc(got)
}

// utc makes comments comparable with ==: their times, and what only one of the forges has.
func utc(comments []forge.Comment) []forge.Comment {
	for i := range comments {
		comments[i].Node = ""
		comments[i].Created, comments[i].Updated = comments[i].Created.UTC(), comments[i].Updated.UTC()
	}
	return comments
}

func commentPages(t *testing.T, s stage) {
	if got := s.comments(t); len(got) != 0 {
		t.Fatalf("got %v, want none", got)
	}
	for i := range 205 { // three pages of the longest kind
		s.Server.Comment(s.repo, s.number, "amy", fmt.Sprint("comment ", i))
	}
	got := s.comments(t)
	want := utc(s.Server.Comments(s.repo, s.number))
	if len(got) != len(want) {
		t.Fatalf("%d comments, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("comment %d:\ngot  %+v\nwant %+v", i, got[i], want[i])
		}
	}
}

func commentBehindFullPage(t *testing.T, s stage) {
	for i := range 100 { // the longest page of both
		s.Server.Comment(s.repo, s.number, "amy", fmt.Sprint("comment ", i))
	}
	if got := s.comments(t); len(got) != 100 {
		t.Fatalf("%d comments, want 100", len(got))
	}
	s.Server.Comment(s.repo, s.number, "amy", "/deploy staging")
	if got := s.comments(t); len(got) != 101 || got[100].Body != "/deploy staging" {
		t.Errorf("of 101 comments %d are read", len(got))
	}
}

func commentRoundTrip(t *testing.T, s stage) {
	body := "<!-- weighlock:v1 -->\n## `a` <b> & \"c\"\n\n```diff\n- ä\n+ 🚀 \\u0041\n```\n@amy #1"
	created, err := s.Forge.CreateComment(t.Context(), s.repo, s.number, body)
	if err != nil {
		t.Fatal(err)
	}
	if created.Body != body || created.ID == 0 || created.Repo != s.repo || created.Number != s.number || created.Created.IsZero() {
		t.Errorf("created %+v", created)
	}
	s.Server.Comment(s.repo, s.number, "amy", "nice")
	changed, err := s.Forge.UpdateComment(t.Context(), forge.Comment{Repo: s.repo, Number: s.number, ID: created.ID}, body+"!")
	if err != nil {
		t.Fatal(err)
	}
	if changed.ID != created.ID || changed.Body != body+"!" || !changed.Created.Equal(created.Created) || !changed.Updated.After(created.Updated) {
		t.Errorf("changed %+v", changed)
	}
	got := s.comments(t)
	if len(got) != 2 || got[0] != utc([]forge.Comment{changed})[0] || got[1].Body != "nice" {
		t.Errorf("comments are %+v", got)
	}
}

func deletedComment(t *testing.T, s stage) {
	c, err := s.Forge.CreateComment(t.Context(), s.repo, s.number, "one")
	if err != nil {
		t.Fatal(err)
	}
	s.Server.DeleteComment(c)
	_, err = s.Forge.UpdateComment(t.Context(), c, "two")
	fails(t, err, forge.ErrNotFound)
	if err := s.Forge.DeleteComment(t.Context(), c); err != nil {
		t.Errorf("deleting it again: %v", err)
	}
	left, err := s.Forge.CreateComment(t.Context(), s.repo, s.number, "three")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Forge.DeleteComment(t.Context(), left); err != nil || len(s.Server.Comments(s.repo, s.number)) != 0 {
		t.Errorf("deleting a comment: %v; left are %v", err, s.Server.Comments(s.repo, s.number))
	}
}

func longComment(t *testing.T, s stage) {
	longest := strings.Repeat("ü", s.Forge.MaxComment())
	if _, err := s.Forge.CreateComment(t.Context(), s.repo, s.number, longest); err != nil {
		t.Errorf("%d characters: %v", s.Forge.MaxComment(), err)
	}
	_, err := s.Forge.CreateComment(t.Context(), s.repo, s.number, longest+"ü")
	fails(t, err, forge.ErrInvalid)
	if err != nil && !strings.Contains(err.Error(), "too long") {
		t.Errorf("%q does not say why", err)
	}
}

func selfIsAuthor(t *testing.T, s stage) {
	self, err := s.Forge.Self(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ours, err := s.Forge.CreateComment(t.Context(), s.repo, s.number, "ours")
	if err != nil {
		t.Fatal(err)
	}
	theirs := s.Server.Comment(s.repo, s.number, "amy", "theirs")
	if !self.Same(ours.Author) || self.Same(theirs.Author) {
		t.Errorf("we are %+v; ours is by %+v, theirs by %+v", self, ours.Author, theirs.Author)
	}
}

func reactions(t *testing.T, s stage) {
	c := s.Server.Comment(s.repo, s.number, "amy", "/deploy")
	for _, r := range []forge.Reaction{forge.Eyes, forge.Eyes, forge.Rocket, forge.Confused} {
		if err := s.Forge.React(t.Context(), c, r); err != nil {
			t.Fatal(err)
		}
	}
	var got []forge.Reaction
	for _, r := range s.Server.Reactions(c) {
		got = append(got, r.Content)
	}
	equal(t, got, []forge.Reaction{forge.Eyes, forge.Rocket, forge.Confused})
}

func permissions(t *testing.T, s stage) {
	s.repo = forge.Repo{Owner: "acme", Name: "secret"}
	s.Server.AddRepo(s.repo, RepoOptions{Private: true})
	self, err := s.Forge.Self(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Server.SetPermission(s.repo, self.Login, forge.Write)
	for want := forge.NoPermission; want <= forge.Admin; want++ {
		login := "user-" + want.String()
		s.Server.SetPermission(s.repo, login, want)
		got, err := s.Forge.Permission(t.Context(), s.repo, s.Server.AddUser(login))
		if err != nil || got != want {
			t.Errorf("%s: got %s, %v", login, got, err)
		}
	}
}

func strangers(t *testing.T, s stage) {
	stranger := s.Server.AddUser("stranger")
	if got, err := s.Forge.Permission(t.Context(), s.repo, stranger); err != nil || got != forge.Read {
		t.Errorf("public repository: got %s, %v; want read", got, err)
	}
	secret := forge.Repo{Owner: "acme", Name: "secret"}
	s.Server.AddRepo(secret, RepoOptions{Private: true})
	// We are no member either, and may not even know that it is there.
	got, err := s.Forge.Permission(t.Context(), secret, stranger)
	fails(t, err, forge.ErrNotFound)
	if got != forge.NoPermission {
		t.Errorf("got %s, want none", got)
	}
}

func unknownUsers(t *testing.T, s stage) {
	amy := s.Server.AddUser("amy")
	s.Server.SetPermission(s.repo, "amy", forge.Admin)
	for name, user := range map[string]forge.User{
		"no account of the name":        {ID: 4711, Login: "nobody"},
		"the account has been deleted":  {},
		"another account has the login": {ID: amy.ID + 1000000, Login: "amy"},
		"a login that is a path":        {ID: amy.ID, Login: "../collaborators/amy"},
	} {
		got, err := s.Forge.Permission(t.Context(), s.repo, user)
		fails(t, err, forge.ErrNotFound)
		if got != forge.NoPermission {
			t.Errorf("%s: got %s, want none", name, got)
		}
	}
}

func hideComment(t *testing.T, s stage) {
	if _, err := s.Forge.CreateComment(t.Context(), s.repo, s.number, "old"); err != nil {
		t.Fatal(err)
	}
	all, err := s.Forge.Comments(t.Context(), s.repo, s.number)
	if err != nil || len(all) != 1 {
		t.Fatalf("got %v, %v", all, err)
	}
	err = s.Forge.HideComment(t.Context(), all[0])
	if !s.Forge.Capabilities().HideComments {
		fails(t, err, forge.ErrUnsupported)
		return
	}
	if err == nil {
		err = s.Forge.HideComment(t.Context(), all[0]) // once more without harm
	}
	if err != nil || !s.Server.Hidden(all[0]) {
		t.Errorf("hidden: %t, %v", s.Server.Hidden(all[0]), err)
	}
	s.Server.DeleteComment(all[0])
	fails(t, s.Forge.HideComment(t.Context(), all[0]), forge.ErrNotFound)
}
