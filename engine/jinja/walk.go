package jinja

// children calls visit for each child of n, in the order that Jinja2's nodes
// list their fields: some rules depend on which name is seen first.
func children(n node, visit func(node)) {
	switch n := n.(type) {
	case *outputStmt:
		exprs(n.items, visit)
	case *extendsStmt:
		visit(n.template)
	case *forStmt:
		visit(n.target)
		visit(n.iter)
		stmts(n.body, visit)
		stmts(n.orelse, visit)
		maybe(n.test, visit)
	case *ifStmt:
		visit(n.test)
		stmts(n.body, visit)
		for _, e := range n.elifs {
			visit(e)
		}
		stmts(n.orelse, visit)
	case *macroStmt:
		macroChildren(n.macroDef, visit)
	case *callStmt:
		visit(n.call)
		macroChildren(n.macroDef, visit)
	case *filterStmt:
		stmts(n.body, visit)
		visit(n.filter)
	case *withStmt:
		exprs(n.targets, visit)
		exprs(n.values, visit)
		stmts(n.body, visit)
	case *blockStmt:
		stmts(n.body, visit)
	case *includeStmt:
		visit(n.template)
	case *importStmt:
		visit(n.template)
	case *fromStmt:
		visit(n.template)
	case *doStmt:
		visit(n.x)
	case *setStmt:
		visit(n.target)
		visit(n.value)
	case *setBlockStmt:
		visit(n.target)
		maybe(n.filter, visit)
		stmts(n.body, visit)
	case *autoescapeStmt:
		visit(n.value)
		stmts(n.body, visit)
	default:
		exprChildren(n, visit)
	}
}

func exprChildren(n node, visit func(node)) {
	switch n := n.(type) {
	case *tupleExpr:
		exprs(n.items, visit)
	case *listExpr:
		exprs(n.items, visit)
	case *dictExpr:
		for _, p := range n.items {
			visit(p.key)
			visit(p.value)
		}
	case *unaryExpr:
		visit(n.x)
	case *notExpr:
		visit(n.x)
	case *binExpr:
		visit(n.l)
		visit(n.r)
	case *andExpr:
		visit(n.l)
		visit(n.r)
	case *orExpr:
		visit(n.l)
		visit(n.r)
	case *compareExpr:
		visit(n.x)
		for _, o := range n.ops {
			visit(o.x)
		}
	case *concatExpr:
		exprs(n.items, visit)
	case *condExpr:
		visit(n.test)
		visit(n.yes)
		maybe(n.no, visit)
	case *attrExpr:
		visit(n.x)
	case *itemExpr:
		visit(n.x)
		visit(n.arg)
	case *sliceExpr:
		maybe(n.start, visit)
		maybe(n.stop, visit)
		maybe(n.step, visit)
	case *callExpr:
		visit(n.fn)
		argChildren(&n.callArgs, visit)
	case *filterExpr:
		maybe(n.x, visit)
		argChildren(&n.callArgs, visit)
	case *testExpr:
		visit(n.x)
		argChildren(&n.callArgs, visit)
	}
}

func macroChildren(m *macroDef, visit func(node)) {
	for _, a := range m.args {
		visit(a)
	}
	exprs(m.defaults, visit)
	stmts(m.body, visit)
}

func argChildren(a *callArgs, visit func(node)) {
	exprs(a.args, visit)
	for _, k := range a.kwargs {
		visit(k.value)
	}
	maybe(a.dyn, visit)
	maybe(a.dynKw, visit)
}

func exprs(list []expr, visit func(node)) {
	for _, e := range list {
		visit(e)
	}
}

func stmts(list []stmt, visit func(node)) {
	for _, s := range list {
		visit(s)
	}
}

func maybe(e expr, visit func(node)) {
	if e != nil {
		visit(e)
	}
}

// findAll calls visit for n's descendants, n not included.
func findAll(n node, visit func(node)) {
	children(n, func(c node) {
		visit(c)
		findAll(c, visit)
	})
}

// undeclared returns which of the names are used in body before anything is
// stored under them. It does not look into blocks.
func undeclared(body []stmt, names ...string) map[string]bool {
	used := map[string]bool{}
	dropped := map[string]bool{}
	var visit func(n node)
	visit = func(n node) {
		if len(used) == len(names) {
			return
		}
		switch n := n.(type) {
		case *nameExpr:
			for _, name := range names {
				if n.name != name || dropped[name] {
					continue
				}
				if n.ctx == load {
					used[name] = true
				} else {
					dropped[name] = true
				}
			}
		case *blockStmt:
		default:
			children(n, visit)
		}
	}
	for _, s := range body {
		visit(s)
	}
	return used
}
