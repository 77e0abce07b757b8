package jinja

import (
	"github.com/weighlock/weighlock/engine/jinja/py"
)

func selectFilters(r registry) {
	r.add("map", "value, /, *args, **kwargs", mapFilter)
	pick := func(name string, keep, attribute bool) {
		r.add(name, "value, /, *args, **kwargs", func(t *py.Thread, a []py.Value) (py.Value, error) {
			p := &picker{s: stateOf(t), value: a[0], args: a[1].(*py.Tuple).Items, kwargs: a[2].(*py.Dict), keep: keep, attribute: attribute}
			p.cur = p.s.cur
			return py.NewGenerator("select_or_reject", p.next), nil
		})
	}
	pick("select", true, false)
	pick("reject", false, false)
	pick("selectattr", true, true)
	pick("rejectattr", false, true)
}

func kwargsOf(d *py.Dict) []py.Kwarg {
	var kw []py.Kwarg
	for _, e := range d.Entries() {
		name, _ := py.IsString(e.Key)
		kw = append(kw, py.Kwarg{Name: name, Value: e.Value})
	}
	return kw
}

// named calls the filter or test with the name given.
func (s *state) named(table map[string]*py.Func, what string, name, v py.Value, args py.Args) (py.Value, error) {
	text, ok := py.IsString(name)
	fn := table[text]
	if !ok {
		fn = nil
		if err := py.Hashable(name); err != nil {
			return nil, err
		}
	}
	if fn == nil {
		shown, err := py.Repr(&s.thread, name)
		if err != nil {
			return nil, err
		}
		msg := "No " + what + " named " + shown + "."
		if u, ok := name.(*py.Undefined); ok {
			msg += " (" + u.Message() + "; did you forget to quote the callable name?)"
		}
		return nil, py.Errorf(kindRuntime, "%s", msg)
	}
	return fn.CallWith(&s.thread, v, args)
}

func mapFilter(t *py.Thread, a []py.Value) (py.Value, error) {
	s := stateOf(t)
	value, args, kwargs, cur := a[0], a[1].(*py.Tuple).Items, a[2].(*py.Dict), s.cur
	var it py.Iterator
	var fn func(py.Value) (py.Value, error)
	return py.NewGenerator("sync_do_map", func(t *py.Thread) (py.Value, bool, error) {
		if it == nil {
			full, err := py.Truth(t, value)
			if err != nil || !full {
				return nil, false, err
			}
			if fn, err = s.mapper(args, kwargs); err != nil {
				return nil, false, err
			}
			if it, err = py.Iter(t, value); err != nil {
				return nil, false, err
			}
		}
		v, ok, err := it.Next(t)
		if err != nil || !ok {
			return nil, false, err
		}
		s.cur = cur
		v, err = fn(v)
		return v, err == nil, err
	}), nil
}

func (s *state) mapper(args []py.Value, kwargs *py.Dict) (func(py.Value) (py.Value, error), error) {
	if attribute, ok := kwargs.GetString("attribute"); ok && len(args) == 0 {
		def, _ := kwargs.GetString("default")
		for _, e := range kwargs.Entries() {
			if e.Key != "attribute" && e.Key != "default" {
				return nil, py.Errorf(kindArgument, "Unexpected keyword argument %s", py.ReprString(e.Key.(string)))
			}
		}
		return s.attrGetter(attribute, def, nil), nil
	}
	if len(args) == 0 {
		return nil, py.Errorf(kindArgument, "map requires a filter argument")
	}
	rest := py.Args{Pos: args[1:], Kw: kwargsOf(kwargs)}
	return func(v py.Value) (py.Value, error) {
		return s.named(s.env.filters, "filter", args[0], v, rest)
	}, nil
}

// picker is a lazy select, reject, selectattr or rejectattr.
type picker struct {
	s         *state
	cur       *frame
	value     py.Value
	args      []py.Value
	kwargs    *py.Dict
	keep      bool
	attribute bool
	it        py.Iterator
	test      func(py.Value) (bool, error)
}

func (p *picker) start(t *py.Thread) (bool, error) {
	full, err := py.Truth(t, p.value)
	if err != nil || !full {
		return false, err
	}
	args := p.args
	get := p.s.attrGetter(nil, nil, nil)
	if p.attribute {
		if len(args) == 0 {
			return false, py.Errorf(kindArgument, "Missing parameter for attribute name")
		}
		get = p.s.attrGetter(args[0], nil, nil)
		args = args[1:]
	}
	check := func(v py.Value) (py.Value, error) { return v, nil }
	if len(args) > 0 {
		rest := py.Args{Pos: args[1:], Kw: kwargsOf(p.kwargs)}
		check = func(v py.Value) (py.Value, error) { return p.s.named(p.s.env.tests, "test", args[0], v, rest) }
	}
	p.test = func(v py.Value) (bool, error) {
		v, err := get(v)
		if err != nil {
			return false, err
		}
		if v, err = check(v); err != nil {
			return false, err
		}
		return py.Truth(t, v)
	}
	p.it, err = py.Iter(t, p.value)
	return err == nil, err
}

func (p *picker) next(t *py.Thread) (py.Value, bool, error) {
	if p.it == nil {
		if ok, err := p.start(t); !ok || err != nil {
			return nil, false, err
		}
	}
	for {
		v, ok, err := p.it.Next(t)
		if err != nil || !ok {
			return nil, false, err
		}
		if err := t.Step(1); err != nil {
			return nil, false, err
		}
		p.s.cur = p.cur
		pass, err := p.test(v)
		if err != nil {
			return nil, false, err
		}
		if pass == p.keep {
			return v, true, nil
		}
	}
}
