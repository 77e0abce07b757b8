package jinja

import (
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"
)

// The patterns that make a word a link. Go's \w, \d and \s are ASCII only, so
// Python's are spelled out.
var linkPatterns = sync.OnceValue(func() (p struct{ http, email *regexp.Regexp }) {
	const (
		w = `[\pL\pN_]`
		s = `[\s\x{1c}-\x{1f}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]`
		n = `[^\s\x{1c}-\x{1f}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]`
	)
	label := `[\pL\pN_%-]`
	p.http = regexp.MustCompile(`(?i)^(?:` +
		`(?:https?://|www\.)(?:(?:` + label + `+\.)+)?(?:[a-z]{2,63}|xn--[\pL\pN_%]{2,59})` +
		`|(?:` + label + `{2,63}\.)+(?:com|net|int|edu|gov|org|info|mil)` +
		`|https?://(?:\p{Nd}{1,3}(?:\.\p{Nd}{1,3}){3}|\[(?:[\p{Nd}a-f]{0,4}:){2}(?:[\p{Nd}a-f]{0,4}:?){1,6}\])` +
		`)(?::\p{Nd}{1,5})?(?:[/?#]` + n + `*)?\n?$`)
	p.email = regexp.MustCompile(`^` + n + `+@` + w + `[\pL\pN_.-]*\.` + w + `+\n?$`)
	_ = s
	return p
})

// text makes links of the URLs and addresses in escaped text.
func (u urlizer) text(s string) string {
	var b strings.Builder
	for s != "" {
		i := strings.IndexFunc(s, pySpace)
		if i < 0 {
			i = len(s)
		}
		b.WriteString(u.word(s[:i]))
		s = s[i:]
		i = strings.IndexFunc(s, func(r rune) bool { return !pySpace(r) })
		if i < 0 {
			i = len(s)
		}
		b.WriteString(s[:i])
		s = s[i:]
	}
	return b.String()
}

// cutAffix removes as many of the affixes as possible from one end of s.
func cutAffix(s string, affixes []string, cut func(s, affix string) (string, bool)) string {
again:
	for _, a := range affixes {
		if rest, ok := cut(s, a); ok {
			s = rest
			goto again
		}
	}
	return s
}

func (u urlizer) word(word string) string {
	middle := cutAffix(word, []string{"(", "<", "&lt;"}, strings.CutPrefix)
	head := word[:len(word)-len(middle)]
	rest := cutAffix(middle, []string{")", ">", ".", ",", "\n", "&gt;"}, strings.CutSuffix)
	tail := middle[len(rest):]
	middle = rest
	// Brackets that are open in the middle are closed by what was cut off.
	for _, pair := range [][2]string{{"(", ")"}, {"<", ">"}, {"&lt;", "&gt;"}} {
		open := strings.Count(middle, pair[0])
		if open <= strings.Count(middle, pair[1]) {
			continue
		}
		end := 0
		for range min(open, strings.Count(tail, pair[1])) {
			end += strings.Index(tail[end:], pair[1]) + len(pair[1])
		}
		middle, tail = middle+tail[:end], tail[end:]
	}
	return head + u.link(middle) + tail
}

func (u urlizer) link(s string) string {
	p := linkPatterns()
	switch {
	case p.http.MatchString(s):
		href := s
		if !strings.HasPrefix(s, "https://") && !strings.HasPrefix(s, "http://") {
			href = "https://" + s
		}
		return `<a href="` + href + `"` + u.rel + u.target + `>` + u.trim(s) + `</a>`
	case strings.HasPrefix(s, "mailto:") && p.email.MatchString(s[len("mailto:"):]):
		return `<a href="` + s + `">` + s[len("mailto:"):] + `</a>`
	case strings.Contains(s, "@") && !strings.HasPrefix(s, "www.") && !strings.HasPrefix(s, "@") &&
		!strings.Contains(s, ":") && p.email.MatchString(s):
		return `<a href="mailto:` + s + `">` + s + `</a>`
	}
	for _, scheme := range u.schemes {
		if s != scheme && strings.HasPrefix(s, scheme) {
			s = `<a href="` + s + `"` + u.rel + u.target + `>` + s + `</a>`
		}
	}
	return s
}

func (u urlizer) trim(s string) string {
	if u.limit < 0 || utf8.RuneCountInString(s) <= u.limit {
		return s
	}
	return string([]rune(s)[:u.limit]) + "..."
}
