package jinja

// symbols is what a scope knows about its names: where each lives and how it
// gets its first value. It follows Jinja2's idtracking, because which scope
// an assignment lands in is visible to templates.
type symbols struct {
	level   int
	parent  *symbols
	fn      *funcScope
	entries []symbol
	visitor func(node) // visit, made once
}

type symbol struct {
	name   string
	slot   int
	load   loadKind
	from   target // for loadAlias
	stored bool
}

// target is a variable of a function.
type target struct {
	fn   *funcScope
	slot int
}

type loadKind uint8

const (
	loadParam     loadKind = iota // set by whoever enters the scope
	loadResolve                   // look the name up in the context
	loadAlias                     // start with the outer variable's value
	loadUndefined                 // start without a value
)

// loadOp gives one variable its first value when a scope is entered.
type loadOp struct {
	kind loadKind
	slot int
	name string
	from varRef
}

// funcScope is one function of the compiled template: the template itself, a
// block, a macro, a recursive loop or a loop's filter. Its variables share an
// array of slots; inner functions see the outer ones'.
type funcScope struct {
	parent *funcScope
	names  []levelName
}

type levelName struct {
	level int
	name  string
}

// slot returns the place of a name at a nesting level. Scopes side by side
// share places, as they share Python's local variables.
func (fn *funcScope) slot(level int, name string) int {
	for i, n := range fn.names {
		if n.level == level && n.name == name {
			return i
		}
	}
	fn.names = append(fn.names, levelName{level, name})
	return len(fn.names) - 1
}

func newSymbols(parent *symbols, fn *funcScope) *symbols {
	s := &symbols{parent: parent, fn: fn}
	s.visitor = s.visit
	if parent != nil {
		s.level = parent.level + 1
	}
	return s
}

func (s *symbols) own(name string) *symbol {
	for i := range s.entries {
		if s.entries[i].name == name {
			return &s.entries[i]
		}
	}
	return nil
}

// find returns the variable that name means here.
func (s *symbols) find(name string) (target, bool) {
	for ; s != nil; s = s.parent {
		if e := s.own(name); e != nil {
			return target{s.fn, e.slot}, true
		}
	}
	return target{}, false
}

func (s *symbols) define(name string, kind loadKind, from target) *symbol {
	e := s.own(name)
	if e == nil {
		s.entries = append(s.entries, symbol{name: name, slot: s.fn.slot(s.level, name)})
		e = &s.entries[len(s.entries)-1]
	}
	e.load, e.from = kind, from
	return e
}

func (s *symbols) store(name string) {
	if e := s.own(name); e != nil {
		e.stored = true
		return
	}
	if outer, ok := s.parent.find(name); ok {
		s.define(name, loadAlias, outer).stored = true
		return
	}
	s.define(name, loadUndefined, target{}).stored = true
}

func (s *symbols) declare(name string) int {
	e := s.define(name, loadParam, target{})
	e.stored = true
	return e.slot
}

func (s *symbols) use(name string) {
	if _, ok := s.find(name); !ok {
		s.define(name, loadResolve, target{})
	}
}

func (s *symbols) clone() *symbols {
	c := *s
	c.entries = append([]symbol(nil), s.entries...)
	c.visitor = c.visit
	return &c
}

// merge takes over what the branches of an if learned. A name that only a
// branch stores must start with its outer value, should the branch not run.
func (s *symbols) merge(branches ...*symbols) {
	var fresh []string
	for _, b := range branches {
		for _, e := range b.entries {
			if old := s.own(e.name); e.stored && (old == nil || !old.stored) {
				fresh = append(fresh, e.name)
			}
		}
	}
	for _, b := range branches {
		for _, e := range b.entries {
			if old := s.own(e.name); old != nil {
				old.load, old.from = e.load, e.from
				old.stored = old.stored || e.stored
			} else {
				s.entries = append(s.entries, e)
			}
		}
	}
	for _, name := range fresh {
		if outer, ok := s.parent.find(name); ok {
			s.define(name, loadAlias, outer)
		} else {
			s.define(name, loadResolve, target{})
		}
	}
}

// locals lists every variable stored here or further out, for includes and
// imports with context. An inner name hides an outer one.
func (s *symbols) locals(from *funcScope) []nameSlot {
	var out []nameSlot
	seen := map[string]bool{}
	for n := s; n != nil; n = n.parent {
		for _, e := range n.entries {
			if !e.stored || seen[e.name] {
				continue
			}
			seen[e.name] = true
			if t, ok := s.find(e.name); ok {
				out = append(out, nameSlot{e.name, from.ref(t)})
			}
		}
	}
	return out
}

// ref expresses t as seen from a frame of fn.
func (fn *funcScope) ref(t target) varRef {
	up := 0
	for f := fn; f != nil && f != t.fn; f = f.parent {
		up++
	}
	return varRef{up, t.slot}
}

// enter lists what must happen when the scope is entered in a frame of fn.
func (s *symbols) enter() []loadOp {
	var ops []loadOp
	for _, e := range s.entries {
		if e.load == loadParam {
			continue
		}
		op := loadOp{kind: e.load, slot: e.slot, name: e.name}
		if e.load == loadAlias {
			op.from = s.fn.ref(e.from)
		}
		ops = append(ops, op)
	}
	return ops
}

// visit records the names of n as a part of the scope. Inner scopes are not
// entered: they are analysed on their own.
func (s *symbols) visit(n node) {
	switch n := n.(type) {
	case *nameExpr:
		switch n.ctx {
		case load:
			s.use(n.name)
		case store:
			s.store(n.name)
		case param:
			s.declare(n.name)
		}
	case *constExpr, *dataExpr:
	case *nsRefExpr:
		s.use(n.name)
	case *ifStmt:
		s.visitIf(n)
	case *macroStmt:
		s.store(n.name)
	case *importStmt:
		s.visit(n.template)
		s.store(n.target)
	case *fromStmt:
		s.visit(n.template)
		for _, name := range n.names {
			s.store(name.alias)
		}
	case *setStmt:
		s.visit(n.value)
		s.visit(n.target)
	case *forStmt:
		s.visit(n.iter)
	case *callStmt:
		s.visit(n.call)
	case *filterStmt:
		s.visit(n.filter)
	case *withStmt:
		exprs(n.values, s.visit)
	case *setBlockStmt:
		s.visit(n.target)
	case *autoescapeStmt, *blockStmt:
	default:
		children(n, s.visitor)
	}
}

func (s *symbols) visitIf(n *ifStmt) {
	s.visit(n.test)
	branch := func(visit func(c *symbols)) *symbols {
		c := s.clone()
		visit(c)
		return c
	}
	body := branch(func(c *symbols) { stmts(n.body, c.visit) })
	elifs := branch(func(c *symbols) {
		for _, e := range n.elifs {
			c.visit(e)
		}
	})
	orelse := branch(func(c *symbols) { stmts(n.orelse, c.visit) })
	s.merge(body, elifs, orelse)
}

// visitTarget records the names of a loop's target, which the loop sets.
func (s *symbols) visitTarget(n node) {
	if name, ok := n.(*nameExpr); ok {
		s.declare(name.name)
		return
	}
	if _, ok := n.(*nsRefExpr); ok {
		s.visit(n)
		return
	}
	children(n, s.visitTarget)
}
