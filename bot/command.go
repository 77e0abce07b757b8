package bot

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Command is what a person asked for in a comment.
type Command struct {
	Verb    string
	Targets []string
	// Commit is the commit that the command names, 7 to 40 hexadecimal digits; "" when it names none.
	Commit string
	// Force overwrites what other field managers own, and Prune deletes what the project no longer has.
	Force, Prune bool
	// Only names the objects to which a deploy is restricted, as kind/name or kind/namespace/name.
	Only []string
	// Reason is why a target is locked.
	Reason string
	// Err says what is wrong with a command whose verb is known, or that it is not and which one may have been meant.
	Err error
}

// on is the command as it is written for one target.
func (c Command) on(id ID) string {
	words := []string{"/" + c.Verb, id.word()}
	if c.Commit != "" {
		words = append(words, "@"+short(c.Commit))
	}
	if c.Force {
		words = append(words, flagForce)
	}
	if c.Prune {
		words = append(words, flagPrune)
	}
	if len(c.Only) > 0 {
		words = append(append(words, flagOnly), c.Only...)
	}
	return strings.Join(words, " ")
}

// word is the target as commands name it: in quotes where it could be taken for something else.
func (id ID) word() string {
	if targetName.MatchString(string(id)) {
		return string(id)
	}
	return `"` + strings.ReplaceAll(string(id), `"`, `\"`) + `"`
}

// nameable is an error for a target that no command could name as people get to see it in a comment: with what is not shown, or not as
// it is.
func (id ID) nameable() error {
	switch name := string(id); {
	case len(name) > maxWord:
		return fmt.Errorf("target %q cannot be named in a comment: it is longer than %d characters; rename it", clipped(name), maxWord)
	case !utf8.ValidString(name), strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) || r == '\\' }), strings.Contains(name, "  "):
		return fmt.Errorf("target %q cannot be named in a comment: rename it, without backslashes, several spaces in a row, and what is not shown", name)
	}
	return nil
}

// The verbs.
const (
	VerbDeploy   = "deploy"
	VerbDiff     = "diff"
	VerbPrune    = "prune"
	VerbLock     = "lock"
	VerbUnlock   = "unlock"
	VerbLocks    = "locks"
	VerbOkToTest = "ok-to-test"
	VerbCancel   = "cancel"
	VerbHelp     = "help"
)

// A grammar says what may follow a verb.
type grammar struct {
	// min and max are how many targets there may be; max is -1 where there is no limit.
	min, max int
	commit   presence
	flags    []string
}

// presence says whether something may or must stand in a command.
type presence int

const (
	absent presence = iota
	optional
	needed
)

// The flags.
const (
	flagForce  = "--force-conflicts"
	flagPrune  = "--prune"
	flagOnly   = "--only"
	flagReason = "--reason"
)

var grammars = map[string]grammar{
	VerbDeploy:   {min: 1, max: -1, commit: optional, flags: []string{flagForce, flagPrune, flagOnly}},
	VerbDiff:     {max: -1},
	VerbPrune:    {min: 1, max: 1, commit: optional},
	VerbLock:     {min: 1, max: 1, flags: []string{flagReason}},
	VerbUnlock:   {min: 1, max: 1},
	VerbLocks:    {},
	VerbOkToTest: {commit: needed},
	VerbCancel:   {},
	VerbHelp:     {},
}

// ourPrefix, before a verb, says that the command is for us: on a forge, or beside another bot, that takes a verb for its own.
const ourPrefix = "weighlock"

const (
	// maxCommands is how many commands of one comment are carried out.
	maxCommands = 5
	// maxTargets is how many targets a command names at most, and maxWord how many characters any part of it may have: the
	// answer has to fit into a comment.
	maxTargets, maxWord = 50, 200
)

var (
	commandLine = regexp.MustCompile(`^/([A-Za-z][A-Za-z-]*)(?:[ \t\p{Zs}]+(.*))?$`)
	targetName  = regexp.MustCompile(`^[A-Za-z0-9._][A-Za-z0-9._:/-]*$`) // others are named in quotes
	commitForm  = regexp.MustCompile(`^@[0-9A-Fa-f]{7,40}$`)
	objectName  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9.]*(/[a-z0-9][a-z0-9.:-]*){1,2}$`)
)

// ParseCommands reads the commands of a comment: lines that begin with a slash and a verb and that people see as what its
// author says. Verbs that are not ours are passed over, since other bots use slashes too, but for one that somebody may have
// mistyped: that one stands for all of them as a command with an error, as does one for all that are behind the first few, or so far
// behind in a long comment that nobody looks there.
func ParseCommands(body string) []Command {
	var out []Command
	told := false
	lines, unread := slashLines(body)
	for _, line := range lines {
		m := commandLine.FindStringSubmatch(line)
		if m == nil || len(out) > maxCommands {
			continue
		}
		c, ours := parseCommand(strings.ToLower(m[1]), m[2]) // phones begin a line with a capital
		if _, known := grammars[c.Verb]; ours && !known {
			ours, told = !told, true
		}
		if ours {
			if len(out) == maxCommands {
				c = Command{Verb: c.Verb, Err: slipError(fmt.Sprintf("/%s and what comes behind it were not carried out: a comment may hold %d commands, write another one", c.Verb, maxCommands))}
			}
			out = append(out, c)
		}
	}
	if c := firstCommand(unread); c != nil && len(out) <= maxCommands {
		c.Err = slipError(fmt.Sprintf("/%s and what comes behind it were not carried out: commands are looked for in the first %d kB of a comment, write another one", c.Verb, maxLooked>>10))
		out = append(out, Command{Verb: c.Verb, Err: c.Err})
	}
	return out
}

// firstCommand is the first line that reads like a command without a mistake, whoever sees it as what; nil for none.
func firstCommand(text string) *Command {
	for _, line := range slashLine.FindAllString(text, -1) {
		if m := commandLine.FindStringSubmatch(strings.TrimRight(line, " \t")); m != nil {
			if c, ours := parseCommand(strings.ToLower(m[1]), m[2]); ours && c.Err == nil {
				return &c
			}
		}
	}
	return nil
}

// A slipError says all that there is to say of what is wrong with a command: a list of all commands would not help.
type slipError string

func (e slipError) Error() string { return string(e) }

// parseCommand reads one command by a closed grammar; ours is false for a verb that nobody meant for us.
func parseCommand(verb, rest string) (c Command, ours bool) {
	addressed := verb == ourPrefix
	if addressed {
		verb, rest, _ = strings.Cut(strings.TrimSpace(rest), " ")
		verb = strings.ToLower(verb)
	}
	c.Verb = verb
	g, known := grammars[verb]
	if !known {
		near := nearVerb(verb)
		switch {
		case near != "":
			c.Err = fmt.Errorf("there is no command /%s; /%s may be meant", verb, near)
		case addressed && verb == "":
			return Command{Verb: VerbHelp}, true
		case addressed:
			c.Err = fmt.Errorf("there is no command %q", clipped(verb))
		default:
			return c, false
		}
		return c, true
	}
	words, err := splitWords(rest)
	if err != nil {
		c.Err = fmt.Errorf("/%s: %w", verb, err)
		return c, true
	}
	if c.Err = c.read(g, words); c.Err == nil {
		c.Err = c.check(g)
	}
	return c, true
}

// read reads what follows the verb.
func (c *Command) read(g grammar, words []word) error {
	for i := 0; i < len(words); i++ {
		w := words[i]
		notUnderstood := fmt.Errorf("/%s does not understand %q", c.Verb, clipped(w.text))
		switch {
		case len(w.text) > maxWord:
			return fmt.Errorf("%w: it is longer than %d characters", notUnderstood, maxWord)
		case w.quoted && (g.max == 0 || w.text == "" || ID(w.text).nameable() != nil):
			return notUnderstood
		case w.quoted:
			c.name(w.text)
		case strings.HasPrefix(w.text, "-"):
			if !slices.Contains(g.flags, w.text) {
				return notUnderstood
			}
			switch w.text {
			case flagForce:
				c.Force = true
			case flagPrune:
				c.Prune = true
			case flagReason:
				if i++; i == len(words) {
					return fmt.Errorf("%s needs a text in quotes: %s %q", flagReason, flagReason, "incident 7")
				}
				if c.Reason = words[i].text; len(c.Reason) > maxWord {
					return fmt.Errorf("%s is longer than %d characters", flagReason, maxWord)
				}
			case flagOnly:
				for i+1 < len(words) && len(words[i+1].text) <= maxWord && len(c.Only) < maxTargets && !words[i+1].quoted && objectName.MatchString(words[i+1].text) {
					i++
					c.Only = append(c.Only, words[i].text)
				}
				if len(c.Only) == 0 {
					return fmt.Errorf("%s needs objects: kind/name or kind/namespace/name", flagOnly)
				}
			}
		case g.commit != absent && commitForm.MatchString(w.text) && c.Commit == "":
			c.Commit = strings.ToLower(w.text[1:])
		case g.max != 0 && targetName.MatchString(w.text):
			c.name(w.text)
		case strings.Contains(w.text, ",") && targetName.MatchString(strings.ReplaceAll(w.text, ",", "")):
			return slipError(fmt.Sprintf("/%s does not understand %q: write targets with spaces between them", c.Verb, clipped(w.text)))
		default:
			return notUnderstood
		}
	}
	return nil
}

// name adds a target, once.
func (c *Command) name(target string) {
	if !slices.Contains(c.Targets, target) {
		c.Targets = append(c.Targets, target)
	}
}

// clipped is the beginning of a long word.
func clipped(word string) string {
	if runes := []rune(word); len(runes) > maxWord {
		return string(runes[:maxWord]) + "…"
	}
	return word
}

// check says what is missing of a command, or too much.
func (c *Command) check(g grammar) error {
	switch {
	case g.commit == needed && c.Commit == "":
		return fmt.Errorf("/%s needs the commit that was looked at: /%s @COMMIT", c.Verb, c.Verb)
	case len(c.Targets) < g.min:
		return fmt.Errorf("/%s needs a target: /%s TARGET", c.Verb, c.Verb)
	case len(c.Targets) > maxTargets:
		return fmt.Errorf("/%s takes %d targets at most", c.Verb, maxTargets)
	case g.max > 0 && len(c.Targets) > g.max:
		return fmt.Errorf("/%s takes one target", c.Verb)
	case len(c.Only) > 0 && len(c.Targets) > 1:
		return fmt.Errorf("%s goes with one target", flagOnly)
	}
	return nil
}

// A word is a part of a command line.
type word struct {
	text   string
	quoted bool
}

var quotation = regexp.MustCompile(`^(?:"((?:[^"\\]|\\.?)*)"|“([^”]*)”)`)

// splitWords splits at white space. A text in double quotes is one word; such a quote in it stands behind a backslash, and nothing
// else is escaped.
func splitWords(s string) ([]word, error) {
	var out []word
	for {
		s = strings.TrimLeftFunc(s, unicode.IsSpace)
		switch {
		case s == "":
			return out, nil
		case s[0] == '"', strings.HasPrefix(s, "“"): // the latter is what phones make of it
			m := quotation.FindStringSubmatch(s)
			if m == nil {
				return nil, errors.New("a quote is not closed")
			}
			out, s = append(out, word{strings.ReplaceAll(m[1], `\"`, `"`) + m[2], true}), s[len(m[0]):]
		default:
			end := strings.IndexFunc(s, unicode.IsSpace)
			if end < 0 {
				end = len(s)
			}
			out, s = append(out, word{text: s[:end]}), s[end:]
		}
	}
}

// nearVerb is the verb that a mistyped one is likely to mean: one letter off, or two for long verbs; "" for none.
func nearVerb(verb string) string {
	best, least := "", 3
	for known := range grammars {
		off := distance(verb, known)
		if limit := 1 + len(known)/6; off <= limit && (off < least || off == least && known < best) {
			best, least = known, off
		}
	}
	return best
}

// distance is how many letters have to be put in, taken out or replaced to get from one word to the other.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			last, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, last+cost)
		}
	}
	return row[len(b)]
}
