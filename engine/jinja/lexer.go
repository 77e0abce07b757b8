package jinja

import (
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/weighlock/weighlock/engine/jinja/py"
)

// opening is a delimiter that begins something in template data.
type opening struct {
	kind tokenKind // tokVariableBegin, tokBlockBegin, or tokEOF for a comment
	text string
	line byte // 0, or 's' and 'c' for the line statement and comment prefixes
}

// lexer turns template text into tokens, one at a time.
type lexer struct {
	syn      Syntax
	openings []opening
	first    string // the first bytes of all openings
	src      string
	pos      int
	line     int
	counted  int       // position up to which line is right
	state    tokenKind // tokData outside of tags, else the kind that opened the tag
	lineStmt bool      // the open tag is a line statement
	starting bool      // the last thing consumed ended a line (or nothing was consumed yet)
	closers  []byte    // brackets waiting to be closed
	pending  [2]token  // tokens already made: text and what opens a tag behind it
	queued   int
	last     int // line of the last token, which is what the end of the template counts as
}

// normalizeNewlines makes every line end a \n and drops one at the very end.
func normalizeNewlines(src string, keepLast bool) string {
	if strings.IndexByte(src, '\r') >= 0 {
		src = strings.ReplaceAll(strings.ReplaceAll(src, "\r\n", "\n"), "\r", "\n")
	}
	if !keepLast {
		src = strings.TrimSuffix(src, "\n")
	}
	return src
}

func newLexer(syn Syntax, src string) *lexer {
	lx := &lexer{syn: syn, src: normalizeNewlines(src, syn.KeepTrailingNewline), line: 1, last: 1, state: tokData, starting: true}
	lx.openings = []opening{{tokBlockBegin, syn.BlockStart, 0}, {tokVariableBegin, syn.VariableStart, 0}, {tokEOF, syn.CommentStart, 0}}
	if syn.LineStatementPrefix != "" {
		lx.openings = append(lx.openings, opening{tokBlockBegin, syn.LineStatementPrefix, 's'})
	}
	if syn.LineCommentPrefix != "" {
		lx.openings = append(lx.openings, opening{tokEOF, syn.LineCommentPrefix, 'c'})
	}
	// The longest delimiter wins; Jinja2 breaks ties by the token's name, downwards.
	rank := func(o opening) int {
		switch {
		case o.kind == tokVariableBegin:
			return 0
		case o.line == 's':
			return 1
		case o.line == 'c':
			return 2
		case o.kind == tokEOF:
			return 3
		}
		return 4
	}
	sort.SliceStable(lx.openings, func(i, j int) bool {
		a, b := lx.openings[i], lx.openings[j]
		if len(a.text) != len(b.text) {
			return len(a.text) > len(b.text)
		}
		return rank(a) < rank(b)
	})
	for _, o := range lx.openings {
		if strings.IndexByte(lx.first, o.text[0]) < 0 {
			lx.first += o.text[:1]
		}
	}
	return lx
}

// lineAt returns the line of pos; positions are asked for in rising order.
func (lx *lexer) lineAt(pos int) int {
	if pos > lx.counted {
		lx.line += strings.Count(lx.src[lx.counted:pos], "\n")
		lx.counted = pos
	}
	return lx.line
}

func (lx *lexer) fail(pos int, format string, args ...any) error {
	return &syntaxError{line: lx.lineAt(pos), err: py.Errorf(kindSyntax, format, args...)}
}

// next reads the next token that the parser cares about into t.
func (lx *lexer) next(t *token) error {
	for {
		switch {
		case lx.queued > 0:
			*t = lx.pending[0]
			lx.pending[0] = lx.pending[1]
			lx.queued--
		case lx.state != tokData:
			ok, err := lx.inTag(t)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
		case lx.pos >= len(lx.src):
			*t = token{kind: tokEOF, line: lx.last}
		default:
			if err := lx.inData(); err != nil {
				return err
			}
			continue
		}
		lx.last = t.line
		return nil
	}
}

// match is an opening found in data.
type match struct {
	opening
	start, end int // of the opening, sign included
	sign       byte
	rawEnd     int // end of a whole {% raw %} tag; 0 when it is none
}

// inData consumes text and the opening after it.
func (lx *lexer) inData() error {
	start := lx.pos
	m, ok := lx.find()
	if !ok {
		lx.data(start, len(lx.src))
		lx.pos = len(lx.src)
		return nil
	}
	end := m.start
	text := lx.src[start:end]
	switch {
	case m.sign == '-':
		end = start + len(strings.TrimRightFunc(text, pySpace))
	case m.sign != '+' && lx.syn.LstripBlocks && m.kind != tokVariableBegin:
		end = start + len(lx.lstrip(text))
	}
	lx.data(start, end)
	line := lx.lineAt(m.start)
	lx.pos = m.end
	lx.starting = m.end > m.start && lx.src[m.end-1] == '\n'
	switch {
	case m.rawEnd > 0:
		lx.pos = m.rawEnd
		lx.starting = lx.src[m.rawEnd-1] == '\n'
		return lx.rawBlock()
	case m.kind == tokEOF && m.line == 'c':
		if i := strings.IndexByte(lx.src[lx.pos:], '\n'); i >= 0 {
			lx.pos += i
		} else {
			lx.pos = len(lx.src)
		}
		lx.starting = false
		return nil
	case m.kind == tokEOF:
		return lx.comment()
	}
	lx.state, lx.lineStmt = m.kind, m.line == 's'
	lx.queue(token{kind: m.kind, line: line})
	return nil
}

// lstrip removes the white space between the last line start and the tag.
func (lx *lexer) lstrip(text string) string {
	i := strings.LastIndexByte(text, '\n') + 1
	if (i > 0 || lx.starting) && strings.TrimFunc(text[i:], pySpace) == "" {
		return text[:i]
	}
	return text
}

func (lx *lexer) data(start, end int) {
	if end <= start {
		return
	}
	text := lx.src[start:end]
	line := lx.lineAt(start)
	if lx.syn.NewlineSequence != "\n" {
		text = strings.ReplaceAll(text, "\n", lx.syn.NewlineSequence)
	}
	lx.queue(token{kind: tokData, line: line, text: text})
}

func (lx *lexer) queue(t token) {
	lx.pending[lx.queued] = t
	lx.queued++
}

// find looks for the first opening at or after pos.
func (lx *lexer) find() (match, bool) {
	if lx.syn.LineStatementPrefix != "" || lx.syn.LineCommentPrefix != "" {
		for i := lx.pos; i <= len(lx.src); i++ {
			if m, ok := lx.openingAt(i); ok {
				return m, true
			}
		}
		return match{}, false
	}
	for i := lx.pos; ; i++ {
		var j int
		if len(lx.first) == 1 {
			j = strings.IndexByte(lx.src[i:], lx.first[0])
		} else {
			j = strings.IndexAny(lx.src[i:], lx.first)
		}
		if j < 0 {
			return match{}, false
		}
		i += j
		if m, ok := lx.openingAt(i); ok {
			return m, true
		}
	}
}

func (lx *lexer) openingAt(i int) (match, bool) {
	if strings.HasPrefix(lx.src[i:], lx.syn.BlockStart) {
		if m, ok := lx.rawAt(i); ok {
			return m, true
		}
	}
	for _, o := range lx.openings {
		j := i
		switch o.line {
		case 's':
			if i > 0 && lx.src[i-1] != '\n' {
				continue
			}
			j = lx.skip(i, " \t\v")
		case 'c':
			atStart := i == 0 || lx.src[i-1] == '\n'
			if !atStart {
				if r, _ := utf8.DecodeLastRuneInString(lx.src[:i]); pySpace(r) {
					continue
				}
			}
			for j < len(lx.src) && lx.src[j] != '\n' && lx.src[j] != '\r' && pySpace(rune(lx.src[j])) {
				j++
			}
		}
		if !strings.HasPrefix(lx.src[j:], o.text) {
			continue
		}
		m := match{opening: o, start: i, end: j + len(o.text)}
		if m.end < len(lx.src) && (lx.src[m.end] == '-' || lx.src[m.end] == '+') {
			m.sign = lx.src[m.end]
			m.end++
		}
		return m, true
	}
	return match{}, false
}

func (lx *lexer) skip(i int, set string) int {
	for i < len(lx.src) && strings.IndexByte(set, lx.src[i]) >= 0 {
		i++
	}
	return i
}

func (lx *lexer) skipSpace(i int) int {
	for i < len(lx.src) {
		if c := lx.src[i]; c < utf8.RuneSelf {
			if c > ' ' || !pySpace(rune(c)) {
				break
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(lx.src[i:])
		if !pySpace(r) {
			break
		}
		i += n
	}
	return i
}

func pySpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// rawAt recognises a whole {% raw %} tag.
func (lx *lexer) rawAt(i int) (match, bool) {
	m := match{opening: opening{kind: tokBlockBegin}, start: i, end: i + len(lx.syn.BlockStart)}
	j := m.end
	if j < len(lx.src) && (lx.src[j] == '-' || lx.src[j] == '+') {
		m.sign = lx.src[j]
		j++
		m.end = j
	}
	j = lx.skipSpace(j)
	if !strings.HasPrefix(lx.src[j:], "raw") {
		return m, false
	}
	j = lx.skipSpace(j + 3)
	switch {
	case strings.HasPrefix(lx.src[j:], "-"+lx.syn.BlockEnd):
		m.rawEnd = lx.skipSpace(j + 1 + len(lx.syn.BlockEnd))
	case strings.HasPrefix(lx.src[j:], lx.syn.BlockEnd):
		m.rawEnd = j + len(lx.syn.BlockEnd)
	default:
		return m, false
	}
	return m, true
}

// rawBlock consumes the contents of a raw block and its end tag.
func (lx *lexer) rawBlock() error {
	start := lx.pos
	for i := start; ; i++ {
		j := strings.Index(lx.src[i:], lx.syn.BlockStart)
		if j < 0 {
			return lx.fail(start, "Missing end of raw directive")
		}
		i += j
		end, sign, ok := lx.endraw(i)
		if !ok {
			continue
		}
		text := lx.src[start:i]
		switch {
		case sign == '-':
			text = strings.TrimRightFunc(text, pySpace)
		case sign != '+' && lx.syn.LstripBlocks:
			text = lx.lstrip(text)
		}
		lx.data(start, start+len(text))
		lx.pos = end
		lx.starting = lx.src[end-1] == '\n'
		return nil
	}
}

func (lx *lexer) endraw(i int) (end int, sign byte, ok bool) {
	j := i + len(lx.syn.BlockStart)
	if j < len(lx.src) && (lx.src[j] == '-' || lx.src[j] == '+') {
		sign = lx.src[j]
		j++
	}
	j = lx.skipSpace(j)
	if !strings.HasPrefix(lx.src[j:], "endraw") {
		return 0, 0, false
	}
	end, ok = lx.endTag(lx.skipSpace(j+6), lx.syn.BlockEnd)
	return end, sign, ok
}

// endTag matches the end of a block or comment: +%}, -%} and the space after
// it, or %} and, with TrimBlocks, a newline.
func (lx *lexer) endTag(i int, text string) (int, bool) {
	s := lx.src[i:]
	signed := func(sign byte) bool {
		return s != "" && s[0] == sign && strings.HasPrefix(s[1:], text)
	}
	switch {
	case signed('+'):
		return i + 1 + len(text), true
	case signed('-'):
		return lx.skipSpace(i + 1 + len(text)), true
	case strings.HasPrefix(s, text):
		i += len(text)
		if lx.syn.TrimBlocks && i < len(lx.src) && lx.src[i] == '\n' {
			i++
		}
		return i, true
	}
	return 0, false
}

func (lx *lexer) comment() error {
	for i := lx.pos; i < len(lx.src); i++ {
		if end, ok := lx.endTag(i, lx.syn.CommentEnd); ok {
			lx.pos = end
			lx.starting = lx.src[end-1] == '\n'
			return nil
		}
		j := strings.IndexAny(lx.src[i+1:], "+-"+lx.syn.CommentEnd[:1])
		if j < 0 {
			break
		}
		i += j
	}
	return lx.fail(lx.pos, "Missing end of comment tag")
}
