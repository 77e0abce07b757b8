package action

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/weighlock/weighlock/bot"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/engine/report"
)

// Results are what a job came to, for its other steps. They begin empty.
type Results struct {
	// Summary is what people get to read of the job.
	Summary    string
	event      forge.Event
	findings   []bot.Finding
	commentURL string
}

// Found implements [bot.Observer].
func (r *Results) Found(f bot.Finding) { r.findings = append(r.findings, f) }

// Posted implements [bot.Observer]. A push renews the previews of others, too.
func (r *Results) Posted(c forge.Comment) {
	number := 0
	switch e := r.event.(type) {
	case forge.PullRequestChanged:
		number = e.PullRequest.Number
	case forge.CommentCreated:
		number = e.Comment.Number
	}
	if c.Number == number {
		r.commentURL = c.URL
	}
}

// A Target is what a job came to for one target. Its names are stable.
type Target struct {
	Target string `json:"target"`
	// Project is the directory of its project.
	Project string `json:"project"`
	// New, Changed and Deleted are how many objects would be, or after a deploy were to be, created, changed or replaced, and
	// deleted.
	New     int `json:"new"`
	Changed int `json:"changed"`
	Deleted int `json:"deleted"`
	// Digest is that of what a reviewer sees.
	Digest string `json:"digest,omitempty"`
	// Deployed says that it was deployed, whole and with success.
	Deployed bool   `json:"deployed"`
	Error    string `json:"error,omitempty"`
	// Result is the change set, and what became of it, as docs/reference/result.schema.json says.
	Result *report.Document `json:"result,omitempty"`
}

// Targets are what became of each target: of those that were deployed, or else of those that were compared.
func (r *Results) Targets() []Target {
	_, push := r.event.(forge.BranchPushed)
	deployed := push
	for _, f := range r.findings {
		deployed = deployed || f.Deploy
	}
	var out []Target
	at := map[bot.ID]int{}
	for _, f := range r.findings {
		if f.Target == "" || f.Deploy != deployed {
			continue
		}
		t := newTarget(f)
		if i, again := at[f.Target]; again { // a command may be given twice
			out[i] = t
			continue
		}
		at[f.Target] = len(out)
		out = append(out, t)
	}
	return out
}

func newTarget(f bot.Finding) Target {
	t := Target{Target: string(f.Target), Project: f.Project}
	if f.Err != nil {
		t.Error = f.Err.Error()
	}
	if f.Set != nil {
		n := report.Count(f.Set)
		t.New, t.Changed, t.Deleted, t.Digest = n.New, n.Changed+n.Replaced, n.Deleted, f.Set.Digest
		doc := report.NewDocument(f.Set, f.Result)
		t.Result = &doc
		t.Deployed = f.Deploy && f.Result != nil && f.Result.Err() == nil && f.Err == nil
	}
	return t
}

// CommentURL is where the preview comment is; "" where there is none.
func (r *Results) CommentURL() string { return r.commentURL }

// HasChanges says whether anything would change, or was to be.
func HasChanges(targets []Target) bool {
	return slices.ContainsFunc(targets, func(t Target) bool { return t.New+t.Changed+t.Deleted > 0 })
}

// An output is a value for later steps; action.yml documents them.
type output struct{ name, value string }

func outputs(targets []Target, commentURL string) []output {
	var sum Target
	short := make([]Target, 0, len(targets))
	for _, t := range targets {
		sum.New, sum.Changed, sum.Deleted = sum.New+t.New, sum.Changed+t.Changed, sum.Deleted+t.Deleted
		t.Result, t.Error = nil, "" // for outputs are small, and errors for people
		short = append(short, t)
	}
	if len(targets) == 1 {
		sum.Digest = targets[0].Digest
	}
	list, _ := json.Marshal(short) // strings and numbers always encode
	return []output{
		{"has-changes", fmt.Sprint(HasChanges(targets))},
		{"new", fmt.Sprint(sum.New)}, {"changed", fmt.Sprint(sum.Changed)}, {"deleted", fmt.Sprint(sum.Deleted)},
		{"digest", sum.Digest}, {"targets", string(list)}, {"comment-url", commentURL},
	}
}

// Publish sets a runner's outputs and writes the report's files into dir: report.md for people, result.json for programs.
func Publish(runner Runner, dir, summary string, targets []Target, commentURL string) error {
	if targets == nil {
		targets = []Target{}
	}
	result, err := json.MarshalIndent(map[string]any{"targets": targets}, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the result: %w", err)
	}
	files := map[string]string{"report": filepath.Join(dir, "report.md"), "result": filepath.Join(dir, "result.json")}
	err = errors.Join(
		os.MkdirAll(dir, 0o755), os.WriteFile(files["report"], []byte(summary), 0o644), os.WriteFile(files["result"], append(result, '\n'), 0o644),
	)
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	for _, o := range outputs(targets, commentURL) {
		runner.SetOutput(o.name, o.value)
	}
	for _, name := range []string{"report", "result"} {
		runner.SetOutput(name, files[name])
	}
	return nil
}
