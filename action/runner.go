package action

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sethvargo/go-githubactions"
)

// A Runner shows what became of a job, to people and to the job's other steps.
type Runner interface {
	// AddStepSummary shows the report, which is Markdown.
	AddStepSummary(markdown string)
	// Group begins a section of the log that can be folded, and EndGroup ends it.
	Group(title string)
	EndGroup()
	// Errorf shows an error, and Warningf a warning.
	Errorf(format string, args ...any)
	Warningf(format string, args ...any)
	// Annotate shows an error where it stands.
	Annotate(Annotation)
	// AddMask keeps a value out of the log.
	AddMask(value string)
	// SetOutput hands a value to the job's other steps. It is one line.
	SetOutput(name, value string)
}

// An Annotation is an error with its place in the repository.
type Annotation struct {
	// File is a slash path from the repository's root. Line and Column count from 1; 0 is unknown.
	File         string
	Line, Column int
	Message      string
}

// gitHubLog is a GitHub job's log, with the files that its runner reads.
type gitHubLog struct {
	*githubactions.Action
	getenv func(string) string
}

// GitHubLog is the runner of a GitHub job. What the runner has no file for is left out.
func GitHubLog(w io.Writer, getenv func(string) string) Runner {
	return &gitHubLog{githubactions.New(githubactions.WithWriter(w), githubactions.WithGetenv(getenv)), getenv}
}

// AddStepSummary implements [Runner].
func (l *gitHubLog) AddStepSummary(markdown string) {
	if l.getenv("GITHUB_STEP_SUMMARY") != "" {
		l.Action.AddStepSummary(markdown)
	}
}

// SetOutput implements [Runner]. The file that it goes to has a value between fixed lines, which a value of several could
// forge.
func (l *gitHubLog) SetOutput(name, value string) {
	if l.getenv("GITHUB_OUTPUT") != "" {
		l.Action.SetOutput(name, oneLine(value))
	}
}

// Annotate implements [Runner].
func (l *gitHubLog) Annotate(a Annotation) {
	at := githubactions.CommandProperties{"file": a.File}
	for name, n := range map[string]int{"line": a.Line, "col": a.Column} {
		if n > 0 {
			at[name] = fmt.Sprint(n)
		}
	}
	l.IssueCommand(&githubactions.Command{Name: "error", Message: a.Message, Properties: at})
}

// A GitLabLog shows what became of a job in the job's log: GitLab has no other place for it, but a file for its outputs.
type GitLabLog struct {
	W   io.Writer
	Now func() time.Time
	// Outputs, if it is not nil, takes a line for each output, as a dotenv report has them:
	// https://docs.gitlab.com/ci/yaml/artifacts_reports/#artifactsreportsdotenv.
	Outputs io.Writer
	section int
}

// AddStepSummary prints the report as a section that can be folded, and is not at first.
func (l *GitLabLog) AddStepSummary(markdown string) {
	now := l.Now().Unix()
	fmt.Fprintf(l.W, "\x1b[0Ksection_start:%d:weighlock_report\r\x1b[0KReport\n%s\n\x1b[0Ksection_end:%d:weighlock_report\r\x1b[0K\n", now, strings.TrimSpace(markdown), now)
}

// Group implements [Runner].
func (l *GitLabLog) Group(title string) {
	l.section++
	fmt.Fprintf(l.W, "\x1b[0Ksection_start:%d:weighlock_%d[collapsed=true]\r\x1b[0K%s\n", l.Now().Unix(), l.section, oneLine(title))
}

// EndGroup implements [Runner].
func (l *GitLabLog) EndGroup() {
	fmt.Fprintf(l.W, "\x1b[0Ksection_end:%d:weighlock_%d\r\x1b[0K\n", l.Now().Unix(), l.section)
}

// Errorf prints an error.
func (l *GitLabLog) Errorf(format string, args ...any) {
	fmt.Fprintf(l.W, "\x1b[31mError: "+format+"\x1b[0m\n", args...)
}

// Warningf prints a warning.
func (l *GitLabLog) Warningf(format string, args ...any) {
	fmt.Fprintf(l.W, "\x1b[33mWarning: "+format+"\x1b[0m\n", args...)
}

// Annotate prints an error with its place.
func (l *GitLabLog) Annotate(a Annotation) {
	l.Errorf("%s:%d: %s", a.File, max(a.Line, 1), a.Message)
}

// AddMask does nothing: GitLab masks what its variables say.
func (l *GitLabLog) AddMask(string) {}

// SetOutput writes an output as a variable of later jobs: comment-url is WEIGHLOCK_COMMENT_URL.
func (l *GitLabLog) SetOutput(name, value string) {
	if l.Outputs != nil && len(value) <= longestVariable {
		fmt.Fprintf(l.Outputs, "WEIGHLOCK_%s=%s\n", strings.ToUpper(strings.ReplaceAll(name, "-", "_")), oneLine(value))
	}
}

// longestVariable bounds a variable: GitLab takes no file of variables of more than 5 KiB.
const longestVariable = 2000

func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, s)
}
