package jinja

import (
	"context"

	"github.com/weighlock/weighlock/engine/jinja/py"
)

// Call is the place in a template that a function written in Go was called
// from. Functions that need more than their arguments get it with [CallOf].
type Call struct {
	s       *state
	f       *frame
	visible []nameSlot
}

// CallOf returns the call that is being executed on t. It must be asked for
// before the function calls back into templates.
func CallOf(t *py.Thread) *Call {
	s := stateOf(t)
	c := &Call{s: s, f: s.cur}
	if s.curNode != nil {
		c.visible = s.curNode.visible
	}
	return c
}

// Context returns the context of the render.
func (c *Call) Context() context.Context { return c.s.ctx }

// Template returns the name of the calling template.
func (c *Call) Template() string { return c.f.code.name }

// Autoescape reports whether the template escapes what it prints.
func (c *Call) Autoescape() bool { return c.f.tc.eval.autoescape }

// Lookup returns a variable that the calling template sees at its top level,
// or has set in the loop or block around the call. Loop targets and the
// arguments of macros are not among them, as in Jinja2.
func (c *Call) Lookup(name string) (py.Value, bool) {
	for _, n := range c.visible {
		if n.name == name {
			if v := *c.f.at(n.ref); v != missing {
				return v, true
			}
		}
	}
	if v := c.f.tc.resolve(name); v != missing {
		return v, true
	}
	return nil, false
}

// Names lists the variables that Lookup finds, in no particular order; some
// may be listed twice.
func (c *Call) Names() []string {
	names := c.f.tc.names()
	for _, n := range c.visible {
		names = append(names, n.name)
	}
	return names
}

// Load asks the environment's loader for a template, relative to the caller.
func (c *Call) Load(name string) (Source, error) {
	return c.s.env.load(c.s.ctx, name, c.f.code.name)
}

// Render renders source as a template of its own that sees what the caller
// sees, and extra before that.
func (c *Call) Render(source Source, extra map[string]py.Value) (string, error) {
	code, err := c.s.env.compile(source.Name, source.Text)
	if err != nil {
		return "", crossing(err)
	}
	locals := c.f.gather(c.visible)
	if locals == nil && len(extra) > 0 {
		locals = map[string]py.Value{}
	}
	for name, v := range extra {
		locals[name] = v
	}
	tc := c.f.tc.including(code, locals)
	text, err := c.s.capture(func() error { return code.run(c.s.rootFrame(code, tc)) })
	return text, crossing(err)
}
