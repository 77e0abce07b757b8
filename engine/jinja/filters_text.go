package jinja

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/weighlock/weighlock/engine/jinja/py"
)

func textFilters(r registry) {
	for _, name := range []string{"upper", "lower", "capitalize"} {
		r.add(name, "s", func(t *py.Thread, a []py.Value) (py.Value, error) {
			if s, ok := a[0].(string); ok {
				switch name {
				case "upper":
					return py.Upper(s), nil
				case "lower":
					return py.Lower(s), nil
				}
			}
			return method(t, a[0], name)
		})
	}
	r.add("title", "s", title)
	r.add("center", "value, width=80", func(t *py.Thread, a []py.Value) (py.Value, error) {
		return method(t, a[0], "center", a[1])
	})
	r.add("trim", "value, chars=None", func(t *py.Thread, a []py.Value) (py.Value, error) {
		if s, ok := a[0].(string); ok {
			return py.Strip(s, a[1], true, true)
		}
		return method(t, a[0], "strip", a[1])
	})
	r.add("string", "object, /", func(t *py.Thread, a []py.Value) (py.Value, error) { return py.SoftStr(t, a[0]) })
	r.add("replace", "s, old, new, count=None", replace)
	r.add("format", "value, /, *args, **kwargs", format)
	r.add("indent", "s, width=4, first=False, blank=False", indent)
	r.add("truncate", "s, length=255, killwords=False, end='...', leeway=None", truncate)
	r.add("wordcount", "s", func(t *py.Thread, a []py.Value) (py.Value, error) {
		s, err := softText(t, a[0])
		return len(words(s)), err
	})
	r.add("default", "value, default_value='', boolean=False", func(t *py.Thread, a []py.Value) (py.Value, error) {
		if _, ok := a[0].(*py.Undefined); ok {
			return a[1], nil
		}
		if on, err := py.Truth(t, a[2]); err != nil {
			return nil, err
		} else if on {
			if full, err := py.Truth(t, a[0]); err != nil || !full {
				return a[1], err
			}
		}
		return a[0], nil
	})
	r.alias("d", "default")
	r.add("pprint", "value", func(t *py.Thread, a []py.Value) (py.Value, error) { return py.PPrint(t, a[0]) })
}

// isWord reports whether r matches \w.
func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) }

func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return !isWord(r) })
}

// title upper-cases the first character after white space, - ( { [ or <.
func title(t *py.Thread, a []py.Value) (py.Value, error) {
	s, err := softText(t, a[0])
	if err != nil {
		return nil, err
	}
	sep := func(r rune) bool { return pySpace(r) || strings.ContainsRune("-({[<", r) }
	var b strings.Builder
	for s != "" {
		i := strings.IndexFunc(s, sep)
		if i < 0 {
			i = len(s)
		}
		if i > 0 {
			_, n := utf8.DecodeRuneInString(s)
			b.WriteString(py.Upper(s[:n]))
			b.WriteString(py.Lower(s[n:i]))
			s = s[i:]
			continue
		}
		i = strings.IndexFunc(s, func(r rune) bool { return !sep(r) })
		if i < 0 {
			i = len(s)
		}
		b.WriteString(s[:i])
		s = s[i:]
	}
	return b.String(), nil
}

func replace(t *py.Thread, a []py.Value) (py.Value, error) {
	count := a[3]
	if count == nil {
		count = -1
	}
	if !stateOf(t).autoescape() {
		var parts [3]py.Value
		for i := range parts {
			s, err := py.Str(t, a[i])
			if err != nil {
				return nil, err
			}
			parts[i] = s
		}
		return method(t, parts[0], "replace", parts[1], parts[2], count)
	}
	s := a[0]
	var err error
	if py.HasHTML(a[1]) || py.HasHTML(a[2]) && !py.HasHTML(s) {
		var m py.Markup
		m, err = py.EscapeValue(t, s)
		s = m
	} else {
		s, err = py.SoftStr(t, s)
	}
	if err != nil {
		return nil, err
	}
	old, err := py.SoftStr(t, a[1])
	if err != nil {
		return nil, err
	}
	repl, err := py.SoftStr(t, a[2])
	if err != nil {
		return nil, err
	}
	return method(t, s, "replace", old, repl, count)
}

func format(t *py.Thread, a []py.Value) (py.Value, error) {
	args, kwargs := a[1].(*py.Tuple), a[2].(*py.Dict)
	if len(args.Items) > 0 && kwargs.Len() > 0 {
		return nil, py.Errorf(kindArgument, "can't handle positional and keyword arguments at the same time")
	}
	s, err := py.SoftStr(t, a[0])
	if err != nil {
		return nil, err
	}
	if kwargs.Len() > 0 {
		return py.Binary(t, py.Mod, s, kwargs)
	}
	return py.Binary(t, py.Mod, s, args)
}

func indent(t *py.Thread, a []py.Value) (py.Value, error) {
	s, ok := py.IsString(a[0])
	if !ok { // the filter begins with s += newline
		if l, isList := a[0].(*py.List); isList {
			l.Append("\n")
			return nil, py.Errorf("AttributeError", "'list' object has no attribute 'splitlines'")
		}
		_, err := py.Binary(t, py.Add, a[0], "\n")
		if err == nil {
			err = py.Errorf("AttributeError", "'%s' object has no attribute 'splitlines'", py.TypeName(a[0]))
		}
		return nil, err
	}
	_, safe := a[0].(py.Markup)
	pad, isStr := py.IsString(a[1])
	if _, marked := a[1].(py.Markup); isStr && safe && !marked {
		pad = string(py.Markup(pad)) // Markup(width) marks, it does not escape
	}
	if !isStr {
		v, err := py.Binary(t, py.Mul, " ", a[1])
		if err != nil {
			return nil, err
		}
		pad = v.(string)
	}
	blank, err := py.Truth(t, a[3])
	if err != nil {
		return nil, err
	}
	first, err := py.Truth(t, a[2])
	if err != nil {
		return nil, err
	}
	lines := py.SplitLines(s+"\n", false)
	if err := t.Step(len(lines)); err != nil {
		return nil, err
	}
	if err := t.Alloc(len(s) + len(pad)*len(lines)); err != nil {
		return nil, err
	}
	var b strings.Builder
	b.Grow(len(s) + len(pad)*len(lines))
	if first {
		b.WriteString(pad)
	}
	for i, line := range lines {
		if i > 0 {
			b.WriteByte('\n')
			if blank || line != "" {
				b.WriteString(pad)
			}
		}
		b.WriteString(line)
	}
	if safe {
		return py.Markup(b.String()), nil
	}
	return b.String(), nil
}

func truncate(t *py.Thread, a []py.Value) (py.Value, error) {
	leeway := a[4]
	if leeway == nil {
		leeway = 5
	}
	length := a[1]
	endLen, err := py.Len(t, a[3])
	if err != nil {
		return nil, err
	}
	if ok, err := py.Compare(t, ">=", length, endLen); err != nil {
		return nil, err
	} else if !ok {
		return nil, assertion(t, "expected length >= %d, got ", endLen, length)
	}
	if ok, err := py.Compare(t, ">=", leeway, 0); err != nil {
		return nil, err
	} else if !ok {
		return nil, assertion(t, "expected leeway >= %d, got ", 0, leeway)
	}
	n, err := py.Len(t, a[0])
	if err != nil {
		return nil, err
	}
	limit, err := py.Binary(t, py.Add, length, leeway)
	if err != nil {
		return nil, err
	}
	if fits, err := py.Compare(t, "<=", n, limit); err != nil || fits {
		return a[0], err
	}
	kill, err := py.Truth(t, a[2])
	if err != nil {
		return nil, err
	}
	stop, err := py.Binary(t, py.Sub, length, endLen)
	if err != nil {
		return nil, err
	}
	cut, err := py.SliceOf(t, a[0], nil, stop, nil)
	if err != nil {
		return nil, err
	}
	if !kill {
		split := py.Method(cut, "rsplit")
		if split == nil {
			return nil, py.Errorf("AttributeError", "'%s' object has no attribute 'rsplit'", py.TypeName(cut))
		}
		parts, err := split.CallWith(t, cut, py.Args{Pos: []py.Value{" ", 1}})
		if err != nil {
			return nil, err
		}
		cut = parts.(*py.List).Items()[0]
	}
	return py.Binary(t, py.Add, cut, a[3])
}

func assertion(t *py.Thread, msg string, want int, got py.Value) error {
	s, err := py.Str(t, got)
	if err != nil {
		return err
	}
	return py.Errorf("AssertionError", msg+"%s", want, s)
}
