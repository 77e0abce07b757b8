package py

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// isSpace is str.isspace of one character.
func isSpace(r rune) bool {
	return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f
}

// isLineEnd reports whether str.splitlines breaks at r.
func isLineEnd(r rune) bool {
	switch r {
	case '\n', '\r', '\v', '\f', 0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029:
		return true
	}
	return false
}

// Upper is str.upper.
func Upper(s string) string {
	if isASCII(s) {
		return strings.ToUpper(s)
	}
	return mapRunes(s, unicode.ToUpper, upperSpecial)
}

// Lower is str.lower.
func Lower(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	var b strings.Builder
	runes := []rune(s)
	for i, r := range runes {
		switch {
		case r == 'Σ' && finalSigma(runes, i):
			b.WriteRune('ς')
		case r == 'İ':
			b.WriteString("i̇")
		default:
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

// finalSigma reports whether the capital sigma at i ends a word.
func finalSigma(runes []rune, i int) bool {
	j := i - 1
	for j >= 0 && caseIgnorable(runes[j]) {
		j--
	}
	if j < 0 || !isCased(runes[j]) {
		return false
	}
	j = i + 1
	for j < len(runes) && caseIgnorable(runes[j]) {
		j++
	}
	return j == len(runes) || !isCased(runes[j])
}

func caseIgnorable(r rune) bool {
	switch r {
	case '\'', '.', ':', '^', '`', 0xb7, 0x2018, 0x2019, 0x2024, 0x2027:
		return true
	}
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk)
}

func mapRunes(s string, simple func(rune) rune, special map[rune]string) string {
	var b strings.Builder
	for _, r := range s {
		if full, ok := special[r]; ok {
			b.WriteString(full)
		} else {
			b.WriteRune(simple(r))
		}
	}
	return b.String()
}

func upperRune(r rune) string { return Upper(string(r)) }

func titleRune(r rune) string {
	if full, ok := titleSpecial[r]; ok {
		return full
	}
	return string(unicode.ToTitle(r))
}

func foldCase(s string) string {
	return mapRunes(s, unicode.ToLower, foldSpecial)
}

// Capitalize is str.capitalize.
func Capitalize(s string) string {
	if s == "" {
		return ""
	}
	r, _ := utf8.DecodeRuneInString(s)
	rest := Lower(s)[len(Lower(string(r))):]
	return titleRune(r) + rest
}

// titleCase is str.title: a letter after a caseless character starts a word.
func titleCase(s string) string {
	var b strings.Builder
	cased := false
	runes := []rune(s)
	for i, r := range runes {
		switch {
		case !cased:
			b.WriteString(titleRune(r))
		case r == 'Σ' && finalSigma(runes, i):
			b.WriteRune('ς')
		default:
			b.WriteString(Lower(string(r)))
		}
		cased = isCased(r)
	}
	return b.String()
}

func swapCase(s string) string {
	var b strings.Builder
	runes := []rune(s)
	for i, r := range runes {
		switch {
		case isUpper(r):
			if r == 'Σ' && finalSigma(runes, i) {
				b.WriteRune('ς')
			} else {
				b.WriteString(Lower(string(r)))
			}
		case isLower(r):
			b.WriteString(upperRune(r))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func isLower(r rune) bool {
	return unicode.IsLower(r) || unicode.Is(unicode.Other_Lowercase, r)
}

func isUpper(r rune) bool {
	return unicode.IsUpper(r) || unicode.Is(unicode.Other_Uppercase, r)
}

func isCased(r rune) bool { return isLower(r) || isUpper(r) || unicode.IsTitle(r) }

func inRanges(r rune, table []rune) bool {
	i, found := slices.BinarySearch(table, r)
	return found || i%2 == 1
}

func isDigit(r rune) bool { return unicode.IsDigit(r) || inRanges(r, digitRanges) }

func isNumeric(r rune) bool { return isDigit(r) || inRanges(r, numericRanges) }

func isAlnum(r rune) bool { return unicode.IsLetter(r) || isNumeric(r) }

// allRunes reports whether s is not empty and every character satisfies ok.
func allRunes(s string, ok func(rune) bool) bool {
	if s == "" {
		return false
	}
	for _, r := range s {
		if !ok(r) {
			return false
		}
	}
	return true
}

// IsLowerStr is str.islower: a cased character, and none that is not lower.
func IsLowerStr(s string) bool { return casedAs(s, isLower) }

// IsUpperStr is str.isupper.
func IsUpperStr(s string) bool { return casedAs(s, isUpper) }

func casedAs(s string, want func(rune) bool) bool {
	seen := false
	for _, r := range s {
		if want(r) {
			seen = true
		} else if isCased(r) {
			return false
		}
	}
	return seen
}

func isTitleStr(s string) bool {
	seen, prev := false, false
	for _, r := range s {
		switch {
		case isUpper(r) || unicode.IsTitle(r):
			if prev {
				return false
			}
			seen, prev = true, true
		case isLower(r):
			if !prev {
				return false
			}
		default:
			prev = false
		}
	}
	return seen
}

// IsIdentifier is str.isidentifier.
func IsIdentifier(s string) bool {
	for i, r := range s {
		start := r == '_' || unicode.IsLetter(r) || unicode.Is(unicode.Nl, r) || unicode.Is(unicode.Other_ID_Start, r)
		if start {
			continue
		}
		if i == 0 || !(unicode.IsDigit(r) || unicode.In(r, unicode.Mn, unicode.Mc, unicode.Pc) || unicode.Is(unicode.Other_ID_Continue, r)) {
			return false
		}
	}
	return s != ""
}

// SplitLines is str.splitlines.
func SplitLines(s string, keepEnds bool) []string {
	var lines []string
	start := 0
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if !isLineEnd(r) {
			i += n
			continue
		}
		end := i
		i += n
		if r == '\r' && i < len(s) && s[i] == '\n' {
			i++
		}
		if keepEnds {
			end = i
		}
		lines = append(lines, s[start:end])
		start = i
	}
	if start < len(s) {
		lines = append(lines, s[start:])
	}
	return lines
}

// Fields is str.split() without a separator: at most max splits, all if max < 0.
func Fields(s string, max int) []string {
	var out []string
	s = strings.TrimLeftFunc(s, isSpace)
	for s != "" {
		if max >= 0 && len(out) == max {
			return append(out, s)
		}
		i := strings.IndexFunc(s, isSpace)
		if i < 0 {
			return append(out, s)
		}
		out = append(out, s[:i])
		s = strings.TrimLeftFunc(s[i:], isSpace)
	}
	return out
}

func fieldsRight(s string, max int) []string {
	var out []string
	s = strings.TrimRightFunc(s, isSpace)
	for s != "" {
		if max >= 0 && len(out) == max {
			out = append(out, s)
			break
		}
		i := strings.LastIndexFunc(s, isSpace)
		if i < 0 {
			out = append(out, s)
			break
		}
		_, n := utf8.DecodeRuneInString(s[i:])
		out = append(out, s[i+n:])
		s = strings.TrimRightFunc(s[:i], isSpace)
	}
	slices.Reverse(out)
	return out
}

func splitRight(s, sep string, max int) []string {
	var out []string
	for max < 0 || len(out) < max {
		i := strings.LastIndex(s, sep)
		if i < 0 {
			break
		}
		out = append(out, s[i+len(sep):])
		s = s[:i]
	}
	out = append(out, s)
	slices.Reverse(out)
	return out
}

// IsNumeric is str.isnumeric.
func IsNumeric(s string) bool { return allRunes(s, isNumeric) }
