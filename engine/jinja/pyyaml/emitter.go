package pyyaml

import (
	"fmt"
	"strings"

	"github.com/weighlock/weighlock/engine/jinja/py"
)

// Options change what [Dump] writes.
type Options struct {
	// Style asks for a style of a str: '\'', '|', or 0 to leave it to PyYAML's
	// own rules. It is a wish: what cannot be written that way is written
	// otherwise.
	Style func(s string) byte
}

// Dump writes v as yaml.dump(v, Dumper=SafeDumper, sort_keys=False) does.
func Dump(t *py.Thread, v py.Value, o Options) (string, error) {
	r := &representer{t: t, style: o.Style}
	root, err := r.value(v)
	if err != nil {
		return "", err
	}
	e := &emitter{t: t, indent: -1, whitespace: true, indention: true}
	e.anchors(root)
	e.node(root, place{root: true})
	e.writeIndent()
	if e.openEnded {
		e.indicator("...", true, false, false)
		e.writeIndent()
	}
	return e.b.String(), e.t.Grow(e.b.Len())
}

const bestWidth, bestIndent = 80, 2

// place is where in the document a node stands.
type place struct{ root, mapping, simpleKey bool }

// emitter writes nodes. Its state is what decides about blanks and line breaks
// in PyYAML: the column, whether the last thing was white space, and whether
// only indentation and indicators stand on the line so far.
type emitter struct {
	t          *py.Thread
	b          strings.Builder
	lastAnchor int
	indents    []int
	indent     int // -1 before the first level
	flow       int
	column     int
	whitespace bool
	indention  bool
	openEnded  bool // an end marker must follow what was written last
}

// anchors names the nodes that are met twice, in the order they are met again.
func (e *emitter) anchors(n *node) {
	if n.seen {
		if n.anchor == "" && (n.kind != scalarNode) {
			e.lastAnchor++
			n.anchor = fmt.Sprintf("id%03d", e.lastAnchor)
		}
		return
	}
	n.seen = true
	for _, c := range n.items {
		e.anchors(c)
	}
}

func (e *emitter) push(flow, indentless bool) {
	e.indents = append(e.indents, e.indent)
	switch {
	case e.indent < 0 && flow:
		e.indent = bestIndent
	case e.indent < 0:
		e.indent = 0
	case !indentless:
		e.indent += bestIndent
	}
}

func (e *emitter) pop() {
	e.indent = e.indents[len(e.indents)-1]
	e.indents = e.indents[:len(e.indents)-1]
}

func (e *emitter) node(n *node, p place) {
	if n.done && n.anchor != "" {
		e.indicator("*"+n.anchor, true, false, false)
		return
	}
	n.done = true
	if n.anchor != "" {
		e.indicator("&"+n.anchor, true, false, false)
	}
	switch n.kind {
	case scalarNode:
		e.scalar(n, p)
	case seqNode:
		if e.flow > 0 || len(n.items) == 0 {
			e.empty("[", "]")
			return
		}
		e.sequence(n, p)
	case mapNode:
		if n.tag != tagPrefix+"map" {
			e.indicator(shortTag(n.tag), true, false, false)
		}
		if e.flow > 0 || len(n.items) == 0 {
			e.empty("{", "}")
			return
		}
		e.mapping(n)
	}
}

// empty writes an empty collection, the only kind that is in flow style.
func (e *emitter) empty(open, end string) {
	e.indicator(open, true, true, false)
	e.indicator(end, false, false, false)
}

func (e *emitter) sequence(n *node, p place) {
	e.push(false, p.mapping && !e.indention)
	for _, item := range n.items {
		e.writeIndent()
		e.indicator("-", true, false, true)
		e.node(item, place{})
	}
	e.pop()
}

func (e *emitter) mapping(n *node) {
	e.push(false, false)
	for i := 0; i < len(n.items); i += 2 {
		key, value := n.items[i], n.items[i+1]
		e.writeIndent()
		if e.simpleKey(key) {
			e.node(key, place{mapping: true, simpleKey: true})
			e.indicator(":", false, false, false)
		} else {
			e.indicator("?", true, false, true)
			e.node(key, place{mapping: true})
			e.writeIndent()
			e.indicator(":", true, false, true)
		}
		e.node(value, place{mapping: true})
	}
	e.pop()
}

// simpleKey reports whether the key fits in front of its colon on one line.
func (e *emitter) simpleKey(n *node) bool {
	length := len(n.anchor)
	if n.done && n.anchor != "" {
		return length < 128
	}
	length += len(shortTag(n.tag))
	if n.kind != scalarNode {
		return length < 128 && len(n.items) == 0
	}
	a := analyze(n.text)
	return length+len([]rune(n.text)) < 128 && !a.empty && !a.multiline
}

func shortTag(tag string) string { return "!!" + strings.TrimPrefix(tag, tagPrefix) }

func (e *emitter) scalar(n *node, p place) {
	a := analyze(n.text)
	implicit := resolve(n.text) == n.tag
	style := e.chooseStyle(n, a, implicit, p)
	if style != 0 && n.tag != tagPrefix+"str" || style == 0 && !implicit {
		e.indicator(shortTag(n.tag), true, false, false)
	}
	e.push(true, false)
	switch style {
	case '"':
		e.doubleQuoted([]rune(n.text), !p.simpleKey)
	case '\'':
		e.singleQuoted(n.text, !p.simpleKey)
	case '|':
		e.literal(n.text)
	default:
		e.plain(n.text, p)
	}
	e.pop()
}

func (e *emitter) chooseStyle(n *node, a analysis, implicit bool, p place) byte {
	if n.style == 0 && implicit && !(p.simpleKey && (a.empty || a.multiline)) &&
		(e.flow > 0 && a.flowPlain || e.flow == 0 && a.blockPlain) {
		return 0
	}
	if n.style == '|' && e.flow == 0 && !p.simpleKey && a.block {
		return '|'
	}
	if n.style != '|' && a.singleQuoted && !(p.simpleKey && a.multiline) {
		return '\''
	}
	return '"'
}

// write puts out text that has no line break.
func (e *emitter) write(s string) {
	e.b.WriteString(s)
	e.column += len(s)
}

func (e *emitter) indicator(s string, needSpace, whitespace, indention bool) {
	if needSpace && !e.whitespace {
		s = " " + s
	}
	e.whitespace = whitespace
	e.indention = e.indention && indention
	e.openEnded = false
	e.write(s)
}

func (e *emitter) writeIndent() {
	indent := max(e.indent, 0)
	if !e.indention || e.column > indent || e.column == indent && !e.whitespace {
		e.lineBreak()
	}
	if e.column < indent {
		e.whitespace = true
		e.write(strings.Repeat(" ", indent-e.column))
	}
}

func (e *emitter) lineBreak() {
	e.whitespace, e.indention = true, true
	e.b.WriteByte('\n')
	e.column = 0
}

// plain writes a scalar without quotes, folded at single blanks.
func (e *emitter) plain(s string, p place) {
	if p.root {
		e.openEnded = true
	}
	if s == "" {
		return
	}
	if !e.whitespace {
		e.write(" ")
	}
	e.whitespace, e.indention = false, false
	split := !p.simpleKey
	for s != "" {
		n := strings.IndexByte(s, ' ')
		if n < 0 {
			n = len(s)
		}
		e.write(s[:n])
		s = s[n:]
		n = len(s) - len(strings.TrimLeft(s, " "))
		if n == 1 && split && e.column > bestWidth {
			e.writeIndent()
			e.whitespace, e.indention = false, false
		} else {
			e.write(s[:n])
		}
		s = s[n:]
	}
}
