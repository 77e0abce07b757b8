package py

import (
	"math"
	"math/big"
	"strings"
	"unicode/utf8"
)

// Percent evaluates format % args for a str.
func Percent(t *Thread, format string, args Value) (Value, error) {
	return (&percent{t: t, args: args}).run(format)
}

// markupPercent is Percent whose arguments are escaped as they are printed.
func markupPercent(t *Thread, format Markup, args Value) (Value, error) {
	p := &percent{t: t, args: args, escape: true}
	s, err := p.run(string(format))
	if err != nil {
		return nil, err
	}
	return Markup(s.(string)), nil
}

// percent is one printf-style formatting.
type percent struct {
	t      *Thread
	args   Value
	escape bool
	next   int
	named  bool
	b      strings.Builder
}

// spec is one conversion: %-08.3f.
type percentSpec struct {
	minus, plus, space, zero, alt bool
	width, prec                   int // prec -1: none
	verb                          rune
}

func (p *percent) run(format string) (Value, error) {
	for format != "" {
		i := strings.IndexByte(format, '%')
		if i < 0 {
			i = len(format)
		}
		p.b.WriteString(format[:i])
		if err := p.t.Grow(p.b.Len()); err != nil {
			return nil, err
		}
		if format = format[i:]; format == "" {
			break
		}
		rest, err := p.conversion(format[1:])
		if err != nil {
			return nil, err
		}
		format = rest
	}
	if !p.named && !p.exhausted() {
		return nil, TypeErrorf("not all arguments converted during string formatting")
	}
	return p.b.String(), p.t.Alloc(p.b.Len())
}

// exhausted reports whether every positional argument was used. Mappings (and
// whatever else can be subscripted) may stay unused.
func (p *percent) exhausted() bool {
	switch a := p.args.(type) {
	case *Tuple:
		return p.next >= len(a.Items)
	case *Dict, *List, *Range, Bytes, Itemer, *Undefined, *DictView:
		if _, view := a.(*DictView); view {
			return p.next > 0
		}
		return true
	}
	return p.next > 0
}

func (p *percent) arg() (Value, error) {
	if tup, ok := p.args.(*Tuple); ok {
		if p.next >= len(tup.Items) {
			return nil, TypeErrorf("not enough arguments for format string")
		}
		p.next++
		return tup.Items[p.next-1], nil
	}
	if p.next > 0 {
		return nil, TypeErrorf("not enough arguments for format string")
	}
	p.next++
	return p.args, nil
}

func (p *percent) conversion(s string) (rest string, err error) {
	if strings.HasPrefix(s, "%") {
		p.b.WriteByte('%')
		return s[1:], nil
	}
	spec := percentSpec{prec: -1}
	var value Value
	have := false
	if strings.HasPrefix(s, "(") {
		depth, end := 1, -1
		for i := 1; i < len(s) && end < 0; i++ {
			switch s[i] {
			case '(':
				depth++
			case ')':
				if depth--; depth == 0 {
					end = i
				}
			}
		}
		if !p.isMapping() {
			return "", TypeErrorf("format requires a mapping")
		}
		if end < 0 {
			return "", ValueErrorf("incomplete format key")
		}
		if value, err = Item(p.t, p.args, s[1:end]); err != nil {
			return "", err
		}
		have, p.named, p.next = true, true, 1
		s = s[end+1:]
	}
	for ; s != ""; s = s[1:] {
		switch s[0] {
		case '-':
			spec.minus = true
			continue
		case '+':
			spec.plus = true
			continue
		case ' ':
			spec.space = true
			continue
		case '#':
			spec.alt = true
			continue
		case '0':
			spec.zero = true
			continue
		}
		break
	}
	if s, err = p.number(s, &spec.width); err != nil {
		return "", err
	}
	if spec.width < 0 {
		spec.minus, spec.width = true, -spec.width
	}
	if strings.HasPrefix(s, ".") {
		spec.prec = 0
		if s, err = p.number(s[1:], &spec.prec); err != nil {
			return "", err
		}
		spec.prec = max(spec.prec, 0)
	}
	if s != "" && strings.IndexByte("hlL", s[0]) >= 0 {
		s = s[1:]
	}
	if s == "" {
		return "", ValueErrorf("incomplete format")
	}
	verb, n := utf8.DecodeRuneInString(s)
	spec.verb = verb
	if !have {
		if value, err = p.arg(); err != nil {
			return "", err
		}
	}
	return s[n:], p.format(spec, value)
}

func (p *percent) isMapping() bool {
	switch p.args.(type) {
	case *Dict, *List, *Range, Itemer, *Undefined, Bytes:
		return true
	}
	return false
}

// number reads digits or a *.
func (p *percent) number(s string, n *int) (string, error) {
	if strings.HasPrefix(s, "*") {
		v, err := p.arg()
		if err != nil {
			return "", err
		}
		i, ok := v.(int)
		if !ok {
			if _, isBig := v.(*big.Int); isBig {
				return "", Errorf("OverflowError", "Python int too large to convert to C int")
			}
			if b, isBool := v.(bool); isBool && b {
				i = 1
			} else if !isBool {
				return "", TypeErrorf("* wants int")
			}
		}
		*n = i
		return s[1:], p.t.Grow(max(i, -i))
	}
	for s != "" && isDecimal(s[0]) {
		if *n > 1<<40 {
			return "", ValueErrorf("width too big")
		}
		*n = *n*10 + int(s[0]-'0')
		s = s[1:]
	}
	return s, p.t.Grow(*n)
}

func (p *percent) format(spec percentSpec, v Value) error {
	switch spec.verb {
	case 's', 'r', 'a':
		s, err := p.text(spec.verb, v)
		if err != nil {
			return err
		}
		if spec.prec >= 0 {
			s = sliceStr(s, 0, 1, min(spec.prec, utf8.RuneCountInString(s)))
		}
		return p.pad(spec, "", s, false)
	case 'c':
		s, err := p.char(v)
		if err != nil {
			return err
		}
		return p.pad(spec, "", s, false)
	case 'd', 'i', 'u', 'x', 'X', 'o':
		return p.integer(spec, v)
	case 'e', 'E', 'f', 'F', 'g', 'G':
		return p.float(spec, v)
	}
	return ValueErrorf("unsupported format character '%c' (0x%x) at index %d", spec.verb, spec.verb, p.b.Len())
}

func (p *percent) text(verb rune, v Value) (s string, err error) {
	switch verb {
	case 's':
		if p.escape {
			m, err := EscapeValue(p.t, v)
			return string(m), err
		}
		return Str(p.t, v)
	case 'a':
		if s, err = Repr(p.t, v); err == nil {
			s = asciiOnly(s)
		}
	default:
		s, err = Repr(p.t, v)
	}
	if err == nil && p.escape {
		s = string(Escape(s))
	}
	return s, err
}

// asciiOnly is what ascii() does to a repr.
func asciiOnly(s string) string {
	b, err := encode(s, "ascii", "backslashreplace")
	if err != nil {
		return s
	}
	return string(b.(Bytes))
}

func (p *percent) char(v Value) (string, error) {
	if p.escape {
		return "", TypeErrorf("%%c requires int or char")
	}
	switch v := v.(type) {
	case string, Markup:
		s, _ := IsString(v)
		if utf8.RuneCountInString(s) == 1 {
			return s, nil
		}
	case bool:
		return p.char(int(asBig(v).Int64()))
	case *big.Int:
		return "", Errorf("OverflowError", "%%c arg not in range(0x110000)")
	case int:
		if v < 0 || v > utf8.MaxRune {
			return "", Errorf("OverflowError", "%%c arg not in range(0x110000)")
		}
		return string(rune(v)), nil
	}
	return "", TypeErrorf("%%c requires int or char")
}

func (p *percent) integer(spec percentSpec, v Value) error {
	var x *big.Int
	switch n := v.(type) {
	case int, bool, *big.Int:
		x = asBig(n)
	case float64:
		if spec.verb == 'x' || spec.verb == 'X' || spec.verb == 'o' {
			return TypeErrorf("%%%c format: an integer is required, not float", spec.verb)
		}
		i, err := Int(p.t, n)
		if err != nil {
			return err
		}
		x = asBig(i)
	default:
		if p.escape { // markupsafe's wrapper has an __int__
			i, err := Int(p.t, v)
			if err != nil {
				return err
			}
			x = asBig(i)
			break
		}
		if u, ok := v.(*Undefined); ok && spec.verb != 'x' && spec.verb != 'X' && spec.verb != 'o' {
			return u.Err()
		}
		if spec.verb == 'x' || spec.verb == 'X' || spec.verb == 'o' {
			return TypeErrorf("%%%c format: an integer is required, not %s", spec.verb, TypeName(v))
		}
		return TypeErrorf("%%%c format: a real number is required, not %s", spec.verb, TypeName(v))
	}
	base, prefix := 10, ""
	switch spec.verb {
	case 'x', 'X':
		base, prefix = 16, "0"+string(spec.verb)
	case 'o':
		base, prefix = 8, "0o"
	}
	if base == 10 {
		if _, err := bigText(x); err != nil {
			return err
		}
	}
	digits := new(big.Int).Abs(x).Text(base)
	if spec.verb == 'X' {
		digits = strings.ToUpper(digits)
	}
	if n := spec.prec - len(digits); n > 0 {
		digits = strings.Repeat("0", n) + digits
	}
	sign := signText(spec, x.Sign() < 0)
	if spec.alt {
		sign += prefix
	}
	return p.pad(spec, sign, digits, true)
}

func signText(spec percentSpec, neg bool) string {
	switch {
	case neg:
		return "-"
	case spec.plus:
		return "+"
	case spec.space:
		return " "
	}
	return ""
}

func (p *percent) float(spec percentSpec, v Value) error {
	var f float64
	var err error
	if p.escape {
		var x Value
		if x, err = Float(p.t, v); err == nil {
			f = x.(float64)
		}
	} else if u, ok := v.(*Undefined); ok {
		return u.Err()
	} else {
		f, err = asFloat(v)
	}
	if err != nil {
		return err
	}
	prec := spec.prec
	if prec < 0 {
		prec = 6
	}
	s := formatFloatVerb(math.Abs(f), byte(spec.verb), prec, spec.alt)
	return p.pad(spec, signText(spec, math.Signbit(f) && !math.IsNaN(f)), s, true)
}

func (p *percent) pad(spec percentSpec, sign, body string, numeric bool) error {
	n := spec.width - utf8.RuneCountInString(sign) - utf8.RuneCountInString(body)
	if n < 0 {
		n = 0
	}
	switch {
	case spec.minus:
		p.b.WriteString(sign + body)
		p.b.WriteString(strings.Repeat(" ", n))
	case spec.zero && numeric:
		p.b.WriteString(sign)
		p.b.WriteString(strings.Repeat("0", n))
		p.b.WriteString(body)
	default:
		p.b.WriteString(strings.Repeat(" ", n))
		p.b.WriteString(sign + body)
	}
	return p.t.Grow(p.b.Len())
}
