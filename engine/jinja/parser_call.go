package jinja

func (p *parser) call(fn expr) expr {
	l := line(p.tok.line)
	return &callExpr{line: l, fn: fn, callArgs: p.callArgs()}
}

func (p *parser) callArgs() callArgs {
	l := p.expect(tokLParen).line
	var a callArgs
	ensure := func(ok bool) {
		if !ok {
			p.failAt(l, "invalid syntax for function call expression")
		}
	}
	for comma := false; p.tok.kind != tokRParen; comma = true {
		if comma {
			p.expect(tokComma)
			if p.tok.kind == tokRParen {
				break
			}
		}
		switch {
		case p.tok.kind == tokMul:
			ensure(a.dyn == nil && a.dynKw == nil)
			p.skip()
			a.dyn = p.expression(true)
		case p.tok.kind == tokPow:
			ensure(a.dynKw == nil)
			p.skip()
			a.dynKw = p.expression(true)
		case p.tok.kind == tokName && p.look().kind == tokAssign:
			ensure(a.dynKw == nil)
			name := p.advance().text
			p.skip()
			a.kwargs = append(a.kwargs, keyword{name, p.expression(true)})
		default:
			ensure(a.dyn == nil && a.dynKw == nil && len(a.kwargs) == 0)
			a.args = append(a.args, p.expression(true))
		}
	}
	p.expect(tokRParen)
	return a
}

// filter parses a row of filters; inline means that the first has no pipe.
func (p *parser) filter(e expr, inline bool) expr {
	for n := 1; p.tok.kind == tokPipe || inline; n++ {
		p.chain(n)
		if !inline {
			p.skip()
		}
		inline = false
		t := p.expect(tokName)
		f := p.filters.next()
		*f = filterExpr{line: line(t.line), x: e, name: p.dotted(t.text)}
		if p.tok.kind == tokLParen {
			f.callArgs = p.callArgs()
		}
		e = f
	}
	return e
}

func (p *parser) dotted(name string) string {
	for p.skipIf(tokDot) {
		name += "." + p.expect(tokName).text
	}
	return name
}

func (p *parser) test(e expr) expr {
	l := p.head()
	negated := p.skipName("not")
	t := &testExpr{line: l, x: e, name: p.dotted(p.expect(tokName).text)}
	switch p.tok.kind {
	case tokLParen:
		t.callArgs = p.callArgs()
	case tokName, tokString, tokInteger, tokFloat, tokLBracket, tokLBrace:
		if p.tok.is("else") || p.tok.is("or") || p.tok.is("and") {
			break
		}
		if p.tok.is("is") {
			p.fail("You cannot chain multiple tests with is")
		}
		t.args = []expr{p.postfix(p.primary(false))}
	}
	if negated {
		return &notExpr{l, t}
	}
	return t
}
