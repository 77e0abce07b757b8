package py

import (
	"math"
	"math/big"
	"math/bits"
)

// Op is an arithmetic operator.
type Op uint8

// The operators of Jinja2.
const (
	Add Op = iota
	Sub
	Mul
	Div
	FloorDiv
	Mod
	Pow
)

var opText = [...]string{"+", "-", "*", "/", "//", "%", "**"}

// opName is how Python's messages call the operator.
func (o Op) opName() string {
	if o == Pow {
		return "** or pow()"
	}
	return opText[o]
}

// Binary evaluates a op b.
func Binary(t *Thread, op Op, a, b Value) (Value, error) {
	if x, ok := a.(int); ok {
		if y, ok := b.(int); ok {
			if v, ok := intOp(op, x, y); ok {
				return v, nil
			}
		}
	}
	if isNumber(a) && isNumber(b) {
		return numeric(t, op, a, b)
	}
	switch x := a.(type) {
	case string:
		if v, ok, err := strOp(t, op, x, b); ok || err != nil {
			return v, err
		}
	case Markup:
		if v, ok, err := markupOp(t, op, x, b); ok || err != nil {
			return v, err
		}
	case *Undefined:
		return nil, x.Err()
	case Operand:
		if v, ok, err := x.PyBinary(t, opText[op], b, false); ok || err != nil {
			return v, err
		}
	default:
		if v, ok, err := seqOp(t, op, a, b); ok || err != nil {
			return v, err
		}
	}
	switch y := b.(type) {
	case *Undefined:
		return nil, y.Err()
	case Operand:
		if v, ok, err := y.PyBinary(t, opText[op], a, true); ok || err != nil {
			return v, err
		}
	case Markup:
		if s, ok := a.(string); ok && op == Add {
			return concatStr(t, Escape(s), y)
		}
	}
	if v, ok := b.(*DictView); ok && op == Sub {
		if v, ok, err := setDifference(t, a, v); ok || err != nil {
			return v, err
		}
	}
	if op == Mul { // n * sequence
		if isIndex(a) {
			if v, ok, err := repeat(t, b, a); ok || err != nil {
				return v, err
			}
		}
	}
	return nil, binaryError(op, a, b)
}

func binaryError(op Op, a, b Value) error {
	if op == Add {
		switch a.(type) {
		case string, Markup:
			return TypeErrorf(`can only concatenate str (not "%s") to str`, TypeName(b))
		case *List:
			return TypeErrorf(`can only concatenate list (not "%s") to list`, TypeName(b))
		case *Tuple:
			return TypeErrorf(`can only concatenate tuple (not "%s") to tuple`, TypeName(b))
		}
	}
	return TypeErrorf("unsupported operand type(s) for %s: '%s' and '%s'", op.opName(), TypeName(a), TypeName(b))
}

// intOp does what fits in an int; ok is false when the general way must be taken.
func intOp(op Op, x, y int) (Value, bool) {
	switch op {
	case Add:
		s := x + y
		return s, (s > x) == (y > 0)
	case Sub:
		d := x - y
		return d, (d < x) == (y > 0)
	case Mul:
		hi, lo := bits.Mul64(abs64(x), abs64(y))
		return x * y, hi == 0 && lo <= math.MaxInt64
	case FloorDiv:
		if y == 0 || x == math.MinInt {
			return nil, false
		}
		q := x / y
		if x%y != 0 && (x < 0) != (y < 0) {
			q--
		}
		return q, true
	case Mod:
		if y == 0 || x == math.MinInt {
			return nil, false
		}
		r := x % y
		if r != 0 && (r < 0) != (y < 0) {
			r += y
		}
		return r, true
	}
	return nil, false
}

func abs64(x int) uint64 {
	if x < 0 {
		return -uint64(x)
	}
	return uint64(x)
}

// asIndex returns v as an int when it is an integer.
func asIndex(v Value) (int, bool) {
	switch v := v.(type) {
	case int:
		return v, true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case *big.Int:
		if v.Sign() < 0 {
			return math.MinInt, true
		}
		return math.MaxInt, true
	}
	return 0, false
}

// Negate evaluates -v.
func Negate(t *Thread, v Value) (Value, error) {
	switch v := v.(type) {
	case int:
		if v != math.MinInt {
			return -v, nil
		}
		return Big(new(big.Int).Neg(asBig(v))), nil
	case bool:
		return Negate(t, int(asBig(v).Int64()))
	case *big.Int:
		return Big(new(big.Int).Neg(v)), nil
	case float64:
		return -v, nil
	case complex128:
		return -v, nil
	case *Undefined:
		return nil, v.Err()
	}
	return nil, TypeErrorf("bad operand type for unary -: '%s'", TypeName(v))
}

// Positive evaluates +v.
func Positive(v Value) (Value, error) {
	switch v := v.(type) {
	case int, *big.Int, float64, complex128:
		return v, nil
	case bool:
		return int(asBig(v).Int64()), nil
	case *Undefined:
		return nil, v.Err()
	}
	return nil, TypeErrorf("bad operand type for unary +: '%s'", TypeName(v))
}
