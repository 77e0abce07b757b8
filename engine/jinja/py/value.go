package py

import (
	"math"
	"math/big"
)

// Value is any Python value; see the package documentation for the dynamic
// types it can have.
type Value = any

// Markup is text that is safe to be put into HTML as it is. It behaves like a
// str whose operations escape their other operand, as markupsafe.Markup does.
type Markup string

// Bytes is Python's bytes.
type Bytes string

// List is Python's list. The zero List is empty and ready to use.
type List struct {
	items []Value
	src   []any // Go data not converted yet; nil once loaded
}

// NewList returns a list that owns items.
func NewList(items ...Value) *List { return &List{items: items} }

// Items returns the elements. The slice is the list's own: appending to it
// does not change the list, assigning to an element does.
func (l *List) Items() []Value {
	if l.src != nil {
		l.load()
	}
	return l.items
}

// Len returns the number of elements.
func (l *List) Len() int { return len(l.Items()) }

// Append adds v at the end.
func (l *List) Append(v Value) { l.items = append(l.Items(), v) }

func (l *List) set(items []Value) { l.items, l.src = items, nil }

// Tuple is Python's tuple. Names is set for named tuples, whose elements are
// attributes too.
type Tuple struct {
	Items []Value
	Names []string
}

// NewTuple returns a tuple that owns items.
func NewTuple(items ...Value) *Tuple { return &Tuple{Items: items} }

// Range is Python's range object.
type Range struct{ Start, Stop, Step int }

// Len returns how many numbers the range holds.
func (r *Range) Len() int {
	var n uint
	switch {
	case r.Step > 0 && r.Start < r.Stop:
		n = (uint(r.Stop) - uint(r.Start) - 1) / uint(r.Step)
	case r.Step < 0 && r.Start > r.Stop:
		n = (uint(r.Start) - uint(r.Stop) - 1) / uint(-r.Step)
	default:
		return 0
	}
	return int(min(n, math.MaxInt-1)) + 1
}

// At returns the i-th number of the range.
func (r *Range) At(i int) int { return r.Start + i*r.Step }

// Object is a value of a type that this package does not know. Type is the
// name that Python's type(x).__name__ would give.
type Object interface{ PyType() string }

// Attrer is an [Object] with attributes. The second result says whether the
// attribute exists.
type Attrer interface {
	PyAttr(t *Thread, name string) (Value, bool, error)
}

// Itemer is an [Object] that can be subscripted. A missing key is a
// KeyError, IndexError or TypeError.
type Itemer interface {
	PyItem(t *Thread, key Value) (Value, error)
}

// Caller is an [Object] that can be called.
type Caller interface {
	PyCall(t *Thread, a Args) (Value, error)
}

// Iterable is an [Object] that can be iterated over.
type Iterable interface{ PyIter() Iterator }

// Sized is an [Object] with a length.
type Sized interface {
	PyLen(t *Thread) (int, error)
}

// Truther is an [Object] that decides its own truth value.
type Truther interface{ PyTruth() bool }

// Stringer is an [Object] with its own str().
type Stringer interface {
	PyStr(t *Thread) (string, error)
}

// Reprer is an [Object] with its own repr().
type Reprer interface {
	PyRepr(t *Thread) (string, error)
}

// HTMLer is an [Object] with a __html__ method.
type HTMLer interface {
	PyHTML(t *Thread) (string, error)
}

// Comparer is an [Object] that compares with others. op is one of
// "==", "<", "<=", ">", ">="; ok is false when it does not know the other type.
type Comparer interface {
	PyCompare(op string, other Value) (result, ok bool, err error)
}

// Operand is an [Object] that takes part in arithmetic. reflected says that
// the object is the right operand; ok is false when it does not know how.
type Operand interface {
	PyBinary(t *Thread, op string, other Value, reflected bool) (v Value, ok bool, err error)
}

// Keyer is an [Object] that hashes by value: objects with equal keys are equal.
type Keyer interface{ PyKey() any }

// Iterator yields values until ok is false.
type Iterator interface {
	Next(t *Thread) (v Value, ok bool, err error)
}

// Kwarg is one keyword argument.
type Kwarg struct {
	Name  string
	Value Value
}

// Args are the arguments of a call. The slices belong to the caller and must
// not be kept after the call returns.
type Args struct {
	Pos []Value
	Kw  []Kwarg
}

// TypeName returns what Python's type(v).__name__ would.
func TypeName(v Value) string {
	switch v := v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case int, *big.Int:
		return "int"
	case float64:
		return "float"
	case complex128:
		return "complex"
	case string:
		return "str"
	case Markup:
		return "Markup"
	case Bytes:
		return "bytes"
	case *List:
		return "list"
	case *Tuple:
		if v.Names != nil {
			return "_GroupTuple"
		}
		return "tuple"
	case *Dict:
		return "dict"
	case *Set:
		return "set"
	case *Range:
		return "range"
	case *Undefined:
		return v.Kind.String()
	case Object:
		return v.PyType()
	}
	return "object"
}

// Big returns x as an int when it fits, else as a *big.Int.
func Big(x *big.Int) Value {
	if x.IsInt64() {
		return int(x.Int64())
	}
	return x
}

// IsString reports whether v is a str (Markup is one), and returns its text.
func IsString(v Value) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case Markup:
		return string(v), true
	}
	return "", false
}
