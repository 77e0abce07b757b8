package yamldoc

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
)

type kind int

const (
	scalar kind = iota
	mapping
	sequence
)

// node is one value of a document with its place. Aliases share the nodes below them.
type node struct {
	kind kind
	line int
	size int // values in it, aliases expanded; saturates

	value any    // of a scalar
	text  string // of a scalar, as written

	entries []entry // of a mapping, its own first, then merged ones
	index   map[string]int
	items   []*node // of a sequence
}

type entry struct {
	key  string
	line int
	node *node
}

func (n *node) add(e entry) {
	n.index[e.key] = len(n.entries)
	n.entries = append(n.entries, e)
	n.grow(e.node.size)
}

// grow counts a child's values, up to a number that no sane document has.
func (n *node) grow(by int) { n.size = min(n.size+by, math.MaxInt32) }

// child returns the value at a key or list index, and the line where it is found.
func (n *node) child(step string) (*node, int) {
	if n == nil {
		return nil, 0
	}
	switch n.kind {
	case mapping:
		if i, ok := n.index[step]; ok {
			return n.entries[i].node, n.entries[i].line
		}
	case sequence:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(n.items) {
			return n.items[i], n.items[i].line
		}
	}
	return nil, 0
}

// childPath prints the path of a child for people.
func (n *node) childPath(path, step string) string {
	if n != nil && n.kind == sequence {
		return path + "[" + step + "]"
	}
	return fieldPath(path, step)
}

var plainKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

func fieldPath(path, key string) string {
	switch {
	case !plainKey.MatchString(key):
		return path + "[" + strconv.Quote(key) + "]"
	case path == "":
		return key
	}
	return path + "." + key
}

// generic is the value without a type in mind. Every alias becomes a value of its own.
func (n *node) generic() any {
	switch n.kind {
	case mapping:
		m := make(map[string]any, len(n.entries))
		for _, e := range n.entries {
			m[e.key] = e.node.generic()
		}
		return m
	case sequence:
		s := make([]any, len(n.items))
		for i, item := range n.items {
			s[i] = item.generic()
		}
		return s
	}
	return n.value
}

// describe says what a value is, for "found …".
func (n *node) describe() string {
	switch n.kind {
	case mapping:
		return "a map"
	case sequence:
		return "a list"
	}
	switch v := n.value.(type) {
	case nil:
		return "null"
	case bool:
		if n.text != strconv.FormatBool(v) {
			return fmt.Sprintf("the boolean %s (%t)", n.text, v)
		}
		return "the boolean " + n.text
	case string:
		const most = 60
		if r := []rune(v); len(r) > most {
			v = string(r[:most]) + "…"
		}
		return "the text " + strconv.Quote(v)
	}
	return "the number " + n.text
}
