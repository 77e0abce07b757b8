package py

import (
	"math/big"
	"strconv"
	"strings"
)

// Func is a function written in Go. Its parameters are declared as in Python.
type Func struct {
	Name     string
	Type     string // PyType; "builtin_function_or_method" when empty
	params   []param
	posOnly  int // how many parameters cannot be given by name
	nPos     int // how many can be given by position
	star     bool
	starStar bool
	fn       func(t *Thread, a []Value) (Value, error)
}

type param struct {
	name     string
	def      Value
	required bool
}

// NewFunc declares a function. The signature is a list like
//
//	s, width=4, /, first=False, *args, **kwargs
//
// with None, True, False, integers, floats and 'strings' as defaults. A name
// before "/" can only be given by position, one after "*" only by name. fn
// gets one value for each parameter in order; for *args a *Tuple, for
// **kwargs a *Dict. The slice is only valid during the call.
// NewFunc panics when the signature makes no sense: it is for package
// variables and start-up.
func NewFunc(name, signature string, fn func(t *Thread, a []Value) (Value, error)) *Func {
	f := &Func{Name: name, fn: fn, nPos: -1}
	for _, part := range splitSignature(signature) {
		part = strings.TrimSpace(part)
		pname, def, hasDef := strings.Cut(part, "=")
		switch {
		case part == "":
		case part == "/":
			f.posOnly = len(f.params)
		case part == "*":
			f.nPos = len(f.params)
		case strings.HasPrefix(part, "**"):
			f.starStar = true
		case part[0] == '*':
			f.star, f.nPos = true, len(f.params)
		default:
			f.params = append(f.params, param{pname, literal(def), !hasDef})
		}
	}
	if f.nPos < 0 {
		f.nPos = len(f.params)
	}
	return f
}

// splitSignature splits at the commas that are not inside of a 'string'.
func splitSignature(s string) []string {
	quoted := false
	return strings.FieldsFunc(s, func(r rune) bool {
		if r == '\'' {
			quoted = !quoted
		}
		return r == ',' && !quoted
	})
}

func literal(s string) Value {
	switch s {
	case "", "None":
		return nil
	case "True", "False":
		return s == "True"
	}
	if s[0] == '\'' {
		return strings.Trim(s, "'")
	}
	if i, err := strconv.Atoi(s); err == nil {
		return i
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		panic("py: bad default " + s)
	}
	return f
}

// PyType implements [Object].
func (f *Func) PyType() string {
	if f.Type != "" {
		return f.Type
	}
	return "builtin_function_or_method"
}

// PyRepr implements [Reprer].
func (f *Func) PyRepr(*Thread) (string, error) {
	if f.Type == "type" {
		return "<class '" + f.Name + "'>", nil
	}
	return "<function " + f.Name + " at 0x7f0000000000>", nil
}

// PyCall implements [Caller].
func (f *Func) PyCall(t *Thread, a Args) (Value, error) { return f.call(t, nil, false, a) }

// CallWith calls f with first put before the other arguments.
func (f *Func) CallWith(t *Thread, first Value, a Args) (Value, error) {
	return f.call(t, first, true, a)
}

func (f *Func) call(t *Thread, first Value, hasFirst bool, a Args) (Value, error) {
	n := len(f.params)
	size := n
	if f.star {
		size++
	}
	if f.starStar {
		size++
	}
	out, mark := t.Frame(size)
	defer t.Release(mark)
	given := 0
	if hasFirst {
		given = 1
	}
	total := given + len(a.Pos)
	if total > f.nPos && !f.star {
		return nil, TypeErrorf("%s() takes %d positional arguments but %d were given", f.Name, f.nPos, total)
	}
	if f.nPos > 0 && hasFirst {
		out[0] = first
	}
	copied := 0
	if given <= f.nPos {
		copied = copy(out[given:f.nPos], a.Pos)
	}
	filled := min(total, f.nPos)
	if f.star {
		rest := append([]Value(nil), a.Pos[min(copied, len(a.Pos)):]...)
		if hasFirst && f.nPos == 0 {
			rest = append([]Value{first}, rest...)
		}
		out[n] = NewTuple(rest...)
	}
	if len(a.Kw) == 0 && filled == n && !f.starStar {
		return f.run(t, out)
	}
	if err := f.bindNames(out, filled, a.Kw); err != nil {
		return nil, err
	}
	return f.run(t, out)
}

// run counts a step for the call, and more for arguments so large that looking
// at them takes its time.
func (f *Func) run(t *Thread, args []Value) (Value, error) {
	n := 1
	for _, v := range args {
		switch v := v.(type) {
		case string:
			n += scanSteps(len(v))
		case Markup:
			n += scanSteps(len(v))
		case Bytes:
			n += scanSteps(len(v))
		case *List:
			n += scanSteps(v.Len())
		}
	}
	if err := t.Step(n); err != nil {
		return nil, err
	}
	return f.fn(t, args)
}

// scanSteps is how many steps it counts for to look at n bytes or elements.
func scanSteps(n int) int { return n / 256 }

// Direct returns how many parameters f has when n positional arguments can be
// given to it as they are, else -1: see [Func.CallDirect].
func (f *Func) Direct(n int) int {
	if f.star || f.starStar || n > f.nPos {
		return -1
	}
	return len(f.params)
}

// CallDirect calls f with the first n of out as its arguments; the rest of
// out, which has [Func.Direct] elements, is filled with the defaults.
func (f *Func) CallDirect(t *Thread, out []Value, n int) (Value, error) {
	for i := n; i < len(f.params); i++ {
		p := &f.params[i]
		if p.required {
			return nil, TypeErrorf("%s() missing 1 required positional argument: '%s'", f.Name, p.name)
		}
		out[i] = p.def
	}
	return f.run(t, out)
}

// bindNames fills in keyword arguments and defaults.
func (f *Func) bindNames(out []Value, filled int, kw []Kwarg) error {
	var set uint64 // bit i: parameter i was given by name
	var extra *Dict
	if f.starStar {
		extra = &Dict{}
		out[len(out)-1] = extra
	}
next:
	for _, k := range kw {
		for i := f.posOnly; i < len(f.params); i++ {
			if f.params[i].name != k.Name {
				continue
			}
			if i < filled || set>>i&1 != 0 {
				return TypeErrorf("%s() got multiple values for argument '%s'", f.Name, k.Name)
			}
			out[i] = k.Value
			set |= 1 << i
			continue next
		}
		if extra == nil {
			return TypeErrorf("%s() got an unexpected keyword argument '%s'", f.Name, k.Name)
		}
		extra.SetString(k.Name, k.Value)
	}
	for i := filled; i < len(f.params); i++ {
		p := &f.params[i]
		switch {
		case set>>i&1 != 0:
		case p.required:
			return TypeErrorf("%s() missing 1 required positional argument: '%s'", f.Name, p.name)
		default:
			out[i] = p.def
		}
	}
	return nil
}

// BoundMethod is a method together with the value it was taken from.
type BoundMethod struct {
	Self Value
	F    *Func
}

// PyType implements [Object].
func (m *BoundMethod) PyType() string { return "builtin_function_or_method" }

// PyRepr implements [Reprer].
func (m *BoundMethod) PyRepr(*Thread) (string, error) {
	if s, ok := m.Self.(Markup); ok {
		return "<bound method Markup." + m.F.Name + " of Markup(" + ReprString(string(s)) + ")>", nil
	}
	return "<built-in method " + m.F.Name + " of " + TypeName(m.Self) + " object at 0x7f0000000000>", nil
}

// PyCall implements [Caller].
func (m *BoundMethod) PyCall(t *Thread, a Args) (Value, error) { return m.F.CallWith(t, m.Self, a) }

// Call calls v.
func Call(t *Thread, v Value, a Args) (Value, error) {
	switch f := v.(type) {
	case Caller:
		return f.PyCall(t, a)
	case *Undefined:
		return nil, f.Err()
	}
	return nil, TypeErrorf("'%s' object is not callable", TypeName(v))
}

// Callable is Python's callable(v). An Undefined has a __call__, so it is.
func Callable(v Value) bool {
	switch v.(type) {
	case Caller, *Undefined:
		return true
	}
	return false
}

// Method returns the built-in method name of v's type.
func Method(v Value, name string) *Func {
	var table map[string]*Func
	switch v.(type) {
	case string:
		table = methods().str
	case *Dict:
		table = methods().dict
	case *List:
		table = methods().list
	case Markup:
		table = methods().markup
	case int, *big.Int, bool:
		table = methods().int
	case float64, complex128:
		table = methods().float
	case *Tuple, *Range:
		table = methods().tuple
	case Bytes:
		table = methods().bytes
	case *Set:
		table = methods().set
	case *DictView:
		table = methods().view
	}
	return table[name]
}

// Attr evaluates getattr(v, name); ok is false where Python raises AttributeError.
func Attr(t *Thread, v Value, name string) (x Value, ok bool, err error) {
	switch o := v.(type) {
	case *Undefined:
		if len(name) > 3 && strings.HasPrefix(name, "__") && strings.HasSuffix(name, "__") {
			return nil, false, nil
		}
		if o.Kind == Chainable {
			return o, true, nil
		}
		return nil, false, o.Err()
	case *Tuple:
		for i, n := range o.Names {
			if n == name {
				return o.Items[i], true, nil
			}
		}
	case *Range:
		switch name {
		case "start":
			return o.Start, true, nil
		case "stop":
			return o.Stop, true, nil
		case "step":
			return o.Step, true, nil
		}
	case *Func:
		if o.Type == "type" && o.Name == "dict" && name == "fromkeys" { // the class method in use
			return Attr(t, NewDict(0), name)
		}
	case Attrer:
		return o.PyAttr(t, name)
	}
	if f := Method(v, name); f != nil {
		return &BoundMethod{v, f}, true, nil
	}
	return numberAttr(v, name)
}

func numberAttr(v Value, name string) (Value, bool, error) {
	switch x := v.(type) {
	case int, *big.Int, bool:
		switch name {
		case "real", "numerator":
			p, err := Positive(x)
			return p, true, err
		case "imag":
			return 0, true, nil
		case "denominator":
			return 1, true, nil
		}
	case float64:
		switch name {
		case "real":
			return x, true, nil
		case "imag":
			return 0.0, true, nil
		}
	case complex128:
		switch name {
		case "real":
			return real(x), true, nil
		case "imag":
			return imag(x), true, nil
		}
	}
	return nil, false, nil
}
