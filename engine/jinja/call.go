package jinja

import (
	"github.com/weighlock/weighlock/engine/jinja/py"
)

// prepare evaluates the arguments of a call. The values live on the thread's
// stack until release.
func (f *frame) prepare(a *callArgs, extra *py.Kwarg) (args py.Args, mark int, err error) {
	t := &f.s.thread
	args.Pos, mark = t.Frame(len(a.args))
	for i, e := range a.args {
		if args.Pos[i], err = e.eval(f); err != nil {
			return args, mark, err
		}
	}
	if len(a.kwargs) == 0 && a.dyn == nil && a.dynKw == nil && extra == nil {
		return args, mark, nil
	}
	if a.dyn != nil {
		v, err := a.dyn.eval(f)
		if err != nil {
			return args, mark, err
		}
		more, err := py.Slice(t, v)
		if err != nil {
			if py.IsKind(err, "TypeError") {
				err = py.TypeErrorf("argument after * must be an iterable, not %s", py.TypeName(v))
			}
			return args, mark, err
		}
		args.Pos = append(args.Pos, more...)
	}
	if len(a.kwargs) > 0 {
		args.Kw = make([]py.Kwarg, 0, len(a.kwargs)+1)
	}
	for _, k := range a.kwargs {
		v, err := k.value.eval(f)
		if err != nil {
			return args, mark, err
		}
		args.Kw = append(args.Kw, py.Kwarg{Name: k.name, Value: v})
	}
	if extra != nil {
		if err := addKwarg(&args, extra.Name, extra.Value); err != nil {
			return args, mark, err
		}
	}
	if a.dynKw != nil {
		err = f.spread(a.dynKw, &args)
	}
	return args, mark, err
}

func addKwarg(args *py.Args, name string, v py.Value) error {
	for _, k := range args.Kw {
		if k.Name == name {
			return py.TypeErrorf("got multiple values for keyword argument '%s'", name)
		}
	}
	args.Kw = append(args.Kw, py.Kwarg{Name: name, Value: v})
	return nil
}

// spread adds the entries of a **mapping.
func (f *frame) spread(e expr, args *py.Args) error {
	v, err := e.eval(f)
	if err != nil {
		return err
	}
	d, ok := v.(*py.Dict)
	if !ok {
		if u, ok := v.(*py.Undefined); ok {
			return u.Err()
		}
		return py.TypeErrorf("argument after ** must be a mapping, not %s", py.TypeName(v))
	}
	for _, e := range d.Entries() {
		name, ok := py.IsString(e.Key)
		if !ok {
			return py.TypeErrorf("keywords must be strings")
		}
		if err := addKwarg(args, name, e.Value); err != nil {
			return err
		}
	}
	return nil
}

func (n *callExpr) eval(f *frame) (py.Value, error) { return n.call(f, nil) }

// call evaluates the call; caller is the body of the call block around it.
func (n *callExpr) call(f *frame, caller *macro) (py.Value, error) {
	t := &f.s.thread
	var extra *py.Kwarg
	if caller != nil {
		extra = &py.Kwarg{Name: "caller", Value: caller}
	}
	// A method of a built-in type is called without making a bound method.
	var method *py.Func
	var self py.Value
	fn, err := py.Value(nil), error(nil)
	if a, ok := n.fn.(*attrExpr); ok {
		if self, err = a.x.eval(f); err != nil {
			return nil, err
		}
		if method = py.Method(self, a.name); method == nil {
			fn, err = f.s.getattr(self, a.name, a.key)
		}
	} else {
		fn, err = n.fn.eval(f)
	}
	if err != nil {
		return nil, err
	}
	if method != nil && extra == nil {
		return f.callFunc(method, self, &n.callArgs)
	}
	args, mark, err := f.prepare(&n.callArgs, extra)
	defer t.Release(mark)
	if err != nil {
		return nil, err
	}
	f.s.cur, f.s.curNode = f, n
	if method != nil {
		return method.CallWith(t, self, args)
	}
	return py.Call(t, fn, args)
}

func (n *filterExpr) eval(f *frame) (py.Value, error) {
	v, err := n.x.eval(f)
	if err != nil {
		return nil, err
	}
	return n.apply(f, v)
}

func (n *filterExpr) apply(f *frame, v py.Value) (py.Value, error) {
	if n.fn == nil {
		return nil, f.unknown(&n.callArgs, "filter", n.name)
	}
	return f.callFunc(n.fn, v, &n.callArgs)
}

// unknown is the error for a filter or test that does not exist; errors in its
// arguments come first.
func (f *frame) unknown(a *callArgs, what, name string) error {
	_, mark, err := f.prepare(a, nil)
	f.s.thread.Release(mark)
	if err != nil {
		return err
	}
	return py.Errorf(kindRuntime, "No %s named %s found.", what, py.ReprString(name))
}

// callFunc calls fn with v before the arguments.
func (f *frame) callFunc(fn *py.Func, v py.Value, a *callArgs) (py.Value, error) {
	t := &f.s.thread
	if n := 1 + len(a.args); len(a.kwargs) == 0 && a.dyn == nil && a.dynKw == nil && fn.Direct(n) >= 0 {
		out, mark := t.Frame(fn.Direct(n))
		out[0] = v
		for i, e := range a.args {
			var err error
			if out[i+1], err = e.eval(f); err != nil {
				t.Release(mark)
				return nil, err
			}
		}
		f.s.cur, f.s.curNode = f, nil
		r, err := fn.CallDirect(t, out, n)
		t.Release(mark)
		return r, err
	}
	args, mark, err := f.prepare(a, nil)
	defer t.Release(mark)
	if err != nil {
		return nil, err
	}
	f.s.cur, f.s.curNode = f, nil
	return fn.CallWith(t, v, args)
}

// evalBlockFilter applies the filters of a block to what it wrote.
func evalBlockFilter(f *frame, e expr, text string) (py.Value, error) {
	n := e.(*filterExpr)
	if n.x != nil {
		v, err := evalBlockFilter(f, n.x, text)
		if err != nil {
			return nil, err
		}
		return n.apply(f, v)
	}
	if n.esc == escapeOn || n.esc == escapeVolatile && f.tc.eval.autoescape {
		return n.apply(f, py.Markup(text))
	}
	return n.apply(f, text)
}

func (n *testExpr) eval(f *frame) (py.Value, error) {
	v, err := n.x.eval(f)
	if err != nil {
		return nil, err
	}
	if n.fn == nil {
		return nil, f.unknown(&n.callArgs, "test", n.name)
	}
	return f.callFunc(n.fn, v, &n.callArgs)
}

// autoescape reports whether the calling frame escapes right now.
func (s *state) autoescape() bool { return s.cur != nil && s.cur.tc.eval.autoescape }
