package py

import (
	"html"
	"strconv"
	"strings"
)

// Unescape is html.unescape: character references become characters. Go's
// html package knows the same names; numeric references differ in what is
// done with code points that are no characters.
func Unescape(s string) string {
	if !strings.Contains(s, "&") {
		return s
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '&')
		if i < 0 {
			break
		}
		b.WriteString(s[:i])
		s = s[i:]
		if strings.HasPrefix(s, "&#") {
			if text, n := numericRef(s); n > 0 {
				b.WriteString(text)
				s = s[n:]
				continue
			}
			b.WriteByte('&')
			s = s[1:]
			continue
		}
		end := 1
		for end < len(s) && end < 33 && strings.IndexByte("\t\n\f <&#;", s[end]) < 0 {
			end++
		}
		if end < len(s) && s[end] == ';' {
			end++
		}
		b.WriteString(html.UnescapeString(s[:end]))
		s = s[end:]
	}
	return b.String() + s
}

func numericRef(s string) (string, int) {
	i, base := 2, 10
	if i < len(s) && s[i]|0x20 == 'x' {
		i, base = 3, 16
	}
	start := i
	for i < len(s) && (isDecimal(s[i]) || base == 16 && s[i]|0x20 >= 'a' && s[i]|0x20 <= 'f') {
		i++
	}
	if i == start {
		return "", 0
	}
	n, err := strconv.ParseUint(s[start:i], base, 32)
	if i < len(s) && s[i] == ';' {
		i++
	}
	switch {
	case err != nil || n > 0x10ffff || n >= 0xd800 && n <= 0xdfff || n == 0:
		return "\ufffd", i
	case n == 0x0d:
		return "\r", i
	case n >= 0x80 && n <= 0x9f:
		return html.UnescapeString("&#" + strconv.FormatUint(n, 10) + ";"), i
	case n <= 8 || n == 0xb || n >= 0xe && n <= 0x1f || n == 0x7f ||
		n >= 0xfdd0 && n <= 0xfdef || n&0xfffe == 0xfffe:
		return "", i
	}
	return string(rune(n)), i
}
