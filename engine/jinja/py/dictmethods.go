package py

func dictMethods() map[string]*Func {
	m := table{}
	for name, what := range map[string]byte{"keys": 'k', "values": 'v', "items": 'i'} {
		m.add(name, "self, /", func(t *Thread, a []Value) (Value, error) {
			return &DictView{a[0].(*Dict), what}, nil
		})
	}
	m.add("get", "self, key, default=None, /", func(t *Thread, a []Value) (Value, error) {
		v, ok, err := a[0].(*Dict).Get(a[1])
		if !ok {
			v = a[2]
		}
		return v, err
	})
	m.add("setdefault", "self, key, default=None, /", func(t *Thread, a []Value) (Value, error) {
		d := a[0].(*Dict)
		v, ok, err := d.Get(a[1])
		if ok || err != nil {
			return v, err
		}
		return a[2], d.Set(a[1], a[2])
	})
	m.add("pop", "self, key, *default", func(t *Thread, a []Value) (Value, error) {
		def := a[2].(*Tuple).Items
		if len(def) > 1 {
			return nil, TypeErrorf("pop expected at most 2 arguments, got %d", len(def)+1)
		}
		v, ok, err := a[0].(*Dict).Delete(a[1])
		if ok || err != nil {
			return v, err
		}
		if len(def) == 1 {
			return def[0], nil
		}
		return nil, keyError(t, a[1])
	})
	m.add("popitem", "self, /", func(t *Thread, a []Value) (Value, error) {
		d := a[0].(*Dict)
		if d.Len() == 0 {
			return nil, &Error{Kind: "KeyError", Msg: "'popitem(): dictionary is empty'"}
		}
		e := d.deleteAt(d.Len() - 1)
		return NewTuple(e.Key, e.Value), nil
	})
	m.add("update", "self, /, *args, **kwargs", func(t *Thread, a []Value) (Value, error) {
		args := a[1].(*Tuple).Items
		if len(args) > 1 {
			return nil, TypeErrorf("update expected at most 1 argument, got %d", len(args))
		}
		d := a[0].(*Dict)
		for _, arg := range args {
			if err := Update(t, d, arg); err != nil {
				return nil, err
			}
		}
		return nil, Update(t, d, a[2])
	})
	m.add("clear", "self, /", func(t *Thread, a []Value) (Value, error) {
		a[0].(*Dict).Clear()
		return nil, nil
	})
	m.add("copy", "self, /", func(t *Thread, a []Value) (Value, error) { return a[0].(*Dict).Copy(), nil })
	m.add("fromkeys", "self, iterable, value=None, /", func(t *Thread, a []Value) (Value, error) {
		keys, err := Slice(t, a[1])
		if err != nil {
			return nil, err
		}
		d := NewDict(len(keys))
		for _, k := range keys {
			if err := d.Set(k, a[2]); err != nil {
				return nil, err
			}
		}
		return d, nil
	})
	return m
}

// Update is dict.update: from is a dict or an iterable of pairs.
func Update(t *Thread, d *Dict, from Value) error {
	if src, ok := from.(*Dict); ok {
		if err := t.Step(src.Len()); err != nil {
			return err
		}
		if err := t.AllocEntries(src.Len()); err != nil {
			return err
		}
		for _, e := range src.Entries() {
			if err := d.Set(e.Key, e.Value); err != nil {
				return err
			}
		}
		return t.Grow(d.Len())
	}
	if u, ok := from.(*Undefined); ok {
		return u.Err() // Python looks for .keys
	}
	pairs, err := Slice(t, from)
	if err != nil {
		return err
	}
	if err := t.AllocEntries(len(pairs)); err != nil {
		return err
	}
	for i, p := range pairs {
		pair, err := Slice(t, p)
		if err != nil {
			if IsKind(err, "TypeError") {
				return TypeErrorf("cannot convert dictionary update sequence element #%d to a sequence", i)
			}
			return err
		}
		if len(pair) != 2 {
			return ValueErrorf("dictionary update sequence element #%d has length %d; 2 is required", i, len(pair))
		}
		if err := d.Set(pair[0], pair[1]); err != nil {
			return err
		}
	}
	return t.Grow(d.Len())
}
