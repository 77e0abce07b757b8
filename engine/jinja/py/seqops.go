package py

import (
	"math"
	"math/big"
	"math/bits"
	"strings"
)

func strOp(t *Thread, op Op, s string, b Value) (Value, bool, error) {
	switch op {
	case Add:
		if y, ok := b.(string); ok {
			v, err := concatStr(t, s, y)
			return v, true, err
		}
	case Mul:
		if isIndex(b) {
			return repeat(t, s, b)
		}
	case Mod:
		v, err := Percent(t, s, b)
		return v, true, err
	}
	return nil, false, nil
}

func concatStr[S ~string](t *Thread, a, b S) (Value, error) {
	if err := t.Alloc(len(a) + len(b)); err != nil {
		return nil, err
	}
	return a + b, nil
}

func markupOp(t *Thread, op Op, s Markup, b Value) (Value, bool, error) {
	switch op {
	case Add:
		m, ok, err := escapeOperand(t, b)
		if !ok || err != nil {
			return nil, false, err
		}
		v, err := concatStr(t, s, m)
		return v, true, err
	case Mul:
		if isIndex(b) {
			return repeat(t, s, b)
		}
		return nil, false, TypeErrorf("can't multiply sequence by non-int of type '%s'", TypeName(b))
	case Mod:
		v, err := markupPercent(t, s, b)
		return v, true, err
	}
	return nil, false, nil
}

// escapeOperand escapes what Markup may be joined with: str and __html__ objects.
func escapeOperand(t *Thread, v Value) (Markup, bool, error) {
	switch v := v.(type) {
	case Markup:
		return v, true, nil
	case string:
		return Escape(v), true, nil
	case HTMLer:
		s, err := v.PyHTML(t)
		return Markup(s), true, err
	case *Undefined:
		return "", v.Kind == Chainable, nil
	}
	return "", false, nil
}

func isIndex(v Value) bool {
	_, ok := asIndex(v)
	return ok
}

func repeat(t *Thread, seq, times Value) (Value, bool, error) {
	switch seq.(type) {
	case string, Markup, Bytes, *List, *Tuple:
		if _, huge := times.(*big.Int); huge {
			return nil, false, Errorf("OverflowError", "cannot fit 'int' into an index-sized integer")
		}
	}
	n, _ := asIndex(times)
	n = max(n, 0)
	size := func(l int) error {
		hi, lo := bits.Mul64(uint64(l), uint64(n))
		if hi != 0 || lo > math.MaxInt {
			lo = math.MaxInt
		}
		switch seq.(type) {
		case *List, *Tuple:
			return t.AllocItems(int(lo))
		}
		return t.Alloc(int(lo))
	}
	switch s := seq.(type) {
	case string:
		if err := size(len(s)); err != nil {
			return nil, false, err
		}
		return strings.Repeat(s, n), true, nil
	case Markup:
		if err := size(len(s)); err != nil {
			return nil, false, err
		}
		return Markup(strings.Repeat(string(s), n)), true, nil
	case Bytes:
		if err := size(len(s)); err != nil {
			return nil, false, err
		}
		return Bytes(strings.Repeat(string(s), n)), true, nil
	case *List:
		items, err := repeatItems(s.Items(), n, size)
		return &List{items: items}, err == nil, err
	case *Tuple:
		items, err := repeatItems(s.Items, n, size)
		return &Tuple{Items: items}, err == nil, err
	}
	return nil, false, nil
}

func repeatItems(items []Value, n int, size func(int) error) ([]Value, error) {
	if err := size(len(items)); err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, nil
	}
	out := make([]Value, 0, len(items)*n)
	for range n {
		out = append(out, items...)
	}
	return out, nil
}

func seqOp(t *Thread, op Op, a, b Value) (Value, bool, error) {
	if op == Mul {
		if isIndex(b) {
			return repeat(t, a, b)
		}
		return nil, false, nil
	}
	switch x := a.(type) {
	case *List:
		if y, ok := b.(*List); ok && op == Add {
			if err := t.AllocItems(x.Len() + y.Len()); err != nil {
				return nil, false, err
			}
			items := make([]Value, 0, x.Len()+y.Len())
			return &List{items: append(append(items, x.Items()...), y.Items()...)}, true, nil
		}
	case *Tuple:
		if y, ok := b.(*Tuple); ok && op == Add {
			if err := t.AllocItems(len(x.Items) + len(y.Items)); err != nil {
				return nil, false, err
			}
			items := make([]Value, 0, len(x.Items)+len(y.Items))
			return &Tuple{Items: append(append(items, x.Items...), y.Items...)}, true, nil
		}
	case Bytes:
		switch y := b.(type) {
		case Bytes:
			if op == Add {
				v, err := concatStr(t, x, y)
				return v, err == nil, err
			}
		}
	}
	if op == Sub {
		return setDifference(t, a, b)
	}
	return nil, false, nil
}

// setDifference is a - b if both are sets, or one is a view of a dict: views
// take whatever can be iterated.
func setDifference(t *Thread, a, b Value) (Value, bool, error) {
	view := func(v Value) bool {
		d, ok := v.(*DictView)
		return ok && d.What != 'v'
	}
	if !view(a) && !view(b) && (!setLike(a) || !setLike(b)) {
		return nil, false, nil
	}
	x, err := iterSet(t, a)
	if err != nil {
		return nil, false, err
	}
	y, err := iterSet(t, b)
	if err != nil {
		return nil, false, err
	}
	out, err := subtract(x, y)
	return out, err == nil, err
}

func subtract(a, b *Set) (Value, error) {
	out := &Set{}
	for _, v := range a.Items() {
		has, err := b.Has(v)
		if err == nil && !has {
			err = out.Add(v)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// iterSet is set(v).
func iterSet(t *Thread, v Value) (*Set, error) {
	items, err := Slice(t, v)
	if err != nil {
		return nil, err
	}
	return NewSet(items...)
}
