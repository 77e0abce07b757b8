package py

import (
	"strconv"
	"strings"
)

// formatFloatVerb formats x >= 0 as C's printf does for e, f and g.
func formatFloatVerb(x float64, verb byte, prec int, alt bool) string {
	upper := verb < 'a'
	s, special := specialFloat(x)
	if !special {
		switch verb | 0x20 {
		case 'f':
			s = strconv.FormatFloat(x, 'f', prec, 64)
			if alt && prec == 0 {
				s += "."
			}
		case 'e':
			s = strconv.FormatFloat(x, 'e', prec, 64)
			if alt && prec == 0 {
				s = strings.Replace(s, "e", ".e", 1)
			}
		default:
			s = formatGeneral(x, prec, alt, false)
		}
	}
	if upper {
		s = strings.ToUpper(s)
	}
	return s
}

// formatGeneral is %g. repr says that the result must look like a float.
func formatGeneral(x float64, prec int, alt, repr bool) string {
	if s, ok := specialFloat(x); ok {
		return s
	}
	if prec == 0 {
		prec = 1
	}
	e := strconv.FormatFloat(x, 'e', prec-1, 64)
	mant, expText, _ := strings.Cut(e, "e")
	exp, err := strconv.Atoi(expText)
	if err != nil {
		return e
	}
	limit := prec
	if repr { // room for ".0"
		limit--
	}
	if exp >= -4 && exp < limit {
		s := strconv.FormatFloat(x, 'f', prec-1-exp, 64)
		if !alt {
			s = trimZeros(s)
		}
		switch {
		case strings.Contains(s, "."):
		case repr:
			s += ".0"
		case alt:
			s += "."
		}
		return s
	}
	if !alt {
		mant = trimZeros(mant)
	} else if !strings.Contains(mant, ".") {
		mant += "."
	}
	return mant + "e" + fixExp(exp)
}

func trimZeros(s string) string {
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

func fixExp(exp int) string {
	sign := "+"
	if exp < 0 {
		sign, exp = "-", -exp
	}
	s := strconv.Itoa(exp)
	if len(s) < 2 {
		s = "0" + s
	}
	return sign + s
}
