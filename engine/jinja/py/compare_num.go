package py

import (
	"fmt"
	"math"
	"math/big"
	"strings"
)

func isNumber(v Value) bool {
	switch v.(type) {
	case int, bool, float64, *big.Int, complex128:
		return true
	}
	return false
}

func isReal(v Value) bool {
	switch v.(type) {
	case int, bool, float64, *big.Int:
		return true
	}
	return false
}

func numEqual(a, b Value) bool {
	if x, ok := a.(complex128); ok {
		y, ok := asComplex(b)
		return ok && x == y
	}
	if y, ok := b.(complex128); ok {
		x, ok := asComplex(a)
		return ok && x == y
	}
	return numOrder("==", a, b)
}

// numOrder compares reals exactly, whatever their types.
func numOrder(op string, a, b Value) bool {
	x, xf := a.(float64)
	y, yf := b.(float64)
	if xf && math.IsNaN(x) || yf && math.IsNaN(y) {
		return false
	}
	var c int
	switch {
	case xf && yf:
		switch {
		case x < y:
			c = -1
		case x > y:
			c = 1
		}
	case xf:
		c = -cmpIntFloat(b, x)
	case yf:
		c = cmpIntFloat(a, y)
	default:
		c = asBig(a).Cmp(asBig(b))
	}
	if op == "==" {
		return c == 0
	}
	return decide(op, c)
}

func cmpIntFloat(i Value, f float64) int {
	if math.IsInf(f, 1) {
		return -1
	}
	if math.IsInf(f, -1) {
		return 1
	}
	return new(big.Float).SetInt(asBig(i)).Cmp(big.NewFloat(f))
}

func asBig(v Value) *big.Int {
	switch v := v.(type) {
	case int:
		return big.NewInt(int64(v))
	case bool:
		if v {
			return big.NewInt(1)
		}
		return new(big.Int)
	case *big.Int:
		return v
	}
	return nil
}

func printPointer(b *strings.Builder, k any) { fmt.Fprintf(b, "%p", k) }
