package serve

import (
	"strings"
	"testing"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/forgetest"
)

// The record of a deploy is closed late, and the next deploy to the environment may have come before that: it may have closed the record
// itself, and what it deployed is there now.
func TestARecordThatIsClosedLateSaysNothingOfALaterDeploy(t *testing.T) {
	t.Parallel()
	repo := forge.Repo{Owner: "acme", Name: "shop"}
	success, inactive := forge.DeploymentStatus{State: forge.DeploymentSuccess}, forge.DeploymentInactive
	for _, c := range []struct {
		name string
		// closed says that the next deploy has closed the record, later is how that one ended, "" if there was none.
		closed bool
		later  forge.DeploymentState
		want   []forge.DeploymentState
	}{
		{"nobody else", false, "", []forge.DeploymentState{success.State}},
		{"the next one has closed it", true, success.State, []forge.DeploymentState{inactive, success.State}},
		{"the next one has not", false, success.State, []forge.DeploymentState{inactive, success.State}},
		{"the next one has closed it, and has failed", true, forge.DeploymentFailure, []forge.DeploymentState{success.State, forge.DeploymentFailure}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			stand, err := forgetest.NewGitHub(forgetest.Options{Violation: func(err error) { t.Error(err) }})
			if err != nil {
				t.Fatal(err)
			}
			defer stand.Close()
			stand.AddRepo(repo, forgetest.RepoOptions{})
			stand.OpenPullRequest(forgetest.NewPullRequest{Repo: repo, Title: "A change", Author: "grace", Head: forge.Ref{Name: "topic", SHA: strings.Repeat("1", 40)}, Base: forge.Ref{SHA: strings.Repeat("2", 40)}})
			stand.AddToken("a-token", forgetest.Token{Actions: true})
			token := &Secret{}
			token.Set("a-token")
			s, err := newSource(&ForgeConfig{Name: "github", Kind: kindGitHub, API: stand.URL(), Token: token}, nil)
			if err != nil {
				t.Fatal(err)
			}
			f, err := s.client(0, repo)
			if err != nil {
				t.Fatal(err)
			}
			begin := func(digit string) forge.Deployment {
				d, err := f.CreateDeployment(t.Context(), forge.NewDeployment{Repo: repo, SHA: strings.Repeat(digit, 40), Branch: "main", Environment: "staging"})
				if err != nil {
					t.Fatal(err)
				}
				return d
			}
			end := func(d forge.Deployment, status forge.DeploymentStatus) {
				if err := f.SetDeployment(t.Context(), d, status); err != nil {
					t.Fatal(err)
				}
			}
			d := begin("1")
			if c.closed {
				end(d, success)
			}
			if c.later != "" {
				end(begin("2"), forge.DeploymentStatus{State: c.later})
			}
			if err := closeRecord(t.Context(), f, record{d, success}); err != nil {
				t.Fatal(err)
			}
			var got []forge.DeploymentState
			for _, d := range stand.Deployments(repo) {
				got = append(got, d.State)
			}
			for i, want := range c.want {
				if len(got) != len(c.want) || got[i] != want {
					t.Errorf("got %v, want %v", got, c.want)
					break
				}
			}
		})
	}
}
