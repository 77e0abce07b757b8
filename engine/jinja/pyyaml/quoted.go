package pyyaml

import (
	"fmt"
	"strings"
)

// singleQuoted writes '…', folded at single blanks inside.
func (e *emitter) singleQuoted(s string, split bool) {
	e.indicator("'", true, false, false)
	for i := 0; i < len(s); {
		switch c := s[i]; c {
		case ' ':
			n := len(s[i:]) - len(strings.TrimLeft(s[i:], " "))
			if n == 1 && split && e.column > bestWidth && i != 0 && i+n != len(s) {
				e.writeIndent()
			} else {
				e.write(s[i : i+n])
			}
			i += n
		case '\n':
			n := len(s[i:]) - len(strings.TrimLeft(s[i:], "\n"))
			e.lineBreak()
			for range n {
				e.lineBreak()
			}
			e.writeIndent()
			i += n
		case '\'':
			e.write("''")
			i++
		default:
			n := strings.IndexAny(s[i:], " \n'")
			if n < 0 {
				n = len(s) - i
			}
			e.write(s[i : i+n])
			i += n
		}
	}
	e.indicator("'", false, false, false)
}

var escapes = map[rune]byte{
	0: '0', '\a': 'a', '\b': 'b', '\t': 't', '\n': 'n', '\v': 'v', '\f': 'f', '\r': 'r', 0x1b: 'e',
	'"': '"', '\\': '\\', 0x85: 'N', 0xa0: '_', 0x2028: 'L', 0x2029: 'P',
}

// doubleQuoted writes "…" in ASCII, folded where a line gets too long.
func (e *emitter) doubleQuoted(s []rune, split bool) {
	e.indicator(`"`, true, false, false)
	start := 0 // what is before it has been written
	for end := 0; end <= len(s); end++ {
		special := end == len(s) || s[end] == '"' || s[end] == '\\' || s[end] < ' ' || s[end] > '~'
		if special {
			e.write(string(s[start:end]))
			start = end
			if end < len(s) {
				e.escape(s[end])
				start = end + 1
			}
		}
		if split && end > 0 && end < len(s)-1 && (s[end] == ' ' || start >= end) && e.column+end-start > bestWidth {
			if start < end {
				e.write(string(s[start:end]))
				start = end
			}
			e.write(`\`)
			e.writeIndent()
			e.whitespace, e.indention = false, false
			if s[start] == ' ' {
				e.write(`\`)
			}
		}
	}
	e.indicator(`"`, false, false, false)
}

func (e *emitter) escape(r rune) {
	if c, ok := escapes[r]; ok {
		e.write(`\` + string(c))
		return
	}
	switch {
	case r <= 0xff:
		e.write(fmt.Sprintf(`\x%02X`, r))
	case r <= 0xffff:
		e.write(fmt.Sprintf(`\u%04X`, r))
	default:
		e.write(fmt.Sprintf(`\U%08X`, r))
	}
}

// literal writes a block scalar: |, a hint about its ends, and its lines.
func (e *emitter) literal(s string) {
	hints := blockHints(s)
	e.indicator("|"+hints, true, false, false)
	if strings.HasSuffix(hints, "+") {
		e.openEnded = true
	}
	e.lineBreak()
	for s != "" {
		n := strings.IndexByte(s, '\n')
		if n < 0 {
			n = len(s)
		}
		if n > 0 {
			e.writeIndent()
			e.b.WriteString(s[:n]) // PyYAML does not count these columns
		}
		s = s[n:]
		if s == "" {
			e.lineBreak()
			return
		}
		s = s[1:]
		e.lineBreak()
	}
}

func blockHints(s string) string {
	if s == "" {
		return ""
	}
	var hints string
	if s[0] == ' ' || s[0] == '\n' {
		hints = fmt.Sprint(bestIndent)
	}
	switch {
	case s[len(s)-1] != '\n':
		hints += "-"
	case len(s) == 1 || s[len(s)-2] == '\n':
		hints += "+"
	}
	return hints
}

// analysis says in which styles a scalar can be written.
type analysis struct {
	empty, multiline, flowPlain, blockPlain, singleQuoted, block bool
}

func analyze(s string) analysis {
	if s == "" {
		return analysis{empty: true, blockPlain: true, singleQuoted: true}
	}
	var (
		blockIndicators, flowIndicators, breaks, special bool
		breakSpace, spaceBreak                           bool
		prevSpace, prevBreak                             bool
	)
	if strings.HasPrefix(s, "---") || strings.HasPrefix(s, "...") {
		blockIndicators, flowIndicators = true, true
	}
	r := []rune(s)
	blankAt := func(i int) bool {
		return i >= len(r) || strings.ContainsRune("\x00 \t\r\n\u0085\u2028\u2029", r[i])
	}
	for i, c := range r {
		if i == 0 {
			switch {
			case strings.ContainsRune("#,[]{}&*!|>'\"%@`", c), c == '-' && blankAt(1):
				flowIndicators, blockIndicators = true, true
			case c == '?' || c == ':':
				flowIndicators = true
				blockIndicators = blockIndicators || blankAt(1)
			}
		} else {
			switch {
			case strings.ContainsRune(",?[]{}", c):
				flowIndicators = true
			case c == ':':
				flowIndicators = true
				blockIndicators = blockIndicators || blankAt(i+1)
			case c == '#' && blankAt(i-1):
				flowIndicators, blockIndicators = true, true
			}
		}
		isBreak := c == '\n' || c == 0x85 || c == 0x2028 || c == 0x2029
		breaks = breaks || isBreak
		special = special || c != '\n' && (c < ' ' || c > '~')
		breakSpace = breakSpace || c == ' ' && prevBreak
		spaceBreak = spaceBreak || isBreak && prevSpace
		prevSpace, prevBreak = c == ' ', isBreak
	}
	first, last := r[0], r[len(r)-1]
	edge := first == ' ' || first == '\n' || last == ' ' || last == '\n'
	a := analysis{multiline: breaks}
	plain := !edge && !breakSpace && !spaceBreak && !special && !breaks
	a.flowPlain = plain && !flowIndicators
	a.blockPlain = plain && !blockIndicators
	a.singleQuoted = !breakSpace && !spaceBreak && !special
	a.block = last != ' ' && !spaceBreak && !special
	return a
}
