package jinja

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/weighlock/weighlock/engine/jinja/py"
)

func wrapFilters(r registry) {
	r.add("wordwrap", "s, width=79, break_long_words=True, wrapstring=None, break_on_hyphens=True", wordwrap)
}

func wordwrap(t *py.Thread, a []py.Value) (py.Value, error) {
	s, ok := py.IsString(a[0])
	if !ok {
		if u, ok := a[0].(*py.Undefined); ok {
			return nil, u.Err()
		}
		return nil, py.Errorf("AttributeError", "'%s' object has no attribute 'splitlines'", py.TypeName(a[0]))
	}
	sep := a[3]
	if sep == nil {
		sep = stateOf(t).env.syntax.NewlineSequence
	}
	join := py.Method(sep, "join")
	if join == nil {
		return nil, py.Errorf("AttributeError", "'%s' object has no attribute 'join'", py.TypeName(sep))
	}
	var paragraphs []py.Value
	for _, line := range py.SplitLines(s, false) {
		width, err := wrapWidth(t, a[1])
		if err != nil {
			return nil, err
		}
		w := wrapper{t: t, width: width, breakLong: a[2], hyphens: a[4]}
		if err := t.Step(len(line) / 8); err != nil {
			return nil, err
		}
		var parts []py.Value
		lines, err := w.wrap(line)
		if err != nil {
			return nil, err
		}
		for _, l := range lines {
			parts = append(parts, l)
		}
		p, err := join.CallWith(t, sep, py.Args{Pos: []py.Value{py.NewList(parts...)}})
		if err != nil {
			return nil, err
		}
		paragraphs = append(paragraphs, p)
	}
	return join.CallWith(t, sep, py.Args{Pos: []py.Value{py.NewList(paragraphs...)}})
}

func wrapWidth(t *py.Thread, v py.Value) (int, error) {
	if ok, err := py.Compare(t, "<=", v, 0); err != nil {
		return 0, err
	} else if ok {
		s, err := py.Repr(t, v)
		if err != nil {
			return 0, err
		}
		return 0, py.ValueErrorf("invalid width %s (must be > 0)", s)
	}
	if f, ok := v.(float64); ok {
		return int(f), nil
	}
	return py.WantInt(v)
}

// wrapper is Python's textwrap.TextWrapper with tabs and white space kept.
type wrapper struct {
	t         *py.Thread
	width     int
	breakLong py.Value // asked for its truth only when a word is too long
	hyphens   py.Value // words are split when this is True itself
}

// The white space that textwrap knows: ASCII only.
const wrapSpace = "\t\n\v\f\r "

func (w wrapper) wrap(text string) ([]string, error) {
	chunks, err := w.split(text)
	if err != nil {
		return nil, err
	}
	var lines []string
	for i, j := 0, len(chunks)-1; i < j; i, j = i+1, j-1 { // a stack, first chunk on top
		chunks[i], chunks[j] = chunks[j], chunks[i]
	}
	for len(chunks) > 0 {
		if err := w.t.Step(1); err != nil {
			return nil, err
		}
		var line []string
		n := 0
		if strings.TrimFunc(chunks[len(chunks)-1], pySpace) == "" && len(lines) > 0 {
			chunks = chunks[:len(chunks)-1]
		}
		for len(chunks) > 0 {
			top := chunks[len(chunks)-1]
			if w.exceeds(top, w.width-n) {
				break
			}
			line = append(line, top)
			chunks = chunks[:len(chunks)-1]
			n += utf8.RuneCountInString(top)
		}
		if len(chunks) > 0 && w.exceeds(chunks[len(chunks)-1], w.width) {
			if line, chunks, err = w.long(line, chunks, n); err != nil {
				return nil, err
			}
		}
		if len(line) > 0 && strings.TrimFunc(line[len(line)-1], pySpace) == "" {
			line = line[:len(line)-1]
		}
		if len(line) > 0 {
			lines = append(lines, strings.Join(line, ""))
		}
	}
	return lines, nil
}

// exceeds reports whether s has more than n characters, in a time that does
// not depend on how many more.
func (w wrapper) exceeds(s string, n int) bool { return n < 0 || head(s, n) != s }

// head returns the first n characters of s.
func head(s string, n int) string {
	for i := range s {
		if n--; n < 0 {
			return s[:i]
		}
	}
	return s
}

// long handles a chunk that does not fit on any line.
func (w wrapper) long(line, chunks []string, n int) ([]string, []string, error) {
	space := max(w.width-n, 0)
	if w.width < 1 {
		space = 1
	}
	top := len(chunks) - 1
	breakLong, err := py.Truth(w.t, w.breakLong)
	if err != nil {
		return nil, nil, err
	}
	if breakLong {
		hyphens, err := py.Truth(w.t, w.hyphens)
		if err != nil {
			return nil, nil, err
		}
		part := head(chunks[top], space)
		if hyphens && part != chunks[top] {
			if i := strings.LastIndexByte(part, '-'); i > 0 && strings.Trim(part[:i], "-") != "" {
				part = part[:i+1]
			}
		}
		line = append(line, part)
		chunks[top] = chunks[top][len(part):]
		return line, chunks, nil
	}
	if len(line) == 0 {
		return append(line, chunks[top]), chunks[:top], nil
	}
	return line, chunks, nil
}

// split cuts text into words, runs of white space and, with hyphens, the
// parts of hyphenated words.
func (w wrapper) split(text string) ([]string, error) {
	if err := w.t.Charge(4 * len(text)); err != nil { // as runes
		return nil, err
	}
	var chunks []string
	r := []rune(text)
	word := 0 // the end of the word or white space that at is in
	for at := 0; at < len(r); {
		blank := wrapBlank(r[at])
		for word = max(word, at+1); word < len(r) && wrapBlank(r[word]) == blank; {
			word++
		}
		end := word
		if w.hyphens == true && !blank {
			end = hyphenChunk(r, at, word)
		}
		if err := w.t.Gather(); err != nil {
			return nil, err
		}
		chunks = append(chunks, string(r[at:end]))
		at = end
	}
	return chunks, nil
}

func wrapBlank(r rune) bool { return strings.ContainsRune(wrapSpace, r) }

// wrapPunct may stand in front of an em dash.
func wrapPunct(r rune) bool { return isWord(r) || strings.ContainsRune(`!"'&.,?`, r) }

func letter(r rune) bool { return isWord(r) && !unicode.IsDigit(r) }

// hyphenChunk returns the end of the chunk that begins at at, in the word that
// ends at end: behind a hyphen between letters, before an em dash, or an em
// dash itself. What stands before the chunk counts.
func hyphenChunk(r []rune, at, end int) int {
	is := func(i int, ok func(rune) bool) bool { return i >= 0 && i < len(r) && ok(r[i]) }
	hyphen := func(c rune) bool { return c == '-' }
	// emDash returns the end of two or more hyphens at i before a word.
	emDash := func(i int) int {
		if !is(i-1, wrapPunct) {
			return 0
		}
		j := i
		for is(j, hyphen) {
			j++
		}
		if j-i >= 2 && is(j, isWord) {
			return j
		}
		return 0
	}
	if j := emDash(at); j > 0 {
		return j
	}
	for i := at + 1; i < end; i++ {
		if is(i, hyphen) && i > at {
			before := is(i-1, letter) && is(i-2, letter) || is(i-1, letter) && is(i-2, hyphen) && is(i-3, letter)
			after := is(i+1, letter) && is(i+2, letter) || is(i+1, letter) && is(i+2, hyphen) && is(i+3, letter)
			if before && after {
				return i + 1
			}
		}
		if emDash(i) > 0 {
			return i
		}
	}
	return end
}
