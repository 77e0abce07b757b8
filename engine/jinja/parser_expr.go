package jinja

import (
	"strings"

	"github.com/weighlock/weighlock/engine/jinja/py"
)

// expression parses an expression; condexpr allows "a if b else c".
func (p *parser) expression(condexpr bool) expr {
	p.nest()
	var e expr
	if condexpr {
		e = p.conditional()
	} else {
		e = p.or()
	}
	p.depth--
	return e
}

func (p *parser) conditional() expr {
	l := line(p.tok.line)
	e := p.or()
	for n := 1; p.skipName("if"); n++ {
		p.chain(n)
		c := &condExpr{line: l, yes: e, test: p.or()}
		if p.skipName("else") {
			p.nest()
			c.no = p.conditional()
			p.depth--
		}
		e = c
		l = line(p.tok.line)
	}
	return e
}

func (p *parser) or() expr {
	l := line(p.tok.line)
	left := p.and()
	for n := 1; p.skipName("or"); n++ {
		p.chain(n)
		left = &orExpr{l, left, p.and()}
		l = line(p.tok.line)
	}
	return left
}

func (p *parser) and() expr {
	l := line(p.tok.line)
	left := p.not()
	for n := 1; p.skipName("and"); n++ {
		p.chain(n)
		left = &andExpr{l, left, p.not()}
		l = line(p.tok.line)
	}
	return left
}

func (p *parser) not() expr {
	if p.tok.is("not") {
		p.nest()
		e := &notExpr{line: p.head()}
		e.x = p.not()
		p.depth--
		return e
	}
	return p.compare()
}

var compareOps = [...]string{tokEq: "==", tokNe: "!=", tokLt: "<", tokLtEq: "<=", tokGt: ">", tokGtEq: ">="}

func (p *parser) compare() expr {
	l := line(p.tok.line)
	e := p.sum()
	var ops []operand
	for {
		if p.tok.kind >= tokEq && p.tok.kind <= tokLtEq {
			op := compareOps[p.advance().kind]
			ops = append(ops, operand{op, p.sum()})
		} else if p.skipName("in") {
			ops = append(ops, operand{"in", p.sum()})
		} else if p.tok.is("not") && p.look().is("in") {
			p.skip()
			p.skip()
			ops = append(ops, operand{"not in", p.sum()})
		} else {
			break
		}
		p.chain(len(ops))
		l = line(p.tok.line)
	}
	if ops == nil {
		return e
	}
	return &compareExpr{l, e, ops}
}

func (p *parser) sum() expr {
	l := line(p.tok.line)
	left := p.concat()
	for n := 1; p.tok.kind == tokAdd || p.tok.kind == tokSub; n++ {
		p.chain(n)
		op := py.Add
		if p.advance().kind == tokSub {
			op = py.Sub
		}
		left = &binExpr{line: l, op: op, l: left, r: p.concat()}
		l = line(p.tok.line)
	}
	return left
}

func (p *parser) concat() expr {
	l := line(p.tok.line)
	first := p.product()
	if p.tok.kind != tokTilde {
		return first
	}
	items := []expr{first}
	for p.skipIf(tokTilde) {
		items = append(items, p.product())
	}
	return &concatExpr{line: l, items: items}
}

func (p *parser) product() expr {
	l := line(p.tok.line)
	left := p.power()
	for n := 1; ; n++ {
		var op py.Op
		switch p.tok.kind {
		case tokMul:
			op = py.Mul
		case tokDiv:
			op = py.Div
		case tokFloorDiv:
			op = py.FloorDiv
		case tokMod:
			op = py.Mod
		default:
			return left
		}
		p.chain(n)
		p.skip()
		left = &binExpr{line: l, op: op, l: left, r: p.power()}
		l = line(p.tok.line)
	}
}

func (p *parser) power() expr {
	l := line(p.tok.line)
	left := p.unary(true)
	for n := 1; p.skipIf(tokPow); n++ {
		p.chain(n)
		left = &binExpr{line: l, op: py.Pow, l: left, r: p.unary(true)}
		l = line(p.tok.line)
	}
	return left
}

func (p *parser) unary(withFilter bool) expr {
	l := line(p.tok.line)
	var e expr
	switch p.tok.kind {
	case tokSub, tokAdd:
		p.nest()
		neg := p.advance().kind == tokSub
		e = &unaryExpr{l, neg, p.unary(false)}
		p.depth--
	default:
		e = p.primary(false)
	}
	e = p.postfix(e)
	if withFilter {
		e = p.filterExpr(e)
	}
	return e
}

func (p *parser) primary(namespace bool) expr {
	t := p.tok
	l := line(t.line)
	switch t.kind {
	case tokName:
		p.skip()
		switch t.text {
		case "true", "True":
			return p.constant(l, true)
		case "false", "False":
			return p.constant(l, false)
		case "none", "None":
			return p.constant(l, nil)
		}
		if namespace && p.skipIf(tokDot) {
			return &nsRefExpr{line: l, name: t.text, attr: p.expect(tokName).text}
		}
		return p.newName(l, t.text, load)
	case tokString:
		p.skip()
		if p.tok.kind != tokString {
			return p.constant(l, t.text)
		}
		var b strings.Builder
		b.WriteString(t.text)
		for p.tok.kind == tokString {
			b.WriteString(p.advance().text)
		}
		return p.constant(l, b.String())
	case tokInteger, tokFloat:
		p.skip()
		return p.constant(l, t.num)
	case tokLParen:
		p.skip()
		e := p.tuple(tupleOpts{condexpr: true, explicit: true})
		p.expect(tokRParen)
		return e
	case tokLBracket:
		return p.list()
	case tokLBrace:
		return p.dict()
	}
	p.fail("unexpected %s", py.ReprString(t.String()))
	return nil
}

// tupleOpts are the ways a possibly parenthesis-free tuple can be read.
type tupleOpts struct {
	simplified bool // names and literals only
	condexpr   bool // conditional expressions are allowed
	explicit   bool // inside of parentheses, so that it may be empty
	namespace  bool // ns.attr is allowed
}

func (p *parser) tuple(opts tupleOpts) expr {
	l := line(p.tok.line)
	if p.tupleEnd() {
		if !opts.explicit {
			p.fail("Expected an expression, got %s", py.ReprString(p.tok.String()))
		}
		return &tupleExpr{line: l}
	}
	first := p.tupleItem(opts)
	if p.tok.kind != tokComma {
		return first
	}
	items := []expr{first}
	for p.tok.kind == tokComma {
		l = line(p.tok.line)
		p.skip()
		if p.tupleEnd() {
			break
		}
		items = append(items, p.tupleItem(opts))
	}
	return &tupleExpr{l, items}
}

func (p *parser) tupleItem(opts tupleOpts) expr {
	if opts.simplified {
		return p.primary(opts.namespace)
	}
	return p.expression(opts.condexpr)
}

func (p *parser) tupleEnd() bool {
	switch p.tok.kind {
	case tokVariableEnd, tokBlockEnd, tokRParen:
		return true
	}
	return false
}

func (p *parser) list() expr {
	e := &listExpr{line: line(p.expect(tokLBracket).line)}
	for p.tok.kind != tokRBracket {
		if len(e.items) > 0 {
			p.expect(tokComma)
		}
		if p.tok.kind == tokRBracket {
			break
		}
		e.items = append(e.items, p.expression(true))
	}
	p.expect(tokRBracket)
	return e
}

func (p *parser) dict() expr {
	e := &dictExpr{line: line(p.expect(tokLBrace).line)}
	for p.tok.kind != tokRBrace {
		if len(e.items) > 0 {
			p.expect(tokComma)
		}
		if p.tok.kind == tokRBrace {
			break
		}
		key := p.expression(true)
		p.expect(tokColon)
		e.items = append(e.items, pairExpr{key, p.expression(true)})
	}
	p.expect(tokRBrace)
	return e
}

func (p *parser) postfix(e expr) expr {
	for n := 1; ; n++ {
		switch p.tok.kind {
		case tokDot, tokLBracket:
			e = p.subscript(e)
		case tokLParen:
			e = p.call(e)
		default:
			return e
		}
		p.chain(n)
	}
}

func (p *parser) filterExpr(e expr) expr {
	for n := 1; ; n++ {
		switch {
		case p.tok.kind == tokPipe:
			e = p.filter(e, false)
		case p.tok.is("is"):
			e = p.test(e)
		case p.tok.kind == tokLParen:
			e = p.call(e)
		default:
			return e
		}
		p.chain(n)
	}
}

func (p *parser) subscript(e expr) expr {
	t := p.advance()
	l := line(t.line)
	if t.kind == tokDot {
		attr := p.advance()
		switch attr.kind {
		case tokName:
			a := p.attrs.next()
			*a = attrExpr{line: l, x: e, name: attr.text, key: attr.text}
			return a
		case tokInteger:
			return &itemExpr{l, e, &constExpr{line(attr.line), attr.num}}
		}
		p.failAt(attr.line, "expected name or number")
	}
	var args []expr
	for p.tok.kind != tokRBracket {
		if len(args) > 0 {
			p.expect(tokComma)
		}
		args = append(args, p.subscribed())
	}
	p.expect(tokRBracket)
	if len(args) == 1 {
		return &itemExpr{l, e, args[0]}
	}
	return &itemExpr{l, e, &tupleExpr{l, args}}
}

// subscribed parses an index or a slice.
func (p *parser) subscribed() expr {
	s := &sliceExpr{line: line(p.tok.line)}
	if !p.skipIf(tokColon) {
		e := p.expression(true)
		if p.tok.kind != tokColon {
			return e
		}
		p.skip()
		s.start = e
	}
	ends := func() bool { return p.tok.kind == tokRBracket || p.tok.kind == tokComma }
	if p.tok.kind != tokColon && !ends() {
		s.stop = p.expression(true)
	}
	if p.skipIf(tokColon) && !ends() {
		s.step = p.expression(true)
	}
	return s
}
