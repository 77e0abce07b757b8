package jinja

import (
	"strconv"

	"github.com/weighlock/weighlock/engine/jinja/py"
)

func (n *outputStmt) exec(f *frame) error {
	switch n.gated {
	case gateClosed:
		return nil
	case gateDynamic:
		if f.extended() != nil {
			return nil
		}
	}
	s := f.s
	if err := s.thread.Step(1); err != nil {
		return err
	}
	escape := n.esc == escapeOn || n.esc == escapeVolatile && f.tc.eval.autoescape
	for _, e := range n.items {
		if d, ok := e.(*dataExpr); ok {
			if err := s.write(d.text); err != nil {
				return locate(err, f, d.pos())
			}
			continue
		}
		v, err := e.eval(f)
		if err == nil {
			err = s.print(v, escape)
		}
		if err != nil {
			return locate(err, f, e.pos())
		}
	}
	return nil
}

// print writes str(v), or escape(v).
func (s *state) print(v py.Value, escape bool) error {
	if escape {
		m, err := py.EscapeValue(&s.thread, v)
		if err != nil {
			return err
		}
		return s.write(string(m))
	}
	switch v := v.(type) {
	case string:
		return s.write(v)
	case int:
		s.out = strconv.AppendInt(s.out, int64(v), 10)
		return s.write("")
	}
	text, err := py.Str(&s.thread, v)
	if err != nil {
		return err
	}
	return s.write(text)
}

func (n *ifStmt) exec(f *frame) error {
	if err := f.s.thread.Step(1); err != nil {
		return err
	}
	ok, err := f.truth(n.test)
	if err != nil {
		return err
	}
	if ok {
		return f.execAll(n.body)
	}
	for _, e := range n.elifs {
		ok, err := f.truth(e.test)
		if err != nil {
			return locate(err, f, e.pos())
		}
		if ok {
			return f.execAll(e.body)
		}
	}
	return f.execAll(n.orelse)
}

// assign stores v in a target: a name, an attribute of a namespace or a tuple
// of those.
func (f *frame) assign(target expr, v py.Value) error {
	switch t := target.(type) {
	case *nameExpr:
		*f.at(t.ref) = v
		return nil
	case *nsRefExpr:
		ns, ok := (*f.at(t.ref)).(*namespace)
		if !ok {
			return py.Errorf(kindRuntime, "cannot assign attribute on non-namespace object")
		}
		ns.d.SetString(t.attr, v)
		return nil
	case *tupleExpr:
		return f.unpack(t, v)
	}
	return py.TypeErrorf("cannot assign to this expression")
}

func (f *frame) unpack(t *tupleExpr, v py.Value) error {
	want := len(t.items)
	var items []py.Value
	switch v := v.(type) {
	case *py.Tuple:
		items = v.Items
	case *py.List:
		items = v.Items()
	default:
		it, err := py.Iter(&f.s.thread, v)
		if err != nil {
			if py.IsKind(err, "TypeError") {
				return py.TypeErrorf("cannot unpack non-iterable %s object", py.TypeName(v))
			}
			return err
		}
		for len(items) <= want {
			x, ok, err := it.Next(&f.s.thread)
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			items = append(items, x)
		}
	}
	switch {
	case len(items) < want:
		return py.ValueErrorf("not enough values to unpack (expected %d, got %d)", want, len(items))
	case len(items) > want:
		return py.ValueErrorf("too many values to unpack (expected %d)", want)
	}
	for i, item := range t.items {
		if err := f.assign(item, items[i]); err != nil {
			return err
		}
	}
	return nil
}

func (f *frame) export(e exports) {
	for _, n := range e.names {
		f.tc.set(n.name, *f.at(n.ref), true)
	}
}

func (n *setStmt) exec(f *frame) error {
	if err := f.s.thread.Step(1); err != nil {
		return err
	}
	for _, r := range n.refs {
		if _, ok := (*f.at(r.ref)).(*namespace); !ok {
			return py.Errorf(kindRuntime, "cannot assign attribute on non-namespace object")
		}
	}
	v, err := n.value.eval(f)
	if err != nil {
		return err
	}
	if err := f.assign(n.target, v); err != nil {
		return err
	}
	f.export(n.export)
	return nil
}

func (n *setBlockStmt) exec(f *frame) error {
	f.enter(n.enter)
	text, err := f.s.capture(func() error { return f.execAll(n.body) })
	if err != nil {
		return err
	}
	var v py.Value = text
	if n.filter != nil {
		if v, err = evalBlockFilter(f, n.filter, text); err != nil {
			return err
		}
	}
	if f.tc.eval.autoescape {
		if v, err = py.ToMarkup(&f.s.thread, v); err != nil {
			return err
		}
	}
	if err := f.assign(n.target, v); err != nil {
		return err
	}
	f.export(n.export)
	return nil
}

func (n *filterStmt) exec(f *frame) error {
	f.enter(n.enter)
	text, err := f.s.capture(func() error { return f.execAll(n.body) })
	if err != nil {
		return err
	}
	v, err := evalBlockFilter(f, n.filter, text)
	if err != nil {
		return err
	}
	return f.s.print(v, false)
}

func (n *withStmt) exec(f *frame) error {
	f.enter(n.enter)
	for i, target := range n.targets {
		v, err := n.values[i].eval(f)
		if err != nil {
			return err
		}
		if err := f.assign(target, v); err != nil {
			return err
		}
	}
	return f.execAll(n.body)
}

func (n *autoescapeStmt) exec(f *frame) error {
	f.enter(n.enter)
	v, err := n.value.eval(f)
	if err != nil {
		return err
	}
	on, err := py.Truth(&f.s.thread, v)
	if err != nil {
		return err
	}
	saved := *f.tc.eval
	f.tc.eval.autoescape = on
	if err := f.execAll(n.body); err != nil {
		return err
	}
	*f.tc.eval = saved
	return nil
}

func (n *doStmt) exec(f *frame) error {
	_, err := n.x.eval(f)
	return err
}

func (n *breakStmt) exec(*frame) error    { return errBreak }
func (n *continueStmt) exec(*frame) error { return errContinue }

func (n *blockStmt) exec(f *frame) error {
	switch n.gated {
	case gateClosed:
		return nil
	case gateDynamic:
		if f.extended() != nil {
			return nil
		}
	}
	tc := f.tc
	if n.scoped {
		tc = tc.derived(f.gather(n.locals))
	}
	if n.required && len(f.tc.blocks[n.name]) <= 1 {
		return py.Errorf(kindRuntime, "Required block %s not found", py.ReprString(n.name))
	}
	list := tc.blocks[n.name]
	if len(list) == 0 {
		return &py.Error{Kind: "KeyError", Msg: py.ReprString(n.name)}
	}
	return tc.runBlock(f.s, list[0])
}

func (n *extendsStmt) exec(f *frame) error {
	again := &py.Error{Kind: kindRuntime, Msg: "extended multiple times"}
	if n.again == extendsAgain || n.again == extendsMaybeAgain && f.extended() != nil {
		return again
	}
	v, err := n.template.eval(f)
	if err != nil {
		return err
	}
	parent, err := f.s.templateOf(v, f.code.name, false)
	if err != nil {
		return err
	}
	f.parent = parent
	if f.tc.blocks == nil {
		f.tc.blocks = map[string][]*blockCode{}
	}
	for name, b := range parent.blocks {
		f.tc.blocks[name] = append(f.tc.blocks[name], b)
	}
	return nil
}

func (n *includeStmt) exec(f *frame) error {
	s := f.s
	v, err := n.template.eval(f)
	if err != nil {
		return err
	}
	c, err := s.templateOf(v, f.code.name, true)
	if err != nil {
		if n.ignoreMissing && py.IsKind(err, kindNotFound, "TemplatesNotFound") {
			return nil
		}
		return err
	}
	if !n.withContext {
		m, err := s.defaultModule(c)
		if err != nil {
			return crossing(err)
		}
		return s.write(m.body)
	}
	tc := f.tc.including(c, f.gather(n.locals))
	return crossing(c.run(s.rootFrame(c, tc)))
}

// defaultModule returns the template as it is without a context. It is
// executed once a render.
func (s *state) defaultModule(c *code) (*module, error) {
	if m := s.modules[c]; m != nil {
		return m, nil
	}
	tc := s.newContext(c)
	tc.globalsOnly = true
	m, err := s.makeModule(tc)
	if err != nil {
		return nil, err
	}
	if s.modules == nil {
		s.modules = map[*code]*module{}
	}
	s.modules[c] = m
	return m, nil
}

func (s *state) makeModule(tc *tplContext) (*module, error) {
	text, err := s.capture(func() error { return tc.code.run(s.rootFrame(tc.code, tc)) })
	if err != nil {
		return nil, err
	}
	return tc.module(text), nil
}

// imported loads and executes the template of an import.
func (f *frame) imported(template expr, withContext bool, locals []nameSlot) (*module, error) {
	v, err := template.eval(f)
	if err != nil {
		return nil, err
	}
	c, err := f.s.templateOf(v, f.code.name, false)
	if err != nil {
		return nil, err
	}
	var m *module
	if withContext {
		m, err = f.s.makeModule(f.tc.importing(c, f.gather(locals)))
	} else {
		m, err = f.s.defaultModule(c)
	}
	return m, crossing(err)
}

func (n *importStmt) exec(f *frame) error {
	m, err := f.imported(n.template, n.withContext, n.locals)
	if err != nil {
		return err
	}
	*f.at(n.ref) = m
	if n.top {
		f.tc.set(n.target, m, false)
		delete(f.tc.exported, n.target)
	}
	return nil
}

func (n *fromStmt) exec(f *frame) error {
	m, err := f.imported(n.template, n.withContext, n.locals)
	if err != nil {
		return err
	}
	for i, name := range n.names {
		v, ok := m.vars.GetString(name.name)
		if !ok {
			where := "line " + strconv.Itoa(n.pos())
			if f.code.name != "" {
				where += " in " + py.ReprString(f.code.name)
			}
			v = f.s.undefinedHint("the template "+py.ReprString(m.name)+" (imported on "+where+
				") does not export the requested name "+py.ReprString(name.name), name.name)
		}
		*f.at(n.refs[i]) = v
		if n.top {
			f.tc.set(name.alias, v, false)
			delete(f.tc.exported, name.alias)
		}
	}
	return nil
}
