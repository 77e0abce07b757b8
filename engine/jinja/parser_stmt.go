package jinja

import (
	"strings"
)

func (p *parser) statement() stmt {
	t := p.tok
	if t.kind != tokName {
		p.fail("tag name expected")
	}
	p.tags = append(p.tags, t.text)
	var s stmt
	switch t.text {
	case "for":
		s = p.parseFor()
	case "if":
		s = p.parseIf()
	case "block":
		s = p.parseBlock()
	case "extends":
		p.facts.extends = true
		s = &extendsStmt{line: p.head(), template: p.expression(true)}
	case "print":
		s = p.parsePrint()
	case "macro":
		s = p.parseMacro()
	case "include":
		s = p.parseInclude()
	case "from":
		s = p.parseFrom()
	case "import":
		s = p.parseImport()
	case "set":
		s = p.parseSet()
	case "with":
		s = p.parseWith()
	case "autoescape":
		s = p.parseAutoescape()
	case "call":
		s = p.parseCallBlock()
	case "filter":
		s = p.parseFilterBlock()
	default:
		if s = p.extension(t); s == nil {
			p.tags = p.tags[:len(p.tags)-1]
			p.unknownTag(t.text, p.ends, t.line)
		}
	}
	p.tags = p.tags[:len(p.tags)-1]
	return s
}

// extension parses the tags that options switch on.
func (p *parser) extension(t token) stmt {
	switch {
	case p.env.loopControls && t.text == "break":
		return &breakStmt{p.head()}
	case p.env.loopControls && t.text == "continue":
		return &continueStmt{p.head()}
	case p.env.do && t.text == "do":
		return &doStmt{p.head(), p.tuple(tupleOpts{condexpr: true})}
	}
	return nil
}

// head consumes the tag's name and returns its position.
func (p *parser) head() line { return line(p.advance().line) }

func (p *parser) parseSet() stmt {
	l := p.head()
	target := p.assignTarget(tupleOpts{namespace: true})
	if p.skipIf(tokAssign) {
		return &setStmt{line: l, target: target, value: p.tuple(tupleOpts{condexpr: true})}
	}
	s := &setBlockStmt{line: l, target: target}
	s.filter = p.filter(nil, false)
	s.body = p.statements(true, "endset")
	return s
}

func (p *parser) parseFor() stmt {
	s := &forStmt{line: p.head()}
	s.target = p.assignTarget(tupleOpts{})
	p.expectName("in")
	s.iter = p.tuple(tupleOpts{})
	if p.skipName("if") {
		s.test = p.expression(true)
	}
	s.recursive = p.skipName("recursive")
	s.body = p.statements(false, "endfor", "else")
	if p.advance().text != "endfor" {
		s.orelse = p.statements(true, "endfor")
	}
	return s
}

func (p *parser) parseIf() stmt {
	l := p.head()
	root := &ifStmt{line: l}
	for n := root; ; {
		n.test = p.tuple(tupleOpts{})
		n.body = p.statements(false, "elif", "else", "endif")
		switch t := p.advance(); t.text {
		case "elif":
			n = &ifStmt{line: line(p.tok.line)}
			root.elifs = append(root.elifs, n)
			continue
		case "else":
			root.orelse = p.statements(true, "endif")
		}
		return root
	}
}

func (p *parser) parseWith() stmt {
	s := &withStmt{line: p.head()}
	for p.tok.kind != tokBlockEnd {
		if len(s.targets) > 0 {
			p.expect(tokComma)
		}
		target := p.assignTarget(tupleOpts{})
		setCtx(target, param)
		s.targets = append(s.targets, target)
		p.expect(tokAssign)
		s.values = append(s.values, p.expression(true))
	}
	s.body = p.statements(true, "endwith")
	return s
}

func (p *parser) parseAutoescape() stmt {
	s := &autoescapeStmt{line: p.head()}
	s.value = p.expression(true)
	s.body = p.statements(true, "endautoescape")
	return s
}

func (p *parser) parseBlock() stmt {
	s := &blockStmt{line: p.head()}
	p.facts.blocks = append(p.facts.blocks, s)
	s.name = p.expect(tokName).text
	s.scoped = p.skipName("scoped")
	s.required = p.skipName("required")
	if p.tok.kind == tokSub {
		p.fail("Block names in Jinja have to be valid Python identifiers and may not contain hyphens, use an underscore instead.")
	}
	s.body = p.statements(true, "endblock")
	if s.required && !onlySpace(s.body) {
		p.fail("Required blocks can only contain comments or whitespace")
	}
	p.skipName(s.name)
	return s
}

func onlySpace(body []stmt) bool {
	for _, s := range body {
		out, ok := s.(*outputStmt)
		if !ok {
			return false
		}
		for _, item := range out.items {
			if d, ok := item.(*dataExpr); !ok || strings.TrimFunc(d.text, pySpace) != "" {
				return false
			}
		}
	}
	return true
}

// contextClause parses "with context" and "without context".
func (p *parser) contextClause(def bool) bool {
	if (p.tok.is("with") || p.tok.is("without")) && p.look().is("context") {
		with := p.advance().text == "with"
		p.skip()
		return with
	}
	return def
}

func (p *parser) parseInclude() stmt {
	s := &includeStmt{line: p.head()}
	s.template = p.expression(true)
	if p.tok.is("ignore") && p.look().is("missing") {
		s.ignoreMissing = true
		p.skip()
		p.skip()
	}
	s.withContext = p.contextClause(true)
	return s
}

func (p *parser) parseImport() stmt {
	s := &importStmt{line: p.head()}
	s.template = p.expression(true)
	p.expectName("as")
	s.target = p.nameTarget().name
	s.withContext = p.contextClause(false)
	return s
}

func (p *parser) parseFrom() stmt {
	s := &fromStmt{line: p.head()}
	s.template = p.expression(true)
	p.expectName("import")
	context := func() bool {
		if (p.tok.text == "with" || p.tok.text == "without") && p.look().is("context") {
			s.withContext = p.advance().text == "with"
			p.skip()
			return true
		}
		return false
	}
	for {
		if len(s.names) > 0 {
			p.expect(tokComma)
		}
		if p.tok.kind != tokName {
			p.expect(tokName)
		}
		if context() {
			return s
		}
		target := p.nameTarget()
		if strings.HasPrefix(target.name, "_") {
			p.failKind(kindAssertion, target.pos(), "names starting with an underline can not be imported")
		}
		name := importName{target.name, target.name}
		if p.skipName("as") {
			name.alias = p.nameTarget().name
		}
		s.names = append(s.names, name)
		if context() || p.tok.kind != tokComma {
			return s
		}
	}
}

// signature parses the parameters of a macro or call block.
func (p *parser) signature(m *macroDef) {
	p.expect(tokLParen)
	for p.tok.kind != tokRParen {
		if len(m.args) > 0 {
			p.expect(tokComma)
		}
		arg := p.nameTarget()
		arg.ctx = param
		if p.skipIf(tokAssign) {
			m.defaults = append(m.defaults, p.expression(true))
		} else if len(m.defaults) > 0 {
			p.fail("non-default argument follows default argument")
		}
		m.args = append(m.args, arg)
	}
	p.expect(tokRParen)
}

func (p *parser) parseCallBlock() stmt {
	l := p.head()
	s := &callStmt{macroDef: &macroDef{line: l}}
	if p.tok.kind == tokLParen {
		p.signature(s.macroDef)
	}
	call, ok := p.expression(true).(*callExpr)
	if !ok {
		p.failAt(int(l), "expected call")
	}
	s.call = call
	s.body = p.statements(true, "endcall")
	call.caller = s.macroDef
	return s
}

func (p *parser) parseFilterBlock() stmt {
	s := &filterStmt{line: p.head()}
	s.filter = p.filter(nil, true)
	s.body = p.statements(true, "endfilter")
	return s
}

func (p *parser) parseMacro() stmt {
	m := &macroDef{line: p.head()}
	m.name = p.nameTarget().name
	p.signature(m)
	m.body = p.statements(true, "endmacro")
	return &macroStmt{macroDef: m}
}

func (p *parser) parsePrint() stmt {
	s := &outputStmt{line: p.head()}
	for p.tok.kind != tokBlockEnd {
		if len(s.items) > 0 {
			p.expect(tokComma)
		}
		s.items = append(s.items, p.expression(true))
	}
	return s
}

// nameTarget parses the name that something is assigned to.
func (p *parser) nameTarget() *nameExpr {
	t := p.expect(tokName)
	n := p.newName(line(t.line), t.text, store)
	p.checkTarget(n)
	return n
}

// assignTarget parses what can stand on the left of an assignment.
func (p *parser) assignTarget(opts tupleOpts) expr {
	opts.simplified = true
	target := p.tuple(opts)
	setCtx(target, store)
	p.checkTarget(target)
	return target
}

func (p *parser) checkTarget(e expr) {
	if what := unassignable(e); what != "" {
		p.failAt(e.pos(), "can't assign to '%s'", what)
	}
}

// unassignable names the kind of e when nothing can be assigned to it.
func unassignable(e expr) string {
	switch e := e.(type) {
	case *nameExpr:
		switch e.name {
		case "true", "false", "none", "True", "False", "None":
			return "name"
		}
		return ""
	case *nsRefExpr:
		return ""
	case *tupleExpr:
		for _, item := range e.items {
			if unassignable(item) != "" {
				return "tuple"
			}
		}
		return ""
	case *constExpr:
		return "const"
	case *listExpr:
		return "list"
	case *dictExpr:
		return "dict"
	}
	return "expression"
}

// setCtx marks the names of a target. Only names and tuples carry it.
func setCtx(e expr, ctx nameCtx) {
	switch e := e.(type) {
	case *nameExpr:
		e.ctx = ctx
	case *tupleExpr:
		for _, item := range e.items {
			setCtx(item, ctx)
		}
	}
}
