package report

import (
	"fmt"
	"html"
	"regexp"
	"strings"
)

// Short is a commit as people write it.
func Short(sha string) string {
	if len(sha) > 7 {
		return sha[:7]
	}
	return sha
}

// Code makes an inline code span of a text, whatever it holds.
func Code(s string) string {
	s = oneLine(s)
	if s == "" {
		return ""
	}
	if !strings.Contains(s, "`") {
		return "`" + s + "`"
	}
	fence := longest(s, "`", 1)
	return fence + " " + s + " " + fence
}

// oneLine makes a text safe to stand within a line.
func oneLine(s string) string { return visible(strings.ReplaceAll(s, "\n", " ")) }

// Fence makes a code block of a text, by a fence longer than any inside. What would not be seen in it is written out.
func Fence(language, s string) string {
	fence, s := longest(s, "`", 3), inert(Visible(s))
	return fence + language + "\n" + strings.TrimSuffix(s, "\n") + "\n" + fence + "\n"
}

// longest is a run of mark that is longer than any in s, and at least least long.
func longest(s, mark string, least int) string {
	n := 0
	for i := 0; i < len(s); {
		j := i
		for j < len(s) && s[j] == mark[0] {
			j++
		}
		n = max(n, j-i)
		i = max(j, i+1)
	}
	return strings.Repeat(mark, max(n+1, least))
}

// maxMessageLines is how many lines of an error a report shows.
const maxMessageLines = 40

// message is an error's text, made safe to show, one line each for joined errors; of many the first.
func message(err error) string {
	var out []string
	more := 0
	for l := range strings.Lines(err.Error()) {
		if len(out) == maxMessageLines {
			more++
			continue
		}
		out = append(out, shortened(visible(strings.TrimSuffix(l, "\n"))))
	}
	if more > 0 {
		out = append(out, fmt.Sprintf("… and %d more lines; the log has them all", more))
	}
	return strings.Join(out, "\n")
}

// maxLine is how many characters of a line of an error a report shows.
const maxLine = 1000

func shortened(line string) string {
	if r := []rune(line); len(r) > maxLine {
		return string(r[:maxLine]) + "…"
	}
	return line
}

// commandLine is a line that programs take for a command, some of them also inside of a code block: GitLab's quick actions
// do, of versions that do not see that a longer fence is one, and so do bots that read the bare text.
var commandLine = regexp.MustCompile(`(?m)^(\s*)(/[A-Za-z][\w-]*)(\s|$)`)

// inert is a text without lines that are commands: a space without width stands before the slash.
func inert(s string) string {
	if !strings.Contains(s, "/") {
		return s
	}
	return commandLine.ReplaceAllString(s, "$1\u200b$2$3")
}

// references are what forges make links, mentions or pictures of, each up to where a space without width ends that: people,
// issues, merge requests, labels, milestones, snippets, epics, addresses, emoji.
var references = regexp.MustCompile(`[@]|[#!~%$&^]["\w]|://|(?i:www)\.|\b(?i:GH)-[0-9]|:(?:100|1234|[0-9]*[a-z+-][\w+-]*):`)

// unlinked keeps forges from making mentions and links of a text.
func unlinked(s string) string {
	return references.ReplaceAllStringFunc(s, func(found string) string {
		switch i := strings.IndexAny(found, ".-"); {
		case found == "://", found[0] == ':':
			return ":\u200b" + found[1:]
		case i > 0:
			return found[:i] + "\u200b" + found[i:]
		}
		return found[:1] + "\u200b" + found[1:]
	})
}

// entities are those of HTML that matter outside of attributes; others would meet the escaping of Markdown's #.
var entities = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

var special = regexp.MustCompile("[\\\\`*_\\[\\]#!~]")

// Escape makes plain Markdown of a text: one line, no markup, no HTML, no link, no mention.
func Escape(s string) string {
	return special.ReplaceAllString(entities.Replace(unlinked(oneLine(s))), `\$0`)
}

// htmlText makes plain HTML of a text, for places where Markdown is not read.
func htmlText(s string) string { return html.EscapeString(unlinked(oneLine(s))) }

// Cell keeps Markdown from ending its table cell: GitHub's dialect takes an escaped bar for one, in code spans too.
func Cell(markdown string) string {
	return cellEnds.Replace(markdown)
}

// cellEnds are what ends a cell. A bar behind a backslash would, with one backslash more, be a bar by itself.
var cellEnds = strings.NewReplacer("\n", " ", `\|`, "\\\u200b\\|", "|", `\|`)

// quote makes a block quote of a text, its lines kept.
func quote(s string) string {
	var out []string
	for l := range strings.Lines(s) {
		out = append(out, "> "+Escape(strings.TrimSuffix(l, "\n")))
	}
	return strings.Join(out, "\\\n")
}
