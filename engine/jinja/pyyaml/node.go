package pyyaml

import (
	"encoding/base64"
	"math"
	"math/big"
	"strings"

	"github.com/weighlock/weighlock/engine/jinja/py"
)

type nodeKind uint8

const (
	scalarNode nodeKind = iota
	seqNode
	mapNode
)

// node is a value as the emitter sees it. A node that stands in several
// places is written once, with an anchor.
type node struct {
	kind   nodeKind
	tag    string
	text   string
	style  byte // 0, '\'' or '|'
	items  []*node
	seen   bool // met by the anchor pass
	anchor string
	done   bool // written
}

const tagPrefix = "tag:yaml.org,2002:"

// maxDepth bounds the nesting of what is written or read.
const maxDepth = 900

// representer turns values into nodes.
type representer struct {
	t     *py.Thread
	style func(s string) byte
	nodes map[any]*node
	depth int
}

func (r *representer) value(v py.Value) (*node, error) {
	if err := r.t.Step(1); err != nil {
		return nil, err
	}
	scalar := func(tag, text string) (*node, error) {
		return &node{tag: tagPrefix + tag, text: text}, nil
	}
	switch v := v.(type) {
	case nil:
		return scalar("null", "null")
	case bool:
		if v {
			return scalar("bool", "true")
		}
		return scalar("bool", "false")
	case int, *big.Int:
		s, err := py.Str(r.t, v)
		if err != nil {
			return nil, err
		}
		return scalar("int", s)
	case float64:
		return scalar("float", floatText(v))
	case string:
		n := &node{tag: tagPrefix + "str", text: v}
		if r.style != nil {
			n.style = r.style(v)
		}
		return n, nil
	case py.Bytes:
		return &node{tag: tagPrefix + "binary", text: base64Lines(string(v)), style: '|'}, nil
	case *Date:
		return scalar("timestamp", v.text())
	case *DateTime:
		return scalar("timestamp", v.text(" "))
	case *py.List:
		return r.sequence(v, v.Items())
	case *py.Tuple:
		if v.Names == nil {
			return r.sequence(v, v.Items)
		}
	case *py.Dict:
		return r.mapping(v, v.Entries(), "map")
	case *py.Set:
		var entries []py.Entry
		for _, item := range v.Items() {
			entries = append(entries, py.Entry{Key: item})
		}
		return r.mapping(v, entries, "set")
	}
	s, err := py.Repr(r.t, v)
	if err != nil {
		return nil, err
	}
	return nil, py.Errorf("RepresenterError", "('cannot represent an object', %s)", s)
}

func (r *representer) enter(v any, n *node) error {
	if r.depth++; r.depth > maxDepth {
		return py.Errorf("RecursionError", "maximum recursion depth exceeded")
	}
	if r.nodes == nil {
		r.nodes = map[any]*node{}
	}
	r.nodes[v] = n
	return nil
}

func (r *representer) sequence(v any, items []py.Value) (*node, error) {
	if n := r.nodes[v]; n != nil {
		return n, nil
	}
	n := &node{kind: seqNode, tag: tagPrefix + "seq"}
	if _, isTuple := v.(*py.Tuple); isTuple && len(items) == 0 {
		return n, nil // the empty tuple is never shared
	}
	if err := r.enter(v, n); err != nil {
		return nil, err
	}
	defer func() { r.depth-- }()
	for _, item := range items {
		c, err := r.value(item)
		if err != nil {
			return nil, err
		}
		n.items = append(n.items, c)
	}
	return n, nil
}

func (r *representer) mapping(v any, entries []py.Entry, tag string) (*node, error) {
	if n := r.nodes[v]; n != nil {
		return n, nil
	}
	n := &node{kind: mapNode, tag: tagPrefix + tag}
	if err := r.enter(v, n); err != nil {
		return nil, err
	}
	defer func() { r.depth-- }()
	for _, e := range entries {
		k, err := r.value(e.Key)
		if err != nil {
			return nil, err
		}
		x, err := r.value(e.Value)
		if err != nil {
			return nil, err
		}
		n.items = append(n.items, k, x)
	}
	return n, nil
}

func floatText(f float64) string {
	switch {
	case math.IsNaN(f):
		return ".nan"
	case math.IsInf(f, 1):
		return ".inf"
	case math.IsInf(f, -1):
		return "-.inf"
	}
	s := py.FormatFloat(f)
	if !strings.Contains(s, ".") {
		s = strings.Replace(s, "e", ".0e", 1) // YAML 1.1 floats have a point
	}
	return s
}

// base64Lines is base64.encodebytes: lines of 76 characters.
func base64Lines(s string) string {
	text := base64.StdEncoding.EncodeToString([]byte(s))
	var b strings.Builder
	for len(text) > 76 {
		b.WriteString(text[:76] + "\n")
		text = text[76:]
	}
	if text != "" {
		b.WriteString(text + "\n")
	}
	return b.String()
}
