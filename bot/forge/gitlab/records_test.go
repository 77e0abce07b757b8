package gitlab_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/forgetest"
	"github.com/weighlock/weighlock/bot/forge/gitlab"
)

const (
	commitA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	commitB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	commitC = "cccccccccccccccccccccccccccccccccccccccc"
)

// staged is a stand-in with a merge request, and a client that may write.
func staged(t *testing.T) (*forgetest.GitLab, *gitlab.Client, func() forge.PullRequest) {
	t.Helper()
	server := forgetest.StartGitLab(t)
	server.AddToken(token, "weighlock")
	server.AddRepo(shop, forgetest.RepoOptions{})
	server.SetPermission(shop, "weighlock", forge.Write)
	number := server.OpenPullRequest(forgetest.NewPullRequest{Repo: shop, Author: "amy", Head: forge.Ref{Name: "more", SHA: commitA}, Base: forge.Ref{SHA: commitB}})
	client := connect(t, server.URL())
	return server, client, func() forge.PullRequest {
		t.Helper()
		pr, err := client.PullRequest(t.Context(), shop, number)
		if err != nil {
			t.Fatal(err)
		}
		return pr
	}
}

func TestAStatusGoesToThePipelineOfTheCommit(t *testing.T) {
	t.Parallel()
	for _, number := range []int{0, 1} {
		server, client, pr := staged(t)
		id := server.AddPipeline(shop, commitA)
		commit := pr().Commit()
		commit.PullRequest = number
		if err := client.SetCheck(t.Context(), commit, forge.Check{Name: "weighlock", State: forge.CheckRunning}); err != nil {
			t.Fatal(err)
		}
		var sent struct {
			PipelineID int64 `json:"pipeline_id"`
		}
		exchanges := server.Exchanges()
		last := exchanges[len(exchanges)-1]
		if err := json.Unmarshal([]byte(last.RequestBody), &sent); err != nil || sent.PipelineID != id {
			t.Errorf("sent %s, want the pipeline %d", last.RequestBody, id)
		}
	}
}

func TestACommitIsLookedAtAgainForItsPipeline(t *testing.T) {
	t.Parallel()
	server, client, pr := staged(t)
	commit := pr().Commit()
	before := len(server.Exchanges())
	if err := client.SetCheck(t.Context(), commit, forge.Check{Name: "weighlock", State: forge.CheckRunning}); err != nil {
		t.Fatal(err)
	}
	looked := 0
	for _, e := range server.Exchanges()[before:] {
		if strings.HasSuffix(e.Path, "/repository/commits/"+commitA) {
			looked++
		}
	}
	if looked != 4 {
		t.Errorf("looked %d times, want 4", looked)
	}
}

func TestAStatusIsSentAgainWhileGitLabIsBusyWithAnother(t *testing.T) {
	t.Parallel()
	server, client, pr := staged(t)
	server.AddPipeline(shop, commitA)
	server.Fail(forgetest.Fault{Method: http.MethodPost, Status: 409, Times: 3})
	if err := client.SetCheck(t.Context(), pr().Commit(), forge.Check{Name: "weighlock", State: forge.CheckSuccess}); err != nil {
		t.Error(err)
	}
	if got := server.Checks(shop, commitA); len(got) != 1 || got[0].State != forge.CheckSuccess {
		t.Errorf("people see %+v", got)
	}
	server.Fail(forgetest.Fault{Method: http.MethodPost, Status: 409, Times: 50})
	err := client.SetCheck(t.Context(), pr().Commit(), forge.Check{Name: "weighlock", State: forge.CheckFailure})
	if !errors.Is(err, forge.ErrInvalid) {
		t.Errorf("got %v", err)
	}
}

func TestAnApprovalWithoutATimeCountsWherePushesTakeApprovalsAway(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		resets, untimed bool
		want            string
	}{
		{false, false, " " + commitC}, {false, true, " "}, {true, false, commitC}, {true, true, commitC},
	} {
		server, client, pr := staged(t)
		server.SetApprovals(shop, tt.resets, tt.untimed)
		server.Review(shop, 1, "bob", forge.ReviewApproved)
		server.PushHead(shop, 1, commitC)
		server.Review(shop, 1, "carol", forge.ReviewApproved)
		got, err := client.Reviews(t.Context(), pr())
		if err != nil {
			t.Fatal(err)
		}
		var shas []string
		for _, r := range got {
			shas = append(shas, r.SHA)
		}
		if strings.Join(shas, " ") != tt.want {
			t.Errorf("%+v: got %q", tt, shas)
		}
	}
}

func TestApprovalsOfAHeadThatHasMovedOnAreNobodysToKnow(t *testing.T) {
	t.Parallel()
	server, client, pr := staged(t)
	old := pr()
	server.PushHead(shop, 1, commitC)
	server.Review(shop, 1, "carol", forge.ReviewApproved)
	got, err := client.Reviews(t.Context(), old)
	if err != nil || len(got) != 1 || got[0].SHA != "" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestThePipelineOfAForkIsToldFromTheProjects(t *testing.T) {
	t.Parallel()
	client := answering(t, func(w http.ResponseWriter, req *http.Request) {
		switch {
		case strings.HasSuffix(req.URL.Path, "/merge_requests/1"):
			io.WriteString(w, `{"iid":1,"target_project_id":5,"source_project_id":6,"state":"opened","sha":"`+commitA+`","references":{"full":"acme/web/shop!1"},
				"diff_refs":{"start_sha":"`+commitB+`"},"head_pipeline":{"id":9,"project_id":6,"sha":"`+commitA+`"}}`)
		case strings.HasPrefix(req.URL.Path, "/api/v4/projects/6/"):
			io.WriteString(w, `[{"id":20,"name":"test","status":"success"},{"id":21,"name":"by hand","status":"manual"}]`)
		default:
			io.WriteString(w, `[{"id":10,"name":"test","status":"failed"},{"id":11,"name":"extra","status":"manual","allow_failure":true}]`)
		}
	})
	got, err := client.ChecksOf(t.Context(), forge.Commit{Repo: shop, SHA: commitA, PullRequest: 1})
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	for _, r := range got {
		seen = append(seen, strings.Join([]string{r.Name, r.Reporter, string(r.State)}, ","))
	}
	if want := "by hand,project 6,queued extra,,neutral test,,failure test,project 6,success"; strings.Join(seen, " ") != want {
		t.Errorf("got %s", strings.Join(seen, " "))
	}
}

func TestAJobTokenSufficesForDeployments(t *testing.T) {
	t.Parallel()
	server := forgetest.StartGitLab(t)
	server.AddToken(token, "amy")
	server.AddRepo(shop, forgetest.RepoOptions{})
	server.SetPermission(shop, "amy", forge.Write)
	server.OpenPullRequest(forgetest.NewPullRequest{Repo: shop, Author: "amy", Head: forge.Ref{Name: "more", SHA: commitA}, Base: forge.Ref{SHA: commitB}})
	client, err := gitlab.New(gitlab.Config{Token: token, JobToken: true, BaseURL: server.URL(), Backoff: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	d, err := client.CreateDeployment(t.Context(), forge.NewDeployment{Repo: shop, SHA: commitA, Branch: "more", Environment: "prod"})
	if err == nil {
		err = client.SetDeployment(t.Context(), d, forge.DeploymentStatus{State: forge.DeploymentSuccess, EnvironmentURL: "https://shop.example.com"})
	}
	if err != nil {
		t.Error(err)
	}
}
