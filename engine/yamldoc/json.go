package yamldoc

import (
	"encoding/json"
	"regexp"
	"strconv"
)

func (n *node) isNumber() bool {
	switch n.value.(type) {
	case int64, uint64, float64:
		return true
	}
	return false
}

// jsonWritten is a number that is written as JSON writes it, so that it can be handed on digit by digit.
var jsonWritten = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

// appendJSON writes a node as JSON. Numbers keep their digits.
func (n *node) appendJSON(b []byte) []byte {
	switch n.kind {
	case mapping:
		b = append(b, '{')
		for i, e := range n.entries {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendQuoted(b, e.key), ':')
			b = e.node.appendJSON(b)
		}
		return append(b, '}')
	case sequence:
		b = append(b, '[')
		for i, item := range n.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = item.appendJSON(b)
		}
		return append(b, ']')
	}
	switch v := n.value.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, v)
	case string:
		return appendQuoted(b, v)
	}
	return n.appendNumber(b)
}

func (n *node) appendNumber(b []byte) []byte {
	if jsonWritten.MatchString(n.text) {
		return append(b, n.text...)
	}
	switch v := n.value.(type) {
	case int64:
		return strconv.AppendInt(b, v, 10)
	case uint64:
		return strconv.AppendUint(b, v, 10)
	case float64:
		return strconv.AppendFloat(b, v, 'g', -1, 64)
	}
	return b
}

func appendQuoted(b []byte, s string) []byte {
	q, err := json.Marshal(s)
	if err != nil {
		panic(err) // text always has a JSON form
	}
	return append(b, q...)
}
