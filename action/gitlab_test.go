package action_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/action"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/forgetest"
)

const (
	mergeHead  = "1111111111111111111111111111111111111111"
	branchHead = "2222222222222222222222222222222222222222"
)

// gitLabJob is a project with one merge request, and the variables that all of its jobs have.
func gitLabJob(t *testing.T) (*forgetest.GitLab, map[string]string) {
	t.Helper()
	repo := forge.Repo{Owner: "acme/apps", Name: "shop"}
	server := forgetest.StartGitLab(t)
	server.AddToken("glpat-token", "project_7_bot_1a2b")
	server.AddRepo(repo, forgetest.RepoOptions{})
	server.SetPermission(repo, "project_7_bot_1a2b", forge.Write)
	server.SetPermission(repo, "grace", forge.Write)
	server.OpenPullRequest(forgetest.NewPullRequest{
		Repo: repo, Title: "More", Author: "grace", Head: forge.Ref{Name: "more", SHA: mergeHead}, Base: forge.Ref{SHA: branchHead},
	})
	return server, map[string]string{
		"GITLAB_CI": "true", "CI_API_V4_URL": server.URL() + "/api/v4", "CI_SERVER_URL": server.URL(), "CI_PROJECT_PATH": repo.String(),
		"CI_PROJECT_DIR": t.TempDir(), "CI_DEFAULT_BRANCH": "main", "CI_PROJECT_VISIBILITY": "private", "CI_PIPELINE_ID": "77",
		"CI_JOB_URL": "https://gitlab.example.com/acme/apps/shop/-/jobs/5", "CI_JOB_TOKEN": "glcbt-job", "WEIGHLOCK_TOKEN": "glpat-token",
		"GITLAB_USER_ID": "9", "GITLAB_USER_LOGIN": "grace",
	}
}

func TestAGitLabJobIsTheEventThatStartedItsPipeline(t *testing.T) {
	t.Parallel()
	server, env := gitLabJob(t)
	repo := forge.Repo{Owner: "acme/apps", Name: "shop"}
	said := server.Comment(repo, 1, "grace", "/deploy prod")
	edited := server.Comment(repo, 1, "grace", "harmless")
	server.EditComment(edited, "/deploy prod")
	hook := func(change func(map[string]any)) string {
		var payload map[string]any
		if err := json.Unmarshal(server.CommentWebhook(said).Body, &payload); err != nil {
			t.Fatal(err)
		}
		change(payload)
		data, err := json.Marshal(payload)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "payload.json")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	note := func(m map[string]any) map[string]any { return m["object_attributes"].(map[string]any) }
	type m = map[string]string
	for _, c := range []struct {
		name string
		env  m
		want string // a pattern of fmt's %T, then what tells the event from others
	}{
		{"a merge request's pipeline is a change of it", m{"CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_PROJECT_PATH": "acme/apps/shop", "CI_MERGE_REQUEST_IID": "1", "CI_COMMIT_SHA": mergeHead},
			"PullRequestChanged synchronized 1 " + mergeHead},
		{"the pipeline of a merged result, too", m{"CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_PROJECT_PATH": "acme/apps/shop", "CI_MERGE_REQUEST_IID": "1", "CI_COMMIT_SHA": branchHead, "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": mergeHead},
			"PullRequestChanged synchronized 1 " + mergeHead},
		{"the pipeline of an older head is none", m{"CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_PROJECT_PATH": "acme/apps/shop", "CI_MERGE_REQUEST_IID": "1", "CI_COMMIT_SHA": branchHead},
			"Ignored acme/apps/shop#1 has moved on"},
		{"the pipeline of a fork is none", m{"CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_PROJECT_PATH": "upstream/shop", "CI_MERGE_REQUEST_IID": "1"},
			"Ignored a pipeline of the fork acme/apps/shop; run it in upstream/shop"},
		{"a branch's pipeline is a push", m{"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main", "CI_COMMIT_SHA": branchHead, "CI_COMMIT_BEFORE_SHA": strings.Repeat("0", 40)},
			"BranchPushed main  " + branchHead},
		{"a tag's pipeline is none", m{"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_TAG": "v1", "CI_COMMIT_SHA": branchHead}, "Ignored a pipeline of a tag"},
		{"a comment's webhook that triggered the pipeline is the comment", m{"CI_PIPELINE_SOURCE": "trigger", "TRIGGER_PAYLOAD": hook(func(map[string]any) {})}, "CommentCreated grace /deploy prod"},
		{"a comment that GitLab does not have is none", m{"CI_PIPELINE_SOURCE": "trigger", "TRIGGER_PAYLOAD": hook(func(p map[string]any) { note(p)["id"] = 424242 })}, "Ignored a webhook about a comment that is not there"},
		{"nor one in other words", m{"CI_PIPELINE_SOURCE": "trigger", "TRIGGER_PAYLOAD": hook(func(p map[string]any) { note(p)["note"] = "/deploy staging" })}, "Ignored a webhook about a comment that is not there, or not as it says"},
		{"nor one that was edited to have them", m{"CI_PIPELINE_SOURCE": "trigger", "TRIGGER_PAYLOAD": hook(func(p map[string]any) { note(p)["id"] = edited.ID })}, "Ignored a comment that was edited"},
		{"a trigger without a webhook calls for nothing", m{"CI_PIPELINE_SOURCE": "trigger"}, "Ignored a pipeline that was started by trigger"},
		{"nor does a schedule", m{"CI_PIPELINE_SOURCE": "schedule"}, "Ignored a pipeline that was started by schedule"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			vars := maps.Clone(env)
			maps.Copy(vars, c.env)
			job, err := action.ReadGitLab(t.Context(), func(name string) string { return vars[name] })
			if err != nil {
				t.Fatal(err)
			}
			got := strings.TrimPrefix(fmt.Sprintf("%T", job.Event), "forge.")
			switch e := job.Event.(type) {
			case forge.PullRequestChanged:
				got += fmt.Sprintf(" %s %d %s", e.Action, e.PullRequest.Number, e.PullRequest.Head.SHA)
			case forge.BranchPushed:
				got += fmt.Sprintf(" %s %s %s", e.Branch, e.Before, e.After)
			case forge.CommentCreated:
				got += fmt.Sprintf(" %s %s", e.Comment.Author.Login, e.Comment.Body)
			case forge.Ignored:
				got += " " + e.Reason
			}
			if !strings.HasPrefix(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if from := job.Event.From(); from.Repo != repo || job.Run != env["CI_JOB_URL"] {
				t.Errorf("it comes from %+v, in run %s", from, job.Run)
			}
		})
	}
}

func TestAGitLabJobSaysAtOnceWhatItLacks(t *testing.T) {
	t.Parallel()
	_, err := action.ReadGitLab(t.Context(), func(string) string { return "" })
	if err == nil {
		t.Fatal("no error")
	}
	for _, name := range []string{"CI_PIPELINE_SOURCE", "CI_API_V4_URL", "CI_PROJECT_PATH", "WEIGHLOCK_TOKEN"} {
		if !strings.Contains(err.Error(), name+" is not set") {
			t.Errorf("%v\ndoes not name %s", err, name)
		}
	}
	_, env := gitLabJob(t)
	env["CI_PIPELINE_SOURCE"], env["CI_MERGE_REQUEST_PROJECT_PATH"], env["CI_MERGE_REQUEST_IID"] = "merge_request_event", env["CI_PROJECT_PATH"], "x"
	if _, err := action.ReadGitLab(t.Context(), func(name string) string { return env[name] }); err == nil || !strings.Contains(err.Error(), `found "x"`) {
		t.Errorf("got %v", err)
	}
}
