package jinja

import (
	"errors"

	"github.com/weighlock/weighlock/engine/jinja/py"
)

// frame is one running function of a template; see funcScope.
type frame struct {
	s      *state
	slots  []py.Value
	up     *frame // the frame of the enclosing function
	tc     *tplContext
	code   *code
	fn     *funcScope
	parent *code // what the template extends, once an extends was executed
	small  [6]py.Value
}

// newFrame returns a frame for fn inside of up, which is nil at the top.
func newFrame(s *state, fn *funcScope, up *frame, tc *tplContext, c *code) *frame {
	f := &frame{s: s, up: up, tc: tc, code: c, fn: fn}
	if n := len(fn.names); n <= len(f.small) {
		f.slots = f.small[:n]
	} else {
		f.slots = make([]py.Value, n)
	}
	for i := range f.slots {
		f.slots[i] = missing
	}
	return f
}

func (s *state) rootFrame(c *code, tc *tplContext) *frame {
	return newFrame(s, c.fn, nil, tc, c)
}

// inner returns a frame for a function that is defined in f.
func (f *frame) inner(fn *funcScope) *frame { return newFrame(f.s, fn, f, f.tc, f.code) }

func (f *frame) at(r varRef) *py.Value {
	for range r.up {
		f = f.up
	}
	return &f.slots[r.slot]
}

// extended returns the template that this one extends, if it is known yet.
func (f *frame) extended() *code {
	for f.up != nil {
		f = f.up
	}
	return f.parent
}

// names lists the variables that can be seen, for messages.
func (f *frame) names() []string {
	out := f.tc.names()
	for ; f != nil; f = f.up {
		for i, n := range f.fn.names {
			if f.slots[i] != missing {
				out = append(out, n.name)
			}
		}
	}
	return out
}

// enter gives the variables of a scope their first values.
func (f *frame) enter(ops []loadOp) {
	for i := range ops {
		op := &ops[i]
		switch op.kind {
		case loadResolve:
			f.slots[op.slot] = f.tc.resolve(op.name)
		case loadAlias:
			f.slots[op.slot] = *f.at(op.from)
		case loadUndefined:
			f.slots[op.slot] = missing
		}
	}
}

func (f *frame) forget(slots []int) {
	for _, i := range slots {
		f.slots[i] = missing
	}
}

// gather returns the values of the named variables that have one.
func (f *frame) gather(names []nameSlot) map[string]py.Value {
	if len(names) == 0 {
		return nil
	}
	m := make(map[string]py.Value, len(names))
	for _, n := range names {
		if v := *f.at(n.ref); v != missing {
			m[n.name] = v
		}
	}
	return m
}

// break and continue travel as errors up to their loop.
var (
	errBreak    = errors.New("'break' outside loop")
	errContinue = errors.New("'continue' not properly in loop")
)

// run executes a whole template, and then what it extends.
func (c *code) run(f *frame) error {
	s := f.s
	if err := s.thread.Enter(); err != nil {
		return locate(err, f, 1)
	}
	defer s.thread.Leave()
	if c.self >= 0 {
		f.slots[c.self] = &templateRef{f.tc}
	}
	f.enter(c.enter)
	if err := f.execAll(c.body); err != nil {
		return err
	}
	if f.parent != nil {
		pf := newFrame(s, f.parent.fn, nil, f.tc, f.parent)
		return f.parent.run(pf)
	}
	return nil
}

// run executes a block in the context given.
func (b *blockCode) run(s *state, tc *tplContext, super py.Value) error {
	if err := s.thread.Enter(); err != nil {
		return err
	}
	defer s.thread.Leave()
	f := newFrame(s, b.fn, nil, tc, b.owner)
	if b.self >= 0 {
		f.slots[b.self] = &templateRef{tc}
	}
	if b.super >= 0 {
		f.slots[b.super] = super
	}
	f.enter(b.enter)
	return f.execAll(b.body)
}

// execAll executes a body; errors get the line of their statement.
func (f *frame) execAll(body []stmt) error {
	for _, st := range body {
		if err := st.exec(f); err != nil {
			return locate(err, f, st.pos())
		}
	}
	return nil
}

func (c *tplContext) super(b *blockCode) py.Value {
	list := c.blocks[b.name]
	for i, x := range list {
		if x == b && i+1 < len(list) {
			return &blockRef{b.name, c, list, i + 1}
		}
	}
	return c.s.undefinedHint("there is no parent block called "+py.ReprString(b.name)+".", "super")
}

func (c *tplContext) runBlock(s *state, b *blockCode) error {
	var super py.Value
	if b.super >= 0 {
		super = c.super(b)
	}
	return crossing(b.run(s, c, super))
}

// templateRef is self.
type templateRef struct{ tc *tplContext }

// PyType implements [py.Object].
func (r *templateRef) PyType() string { return "TemplateReference" }

// PyQualifiedType implements [py.Qualifier].
func (r *templateRef) PyQualifiedType() string { return "jinja2.runtime.TemplateReference" }

// PyItem implements [py.Itemer].
func (r *templateRef) PyItem(t *py.Thread, key py.Value) (py.Value, error) {
	name, ok := py.IsString(key)
	list := r.tc.blocks[name]
	if !ok || len(list) == 0 {
		text, err := py.Repr(t, key)
		if err != nil {
			return nil, err
		}
		return nil, &py.Error{Kind: "KeyError", Msg: text}
	}
	return &blockRef{name, r.tc, list, 0}, nil
}

// PyRepr implements [py.Reprer].
func (r *templateRef) PyRepr(*py.Thread) (string, error) {
	if r.tc.code.name == "" {
		return "<TemplateReference None>", nil
	}
	return "<TemplateReference " + py.ReprString(r.tc.code.name) + ">", nil
}

// blockRef is self.name and super: a block that can be called.
type blockRef struct {
	name  string
	tc    *tplContext
	stack []*blockCode
	depth int
}

// PyType implements [py.Object].
func (r *blockRef) PyType() string { return "BlockReference" }

// PyQualifiedType implements [py.Qualifier].
func (r *blockRef) PyQualifiedType() string { return "jinja2.runtime.BlockReference" }

// PyAttr implements [py.Attrer].
func (r *blockRef) PyAttr(_ *py.Thread, name string) (py.Value, bool, error) {
	switch name {
	case "name":
		return r.name, true, nil
	case "super":
		if r.depth+1 >= len(r.stack) {
			return r.tc.s.undefinedHint("there is no parent block called "+py.ReprString(r.name)+".", "super"), true, nil
		}
		return &blockRef{r.name, r.tc, r.stack, r.depth + 1}, true, nil
	}
	return nil, false, nil
}

// PyCall implements [py.Caller].
func (r *blockRef) PyCall(t *py.Thread, a py.Args) (py.Value, error) {
	if len(a.Pos) > 0 || len(a.Kw) > 0 {
		return nil, py.TypeErrorf("BlockReference.__call__() takes 1 positional argument but %d were given", 1+len(a.Pos)+len(a.Kw))
	}
	s := r.tc.s
	text, err := s.capture(func() error { return r.tc.runBlock(s, r.stack[r.depth]) })
	if err != nil {
		return nil, err
	}
	if r.tc.eval.autoescape {
		return py.Markup(text), nil
	}
	return text, nil
}
