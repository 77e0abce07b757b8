package bot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/weighlock/weighlock/bot/forge"
)

// ownersFiles are where forges look for code owners, the first that is there: GitHub, and GitLab, which has sections.
var ownersFiles = map[bool][]string{
	false: {".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"},
	true:  {"CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"},
}

// An ownersRule is a line of a CODEOWNERS file.
type ownersRule struct {
	pattern *regexp.Regexp
	owners  []string
}

// section begins one of GitLab's sections: [Name], ^[Name], [Name][2], and then its owners.
var section = regexp.MustCompile(`^\^?\[([^\]]+)\](?:\[\d+\])?(?:\s+(.*))?$`)

// parseOwners reads a CODEOWNERS file. Of the rules of a section that match a file the last one holds, and each section has owners of its
// own. A file without sections is one, and so is GitHub's always.
func parseOwners(text string, sections bool) ([][]ownersRule, error) {
	names, rules := map[string]int{"": 0}, make([][]ownersRule, 1)
	at, usual := 0, []string(nil)
	for line := range strings.Lines(text) {
		words := ownersWords(line)
		if i := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, "#") }); i >= 0 {
			words = words[:i]
		}
		if len(words) == 0 {
			continue
		}
		if head := section.FindStringSubmatch(strings.Join(words, " ")); head != nil {
			if !sections {
				continue // no pattern of GitHub's
			}
			name, known := strings.ToLower(head[1]), false
			if at, known = names[name]; !known {
				at = len(rules)
				names[name], rules = at, append(rules, nil)
			}
			usual = strings.Fields(head[2])
			continue
		}
		if sections && strings.HasPrefix(words[0], "!") {
			return nil, fmt.Errorf("CODEOWNERS excludes %s: exclusions are not understood here", words[0][1:])
		}
		owners := words[1:]
		if len(owners) == 0 {
			owners = usual
		}
		rules[at] = append(rules[at], ownersRule{ownersPattern(words[0]), owners})
	}
	return rules, nil
}

// ownersWords are the words of a line. A backslash takes the meaning from what follows it, such as a space in a path, and stays
// for the pattern.
func ownersWords(line string) []string {
	var words []string
	word, escaped := "", false
	for _, r := range line {
		if !escaped && unicode.IsSpace(r) {
			if word != "" {
				words = append(words, word)
			}
			word = ""
			continue
		}
		word += string(r)
		escaped = !escaped && r == '\\'
	}
	if word = strings.TrimSpace(word); word != "" {
		words = append(words, word)
	}
	return words
}

// ownersPattern makes a regular expression of a pattern, which is one of .gitignore without negation and character classes.
func ownersPattern(p string) *regexp.Regexp {
	anchored := strings.Contains(strings.TrimSuffix(p, "/"), "/")
	p = strings.TrimPrefix(p, "/")
	var b strings.Builder
	b.WriteString("^")
	if !anchored {
		b.WriteString("(.*/)?")
	}
	for i := 0; i < len(p); i++ {
		switch {
		case strings.HasPrefix(p[i:], "**/"):
			b.WriteString("(.*/)?")
			i += 2
		case strings.HasPrefix(p[i:], "**"):
			b.WriteString(".*")
			i++
		case p[i] == '\\' && i+1 < len(p):
			i++
			b.WriteString(regexp.QuoteMeta(p[i : i+1]))
		case p[i] == '*':
			b.WriteString("[^/]*")
		case p[i] == '?':
			b.WriteString("[^/]")
		default:
			b.WriteString(regexp.QuoteMeta(p[i : i+1]))
		}
	}
	switch {
	case strings.HasSuffix(p, "/"):
	case strings.HasSuffix(p, "/*"): // a directory's own files alone
		b.WriteString("$")
	default:
		b.WriteString("(/.*)?$")
	}
	return regexp.MustCompile(b.String())
}

// ownersOf are the owners of a file by the rules of one section; nil where none matches.
func ownersOf(rules []ownersRule, file string) []string {
	for i := len(rules) - 1; i >= 0; i-- {
		if rules[i].pattern.MatchString(path.Clean(file)) {
			return rules[i].owners
		}
	}
	return nil
}

// unowned are the files that a pull request touches and that the asker does not own, by the base branch's CODEOWNERS.
func (b *Bot) unowned(ctx context.Context, a asked) ([]string, error) {
	var sections [][]ownersRule
	sectioned := b.Forge.Capabilities().SectionedOwners
	for _, name := range ownersFiles[sectioned] {
		data, err := a.repo.File(ctx, a.base, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if sections, err = parseOwners(string(data), sectioned); err != nil {
			return nil, err
		}
		break
	}
	files, err := b.touched(ctx, a)
	if err != nil {
		return nil, err
	}
	is := map[string]bool{} // of the owners, the asker
	for _, f := range files {
		for _, rules := range sections {
			for _, o := range ownersOf(rules, f) {
				name, mention := strings.CutPrefix(o, "@")
				if _, known := is[o]; known {
					continue
				}
				is[o] = mention && strings.EqualFold(name, a.by.Login)
				if mention && strings.Contains(name, "/") {
					team, err := b.team(ctx, a.by, []string{name})
					if err != nil {
						return nil, err
					}
					is[o] = team != ""
				}
			}
		}
	}
	return slices.DeleteFunc(files, func(f string) bool { return owns(sections, f, is) }), nil
}

// owns says whether somebody owns a file: in each section that is about it, and in one at least.
func owns(sections [][]ownersRule, file string, is map[string]bool) bool {
	about := false
	for _, rules := range sections {
		if !slices.ContainsFunc(rules, func(r ownersRule) bool { return r.pattern.MatchString(path.Clean(file)) }) {
			continue
		}
		about = true
		if !slices.ContainsFunc(ownersOf(rules, file), func(o string) bool { return is[o] }) {
			return false
		}
	}
	return about
}

// touched are the files that a pull request changes: those that merging it changes, or once it is merged those that the
// forge says it has changed.
func (b *Bot) touched(ctx context.Context, a asked) ([]string, error) {
	if a.pr.State != forge.StateMerged {
		return a.repo.ChangedFiles(ctx, a.base, a.pr.Head.SHA)
	}
	changed, err := b.Forge.ChangedFiles(ctx, a.pr.Repo, a.pr.Number)
	if err != nil {
		return nil, err
	}
	if changed.Truncated {
		return nil, errors.New("the pull request changes more files than the forge lists")
	}
	return changed.Paths(), nil
}
