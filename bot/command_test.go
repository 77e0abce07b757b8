package bot

import (
	"fmt"
	"strings"
	"testing"
)

func TestCommandsAreLinesOfAClosedGrammar(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, body, want string }{
		{"a line", "/deploy staging", "deploy [staging] @"},
		{"among text", "Looks right.\r\n\r\n/deploy staging\r\nThanks!", "deploy [staging] @"},
		{"several targets and a commit", "/deploy staging shop:prod @1a2b3c4", "deploy [staging shop:prod] @1a2b3c4"},
		{"the same target twice", "/deploy staging staging", "deploy [staging] @"},
		{"several commands", "/diff\n/deploy staging\n/help", "diff [] @|deploy [staging] @|help [] @"},
		{"not within a line", "please /deploy staging", ""},
		{"not indented", "    /deploy staging", ""},
		{"not in a quote", "> /deploy staging", ""},
		{"not in a fence", "```\n/deploy staging\n```\n", ""},
		{"not in a longer fence that holds a shorter one", "````\n```\n/deploy a\n```\n/deploy b\n````\n/deploy c", "deploy [c] @"},
		{"a fence of tildes is not closed by backticks", "~~~\n```\n/deploy a\n~~~\n/deploy b", "deploy [b] @"},
		{"not in a fence that is never closed", "```\n/deploy staging", ""},
		{"not in details", "<details>\n/deploy a\n</details>\n/deploy b", "deploy [b] @"},
		{"not in an HTML comment", "<!--\n/deploy a\n-->\n/deploy b", "deploy [b] @"},
		{"not in preformatted text", "<pre>\n/deploy a\n</pre>\n/deploy b", "deploy [b] @"},
		{"an end without a beginning hides nothing and shows nothing", "</details>\n<details>\n/deploy a\n</details>", ""},
		{"other bots' verbs", "/lgtm\n/assign @grace", ""},
		{"verbs are lower case", "/Deploy staging", ""},
		{"a target is needed", "/deploy", "deploy [] @ needs a target"},
		{"no flags", "/deploy staging --force", `deploy [staging] @ does not understand "--force"`},
		{"no shell", "/deploy $(id)", `deploy [] @ does not understand "$(id)"`},
		{"two commits", "/deploy staging @1a2b3c4 @1a2b3c5", `does not understand "@1a2b3c5"`},
		{"a short commit", "/deploy staging @1a2", `does not understand "@1a2"`},
		{"diff of some", "/diff staging shop:prod", "diff [staging shop:prod] @"},
		{"diff takes no commit", "/diff @1a2b3c4", `does not understand "@1a2b3c4"`},
		{"at most five", strings.Repeat("/diff\n", 9), "diff [] @|diff [] @|diff [] @|diff [] @|diff [] @"},
		{"nothing", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, cmd := range ParseCommands(c.body) {
				s := fmt.Sprintf("%s %v @%s", cmd.Verb, cmd.Targets, cmd.Commit)
				if cmd.Err != nil {
					s += " " + cmd.Err.Error()
				}
				got = append(got, s)
			}
			joined := strings.Join(got, "|")
			if joined != c.want && (!strings.Contains(c.want, "needs") && !strings.Contains(c.want, "understand") || !containsAll(joined, c.want)) {
				t.Errorf("got %q, want %q", joined, c.want)
			}
		})
	}
}

// containsAll compares loosely: the error's own words are tested by what they must say.
func containsAll(got, want string) bool {
	for _, mark := range []string{"does not understand", "needs a target"} {
		if i := strings.Index(want, mark); i >= 0 {
			return strings.Contains(got, want[i:])
		}
	}
	return false
}

func FuzzParseCommands(f *testing.F) {
	f.Add("/deploy staging @1a2b3c4\n```\n<details>")
	f.Fuzz(func(t *testing.T, body string) {
		commands := ParseCommands(body)
		if len(commands) > maxCommands {
			t.Errorf("%d commands", len(commands))
		}
		for _, c := range commands {
			for _, target := range c.Targets {
				if !targetName.MatchString(target) {
					t.Errorf("target %q", target)
				}
			}
		}
	})
}
