package py

import (
	"maps"
	"strings"
)

// markupMethods are str's, with the differences of markupsafe.Markup: results
// are Markup again, and text put in is escaped first.
func markupMethods(str map[string]*Func) map[string]*Func {
	m := table(maps.Clone(str))
	keep := []string{"capitalize", "title", "lower", "upper", "swapcase", "casefold", "strip", "lstrip", "rstrip",
		"expandtabs", "zfill", "removeprefix", "removesuffix", "translate", "split", "rsplit", "splitlines", "partition", "rpartition"}
	for _, name := range keep {
		f := *str[name]
		inner := f.fn
		f.fn = func(t *Thread, a []Value) (Value, error) {
			v, err := inner(t, a)
			return remark(v), err
		}
		m[name] = &f
	}
	escapeArg := func(name string, arg int) {
		f := *str[name]
		inner := f.fn
		f.fn = func(t *Thread, a []Value) (Value, error) {
			esc, err := EscapeValue(t, a[arg])
			if err != nil {
				return nil, err
			}
			a[arg] = esc
			v, err := inner(t, a)
			return remark(v), err
		}
		m[name] = &f
	}
	escapeArg("replace", 2)
	escapeArg("ljust", 2)
	escapeArg("rjust", 2)
	escapeArg("center", 2)
	m.add("join", "self, iterable, /", func(t *Thread, a []Value) (Value, error) {
		items, err := Slice(t, a[1])
		if err != nil {
			return nil, err
		}
		parts := make([]Value, len(items))
		for i, item := range items {
			m, err := EscapeValue(t, item)
			if err != nil {
				return nil, err
			}
			parts[i] = string(m)
		}
		sep, _ := IsString(a[0])
		v, err := joinStrings(t, sep, NewList(parts...))
		return remark(v), err
	})
	m.add("format", "self, /, *args, **kwargs", func(t *Thread, a []Value) (Value, error) {
		text, _ := IsString(a[0])
		v, err := Format(t, text, a[1].(*Tuple).Items, a[2], markupField(t))
		return remark(v), err
	})
	m.add("format_map", "self, mapping, /", func(t *Thread, a []Value) (Value, error) {
		text, _ := IsString(a[0])
		v, err := Format(t, text, nil, a[1], markupField(t))
		return remark(v), err
	})
	m.add("unescape", "self, /", func(t *Thread, a []Value) (Value, error) {
		return Unescape(string(a[0].(Markup))), nil
	})
	m.add("striptags", "self, /", func(t *Thread, a []Value) (Value, error) {
		return StripTags(string(a[0].(Markup))), nil
	})
	m.add("escape", "self, s, /", func(t *Thread, a []Value) (Value, error) {
		v, err := EscapeValue(t, a[1])
		return v, err
	})
	return m
}

// markupField formats and escapes one field of Markup.format.
func markupField(t *Thread) func(v Value, spec string) (string, error) {
	return func(v Value, spec string) (string, error) {
		if m, ok := v.(Markup); ok {
			if spec != "" {
				return "", ValueErrorf("Unsupported format specification for Markup.")
			}
			return string(m), nil
		}
		if HasHTML(v) {
			if spec != "" {
				return "", ValueErrorf("Format specifier %s given, but %s does not define __html_format__", spec, TypeName(v))
			}
			m, err := EscapeValue(t, v)
			return string(m), err
		}
		s, err := FormatValue(t, v, spec)
		return string(Escape(s)), err
	}
}

func remark(v Value) Value {
	switch v := v.(type) {
	case string:
		return Markup(v)
	case *List:
		for i, item := range v.items {
			v.items[i] = remark(item)
		}
	case *Tuple:
		for i, item := range v.Items {
			v.Items[i] = remark(item)
		}
	}
	return v
}

// StripTags is Markup.striptags: comments and tags removed, white space
// collapsed, entities resolved.
func StripTags(s string) string {
	s = cutBetween(s, "<!--", "-->")
	s = cutBetween(s, "<", ">")
	return Unescape(strings.Join(Fields(s, -1), " "))
}

// cutBetween removes everything from each open to the next end, searching
// from the start again after each cut, as markupsafe does: what was kept and
// what follows may together make a new opening.
func cutBetween(s, open, end string) string {
	var kept []byte
	for {
		from := max(len(kept)-len(open)+1, 0) // of what could begin a new opening
		seam := string(kept[from:]) + s[:min(len(open)+len(end), len(s))]
		tail := len(kept) - from
		i := strings.Index(seam, open)
		if i < 0 || i >= tail {
			i = strings.Index(s, open)
			if i < 0 {
				break
			}
			j := strings.Index(s[i:], end)
			if j < 0 {
				break
			}
			kept = append(kept, s[:i]...)
			s = s[i+j+len(end):]
			continue
		}
		if j := strings.Index(seam[i:], end); j >= 0 {
			s = s[i+j+len(end)-tail:]
		} else if j := strings.Index(s, end); j >= 0 {
			s = s[j+len(end):]
		} else {
			break
		}
		kept = kept[:from+i]
	}
	return string(kept) + s
}
