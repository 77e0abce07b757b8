package bot

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A Command is what a person asked for in a comment.
type Command struct {
	Verb    string
	Targets []string
	// Commit is the commit that the command names, 7 to 40 hexadecimal digits; "" when it names none.
	Commit string
	// Err says what is wrong with a command whose verb is known.
	Err error
}

// The verbs.
const (
	VerbDeploy = "deploy"
	VerbDiff   = "diff"
	VerbHelp   = "help"
)

// maxCommands is how many commands of one comment are looked at.
const maxCommands = 5

var (
	commandLine = regexp.MustCompile(`^/([a-z][a-z-]*)(?:[ \t]+(.*))?$`)
	targetName  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/-]*$`)
	commitForm  = regexp.MustCompile(`^@[0-9a-f]{7,40}$`)
	fenceLine   = regexp.MustCompile("^ {0,3}(`{3,}|~{3,})")
)

// hiding are the marks between which text is hidden or quoted, so that a command there is not one.
var hiding = map[string]string{"<details": "</details", "<!--": "-->", "<pre": "</pre"}

// ParseCommands reads the commands of a comment: lines that begin with a slash and a verb, outside of code fences,
// quotes and details. Verbs that are not ours are passed over: other bots use slashes too.
func ParseCommands(body string) []Command {
	var out []Command
	fence, details := "", 0
	for line := range strings.Lines(body) {
		line = strings.TrimRight(line, " \t\r\n")
		if m := fenceLine.FindStringSubmatch(line); m != nil {
			switch {
			case fence == "":
				fence = m[1]
			case m[1][0] == fence[0] && len(m[1]) >= len(fence) && strings.Trim(line, " "+fence[:1]) == "":
				fence = ""
			}
			continue
		}
		if fence != "" {
			continue
		}
		lower := strings.ToLower(line)
		opened, shut := 0, 0
		for open, end := range hiding {
			opened += strings.Count(lower, open)
			shut += strings.Count(lower, end)
		}
		if details = max(0, details+opened-shut); details > 0 || opened > 0 {
			continue
		}
		if m := commandLine.FindStringSubmatch(line); m != nil && len(out) < maxCommands {
			if c, ok := parseCommand(m[1], strings.Fields(m[2])); ok {
				out = append(out, c)
			}
		}
	}
	return out
}

// parseCommand reads one command by a closed grammar; ok is false for a verb that is not ours.
func parseCommand(verb string, args []string) (c Command, ok bool) {
	if !slices.Contains([]string{VerbDeploy, VerbDiff, VerbHelp}, verb) {
		return c, false
	}
	c.Verb = verb
	for _, a := range args {
		switch {
		case verb == VerbDeploy && commitForm.MatchString(a) && c.Commit == "":
			c.Commit = a[1:]
		case verb != VerbHelp && targetName.MatchString(a):
			if !slices.Contains(c.Targets, a) {
				c.Targets = append(c.Targets, a)
			}
		default:
			c.Err = fmt.Errorf("/%s does not understand %q", verb, a)
			return c, true
		}
	}
	if verb == VerbDeploy && len(c.Targets) == 0 {
		c.Err = fmt.Errorf("/deploy needs a target: /deploy TARGET")
	}
	return c, true
}
