package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Visible is a text for people in which what would not be seen, or would have them see something else than is there, is
// written out, as \u202e: what orders a terminal about, turns text around, is blank or has no width, and bytes that are no
// text. Lines stay lines. What programs read must not go through it.
func Visible(s string) string {
	if !shady(s) {
		return s
	}
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = visible(l)
	}
	return strings.Join(lines, "\n")
}

// visible is [Visible] for one line: the end of a line is no part of it, and is written out, too.
func visible(s string) string {
	if !shady(s) {
		return s
	}
	var b strings.Builder
	before := ' '
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case !hidden(r), choosesLook(r) && unicode.IsSymbol(before):
			b.WriteString(s[:n])
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		s, before = s[n:], r
	}
	return b.String()
}

// shady says whether there may be something in a text to write out.
func shady(s string) bool { return !utf8.ValidString(s) || strings.IndexFunc(s, hidden) >= 0 }

// hidden says whether a character is not seen as what it is. That white space which looks like a space is none matters to
// programs, and a tab is where lines are indented.
func hidden(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' && r != '\t' || r == 0x7f
	}
	return r == '\u2800' || // braille without a dot
		unicode.In(r, unicode.Cc, unicode.Cf, unicode.Z, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// choosesLook says whether a character chooses between the two looks that symbols have, as text and as a picture.
func choosesLook(r rune) bool { return r == '\ufe0e' || r == '\ufe0f' }
