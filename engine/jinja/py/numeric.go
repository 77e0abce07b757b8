package py

import (
	"math"
	"math/big"
	"math/bits"
	"math/cmplx"
)

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
	if x.Sign() == 0 {
		return math.Copysign(0, float64(y.Sign())), nil
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
	if x < 0 && !math.IsInf(x, 0) && !math.IsInf(y, 0) && !math.IsNaN(y) && y != math.Floor(y) {
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

// IsNegative reports whether v is a number whose repr starts with a minus.
func IsNegative(v Value) bool {
	switch x := v.(type) {
	case int:
		return x < 0
	case *big.Int:
		return x.Sign() < 0
	case float64:
		return math.Signbit(x) && !math.IsNaN(x)
	}
	return false
}
