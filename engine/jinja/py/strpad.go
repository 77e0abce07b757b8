package py

import (
	"strings"
	"unicode/utf8"
)

func stripMethods(m table) {
	strip := func(name string, left, right bool) {
		m.add(name, "self, chars=None, /", func(t *Thread, a []Value) (Value, error) {
			s, _ := IsString(a[0])
			return Strip(s, a[1], left, right)
		})
	}
	strip("strip", true, true)
	strip("lstrip", true, false)
	strip("rstrip", false, true)
}

// Strip is str.strip, lstrip or rstrip.
func Strip(s string, chars Value, left, right bool) (Value, error) {
	cut := isSpace
	if chars != nil {
		set, ok := IsString(chars)
		if !ok {
			return nil, TypeErrorf("strip arg must be None or str, not %s", TypeName(chars))
		}
		cut = func(r rune) bool { return strings.ContainsRune(set, r) }
	}
	if left {
		s = strings.TrimLeftFunc(s, cut)
	}
	if right {
		s = strings.TrimRightFunc(s, cut)
	}
	return s, nil
}

func padMethods(m table) {
	pad := func(name string, split func(total, width int) (left, right int)) {
		m.add(name, "self, width, fillchar=' ', /", func(t *Thread, a []Value) (Value, error) {
			s, _ := IsString(a[0])
			width, err := WantInt(a[1])
			if err != nil {
				return nil, err
			}
			fill, ok := IsString(a[2])
			if !ok || utf8.RuneCountInString(fill) != 1 {
				if !ok {
					return nil, TypeErrorf("The fill character must be a unicode character, not %s", TypeName(a[2]))
				}
				return nil, TypeErrorf("The fill character must be exactly one character long")
			}
			total := width - utf8.RuneCountInString(s)
			if total <= 0 {
				return s, nil
			}
			if err := t.Alloc(width); err != nil {
				return nil, err
			}
			l, r := split(total, width)
			return strings.Repeat(fill, l) + s + strings.Repeat(fill, r), nil
		})
	}
	pad("ljust", func(total, _ int) (int, int) { return 0, total })
	pad("rjust", func(total, _ int) (int, int) { return total, 0 })
	pad("center", func(total, width int) (int, int) {
		left := total/2 + (total & width & 1)
		return left, total - left
	})
	m.add("zfill", "self, width, /", func(t *Thread, a []Value) (Value, error) {
		s, _ := IsString(a[0])
		width, err := WantInt(a[1])
		if err != nil {
			return nil, err
		}
		n := width - utf8.RuneCountInString(s)
		if n <= 0 {
			return s, nil
		}
		if err := t.Alloc(width); err != nil {
			return nil, err
		}
		sign := 0
		if s != "" && (s[0] == '+' || s[0] == '-') {
			sign = 1
		}
		return s[:sign] + strings.Repeat("0", n) + s[sign:], nil
	})
	m.add("expandtabs", "self, /, tabsize=8", func(t *Thread, a []Value) (Value, error) {
		s, _ := IsString(a[0])
		size, err := WantInt(a[1])
		if err != nil {
			return nil, err
		}
		return expandTabs(t, s, size)
	})
}

func expandTabs(t *Thread, s string, size int) (Value, error) {
	if n := strings.Count(s, "\t"); n > 0 && size > 0 {
		if err := t.Grow(min(size, 1<<40) * min(n, 1<<20)); err != nil {
			return nil, err
		}
	}
	var b strings.Builder
	col := 0
	for _, r := range s {
		switch r {
		case '\t':
			if size > 0 {
				n := size - col%size
				b.WriteString(strings.Repeat(" ", n))
				col += n
			}
			continue
		case '\n', '\r':
			col = -1
		}
		b.WriteRune(r)
		col++
	}
	return b.String(), nil
}
