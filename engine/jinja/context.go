package jinja

import (
	"maps"

	"github.com/weighlock/weighlock/engine/jinja/py"
)

// tplContext is what Jinja2 calls the context: the variables that a template
// gets, those it sets at its top level, and the blocks in force.
type tplContext struct {
	s           *state
	code        *code
	vars        map[string]py.Value // set at the top level
	exported    map[string]bool
	locals      map[string]py.Value // handed over by an include or a scoped block
	parent      *tplContext         // looked up after vars and locals
	globalsOnly bool                // without the render's variables
	blocks      map[string][]*blockCode
	eval        *evalContext
}

// evalContext is what {% autoescape %} changes at run time.
type evalContext struct{ autoescape bool }

func (s *state) newContext(c *code) *tplContext {
	return &tplContext{s: s, code: c, blocks: initialBlocks(c), eval: &evalContext{s.env.autoescapes(c.name)}}
}

func initialBlocks(c *code) map[string][]*blockCode {
	if len(c.blocks) == 0 && !c.mayExtend {
		return nil
	}
	m := make(map[string][]*blockCode, len(c.blocks))
	for name, b := range c.blocks {
		m[name] = []*blockCode{b}
	}
	return m
}

// resolve returns a variable, or missing.
func (c *tplContext) resolve(name string) py.Value {
	for {
		if v, ok := c.vars[name]; ok {
			return v
		}
		if v, ok := c.locals[name]; ok {
			return v
		}
		if c.parent == nil {
			return c.s.lookup(name, c.globalsOnly)
		}
		c = c.parent
	}
}

func (c *tplContext) set(name string, v py.Value, export bool) {
	if c.vars == nil {
		c.vars = map[string]py.Value{}
	}
	c.vars[name] = v
	if export && public(name) {
		if c.exported == nil {
			c.exported = map[string]bool{}
		}
		c.exported[name] = true
	}
}

// derived returns a context for the same template that sees locals first.
func (c *tplContext) derived(locals map[string]py.Value) *tplContext {
	d := &tplContext{s: c.s, code: c.code, locals: locals, parent: c, eval: c.eval}
	if c.blocks != nil {
		d.blocks = make(map[string][]*blockCode, len(c.blocks))
		for name, list := range c.blocks {
			d.blocks[name] = append([]*blockCode(nil), list...)
		}
	}
	return d
}

// including returns the context of a template that is included with context.
func (c *tplContext) including(code *code, locals map[string]py.Value) *tplContext {
	n := c.s.newContext(code)
	n.parent, n.locals = c, locals
	return n
}

// importing returns the context of a template that is imported with context:
// it keeps the variables as they are now, for its macros may be called later.
func (c *tplContext) importing(code *code, locals map[string]py.Value) *tplContext {
	n := c.s.newContext(code)
	all, root := c.flatten()
	maps.Copy(all, locals)
	n.locals, n.globalsOnly = all, root.globalsOnly
	return n
}

func (c *tplContext) flatten() (map[string]py.Value, *tplContext) {
	if c.parent == nil {
		all := maps.Clone(c.locals)
		if all == nil {
			all = map[string]py.Value{}
		}
		maps.Copy(all, c.vars)
		return all, c
	}
	all, root := c.parent.flatten()
	maps.Copy(all, c.locals)
	maps.Copy(all, c.vars)
	return all, root
}

// names lists every variable that can be seen, in no particular order.
func (c *tplContext) names() []string {
	all, root := c.flatten()
	var out []string
	for n := range all {
		out = append(out, n)
	}
	if !root.globalsOnly {
		out = append(out, c.s.vars.Names()...)
	}
	if c.s.env.globals != nil {
		out = append(out, c.s.env.globals.Names()...)
	}
	for n := range c.s.env.builtins {
		out = append(out, n)
	}
	return out
}

// module is an imported template.
type module struct {
	name string
	vars *py.Dict
	body string
}

func (c *tplContext) module(body string) *module {
	m := &module{name: c.code.name, vars: &py.Dict{}, body: body}
	for _, name := range sortedNames(c.exported) {
		m.vars.SetString(name, c.vars[name])
	}
	return m
}

// PyType implements [py.Object].
func (m *module) PyType() string { return "TemplateModule" }

// PyQualifiedType implements [py.Qualifier].
func (m *module) PyQualifiedType() string { return "jinja2.environment.TemplateModule" }

// PyAttr implements [py.Attrer].
func (m *module) PyAttr(_ *py.Thread, name string) (py.Value, bool, error) {
	v, ok := m.vars.GetString(name)
	return v, ok, nil
}

// PyStr implements [py.Stringer].
func (m *module) PyStr(*py.Thread) (string, error) { return m.body, nil }

// PyHTML implements [py.HTMLer].
func (m *module) PyHTML(*py.Thread) (string, error) { return m.body, nil }

// PyRepr implements [py.Reprer].
func (m *module) PyRepr(*py.Thread) (string, error) {
	if m.name == "" {
		return "<TemplateModule memory:7f0000000000>", nil
	}
	return "<TemplateModule " + py.ReprString(m.name) + ">", nil
}
