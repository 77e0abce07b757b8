package jinja

import (
	"fmt"
	"slices"

	"github.com/weighlock/weighlock/engine/jinja/py"
)

func (c *compiler) exprs(list []expr, f *cframe) {
	for _, e := range list {
		c.expr(e, f)
	}
}

func (c *compiler) maybe(e expr, f *cframe) {
	if e != nil {
		c.expr(e, f)
	}
}

func (c *compiler) expr(e expr, f *cframe) {
	if c.depth++; c.depth > maxDepth {
		panic(&syntaxError{e.pos(), py.Errorf("RecursionError", "expression is more than %d operators deep", maxDepth)})
	}
	c.exprInside(e, f)
	c.depth--
}

func (c *compiler) exprInside(e expr, f *cframe) {
	switch e := e.(type) {
	case *nameExpr:
		if e.ctx == store && (f.toplevel || f.loop || f.block) && len(c.assigned) > 0 {
			c.assigned[len(c.assigned)-1][e.name] = true
		}
		e.ref = c.ref(e, e.name, f)
	case *nsRefExpr:
		e.ref = c.ref(e, e.name, f)
	case *tupleExpr:
		c.exprs(e.items, f)
	case *listExpr:
		c.exprs(e.items, f)
	case *dictExpr:
		for _, p := range e.items {
			c.expr(p.key, f)
			c.expr(p.value, f)
		}
	case *unaryExpr:
		c.expr(e.x, f)
	case *notExpr:
		c.expr(e.x, f)
	case *binExpr:
		c.expr(e.l, f)
		c.expr(e.r, f)
		e.base = e.op == py.Pow && isConst(e.l) && !isConst(e.r)
		e.pieces = formatPieces(e)
	case *andExpr:
		c.expr(e.l, f)
		c.expr(e.r, c.unreached(e.l, false, f))
	case *orExpr:
		c.expr(e.l, f)
		c.expr(e.r, c.unreached(e.l, true, f))
	case *compareExpr:
		c.expr(e.x, f)
		for _, o := range e.ops {
			c.expr(o.x, f)
		}
	case *concatExpr:
		c.exprs(e.items, f)
		if e.esc = f.eval.escape(); e.esc == escapeOn && allConst(e.items) {
			e.esc = escapeOff // Jinja2 folds constants, and forgets that a part was safe
		}
	case *condExpr:
		c.cond(e, f.softly())
	case *attrExpr:
		c.expr(e.x, f)
	case *itemExpr:
		if t, ok := e.arg.(*tupleExpr); ok {
			for _, item := range t.items {
				if _, ok := item.(*sliceExpr); ok {
					panic(&syntaxError{e.pos(), py.Errorf("SyntaxError", "invalid syntax")})
				}
			}
		}
		c.expr(e.x, f)
		c.expr(e.arg, f)
	case *sliceExpr:
		c.maybe(e.start, f)
		c.maybe(e.stop, f)
		c.maybe(e.step, f)
	case *callExpr:
		c.call(e, f)
	case *filterExpr:
		e.fn = c.lookup(e, c.env.filters, "filter", e.name, f)
		e.esc = f.eval.escape()
		c.maybe(e.x, f)
		c.args(&e.callArgs, f)
	case *testExpr:
		e.fn = c.lookup(e, c.env.tests, "test", e.name, f)
		c.expr(e.x, f)
		c.args(&e.callArgs, f)
	}
}

// unreached returns a soft frame for the right operand of and and or when the
// left one is a literal that decides alone: Jinja2 drops what is never reached.
func (c *compiler) unreached(left expr, decides bool, f *cframe) *cframe {
	if v, ok := left.(*constExpr); ok {
		if truth, err := py.Truth(nil, v.v); err == nil && truth == decides {
			return f.softly()
		}
	}
	return f
}

func (c *compiler) cond(e *condExpr, f *cframe) {
	c.expr(e.test, f)
	c.expr(e.yes, f)
	if e.no != nil {
		c.expr(e.no, f)
		return
	}
	where := fmt.Sprintf("line %d", e.pos())
	if c.code.name != "" {
		where += " in " + py.ReprString(c.code.name)
	}
	e.msg = "the inline if-expression on " + where + " evaluated to false and no else section was defined."
}

func (c *compiler) args(a *callArgs, f *cframe) {
	c.exprs(a.args, f)
	for _, k := range a.kwargs {
		c.expr(k.value, f)
	}
	c.maybe(a.dyn, f)
	c.maybe(a.dynKw, f)
	for i, k := range a.kwargs {
		for _, other := range a.kwargs[:i] {
			if other.name == k.name {
				panic(&syntaxError{k.value.pos(), py.Errorf("SyntaxError", "keyword argument repeated: %s", k.name)})
			}
		}
	}
}

func (c *compiler) call(e *callExpr, f *cframe) {
	c.expr(e.fn, f)
	c.args(&e.callArgs, f)
	if !f.loop && !f.block {
		return
	}
	for _, s := range f.sym.entries {
		if s.stored && s.load != loadParam {
			e.visible = append(e.visible, nameSlot{s.name, f.fn.ref(target{f.sym.fn, s.slot})})
		}
	}
}

// lookup finds a filter or test. Inside of conditions a missing one is an
// error only when it is reached, so that templates can ask for it first.
func (c *compiler) lookup(n node, table map[string]*py.Func, what, name string, f *cframe) *py.Func {
	fn := table[name]
	if fn == nil && !f.soft {
		c.fail(n, "No %s named %s.", what, py.ReprString(name))
	}
	return fn
}

func sortedNames(set map[string]bool) []string {
	names := make([]string, 0, len(set))
	for n := range set {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// allConst reports whether Jinja2 would evaluate all of the expressions while
// it compiles.
func allConst(list []expr) bool {
	for _, e := range list {
		if !isConst(e) {
			return false
		}
	}
	return true
}

func isConst(n node) bool {
	switch n := n.(type) {
	case *nameExpr, *callExpr, *sliceExpr:
		return false
	case *filterExpr:
		switch n.name {
		case "map", "select", "reject", "selectattr", "rejectattr", "random":
			return false // they need the context
		}
		if n.fn == nil {
			return false
		}
	case *testExpr:
		if n.fn == nil {
			return false
		}
	}
	ok := true
	children(n, func(c node) { ok = ok && isConst(c) })
	return ok
}
