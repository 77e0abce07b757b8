package pyyaml

import (
	"errors"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/weighlock/weighlock/engine/jinja/py"
)

// nodeBytes is about what the parser's nodes take for a byte of dense YAML.
const nodeBytes = 64

// Load reads one document as yaml.safe_load does. An empty text is None; more
// than one document is an error.
func Load(t *py.Thread, text string) (py.Value, error) {
	if strings.ContainsFunc(text, unprintable) {
		return nil, py.Errorf("ReaderError", "special characters are not allowed")
	}
	if err := t.Charge(nodeBytes * len(text)); err != nil {
		return nil, err
	}
	dec := yaml.NewDecoder(strings.NewReader(text))
	var doc, second yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, syntaxError(err)
	}
	if err := dec.Decode(&second); err == nil {
		return nil, py.Errorf("ComposerError", "expected a single document in the stream\n  in \"<unicode string>\", line %d, but found another document", second.Line)
	} else if !errors.Is(err, io.EOF) {
		return nil, syntaxError(err)
	}
	if doc.Kind == 0 || len(doc.Content) == 0 {
		return nil, nil
	}
	l := &loader{t: t, made: map[*yaml.Node]py.Value{}, making: map[*yaml.Node]bool{}}
	return l.value(doc.Content[0])
}

// unprintable reports whether YAML forbids the character.
func unprintable(r rune) bool {
	return !(r == '\t' || r == '\n' || r == '\r' || r >= ' ' && r <= '~' || r == 0x85 ||
		r >= 0xa0 && r <= 0xd7ff || r >= 0xe000 && r <= 0xfffd || r >= 0x10000)
}

// syntaxError translates the parser's error; PyYAML distinguishes its scanner
// from its parser.
func syntaxError(err error) error {
	msg := strings.TrimPrefix(err.Error(), "yaml: ")
	kind := "ScannerError"
	for _, s := range []string{"did not find expected", "expected the node content", "found duplicate", "found undefined tag"} {
		if strings.Contains(msg, s) {
			kind = "ParserError"
		}
	}
	if strings.Contains(msg, "unknown anchor") {
		kind = "ComposerError"
	}
	return &py.Error{Kind: kind, Msg: msg, Cause: err}
}

// loader makes values of nodes. Aliases share the value of their anchor.
type loader struct {
	t      *py.Thread
	made   map[*yaml.Node]py.Value
	making map[*yaml.Node]bool
	depth  int
}

func tagOf(n *yaml.Node) string {
	tag := n.Tag
	explicit := n.Style&yaml.TaggedStyle != 0
	if explicit && tag == "!" || !explicit && n.Kind == yaml.ScalarNode && n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return tagPrefix + "str"
	}
	switch {
	case explicit:
		if s, ok := strings.CutPrefix(tag, "!!"); ok {
			return tagPrefix + s
		}
		return tag
	case n.Kind == yaml.SequenceNode:
		return tagPrefix + "seq"
	case n.Kind == yaml.MappingNode:
		return tagPrefix + "map"
	}
	return resolve(n.Value)
}

func (l *loader) value(n *yaml.Node) (py.Value, error) {
	if err := l.t.Step(1); err != nil {
		return nil, err
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if v, ok := l.made[n]; ok {
		return v, nil
	}
	if l.making[n] {
		return nil, l.fail(n, "found unconstructable recursive node")
	}
	if l.depth++; l.depth > maxDepth {
		return nil, py.Errorf("RecursionError", "maximum recursion depth exceeded")
	}
	l.making[n] = true
	v, err := l.construct(n)
	l.depth--
	delete(l.making, n)
	if err != nil {
		return nil, err
	}
	l.made[n] = v
	return v, nil
}

func (l *loader) fail(n *yaml.Node, msg string) error {
	return py.Errorf("ConstructorError", "%s\n  in \"<unicode string>\", line %d, column %d", msg, n.Line, n.Column)
}

func (l *loader) construct(n *yaml.Node) (py.Value, error) {
	tag := tagOf(n)
	kind := strings.TrimPrefix(tag, tagPrefix)
	if kind == tag {
		return nil, l.fail(n, "could not determine a constructor for the tag "+py.ReprString(tag))
	}
	switch kind {
	case "seq", "omap", "pairs":
		if n.Kind != yaml.SequenceNode {
			return nil, l.fail(n, "expected a sequence node, but found "+nodeID(n))
		}
		if kind != "seq" {
			return l.pairs(n)
		}
		return l.sequence(n)
	case "map", "set":
		if n.Kind != yaml.MappingNode {
			return nil, l.fail(n, "expected a mapping node, but found "+nodeID(n))
		}
		return l.mapping(n, kind == "set")
	case "str", "int", "float", "bool", "null", "binary", "timestamp", "value":
		if n.Kind == yaml.MappingNode {
			for i := 0; i+1 < len(n.Content); i += 2 {
				if tagOf(n.Content[i]) == tagPrefix+"value" {
					return l.scalar(n.Content[i+1], kind)
				}
			}
		}
		return l.scalar(n, kind)
	}
	return nil, l.fail(n, "could not determine a constructor for the tag "+py.ReprString(tag))
}

func nodeID(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		return "sequence"
	case yaml.MappingNode:
		return "mapping"
	}
	return "scalar"
}

func (l *loader) sequence(n *yaml.Node) (py.Value, error) {
	list := py.NewList()
	l.made[n] = list // so that the list can contain itself
	for _, c := range n.Content {
		v, err := l.value(c)
		if err != nil {
			return nil, err
		}
		list.Append(v)
	}
	return list, nil
}

func (l *loader) pairs(n *yaml.Node) (py.Value, error) {
	list := py.NewList()
	l.made[n] = list
	for _, c := range n.Content {
		if c.Kind != yaml.MappingNode || len(c.Content) != 2 {
			return nil, l.fail(c, "expected a mapping of length 1, but found "+nodeID(c))
		}
		k, err := l.value(c.Content[0])
		if err != nil {
			return nil, err
		}
		v, err := l.value(c.Content[1])
		if err != nil {
			return nil, err
		}
		list.Append(py.NewTuple(k, v))
	}
	return list, nil
}

func (l *loader) mapping(n *yaml.Node, set bool) (py.Value, error) {
	content, err := l.flatten(n, 0)
	if err != nil {
		return nil, err
	}
	d := py.NewDict(len(content) / 2)
	if !set {
		l.made[n] = d
	}
	for i := 0; i+1 < len(content); i += 2 {
		kn := content[i]
		k, err := l.key(kn)
		if err != nil {
			return nil, err
		}
		if err := py.Hashable(k); err != nil {
			return nil, l.fail(kn, "while constructing a mapping: found unhashable key")
		}
		v, err := l.value(content[i+1])
		if err != nil {
			return nil, err
		}
		if err := d.Set(k, v); err != nil {
			return nil, err
		}
	}
	if !set {
		return d, nil
	}
	items, err := py.Slice(l.t, d)
	if err != nil {
		return nil, err
	}
	return py.NewSet(items...)
}

// key is value but for a plain =, which is a string as a key.
func (l *loader) key(n *yaml.Node) (py.Value, error) {
	if n.Kind == yaml.ScalarNode && tagOf(n) == tagPrefix+"value" {
		return n.Value, nil
	}
	return l.value(n)
}

// flatten resolves << merges: merged entries come first, so that the
// mapping's own win.
func (l *loader) flatten(n *yaml.Node, depth int) ([]*yaml.Node, error) {
	if depth > 100 {
		return nil, l.fail(n, "merges nest too deep")
	}
	merges := func(c *yaml.Node) bool { return c.Kind == yaml.ScalarNode && tagOf(c) == tagPrefix+"merge" }
	any := false
	for i := 0; i < len(n.Content); i += 2 {
		any = any || merges(n.Content[i])
	}
	if !any {
		return n.Content, nil
	}
	var merged, own []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if !merges(k) {
			own = append(own, k, v)
			continue
		}
		if v.Kind == yaml.AliasNode {
			v = v.Alias
		}
		more, err := l.merge(v, depth)
		if err != nil {
			return nil, err
		}
		merged = append(merged, more...)
		if err := l.t.Grow(64 * len(merged)); err != nil {
			return nil, err
		}
	}
	return append(merged, own...), nil
}

func (l *loader) merge(v *yaml.Node, depth int) ([]*yaml.Node, error) {
	switch v.Kind {
	case yaml.MappingNode:
		return l.flatten(v, depth+1)
	case yaml.SequenceNode:
		var merged []*yaml.Node
		for i := len(v.Content) - 1; i >= 0; i-- {
			c := v.Content[i]
			if c.Kind == yaml.AliasNode {
				c = c.Alias
			}
			if c.Kind != yaml.MappingNode {
				return nil, l.fail(c, "while constructing a mapping: expected a mapping for merging, but found "+nodeID(c))
			}
			more, err := l.flatten(c, depth+1)
			if err != nil {
				return nil, err
			}
			merged = append(merged, more...)
		}
		return merged, nil
	}
	return nil, l.fail(v, "while constructing a mapping: expected a mapping or list of mappings for merging, but found "+nodeID(v))
}
