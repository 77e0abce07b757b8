package py

import (
	"strings"
	"unicode/utf8"
)

// translate is str.translate.
func translate(t *Thread, a []Value) (Value, error) {
	s, _ := IsString(a[0])
	var b strings.Builder
	for _, r := range s {
		v, err := Item(t, a[1], int(r))
		if err != nil {
			if !IsLookup(err) {
				return nil, err
			}
			v = int(r)
		}
		switch v := v.(type) {
		case nil:
		case int:
			if v < 0 || v > utf8.MaxRune {
				return nil, ValueErrorf("character mapping must be in range(0x110000)")
			}
			b.WriteRune(rune(v))
		case string:
			b.WriteString(v)
		default:
			return nil, TypeErrorf("character mapping must return integer, None or str")
		}
		if err := t.Grow(b.Len()); err != nil {
			return nil, err
		}
	}
	return b.String(), nil
}

// makeTrans is str.maketrans: a dict by character, or strings of what is
// replaced, by what, and what is removed.
func makeTrans(x Value, yz []Value) (Value, error) {
	table := NewDict(0)
	if len(yz) == 0 {
		d, ok := x.(*Dict)
		if !ok {
			return nil, TypeErrorf("if you give only one argument to maketrans it must be a dict")
		}
		for _, e := range d.Entries() {
			key := e.Key
			if s, ok := IsString(key); ok {
				if utf8.RuneCountInString(s) != 1 {
					return nil, ValueErrorf("string keys in translate table must be of length 1")
				}
				r, _ := utf8.DecodeRuneInString(s)
				key = int(r)
			} else if !isIndex(key) {
				return nil, TypeErrorf("keys in translate table must be strings or integers")
			}
			if err := table.Set(key, e.Value); err != nil {
				return nil, err
			}
		}
		return table, nil
	}
	if len(yz) > 2 {
		return nil, TypeErrorf("maketrans expected at most 3 arguments, got %d", len(yz)+1)
	}
	var texts [3][]rune
	for i, v := range append([]Value{x}, yz...) {
		s, err := wantStr(v, "maketrans() argument")
		if err != nil {
			return nil, err
		}
		texts[i] = []rune(s)
	}
	if len(texts[0]) != len(texts[1]) {
		return nil, ValueErrorf("the first two maketrans arguments must have equal length")
	}
	for i, r := range texts[0] {
		if err := table.Set(int(r), int(texts[1][i])); err != nil {
			return nil, err
		}
	}
	for _, r := range texts[2] {
		if err := table.Set(int(r), nil); err != nil {
			return nil, err
		}
	}
	return table, nil
}
