package py

import "slices"

func tupleMethods() map[string]*Func {
	m := table{}
	m.add("index", "self, value, start=None, stop=None, /", func(t *Thread, a []Value) (Value, error) {
		return indexOf(t, a)
	})
	m.add("count", "self, value, /", countOf)
	return m
}

func countOf(t *Thread, a []Value) (Value, error) {
	items, err := Slice(t, a[0])
	if err != nil {
		return nil, err
	}
	n := 0
	for _, item := range items {
		eq, err := same(t, item, a[1], 0)
		if err != nil {
			return nil, err
		}
		if eq {
			n++
		}
	}
	return n, nil
}

func indexOf(t *Thread, a []Value) (Value, error) {
	items, err := Slice(t, a[0])
	if err != nil {
		return nil, err
	}
	lo, hi, err := bounds(len(items), a[2], a[3])
	if err != nil {
		return nil, err
	}
	for i := lo; i < hi; i++ {
		eq, err := same(t, items[i], a[1], 0)
		if err != nil {
			return nil, err
		}
		if eq {
			return i, nil
		}
	}
	r, err := Repr(t, a[1])
	if err != nil {
		return nil, err
	}
	if _, ok := a[0].(*List); ok {
		return nil, ValueErrorf("%s is not in list", r)
	}
	return nil, ValueErrorf("%s.index(x): x not in %s", TypeName(a[0]), TypeName(a[0]))
}

func listMethods() map[string]*Func {
	m := table(tupleMethods())
	m.add("append", "self, object, /", func(t *Thread, a []Value) (Value, error) {
		l := a[0].(*List)
		l.Append(a[1])
		return nil, t.AllocItems(1)
	})
	m.add("extend", "self, iterable, /", func(t *Thread, a []Value) (Value, error) {
		items, err := Slice(t, a[1])
		if err != nil {
			return nil, err
		}
		l := a[0].(*List)
		if err := t.AllocItems(len(items)); err != nil {
			return nil, err
		}
		l.set(append(l.Items(), items...))
		return nil, nil
	})
	m.add("insert", "self, index, object, /", func(t *Thread, a []Value) (Value, error) {
		i, err := WantInt(a[1])
		if err != nil {
			return nil, err
		}
		l := a[0].(*List)
		if i < 0 {
			i = max(i+l.Len(), 0)
		}
		i = min(i, l.Len())
		l.set(slices.Insert(l.Items(), i, a[2]))
		return nil, t.AllocItems(1)
	})
	m.add("pop", "self, index=-1, /", func(t *Thread, a []Value) (Value, error) {
		l := a[0].(*List)
		if l.Len() == 0 {
			return nil, Errorf("IndexError", "pop from empty list")
		}
		i, err := WantInt(a[1])
		if err != nil {
			return nil, err
		}
		if i < 0 {
			i += l.Len()
		}
		if i < 0 || i >= l.Len() {
			return nil, Errorf("IndexError", "pop index out of range")
		}
		v := l.items[i]
		l.set(slices.Delete(l.Items(), i, i+1))
		return v, nil
	})
	m.add("remove", "self, value, /", func(t *Thread, a []Value) (Value, error) {
		l := a[0].(*List)
		for i, item := range l.Items() {
			eq, err := same(t, item, a[1], 0)
			if err != nil {
				return nil, err
			}
			if eq {
				l.set(slices.Delete(l.Items(), i, i+1))
				return nil, nil
			}
		}
		return nil, ValueErrorf("list.remove(x): x not in list")
	})
	m.add("clear", "self, /", func(t *Thread, a []Value) (Value, error) {
		a[0].(*List).set(nil)
		return nil, nil
	})
	m.add("copy", "self, /", func(t *Thread, a []Value) (Value, error) { return ListOf(t, a[0]) })
	m.add("reverse", "self, /", func(t *Thread, a []Value) (Value, error) {
		slices.Reverse(a[0].(*List).Items())
		return nil, nil
	})
	m.add("sort", "self, *, key=None, reverse=False", func(t *Thread, a []Value) (Value, error) {
		l := a[0].(*List)
		var key func(Value) (Value, error)
		if k := a[1]; k != nil {
			key = func(v Value) (Value, error) { return Call(t, k, Args{Pos: []Value{v}}) }
		}
		rev, err := WantFlag(a[2])
		if err != nil {
			return nil, err
		}
		sorted, err := Sorted(t, l.Items(), key, rev)
		if err != nil {
			return nil, err
		}
		l.set(sorted)
		return nil, nil
	})
	return m
}

// Sorted returns items in the order of Python's sorted(): stable, by the keys
// that key gives (the items themselves when nil).
func Sorted(t *Thread, items []Value, key func(Value) (Value, error), reverse bool) ([]Value, error) {
	keys := items
	if key != nil {
		keys = make([]Value, len(items))
		for i, item := range items {
			k, err := key(item)
			if err != nil {
				return nil, err
			}
			keys[i] = k
		}
	}
	return SortedBy(t, items, keys, reverse)
}

// SortedBy is [Sorted] with a key for each item.
func SortedBy(t *Thread, items, keys []Value, reverse bool) ([]Value, error) {
	type pair struct{ key, value Value }
	if err := t.AllocItems(3 * len(items)); err != nil {
		return nil, err
	}
	pairs := make([]pair, len(items))
	for i, item := range items {
		pairs[i] = pair{keys[i], item}
	}
	if reverse {
		slices.Reverse(pairs)
	}
	var failed error
	less := func(a, b Value) bool {
		ok, err := Less(t, a, b)
		if err == nil {
			err = t.Step(1)
		}
		if err != nil && failed == nil {
			failed = err
		}
		return ok
	}
	// As in Python, only < is asked, of the later element first.
	slices.SortStableFunc(pairs, func(a, b pair) int {
		switch {
		case failed != nil:
			return 0
		case less(a.key, b.key):
			return -1
		case failed == nil && less(b.key, a.key):
			return 1
		}
		return 0
	})
	if failed != nil {
		return nil, failed
	}
	if reverse {
		slices.Reverse(pairs)
	}
	out := make([]Value, len(pairs))
	for i := range pairs {
		out[i] = pairs[i].value
	}
	return out, nil
}

func setMethods() map[string]*Func {
	m := table{}
	m.add("add", "self, elem, /", func(t *Thread, a []Value) (Value, error) {
		return nil, a[0].(*Set).Add(a[1])
	})
	m.add("union", "self, other, /", func(t *Thread, a []Value) (Value, error) {
		items, err := Slice(t, a[1])
		if err != nil {
			return nil, err
		}
		return NewSet(append(a[0].(*Set).Items(), items...)...)
	})
	m.add("difference", "self, other, /", func(t *Thread, a []Value) (Value, error) {
		other, err := iterSet(t, a[1])
		if err != nil {
			return nil, err
		}
		return subtract(a[0].(*Set), other)
	})
	m.add("intersection", "self, other, /", func(t *Thread, a []Value) (Value, error) {
		items, err := Slice(t, a[1])
		if err != nil {
			return nil, err
		}
		other, err := NewSet(items...)
		if err != nil {
			return nil, err
		}
		out := &Set{}
		for _, v := range a[0].(*Set).Items() {
			if ok, err := other.Has(v); err != nil || ok && out.Add(v) != nil {
				return nil, err
			}
		}
		return out, nil
	})
	m.add("copy", "self, /", func(t *Thread, a []Value) (Value, error) { return NewSet(a[0].(*Set).Items()...) })
	return m
}

func viewMethods() map[string]*Func {
	m := table{}
	m.add("isdisjoint", "self, other, /", func(t *Thread, a []Value) (Value, error) {
		items, err := Slice(t, a[1])
		if err != nil {
			return nil, err
		}
		for _, item := range items {
			if ok, err := Contains(t, a[0], item); ok || err != nil {
				return false, err
			}
		}
		return true, nil
	})
	return m
}
