package jinja

import (
	"slices"
	"strings"

	"github.com/weighlock/weighlock/engine/jinja/py"
)

func sequenceFilters(r registry) {
	r.add("length", "obj, /", func(t *py.Thread, a []py.Value) (py.Value, error) {
		n, err := py.Len(t, a[0])
		return n, err
	})
	r.alias("count", "length")
	r.add("list", "value", func(t *py.Thread, a []py.Value) (py.Value, error) { return py.ListOf(t, a[0]) })
	r.add("first", "seq", first)
	r.add("last", "seq", last)
	r.add("random", "seq", random)
	r.add("join", "value, d='', attribute=None", join)
	r.add("reverse", "value", reverse)
	r.add("items", "value", items)
	r.add("batch", "value, linecount, fill_with=None", batch)
	r.add("slice", "value, slices, fill_with=None", slice)
	r.add("sum", "iterable, attribute=None, start=0", sum)
	r.add("attr", "obj, name", attr)
}

func first(t *py.Thread, a []py.Value) (py.Value, error) {
	it, err := py.Iter(t, a[0])
	if err != nil {
		return nil, err
	}
	v, ok, err := it.Next(t)
	if err == nil && !ok {
		return stateOf(t).undefinedHint("No first item, sequence was empty.", nil), nil
	}
	return v, err
}

func last(t *py.Thread, a []py.Value) (py.Value, error) {
	if u, ok := a[0].(*py.Undefined); ok && u.Kind != py.Strict {
		// reversed() uses len() and []: an empty sequence.
		return stateOf(t).undefinedHint("No last item, sequence was empty.", nil), nil
	}
	it, err := py.Reversed(t, a[0])
	if err != nil {
		return nil, err
	}
	v, ok, err := it.Next(t)
	if err == nil && !ok {
		return stateOf(t).undefinedHint("No last item, sequence was empty.", nil), nil
	}
	return v, err
}

func random(t *py.Thread, a []py.Value) (py.Value, error) {
	n, err := py.Len(t, a[0])
	if err != nil {
		return nil, err
	}
	s := stateOf(t)
	if n == 0 {
		return s.undefinedHint("No random item, sequence was empty.", nil), nil
	}
	return py.Item(t, a[0], s.env.random(n))
}

func join(t *py.Thread, a []py.Value) (py.Value, error) {
	s := stateOf(t)
	escape := s.autoescape()
	sep := ""
	if !escape {
		var err error
		if sep, err = py.Str(t, a[1]); err != nil {
			return nil, err
		}
	}
	values, err := py.Slice(t, a[0])
	if err != nil {
		return nil, err
	}
	get := func(v py.Value) (py.Value, error) { return v, nil }
	if a[2] != nil {
		get = s.attrGetter(a[2], nil, nil)
	}
	if escape {
		return joinMarkup(t, values, get, a[1])
	}
	var b strings.Builder
	for i, v := range values {
		if v, err = get(v); err != nil {
			return nil, err
		}
		text, err := py.Str(t, v)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b.WriteString(sep)
		}
		b.WriteString(text)
		if err := t.Grow(b.Len()); err != nil {
			return nil, err
		}
	}
	return b.String(), t.Alloc(b.Len())
}

func joinMarkup(t *py.Thread, values []py.Value, get func(py.Value) (py.Value, error), d py.Value) (py.Value, error) {
	parts := make([]py.Value, len(values))
	var err error
	if py.HasHTML(d) {
		for i, v := range values {
			if v, err = get(v); err != nil {
				return nil, err
			}
			if parts[i], err = py.SoftStr(t, v); err != nil {
				return nil, err
			}
		}
		if d, err = py.SoftStr(t, d); err != nil {
			return nil, err
		}
		return method(t, d, "join", py.NewList(parts...))
	}
	for i, v := range values { // all of them, before the first is made text
		if parts[i], err = get(v); err != nil {
			return nil, err
		}
	}
	safe := false
	for i, v := range parts {
		if py.HasHTML(v) {
			safe, parts[i] = true, v
		} else if parts[i], err = py.Str(t, v); err != nil {
			return nil, err
		}
	}
	if safe {
		d, err = py.EscapeValue(t, d)
	} else {
		d, err = py.Str(t, d)
	}
	if err != nil {
		return nil, err
	}
	return method(t, d, "join", py.NewList(parts...))
}

func reverse(t *py.Thread, a []py.Value) (py.Value, error) {
	switch v := a[0].(type) {
	case string, py.Markup:
		return py.SliceOf(t, v, nil, nil, -1)
	case *py.Undefined:
		if v.Kind != py.Strict { // has a length and items, so it can be reversed: empty
			return py.NewIterator(nil, "reversed"), nil
		}
	}
	it, err := py.Reversed(t, a[0])
	if err == nil {
		return it, nil
	}
	if !py.IsKind(err, "TypeError") {
		return nil, err
	}
	l, err := py.ListOf(t, a[0])
	if py.IsKind(err, "TypeError") {
		return nil, py.Errorf(kindArgument, "argument must be iterable")
	}
	if err != nil {
		return nil, err
	}
	slices.Reverse(l.Items())
	return l, nil
}

func items(t *py.Thread, a []py.Value) (py.Value, error) {
	var view py.Iterator
	v := a[0]
	return py.NewGenerator("do_items", func(t *py.Thread) (py.Value, bool, error) {
		if view == nil {
			var err error
			switch d := v.(type) {
			case *py.Undefined:
				return nil, false, nil
			case *py.Dict:
				view, err = py.Iter(t, &py.DictView{D: d, What: 'i'})
			default:
				err = py.TypeErrorf("Can only get item pairs from a mapping.")
			}
			if err != nil {
				return nil, false, err
			}
		}
		return view.Next(t)
	}), nil
}

func batch(t *py.Thread, a []py.Value) (py.Value, error) {
	value, count, fill := a[0], a[1], a[2]
	var it py.Iterator
	var held []py.Value
	done := false
	return py.NewGenerator("do_batch", func(t *py.Thread) (py.Value, bool, error) {
		if done {
			return nil, false, nil
		}
		var err error
		if it == nil {
			if it, err = py.Iter(t, value); err != nil {
				return nil, false, err
			}
		}
		for {
			v, ok, err := it.Next(t)
			if err != nil {
				return nil, false, err
			}
			if !ok {
				break
			}
			if err := t.Gather(); err != nil {
				return nil, false, err
			}
			full, err := py.Equal(t, len(held), count)
			if err != nil {
				return nil, false, err
			}
			if full {
				out := py.NewList(held...)
				held = []py.Value{v}
				return out, true, nil
			}
			held = append(held, v)
		}
		done = true
		if len(held) == 0 {
			return nil, false, nil
		}
		if fill != nil {
			short, err := py.Less(t, len(held), count)
			if err != nil {
				return nil, false, err
			}
			if short {
				n, err := py.WantInt(count)
				if err != nil {
					return nil, false, py.TypeErrorf("can't multiply sequence by non-int of type '%s'", py.TypeName(count))
				}
				if err := t.Grow(n); err != nil {
					return nil, false, err
				}
				for len(held) < n {
					held = append(held, fill)
				}
			}
		}
		return py.NewList(held...), true, nil
	}), nil
}

func slice(t *py.Thread, a []py.Value) (py.Value, error) {
	value, count, fill := a[0], a[1], a[2]
	var seq []py.Value
	started := false
	i, n, offset := 0, 0, 0
	return py.NewGenerator("sync_do_slice", func(t *py.Thread) (py.Value, bool, error) {
		if !started {
			started = true
			var err error
			if seq, err = py.Slice(t, value); err != nil {
				return nil, false, err
			}
			if _, err = py.Binary(t, py.FloorDiv, len(seq), count); err != nil {
				return nil, false, err
			}
			if n, err = py.WantInt(count); err != nil {
				return nil, false, err
			}
		}
		if i >= n {
			return nil, false, nil
		}
		per, extra := len(seq)/n, len(seq)%n
		start := offset + i*per
		if i < extra {
			offset++
		}
		if err := t.AllocItems(per + 4); err != nil {
			return nil, false, err
		}
		out := slices.Clone(seq[start : offset+(i+1)*per])
		if fill != nil && i >= extra {
			out = append(out, fill)
		}
		i++
		return py.NewList(out...), true, t.Step(1)
	}), nil
}

func sum(t *py.Thread, a []py.Value) (py.Value, error) {
	values, err := py.Slice(t, a[0])
	if err != nil {
		return nil, err
	}
	get := stateOf(t).attrGetter(a[1], nil, nil)
	switch a[2].(type) {
	case string, py.Markup:
		return nil, py.TypeErrorf("sum() can't sum strings [use ''.join(seq) instead]")
	case py.Bytes:
		return nil, py.TypeErrorf("sum() can't sum bytes [use b''.join(seq) instead]")
	}
	total := a[2]
	for _, v := range values {
		if v, err = get(v); err != nil {
			return nil, err
		}
		if total, err = py.Binary(t, py.Add, total, v); err != nil {
			return nil, err
		}
	}
	return total, nil
}

func attr(t *py.Thread, a []py.Value) (py.Value, error) {
	name, ok := py.IsString(a[1])
	if !ok {
		return nil, py.TypeErrorf("attribute name must be string, not '%s'", py.TypeName(a[1]))
	}
	v, ok, err := py.Attr(t, a[0], name)
	if ok || err != nil {
		return v, err
	}
	return &py.Undefined{Kind: stateOf(t).env.undefined, Obj: a[0], HasObj: true, Name: a[1]}, nil
}

// attrGetter returns the function that takes the attribute out of a value:
// "a.b.0" is a path. def replaces what is undefined on the way.
func (s *state) attrGetter(attribute, def py.Value, post func(py.Value) py.Value) func(py.Value) (py.Value, error) {
	parts := attrParts(attribute)
	return func(v py.Value) (py.Value, error) {
		var err error
		for _, p := range parts {
			if v, err = s.getitem(v, p); err != nil {
				return nil, err
			}
			if _, undef := v.(*py.Undefined); undef && def != nil {
				v = def
			}
		}
		if post != nil {
			v = post(v)
		}
		return v, nil
	}
}

func attrParts(attribute py.Value) []py.Value {
	if attribute == nil {
		return nil
	}
	path, ok := py.IsString(attribute)
	if !ok {
		return []py.Value{attribute}
	}
	var parts []py.Value
	for p := range strings.SplitSeq(path, ".") {
		if isDigits(p) {
			if i, err := py.ParseInt(p, 10); err == nil {
				parts = append(parts, i)
				continue
			}
		}
		parts = append(parts, p)
	}
	return parts
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, decimal) == ""
}
