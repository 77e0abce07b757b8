package py

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

func strMethods() map[string]*Func {
	m := table{}
	caseMethods(m)
	testMethods(m)
	splitMethods(m)
	searchMethods(m)
	padMethods(m)
	stripMethods(m)
	m.add("join", "self, iterable, /", func(t *Thread, a []Value) (Value, error) {
		sep, _ := IsString(a[0])
		return joinStrings(t, sep, a[1])
	})
	m.add("format", "self, /, *args, **kwargs", func(t *Thread, a []Value) (Value, error) {
		s, _ := IsString(a[0])
		return Format(t, s, a[1].(*Tuple).Items, a[2], nil)
	})
	m.add("format_map", "self, mapping, /", func(t *Thread, a []Value) (Value, error) {
		s, _ := IsString(a[0])
		return (&formatter{t: t, kwargs: a[1], named: true}).format(s)
	})
	m.add("encode", "self, /, encoding='utf-8', errors='strict'", func(t *Thread, a []Value) (Value, error) {
		s, _ := IsString(a[0])
		return encode(s, a[1], a[2])
	})
	m.add("translate", "self, table, /", translate)
	m.add("maketrans", "self, x, /, *yz", func(_ *Thread, a []Value) (Value, error) { return makeTrans(a[1], a[2].(*Tuple).Items) })
	return m
}

// text makes a method that maps the string alone.
func (m table) text(name string, fn func(s string) string) {
	m.add(name, "self, /", func(t *Thread, a []Value) (Value, error) {
		s, _ := IsString(a[0])
		return fn(s), nil
	})
}

func (m table) test(name string, fn func(s string) bool) {
	m.add(name, "self, /", func(t *Thread, a []Value) (Value, error) {
		s, _ := IsString(a[0])
		return fn(s), nil
	})
}

func caseMethods(m table) {
	m.text("upper", Upper)
	m.text("lower", Lower)
	m.text("title", titleCase)
	m.text("capitalize", Capitalize)
	m.text("swapcase", swapCase)
	m.text("casefold", foldCase)
}

func testMethods(m table) {
	each := func(name string, ok func(rune) bool) {
		m.test(name, func(s string) bool { return allRunes(s, ok) })
	}
	each("isspace", isSpace)
	each("isalpha", unicode.IsLetter)
	each("isalnum", isAlnum)
	each("isdigit", isDigit)
	each("isdecimal", unicode.IsDigit)
	each("isnumeric", isNumeric)
	m.test("islower", IsLowerStr)
	m.test("isupper", IsUpperStr)
	m.test("istitle", isTitleStr)
	m.test("isascii", isASCII)
	m.test("isidentifier", IsIdentifier)
	m.test("isprintable", func(s string) bool { return s == "" || allRunes(s, unicode.IsPrint) })
}

func splitMethods(m table) {
	split := func(name string, fields func(string, int) []string, sepSplit func(s, sep string, max int) []string) {
		m.add(name, "self, /, sep=None, maxsplit=-1", func(t *Thread, a []Value) (Value, error) {
			s, _ := IsString(a[0])
			if err := t.Step(len(s) / 16); err != nil {
				return nil, err
			}
			max, err := WantInt(a[2])
			if err != nil {
				return nil, err
			}
			if a[1] == nil {
				if err := chargeParts(t, countBelow(s, ' '+1)); err != nil {
					return nil, err
				}
				return strList(fields(s, max)), nil
			}
			sep, ok := IsString(a[1])
			if !ok {
				return nil, TypeErrorf("must be str or None, not %s", TypeName(a[1]))
			}
			if sep == "" {
				return nil, ValueErrorf("empty separator")
			}
			if err := chargeParts(t, strings.Count(s, sep)); err != nil {
				return nil, err
			}
			return strList(sepSplit(s, sep, max)), nil
		})
	}
	split("split", Fields, func(s, sep string, max int) []string {
		if max < 0 || max > len(s) {
			return strings.Split(s, sep)
		}
		return strings.SplitN(s, sep, max+1)
	})
	split("rsplit", fieldsRight, splitRight)
	m.add("splitlines", "self, /, keepends=False", func(t *Thread, a []Value) (Value, error) {
		s, _ := IsString(a[0])
		keep, err := WantFlag(a[1])
		if err != nil {
			return nil, err
		}
		if err := chargeParts(t, countBelow(s, ' ')); err != nil {
			return nil, err
		}
		return strList(SplitLines(s, keep)), nil
	})
	partition := func(name string, find func(s, sep string) int, found func(s string) *Tuple) {
		m.add(name, "self, sep, /", func(t *Thread, a []Value) (Value, error) {
			s, _ := IsString(a[0])
			sep, err := wantStr(a[1], name+"() argument")
			if err != nil {
				return nil, err
			}
			if sep == "" {
				return nil, ValueErrorf("empty separator")
			}
			i := find(s, sep)
			if i < 0 {
				return found(s), nil
			}
			return NewTuple(s[:i], a[1], s[i+len(sep):]), nil
		})
	}
	partition("partition", strings.Index, func(s string) *Tuple { return NewTuple(s, "", "") })
	partition("rpartition", strings.LastIndex, func(s string) *Tuple { return NewTuple("", "", s) })
}

// chargeParts counts the memory of a list of n strings and of its making.
func chargeParts(t *Thread, n int) error { return t.Charge(4 * valueSize * n) }

// countBelow counts the bytes of s below c.
func countBelow(s string, c byte) int {
	n := 0
	for i := range len(s) {
		if s[i] < c {
			n++
		}
	}
	return n
}

func searchMethods(m table) {
	m.add("replace", "self, old, new, count=-1, /", func(t *Thread, a []Value) (Value, error) {
		s, _ := IsString(a[0])
		return replaceStr(t, s, a[1], a[2], a[3])
	})
	affix := func(name string, has func(s, affix string) bool) {
		m.add(name, "self, prefix, start=None, end=None, /", func(t *Thread, a []Value) (Value, error) {
			s, _ := IsString(a[0])
			part, ok, err := substring(s, a[2], a[3])
			if err != nil {
				return nil, err
			}
			if tup, isTuple := a[1].(*Tuple); isTuple {
				for _, x := range tup.Items {
					p, isStr := IsString(x)
					if !isStr {
						return nil, TypeErrorf("tuple for %s must only contain str, not %s", name, TypeName(x))
					}
					if ok && has(part, p) {
						return true, nil
					}
				}
				return false, nil
			}
			p, isStr := IsString(a[1])
			if !isStr {
				return nil, TypeErrorf("%s first arg must be str or a tuple of str, not %s", name, TypeName(a[1]))
			}
			return ok && has(part, p), nil
		})
	}
	affix("startswith", strings.HasPrefix)
	affix("endswith", strings.HasSuffix)
	find := func(name string, search func(s, sub string) int, must bool) {
		m.add(name, "self, sub, start=None, end=None, /", func(t *Thread, a []Value) (Value, error) {
			s, _ := IsString(a[0])
			sub, err := wantStr(a[1], "argument")
			if err != nil {
				return nil, err
			}
			part, ok, err := substring(s, a[2], a[3])
			if err != nil {
				return nil, err
			}
			i := -1
			if ok {
				i = search(part, sub)
			}
			if i < 0 {
				if must {
					return nil, ValueErrorf("substring not found")
				}
				return -1, nil
			}
			lo, _, _ := bounds(utf8.RuneCountInString(s), a[2], nil)
			return lo + utf8.RuneCountInString(part[:i]), nil
		})
	}
	find("find", strings.Index, false)
	find("rfind", strings.LastIndex, false)
	find("index", strings.Index, true)
	find("rindex", strings.LastIndex, true)
	m.add("count", "self, sub, start=None, end=None, /", func(t *Thread, a []Value) (Value, error) {
		s, _ := IsString(a[0])
		sub, err := wantStr(a[1], "argument")
		if err != nil {
			return nil, err
		}
		part, ok, err := substring(s, a[2], a[3])
		if !ok || err != nil {
			return 0, err
		}
		return strings.Count(part, sub), nil
	})
	m.add("removeprefix", "self, prefix, /", func(t *Thread, a []Value) (Value, error) {
		s, _ := IsString(a[0])
		p, err := wantStr(a[1], "removeprefix() argument")
		return strings.TrimPrefix(s, p), err
	})
	m.add("removesuffix", "self, suffix, /", func(t *Thread, a []Value) (Value, error) {
		s, _ := IsString(a[0])
		p, err := wantStr(a[1], "removesuffix() argument")
		return strings.TrimSuffix(s, p), err
	})
}

// substring returns s[start:stop]; ok is false when start is beyond the end.
func substring(s string, start, stop Value) (string, bool, error) {
	if start == nil && stop == nil {
		return s, true, nil
	}
	n := utf8.RuneCountInString(s)
	lo, hi, err := bounds(n, start, stop)
	if err != nil {
		return "", false, err
	}
	if i, ok := asIndex(start); ok && i > n || lo > hi {
		return "", false, nil
	}
	return sliceStr(s, lo, 1, hi-lo), true, nil
}

func replaceStr(t *Thread, s string, old, repl, count Value) (Value, error) {
	o, err := wantStr(old, "replace() argument 1")
	if err != nil {
		return nil, err
	}
	r, err := wantStr(repl, "replace() argument 2")
	if err != nil {
		return nil, err
	}
	n, err := WantInt(count)
	if err != nil {
		return nil, err
	}
	hits := strings.Count(s, o)
	if n >= 0 {
		hits = min(hits, n)
	}
	if err := t.Step(len(s)/64 + hits); err != nil {
		return nil, err
	}
	if len(r) > 0 && hits > 0 {
		if hits > 1<<40/len(r) {
			return nil, t.Grow(1 << 60)
		}
		if err := t.Alloc(len(s) + hits*(len(r)-len(o))); err != nil {
			return nil, err
		}
	}
	return strings.Replace(s, o, r, n), nil
}

func joinStrings(t *Thread, sep string, iterable Value) (Value, error) {
	items, err := Slice(t, iterable)
	if err != nil {
		if IsKind(err, "TypeError") {
			err = TypeErrorf("can only join an iterable")
		}
		return nil, err
	}
	var b strings.Builder
	for i, item := range items {
		s, ok := IsString(item)
		if !ok {
			return nil, TypeErrorf("sequence item %d: expected str instance, %s found", i, TypeName(item))
		}
		if i > 0 {
			b.WriteString(sep)
		}
		b.WriteString(s)
		if err := t.Grow(b.Len()); err != nil {
			return nil, err
		}
	}
	return b.String(), t.Alloc(b.Len())
}
