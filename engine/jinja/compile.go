package jinja

import (
	"strings"

	"github.com/weighlock/weighlock/engine/jinja/py"
)

// code is a compiled template: what Env keeps for a source text.
type code struct {
	name      string
	source    string
	body      []stmt
	enter     []loadOp
	fn        *funcScope
	self      int // slot of self, or -1
	blocks    map[string]*blockCode
	mayExtend bool
}

type blockCode struct {
	name  string
	owner *code
	line  int
	body  []stmt
	enter []loadOp
	fn    *funcScope
	self  int // slot of self, or -1
	super int // slot of super, or -1
}

type macroCode struct {
	owner    *code
	names    []string // of the parameters
	params   []int    // slots of the parameters, then of the special ones
	defaults []expr   // for each parameter; nil when it has none
	caller   int      // slot of an implicit caller, or -1
	kwargs   int      // slot, or -1
	varargs  int      // slot, or -1
	explicit bool     // caller is a declared parameter
	enter    []loadOp
	fn       *funcScope
}

type forCode struct {
	enter     []loadOp
	leave     []int
	loop      int // slot of loop, or -1
	elseEnter []loadOp
	elseLeave []int
	filter    *filterCode // nil without a condition
	recursive bool
	fn        *funcScope // of a recursive loop
	escape    escapeMode
}

// filterCode is the function that a loop's condition runs in.
type filterCode struct {
	target expr
	enter  []loadOp
	fn     *funcScope
}

// exports says what else happens to the names that a set statement stores.
type exports struct {
	names []nameSlot // also put into the context's variables; nil when inner
}

// compiler resolves the names of a template.
type compiler struct {
	env          *Env
	code         *code
	knownExtends bool
	extends      int
	depth        int // of the expression being compiled
	facts        facts
	assigned     []map[string]bool // stack of names stored by set statements being compiled
}

// evalMode is Jinja2's compile-time evaluation context.
type evalMode struct{ autoescape, volatile bool }

func (m evalMode) escape() escapeMode {
	switch {
	case m.volatile:
		return escapeVolatile
	case m.autoescape:
		return escapeOn
	}
	return escapeOff
}

// cframe is the compile-time view of a scope.
type cframe struct {
	eval     *evalMode
	sym      *symbols
	fn       *funcScope
	gated    bool // output must ask whether the template extends another
	toplevel bool
	root     bool
	loop     bool
	block    bool
	soft     bool
	inLoop   bool // break and continue have a loop in this function
}

func (f *cframe) inner() *cframe {
	return &cframe{eval: f.eval, sym: newSymbols(f.sym, f.fn), fn: f.fn, gated: f.gated, inLoop: f.inLoop}
}

// innerFunc is inner for what runs as a function of its own.
func (f *cframe) innerFunc() *cframe {
	fn := &funcScope{parent: f.fn}
	return &cframe{eval: f.eval, sym: newSymbols(f.sym, fn), fn: fn, gated: f.gated}
}

func (f *cframe) softly() *cframe {
	c := *f
	c.root, c.soft = false, true
	return &c
}

func compile(env *Env, name, source string) (c *code, err error) {
	body, found, err := parseTemplate(env, source)
	if err != nil {
		return nil, err
	}
	defer recoverSyntax(&err)
	cc := &compiler{env: env, facts: found, code: &code{name: name, source: source, body: body, self: -1, blocks: map[string]*blockCode{}}}
	cc.template(body)
	return cc.code, nil
}

func (c *compiler) fail(n node, format string, args ...any) {
	panic(&syntaxError{n.pos(), py.Errorf(kindAssertion, format, args...)})
}

func (c *compiler) template(body []stmt) {
	mode := &evalMode{autoescape: c.env.autoescapes(c.code.name)}
	blocks := c.facts.blocks
	c.code.mayExtend = c.facts.extends
	for _, n := range blocks {
		if c.code.blocks[n.name] != nil {
			c.fail(n, "block %s defined twice", py.ReprString(n.name))
		}
		c.code.blocks[n.name] = &blockCode{name: n.name, owner: c.code, line: n.pos(), body: n.body, self: -1, super: -1}
	}
	fn := &funcScope{}
	c.code.fn = fn
	f := &cframe{eval: mode, sym: newSymbols(nil, fn), fn: fn, toplevel: true, root: true, gated: c.code.mayExtend}
	if c.undeclared(body, "self")["self"] {
		c.code.self = f.sym.declare("self")
	}
	stmts(body, f.sym.visit)
	c.code.enter = f.sym.enter()
	c.stmts(body, f)
	for _, b := range blocks {
		c.blockBody(c.code.blocks[b.name], mode)
	}
}

func (c *compiler) blockBody(b *blockCode, mode *evalMode) {
	fn := &funcScope{}
	f := &cframe{eval: mode, sym: newSymbols(nil, fn), fn: fn, block: true}
	used := c.undeclared(b.body, "self", "super")
	if used["self"] {
		b.self = f.sym.declare("self")
	}
	if used["super"] {
		b.super = f.sym.declare("super")
	}
	stmts(b.body, f.sym.visit)
	b.enter = f.sym.enter()
	c.stmts(b.body, f)
	b.fn = fn
}

// undeclared is the function of that name, for names that occur at all.
func (c *compiler) undeclared(body []stmt, names ...string) map[string]bool {
	for _, n := range names {
		if c.facts.names[n] {
			return undeclared(body, names...)
		}
	}
	return nil
}

// ref resolves a name that the analysis has seen.
func (c *compiler) ref(n node, name string, f *cframe) varRef {
	t, ok := f.sym.find(name)
	if !ok {
		panic(&syntaxError{n.pos(), py.Errorf("AssertionError",
			"Tried to resolve a name to a reference that was unknown to the frame (%s)", py.ReprString(name))})
	}
	return f.fn.ref(t)
}

// stmts compiles a body; it returns early after a second extends, for nothing
// behind it can ever run.
func (c *compiler) stmts(body []stmt, f *cframe) {
	for _, s := range body {
		c.stmt(s, f)
		if e, ok := s.(*extendsStmt); ok && e.again == extendsAgain {
			return
		}
	}
}

func (c *compiler) stmt(s stmt, f *cframe) {
	switch s := s.(type) {
	case *outputStmt:
		c.output(s, f)
	case *ifStmt:
		c.ifStmt(s, f.softly())
	case *forStmt:
		c.forStmt(s, f)
	case *setStmt:
		c.set(s, f)
	case *setBlockStmt:
		c.setBlock(s, f)
	case *macroStmt:
		c.macro(s, f)
	case *callStmt:
		s.esc = f.eval.escape()
		c.macroBody(s.macroDef, f)
		c.expr(s.call, f)
	case *filterStmt:
		inner := f.inner()
		children(s, inner.sym.visit)
		s.enter = inner.sym.enter()
		c.stmts(s.body, inner)
		c.expr(s.filter, inner)
	case *withStmt:
		c.with(s, f)
	case *blockStmt:
		c.block(s, f)
	case *extendsStmt:
		c.extendsStmt(s, f)
	case *includeStmt:
		c.expr(s.template, f)
		s.locals = f.sym.locals(f.fn)
	case *importStmt:
		c.expr(s.template, f)
		s.ref, s.top = c.ref(s, s.target, f), f.toplevel
		s.locals = f.sym.locals(f.fn)
	case *fromStmt:
		c.expr(s.template, f)
		for _, n := range s.names {
			s.refs = append(s.refs, c.ref(s, n.alias, f))
		}
		s.top = f.toplevel
		s.locals = f.sym.locals(f.fn)
	case *autoescapeStmt:
		c.autoescape(s, f)
	case *doStmt:
		c.expr(s.x, f)
	case *breakStmt:
		c.needLoop(s, f, errBreak)
	case *continueStmt:
		c.needLoop(s, f, errContinue)
	}
}

func (c *compiler) needLoop(n node, f *cframe, err error) {
	if !f.inLoop {
		panic(&syntaxError{n.pos(), py.Errorf("SyntaxError", "%s", err)})
	}
}

func (c *compiler) output(s *outputStmt, f *cframe) {
	s.esc = f.eval.escape()
	if f.gated {
		s.gated = gateDynamic
		if c.knownExtends {
			s.gated = gateClosed
			return
		}
	}
	for _, e := range s.items {
		c.expr(e, f)
	}
}

func (c *compiler) ifStmt(s *ifStmt, f *cframe) {
	c.expr(s.test, f)
	c.stmts(s.body, f)
	for _, e := range s.elifs {
		c.expr(e.test, f)
		c.stmts(e.body, f)
	}
	c.stmts(s.orelse, f)
}

func (c *compiler) with(s *withStmt, f *cframe) {
	inner := f.inner()
	exprs(s.targets, inner.sym.visit)
	stmts(s.body, inner.sym.visit)
	s.enter = inner.sym.enter()
	for i := range s.targets {
		c.expr(s.targets[i], inner)
		c.expr(s.values[i], f)
	}
	c.stmts(s.body, inner)
}

func (c *compiler) block(s *blockStmt, f *cframe) {
	if f.toplevel {
		if c.knownExtends {
			s.gated = gateClosed
			return
		}
		if c.extends > 0 {
			s.gated = gateDynamic
		}
	}
	if s.scoped {
		s.locals = f.sym.locals(f.fn)
	}
}

func (c *compiler) extendsStmt(s *extendsStmt, f *cframe) {
	if !f.toplevel {
		c.fail(s, "cannot use extend from a non top-level scope")
	}
	if c.extends > 0 {
		s.again = extendsMaybeAgain
		if c.knownExtends {
			s.again = extendsAgain
			return
		}
	}
	c.expr(s.template, f)
	if f.root {
		c.knownExtends = true
	}
	c.extends++
}

func (c *compiler) autoescape(s *autoescapeStmt, f *cframe) {
	inner := f.inner()
	inner.sym.visit(s.value)
	stmts(s.body, inner.sym.visit)
	s.enter = inner.sym.enter()
	saved := *inner.eval
	c.expr(s.value, inner)
	if v, ok := s.value.(*constExpr); ok {
		on, err := py.Truth(nil, v.v)
		inner.eval.autoescape = on && err == nil
	} else {
		inner.eval.volatile = true
	}
	c.stmts(s.body, inner)
	*inner.eval = saved
}

func (c *compiler) set(s *setStmt, f *cframe) {
	c.assigned = append(c.assigned, map[string]bool{})
	c.expr(s.target, f)
	c.expr(s.value, f)
	seen := map[string]bool{}
	visit := func(n node) {
		if r, ok := n.(*nsRefExpr); ok && !seen[r.name] {
			seen[r.name] = true
			s.refs = append(s.refs, r)
		}
	}
	visit(s.target)
	findAll(s.target, visit)
	s.export = c.popAssigned(s, f)
}

func (c *compiler) setBlock(s *setBlockStmt, f *cframe) {
	c.assigned = append(c.assigned, map[string]bool{})
	inner := f.inner()
	inner.gated = false
	stmts(s.body, inner.sym.visit)
	s.enter = inner.sym.enter()
	c.stmts(s.body, inner)
	c.expr(s.target, f)
	if s.filter != nil {
		c.expr(s.filter, inner)
	}
	s.export = c.popAssigned(s, f)
}

func (c *compiler) popAssigned(n node, f *cframe) exports {
	names := c.assigned[len(c.assigned)-1]
	c.assigned = c.assigned[:len(c.assigned)-1]
	var e exports
	if f.toplevel && !f.loop && !f.block {
		for _, name := range sortedNames(names) {
			e.names = append(e.names, nameSlot{name, c.ref(n, name, f)})
		}
	}
	return e
}

func public(name string) bool { return !strings.HasPrefix(name, "_") }
