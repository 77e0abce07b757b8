package jinja

import (
	"strings"
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
	long, err := py.Truth(t, a[2])
	if err != nil {
		return nil, err
	}
	hyphens, err := py.Truth(t, a[4])
	if err != nil {
		return nil, err
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
		w := wrapper{width: width, breakLong: long, hyphens: hyphens}
		if err := t.Step(len(line) / 8); err != nil {
			return nil, err
		}
		var parts []py.Value
		for _, l := range w.wrap(line) {
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
	width     int
	breakLong bool
	hyphens   bool
}

// The white space that textwrap knows: ASCII only.
const wrapSpace = "\t\n\v\f\r "

func (w wrapper) wrap(text string) []string {
	chunks := w.split(text)
	var lines []string
	for i, j := 0, len(chunks)-1; i < j; i, j = i+1, j-1 { // a stack, first chunk on top
		chunks[i], chunks[j] = chunks[j], chunks[i]
	}
	for len(chunks) > 0 {
		var line []string
		n := 0
		if strings.TrimFunc(chunks[len(chunks)-1], pySpace) == "" && len(lines) > 0 {
			chunks = chunks[:len(chunks)-1]
		}
		for len(chunks) > 0 {
			top := chunks[len(chunks)-1]
			l := utf8.RuneCountInString(top)
			if n+l > w.width {
				break
			}
			line = append(line, top)
			chunks = chunks[:len(chunks)-1]
			n += l
		}
		if len(chunks) > 0 && utf8.RuneCountInString(chunks[len(chunks)-1]) > w.width {
			line, chunks = w.long(line, chunks, n)
		}
		if len(line) > 0 && strings.TrimFunc(line[len(line)-1], pySpace) == "" {
			line = line[:len(line)-1]
		}
		if len(line) > 0 {
			lines = append(lines, strings.Join(line, ""))
		}
	}
	return lines
}

// long handles a chunk that does not fit on any line.
func (w wrapper) long(line, chunks []string, n int) ([]string, []string) {
	space := max(w.width-n, 0)
	if w.width < 1 {
		space = 1
	}
	top := len(chunks) - 1
	if w.breakLong {
		runes := []rune(chunks[top])
		end := space
		if w.hyphens && len(runes) > space {
			hyphen := -1
			for i := space - 1; i >= 0; i-- {
				if runes[i] == '-' {
					hyphen = i
					break
				}
			}
			if hyphen > 0 && strings.Trim(string(runes[:hyphen]), "-") != "" {
				end = hyphen + 1
			}
		}
		line = append(line, string(runes[:end]))
		chunks[top] = string(runes[end:])
		return line, chunks
	}
	if len(line) == 0 {
		return append(line, chunks[top]), chunks[:top]
	}
	return line, chunks
}

// split cuts text into words, runs of white space and, with hyphens, the
// parts of hyphenated words.
func (w wrapper) split(text string) []string {
	var chunks []string
	for text != "" {
		n := strings.IndexFunc(text, func(r rune) bool { return !strings.ContainsRune(wrapSpace, r) })
		if n != 0 {
			if n < 0 {
				n = len(text)
			}
		} else if n = strings.IndexAny(text, wrapSpace); n < 0 {
			n = len(text)
		}
		word := text[:n]
		text = text[n:]
		if !w.hyphens || strings.ContainsAny(word[:1], wrapSpace) {
			chunks = append(chunks, word)
			continue
		}
		chunks = append(chunks, splitHyphens(word, text == "")...)
	}
	return chunks
}

// splitHyphens cuts one word behind its hyphens and around its dashes, as
// textwrap's pattern for words does.
func splitHyphens(word string, _ bool) []string {
	var chunks []string
	r := []rune(word)
	for len(r) > 0 {
		n := hyphenChunk(r)
		chunks = append(chunks, string(r[:n]))
		r = r[n:]
	}
	return chunks
}

// wrapPunct may stand in front of an em dash.
func wrapPunct(r rune) bool { return isWord(r) || strings.ContainsRune(`!"'&.,?`, r) }

func letter(r rune) bool { return isWord(r) && (r < '0' || r > '9') }

// hyphenChunk returns the length of the first chunk of a word without white space.
func hyphenChunk(r []rune) int {
	dashes := func(i int) int {
		n := 0
		for i+n < len(r) && r[i+n] == '-' {
			n++
		}
		return n
	}
	if n := dashes(0); n >= 2 && n < len(r) && isWord(r[n]) {
		return n // an em dash, but only between words; the caller cut before it
	}
	for i := 1; i <= len(r); i++ {
		if i == len(r) {
			return i
		}
		if r[i-1] == '-' && i >= 2 {
			// behind a hyphen between letters: two before it, or one and a hyphen; two after
			before := i >= 3 && letter(r[i-2]) && letter(r[i-3]) || i >= 4 && letter(r[i-2]) && r[i-3] == '-' && letter(r[i-4])
			after := i+1 < len(r) && letter(r[i]) && (letter(r[i+1]) || r[i+1] == '-' && i+2 < len(r) && letter(r[i+2]))
			if before && after {
				return i
			}
		}
		if n := dashes(i); n >= 2 && i+n < len(r) && isWord(r[i+n]) && wrapPunct(r[i-1]) {
			return i
		}
	}
	return len(r)
}
