package jinja

import (
	"github.com/weighlock/weighlock/engine/jinja/py"
)

func (c *compiler) macro(s *macroStmt, f *cframe) {
	c.macroBody(s.macroDef, f)
	s.ref, s.top = c.ref(s, s.name, f), f.toplevel
}

func (c *compiler) macroBody(m *macroDef, outer *cframe) {
	f := outer.innerFunc()
	analyze := func() { macroChildren(m, f.sym.visit) }
	analyze()
	code := &macroCode{owner: c.code, caller: -1, kwargs: -1, varargs: -1}
	m.code = code
	special := map[string]bool{}
	explicit := -1
	for i, a := range m.args {
		if a.name == "caller" {
			explicit = i
		}
		if special[a.name] {
			panic(&syntaxError{a.pos(), py.Errorf("SyntaxError", "duplicate argument '%s' in function definition", a.name)})
		}
		special[a.name] = true
		code.names = append(code.names, a.name)
		code.params = append(code.params, f.sym.declare(a.name))
		var def expr
		if j := i - len(m.args) + len(m.defaults); j >= 0 {
			def = m.defaults[j]
		}
		code.defaults = append(code.defaults, def)
	}
	code.explicit = explicit >= 0
	used := c.undeclared(m.body, "caller", "kwargs", "varargs")
	if used["caller"] {
		if explicit < 0 {
			code.caller = f.sym.declare("caller")
		} else if code.defaults[explicit] == nil {
			c.fail(m, "When defining macros or call blocks the special \"caller\" argument must be omitted or be given a default.")
		}
	}
	if used["kwargs"] && !special["kwargs"] {
		code.kwargs = f.sym.declare("kwargs")
	}
	if used["varargs"] && !special["varargs"] {
		code.varargs = f.sym.declare("varargs")
	}
	f.gated = false
	analyze()
	code.enter = f.sym.enter()
	for _, d := range m.defaults {
		c.expr(d, f)
	}
	for _, a := range m.args {
		c.expr(a, f)
	}
	c.stmts(m.body, f)
	code.fn = f.fn
}

func (c *compiler) forStmt(s *forStmt, f *cframe) {
	code := &forCode{loop: -1, recursive: s.recursive}
	s.code = code
	loopFrame, elseFrame := f.inner(), f.inner()
	if s.recursive {
		loopFrame = f.innerFunc()
		elseFrame.fn, elseFrame.sym.fn = loopFrame.fn, loopFrame.fn
		elseFrame.inLoop = false
	}
	loopFrame.loop, loopFrame.inLoop = true, true
	extended := s.recursive || c.undeclared(s.body, "loop")["loop"]
	if len(c.facts.blocks) > 0 {
		findAll(s, func(n node) {
			if b, ok := n.(*blockStmt); ok && b.scoped {
				extended = true
			}
		})
	}
	if extended {
		code.loop = loopFrame.sym.declare("loop")
	}
	loopFrame.sym.visitTarget(s.target)
	stmts(s.body, loopFrame.sym.visit)
	stmts(s.orelse, elseFrame.sym.visit)
	if s.test != nil {
		c.loopFilter(s, f)
	}
	checkLoop := func(n node) {
		if name, ok := n.(*nameExpr); ok && name.ctx == store && name.name == "loop" {
			c.fail(n, "Can't assign to special loop variable in for-loop target")
		}
	}
	if c.facts.names["loop"] {
		findAll(s, checkLoop)
	}
	code.enter, code.leave = loopFrame.sym.enter(), slotsOf(loopFrame.sym)
	code.elseEnter, code.elseLeave = elseFrame.sym.enter(), slotsOf(elseFrame.sym)
	code.escape = f.eval.escape()
	c.expr(s.target, loopFrame)
	c.expr(s.iter, f)
	c.stmts(s.body, loopFrame)
	c.stmts(s.orelse, elseFrame)
	code.fn = loopFrame.fn
	if n := len(c.assigned); n > 0 {
		for _, e := range loopFrame.sym.entries {
			if e.stored {
				delete(c.assigned[n-1], e.name)
			}
		}
	}
}

func (c *compiler) loopFilter(s *forStmt, f *cframe) {
	t := f.innerFunc()
	t.sym.visitTarget(s.target)
	t.sym.visit(s.test)
	target := cloneTarget(s.target)
	c.expr(target, t)
	c.expr(s.test, t)
	s.code.filter = &filterCode{target: target, enter: t.sym.enter(), fn: t.fn}
}

func cloneTarget(e expr) expr {
	switch e := e.(type) {
	case *nameExpr:
		c := *e
		return &c
	case *tupleExpr:
		c := &tupleExpr{line: e.line}
		for _, item := range e.items {
			c.items = append(c.items, cloneTarget(item))
		}
		return c
	}
	return e
}

func slotsOf(s *symbols) []int {
	var out []int
	for _, e := range s.entries {
		out = append(out, e.slot)
	}
	return out
}
