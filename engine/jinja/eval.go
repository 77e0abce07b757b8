package jinja

import (
	"strings"

	"github.com/weighlock/weighlock/engine/jinja/py"
)

func (n *constExpr) eval(*frame) (py.Value, error) { return n.v, nil }

func (n *dataExpr) eval(*frame) (py.Value, error) { return n.text, nil }

func (n *nameExpr) eval(f *frame) (py.Value, error) {
	var v py.Value
	if n.ref.up == 0 {
		v = f.slots[n.ref.slot]
	} else {
		v = *f.at(n.ref)
	}
	if v == missing {
		return f.s.undefinedName(n.name), nil
	}
	return v, nil
}

func (n *nsRefExpr) eval(f *frame) (py.Value, error) { return *f.at(n.ref), nil }

func (f *frame) evalAll(list []expr) ([]py.Value, error) {
	if err := f.s.thread.AllocItems(len(list) + 2); err != nil {
		return nil, err
	}
	items := make([]py.Value, len(list))
	for i, e := range list {
		v, err := e.eval(f)
		if err != nil {
			return nil, err
		}
		items[i] = v
	}
	return items, nil
}

func (n *tupleExpr) eval(f *frame) (py.Value, error) {
	items, err := f.evalAll(n.items)
	if err != nil {
		return nil, err
	}
	return py.NewTuple(items...), nil
}

func (n *listExpr) eval(f *frame) (py.Value, error) {
	items, err := f.evalAll(n.items)
	if err != nil {
		return nil, err
	}
	return py.NewList(items...), nil
}

func (n *dictExpr) eval(f *frame) (py.Value, error) {
	if err := f.s.thread.AllocEntries(len(n.items) + 1); err != nil {
		return nil, err
	}
	d := py.NewDict(len(n.items))
	for _, p := range n.items {
		k, err := p.key.eval(f)
		if err != nil {
			return nil, err
		}
		v, err := p.value.eval(f)
		if err != nil {
			return nil, err
		}
		if err := d.Set(k, v); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func (n *unaryExpr) eval(f *frame) (py.Value, error) {
	v, err := n.x.eval(f)
	if err != nil {
		return nil, err
	}
	if n.neg {
		return py.Negate(&f.s.thread, v)
	}
	return py.Positive(v)
}

// truth evaluates e as a condition.
func (f *frame) truth(e expr) (bool, error) {
	v, err := e.eval(f)
	if err != nil {
		return false, err
	}
	if b, ok := v.(bool); ok {
		return b, nil
	}
	return py.Truth(&f.s.thread, v)
}

func (n *notExpr) eval(f *frame) (py.Value, error) {
	ok, err := f.truth(n.x)
	return !ok && err == nil, err
}

func (n *binExpr) eval(f *frame) (py.Value, error) {
	if n.pieces != nil {
		return n.evalPieces(f)
	}
	l, err := n.l.eval(f)
	if err != nil {
		return nil, err
	}
	r, err := n.r.eval(f)
	if err != nil {
		return nil, err
	}
	if n.base && py.IsNegative(l) {
		return n.negatedPower(f, l, r)
	}
	return py.Binary(&f.s.thread, n.op, l, r)
}

// negatedPower evaluates -3 ** x, which is -(3 ** x): Jinja2 writes a constant
// base into Python code, where a power binds stronger than the sign.
func (n *binExpr) negatedPower(f *frame, l, r py.Value) (py.Value, error) {
	l, err := py.Negate(&f.s.thread, l)
	if err != nil {
		return nil, err
	}
	v, err := py.Binary(&f.s.thread, n.op, l, r)
	if err != nil {
		return nil, err
	}
	return py.Negate(&f.s.thread, v)
}

func (n *andExpr) eval(f *frame) (py.Value, error) {
	l, err := n.l.eval(f)
	if err != nil {
		return nil, err
	}
	if ok, err := py.Truth(&f.s.thread, l); err != nil || !ok {
		return l, err
	}
	return n.r.eval(f)
}

func (n *orExpr) eval(f *frame) (py.Value, error) {
	l, err := n.l.eval(f)
	if err != nil {
		return nil, err
	}
	if ok, err := py.Truth(&f.s.thread, l); err != nil || ok {
		return l, err
	}
	return n.r.eval(f)
}

func (n *compareExpr) eval(f *frame) (py.Value, error) {
	l, err := n.x.eval(f)
	if err != nil {
		return nil, err
	}
	t := &f.s.thread
	ok := true
	for _, o := range n.ops {
		r, err := o.x.eval(f)
		if err != nil {
			return nil, err
		}
		switch o.op {
		case "in":
			ok, err = py.Contains(t, r, l)
		case "not in":
			ok, err = py.Contains(t, r, l)
			ok = !ok
		default:
			ok, err = py.Compare(t, o.op, l, r)
		}
		if err != nil {
			return nil, err
		}
		if !ok {
			return false, nil
		}
		l = r
	}
	return ok, nil
}

func (n *concatExpr) eval(f *frame) (py.Value, error) {
	t := &f.s.thread
	args, mark := t.Frame(len(n.items))
	defer t.Release(mark)
	for i, e := range n.items {
		v, err := e.eval(f)
		if err != nil {
			return nil, err
		}
		args[i] = v
	}
	if n.esc == escapeOn || n.esc == escapeVolatile {
		return markupJoin(t, args)
	}
	return strJoin(t, args)
}

func strJoin(t *py.Thread, args []py.Value) (py.Value, error) {
	var b strings.Builder
	for i, v := range args {
		s, err := py.Str(t, v)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			b.Grow(len(s) + 16)
		}
		b.WriteString(s)
	}
	return b.String(), t.Alloc(b.Len())
}

// markupJoin is ~ while escaping: as soon as one operand is safe text the
// others are escaped.
func markupJoin(t *py.Thread, args []py.Value) (py.Value, error) {
	safe := false
	for _, v := range args {
		_, marked := v.(py.Markup) // objects with an __html__ are made a str first
		safe = safe || marked
	}
	if !safe {
		return strJoin(t, args)
	}
	var b strings.Builder
	for _, v := range args {
		v, err := py.SoftStr(t, v)
		if err != nil {
			return nil, err
		}
		m, err := py.EscapeValue(t, v)
		if err != nil {
			return nil, err
		}
		b.WriteString(string(m))
	}
	return py.Markup(b.String()), t.Alloc(b.Len())
}

func (n *condExpr) eval(f *frame) (py.Value, error) {
	ok, err := f.truth(n.test)
	if err != nil {
		return nil, err
	}
	switch {
	case ok:
		return n.yes.eval(f)
	case n.no != nil:
		return n.no.eval(f)
	}
	return &py.Undefined{Kind: py.Lenient, Hint: n.msg}, nil
}

func (n *attrExpr) eval(f *frame) (py.Value, error) {
	v, err := n.x.eval(f)
	if err != nil {
		return nil, err
	}
	return f.s.getattr(v, n.name, n.key)
}

// getattr is v.name: the attribute, else the item. key is name, boxed.
func (s *state) getattr(v py.Value, name string, key py.Value) (py.Value, error) {
	switch o := v.(type) {
	case *py.Dict:
		if f := py.Method(o, name); f != nil {
			return &py.BoundMethod{Self: o, F: f}, nil
		}
		if x, ok := o.GetString(name); ok {
			return x, nil
		}
	case *loopContext:
		return o.attr(s, name)
	default:
		x, ok, err := py.Attr(&s.thread, v, name)
		if ok || err != nil {
			return x, err
		}
		x, err = py.Item(&s.thread, v, key)
		if err == nil {
			return x, nil
		}
		if !py.IsKind(err, "TypeError", "KeyError", "IndexError", "LookupError", "AttributeError") {
			return nil, err
		}
	}
	return &py.Undefined{Kind: s.env.undefined, Obj: v, HasObj: true, Name: key}, nil
}

// getitem is v[key]: the item, else the attribute.
func (s *state) getitem(v, key py.Value) (py.Value, error) {
	x, err := py.Item(&s.thread, v, key)
	if err == nil {
		return x, nil
	}
	if !py.IsKind(err, "TypeError", "KeyError", "IndexError", "LookupError", "AttributeError") {
		return nil, err
	}
	if name, ok := py.IsString(key); ok {
		if l, isLoop := v.(*loopContext); isLoop {
			return l.attr(s, name)
		}
		x, ok, err := py.Attr(&s.thread, v, name)
		if ok || err != nil {
			return x, err
		}
	}
	return &py.Undefined{Kind: s.env.undefined, Obj: v, HasObj: true, Name: key}, nil
}

func (n *itemExpr) eval(f *frame) (py.Value, error) {
	v, err := n.x.eval(f)
	if err != nil {
		return nil, err
	}
	if sl, ok := n.arg.(*sliceExpr); ok {
		b, err := sl.bounds(f)
		if err != nil {
			return nil, err
		}
		return py.SliceOf(&f.s.thread, v, b[0], b[1], b[2])
	}
	key, err := n.arg.eval(f)
	if err != nil {
		return nil, err
	}
	return f.s.getitem(v, key)
}

func (n *sliceExpr) bounds(f *frame) (b [3]py.Value, err error) {
	for i, e := range []expr{n.start, n.stop, n.step} {
		if e == nil {
			continue
		}
		if b[i], err = e.eval(f); err != nil {
			return b, err
		}
	}
	return b, nil
}

// eval of a slice is only reached inside of a tuple of subscripts.
func (n *sliceExpr) eval(*frame) (py.Value, error) {
	return nil, py.TypeErrorf("unhashable type: 'slice'")
}
