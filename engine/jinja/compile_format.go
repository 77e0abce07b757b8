package jinja

import (
	"regexp"
	"strings"

	"github.com/weighlock/weighlock/engine/jinja/py"
)

// conversion is a conversion of a printf-style format: first those to texts, then what else begins with a percent sign.
var conversion = regexp.MustCompile(`%[-+ #0]*\d{0,3}(?:\.\d{0,3})?[sra]|%(?:%|[^%]|$)`)

// formatPieces parts the format of 'format' % (a, b) so that each part has one conversion; nil where Python calls the
// operator. CPython compiles a literal format with a tuple display to one text, if all conversions are %s, %r and %a and
// as many as the tuple has items: then each item becomes text before the next one is evaluated, which shows where both
// fail.
func formatPieces(e *binExpr) []string {
	literal, ok := e.l.(*constExpr)
	tuple, isTuple := e.r.(*tupleExpr)
	if e.op != py.Mod || !ok || !isTuple || len(tuple.items) == 0 {
		return nil
	}
	format, ok := literal.v.(string)
	if !ok {
		return nil
	}
	var pieces []string
	begin := 0
	for _, at := range conversion.FindAllStringIndex(format, -1) {
		switch found := format[at[0]:at[1]]; {
		case found == "%%":
		case strings.Contains("sra", found[len(found)-1:]):
			pieces = append(pieces, format[begin:at[1]])
			begin = at[1]
		default:
			return nil
		}
	}
	if len(pieces) != len(tuple.items) {
		return nil
	}
	pieces[len(pieces)-1] += format[begin:]
	return pieces
}

// evalPieces evaluates and prints the items of a tuple one after the other.
func (n *binExpr) evalPieces(f *frame) (py.Value, error) {
	var out string
	for i, item := range n.r.(*tupleExpr).items {
		v, err := item.eval(f)
		if err != nil {
			return nil, err
		}
		text, err := py.Percent(&f.s.thread, n.pieces[i], &py.Tuple{Items: []py.Value{v}})
		if err != nil {
			return nil, err
		}
		s, _ := text.(string)
		out += s
	}
	return out, nil
}
