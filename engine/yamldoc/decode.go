package yamldoc

import (
	"encoding"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
)

// decode checks the document against out's type and fills out if there is no problem and commit is set.
func (d Document) decode(out any, commit bool) []*Error {
	v := reflect.ValueOf(out)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		panic(fmt.Sprintf("yamldoc: decoding into %T, which is no pointer to a value", out))
	}
	if d.root == nil {
		return nil
	}
	scratch := reflect.New(v.Type().Elem())
	scratch.Elem().Set(v.Elem())
	dec := decoder{file: d.file}
	dec.value(d.root, scratch.Elem(), "")
	if commit && len(dec.problems) == 0 {
		v.Elem().Set(scratch.Elem())
	}
	return dec.problems
}

type decoder struct {
	file     string
	problems []*Error
}

func (d *decoder) problem(n *node, path, format string, args ...any) {
	d.problems = append(d.problems, &Error{File: d.file, Line: n.line, Path: path, Msg: fmt.Sprintf(format, args...)})
}

// mismatch reports a value of the wrong type.
func (d *decoder) mismatch(n *node, path, expected string) {
	d.problem(n, path, "found %s, expected %s", n.describe(), expected)
}

var (
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	jsonNumber      = reflect.TypeFor[json.Number]()
)

// value decodes n into v, which is settable.
func (d *decoder) value(n *node, v reflect.Value, path string) {
	isNull := n.kind == scalar && n.value == nil
	if v.Kind() == reflect.Pointer {
		if isNull {
			v.SetZero()
			return
		}
		p := reflect.New(v.Type().Elem())
		d.value(n, p.Elem(), path)
		v.Set(p)
		return
	}
	switch p := reflect.PointerTo(v.Type()); {
	case p.Implements(jsonUnmarshaler):
		d.json(n, v, path)
	case isNull:
		if v.Kind() == reflect.Map || v.Kind() == reflect.Slice || v.Kind() == reflect.Interface {
			v.SetZero()
		}
	case p.Implements(textUnmarshaler):
		d.text(n, v, path)
	case v.Type() == jsonNumber:
		d.number(n, v, path)
	default:
		d.kind(n, v, path)
	}
}

func (d *decoder) kind(n *node, v reflect.Value, path string) {
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, v, path)
	case reflect.Map:
		d.mapping(n, v, path)
	case reflect.Slice:
		d.list(n, v, path)
	case reflect.Interface:
		if v.NumMethod() > 0 {
			panic(fmt.Sprintf("yamldoc: cannot decode into %s", v.Type()))
		}
		v.Set(reflect.ValueOf(n.generic()))
	case reflect.String:
		s, ok := n.value.(string)
		if !ok && n.kind == scalar {
			s, ok = n.plainText()
		}
		switch {
		case ok && n.kind == scalar:
			v.SetString(s)
		case n.kind == scalar:
			d.mismatch(n, path, "text: put it in quotes")
		default:
			d.mismatch(n, path, "text")
		}
	case reflect.Bool:
		b, ok := n.value.(bool)
		if !ok {
			d.mismatch(n, path, "true or false")
			return
		}
		v.SetBool(b)
	default:
		d.number(n, v, path)
	}
}

// plainText is a number or a boolean as text, where it is written as every reader of YAML would write it: with 1.10, 0x1F or yes
// one cannot know which text is meant.
func (n *node) plainText() (string, bool) {
	var text string
	switch x := n.value.(type) {
	case int64:
		text = strconv.FormatInt(x, 10)
	case uint64:
		text = strconv.FormatUint(x, 10)
	case float64:
		text = strconv.FormatFloat(x, 'g', -1, 64)
	case bool:
		text = strconv.FormatBool(x)
	}
	return text, text != "" && text == n.text
}

func (d *decoder) structure(n *node, v reflect.Value, path string) {
	if text, ok := n.value.(string); ok && n.kind == scalar {
		if s, ok := v.Addr().Interface().(Shorthand); ok {
			d.shorthand(n, s, text, path)
			return
		}
	}
	if n.kind != mapping {
		d.mismatch(n, path, "a map")
		return
	}
	before := len(d.problems)
	fields := fieldsOf(v.Type())
	for _, e := range n.entries {
		f, ok := fields.byName[e.key]
		if !ok {
			d.problems = append(d.problems, &Error{File: d.file, Line: e.line, Path: path, Msg: unknownKey(e.key, fields.names, v)})
			continue
		}
		d.value(e.node, fieldByIndex(v, f), fieldPath(path, e.key))
	}
	if checker, ok := v.Addr().Interface().(Checker); ok && len(d.problems) == before {
		checker.Check(func(key, format string, args ...any) { d.fail(n, path, key, fmt.Sprintf(format, args...)) })
	}
}

// shorthand decodes a struct that is written as a text. What its Check finds is told at the text, which has no keys.
func (d *decoder) shorthand(n *node, s Shorthand, text, path string) {
	if err := s.UnmarshalShorthand(text); err != nil {
		d.problem(n, path, "%v", err)
		return
	}
	if checker, ok := s.(Checker); ok {
		checker.Check(func(_, format string, args ...any) { d.problem(n, path, format, args...) })
	}
}

// fail reports what a Checker found at a key of a mapping, or at the mapping where the key is not there.
func (d *decoder) fail(n *node, path, key, msg string) {
	e := &Error{File: d.file, Line: n.line, Path: path, Msg: msg}
	for _, step := range steps(key) {
		e.Path = n.childPath(e.Path, step)
		child, line := n.child(step)
		if child != nil {
			e.Line = line
		}
		n = child
	}
	d.problems = append(d.problems, e)
}

// steps are the keys and indexes of a path such as deleteObjects[1].name.
func steps(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
}

// fieldByIndex is v.FieldByIndex, which also makes the embedded pointers on the way.
func fieldByIndex(v reflect.Value, index []int) reflect.Value {
	for i, x := range index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	return v
}

func (d *decoder) mapping(n *node, v reflect.Value, path string) {
	if n.kind != mapping {
		d.mismatch(n, path, "a map")
		return
	}
	t := v.Type()
	if t.Key().Kind() != reflect.String {
		panic(fmt.Sprintf("yamldoc: cannot decode into %s: its keys are not text", t))
	}
	m := reflect.MakeMapWithSize(t, len(n.entries))
	for _, e := range n.entries {
		elem := reflect.New(t.Elem()).Elem()
		d.value(e.node, elem, fieldPath(path, e.key))
		m.SetMapIndex(reflect.ValueOf(e.key).Convert(t.Key()), elem)
	}
	v.Set(m)
}

func (d *decoder) list(n *node, v reflect.Value, path string) {
	if n.kind != sequence {
		d.mismatch(n, path, "a list")
		return
	}
	s := reflect.MakeSlice(v.Type(), len(n.items), len(n.items))
	for i, item := range n.items {
		at := fmt.Sprintf("%s[%d]", path, i)
		// An item with nothing behind its dash is no item that is left out: it is one that is not finished.
		if want := v.Type().Elem().Kind(); item.kind == scalar && item.value == nil && (want == reflect.Struct || want == reflect.String) {
			d.mismatch(item, at, map[bool]string{true: "a map", false: "text"}[want == reflect.Struct])
			continue
		}
		d.value(item, s.Index(i), at)
	}
	v.Set(s)
}

func (d *decoder) number(n *node, v reflect.Value, path string) {
	if v.Type() == jsonNumber {
		if !n.isNumber() {
			d.mismatch(n, path, "a number")
			return
		}
		v.SetString(string(n.appendNumber(nil)))
		return
	}
	switch {
	case v.CanInt():
		d.whole(n, path, v.Type().Bits(), func(i int64) bool { v.SetInt(i); return !v.OverflowInt(i) })
	case v.CanUint():
		if u, ok := n.value.(uint64); ok && !v.OverflowUint(u) {
			v.SetUint(u)
			return
		}
		d.whole(n, path, v.Type().Bits(), func(i int64) bool {
			v.SetUint(uint64(i))
			return i >= 0 && !v.OverflowUint(uint64(i))
		})
	case v.CanFloat():
		switch x := n.value.(type) {
		case int64:
			v.SetFloat(float64(x))
		case uint64:
			v.SetFloat(float64(x))
		case float64:
			v.SetFloat(x)
		default:
			d.mismatch(n, path, "a number")
		}
	default:
		panic(fmt.Sprintf("yamldoc: cannot decode into %s", v.Type()))
	}
}

// whole hands an integer to set, which says whether it fits. 2.0 counts as one.
func (d *decoder) whole(n *node, path string, bits int, set func(int64) bool) {
	var i int64
	switch x := n.value.(type) {
	case int64:
		i = x
	case float64:
		if x != math.Trunc(x) || math.Abs(x) >= 1<<63 {
			d.mismatch(n, path, "a whole number")
			return
		}
		i = int64(x)
	case uint64:
		d.mismatch(n, path, "a whole number of at most "+strconv.Itoa(bits)+" bits")
		return
	default:
		d.mismatch(n, path, "a whole number")
		return
	}
	if !set(i) {
		d.mismatch(n, path, "a whole number that fits (too large or too small)")
	}
}

// json lets a type decode itself.
func (d *decoder) json(n *node, v reflect.Value, path string) {
	if err := v.Addr().Interface().(json.Unmarshaler).UnmarshalJSON(n.appendJSON(nil)); err != nil {
		d.problem(n, path, "%v", err)
	}
}

func (d *decoder) text(n *node, v reflect.Value, path string) {
	s, ok := n.value.(string)
	if !ok {
		d.mismatch(n, path, "text: put it in quotes")
		return
	}
	if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s)); err != nil {
		d.problem(n, path, "%v", err)
	}
}
