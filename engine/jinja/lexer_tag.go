package jinja

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/weighlock/weighlock/engine/jinja/py"
)

// inTag makes the next token inside of a tag; ok is false when it only skipped
// white space or left the tag without a token.
func (lx *lexer) inTag(t *token) (ok bool, err error) {
	if len(lx.closers) == 0 {
		if lx.tagEnd(t) {
			return true, nil
		}
	}
	if lx.pos >= len(lx.src) {
		*t = token{kind: tokEOF, line: lx.last}
		return true, nil
	}
	if end := lx.skipSpace(lx.pos); end > lx.pos {
		lx.starting = lx.src[end-1] == '\n'
		lx.pos = end
		return false, nil
	}
	lx.starting = false
	c := lx.src[lx.pos]
	line := lx.lineAt(lx.pos)
	switch {
	case c >= '0' && c <= '9':
		return lx.number(t, line)
	case c == '\'' || c == '"':
		return lx.str(t, line, c)
	case c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= utf8.RuneSelf:
		return lx.name(t, line)
	}
	return lx.operator(t, line)
}

// tagEnd matches the end of the open tag.
func (lx *lexer) tagEnd(t *token) bool {
	var end int
	ok := false
	kind := tokBlockEnd
	switch {
	case lx.lineStmt:
		end, ok = lx.lineEnd()
	case lx.state == tokBlockBegin:
		end, ok = lx.endTag(lx.pos, lx.syn.BlockEnd)
	default:
		kind = tokVariableEnd
		s := lx.src[lx.pos:]
		switch {
		case s != "" && s[0] == '-' && strings.HasPrefix(s[1:], lx.syn.VariableEnd):
			end, ok = lx.skipSpace(lx.pos+1+len(lx.syn.VariableEnd)), true
		case strings.HasPrefix(s, lx.syn.VariableEnd):
			end, ok = lx.pos+len(lx.syn.VariableEnd), true
		}
	}
	if !ok {
		return false
	}
	*t = token{kind: kind, line: lx.lineAt(lx.pos)}
	lx.starting = end > lx.pos && lx.src[end-1] == '\n'
	lx.pos, lx.state, lx.lineStmt = end, tokData, false
	return true
}

// lineEnd matches \s*(\n|$): greedy, so the last line end of the white space.
func (lx *lexer) lineEnd() (int, bool) {
	end := lx.skipSpace(lx.pos)
	if end == len(lx.src) {
		return end, true
	}
	if i := strings.LastIndexByte(lx.src[lx.pos:end], '\n'); i >= 0 {
		return lx.pos + i + 1, true
	}
	return 0, false
}

func (lx *lexer) name(t *token, line int) (bool, error) {
	end := lx.pos
	ascii := true
	for end < len(lx.src) {
		c := lx.src[end]
		if c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' {
			end++
			continue
		}
		if c < utf8.RuneSelf {
			break
		}
		ascii = false
		r, n := utf8.DecodeRuneInString(lx.src[end:])
		if !nameRune(r) {
			break
		}
		end += n
	}
	if end == lx.pos {
		return lx.operator(t, line)
	}
	text := lx.src[lx.pos:end]
	if c := text[0]; c >= '0' && c <= '9' || !ascii && !py.IsIdentifier(text) {
		return false, lx.fail(lx.pos, "Invalid character in identifier")
	}
	lx.pos = end
	*t = token{kind: tokName, line: line, text: text}
	return true, nil
}

// nameRune reports whether r may stand in a name; not every name made of such
// characters is an identifier.
func nameRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.In(r, unicode.Mn, unicode.Mc, unicode.Pc, unicode.Other_ID_Continue)
}

// digits matches (\d+_)*\d+ at i and returns its end.
func (lx *lexer) digits(i int, valid string) int {
	start := i
	for i < len(lx.src) {
		switch {
		case strings.IndexByte(valid, lx.src[i]) >= 0:
			i++
		case lx.src[i] == '_' && i > start && i+1 < len(lx.src) && strings.IndexByte(valid, lx.src[i+1]) >= 0:
			i += 2
		default:
			return i
		}
	}
	return i
}

const decimal = "0123456789"

func (lx *lexer) number(t *token, line int) (bool, error) {
	start := lx.pos
	if start == 0 || lx.src[start-1] != '.' {
		if end := lx.floatEnd(start); end > 0 {
			f, err := strconv.ParseFloat(strings.ReplaceAll(lx.src[start:end], "_", ""), 64)
			if err != nil && f == 0 {
				return false, lx.fail(start, "invalid number")
			}
			lx.pos = end
			*t = token{kind: tokFloat, line: line, num: f}
			return true, nil
		}
	}
	end := lx.intEnd(start)
	v, err := py.ParseInt(strings.ReplaceAll(lx.src[start:end], "_", ""), 0)
	if err != nil {
		return false, &syntaxError{line: line, err: err}
	}
	lx.pos = end
	*t = token{kind: tokInteger, line: line, num: v}
	return true, nil
}

// floatEnd returns where the float at i ends, 0 when there is none.
func (lx *lexer) floatEnd(i int) int {
	end := lx.digits(i, decimal)
	frac := false
	if end+1 < len(lx.src) && lx.src[end] == '.' {
		if e := lx.digits(end+1, decimal); e > end+1 {
			end, frac = e, true
		}
	}
	if end < len(lx.src) && lx.src[end]|0x20 == 'e' {
		e := end + 1
		if e < len(lx.src) && (lx.src[e] == '+' || lx.src[e] == '-') {
			e++
		}
		if e2 := lx.digits(e, decimal); e2 > e {
			return e2
		}
	}
	if frac {
		return end
	}
	return 0
}

func (lx *lexer) intEnd(i int) int {
	if lx.src[i] != '0' {
		return lx.digits(i, decimal)
	}
	if i+1 < len(lx.src) {
		valid := map[byte]string{'b': "01", 'o': "01234567", 'x': "0123456789abcdefABCDEF"}[lx.src[i+1]|0x20]
		if valid != "" {
			e := i + 2
			if e < len(lx.src) && lx.src[e] == '_' {
				e++
			}
			if e2 := lx.digits(e, valid); e2 > e {
				return e2
			}
		}
	}
	return lx.digits(i, "0")
}

func (lx *lexer) operator(t *token, line int) (bool, error) {
	s := lx.src[lx.pos:]
	kind := singleOps[s[0]]
	n, two := 1, ""
	if len(s) > 1 {
		two = s[:2]
	}
	switch two {
	case "//":
		kind, n = tokFloorDiv, 2
	case "**":
		kind, n = tokPow, 2
	case "==":
		kind, n = tokEq, 2
	case "!=":
		kind, n = tokNe, 2
	case ">=":
		kind, n = tokGtEq, 2
	case "<=":
		kind, n = tokLtEq, 2
	}
	if kind == tokEOF {
		r, _ := utf8.DecodeRuneInString(s)
		return false, lx.fail(lx.pos, "unexpected char %s at %d", py.ReprString(string(r)), utf8.RuneCountInString(lx.src[:lx.pos]))
	}
	switch kind {
	case tokLBrace:
		lx.closers = append(lx.closers, '}')
	case tokLParen:
		lx.closers = append(lx.closers, ')')
	case tokLBracket:
		lx.closers = append(lx.closers, ']')
	case tokRBrace, tokRParen, tokRBracket:
		if len(lx.closers) == 0 {
			return false, lx.fail(lx.pos, "unexpected '%c'", s[0])
		}
		want := lx.closers[len(lx.closers)-1]
		lx.closers = lx.closers[:len(lx.closers)-1]
		if want != s[0] {
			return false, lx.fail(lx.pos, "unexpected '%c', expected '%c'", s[0], want)
		}
	}
	lx.pos += n
	*t = token{kind: kind, line: line}
	return true, nil
}

var singleOps = [256]tokenKind{
	'+': tokAdd, '-': tokSub, '/': tokDiv, '*': tokMul, '%': tokMod, '~': tokTilde,
	'[': tokLBracket, ']': tokRBracket, '(': tokLParen, ')': tokRParen, '{': tokLBrace, '}': tokRBrace,
	'>': tokGt, '<': tokLt, '=': tokAssign, '.': tokDot, ':': tokColon, '|': tokPipe, ',': tokComma, ';': tokSemicolon,
}

func (lx *lexer) str(t *token, line int, quote byte) (bool, error) {
	i := lx.pos + 1
	escaped := false
	for {
		end := strings.IndexByte(lx.src[i:], quote)
		if end < 0 {
			return lx.operator(t, line) // an unexpected char
		}
		for end += i; i < end; i++ {
			if lx.src[i] == '\\' {
				escaped = true
				i++
			}
		}
		if i == end { // else a backslash protects this quote
			break
		}
	}
	text := lx.src[lx.pos+1 : i]
	if lx.syn.NewlineSequence != "\n" {
		text = strings.ReplaceAll(text, "\n", lx.syn.NewlineSequence)
	}
	if escaped {
		var msg string
		if text, msg = unescapeString(text); msg != "" {
			return false, lx.fail(lx.pos, "%s", msg)
		}
	}
	lx.pos = i + 1
	*t = token{kind: tokString, line: line, text: text}
	return true, nil
}

// unescapeString resolves Python's escapes; msg is not empty for a bad one.
func unescapeString(s string) (out, msg string) {
	var b strings.Builder
	for s != "" {
		i := strings.IndexByte(s, '\\')
		if i < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:i])
		s = s[i+1:]
		if s == "" {
			return "", `\ at end of string`
		}
		c := s[0]
		if c >= utf8.RuneSelf { // Jinja2 escapes it first, so that the two backslashes become one
			r, n := utf8.DecodeRuneInString(s)
			b.WriteByte('\\')
			switch {
			case r < 0x100:
				b.WriteString("x" + pad(r, 2))
			case r < 0x10000:
				b.WriteString("u" + pad(r, 4))
			default:
				b.WriteString("U" + pad(r, 8))
			}
			s = s[n:]
			continue
		}
		s = s[1:]
		switch c {
		case '\n':
		case '\\', '\'', '"':
			b.WriteByte(c)
		case 'a', 'b', 'f', 'n', 'r', 't', 'v':
			b.WriteByte("\a\b\f\n\r\t\v"[strings.IndexByte("abfnrtv", c)])
		case '0', '1', '2', '3', '4', '5', '6', '7':
			n := int(c - '0')
			for k := 0; k < 2 && s != "" && s[0] >= '0' && s[0] <= '7'; k++ {
				n = n*8 + int(s[0]-'0')
				s = s[1:]
			}
			b.WriteRune(rune(n))
		case 'x', 'u', 'U':
			n := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
			k := 0
			for k < n && k < len(s) && strings.IndexByte("0123456789abcdefABCDEF", s[k]) >= 0 {
				k++
			}
			if k < n {
				return "", `truncated \` + string(c) + strings.Repeat("X", n) + " escape"
			}
			r, err := strconv.ParseUint(s[:n], 16, 32)
			if err != nil || r > utf8.MaxRune {
				return "", "illegal Unicode character"
			}
			b.WriteRune(rune(r))
			s = s[n:]
		case 'N':
			return "", `malformed \N character escape`
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
		}
	}
	return b.String(), ""
}

func pad(r rune, n int) string {
	s := strconv.FormatInt(int64(r), 16)
	return strings.Repeat("0", max(n-len(s), 0)) + s
}
