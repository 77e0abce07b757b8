package py

import (
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
	"unicode"
)

// Int is int(v).
func Int(t *Thread, v Value) (Value, error) {
	switch v := v.(type) {
	case int, *big.Int:
		return v, nil
	case bool:
		return Positive(v)
	case float64:
		switch {
		case math.IsNaN(v):
			return nil, ValueErrorf("cannot convert float NaN to integer")
		case math.IsInf(v, 0):
			return nil, Errorf("OverflowError", "cannot convert float infinity to integer")
		}
		b, _ := big.NewFloat(v).Int(nil)
		return Big(b), nil
	case string, Markup:
		s, _ := IsString(v)
		return ParseInt(s, 10)
	case Bytes:
		return ParseInt(string(v), 10)
	case *Undefined:
		return nil, v.Err()
	}
	return nil, TypeErrorf("int() argument must be a string, a bytes-like object or a real number, not '%s'", TypeName(v))
}

// ParseInt is int(s, base).
func ParseInt(s string, base int) (Value, error) {
	if base != 0 && (base < 2 || base > 36) {
		return nil, ValueErrorf("int() base must be >= 2 and <= 36, or 0")
	}
	if base == 0 || base == 10 { // most integers are short and plain
		if n := len(s); n > 0 && n < 19 && (s[0] >= '1' && s[0] <= '9' || s == "0") {
			if i, err := strconv.Atoi(s); err == nil {
				return i, nil
			}
		}
	}
	bad := func() (Value, error) {
		return nil, ValueErrorf("invalid literal for int() with base %d: %s", base, ReprString(s))
	}
	digits := asciiDigits(strings.TrimFunc(s, isSpace))
	neg := false
	if digits != "" && (digits[0] == '+' || digits[0] == '-') {
		neg = digits[0] == '-'
		digits = digits[1:]
	}
	given := base
	prefixed := false
	if len(digits) > 2 && digits[0] == '0' {
		p := map[byte]int{'b': 2, 'o': 8, 'x': 16}[digits[1]|0x20]
		if p != 0 && (base == 0 || base == p) {
			digits, base, prefixed = digits[2:], p, true
			digits = strings.TrimPrefix(digits, "_")
		}
	}
	if base == 0 {
		base = 10
	}
	if digits == "" || digits[0] == '_' || digits[len(digits)-1] == '_' || strings.Contains(digits, "__") {
		return bad()
	}
	digits = strings.ReplaceAll(digits, "_", "")
	if given == 0 && !prefixed && digits[0] == '0' && strings.Trim(digits, "0") != "" {
		return bad()
	}
	if digits[0] == '+' || digits[0] == '-' {
		return bad()
	}
	if base&(base-1) != 0 && len(digits) > maxIntDigits {
		return nil, errDigits
	}
	x, ok := new(big.Int).SetString(digits, base)
	if !ok {
		return bad()
	}
	if neg {
		x.Neg(x)
	}
	return Big(x), nil
}

// asciiDigits replaces other scripts' decimal digits by 0-9.
func asciiDigits(s string) string {
	if isASCII(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r < 0x80 || !unicode.IsDigit(r) {
			return r
		}
		for d := rune(0); d < 10; d++ { // the digits of a script are a run of ten
			if !unicode.IsDigit(r-d-1) || (r-d)%16 == 0 || (r-d)%16 == 6 {
				return '0' + d
			}
		}
		return r
	}, s)
}

// Float is float(v).
func Float(t *Thread, v Value) (Value, error) {
	switch v := v.(type) {
	case string, Markup:
		s, _ := IsString(v)
		return ParseFloat(s)
	case Bytes:
		return ParseFloat(string(v))
	case *Undefined:
		return nil, v.Err()
	case int, bool, float64, *big.Int:
		return asFloat(v)
	}
	return nil, TypeErrorf("float() argument must be a string or a real number, not '%s'", TypeName(v))
}

// ParseFloat is float(s).
func ParseFloat(s string) (Value, error) {
	bad := func() (Value, error) {
		return nil, ValueErrorf("could not convert string to float: %s", ReprString(s))
	}
	text := strings.ToLower(asciiDigits(strings.TrimFunc(s, isSpace)))
	switch strings.TrimLeft(text, "+-") {
	case "inf", "infinity", "nan":
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return bad()
		}
		return f, nil
	}
	if strings.Trim(text, "0123456789+-._e") != "" {
		return bad()
	}
	for i := range len(text) {
		if text[i] == '_' && (i == 0 || i == len(text)-1 || !isDecimal(text[i-1]) || !isDecimal(text[i+1])) {
			return bad()
		}
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
	if err != nil && !math.IsInf(f, 0) {
		return bad()
	}
	return f, nil
}

func isDecimal(c byte) bool { return c >= '0' && c <= '9' }

func intMethods() map[string]*Func {
	m := table{}
	m.add("bit_length", "self, /", func(t *Thread, a []Value) (Value, error) { return asBig(a[0]).BitLen(), nil })
	m.add("bit_count", "self, /", func(t *Thread, a []Value) (Value, error) {
		n := 0
		for _, w := range asBig(a[0]).Bits() {
			n += bits.OnesCount(uint(w))
		}
		return n, nil
	})
	m.add("conjugate", "self, /", func(t *Thread, a []Value) (Value, error) { return Positive(a[0]) })
	m.add("as_integer_ratio", "self, /", func(t *Thread, a []Value) (Value, error) {
		p, err := Positive(a[0])
		return NewTuple(p, 1), err
	})
	m.add("to_bytes", "self, /, length=1, byteorder='big', *, signed=False", func(t *Thread, a []Value) (Value, error) {
		n, err := WantInt(a[1])
		if err != nil {
			return nil, err
		}
		x := asBig(a[0])
		if x.Sign() < 0 {
			return nil, Errorf("OverflowError", "can't convert negative int to unsigned")
		}
		if n < 0 || x.BitLen() > 8*n {
			return nil, Errorf("OverflowError", "int too big to convert")
		}
		if err := t.Grow(n); err != nil {
			return nil, err
		}
		b := x.FillBytes(make([]byte, n))
		if a[2] == "little" {
			for i, j := 0, n-1; i < j; i, j = i+1, j-1 {
				b[i], b[j] = b[j], b[i]
			}
		}
		return Bytes(b), nil
	})
	return m
}

func floatMethods() map[string]*Func {
	m := table{}
	m.add("is_integer", "self, /", func(t *Thread, a []Value) (Value, error) {
		f, ok := a[0].(float64)
		return ok && f == math.Trunc(f) && !math.IsInf(f, 0), nil
	})
	m.add("conjugate", "self, /", func(t *Thread, a []Value) (Value, error) {
		if c, ok := a[0].(complex128); ok {
			return complex(real(c), -imag(c)), nil
		}
		return a[0], nil
	})
	m.add("hex", "self, /", func(t *Thread, a []Value) (Value, error) {
		f, err := asFloat(a[0])
		if err != nil {
			return nil, err
		}
		return floatHex(f), nil
	})
	m.add("as_integer_ratio", "self, /", func(t *Thread, a []Value) (Value, error) {
		f, err := asFloat(a[0])
		if err != nil {
			return nil, err
		}
		r := new(big.Rat).SetFloat64(f)
		if r == nil {
			return nil, Errorf("OverflowError", "cannot convert Infinity to integer ratio")
		}
		return NewTuple(Big(r.Num()), Big(r.Denom())), nil
	})
	return m
}

func floatHex(f float64) string {
	if s, ok := specialFloat(f); ok {
		return s
	}
	if f == 0 {
		if math.Signbit(f) {
			return "-0x0.0p+0"
		}
		return "0x0.0p+0"
	}
	s := strconv.FormatFloat(f, 'x', 13, 64)
	mant, exp, _ := strings.Cut(s, "p")
	sign, n := exp[:1], strings.TrimLeft(exp[1:], "0")
	if n == "" {
		n = "0"
	}
	return mant + "p" + sign + n
}

// Round is round(v, digits); digits nil rounds to an int.
func Round(t *Thread, v Value, digits Value) (Value, error) {
	switch x := v.(type) {
	case int, bool, *big.Int:
		if digits == nil {
			return Positive(x)
		}
		n, err := WantInt(digits)
		if err != nil {
			return nil, err
		}
		return roundInt(asBig(x), n)
	case float64:
		if digits == nil {
			return Int(t, math.RoundToEven(x))
		}
		n, err := WantInt(digits)
		if err != nil {
			return nil, err
		}
		return roundFloat(x, n)
	case *Undefined:
		// round() looks for __round__, which an Undefined does not have.
		return nil, TypeErrorf("type %s doesn't define __round__ method", TypeName(v))
	}
	return nil, TypeErrorf("type %s doesn't define __round__ method", TypeName(v))
}

func roundInt(x *big.Int, n int) (Value, error) {
	if n >= 0 {
		return Big(x), nil
	}
	if n < -x.BitLen() {
		return 0, nil
	}
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(-n)), nil)
	q, r := new(big.Int).DivMod(x, unit, new(big.Int)) // r in [0, unit)
	switch twice := new(big.Int).Lsh(r, 1); twice.Cmp(unit) {
	case 1:
		q.Add(q, big.NewInt(1))
	case 0:
		q.Add(q, big.NewInt(int64(q.Bit(0))))
	}
	return Big(q.Mul(q, unit)), nil
}

// roundFloat rounds correctly, half to even of the exact binary value, as
// CPython does through its shortest-digits conversion.
func roundFloat(x float64, n int) (Value, error) {
	if math.IsNaN(x) || math.IsInf(x, 0) || n > 323 {
		return x, nil
	}
	if n < -308 {
		return math.Copysign(0, x), nil
	}
	if n >= 0 {
		f, err := strconv.ParseFloat(strconv.FormatFloat(x, 'f', n, 64), 64)
		if err != nil {
			return nil, Errorf("OverflowError", "rounded value too large to represent")
		}
		return f, nil
	}
	exact, _ := new(big.Float).SetFloat64(math.Abs(x)).Int(nil)
	frac := math.Abs(x) != math.Trunc(x)
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(-n)), nil)
	q, r := new(big.Int).QuoRem(exact, unit, new(big.Int))
	twice := new(big.Int).Lsh(r, 1)
	if c := twice.Cmp(unit); c > 0 || c == 0 && (frac || q.Bit(0) == 1) {
		q.Add(q, big.NewInt(1))
	}
	f, _ := new(big.Float).SetInt(q.Mul(q, unit)).Float64()
	if math.IsInf(f, 0) {
		return nil, Errorf("OverflowError", "rounded value too large to represent")
	}
	return math.Copysign(f, x), nil
}

// Abs is abs(v).
func Abs(v Value) (Value, error) {
	switch v := v.(type) {
	case int:
		if v < 0 {
			return Negate(nil, v)
		}
		return v, nil
	case bool:
		return Positive(v)
	case *big.Int:
		return Big(new(big.Int).Abs(v)), nil
	case float64:
		return math.Abs(v), nil
	case complex128:
		return math.Hypot(real(v), imag(v)), nil
	}
	// An Undefined has no __abs__ either.
	return nil, TypeErrorf("bad operand type for abs(): '%s'", TypeName(v))
}
