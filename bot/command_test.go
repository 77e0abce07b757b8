package bot

import (
	"fmt"
	"html"
	"slices"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"github.com/weighlock/weighlock/engine/report"
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
		{"not in details that begin where others end", "<details>\n</details><details>\n/deploy a\n</details>\n/deploy b", "deploy [b] @"},
		{"not in code", "<code>\n/deploy a\n</code>\n/deploy b", "deploy [b] @"},
		{"not in a quotation", "<blockquote>\n/deploy a\n</BLOCKQUOTE>\n/deploy b", "deploy [b] @"},
		{"after code within a line", "I mean <code>x</code>.\n/deploy b", "deploy [b] @"},
		{"a space that does not break", "/deploy\u00a0staging\u2003prod", "deploy [staging prod] @"},
		{"letters that look like others", "/dеploy staging\n／deploy staging", ""},
		{"a target with letters that look like others", "/deploy stаging", "does not understand \"stаging\""},
		{"a target with what is not shown", "/deploy sta\u200bging", "does not understand \"sta\\u200bging\""},
		{"a target with markup", "/deploy **prod** <b>", "does not understand \"**prod**\""},
		{"a long word", "/deploy " + strings.Repeat("x", 16000), strings.Repeat("x", 200) + "…\": it is longer than 200 characters"},
		{"a long verb", "/weighlock " + strings.Repeat("x", 16000), strings.Repeat("x", 200) + "…\""},
		{"a long reason", "/lock a --reason \"" + strings.Repeat("x", 16000) + "\"", "--reason is longer than 200 characters"},
		{"300 targets", "/deploy" + numberedTargets(300), "/deploy takes 50 targets at most"},
		{"other bots' verbs", "/lgtm\n/assign @grace", ""},
		{"a target is needed", "/deploy", "/deploy needs a target: /deploy TARGET"},
		{"no flags", "/deploy staging --force", `/deploy does not understand "--force"`},
		{"no shell", "/deploy $(id)", `/deploy does not understand "$(id)"`},
		{"two commits", "/deploy staging @1a2b3c4 @1a2b3c5", `does not understand "@1a2b3c5"`},
		{"a short commit", "/deploy staging @1a2", `does not understand "@1a2"`},
		{"diff of some", "/diff staging shop:prod", "diff [staging shop:prod] @"},
		{"diff takes no commit", "/diff @1a2b3c4", `does not understand "@1a2b3c4"`},
		{"all flags", `/deploy prod @1a2b3c4 --prune --only ConfigMap/shop/map Namespace/shop --force-conflicts`, "deploy [prod] @1a2b3c4 force prune [ConfigMap/shop/map Namespace/shop]"},
		{"only of nothing", "/deploy prod --only", "--only needs objects"},
		{"only with two targets", "/deploy a b --only ConfigMap/x/y", "one target"},
		{"a lock with a reason", `/lock prod --reason "incident 7, see @ada"`, `lock [prod] @ "incident 7, see @ada"`},
		{"a reason as phones write it", `/lock prod --reason “incident 7”`, `lock [prod] @ "incident 7"`},
		{"an open quote", `/lock prod --reason "incident`, "a quote is not closed"},
		{"a lock of two", "/lock a b", "takes one target"},
		{"a quoted target", `/deploy "prod" "a b" "-c" prod "@1a2b3c4" "say \"d\""`, `deploy [prod a b -c @1a2b3c4 say "d"] @`},
		{"nothing in quotes", `/deploy ""`, `does not understand ""`},
		{"a quoted target with what is not shown", "/deploy \"a\u200bb\"", `does not understand "a\u200bb"`},
		{"quotes where no target may be", `/locks "prod"`, `does not understand "prod"`},
		{"a reason with quotes and backslashes", `/lock prod --reason "C:\x is \"full\""`, `lock [prod] @ "C:\\x is \"full\""`},
		{"a backslash at the end", `/lock prod --reason "C:\"`, `lock [prod] @ "C:\\"`},
		{"the project at the root", `/deploy .`, "deploy [.] @"},
		{"far behind in a long comment", "/diff\n\n" + strings.Repeat("words\n\n", 3000) + "/nonsense\n/deploy a\n", "diff [] @|deploy [] @ /deploy and what comes behind it were not carried out: commands are looked for in the first 16 kB of a comment, write another one"},
		{"what is no command far behind", strings.Repeat("words\n\n", 3000) + "/nonsense\n/help wanted\n> /deploy a\n", ""},
		{"locks takes nothing", "/locks prod", `does not understand "prod"`},
		{"ok to test needs a commit", "/ok-to-test", "needs the commit"},
		{"ok to test", "/ok-to-test @1a2b3c4", "ok-to-test [] @1a2b3c4"},
		{"prune takes one", "/prune a b", "takes one target"},
		{"addressed", "/weighlock lock prod", "lock [prod] @"},
		{"addressed without a verb", "/weighlock", "help [] @"},
		{"addressed with a verb of nobody", "/weighlock explode", `there is no command "explode"`},
		{"mistyped", "/deploi staging", "there is no command /deploi; /deploy may be meant"},
		{"mistyped twice, told once", "/deploi staging\n/dif\n/help", "deploi [] @ there is no command /deploi; /deploy may be meant|help [] @"},
		{"other bots' verbs that look a little alike", "/hold\n/label x\n/close\n/approve\n/retest\n/merge", ""},
		{"at most five", strings.Repeat("/diff\n", 9), "diff [] @|diff [] @|diff [] @|diff [] @|diff [] @|diff [] @ /diff and what comes behind it were not carried out: a comment may hold 5 commands, write another one"},
		{"a capital, as phones begin a line", "/Deploy staging", "deploy [staging] @"},
		{"a commit in capitals", "/deploy staging @ABCDEF1", "deploy [staging] @abcdef1"},
		{"a comma", "/deploy staging, prod", `/deploy does not understand "staging,": write targets with spaces between them`},
		{"nothing", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, cmd := range ParseCommands(c.body) {
				s := fmt.Sprintf("%s %v @%s", cmd.Verb, cmd.Targets, cmd.Commit)
				if cmd.Force {
					s += " force"
				}
				if cmd.Prune {
					s += " prune"
				}
				if len(cmd.Only) > 0 {
					s += fmt.Sprint(" ", cmd.Only)
				}
				if cmd.Reason != "" {
					s += fmt.Sprintf(" %q", cmd.Reason)
				}
				if cmd.Err != nil {
					s += " " + cmd.Err.Error()
				}
				got = append(got, s)
			}
			joined := strings.Join(got, "|")
			if joined != c.want && (c.want == "" || !strings.Contains(joined, " "+c.want) && !strings.Contains(joined, c.want+" ") && !strings.HasSuffix(joined, c.want)) {
				t.Errorf("got %q, want %q", joined, c.want)
			}
		})
	}
}

func numberedTargets(n int) string {
	var s strings.Builder
	for i := range n {
		fmt.Fprintf(&s, " t%d", i)
	}
	return s.String()
}

func TestAnAnswerFitsAndEndsOutsideOfCodeAndFoldedText(t *testing.T) {
	t.Parallel()
	const more = "\n… There is more of it than fits into a comment; the log of the job has it all.\n"
	for body, want := range map[string]string{
		"short\n":                          "short\n",
		"one\n" + strings.Repeat("x", 200): "one\n" + more,
		strings.Repeat("x", 200):           more,
		"one\n```\ntwo\n" + strings.Repeat("x\n", 100) + "```\n":              "one\n" + more,
		"one\n````\n```\n````\ntwo\n" + strings.Repeat("x", 200):              "one\n````\n```\n````\ntwo\n" + more,
		"one\n<details><summary>a</summary>\n" + strings.Repeat("x\n", 100):   "one\n" + more,
		"one\n<details>\ntwo\n</details>\nthree\n" + strings.Repeat("x", 200): "one\n<details>\ntwo\n</details>\nthree\n" + more,
	} {
		if got := fitted(body, 150); got != want {
			t.Errorf("%q: got %q, want %q", body, got, want)
		}
	}
}

// FuzzSuggestedCommands proves that a command which a comment suggests, copied from there, means the target that it is suggested for.
func FuzzSuggestedCommands(f *testing.F) {
	for _, seed := range []string{
		"prod", ".", "shop:prod", "my target", "-dash", "--prune", "@1a2b3c4", "@team", "a,b", "a|b", "|", `"`, `a"b`, `"|"`, "x`y", "``", "` `", "<b>x</b>", "<!--", "</details>",
		"-->", "pröd", "“x”", "'x'", "*a*", "$$", " ", " x ", "https://evil.example", "a\\b", "a\nb", "a\u202eb", "a  b", "&amp;", "&#124;", "~~x~~", "[x](y)", "\xff",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		id := ID(name)
		if name == "" || id.nameable() != nil {
			return
		}
		for _, c := range []Command{{Verb: VerbDeploy}, {Verb: VerbDeploy, Commit: headSHA, Prune: true}, {Verb: VerbDiff}, {Verb: VerbUnlock}} {
			for where, markdown := range map[string]string{
				"a paragraph": "x: " + report.Code(c.on(id)) + "\n", "a table": "| a |\n|---|\n| " + report.Cell(report.Code(c.on(id))) + " |\n",
			} {
				copied := codeIn(t, markdown)
				got := ParseCommands(copied + "\n")
				if len(got) != 1 || got[0].Err != nil || got[0].Verb != c.Verb || got[0].Prune != c.Prune || !slices.Equal(got[0].Targets, []string{name}) {
					t.Fatalf("in %s %q is suggested, shown as %q, for the target %q, and means %+v", where, markdown, copied, name, got)
				}
			}
		}
	})
}

// codeIn is what people copy of the code span in a comment.
func codeIn(t *testing.T, markdown string) string {
	t.Helper()
	var page strings.Builder
	if err := goldmark.New(goldmark.WithExtensions(extension.GFM)).Convert([]byte(markdown), &page); err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(page.String(), "<code>")
	code, _, closed := strings.Cut(rest, "</code>")
	if !closed {
		t.Fatalf("%q shows no code: %s", markdown, page.String())
	}
	return html.UnescapeString(code)
}

func FuzzParseCommands(f *testing.F) {
	for _, seed := range []string{
		"/deploy staging @1a2b3c4\n```\n<details>", "/deploy a b --prune --force-conflicts --only ConfigMap/a/b x", "/lock prod --reason \"a b\"",
		"/weighlock /weighlock deploy", "/deploi\n/deploy\n> /deploy a", "/ok-to-test @1234567", "/lock a --reason “", "~~~\n```\n/locks",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		commands := ParseCommands(body)
		if len(commands) > maxCommands+1 {
			t.Errorf("%d commands", len(commands))
		}
		for _, c := range commands {
			for _, target := range c.Targets {
				if target == "" || ID(target).nameable() != nil {
					t.Errorf("target %q", target)
				}
			}
			for _, o := range c.Only {
				if !objectName.MatchString(o) {
					t.Errorf("object %q", o)
				}
			}
			if c.Commit != "" && !commitForm.MatchString("@"+c.Commit) {
				t.Errorf("commit %q", c.Commit)
			}
			if _, known := grammars[c.Verb]; !known && c.Err == nil {
				t.Errorf("verb %q", c.Verb)
			}
			if strings.ContainsAny(c.Reason, "\n\r") {
				t.Errorf("reason %q", c.Reason)
			}
		}
	})
}
