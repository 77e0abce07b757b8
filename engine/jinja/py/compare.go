package py

import (
	"math/big"
	"strings"
)

// maxNesting is how deep nested data may be before walking it is a
// RecursionError, as in Python.
const maxNesting = 900

var errRecursion = &Error{Kind: "RecursionError", Msg: "maximum recursion depth exceeded"}

// Truth returns bool(v).
func Truth(t *Thread, v Value) (bool, error) {
	switch v := v.(type) {
	case nil:
		return false, nil
	case bool:
		return v, nil
	case int:
		return v != 0, nil
	case float64:
		return v != 0, nil
	case string:
		return v != "", nil
	case Markup:
		return v != "", nil
	case Bytes:
		return v != "", nil
	case complex128:
		return v != 0, nil
	case *big.Int:
		return v.Sign() != 0, nil
	case *List:
		return v.Len() != 0, nil
	case *Tuple:
		return len(v.Items) != 0, nil
	case *Dict:
		return v.Len() != 0, nil
	case *Set:
		return v.Len() != 0, nil
	case *Range:
		return v.Len() != 0, nil
	case *DictView:
		return v.D.Len() != 0, nil
	case *Undefined:
		if v.Kind == Strict {
			return false, v.Err()
		}
		return false, nil
	case Truther:
		return v.PyTruth(), nil
	case Sized:
		n, err := v.PyLen(t)
		return n != 0, err
	}
	return true, nil
}

// Is reports whether a and b are the same object, as Python's is does for the
// values where that is well defined. Equal small constants count as the same.
func Is(a, b Value) bool {
	switch a := a.(type) {
	case nil:
		return b == nil
	case bool:
		b, ok := b.(bool)
		return ok && a == b
	case int:
		b, ok := b.(int)
		return ok && a == b
	case float64:
		b, ok := b.(float64)
		return ok && a == b
	case complex128:
		b, ok := b.(complex128)
		return ok && a == b
	case string:
		b, ok := b.(string)
		return ok && a == b
	case Markup:
		b, ok := b.(Markup)
		return ok && a == b
	case Bytes:
		b, ok := b.(Bytes)
		return ok && a == b
	}
	return a == b // pointers
}

// Equal returns a == b.
func Equal(t *Thread, a, b Value) (bool, error) { return equal(t, a, b, 0) }

// same is how containers compare elements: identity first.
func same(t *Thread, a, b Value, depth int) (bool, error) {
	switch a.(type) {
	case *List, *Tuple, *Dict, *Set, *Undefined:
		if a == b {
			return true, nil
		}
	}
	return equal(t, a, b, depth)
}

func equal(t *Thread, a, b Value, depth int) (bool, error) {
	if depth > maxNesting {
		return false, errRecursion
	}
	switch a := a.(type) {
	case string:
		s, ok := IsString(b)
		if ok {
			return a == s, nil
		}
	case Markup:
		s, ok := IsString(b)
		if ok {
			return string(a) == s, nil
		}
	case int:
		if b, ok := b.(int); ok {
			return a == b, nil
		}
		if isNumber(b) {
			return numEqual(a, b), nil
		}
	case bool, float64, *big.Int, complex128:
		if isNumber(b) {
			return numEqual(a, b), nil
		}
	case nil:
		if b == nil {
			return true, nil
		}
	case Bytes:
		if b, ok := b.(Bytes); ok {
			return a == b, nil
		}
	case *List:
		if b, ok := b.(*List); ok {
			return equalItems(t, a.Items(), b.Items(), depth)
		}
	case *Tuple:
		if b, ok := b.(*Tuple); ok {
			return equalItems(t, a.Items, b.Items, depth)
		}
	case *Dict:
		if b, ok := b.(*Dict); ok {
			return equalDicts(t, a, b, depth)
		}
	case *Range:
		if b, ok := b.(*Range); ok {
			n := a.Len()
			return n == b.Len() && (n == 0 || a.Start == b.Start && (n == 1 || a.Step == b.Step)), nil
		}
	case *Set, *DictView:
		if setLike(a) && setLike(b) {
			return equalSets(t, a, b)
		}
	case *BoundMethod:
		if b, ok := b.(*BoundMethod); ok {
			return a.F == b.F && Is(a.Self, b.Self), nil
		}
	case *Undefined:
		return equalUndefined(a, b)
	case Comparer:
		if r, ok, err := a.PyCompare("==", b); ok || err != nil {
			return r, err
		}
	}
	switch b := b.(type) {
	case *Undefined:
		return equalUndefined(b, a)
	case Comparer:
		r, ok, err := b.PyCompare("==", a)
		return r && ok, err
	case Keyer:
		if a, ok := a.(Keyer); ok {
			return a.PyKey() == b.PyKey(), nil
		}
		return false, nil
	}
	switch a.(type) {
	case *List, *Tuple, *Dict, *Set, *Range, *DictView:
		return a == b, nil
	case Object:
		return a == b, nil
	}
	return false, nil
}

func equalUndefined(u *Undefined, other Value) (bool, error) {
	o, ok := other.(*Undefined)
	if u.Kind == Strict {
		return false, u.Err()
	}
	return ok && o.Kind == u.Kind, nil
}

func equalItems(t *Thread, a, b []Value, depth int) (bool, error) {
	if len(a) != len(b) {
		return false, nil
	}
	if err := t.Step(len(a)); err != nil {
		return false, err
	}
	for i := range a {
		if i >= len(b) {
			return false, nil
		}
		if eq, err := same(t, a[i], b[i], depth+1); !eq || err != nil {
			return false, err
		}
	}
	return true, nil
}

func equalDicts(t *Thread, a, b *Dict, depth int) (bool, error) {
	if a.Len() != b.Len() {
		return false, nil
	}
	if err := t.Step(a.Len()); err != nil {
		return false, err
	}
	for _, e := range a.Entries() {
		v, ok, err := b.Get(e.Key)
		if err != nil || !ok {
			return false, err
		}
		if eq, err := same(t, e.Value, v, depth+1); !eq || err != nil {
			return false, err
		}
	}
	return true, nil
}

// setLike reports whether v compares as a set.
func setLike(v Value) bool {
	switch v := v.(type) {
	case *Set:
		return true
	case *DictView:
		return v.What != 'v'
	}
	return false
}

func toSet(v Value) (*Set, error) {
	switch v := v.(type) {
	case *Set:
		return v, nil
	case *DictView:
		return NewSet(v.list()...)
	}
	return nil, TypeErrorf("'%s' object is not a set", TypeName(v))
}

func equalSets(t *Thread, a, b Value) (bool, error) {
	x, err := toSet(a)
	if err != nil {
		return false, err
	}
	y, err := toSet(b)
	if err != nil || x.Len() != y.Len() {
		return false, err
	}
	return subset(t, x, y)
}

func subset(t *Thread, a, b *Set) (bool, error) {
	for _, v := range a.Items() {
		if err := t.Step(1); err != nil {
			return false, err
		}
		if ok, err := b.Has(v); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// Less returns a < b, or the TypeError that Python raises.
func Less(t *Thread, a, b Value) (bool, error) { return Compare(t, "<", a, b) }

// Compare evaluates a op b for "==", "!=", "<", "<=", ">", ">=".
func Compare(t *Thread, op string, a, b Value) (bool, error) {
	switch op {
	case "==":
		return Equal(t, a, b)
	case "!=":
		eq, err := Equal(t, a, b)
		return !eq && err == nil, err
	}
	return order(t, op, a, b, 0)
}

func order(t *Thread, op string, a, b Value, depth int) (bool, error) {
	if depth > maxNesting {
		return false, errRecursion
	}
	if x, ok := a.(int); ok {
		if y, ok := b.(int); ok {
			return decide(op, cmpInt(x, y)), nil
		}
	}
	if x, ok := IsString(a); ok {
		if y, ok := IsString(b); ok {
			return decide(op, strings.Compare(x, y)), nil
		}
	}
	if isReal(a) && isReal(b) {
		return numOrder(op, a, b), nil
	}
	switch x := a.(type) {
	case Bytes:
		if y, ok := b.(Bytes); ok {
			return decide(op, strings.Compare(string(x), string(y))), nil
		}
	case *List:
		if y, ok := b.(*List); ok {
			return orderItems(t, op, x.Items(), y.Items(), depth)
		}
	case *Tuple:
		if y, ok := b.(*Tuple); ok {
			return orderItems(t, op, x.Items, y.Items, depth)
		}
	case *Undefined:
		return false, x.Err()
	case Comparer:
		if r, ok, err := x.PyCompare(op, b); ok || err != nil {
			return r, err
		}
	}
	if setLike(a) && setLike(b) {
		return orderSets(t, op, a, b)
	}
	switch y := b.(type) {
	case *Undefined:
		return false, y.Err()
	case Comparer:
		if r, ok, err := y.PyCompare(mirror[op], a); ok || err != nil {
			return r, err
		}
	}
	return false, TypeErrorf("'%s' not supported between instances of '%s' and '%s'", op, TypeName(a), TypeName(b))
}

var mirror = map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<="}

func orderItems(t *Thread, op string, a, b []Value, depth int) (bool, error) {
	n := min(len(a), len(b))
	if err := t.Step(n); err != nil {
		return false, err
	}
	for i := range n {
		eq, err := same(t, a[i], b[i], depth+1)
		if err != nil {
			return false, err
		}
		if !eq {
			return order(t, op, a[i], b[i], depth+1)
		}
	}
	return decide(op, cmpInt(len(a), len(b))), nil
}

func orderSets(t *Thread, op string, a, b Value) (bool, error) {
	if op == ">" || op == ">=" {
		a, b, op = b, a, mirror[op]
	}
	x, err := toSet(a)
	if err != nil {
		return false, err
	}
	y, err := toSet(b)
	if err != nil {
		return false, err
	}
	if op == "<" && x.Len() >= y.Len() {
		return false, nil
	}
	return subset(t, x, y)
}

func decide(op string, c int) bool {
	switch op {
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	}
	return c >= 0
}

func cmpInt(a, b int) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
