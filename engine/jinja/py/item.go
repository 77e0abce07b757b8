package py

import (
	"unicode/utf8"
)

// Item evaluates v[key]; what is missing is a KeyError, IndexError or TypeError.
func Item(t *Thread, v, key Value) (Value, error) {
	switch s := v.(type) {
	case *Dict:
		x, ok, err := s.Get(key)
		if err == nil && !ok {
			err = keyError(t, key)
		}
		return x, err
	case *List:
		i, err := index(key, s.Len(), "list")
		if err != nil {
			return nil, err
		}
		return s.items[i], nil
	case *Tuple:
		i, err := index(key, len(s.Items), "tuple")
		if err != nil {
			return nil, err
		}
		return s.Items[i], nil
	case string:
		if err := t.Step(scanSteps(len(s))); err != nil {
			return nil, err
		}
		return charAt(s, key)
	case Markup:
		if err := t.Step(scanSteps(len(s))); err != nil {
			return nil, err
		}
		c, err := charAt(string(s), key)
		if err != nil {
			return nil, err
		}
		return Markup(c.(string)), nil
	case Bytes:
		i, err := index(key, len(s), "byte")
		if err != nil {
			return nil, err
		}
		return int(s[i]), nil
	case *Range:
		i, err := index(key, s.Len(), "range object")
		if err != nil {
			return nil, err
		}
		return s.At(i), nil
	case *Undefined:
		if s.Kind == Chainable {
			return s, nil
		}
		return nil, s.Err()
	case Itemer:
		return s.PyItem(t, key)
	}
	return nil, TypeErrorf("'%s' object is not subscriptable", TypeName(v))
}

func charAt(s string, key Value) (Value, error) {
	if i, ok := key.(int); ok && i >= 0 && i < len(s) && s[i] < utf8.RuneSelf && isASCII(s[:i]) {
		return s[i : i+1], nil
	}
	runes := []rune(s)
	i, err := index(key, len(runes), "string")
	if err != nil {
		return nil, err
	}
	return string(runes[i]), nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func index(key Value, n int, what string) (int, error) {
	i, ok := asIndex(key)
	if !ok {
		if u, ok := key.(*Undefined); ok {
			_ = u // an Undefined has no __index__: a TypeError as for any other type
		}
		if what == "string" {
			return 0, TypeErrorf("string indices must be integers, not '%s'", TypeName(key))
		}
		return 0, TypeErrorf("%s indices must be integers or slices, not %s", what, TypeName(key))
	}
	if i < 0 {
		i += n
	}
	if i < 0 || i >= n {
		return 0, Errorf("IndexError", "%s index out of range", what)
	}
	return i, nil
}

// SliceOf evaluates v[start:stop:step]; a nil bound is one that was left out
// or None.
func SliceOf(t *Thread, v, start, stop, step Value) (Value, error) {
	var n int
	switch s := v.(type) {
	case string:
		n = utf8.RuneCountInString(s)
	case Markup:
		n = utf8.RuneCountInString(string(s))
	case Bytes:
		n = len(s)
	case *List:
		n = s.Len()
	case *Tuple:
		n = len(s.Items)
	case *Range:
		n = s.Len()
	case *Undefined:
		if s.Kind == Chainable {
			return s, nil
		}
		return nil, s.Err()
	case *Dict:
		return nil, TypeErrorf("unhashable type: 'slice'")
	case Itemer:
		return nil, TypeErrorf("unhashable type: 'slice'")
	default:
		return nil, TypeErrorf("'%s' object is not subscriptable", TypeName(v))
	}
	lo, hi, st, err := sliceBounds(n, start, stop, step)
	if err != nil {
		return nil, err
	}
	if r, ok := v.(*Range); ok {
		return &Range{r.Start + lo*r.Step, r.Start + hi*r.Step, r.Step * st}, nil
	}
	count := (&Range{lo, hi, st}).Len()
	if err := t.AllocItems(count / valueSize); err != nil {
		return nil, err
	}
	switch s := v.(type) {
	case string:
		return sliceStr(s, lo, st, count), nil
	case Markup:
		return Markup(sliceStr(string(s), lo, st, count)), nil
	case Bytes:
		return Bytes(pickBytes(string(s), lo, st, count)), nil
	case *Tuple:
		return &Tuple{Items: pick(s.Items, lo, st, count)}, t.AllocItems(count)
	}
	if err := t.AllocItems(count); err != nil {
		return nil, err
	}
	return &List{items: pick(v.(*List).Items(), lo, st, count)}, nil
}

func sliceBounds(n int, start, stop, step Value) (lo, hi, st int, err error) {
	bound := func(v Value, def, low, high int) int {
		if v == nil || err != nil {
			return def
		}
		i, ok := asIndex(v)
		if !ok {
			err = TypeErrorf("slice indices must be integers or None or have an __index__ method")
			return 0
		}
		if i < 0 {
			i += n
		}
		return min(max(i, low), high)
	}
	st = 1
	if step != nil {
		i, ok := asIndex(step)
		if !ok {
			return 0, 0, 0, TypeErrorf("slice indices must be integers or None or have an __index__ method")
		}
		if i == 0 {
			return 0, 0, 0, ValueErrorf("slice step cannot be zero")
		}
		st = min(max(i, -1<<40), 1<<40)
	}
	if st > 0 {
		lo = bound(start, 0, 0, n)
		hi = bound(stop, n, 0, n)
	} else {
		lo = bound(start, n-1, -1, n-1)
		hi = bound(stop, -1, -1, n-1)
	}
	return lo, hi, st, err
}

func pick(items []Value, lo, step, count int) []Value {
	out := make([]Value, count)
	for i := range out {
		out[i] = items[lo+i*step]
	}
	return out
}

func pickBytes(s string, lo, step, count int) string {
	if step == 1 {
		return s[lo : lo+count]
	}
	b := make([]byte, count)
	for i := range b {
		b[i] = s[lo+i*step]
	}
	return string(b)
}

func sliceStr(s string, lo, step, count int) string {
	if count == 0 {
		return ""
	}
	if isASCII(s) {
		return pickBytes(s, lo, step, count)
	}
	runes := []rune(s)
	out := make([]rune, count)
	for i := range out {
		out[i] = runes[lo+i*step]
	}
	return string(out)
}
