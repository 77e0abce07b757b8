package action_test

import (
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/weighlock/weighlock/action/actiontest"
)

// A forgeKind is one of the forges.
type forgeKind int

const (
	gitHub forgeKind = iota
	gitLab
)

// transcript is the file of an archive that holds what people get to see.
func (k forgeKind) transcript() string { return []string{"transcript.md", "transcript.gitlab.md"}[k] }

// A request is one to a forge's API; the path is a pattern as of [path.Match].
type request struct{ method, path string }

// requests are the kinds of requests that can fail, on each of the forges.
var requests = map[string][2]request{
	"read-pull-request": {{"GET", "/repos/*/*/pulls/*"}, {"GET", mergeRequest}},
	"read-comments":     {{"GET", "/repos/*/*/issues/*/comments"}, {"GET", mergeRequest + "/notes"}},
	"create-comment":    {{"POST", "/repos/*/*/issues/*/comments"}, {"POST", mergeRequest + "/notes"}},
	"update-comment":    {{"PATCH", "/repos/*/*/issues/comments/*"}, {"PUT", mergeRequest + "/notes/*"}},
	"react":             {{"POST", "/repos/*/*/issues/comments/*/reactions"}, {"POST", mergeRequest + "/notes/*/award_emoji"}},
	"read-permission":   {{"GET", "/repos/*/*/collaborators/*/permission"}, {"GET", "/api/v4/projects/*/members/all/*"}},
	"read-reviews":      {{"GET", "/repos/*/*/pulls/*/reviews"}, {"GET", mergeRequest + "/approvals"}},
	"read-checks":       {{"GET", "/repos/*/*/commits/*/check-runs"}, {"GET", "/api/v4/projects/*/repository/commits/*/statuses"}},
	"set-check":         {{"POST", "/repos/*/*/check-runs"}, {"POST", "/api/v4/projects/*/statuses/*"}},
	"create-deployment": {{"POST", "/repos/*/*/deployments"}, {"POST", "/api/v4/projects/*/deployments"}},
	"set-deployment":    {{"POST", "/repos/*/*/deployments/*/statuses"}, {"PUT", "/api/v4/projects/*/deployments/*"}},
	"list-merged":       {{"GET", "/repos/*/*/commits/*/pulls"}, {"GET", "/api/v4/projects/*/repository/commits/*/merge_requests"}},
}

const mergeRequest = "/api/v4/projects/*/merge_requests/*"

var (
	told     = strings.NewReplacer("@github-actions[bot]", "@BOT", "@"+actiontest.ProjectBot, "@BOT", "list check runs", "list checks")
	number   = regexp.MustCompile(`(acme/shop|emca/store)\\?[#!]`)
	outcome  = regexp.MustCompile(`(?m)^(=== deployment \d+ of \S+ to .+?: [a-z]+),.*$`)
	run      = regexp.MustCompile(`https?:\x{200b}?//\S+/(actions/runs/\d+/attempts/\d+|-/jobs/\d+)`)
	hidden   = regexp.MustCompile(`(?m)^=== comment \d+ is folded away as outdated\n`)
	inactive = regexp.MustCompile(`(?m)^=== deployment .*: inactive,.*\n`)
	neutral  = regexp.MustCompile(`(?m)^(=== check .+: )neutral,`)
)

// portable is a transcript without what forges have each in their own way: what our account, pull requests and jobs are called, what
// [forge.Capabilities] says that GitLab does not do or keep.
func portable(transcript string) string {
	transcript = run.ReplaceAllString(transcript, "RUN")
	transcript = told.Replace(number.ReplaceAllString(transcript, "$1#"))
	transcript = hidden.ReplaceAllString(transcript, "")
	transcript = inactive.ReplaceAllString(transcript, "")
	return neutral.ReplaceAllString(outcome.ReplaceAllString(transcript, "$1"), "${1}success,")
}

// TestEachWriteMeetsEachFault keeps the conversations complete: each kind of write to a forge fails in each way in one of them. That an answer
// does not come at all is the adapters' to bear, see forgetest.Conformance.
func TestEachWriteMeetsEachFault(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("found %d conversations, %v", len(files), err)
	}
	met := map[string]bool{}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(archive.Comment)) {
			words := strings.Fields(line)
			if len(words) < 3 || words[0] != "fault" {
				continue
			}
			how := words[2]
			if strings.HasPrefix(how, "5") {
				how = "5xx"
			}
			if last := words[len(words)-1]; last == "cut" || last == "late" {
				how = last
			}
			met[words[1]+" "+how] = true
		}
	}
	for what, of := range requests {
		if of[gitHub].method == http.MethodGet {
			continue
		}
		faults := []string{"403", "404", "409", "422", "429", "5xx", "cut"}
		if strings.HasPrefix(what, "create-") {
			faults = append(faults, "late") // it is there, and must not be made again
		}
		for _, how := range faults {
			if !met[what+" "+how] {
				t.Errorf("no conversation has: fault %s %s", what, how)
			}
		}
	}
}
