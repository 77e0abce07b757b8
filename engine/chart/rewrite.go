package chart

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// rewrite replaces one text in a YAML file and leaves every other byte: comments, order, quotes.
func rewrite(data []byte, key []string, from, to string) ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	node := child(&doc, key)
	path := strings.Join(key, ".")
	if node == nil || node.Kind != yaml.ScalarNode {
		return nil, fmt.Errorf("%s is not written out as a plain value: change it by hand", path)
	}
	lines := bytes.SplitAfter(data, []byte("\n"))
	if node.Line < 1 || node.Line > len(lines) {
		return nil, fmt.Errorf("%s: its place is not known", path)
	}
	line := lines[node.Line-1]
	start := offset(line, node.Column-1)
	i := bytes.Index(line[start:], []byte(from))
	if i < 0 {
		return nil, fmt.Errorf("%s is not written as %s: change it by hand", path, from)
	}
	start += i
	text := to
	if node.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) == 0 && !isText(to) {
		text = `"` + to + `"`
	}
	lines[node.Line-1] = bytes.Join([][]byte{line[:start], line[start+len(from):]}, []byte(text))
	out := bytes.Join(lines, nil)
	var changed yaml.Node
	if err := yaml.Unmarshal(out, &changed); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: changing it would break the file: change it by hand", path), err)
	}
	if now := child(&changed, key); now == nil || now.Value != to {
		return nil, fmt.Errorf("%s cannot be changed in place: change it by hand", path)
	}
	return out, nil
}

// child returns the value at a path of keys.
func child(n *yaml.Node, key []string) *yaml.Node {
	if n.Kind == yaml.DocumentNode && len(n.Content) == 1 {
		n = n.Content[0]
	}
	for _, k := range key {
		if n.Kind != yaml.MappingNode {
			return nil
		}
		var next *yaml.Node
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == k {
				next = n.Content[i+1]
			}
		}
		if next == nil {
			return nil
		}
		n = next
	}
	return n
}

// offset is where the character at a column begins.
func offset(line []byte, column int) int {
	at := 0
	for ; column > 0 && at < len(line); column-- {
		_, size := utf8.DecodeRune(line[at:])
		at += size
	}
	return at
}

// isText says whether YAML takes a plain scalar for a text.
func isText(s string) bool {
	var v any
	if yaml.Unmarshal([]byte(s), &v) != nil {
		return false
	}
	text, ok := v.(string)
	return ok && text == s
}
