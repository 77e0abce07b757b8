package py

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Str returns str(v).
func Str(t *Thread, v Value) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case Markup:
		return string(v), nil
	case int:
		return strconv.Itoa(v), nil
	case nil:
		return "None", nil
	case bool:
		if v {
			return "True", nil
		}
		return "False", nil
	case float64:
		return FormatFloat(v), nil
	case *Undefined:
		return v.str()
	case Stringer:
		return v.PyStr(t)
	}
	return Repr(t, v)
}

// Repr returns repr(v).
func Repr(t *Thread, v Value) (string, error) {
	switch v := v.(type) {
	case string:
		return ReprString(v), nil
	case nil, int, bool, float64:
		return Str(t, v)
	}
	if t == nil { // objects call back: something must bound how deep
		t = &Thread{limits: DefaultLimits}
	}
	r := reprer{t: t}
	if err := r.value(v); err != nil {
		return "", err
	}
	return r.b.String(), t.Alloc(r.b.Len())
}

// FormatFloat returns repr(f): the shortest digits that read back as f.
func FormatFloat(f float64) string {
	if s, ok := specialFloat(f); ok {
		return s
	}
	abs := math.Abs(f)
	if abs != 0 && (abs < 1e-4 || abs >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

func specialFloat(f float64) (string, bool) {
	switch {
	case math.IsNaN(f):
		return "nan", true
	case math.IsInf(f, 1):
		return "inf", true
	case math.IsInf(f, -1):
		return "-inf", true
	}
	return "", false
}

// maxIntDigits is Python's limit for converting between int and str.
const maxIntDigits = 4300

func bigText(x *big.Int) (string, error) {
	if x.BitLen() > maxIntDigits*10/3+8 {
		return "", errDigits
	}
	s := x.String()
	if len(strings.TrimPrefix(s, "-")) > maxIntDigits {
		return "", errDigits
	}
	return s, nil
}

var errDigits = &Error{Kind: "ValueError", Msg: "Exceeds the limit (4300 digits) for integer string conversion; use sys.set_int_max_str_digits() to increase the limit"}

// ReprString returns repr(s) of a str.
func ReprString(s string) string {
	quote := byte('\'')
	if strings.IndexByte(s, '\'') >= 0 && strings.IndexByte(s, '"') < 0 {
		quote = '"'
	}
	b := make([]byte, 0, len(s)+2)
	b = append(b, quote)
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < 0x7f {
			if c == quote || c == '\\' {
				b = append(b, '\\')
			}
			b = append(b, c)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '\n':
			b = append(b, '\\', 'n')
		case r == '\r':
			b = append(b, '\\', 'r')
		case r == '\t':
			b = append(b, '\\', 't')
		case r == utf8.RuneError && n == 1:
			b = fmt.Appendf(b, `\udc%02x`, c)
		case r < 0x80 || r < 0x100 && !unicode.IsPrint(r):
			b = fmt.Appendf(b, `\x%02x`, r)
		case unicode.IsPrint(r):
			b = append(b, s[i:i+n]...)
		case r < 0x10000:
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			b = fmt.Appendf(b, `\U%08x`, r)
		}
		i += n
	}
	return string(append(b, quote))
}

func reprBytes(s Bytes) string {
	quote := byte('\'')
	if strings.IndexByte(string(s), '\'') >= 0 && strings.IndexByte(string(s), '"') < 0 {
		quote = '"'
	}
	b := []byte{'b', quote}
	for i := range len(s) {
		switch c := s[i]; {
		case c == quote || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c == '\r':
			b = append(b, '\\', 'r')
		case c == '\t':
			b = append(b, '\\', 't')
		case c < ' ' || c >= 0x7f:
			b = fmt.Appendf(b, `\x%02x`, c)
		default:
			b = append(b, c)
		}
	}
	return string(append(b, quote))
}

// reprer writes the repr of nested values and notices cycles.
type reprer struct {
	t    *Thread
	b    strings.Builder
	open []Value
}

func (r *reprer) write(s string) error {
	if err := r.t.Grow(r.b.Len() + len(s)); err != nil {
		return err
	}
	r.b.WriteString(s)
	return nil
}

func (r *reprer) value(v Value) error {
	if err := r.t.Step(1); err != nil {
		return err
	}
	switch v := v.(type) {
	case string:
		return r.write(ReprString(v))
	case nil, bool, int, float64:
		s, err := Str(r.t, v)
		if err != nil {
			return err
		}
		return r.write(s)
	case Markup:
		return r.write("Markup(" + ReprString(string(v)) + ")")
	case *big.Int:
		s, err := bigText(v)
		if err != nil {
			return err
		}
		return r.write(s)
	case complex128:
		return r.write(reprComplex(v))
	case Bytes:
		return r.write(reprBytes(v))
	case *List, *Tuple, *Dict, *Set, *DictView:
		return r.container(v)
	case *Range:
		if v.Step == 1 {
			return r.write(fmt.Sprintf("range(%d, %d)", v.Start, v.Stop))
		}
		return r.write(fmt.Sprintf("range(%d, %d, %d)", v.Start, v.Stop, v.Step))
	case *Undefined:
		return r.write("Undefined")
	case Reprer:
		if err := r.t.Enter(); err != nil {
			return err
		}
		s, err := v.PyRepr(r.t)
		r.t.Leave()
		if err != nil {
			return err
		}
		return r.write(s)
	}
	return r.write("<" + TypeName(v) + " object at 0x7f0000000000>")
}

func (r *reprer) container(v Value) error {
	for _, o := range r.open {
		if o == v {
			return r.write(cycleText(v))
		}
	}
	if len(r.open) > maxNesting {
		return errRecursion
	}
	r.open = append(r.open, v)
	defer func() { r.open = r.open[:len(r.open)-1] }()
	switch v := v.(type) {
	case *List:
		return r.seq("[", v.Items(), "]")
	case *Tuple:
		if len(v.Items) == 1 {
			return r.seq("(", v.Items, ",)")
		}
		return r.seq("(", v.Items, ")")
	case *Set:
		return v.repr(r)
	case *DictView:
		if err := r.write(v.PyType() + "("); err != nil {
			return err
		}
		return r.seq("[", v.list(), "])")
	case *Dict:
		return r.dict(v)
	}
	return nil
}

func cycleText(v Value) string {
	switch v.(type) {
	case *List:
		return "[...]"
	case *Tuple:
		return "(...)"
	case *Dict:
		return "{...}"
	}
	return "..."
}

func (r *reprer) seq(open string, items []Value, end string) error {
	if err := r.write(open); err != nil {
		return err
	}
	for i, item := range items {
		if i > 0 {
			if err := r.write(", "); err != nil {
				return err
			}
		}
		if err := r.value(item); err != nil {
			return err
		}
	}
	return r.write(end)
}

func (r *reprer) dict(d *Dict) error {
	if err := r.write("{"); err != nil {
		return err
	}
	for i, e := range d.Entries() {
		if i > 0 {
			if err := r.write(", "); err != nil {
				return err
			}
		}
		if err := r.value(e.Key); err != nil {
			return err
		}
		if err := r.write(": "); err != nil {
			return err
		}
		if err := r.value(e.Value); err != nil {
			return err
		}
	}
	return r.write("}")
}

func reprComplex(c complex128) string {
	part := func(f float64) string {
		s := FormatFloat(f)
		return strings.TrimSuffix(s, ".0")
	}
	im := part(imag(c)) + "j"
	if real(c) == 0 && !math.Signbit(real(c)) {
		return im
	}
	if im[0] != '-' {
		im = "+" + im
	}
	return "(" + part(real(c)) + im + ")"
}
