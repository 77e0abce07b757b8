package bot

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"unicode"

	"github.com/weighlock/weighlock/bot/forge"
)

// ownersFiles are where forges look for code owners, the first that is there.
var ownersFiles = []string{".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"}

// An ownersRule is a line of a CODEOWNERS file.
type ownersRule struct {
	pattern *regexp.Regexp
	owners  []string
}

// parseOwners reads a CODEOWNERS file. Of the rules that match a file the last one holds; sections of GitLab's are read as
// one list.
func parseOwners(text string) []ownersRule {
	var rules []ownersRule
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, " #")
		words := ownersWords(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") || strings.HasPrefix(words[0], "[") || strings.HasPrefix(words[0], "^[") {
			continue
		}
		rules = append(rules, ownersRule{ownersPattern(words[0]), words[1:]})
	}
	return rules
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

// ownersOf are the owners of a file.
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
	var rules []ownersRule
	for _, name := range ownersFiles {
		data, err := a.repo.File(ctx, a.base, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		rules = parseOwners(string(data))
		break
	}
	files, err := b.touched(ctx, a)
	if err != nil {
		return nil, err
	}
	member := map[string]bool{}
	var out []string
	for _, f := range files {
		owned := false
		for _, o := range ownersOf(rules, f) {
			name, mention := strings.CutPrefix(o, "@")
			is, known := member[name]
			if mention && strings.Contains(name, "/") && !known {
				team, err := b.team(ctx, a.by, []string{name})
				if err != nil {
					return nil, err
				}
				is = team != ""
				member[name] = is
			}
			owned = owned || is || mention && strings.EqualFold(name, a.by.Login)
		}
		if !owned {
			out = append(out, f)
		}
	}
	return out, nil
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
