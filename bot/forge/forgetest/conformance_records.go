package forgetest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/bot/forge"
)

// recordRules are those about what forges keep of a pull request besides its
// comments.
var recordRules = []rule{
	{"a repository is public or not", repositories},
	{"a file is read as it is at a commit", files},
	{"all changed files are read, renamed ones with both names", changedFiles},
	{"changed files that the forge does not tell are missed", manyChangedFiles},
	{"the open pull requests onto a branch are listed", openPullRequests},
	{"a check goes its way from queued to its end", checkLife},
	{"a finished check can begin again", checkAgain},
	{"what is too long for a check is cut", longCheck},
	{"the newest of each check counts, of all pages", otherChecks},
	{"a required check that nobody has reported is queued", requiredChecks},
	{"checks that cannot be read are an error", unreadableChecks},
	{"the newest review of each reviewer counts", reviews},
	{"a review holds for the commit that it was given for", reviewedCommits},
	{"members of a team are told from others", teams},
	{"a team that is not there has no members but an error", unknownTeams},
	{"a deployment is recorded with how it went", deployments},
	{"the latest deployment of a commit is found", latestDeployments},
}

// collaborate makes us somebody who may write.
func (s stage) collaborate(t *testing.T) {
	t.Helper()
	self, err := s.Forge.Self(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Server.SetPermission(s.repo, self.Login, forge.Write)
}

func repositories(t *testing.T, s stage) {
	got, err := s.Forge.Repository(t.Context(), s.repo)
	if want := (forge.Repository{Repo: s.repo, Public: true, DefaultBranch: "main"}); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	s.repo = forge.Repo{Owner: "acme", Name: "secret"}
	s.Server.AddRepo(s.repo, RepoOptions{Private: true, DefaultBranch: "trunk"})
	s.collaborateAs(t, forge.Read)
	got, err = s.Forge.Repository(t.Context(), s.repo)
	if want := (forge.Repository{Repo: s.repo, DefaultBranch: "trunk"}); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	_, err = s.Forge.Repository(t.Context(), forge.Repo{Owner: "acme", Name: "nowhere"})
	fails(t, err, forge.ErrNotFound)
}

func (s stage) collaborateAs(t *testing.T, p forge.Permission) {
	t.Helper()
	self, err := s.Forge.Self(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Server.SetPermission(s.repo, self.Login, p)
}

func files(t *testing.T, s stage) {
	text := "a: \x00\xff\n" + strings.Repeat("# long\n", 100)
	s.Server.SetFile(s.repo, commitB, ".weighlock.yaml", text)
	s.Server.SetFile(s.repo, commitB, "deploy/ä b/x.yaml", "one")
	s.Server.SetFile(s.repo, "release/1.0", "deploy/ä b/x.yaml", "")
	for _, tt := range []struct{ ref, path, want string }{
		{commitB, ".weighlock.yaml", text}, {commitB, "deploy/ä b/x.yaml", "one"}, {"release/1.0", "deploy/ä b/x.yaml", ""},
	} {
		got, err := s.Forge.File(t.Context(), s.repo, tt.path, tt.ref)
		if err != nil || string(got) != tt.want {
			t.Errorf("%s@%s: got %q, %v", tt.path, tt.ref, got, err)
		}
	}
	_, err := s.Forge.File(t.Context(), s.repo, ".weighlock.yaml", commitA)
	fails(t, err, forge.ErrNotFound)
	for _, path := range []string{"", "/etc/passwd", "../x", "a//b", "a/../b"} {
		_, err := s.Forge.File(t.Context(), s.repo, path, commitB)
		fails(t, err, forge.ErrInvalid)
	}
	_, err = s.Forge.File(t.Context(), s.repo, ".weighlock.yaml", "")
	fails(t, err, forge.ErrInvalid)
}

func changedFiles(t *testing.T, s stage) {
	want := forge.ChangedFiles{Files: []forge.ChangedFile{{Path: "deploy/new.yaml", Previous: "deploy/old.yaml"}}}
	for i := range 204 {
		want.Files = append(want.Files, forge.ChangedFile{Path: fmt.Sprintf("deploy/%03d.yaml", i)})
	}
	s.Server.SetChangedFiles(s.repo, s.number, want.Files)
	got, err := s.Forge.ChangedFiles(t.Context(), s.repo, s.number)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, got, want)
	if paths := got.Paths(); len(paths) != 206 || paths[0] != "deploy/new.yaml" || paths[1] != "deploy/old.yaml" {
		t.Errorf("%d paths, the first are %v", len(paths), paths[:2])
	}
	_, err = s.Forge.ChangedFiles(t.Context(), s.repo, 99)
	fails(t, err, forge.ErrNotFound)
}

func manyChangedFiles(t *testing.T, s stage) {
	files := make([]forge.ChangedFile, 3100)
	for i := range files {
		files[i].Path = fmt.Sprintf("deploy/%04d.yaml", i)
	}
	s.Server.SetChangedFiles(s.repo, s.number, files)
	got, err := s.Forge.ChangedFiles(t.Context(), s.repo, s.number)
	if err != nil || !got.Truncated || len(got.Files) == 0 || len(got.Files) == len(files) {
		t.Errorf("%d files, truncated %t, %v", len(got.Files), got.Truncated, err)
	}
}

func openPullRequests(t *testing.T, s stage) {
	second := s.open(commitC)
	closed := s.open(commitC)
	s.Server.ClosePullRequest(s.repo, closed)
	s.Server.OpenPullRequest(NewPullRequest{
		Repo: s.repo, Title: "Elsewhere", Author: "amy",
		Head: forge.Ref{Name: "more", SHA: commitA}, Base: forge.Ref{Name: "release/1.0", SHA: commitB},
	})
	got, err := s.Forge.OpenPullRequests(t.Context(), s.repo, "main")
	if err != nil || len(got) != 2 {
		t.Fatalf("got %v, %v", got, err)
	}
	for _, pr := range got {
		s.number = pr.Number
		if pr.Number != 1 && pr.Number != second {
			t.Errorf("got %s", pr)
		}
		equal(t, pr, s.read(t))
	}
	if got, err := s.Forge.OpenPullRequests(t.Context(), s.repo, ""); err != nil || len(got) != 3 {
		t.Errorf("onto any branch: %v, %v", got, err)
	}
	if got, err := s.Forge.OpenPullRequests(t.Context(), s.repo, "nothing"); err != nil || len(got) != 0 {
		t.Errorf("got %v, %v", got, err)
	}
}

// check sets a check and returns what people see then of its name.
func (s stage) check(t *testing.T, c forge.Check) Check {
	t.Helper()
	if err := s.Forge.SetCheck(t.Context(), s.read(t).Commit(), c); err != nil {
		t.Fatalf("%s: %v", c.State, err)
	}
	for _, seen := range s.Server.Checks(s.repo, commitA) {
		if seen.Name == c.Name {
			return seen
		}
	}
	t.Fatalf("no check %s", c.Name)
	return Check{}
}

// shown is the state that people see of one that we set.
func (s stage) shown(state forge.CheckState) forge.CheckState {
	if !s.Forge.Capabilities().CheckSummary && state == forge.CheckNeutral {
		return forge.CheckSuccess
	}
	return state
}

func checkLife(t *testing.T, s stage) {
	s.collaborate(t)
	for _, end := range []forge.CheckState{forge.CheckSuccess, forge.CheckFailure, forge.CheckNeutral} {
		c := forge.Check{Name: "weighlock/" + string(end), Title: "at work: ä", Summary: "# So far\n\nsome", URL: "https://example.com/run/1"}
		for _, c.State = range []forge.CheckState{forge.CheckQueued, forge.CheckRunning, forge.CheckRunning, end} {
			seen := s.check(t, c)
			if seen.URL != c.URL || seen.Title != c.Title || s.Forge.Capabilities().CheckSummary && seen.Summary != c.Summary {
				t.Errorf("%s: people see %+v", c.State, seen)
			}
			if c.State.Finished() != seen.State.Finished() || c.State.Finished() && seen.State != s.shown(c.State) {
				t.Errorf("%s: people see %s", c.State, seen.State)
			}
			results, err := s.Forge.ChecksOf(t.Context(), s.read(t).Commit())
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range results {
				if r.Name == c.Name && (r.State != seen.State || r.URL == "" || r.Updated.IsZero()) {
					t.Errorf("people see %+v, we read %+v", seen, r)
				}
			}
		}
	}
	if got := len(s.Server.Checks(s.repo, commitA)); got != 3 {
		t.Errorf("%d checks, want 3", got)
	}
	err := s.Forge.SetCheck(t.Context(), forge.Commit{Repo: s.repo, SHA: "main"}, forge.Check{Name: "x", State: forge.CheckQueued})
	fails(t, err, forge.ErrInvalid)
}

func checkAgain(t *testing.T, s stage) {
	s.collaborate(t)
	for _, state := range []forge.CheckState{forge.CheckFailure, forge.CheckRunning, forge.CheckSuccess, forge.CheckSuccess} {
		if seen := s.check(t, forge.Check{Name: "weighlock", State: state}); seen.State.Finished() != state.Finished() || state.Finished() && seen.State != state {
			t.Errorf("%s: people see %s", state, seen.State)
		}
	}
}

func longCheck(t *testing.T, s stage) {
	s.collaborate(t)
	c := forge.Check{Name: "weighlock", State: forge.CheckFailure, Title: strings.Repeat("ü", 5000), Summary: strings.Repeat("ü", 100000)}
	if seen := s.check(t, c); seen.State != forge.CheckFailure || !strings.HasPrefix(seen.Title, "üüü") {
		t.Errorf("people see %s %.10q", seen.State, seen.Title)
	}
}

func otherChecks(t *testing.T, s stage) {
	var want []string
	for i := range 105 {
		name := fmt.Sprintf("test %03d", i)
		s.Server.Report(s.repo, commitA, forge.CheckResult{Name: name, State: forge.CheckFailure})
		s.Server.Report(s.repo, commitA, forge.CheckResult{Name: name, State: forge.CheckSuccess})
		s.Server.Report(s.repo, commitA, forge.CheckResult{Name: name + "'", Reporter: "ci", State: forge.CheckSuccess})
		s.Server.Report(s.repo, commitA, forge.CheckResult{Name: name + "'", Reporter: "ci", State: forge.CheckFailure})
		want = append(want, name+" success", name+"' failure")
	}
	s.Server.Report(s.repo, commitC, forge.CheckResult{Name: "of another commit", State: forge.CheckFailure})
	results, err := s.Forge.ChecksOf(t.Context(), s.read(t).Commit())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range results {
		got = append(got, fmt.Sprintf("%s %s", r.Name, r.State))
	}
	equal(t, got, want)
	if got, err := s.Forge.ChecksOf(t.Context(), forge.Commit{Repo: s.repo, SHA: commitB, Branch: "main"}); err != nil || len(got) != 0 {
		t.Errorf("of a commit without checks: got %v, %v", got, err)
	}
}

func requiredChecks(t *testing.T, s stage) {
	s.Server.RequireChecks(s.repo, "main", "build", "test", "lint")
	s.Server.Report(s.repo, commitA, forge.CheckResult{Name: "test", State: forge.CheckSuccess, Required: true})
	s.Server.Report(s.repo, commitA, forge.CheckResult{Name: "nice", State: forge.CheckFailure})
	got, err := s.Forge.ChecksOf(t.Context(), s.read(t).Commit())
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]forge.CheckState{}
	for _, r := range got {
		states[r.Name] = r.State
		if r.Required != (r.Name != "nice") {
			t.Errorf("%s: required is %t", r.Name, r.Required)
		}
	}
	if s.Forge.Capabilities().RequiredByName {
		equal(t, states, map[string]forge.CheckState{"build": forge.CheckQueued, "lint": forge.CheckQueued, "test": forge.CheckSuccess, "nice": forge.CheckFailure})
	} else {
		equal(t, states, map[string]forge.CheckState{"test": forge.CheckSuccess, "nice": forge.CheckFailure})
	}
}

func unreadableChecks(t *testing.T, s stage) {
	s.Server.Report(s.repo, commitA, forge.CheckResult{Name: "test", State: forge.CheckSuccess})
	commit := s.read(t).Commit()
	before := len(s.Server.Exchanges())
	if _, err := s.Forge.ChecksOf(t.Context(), commit); err != nil {
		t.Fatal(err)
	}
	for _, e := range s.Server.Exchanges()[before:] {
		s.Server.Fail(Fault{Method: e.Method, Path: escapeMeta(e.Path), Status: 403})
		got, err := s.Forge.ChecksOf(t.Context(), commit)
		fails(t, err, forge.ErrForbidden)
		if got != nil {
			t.Errorf("%s is forbidden: got %v", e.Path, got)
		}
	}
}

// escapeMeta makes a pattern of a path.
func escapeMeta(path string) string {
	return strings.NewReplacer("*", `\*`, "[", `\[`, "?", `\?`).Replace(path)
}
