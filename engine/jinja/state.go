package jinja

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/weighlock/weighlock/engine/jinja/py"
)

// missing is the content of a slot without a value. Templates never see it.
type missingType struct{}

var missing py.Value = missingType{}

// state is one render.
type state struct {
	thread  py.Thread
	env     *Env
	ctx     context.Context
	out     []byte
	max     int // limit of len(out); negative for none
	vars    Vars
	seen    map[string]py.Value // variables converted so far
	globals map[string]py.Value // globals converted so far
	modules map[*code]*module
	cur     *frame // the frame that made the call being executed
	curNode *callExpr
}

var statePool = sync.Pool{New: func() any { return &state{} }}

func newState(ctx context.Context, env *Env, vars any) *state {
	s := statePool.Get().(*state)
	s.env, s.ctx, s.vars = env, ctx, varsOf(vars)
	s.thread.Init(ctx, env.limits)
	s.thread.Host = s
	s.max = s.thread.Limits().OutputBytes
	s.out = s.out[:0]
	return s
}

// free gives the state's buffers back. Nothing may use the state afterwards.
func (s *state) free() {
	out := s.out
	if cap(out) > 1<<20 {
		out = nil
	}
	clear(s.seen)
	clear(s.globals)
	*s = state{thread: s.thread, out: out[:0], seen: s.seen, globals: s.globals}
	s.thread.Host = nil
	statePool.Put(s)
}

// guard runs fn and turns a panic into an error: a bug here must not take the
// process down with it.
func (s *state) guard(fn func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = newError(fmt.Errorf("internal error: %v", r), "", 0)
		}
	}()
	return fn()
}

// lookup returns a variable or global by name, or missing.
func (s *state) lookup(name string, globalsOnly bool) py.Value {
	if !globalsOnly {
		if v, ok := s.seen[name]; ok {
			return v
		}
		if raw, ok := s.vars.Lookup(name); ok {
			v := py.FromGo(raw)
			if s.seen == nil {
				s.seen = map[string]py.Value{}
			}
			s.seen[name] = v
			return v
		}
	}
	if s.env.globals != nil {
		if v, ok := s.globals[name]; ok {
			return v
		}
		if raw, ok := s.env.globals.Lookup(name); ok {
			v := py.FromGo(raw)
			if s.globals == nil {
				s.globals = map[string]py.Value{}
			}
			s.globals[name] = v
			return v
		}
	}
	if v, ok := s.env.builtins[name]; ok {
		return v
	}
	return missing
}

func (s *state) write(text string) error {
	s.out = append(s.out, text...)
	if s.max >= 0 && len(s.out) > s.max {
		return &py.LimitError{Limit: "output bytes", Max: int64(s.max)}
	}
	return nil
}

// capture runs fn and returns what it wrote instead of leaving it in the output.
func (s *state) capture(fn func() error) (string, error) {
	start := len(s.out)
	err := fn()
	if err == nil {
		err = s.thread.Alloc(len(s.out) - start)
	}
	text := string(s.out[start:])
	s.out = s.out[:start]
	return text, err
}

func (s *state) undefinedName(name string) *py.Undefined {
	return &py.Undefined{Kind: s.env.undefined, Name: name}
}

func (s *state) undefinedHint(hint string, name py.Value) *py.Undefined {
	return &py.Undefined{Kind: s.env.undefined, Hint: hint, Name: name}
}

// template returns the code that name means in the template from.
func (s *state) template(name, from string) (*code, error) {
	src, err := s.env.load(s.ctx, name, from)
	if err != nil {
		return nil, err
	}
	c, err := s.env.compile(src.Name, src.Text)
	if err != nil {
		return nil, crossing(err)
	}
	return c, nil
}

// templateOf is template for the value of an expression. many allows lists.
func (s *state) templateOf(v py.Value, from string, many bool) (*code, error) {
	switch v := v.(type) {
	case string:
		return s.template(v, from)
	case py.Markup:
		return s.template(string(v), from)
	case *py.Undefined:
		return nil, v.Err()
	}
	if !many {
		if err := py.Hashable(v); err != nil {
			return nil, err
		}
		text, err := py.Str(&s.thread, v)
		if err != nil {
			return nil, err
		}
		return nil, py.Errorf(kindNotFound, "%s", text)
	}
	return s.selectTemplate(v, from)
}

func (s *state) selectTemplate(v py.Value, from string) (*code, error) {
	if ok, err := py.Truth(&s.thread, v); err != nil {
		return nil, err
	} else if !ok {
		return nil, py.Errorf("TemplatesNotFound", "Tried to select from an empty list of templates.")
	}
	names, err := py.Slice(&s.thread, v)
	if err != nil {
		return nil, err
	}
	var tried string
	for _, n := range names {
		c, err := s.templateOf(n, from, false)
		if err == nil {
			return c, nil
		}
		if !py.IsKind(err, kindNotFound, "TemplatesNotFound", "UndefinedError") || errors.As(err, new(*Error)) {
			return nil, err
		}
		if tried != "" {
			tried += ", "
		}
		if u, ok := n.(*py.Undefined); ok {
			tried += u.Message()
		} else if text, err := py.Str(&s.thread, n); err == nil {
			tried += text
		}
	}
	return nil, py.Errorf("TemplatesNotFound", "none of the templates given were found: %s", tried)
}
