package py

import (
	"fmt"
	"math/big"
	"strings"
	"unicode/utf8"
)

// JSONOptions are the arguments of json.dumps that templates can reach.
type JSONOptions struct {
	SortKeys bool
	Indent   Value // None, a number of spaces or a str
}

// JSON is json.dumps(v): ASCII only, ", " and ": " as separators.
func JSON(t *Thread, v Value, o JSONOptions) (string, error) {
	w := &jsonWriter{t: t, sort: o.SortKeys}
	switch ind := o.Indent.(type) {
	case nil:
	case string:
		w.indent, w.pretty = ind, true
	case Markup:
		w.indent, w.pretty = string(ind), true
	default:
		n, err := WantInt(ind)
		if err != nil {
			return "", TypeErrorf("can't multiply sequence by non-int of type '%s'", TypeName(ind))
		}
		if err := t.Grow(n); n > 0 && err != nil {
			return "", err
		}
		w.indent, w.pretty = strings.Repeat(" ", max(n, 0)), true
	}
	if err := w.value(v); err != nil {
		return "", err
	}
	return w.b.String(), t.Alloc(w.b.Len())
}

type jsonWriter struct {
	t      *Thread
	b      strings.Builder
	sort   bool
	pretty bool
	indent string
	open   []Value
}

func (w *jsonWriter) value(v Value) error {
	if err := w.t.Step(1); err != nil {
		return err
	}
	switch v := v.(type) {
	case nil:
		w.b.WriteString("null")
	case bool:
		if v {
			w.b.WriteString("true")
		} else {
			w.b.WriteString("false")
		}
	case int, float64, *big.Int:
		s, err := jsonNumber(v)
		if err != nil {
			return err
		}
		w.b.WriteString(s)
	case string:
		writeJSONString(&w.b, v)
	case Markup:
		writeJSONString(&w.b, string(v))
	case *List:
		return w.list(v, v.Items())
	case *Tuple:
		return w.list(v, v.Items)
	case *Dict:
		return w.dict(v)
	default:
		return TypeErrorf("Object of type %s is not JSON serializable", TypeName(v))
	}
	return w.t.Grow(w.b.Len())
}

func jsonNumber(v Value) (string, error) {
	s, err := Repr(nil, v)
	switch s {
	case "nan":
		s = "NaN"
	case "inf":
		s = "Infinity"
	case "-inf":
		s = "-Infinity"
	}
	return s, err
}

func (w *jsonWriter) enter(v Value) error {
	for _, o := range w.open {
		if o == v {
			return ValueErrorf("Circular reference detected")
		}
	}
	if len(w.open) > maxNesting {
		return errRecursion
	}
	w.open = append(w.open, v)
	return nil
}

func (w *jsonWriter) newline() {
	if w.pretty {
		w.b.WriteByte('\n')
		for range w.open {
			w.b.WriteString(w.indent)
		}
	}
}

func (w *jsonWriter) separator(first bool) {
	if !first {
		w.b.WriteByte(',')
		if !w.pretty {
			w.b.WriteByte(' ')
		}
	}
	w.newline()
}

func (w *jsonWriter) leave(end byte) error {
	w.open = w.open[:len(w.open)-1]
	w.newline()
	w.b.WriteByte(end)
	return w.t.Grow(w.b.Len())
}

func (w *jsonWriter) list(v Value, items []Value) error {
	if len(items) == 0 {
		w.b.WriteString("[]")
		return nil
	}
	if err := w.enter(v); err != nil {
		return err
	}
	w.b.WriteByte('[')
	for i, item := range items {
		w.separator(i == 0)
		if err := w.value(item); err != nil {
			return err
		}
	}
	return w.leave(']')
}

func (w *jsonWriter) dict(d *Dict) error {
	if d.Len() == 0 {
		w.b.WriteString("{}")
		return nil
	}
	if err := w.enter(d); err != nil {
		return err
	}
	entries := d.Entries()
	if w.sort {
		keys := make([]Value, len(entries))
		for i, e := range entries {
			keys[i] = NewTuple(e.Key, i)
		}
		sorted, err := Sorted(w.t, keys, func(k Value) (Value, error) { return k.(*Tuple).Items[0], nil }, false)
		if err != nil {
			return err
		}
		ordered := make([]Entry, len(entries))
		for i, k := range sorted {
			ordered[i] = entries[k.(*Tuple).Items[1].(int)]
		}
		entries = ordered
	}
	w.b.WriteByte('{')
	for i, e := range entries {
		w.separator(i == 0)
		key, err := jsonKey(e.Key)
		if err != nil {
			return err
		}
		writeJSONString(&w.b, key)
		w.b.WriteString(": ")
		if err := w.value(e.Value); err != nil {
			return err
		}
	}
	return w.leave('}')
}

func jsonKey(k Value) (string, error) {
	switch k := k.(type) {
	case string:
		return k, nil
	case Markup:
		return string(k), nil
	case nil:
		return "null", nil
	case bool:
		if k {
			return "true", nil
		}
		return "false", nil
	case int, float64, *big.Int:
		return jsonNumber(k)
	}
	return "", TypeErrorf("keys must be str, int, float, bool or None, not %s", TypeName(k))
}

func writeJSONString(b *strings.Builder, s string) {
	b.WriteByte('"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < 0x7f && c != '"' && c != '\\' {
			i++
			continue
		}
		b.WriteString(s[start:i])
		r, n := utf8.DecodeRuneInString(s[i:])
		switch r {
		case '"', '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case '\n':
			b.WriteString(`\n`)
		case '\r':
			b.WriteString(`\r`)
		case '\t':
			b.WriteString(`\t`)
		case '\b':
			b.WriteString(`\b`)
		case '\f':
			b.WriteString(`\f`)
		default:
			if r >= 0x10000 {
				r -= 0x10000
				fmt.Fprintf(b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
			} else {
				fmt.Fprintf(b, `\u%04x`, r)
			}
		}
		i += n
		start = i
	}
	b.WriteString(s[start:])
	b.WriteByte('"')
}
