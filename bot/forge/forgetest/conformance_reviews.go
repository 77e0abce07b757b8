package forgetest

import (
	"strings"
	"testing"

	"github.com/weighlock/weighlock/bot/forge"
)

func reviews(t *testing.T, s stage) {
	for _, login := range []string{"bob", "carol", "dave"} {
		s.Server.Review(s.repo, s.number, login, forge.ReviewApproved)
	}
	got, err := s.Forge.Reviews(t.Context(), s.read(t))
	if err != nil || len(got) != 3 {
		t.Fatalf("got %+v, %v", got, err)
	}
	for i, login := range []string{"bob", "carol", "dave"} {
		if got[i].User != s.Server.AddUser(login) || got[i].State != forge.ReviewApproved || got[i].SHA != commitA || got[i].At.IsZero() {
			t.Errorf("got %+v", got[i])
		}
	}
	if !s.Forge.Capabilities().ReviewCommits {
		return
	}
	s.Server.Review(s.repo, s.number, "bob", "")
	s.Server.Review(s.repo, s.number, "carol", forge.ReviewChanges)
	s.Server.Review(s.repo, s.number, "dave", forge.ReviewDismissed)
	got, err = s.Forge.Reviews(t.Context(), s.read(t))
	if err != nil {
		t.Fatal(err)
	}
	var states []string
	for _, r := range got {
		states = append(states, r.User.Login+" "+string(r.State))
	}
	equal(t, states, []string{"bob approved", "carol changes requested", "dave dismissed"})
}

func reviewedCommits(t *testing.T, s stage) {
	s.Server.Review(s.repo, s.number, "bob", forge.ReviewApproved)
	s.Server.PushHead(s.repo, s.number, commitC)
	s.Server.Review(s.repo, s.number, "carol", forge.ReviewApproved)
	got, err := s.Forge.Reviews(t.Context(), s.read(t))
	if err != nil || len(got) != 2 {
		t.Fatalf("got %+v, %v", got, err)
	}
	old := commitA
	if !s.Forge.Capabilities().ReviewCommits {
		old = ""
	}
	if got[0].SHA != old || got[1].SHA != commitC {
		t.Errorf("got %+v", got)
	}
}

func teams(t *testing.T, s stage) {
	s.Server.AddTeam("acme/sre", "bob")
	for login, want := range map[string]bool{"bob": true, "amy": false} {
		if got, err := s.Forge.TeamMember(t.Context(), "acme/sre", s.Server.AddUser(login)); err != nil || got != want {
			t.Errorf("%s: got %t, %v", login, got, err)
		}
	}
}

func unknownTeams(t *testing.T, s stage) {
	s.Server.AddTeam("acme/sre", "bob")
	got, err := s.Forge.TeamMember(t.Context(), "acme/ops", s.Server.AddUser("bob"))
	fails(t, err, forge.ErrNotFound)
	if got {
		t.Error("a member of a team that is not there")
	}
	for _, team := range []string{"", "acme/", "acme/../sre", "acme/sre?x"} {
		if got, err := s.Forge.TeamMember(t.Context(), team, s.Server.AddUser("bob")); err == nil || got {
			t.Errorf("%q: got %t, %v", team, got, err)
		}
	}
	s.Server.Fail(Fault{Status: 403})
	_, err = s.Forge.TeamMember(t.Context(), "acme/sre", s.Server.AddUser("bob"))
	fails(t, err, forge.ErrForbidden)
}

func deployments(t *testing.T, s stage) {
	s.collaborate(t)
	d, err := s.Forge.CreateDeployment(t.Context(), forge.NewDeployment{
		Repo: s.repo, SHA: commitA, Branch: "more", Environment: "prod/eu", Description: "by /deploy of amy",
	})
	if err != nil {
		t.Fatal(err)
	}
	if d.Repo != s.repo || d.ID == 0 || d.SHA != commitA || d.Environment != "prod/eu" || d.State != forge.DeploymentRunning || d.Created.IsZero() {
		t.Errorf("got %+v", d)
	}
	status := forge.DeploymentStatus{State: forge.DeploymentSuccess, EnvironmentURL: "https://shop.example.com", LogURL: "https://ci.example.com/1", Description: strings.Repeat("ä", 500)}
	if err := s.Forge.SetDeployment(t.Context(), d, status); err != nil {
		t.Fatal(err)
	}
	seen := s.Server.Deployments(s.repo)
	if len(seen) != 1 || seen[0].State != forge.DeploymentSuccess || seen[0].EnvironmentURL != status.EnvironmentURL {
		t.Errorf("people see %+v", seen)
	}
	if s.Forge.Capabilities().DeploymentLogs && (seen[0].LogURL != status.LogURL || !strings.HasPrefix(seen[0].Description, "ää")) {
		t.Errorf("people see %+v", seen)
	}
	err = s.Forge.SetDeployment(t.Context(), d, forge.DeploymentStatus{State: forge.DeploymentInactive})
	if s.Forge.Capabilities().InactiveDeployments != (err == nil) {
		t.Errorf("inactive: %v", err)
	}
	if err != nil {
		fails(t, err, forge.ErrUnsupported)
	}
	_, err = s.Forge.CreateDeployment(t.Context(), forge.NewDeployment{Repo: s.repo, SHA: "main", Environment: "prod"})
	fails(t, err, forge.ErrInvalid)
}

func latestDeployments(t *testing.T, s stage) {
	s.collaborate(t)
	deploy := func(sha, environment string, state forge.DeploymentState) {
		t.Helper()
		d, err := s.Forge.CreateDeployment(t.Context(), forge.NewDeployment{Repo: s.repo, SHA: sha, Branch: "more", Environment: environment})
		if err == nil && state != forge.DeploymentRunning {
			err = s.Forge.SetDeployment(t.Context(), d, forge.DeploymentStatus{State: state})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	s.Server.PushHead(s.repo, s.number, commitC)
	deploy(commitA, "staging", forge.DeploymentFailure)
	deploy(commitA, "staging", forge.DeploymentSuccess)
	deploy(commitC, "staging", forge.DeploymentFailure)
	deploy(commitC, "prod", forge.DeploymentRunning)
	for _, tt := range []struct {
		environment, sha string
		want             forge.DeploymentState
	}{
		{"staging", commitA, forge.DeploymentSuccess}, {"staging", commitC, forge.DeploymentFailure},
		{"staging", "", forge.DeploymentFailure}, {"prod", "", forge.DeploymentRunning},
	} {
		got, err := s.Forge.LatestDeployment(t.Context(), s.repo, tt.environment, tt.sha)
		if err != nil || got.State != tt.want || got.Environment != tt.environment || tt.sha != "" && got.SHA != tt.sha {
			t.Errorf("%s@%s: got %+v, %v; want %s", tt.environment, tt.sha, got, err, tt.want)
		}
	}
	for _, environment := range []string{"prod", "nowhere"} {
		_, err := s.Forge.LatestDeployment(t.Context(), s.repo, environment, commitA)
		fails(t, err, forge.ErrNotFound)
	}
}
