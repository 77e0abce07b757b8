package py

import (
	"math"
	"math/big"
	"math/bits"
	"math/cmplx"
	"strings"
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

func numeric(t *Thread, op Op, a, b Value) (Value, error) {
	_, ac := a.(complex128)
	_, bc := b.(complex128)
	if ac || bc {
		x, ok := asComplex(a)
		y, ok2 := asComplex(b)
		if !ok || !ok2 {
			return nil, errTooLarge
		}
		return complexOp(op, x, y)
	}
	_, af := a.(float64)
	_, bf := b.(float64)
	if af || bf || op == Div {
		if !af && !bf {
			return intDiv(asBig(a), asBig(b))
		}
		x, err := asFloat(a)
		if err != nil {
			return nil, err
		}
		y, err := asFloat(b)
		if err != nil {
			return nil, err
		}
		return floatOp(op, x, y)
	}
	return bigOp(t, op, asBig(a), asBig(b))
}

func bigOp(t *Thread, op Op, x, y *big.Int) (Value, error) {
	if err := t.Step((x.BitLen() + y.BitLen()) / 64); err != nil {
		return nil, err
	}
	z := new(big.Int)
	switch op {
	case Add:
		z.Add(x, y)
	case Sub:
		z.Sub(x, y)
	case Mul:
		if err := t.checkBits(x.BitLen() + y.BitLen()); err != nil {
			return nil, err
		}
		z.Mul(x, y)
	case FloorDiv, Mod:
		if y.Sign() == 0 {
			if op == Mod {
				return nil, Errorf("ZeroDivisionError", "integer modulo by zero")
			}
			return nil, Errorf("ZeroDivisionError", "integer division or modulo by zero")
		}
		q, r := new(big.Int).QuoRem(x, y, new(big.Int))
		if r.Sign() != 0 && (r.Sign() < 0) != (y.Sign() < 0) {
			q.Sub(q, big.NewInt(1))
			r.Add(r, y)
		}
		if op == Mod {
			return Big(r), nil
		}
		return Big(q), nil
	case Pow:
		return bigPow(t, x, y)
	}
	if err := t.checkBits(z.BitLen()); err != nil {
		return nil, err
	}
	return Big(z), nil
}

func bigPow(t *Thread, x, y *big.Int) (Value, error) {
	if y.Sign() < 0 {
		if x.Sign() == 0 {
			return nil, Errorf("ZeroDivisionError", "0.0 cannot be raised to a negative power")
		}
		fx, err := bigFloat(x)
		if err != nil {
			return nil, err
		}
		fy, err := bigFloat(y)
		if err != nil {
			return nil, err
		}
		return floatPow(fx, fy)
	}
	if x.CmpAbs(big.NewInt(1)) > 0 {
		if !y.IsInt64() {
			return nil, t.checkBits(math.MaxInt)
		}
		hi, lo := bits.Mul64(uint64(x.BitLen()-1), y.Uint64())
		if hi != 0 || lo > 1<<40 {
			lo = 1 << 40
		}
		if err := t.checkBits(int(lo)); err != nil {
			return nil, err
		}
		if err := t.Step(int(lo) / 16); err != nil {
			return nil, err
		}
	} else if y.BitLen() > 2 {
		y = big.NewInt(2 + int64(y.Bit(0))) // for -1, 0 and 1 only the parity matters
	}
	return Big(new(big.Int).Exp(x, y, nil)), nil
}

var errTooLarge = &Error{Kind: "OverflowError", Msg: "int too large to convert to float"}

func bigFloat(x *big.Int) (float64, error) {
	f, _ := new(big.Float).SetInt(x).Float64()
	if math.IsInf(f, 0) {
		return 0, errTooLarge
	}
	return f, nil
}

func intDiv(x, y *big.Int) (Value, error) {
	if y.Sign() == 0 {
		return nil, Errorf("ZeroDivisionError", "division by zero")
	}
	if x.IsInt64() && y.IsInt64() {
		a, b := x.Int64(), y.Int64()
		const exact = 1 << 53
		if a > -exact && a < exact && b > -exact && b < exact {
			return float64(a) / float64(b), nil
		}
	}
	f, _ := new(big.Rat).SetFrac(x, y).Float64()
	if math.IsInf(f, 0) {
		return nil, Errorf("OverflowError", "integer division result too large for a float")
	}
	return f, nil
}

func asFloat(v Value) (float64, error) {
	switch v := v.(type) {
	case float64:
		return v, nil
	case int:
		return float64(v), nil
	case bool:
		if v {
			return 1, nil
		}
		return 0, nil
	case *big.Int:
		return bigFloat(v)
	}
	return 0, TypeErrorf("must be real number, not %s", TypeName(v))
}

func asComplex(v Value) (complex128, bool) {
	if c, ok := v.(complex128); ok {
		return c, true
	}
	f, err := asFloat(v)
	return complex(f, 0), err == nil
}

func floatOp(op Op, x, y float64) (Value, error) {
	switch op {
	case Add:
		return x + y, nil
	case Sub:
		return x - y, nil
	case Mul:
		return x * y, nil
	case Pow:
		return floatPow(x, y)
	}
	if y == 0 {
		switch op {
		case Div:
			return nil, Errorf("ZeroDivisionError", "float division by zero")
		case Mod:
			return nil, Errorf("ZeroDivisionError", "float modulo")
		}
		return nil, Errorf("ZeroDivisionError", "float floor division by zero")
	}
	if op == Div {
		return x / y, nil
	}
	div, mod := floatDivmod(x, y)
	if op == Mod {
		return mod, nil
	}
	return div, nil
}

// floatDivmod follows Python's float_divmod: the remainder has y's sign.
func floatDivmod(x, y float64) (div, mod float64) {
	mod = math.Mod(x, y)
	div = (x - mod) / y
	if mod != 0 {
		if (y < 0) != (mod < 0) {
			mod += y
			div--
		}
	} else {
		mod = math.Copysign(0, y)
	}
	if div != 0 {
		f := math.Floor(div)
		if div-f > 0.5 {
			f++
		}
		return f, mod
	}
	return math.Copysign(0, x/y), mod
}

func floatPow(x, y float64) (Value, error) {
	if x == 0 && y < 0 {
		return nil, Errorf("ZeroDivisionError", "0.0 cannot be raised to a negative power")
	}
	if x < 0 && !math.IsInf(x, 0) && !math.IsInf(y, 0) && y != math.Floor(y) {
		return complexPow(complex(x, 0), complex(y, 0))
	}
	z := math.Pow(x, y)
	if x != 0 && x != 1 && !math.IsInf(x, 0) && !math.IsNaN(x) && !math.IsInf(y, 0) && !math.IsNaN(y) && y != 0 && y != 1 {
		z = math.Copysign(precisePow(math.Abs(x), y), z)
	}
	if math.IsInf(z, 0) && !math.IsInf(x, 0) && !math.IsInf(y, 0) {
		return nil, Errorf("OverflowError", "(34, 'Numerical result out of range')")
	}
	return z, nil
}

func complexOp(op Op, x, y complex128) (Value, error) {
	switch op {
	case Add:
		return x + y, nil
	case Sub:
		return x - y, nil
	case Mul:
		return x * y, nil
	case Div:
		if y == 0 {
			return nil, Errorf("ZeroDivisionError", "complex division by zero")
		}
		return x / y, nil
	case Pow:
		return complexPow(x, y)
	}
	return nil, TypeErrorf("unsupported operand type(s) for %s: 'complex' and 'complex'", op.opName())
}

func complexPow(x, y complex128) (Value, error) {
	if y == 0 {
		return complex(1, 0), nil
	}
	if x == 0 {
		if imag(y) != 0 || real(y) < 0 {
			return nil, Errorf("ZeroDivisionError", "0.0 to a negative or complex power")
		}
		return complex(0, 0), nil
	}
	vabs, at := cmplx.Abs(x), cmplx.Phase(x)
	length := math.Pow(vabs, real(y))
	phase := at * real(y)
	if imag(y) != 0 {
		length *= math.Exp(-at * imag(y))
		phase += imag(y) * math.Log(vabs)
	}
	return complex(length*math.Cos(phase), length*math.Sin(phase)), nil
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
	if op == Sub && setLike(a) {
		return setDifference(a, b)
	}
	return nil, false, nil
}

func setDifference(a, b Value) (Value, bool, error) {
	x, err := toSet(a)
	if err != nil {
		return nil, false, err
	}
	if _, isSet := a.(*Set); isSet && !setLike(b) {
		return nil, false, nil
	}
	y, err := toSet(b)
	if err != nil {
		l, ok := b.(*List)
		if !ok {
			return nil, false, err
		}
		if y, err = NewSet(l.Items()...); err != nil {
			return nil, false, err
		}
	}
	out := &Set{}
	for _, v := range x.Items() {
		has, err := y.Has(v)
		if err == nil && !has {
			err = out.Add(v)
		}
		if err != nil {
			return nil, false, err
		}
	}
	return out, true, nil
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
