package py

import (
	"math"
	"unicode/utf8"
)

// Iter returns an iterator over v, or the TypeError of Python's iter().
func Iter(t *Thread, v Value) (Iterator, error) {
	switch v := v.(type) {
	case *List:
		return &listIter{l: v}, nil
	case *Tuple:
		return &sliceIter{items: v.Items}, nil
	case *Dict:
		return &dictIter{v: DictView{v, 'k'}, n: v.Len()}, nil
	case *DictView:
		return &dictIter{v: *v, n: v.D.Len()}, nil
	case string:
		return &strIter{s: v}, nil
	case Markup:
		return &strIter{s: string(v)}, nil
	case Bytes:
		return &bytesIter{s: v}, nil
	case *Range:
		return &rangeIter{r: *v, n: v.Len()}, nil
	case *Set:
		return &sliceIter{items: v.Items()}, nil
	case *Undefined:
		if v.Kind == Strict {
			return nil, v.Err()
		}
		return &sliceIter{}, nil
	case Iterator:
		return v, nil
	case Iterable:
		return v.PyIter(), nil
	}
	return nil, TypeErrorf("'%s' object is not iterable", TypeName(v))
}

// Slice returns the elements of any iterable, as list(v) does. The result may
// be v's own storage: it must not be changed.
func Slice(t *Thread, v Value) ([]Value, error) {
	switch v := v.(type) {
	case *List:
		return v.Items(), t.Step(v.Len())
	case *Tuple:
		return v.Items, t.Step(len(v.Items))
	case *Set:
		return v.Items(), t.Step(v.Len())
	case *DictView:
		if err := t.AllocItems(4 * v.D.Len()); err != nil {
			return nil, err
		}
		return v.list(), t.Step(v.D.Len())
	}
	it, err := Iter(t, v)
	if err != nil {
		return nil, err
	}
	var items []Value
	for {
		x, ok, err := it.Next(t)
		if err != nil || !ok {
			return items, err
		}
		if err := t.Gather(); err != nil {
			return nil, err
		}
		items = append(items, x)
	}
}

// ListOf returns list(v): a new list.
func ListOf(t *Thread, v Value) (*List, error) {
	items, err := Slice(t, v)
	if err != nil {
		return nil, err
	}
	switch v.(type) {
	case *List, *Tuple, *Set, *DictView: // items may be v's own
		if err := t.AllocItems(len(items)); err != nil {
			return nil, err
		}
		items = append([]Value(nil), items...)
	}
	return &List{items: items}, nil
}

// Len returns len(v).
func Len(t *Thread, v Value) (int, error) {
	switch v := v.(type) {
	case string:
		return utf8.RuneCountInString(v), nil
	case Markup:
		return utf8.RuneCountInString(string(v)), nil
	case Bytes:
		return len(v), nil
	case *List:
		return v.Len(), nil
	case *Tuple:
		return len(v.Items), nil
	case *Dict:
		return v.Len(), nil
	case *DictView:
		return v.D.Len(), nil
	case *Set:
		return v.Len(), nil
	case *Range:
		if v.Len() == math.MaxInt {
			return 0, Errorf("OverflowError", "Python int too large to convert to C ssize_t")
		}
		return v.Len(), nil
	case *Undefined:
		if v.Kind == Strict {
			return 0, v.Err()
		}
		return 0, nil
	case Sized:
		return v.PyLen(t)
	}
	return 0, TypeErrorf("object of type '%s' has no len()", TypeName(v))
}

type listIter struct {
	l *List
	i int
}

func (it *listIter) PyType() string { return "list_iterator" }

func (it *listIter) Next(*Thread) (Value, bool, error) {
	items := it.l.Items()
	if it.i >= len(items) {
		return nil, false, nil
	}
	it.i++
	return items[it.i-1], true, nil
}

type sliceIter struct {
	items []Value
	i     int
	typ   string
}

// NewIterator returns an iterator over items whose Python type is typ.
func NewIterator(items []Value, typ string) Iterator { return &sliceIter{items: items, typ: typ} }

func (it *sliceIter) PyType() string {
	if it.typ != "" {
		return it.typ
	}
	return "tuple_iterator"
}

func (it *sliceIter) Next(*Thread) (Value, bool, error) {
	if it.i >= len(it.items) {
		return nil, false, nil
	}
	it.i++
	return it.items[it.i-1], true, nil
}

type dictIter struct {
	v DictView
	i int
	n int
}

func (it *dictIter) PyType() string {
	return map[byte]string{'k': "dict_keyiterator", 'v': "dict_valueiterator", 'i': "dict_itemiterator"}[it.v.What]
}

func (it *dictIter) Next(*Thread) (Value, bool, error) {
	if it.n != it.v.D.Len() {
		it.n = -1
		return nil, false, Errorf("RuntimeError", "dictionary changed size during iteration")
	}
	if it.i >= it.n {
		return nil, false, nil
	}
	it.i++
	return it.v.At(it.i - 1), true, nil
}

type strIter struct{ s string }

func (it *strIter) PyType() string { return "str_iterator" }

func (it *strIter) Next(*Thread) (Value, bool, error) {
	if it.s == "" {
		return nil, false, nil
	}
	_, n := utf8.DecodeRuneInString(it.s)
	c := it.s[:n]
	it.s = it.s[n:]
	return c, true, nil
}

type bytesIter struct{ s Bytes }

func (it *bytesIter) PyType() string { return "bytes_iterator" }

func (it *bytesIter) Next(*Thread) (Value, bool, error) {
	if it.s == "" {
		return nil, false, nil
	}
	c := it.s[0]
	it.s = it.s[1:]
	return int(c), true, nil
}

type rangeIter struct {
	r    Range
	i, n int
}

func (it *rangeIter) PyType() string { return "range_iterator" }

func (it *rangeIter) Next(*Thread) (Value, bool, error) {
	if it.i >= it.n {
		return nil, false, nil
	}
	it.i++
	return it.r.At(it.i - 1), true, nil
}

// Generator is an iterator made of a function, as Python's generators are. It
// is also what reversed() and the lazy filters return.
type Generator struct {
	Name string // shown by repr
	Type string // PyType; "generator" when empty
	next func(t *Thread) (Value, bool, error)
	done bool
}

// NewGenerator returns a generator that calls next until it says no or fails.
func NewGenerator(name string, next func(t *Thread) (Value, bool, error)) *Generator {
	return &Generator{Name: name, next: next}
}

// PyType implements [Object].
func (g *Generator) PyType() string {
	if g.Type != "" {
		return g.Type
	}
	return "generator"
}

// PyRepr implements [Reprer].
func (g *Generator) PyRepr(*Thread) (string, error) {
	if g.Type != "" {
		return "<" + g.Type + " object at 0x7f0000000000>", nil
	}
	return "<generator object " + g.Name + " at 0x7f0000000000>", nil
}

// Next implements [Iterator].
func (g *Generator) Next(t *Thread) (Value, bool, error) {
	if g.done {
		return nil, false, nil
	}
	if err := t.Enter(); err != nil { // generators read from generators
		return nil, false, err
	}
	v, ok, err := g.next(t)
	t.Leave()
	if !ok || err != nil {
		g.done = true
	}
	return v, ok, err
}

// Reversed returns reversed(v).
func Reversed(t *Thread, v Value) (Iterator, error) {
	switch v := v.(type) {
	case *List:
		return reverseItems(v.Items(), "list_reverseiterator"), nil
	case *Tuple:
		return reverseItems(v.Items, "reversed"), nil
	case *Dict:
		return reverseItems((&DictView{v, 'k'}).list(), "dict_reversekeyiterator"), nil
	case *DictView:
		return reverseItems(v.list(), "dict_reversekeyiterator"), nil
	case *Range:
		n := v.Len()
		return &rangeIter{r: Range{Start: v.At(n - 1), Step: -v.Step}, n: n}, nil
	case string, Bytes:
		items, err := Slice(t, v)
		return reverseItems(items, "reversed"), err
	case Markup: // unlike iter(), reversed() asks Markup's own __getitem__
		items, err := Slice(t, v)
		for i, c := range items {
			items[i] = remark(c)
		}
		return reverseItems(items, "reversed"), err
	case *Undefined:
		return nil, v.Err() // has no __reversed__; len() or [] of it fails
	}
	return nil, TypeErrorf("'%s' object is not reversible", TypeName(v))
}

func reverseItems(items []Value, typ string) Iterator {
	i := len(items)
	return &Generator{Type: typ, next: func(*Thread) (Value, bool, error) {
		if i--; i < 0 {
			return nil, false, nil
		}
		return items[i], true, nil
	}}
}
