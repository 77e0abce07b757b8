package py

import (
	"math"
	"math/big"
	"strings"
	"unicode/utf8"
)

// formatSpec is a parsed format specification.
type formatSpec struct {
	fill  rune
	align byte // 0 when not given
	sign  byte
	zneg  bool
	alt   bool
	zero  bool
	width int
	comma byte // ',' or '_'
	prec  int  // -1: none
	verb  byte // 0: none
}

func parseSpec(s string) (formatSpec, error) {
	spec := formatSpec{fill: ' ', prec: -1}
	filled := false
	r, n := utf8.DecodeRuneInString(s)
	if n > 0 && n < len(s) && strings.IndexByte("<>=^", s[n]) >= 0 {
		spec.fill, spec.align, filled = r, s[n], true
		s = s[n+1:]
	} else if s != "" && strings.IndexByte("<>=^", s[0]) >= 0 {
		spec.align = s[0]
		s = s[1:]
	}
	if s != "" && strings.IndexByte("+- ", s[0]) >= 0 {
		spec.sign = s[0]
		s = s[1:]
	}
	if strings.HasPrefix(s, "z") {
		spec.zneg = true
		s = s[1:]
	}
	if strings.HasPrefix(s, "#") {
		spec.alt = true
		s = s[1:]
	}
	if strings.HasPrefix(s, "0") {
		spec.zero = true
		if !filled {
			spec.fill = '0'
		}
		if spec.align == 0 {
			spec.align = '='
		}
		s = s[1:]
	}
	var err error
	if spec.width, s, err = specNumber(s, 0); err != nil {
		return spec, err
	}
	for s != "" && (s[0] == ',' || s[0] == '_') {
		if spec.comma != 0 {
			return spec, ValueErrorf("Cannot specify both ',' and '_'.")
		}
		spec.comma = s[0]
		s = s[1:]
	}
	if strings.HasPrefix(s, ".") {
		if len(s) < 2 || !isDecimal(s[1]) {
			return spec, ValueErrorf("Format specifier missing precision")
		}
		if spec.prec, s, err = specNumber(s[1:], 0); err != nil {
			return spec, err
		}
	}
	if len(s) > 1 {
		return spec, ValueErrorf("Invalid format specifier")
	}
	if s != "" {
		spec.verb = s[0]
	}
	return spec, nil
}

func specNumber(s string, n int) (int, string, error) {
	for s != "" && isDecimal(s[0]) {
		if n > math.MaxInt/100 {
			return 0, s, ValueErrorf("Too many decimal digits in format string")
		}
		n = n*10 + int(s[0]-'0')
		s = s[1:]
	}
	return n, s, nil
}

// FormatValue is format(v, spec).
func FormatValue(t *Thread, v Value, spec string) (string, error) {
	switch x := v.(type) {
	case string, Markup, int, bool, *big.Int, float64:
		if spec == "" {
			return Str(t, v)
		}
	case *Undefined:
		if spec == "" {
			return Str(t, v)
		}
		return "", TypeErrorf("unsupported format string passed to %s.__format__", TypeName(v))
	case SpecFormatter:
		return x.PyFormat(t, spec)
	default:
		if spec == "" {
			return Str(t, v)
		}
		if _, ok := v.(complex128); !ok {
			return "", TypeErrorf("unsupported format string passed to %s.__format__", TypeName(v))
		}
	}
	f, err := parseSpec(spec)
	if err != nil {
		return "", err
	}
	if err := t.Grow(max(f.width, f.prec)); err != nil {
		return "", err
	}
	switch x := v.(type) {
	case string, Markup:
		s, _ := IsString(x)
		return formatStr(f, s)
	case float64:
		return formatFloatSpec(f, x)
	case complex128:
		return "", ValueErrorf("format specifications for complex numbers are not supported")
	}
	return formatInt(t, f, v)
}

// SpecFormatter is an [Object] with its own __format__.
type SpecFormatter interface {
	PyFormat(t *Thread, spec string) (string, error)
}

func formatStr(f formatSpec, s string) (string, error) {
	switch {
	case f.verb != 0 && f.verb != 's':
		return "", unknownCode(f.verb, "str")
	case f.sign != 0:
		return "", ValueErrorf("Sign not allowed in string format specifier")
	case f.alt:
		return "", ValueErrorf("Alternate form (#) not allowed in string format specifier")
	case f.zneg:
		return "", ValueErrorf("Negative zero coercion (z) not allowed in string format specifier")
	case f.comma != 0:
		return "", ValueErrorf("Cannot specify '%c' with 's'.", f.comma)
	case f.align == '=' && !f.zero:
		return "", ValueErrorf("'=' alignment not allowed in string format specifier")
	}
	if f.prec >= 0 {
		s = sliceStr(s, 0, 1, min(f.prec, utf8.RuneCountInString(s)))
	}
	if f.align == 0 || f.align == '=' {
		f.align = '<'
	}
	return padSpec(f, "", s), nil
}

func unknownCode(verb byte, typ string) error {
	return ValueErrorf("Unknown format code '%c' for object of type '%s'", verb, typ)
}

func padSpec(f formatSpec, sign, body string) string {
	n := max(f.width-utf8.RuneCountInString(sign)-utf8.RuneCountInString(body), 0)
	fill := func(n int) string { return strings.Repeat(string(f.fill), n) }
	switch f.align {
	case '<':
		return sign + body + fill(n)
	case '^':
		return fill(n/2) + sign + body + fill(n-n/2)
	case '=':
		return sign + fill(n) + body
	}
	return fill(n) + sign + body
}

func (f formatSpec) signFor(neg bool) string {
	switch {
	case neg:
		return "-"
	case f.sign == '+' || f.sign == ' ':
		return string(f.sign)
	}
	return ""
}

func formatInt(t *Thread, f formatSpec, v Value) (string, error) {
	if f.verb != 0 && strings.IndexByte("eEfFgG%", f.verb) >= 0 {
		x, err := asFloat(v)
		if err != nil {
			return "", err
		}
		return formatFloatSpec(f, x)
	}
	if f.prec >= 0 {
		return "", ValueErrorf("Precision not allowed in integer format specifier")
	}
	if f.zneg {
		return "", ValueErrorf("Negative zero coercion (z) not allowed in format specifier with integer presentation type")
	}
	x := asBig(v)
	base, prefix := 10, ""
	switch f.verb {
	case 0, 'd', 'n':
	case 'b':
		base, prefix = 2, "0b"
	case 'o':
		base, prefix = 8, "0o"
	case 'x', 'X':
		base, prefix = 16, "0"+string(f.verb)
	case 'c':
		if f.sign != 0 || f.alt || f.comma != 0 {
			return "", ValueErrorf("Sign not allowed with integer format specifier 'c'")
		}
		if !x.IsInt64() || x.Int64() < 0 || x.Int64() > utf8.MaxRune {
			return "", Errorf("OverflowError", "%%c arg not in range(0x110000)")
		}
		return padSpec(f, "", string(rune(x.Int64()))), nil
	default:
		return "", unknownCode(f.verb, TypeName(v))
	}
	if f.comma != 0 && (f.verb == 'n' || f.comma == ',' && base != 10) {
		return "", ValueErrorf("Cannot specify '%c' with '%c'.", f.comma, f.verb)
	}
	if base == 10 {
		if _, err := bigText(x); err != nil {
			return "", err
		}
	}
	digits := new(big.Int).Abs(x).Text(base)
	if f.verb == 'X' {
		digits = strings.ToUpper(digits)
	}
	sign := f.signFor(x.Sign() < 0)
	if f.alt {
		sign += prefix
	}
	group := 3
	if base != 10 {
		group = 4
	}
	return f.number(sign, digits, "", group), nil
}

// number groups and pads digits; tail is what follows the integer part.
func (f formatSpec) number(sign, digits, tail string, group int) string {
	if f.comma != 0 && digits != "" {
		min := 0
		if f.fill == '0' && f.align == '=' {
			min = f.width - len(sign) - len(tail)
		}
		digits = groupDigits(digits, f.comma, group, min)
	}
	return padSpec(f, sign, digits+tail)
}

// groupDigits inserts separators, and leading zeros until width is reached.
func groupDigits(digits string, sep byte, size, width int) string {
	var out []byte // reversed
	n := 0
	for i := len(digits) - 1; i >= 0 || len(out) < width; i-- {
		if n == size {
			out = append(out, sep)
			n = 0
			if i < 0 && len(out) >= width { // a number never starts with a separator
				out = append(out, '0')
				break
			}
		}
		if i >= 0 {
			out = append(out, digits[i])
		} else {
			out = append(out, '0')
		}
		n++
	}
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return string(out)
}

func formatFloatSpec(f formatSpec, x float64) (string, error) {
	verb, prec := f.verb, f.prec
	switch verb {
	case 0:
		if prec < 0 {
			s := FormatFloat(math.Abs(x))
			if f.alt && !strings.Contains(s, ".") {
				s = strings.Replace(s, "e", ".e", 1)
			}
			return f.float(x, s), nil
		}
		s := formatGeneral(math.Abs(x), prec, f.alt, true)
		return f.float(x, s), nil
	case 'e', 'E', 'f', 'F', 'g', 'G', '%', 'n':
	default:
		return "", unknownCode(verb, "float")
	}
	if prec < 0 {
		prec = 6
	}
	if verb == 'n' {
		if f.comma != 0 {
			return "", ValueErrorf("Cannot specify '%c' with 'n'.", f.comma)
		}
		verb = 'g'
	}
	if verb == '%' {
		s := formatFloatVerb(math.Abs(x)*100, 'f', prec, f.alt)
		return f.float(x, s+"%"), nil
	}
	return f.float(x, formatFloatVerb(math.Abs(x), verb, prec, f.alt)), nil
}

func (f formatSpec) float(x float64, text string) string {
	neg := math.Signbit(x) && !math.IsNaN(x)
	if f.zneg && neg && strings.Trim(text, "0.%eE+-") == "" {
		neg = false
	}
	end := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(text)
	}
	return f.number(f.signFor(neg), text[:end], text[end:], 3)
}
