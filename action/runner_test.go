package action_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weighlock/weighlock/action"
	"github.com/weighlock/weighlock/bot"
	"github.com/weighlock/weighlock/bot/forge"
)

func workspace(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestErrorsAreShownWhereTheyStand(t *testing.T) {
	t.Parallel()
	dir := workspace(t, ".weighlock.yaml", "deploy/deployment.yaml", "deploy/app/map.yaml", "deployment.yaml")
	for _, c := range []struct{ name, err, want string }{
		{"from the project's directory", "deployment.yaml:3: unknown key", "::error file=deploy/deployment.yaml,line=3::unknown key\n"},
		{"from the root", "deploy/app/map.yaml:7:2: not closed", "::error col=2,file=deploy/app/map.yaml,line=7::not closed\n"},
		{"each of several", "deployment.yaml:3: one\ndeployment.yaml:5: two", "::error file=deploy/deployment.yaml,line=3::one\n::error file=deploy/deployment.yaml,line=5::two\n"},
		{"the configuration of a commit", ".weighlock.yaml (of 1a2b3c4):2: found 7", "::error file=.weighlock.yaml,line=2::found 7\n"},
		{"behind other words", "project shop: app/map.yaml:1: empty", "::error file=deploy/app/map.yaml,line=1::empty\n"},
		{"a file that is not there", "gone.yaml:3: unknown key", "::error::gone.yaml:3: unknown key\n"},
		{"a file outside", "../secret.yaml:3: unknown key", "::error::../secret.yaml:3: unknown key\n"},
		{"no place", "the server is down\n::add-mask::x", "::error::the server is down%0A::add-mask::x\n"},
	} {
		var log bytes.Buffer
		action.Show(action.GitHubLog(&log, func(string) string { return "" }), dir, "deploy", errors.New(c.err))
		if log.String() != c.want {
			t.Errorf("%s: got %q, want %q", c.name, log.String(), c.want)
		}
	}
	var log bytes.Buffer
	action.Show(&action.GitLabLog{W: &log, Now: time.Now}, dir, "deploy", errors.New("deployment.yaml:3: unknown key"))
	if !strings.Contains(log.String(), "Error: deploy/deployment.yaml:3: unknown key") {
		t.Errorf("got %q", log.String())
	}
}

func TestWhatAJobDoesDependsOnWhatStartedIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ command, trigger, want, err string }{
		{"", "pull_request", "auto", ""}, {"auto", "push", "auto", ""}, {"auto", "issue_comment", "auto", ""}, {"auto", "merge_group", "auto", ""},
		{"auto", "pull_request_target", "auto", ""}, {"auto", "merge_request_event", "auto", ""}, {"auto", "trigger", "auto", ""},
		{"auto", "schedule", "diff", ""}, {"auto", "workflow_dispatch", "diff", ""}, {"auto", "web", "diff", ""},
		{"diff", "pull_request", "diff", ""}, {"deploy", "push", "deploy", ""}, {"deploy", "workflow_dispatch", "deploy", ""},
		{"diff", "pull_request_target", "", "may be anybody's"}, {"deploy", "pull_request", "", "nobody may have reviewed"},
		{"deploy", "issue_comment", "", "nobody may have reviewed"}, {"deploy", "merge_request_event", "", "nobody may have reviewed"},
		{"destroy", "push", "", `"destroy": expected auto, diff or deploy`},
	} {
		got, err := action.Choose(c.command, c.trigger)
		if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s for %s: %q, %v", c.command, c.trigger, got, err)
		}
	}
}

// A push renews the previews of other pull requests: those are not what the job came to.
func TestTheResultsOfAPushAreItsDeploys(t *testing.T) {
	t.Parallel()
	r := action.Results{}
	r.Found(bot.Finding{Target: "prod", Err: errors.New("down")})
	if got := r.Targets(); len(got) != 1 || got[0].Error != "down" {
		t.Errorf("got %+v", got)
	}
	r.Found(bot.Finding{Target: "staging", Project: "deploy", Deploy: true, Err: errors.New("held")})
	r.Posted(forge.Comment{Number: 7, URL: "elsewhere"})
	if got := r.Targets(); len(got) != 1 || got[0].Target != "staging" || got[0].Deployed || r.CommentURL() != "" {
		t.Errorf("got %+v, %s", got, r.CommentURL())
	}
}

func TestOutputsAreOneLineEach(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "out")
	log := action.GitHubLog(&bytes.Buffer{}, func(name string) string { return map[string]string{"GITHUB_OUTPUT": file}[name] })
	targets := []action.Target{{Target: "a\n_GitHubActionsFileCommandDelimeter_\nprogram=evil", New: 1}}
	if err := action.Publish(log, filepath.Join(dir, "report"), "# report", targets, "https://x\nprogram=evil"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "program=") {
			t.Errorf("a value gives an output of its own:\n%s", text)
		}
	}
	var env bytes.Buffer
	gitlab := &action.GitLabLog{W: &bytes.Buffer{}, Now: time.Now, Outputs: &env}
	if err := action.Publish(gitlab, filepath.Join(dir, "report"), "# report", targets, "https://x"); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(env.String(), "WEIGHLOCK_NEW=1\n") || !strings.Contains(env.String(), "WEIGHLOCK_COMMENT_URL=https://x\n") {
		t.Errorf("got %s", env.String())
	}
}
