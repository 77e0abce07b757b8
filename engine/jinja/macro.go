package jinja

import (
	"github.com/weighlock/weighlock/engine/jinja/py"
)

// macro is a macro, or the body of a call block, with the frame it was made in.
type macro struct {
	def *macroDef
	f   *frame
}

func (n *macroStmt) exec(f *frame) error {
	m := &macro{n.macroDef, f}
	*f.at(n.ref) = m
	if n.top {
		f.tc.set(n.name, m, true)
	}
	return nil
}

func (n *callStmt) exec(f *frame) error {
	v, err := n.call.call(f, &macro{n.macroDef, f})
	if err != nil {
		return err
	}
	return f.s.print(v, false)
}

// PyType implements [py.Object].
func (m *macro) PyType() string { return "Macro" }

// PyQualifiedType implements [py.Qualifier].
func (m *macro) PyQualifiedType() string { return "jinja2.runtime.Macro" }

// PyRepr implements [py.Reprer].
func (m *macro) PyRepr(*py.Thread) (string, error) {
	if m.def.name == "" {
		return "<Macro anonymous>", nil
	}
	return "<Macro " + py.ReprString(m.def.name) + ">", nil
}

// PyAttr implements [py.Attrer].
func (m *macro) PyAttr(_ *py.Thread, name string) (py.Value, bool, error) {
	code := m.def.code
	switch name {
	case "name":
		if m.def.name == "" {
			return nil, true, nil
		}
		return m.def.name, true, nil
	case "arguments":
		names := make([]py.Value, len(code.names))
		for i, n := range code.names {
			names[i] = n
		}
		return py.NewTuple(names...), true, nil
	case "catch_kwargs":
		return code.kwargs >= 0, true, nil
	case "catch_varargs":
		return code.varargs >= 0, true, nil
	case "caller":
		return code.caller >= 0 || code.explicit, true, nil
	case "explicit_caller":
		return code.explicit, true, nil
	}
	return nil, false, nil
}

// repr is the macro's name as messages quote it.
func (m *macro) repr() string {
	if m.def.name == "" {
		return "None"
	}
	return py.ReprString(m.def.name)
}

// PyCall implements [py.Caller].
func (m *macro) PyCall(t *py.Thread, a py.Args) (py.Value, error) {
	s := m.f.s
	if err := t.Step(1); err != nil {
		return nil, err
	}
	if err := t.Enter(); err != nil {
		return nil, err
	}
	defer t.Leave()
	escape := s.autoescape()
	code := m.def.code
	f := newFrame(s, code.fn, m.f, m.f.tc, code.owner)
	if err := m.bind(f, a); err != nil {
		return nil, err
	}
	text, err := s.capture(func() error {
		f.enter(code.enter)
		if err := m.defaults(f); err != nil {
			return err
		}
		return f.execAll(m.def.body)
	})
	if err != nil {
		return nil, crossing(err)
	}
	if escape {
		return py.Markup(text), nil
	}
	return text, nil
}

// bind puts the arguments into the macro's parameters.
func (m *macro) bind(f *frame, a py.Args) error {
	code := m.def.code
	n := len(code.names)
	given := min(len(a.Pos), n)
	for i := range given {
		f.slots[code.params[i]] = a.Pos[i]
	}
	kw := a.Kw
	if len(kw) > 0 {
		kw = append([]py.Kwarg(nil), kw...)
	}
	take := func(name string) (py.Value, bool) {
		for i, k := range kw {
			if k.Name == name {
				kw = append(kw[:i:i], kw[i+1:]...)
				return k.Value, true
			}
		}
		return nil, false
	}
	foundCaller := given == n && code.explicit
	for i := given; i < n; i++ {
		v, ok := take(code.names[i])
		if !ok {
			v = missing
		}
		foundCaller = foundCaller || code.names[i] == "caller"
		f.slots[code.params[i]] = v
	}
	if code.caller >= 0 && !foundCaller {
		v, ok := take("caller")
		if !ok || v == nil {
			v = f.s.undefinedHint("No caller defined", "caller")
		}
		f.slots[code.caller] = v
	}
	if code.kwargs >= 0 {
		d := py.NewDict(len(kw))
		for _, k := range kw {
			d.SetString(k.Name, k.Value)
		}
		f.slots[code.kwargs] = d
	} else if len(kw) > 0 {
		for _, k := range kw {
			if k.Name == "caller" {
				return py.TypeErrorf("macro %s was invoked with two values for the special caller argument. This is most likely a bug.", m.repr())
			}
		}
		return py.TypeErrorf("macro %s takes no keyword argument %s", m.repr(), py.ReprString(kw[0].Name))
	}
	if code.varargs >= 0 {
		f.slots[code.varargs] = py.NewTuple(append([]py.Value(nil), a.Pos[given:]...)...)
	} else if len(a.Pos) > n {
		return py.TypeErrorf("macro %s takes not more than %d argument(s)", m.repr(), n)
	}
	return nil
}

func (m *macro) defaults(f *frame) error {
	code := m.def.code
	for i, slot := range code.params[:len(code.names)] {
		if f.slots[slot] != missing {
			continue
		}
		if code.defaults[i] == nil {
			f.slots[slot] = f.s.undefinedHint("parameter "+py.ReprString(code.names[i])+" was not provided", code.names[i])
			continue
		}
		v, err := code.defaults[i].eval(f)
		if err != nil {
			return locate(err, f, m.def.pos())
		}
		f.slots[slot] = v
	}
	return nil
}
