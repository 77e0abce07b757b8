package yamldoc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// parse reads a stream. Documents come back even if there are problems, without what is wrong with them.
func parse(file string, data []byte) ([]Document, []*Error) {
	var docs []Document
	var problems []*Error
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var y yaml.Node
		err := dec.Decode(&y)
		if errors.Is(err, io.EOF) {
			return docs, problems
		}
		if err != nil {
			return docs, append(problems, syntaxError(file, data, err))
		}
		b := builder{file: file, done: map[*yaml.Node]*node{}, open: map[*yaml.Node]bool{}}
		root := b.node(y.Content[0], "")
		doc := Document{Start: root.line, file: file}
		if b.inProportion(root) {
			doc.root = root
		}
		problems = append(problems, b.problems...)
		if root.kind == scalar && root.value == nil {
			continue
		}
		if len(b.problems) == 0 {
			doc.Value = root.generic()
		}
		docs = append(docs, doc)
	}
}

// builder turns the nodes of one document into ours: scalars resolved, merges applied, aliases followed.
type builder struct {
	file     string
	problems []*Error
	done     map[*yaml.Node]*node // anchored nodes, which aliases share
	open     map[*yaml.Node]bool  // nodes being built: an alias to one of them is a cycle
	count    int
}

func (b *builder) problem(line int, path, format string, args ...any) {
	b.problems = append(b.problems, &Error{File: b.file, Line: line, Path: path, Msg: fmt.Sprintf(format, args...)})
}

func (b *builder) node(y *yaml.Node, path string) *node {
	if y.Kind == yaml.AliasNode {
		return b.alias(y, path)
	}
	b.count++
	n := &node{line: y.Line, size: 1}
	if y.Anchor != "" {
		b.open[y] = true
		defer func() {
			delete(b.open, y)
			b.done[y] = n
		}()
	}
	switch y.Kind {
	case yaml.MappingNode:
		b.mapping(n, y, path)
	case yaml.SequenceNode:
		n.kind = sequence
		for i, c := range y.Content {
			item := b.node(c, fmt.Sprintf("%s[%d]", path, i))
			n.items = append(n.items, item)
			n.grow(item.size)
		}
	default:
		b.scalar(n, y, path)
	}
	return n
}

func (b *builder) alias(y *yaml.Node, path string) *node {
	if b.open[y.Alias] {
		b.problem(y.Line, path, "the anchor &%s contains itself", y.Value)
		return &node{line: y.Line, size: 1}
	}
	shared := *b.done[y.Alias]
	shared.line = y.Line
	return &shared
}

func (b *builder) scalar(n *node, y *yaml.Node, path string) {
	const quotes = yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	n.kind, n.text = scalar, y.Value
	switch {
	case y.Style&yaml.TaggedStyle != 0:
		var ok bool
		if n.value, ok = taggedValue(y.ShortTag(), y.Value); !ok {
			b.problem(y.Line, path, "found %q, which is no %s", y.Value, y.ShortTag())
		}
	case y.Style&quotes != 0:
		n.value = y.Value
	default:
		n.value = plainValue(y.Value)
	}
	if f, ok := n.value.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
		b.problem(y.Line, path, "found the number %s, expected a finite one, or text in quotes", y.Value)
	}
}

// mapping fills n with the entries of y. Keys of the mapping itself win over merged ones, wherever the merge stands, and of
// merged ones the first wins.
func (b *builder) mapping(n *node, y *yaml.Node, path string) {
	n.kind, n.index = mapping, map[string]int{}
	var merges []*yaml.Node
	written := map[string]string{}
	for i := 0; i < len(y.Content); i += 2 {
		k, v := y.Content[i], y.Content[i+1]
		if isMerge(k) {
			merges = append(merges, v)
			continue
		}
		key, ok := b.key(k, path)
		if !ok {
			continue
		}
		child := b.node(v, fieldPath(path, key))
		if first, dup := n.index[key]; dup {
			b.problem(k.Line, path, "duplicate key %q, first found on line %d", key, n.entries[first].line)
			if written[key] != k.Value {
				b.problems[len(b.problems)-1].err = ErrSameKey
			}
			continue
		}
		written[key] = k.Value
		n.add(entry{key: key, line: k.Line, node: child})
	}
	for _, m := range merges {
		b.merge(n, m, path)
	}
}

func isMerge(k *yaml.Node) bool {
	return k.Kind == yaml.ScalarNode && k.Value == "<<" && (k.Style == 0 || k.ShortTag() == "!!merge")
}

func (b *builder) merge(n *node, y *yaml.Node, path string) {
	src := b.node(y, fieldPath(path, "<<"))
	sources := []*node{src}
	if src.kind == sequence {
		sources = src.items
	}
	for _, s := range sources {
		if s.kind != mapping {
			b.problem(s.line, path, "found %s to merge with <<, expected a map or a list of maps", s.describe())
			continue
		}
		for _, e := range s.entries {
			if _, has := n.index[e.key]; !has {
				n.add(e)
			}
		}
	}
}

// key is a key's text. Keys may be aliases of scalars.
func (b *builder) key(y *yaml.Node, path string) (string, bool) {
	k := b.node(y, path)
	if k.kind != scalar {
		b.problem(y.Line, path, "found %s as a key, expected text", k.describe())
		return "", false
	}
	key, ok := keyText(k.value)
	if !ok {
		b.problem(y.Line, path, "found null as a key, expected text")
	}
	return key, ok
}

// inProportion refuses a document that aliases blow up: to more than 100,000 values and ten times what is written.
func (b *builder) inProportion(root *node) bool {
	most := max(100_000, 10*b.count)
	if root.size > most {
		b.problem(root.line, "", "aliases make more than %d values out of %d: too many", most, b.count)
		b.problems[len(b.problems)-1].err = ErrAliases
	}
	return root.size <= most
}

var yamlPrefix = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// syntaxError gives a parser's error the first line that provokes it. The parser's own number is at times that of the enclosing
// block, or of the end, and counted from 0 or 1 by the kind of error.
func syntaxError(file string, data []byte, err error) *Error {
	e := &Error{File: file}
	m := yamlPrefix.FindStringSubmatch(err.Error())
	if m == nil {
		m = []string{"", ""}
	}
	e.Msg = strings.TrimPrefix(err.Error(), m[0])
	if line := notUTF8(data); line > 0 {
		e.Line, e.Msg = line, "found a byte that is not UTF-8: save the file in that encoding"
		return e
	}
	e.Line, _ = strconv.Atoi(m[1])
	e.Line = max(e.Line, 1)
	if isUTF16(data) {
		return e // no lines to cut at
	}
	lines := bytes.SplitAfter(data, []byte("\n"))
	e.Line = sort.Search(len(lines), func(i int) bool {
		return failsWith(bytes.Join(lines[:i+1], nil), e.Msg)
	}) + 1
	e.Line = min(e.Line, len(lines))
	return e
}

func failsWith(data []byte, msg string) bool {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var y yaml.Node
		switch err := dec.Decode(&y); {
		case errors.Is(err, io.EOF):
			return false
		case err != nil:
			return strings.HasSuffix(err.Error(), msg)
		}
	}
}
