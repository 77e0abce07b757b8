package py

import (
	"math"
	"math/big"
)

// powPrec is the precision in which powers are computed: enough that the
// result is rounded as C's pow rounds it.
const powPrec = 160

// precisePow returns x**y for finite x > 0 and finite y.
func precisePow(x, y float64) float64 {
	z := math.Pow(x, y)
	if z == 0 || math.IsInf(z, 0) || math.Abs(z) < 1e-300 {
		return z
	}
	l := bigLog(x)
	l.Mul(l, new(big.Float).SetFloat64(y))
	f, _ := bigExp(l).Float64()
	return f
}

func bigNum(f float64) *big.Float { return new(big.Float).SetPrec(powPrec).SetFloat64(f) }

var ln2 = func() *big.Float {
	f, _, err := big.ParseFloat("0.693147180559945309417232121458176568075500134360255254120680009493393621969694715605863326996418687", 10, powPrec, big.ToNearestEven)
	if err != nil {
		panic(err)
	}
	return f
}()

// bigLog returns ln(x): x = m * 2**e with m near 1, and ln(m) by the series of
// artanh.
func bigLog(x float64) *big.Float {
	m, e := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, e = m*2, e-1
	}
	num := bigNum(m)
	num.Sub(num, bigNum(1))
	den := bigNum(m)
	den.Add(den, bigNum(1))
	z := new(big.Float).SetPrec(powPrec).Quo(num, den)
	zz := new(big.Float).SetPrec(powPrec).Mul(z, z)
	sum, term := bigNum(0), new(big.Float).Copy(z)
	for k := 1; k < 200; k += 2 {
		part := new(big.Float).SetPrec(powPrec).Quo(term, bigNum(float64(k)))
		sum.Add(sum, part)
		if part.Sign() == 0 || part.MantExp(nil) < sum.MantExp(nil)-powPrec {
			break
		}
		term.Mul(term, zz)
	}
	sum.Mul(sum, bigNum(2))
	return sum.Add(sum, new(big.Float).SetPrec(powPrec).Mul(ln2, bigNum(float64(e))))
}

// bigExp returns e**x: x = k*ln(2) + r, and e**r by its series after halving r.
func bigExp(x *big.Float) *big.Float {
	q, _ := new(big.Float).SetPrec(powPrec).Quo(x, ln2).Float64()
	k := math.Round(q)
	r := new(big.Float).SetPrec(powPrec).Mul(ln2, bigNum(k))
	r.Sub(x, r)
	const halvings = 8
	r.SetMantExp(r, -halvings)
	sum, term := bigNum(1), bigNum(1)
	for n := 1; n < 100; n++ {
		term.Mul(term, r)
		term.Quo(term, bigNum(float64(n)))
		if term.Sign() == 0 || term.MantExp(nil) < -powPrec {
			break
		}
		sum.Add(sum, term)
	}
	for range halvings {
		sum.Mul(sum, sum)
	}
	return sum.SetMantExp(sum, int(k))
}
