package py

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Format is str.format: positional arguments args, named ones from kwargs (a
// dict or anything that can be subscripted). When escape is not nil each
// field goes through it, as Markup.format does.
func Format(t *Thread, format string, args []Value, kwargs Value, escape func(v Value, spec string) (string, error)) (Value, error) {
	return (&formatter{t: t, args: args, kwargs: kwargs, escape: escape}).format(format)
}

type formatter struct {
	t      *Thread
	args   []Value
	kwargs Value
	escape func(v Value, spec string) (string, error)
	auto   int // next automatic field number
	manual bool
	named  bool // no positional fields
}

func (f *formatter) format(s string) (Value, error) {
	text, err := f.run(s, 2)
	if err != nil {
		return nil, err
	}
	return text, nil
}

func (f *formatter) run(s string, depth int) (string, error) {
	if depth < 0 {
		return "", ValueErrorf("Max string recursion exceeded")
	}
	var b strings.Builder
	for s != "" {
		i := strings.IndexAny(s, "{}")
		if i < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:i])
		if i+1 < len(s) && s[i+1] == s[i] {
			b.WriteByte(s[i])
			s = s[i+2:]
			continue
		}
		if s[i] == '}' {
			return "", ValueErrorf("Single '}' encountered in format string")
		}
		if i+1 == len(s) {
			return "", ValueErrorf("Single '{' encountered in format string")
		}
		field, rest, err := cutField(s[i+1:])
		if err != nil {
			return "", err
		}
		text, err := f.field(field, depth)
		if err != nil {
			return "", err
		}
		b.WriteString(text)
		if err := f.t.Grow(b.Len()); err != nil {
			return "", err
		}
		s = rest
	}
	return b.String(), f.t.Alloc(b.Len())
}

// cutField splits s after the closing brace of a replacement field.
func cutField(s string) (field, rest string, err error) {
	depth := 1
	bracket := false
	for i := range len(s) {
		switch {
		case bracket:
			bracket = s[i] != ']'
		case s[i] == '[' && depth == 1 && !strings.ContainsAny(s[:i], ":!"):
			bracket = true
		case s[i] == '{':
			depth++
		case s[i] == '}':
			if depth--; depth == 0 {
				return s[:i], s[i+1:], nil
			}
		}
	}
	return "", "", ValueErrorf("expected '}' before end of string")
}

func (f *formatter) field(field string, depth int) (string, error) {
	conv, spec := "", ""
	end := len(field)
	bracket := false
scan:
	for i := range len(field) {
		switch c := field[i]; {
		case bracket:
			bracket = c != ']'
		case c == '[':
			bracket = true
		case c == ':' || c == '!':
			end = i
			break scan
		case c == '{':
			return "", ValueErrorf("unexpected '{' in field name")
		}
	}
	name := field[:end]
	if end < len(field) {
		rest := field[end:]
		if rest[0] == '!' {
			r, n := utf8.DecodeRuneInString(rest[1:])
			if n == 0 {
				return "", ValueErrorf("end of string while looking for conversion specifier")
			}
			conv = string(r)
			rest = rest[1+n:]
			if rest != "" && rest[0] != ':' {
				return "", ValueErrorf("expected ':' after conversion specifier")
			}
		}
		spec = strings.TrimPrefix(rest, ":")
	}
	v, err := f.lookup(name)
	if err != nil {
		return "", err
	}
	switch conv {
	case "":
	case "s":
		v, err = Str(f.t, v)
	case "r":
		v, err = Repr(f.t, v)
	case "a":
		var s string
		s, err = Repr(f.t, v)
		v = asciiOnly(s)
	default:
		err = ValueErrorf("Unknown conversion specifier '%s'", conv)
	}
	if err != nil {
		return "", err
	}
	if strings.ContainsAny(spec, "{}") {
		if spec, err = f.run(spec, depth-1); err != nil {
			return "", err
		}
	}
	if f.escape != nil {
		return f.escape(v, spec)
	}
	return FormatValue(f.t, v, spec)
}

// lookup resolves a field name: "", "0", "name", with .attr and [key] parts.
func (f *formatter) lookup(name string) (Value, error) {
	end := strings.IndexAny(name, ".[")
	if end < 0 {
		end = len(name)
	}
	first, rest := name[:end], name[end:]
	v, err := f.first(first)
	if err != nil {
		return nil, err
	}
	for rest != "" {
		if rest[0] == '.' {
			end := strings.IndexAny(rest[1:], ".[") + 1
			if end == 0 {
				end = len(rest)
			}
			attr := rest[1:end]
			if attr == "" {
				return nil, ValueErrorf("Empty attribute in format string")
			}
			x, ok, err := Attr(f.t, v, attr)
			if err != nil {
				return nil, err
			}
			if !ok {
				return nil, Errorf("AttributeError", "'%s' object has no attribute '%s'", TypeName(v), attr)
			}
			v, rest = x, rest[end:]
			continue
		}
		if rest[0] != '[' {
			return nil, ValueErrorf("Only '.' or '[' may follow ']' in format field specifier")
		}
		end := strings.IndexByte(rest, ']')
		if end < 0 {
			return nil, ValueErrorf("Missing ']' in format string")
		}
		key := rest[1:end]
		if key == "" {
			return nil, ValueErrorf("Empty attribute in format string")
		}
		var k Value = key
		if i, ok, err := fieldNumber(key); err != nil {
			return nil, err
		} else if ok {
			k = i
		}
		if v, err = Item(f.t, v, k); err != nil {
			return nil, err
		}
		rest = rest[end+1:]
	}
	return v, nil
}

func (f *formatter) first(name string) (Value, error) {
	i, numbered, err := fieldNumber(name)
	if err != nil {
		return nil, err
	}
	if f.named && (numbered || name == "") {
		return nil, ValueErrorf("Format string contains positional fields")
	}
	if name == "" {
		if f.manual {
			return nil, ValueErrorf("cannot switch from manual field specification to automatic field numbering")
		}
		i = f.auto
		f.auto++
	} else if numbered {
		if f.auto > 0 {
			return nil, ValueErrorf("cannot switch from automatic field numbering to manual field specification")
		}
		f.manual = true
	} else {
		d, ok := f.kwargs.(*Dict)
		if ok {
			v, ok := d.GetString(name)
			if !ok {
				return nil, keyError(f.t, name)
			}
			return v, nil
		}
		return Item(f.t, f.kwargs, name)
	}
	if i >= len(f.args) {
		return nil, Errorf("IndexError", "Replacement index %d out of range for positional args tuple", i)
	}
	return f.args[i], nil
}

// fieldNumber reads a number that names an argument or an index.
func fieldNumber(s string) (n int, ok bool, err error) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false, nil
	}
	if n, err = strconv.Atoi(s); err != nil {
		return 0, false, ValueErrorf("Too many decimal digits in format string")
	}
	return n, true, nil
}
