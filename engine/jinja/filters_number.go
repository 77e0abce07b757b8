package jinja

import (
	"fmt"
	"math"
	"math/big"

	"github.com/weighlock/weighlock/engine/jinja/py"
)

func numberFilters(r registry) {
	r.add("abs", "x, /", func(_ *py.Thread, a []py.Value) (py.Value, error) { return py.Abs(a[0]) })
	r.add("int", "value, default=0, base=10", toInt)
	r.add("float", "value, default=0.0", func(t *py.Thread, a []py.Value) (py.Value, error) {
		v, err := py.Float(t, a[0])
		if py.IsKind(err, "TypeError", "ValueError") {
			return a[1], nil
		}
		return v, err
	})
	r.add("round", "value, precision=0, method='common'", round)
	r.add("filesizeformat", "value, binary=False", filesize)
}

func toInt(t *py.Thread, a []py.Value) (py.Value, error) {
	var v py.Value
	var err error
	if s, ok := py.IsString(a[0]); ok {
		var base int
		if base, err = py.WantInt(a[2]); err == nil {
			v, err = py.ParseInt(s, base)
		}
	} else {
		v, err = py.Int(t, a[0])
	}
	if !py.IsKind(err, "TypeError", "ValueError") {
		return v, err
	}
	// "42.23" is 42.
	f, err := py.Float(t, a[0])
	if err == nil {
		v, err = py.Int(t, f)
	}
	if py.IsKind(err, "TypeError", "ValueError", "OverflowError") {
		return a[1], nil
	}
	return v, err
}

func round(t *py.Thread, a []py.Value) (py.Value, error) {
	method, ok := py.IsString(a[2])
	if !ok {
		if err := py.Hashable(a[2]); err != nil {
			return nil, err
		}
	}
	switch method {
	case "common":
		return py.Round(t, a[0], a[1])
	case "ceil", "floor":
	default:
		return nil, py.Errorf(kindArgument, "method must be common, ceil or floor")
	}
	scale, err := py.Binary(t, py.Pow, 10, a[1])
	if err != nil {
		return nil, err
	}
	v, err := py.Binary(t, py.Mul, a[0], scale)
	if err != nil {
		return nil, err
	}
	if f, ok := v.(float64); ok {
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return py.Int(t, f)
		}
		if method == "ceil" {
			f = math.Ceil(f)
		} else {
			f = math.Floor(f)
		}
		if v, err = py.Int(t, f); err != nil {
			return nil, err
		}
	} else if _, isInt := v.(int); !isInt {
		if _, isBig := v.(*big.Int); !isBig {
			return nil, py.TypeErrorf("must be real number, not %s", py.TypeName(v))
		}
	}
	return py.Binary(t, py.Div, v, scale)
}

func filesize(t *py.Thread, a []py.Value) (py.Value, error) {
	v, err := py.Float(t, a[0])
	if err != nil {
		return nil, err
	}
	bytes := v.(float64)
	binary, err := py.Truth(t, a[1])
	if err != nil {
		return nil, err
	}
	base, units := 1000.0, []string{"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"}
	if binary {
		base, units = 1024, []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"}
	}
	if bytes == 1 {
		return "1 Byte", nil
	}
	if bytes < base {
		n, err := py.Int(t, bytes)
		if err != nil {
			return nil, err
		}
		s, err := py.Str(t, n)
		return s + " Bytes", err
	}
	ibase := big.NewInt(int64(base))
	for i, unit := range units {
		// base ** (i + 2) is an exact integer in Python.
		exact := new(big.Int).Exp(ibase, big.NewInt(int64(i+2)), nil)
		below, err := py.Less(t, bytes, py.Big(exact))
		if err != nil {
			return nil, err
		}
		if below || i == len(units)-1 {
			scale, _ := new(big.Float).SetInt(exact).Float64()
			s, err := py.FormatValue(t, base*bytes/scale, ".1f")
			return fmt.Sprintf("%s %s", s, unit), err
		}
	}
	return nil, nil
}
