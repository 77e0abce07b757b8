package jinja

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/weighlock/weighlock/engine/jinja/py"
)

func htmlFilters(r registry) {
	r.add("escape", "s, /", func(t *py.Thread, a []py.Value) (py.Value, error) {
		m, err := py.EscapeValue(t, a[0])
		return m, err
	})
	r.alias("e", "escape")
	r.add("forceescape", "value", func(t *py.Thread, a []py.Value) (py.Value, error) {
		m, err := py.ToMarkup(t, a[0])
		return py.Escape(string(m)), err
	})
	r.add("safe", "value", func(t *py.Thread, a []py.Value) (py.Value, error) {
		m, err := py.ToMarkup(t, a[0])
		return m, err
	})
	r.add("striptags", "value", func(t *py.Thread, a []py.Value) (py.Value, error) {
		m, err := py.ToMarkup(t, a[0])
		return py.StripTags(string(m)), err
	})
	r.add("xmlattr", "d, autospace=True", xmlattr)
	r.add("urlencode", "value", urlencode)
	r.add("urlize", "value, trim_url_limit=None, nofollow=False, target=None, rel=None, extra_schemes=None", urlizeFilter)
	r.add("tojson", "value, indent=None", func(t *py.Thread, a []py.Value) (py.Value, error) {
		s, err := py.JSON(t, a[0], py.JSONOptions{SortKeys: true, Indent: a[1]})
		if err != nil {
			return nil, err
		}
		return py.Markup(jsonEscaper.Replace(s)), nil
	})
}

// jsonEscaper makes JSON safe inside of HTML.
var jsonEscaper = strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`, "'", `\u0027`)

func markIfEscaping(t *py.Thread, s string) py.Value {
	if stateOf(t).autoescape() {
		return py.Markup(s)
	}
	return s
}

func xmlattr(t *py.Thread, a []py.Value) (py.Value, error) {
	d, ok := a[0].(*py.Dict)
	if !ok {
		if u, ok := a[0].(*py.Undefined); ok {
			return nil, u.Err()
		}
		return nil, py.Errorf("AttributeError", "'%s' object has no attribute 'items'", py.TypeName(a[0]))
	}
	var items []string
	for _, e := range d.Entries() {
		if _, undef := e.Value.(*py.Undefined); undef || e.Value == nil {
			continue
		}
		key, ok := py.IsString(e.Key)
		if !ok {
			return nil, py.TypeErrorf("expected string or bytes-like object, got '%s'", py.TypeName(e.Key))
		}
		if strings.ContainsAny(key, " \t\n\r\f\v/>=") {
			return nil, py.ValueErrorf("Invalid character in attribute name: %s", py.ReprString(key))
		}
		k, err := py.EscapeValue(t, e.Key)
		if err != nil {
			return nil, err
		}
		v, err := py.EscapeValue(t, e.Value)
		if err != nil {
			return nil, err
		}
		items = append(items, string(k)+`="`+string(v)+`"`)
	}
	s := strings.Join(items, " ")
	space, err := py.Truth(t, a[1])
	if err != nil {
		return nil, err
	}
	if space && s != "" {
		s = " " + s
	}
	return markIfEscaping(t, s), t.Grow(len(s))
}

func urlencode(t *py.Thread, a []py.Value) (py.Value, error) {
	v := a[0]
	if b, ok := v.(py.Bytes); ok {
		// bytes can be iterated over, and their items are no pairs
		if len(b) > 0 {
			return nil, py.TypeErrorf("cannot unpack non-iterable int object")
		}
		return "", nil
	}
	if _, isStr := py.IsString(v); isStr || !iterable(v) {
		s, err := py.Str(t, v)
		return quoteURL(s, "/"), err
	}
	if d, ok := v.(*py.Dict); ok {
		v = &py.DictView{D: d, What: 'i'}
	}
	items, err := py.Slice(t, v)
	if err != nil {
		return nil, err
	}
	var parts []string
	for _, item := range items {
		pair, err := py.Slice(t, item)
		if err != nil {
			if py.IsKind(err, "TypeError") {
				err = py.TypeErrorf("cannot unpack non-iterable %s object", py.TypeName(item))
			}
			return nil, err
		}
		if len(pair) != 2 {
			return nil, py.ValueErrorf("not enough values to unpack (expected 2, got %d)", len(pair))
		}
		k, err := queryText(t, pair[0])
		if err != nil {
			return nil, err
		}
		x, err := queryText(t, pair[1])
		if err != nil {
			return nil, err
		}
		parts = append(parts, k+"="+x)
	}
	return strings.Join(parts, "&"), nil
}

func queryText(t *py.Thread, v py.Value) (string, error) {
	if b, ok := v.(py.Bytes); ok {
		v = string(b)
	}
	s, err := py.Str(t, v)
	return strings.ReplaceAll(quoteURL(s, ""), "%20", "+"), err
}

// quoteURL is urllib.parse.quote.
func quoteURL(s, safe string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("_.-~"+safe, c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteString("%" + hex[c>>4:c>>4+1] + hex[c&15:c&15+1])
	}
	return b.String()
}

func iterable(v py.Value) bool {
	if u, ok := v.(*py.Undefined); ok {
		_ = u
		return true // the class has an __iter__, whatever it does
	}
	_, err := py.Iter(nil, v)
	return err == nil
}

// urlizer holds the parameters of one urlize.
type urlizer struct {
	limit       int // negative for none
	rel, target string
	schemes     []string
}

func urlizeFilter(t *py.Thread, a []py.Value) (py.Value, error) {
	u := urlizer{limit: -1}
	if a[1] != nil {
		n, err := py.WantInt(a[1])
		if err != nil {
			return nil, err
		}
		u.limit = n
	}
	var rel []string
	if s, ok := py.IsString(a[4]); ok {
		rel = py.Fields(s, -1)
	} else if full, err := py.Truth(t, a[4]); err != nil {
		return nil, err
	} else if full {
		return nil, py.Errorf("AttributeError", "'%s' object has no attribute 'split'", py.TypeName(a[4]))
	}
	if on, err := py.Truth(t, a[2]); err != nil {
		return nil, err
	} else if on {
		rel = append(rel, "nofollow")
	}
	rel = append(rel, "noopener")
	slices.Sort(rel)
	u.rel = ` rel="` + string(py.Escape(strings.Join(slices.Compact(rel), " "))) + `"`
	if full, err := py.Truth(t, a[3]); err != nil {
		return nil, err
	} else if full {
		m, err := py.EscapeValue(t, a[3])
		if err != nil {
			return nil, err
		}
		u.target = ` target="` + string(m) + `"`
	}
	if a[5] != nil {
		items, err := py.Slice(t, a[5])
		if err != nil {
			return nil, err
		}
		for _, item := range items {
			s, ok := py.IsString(item)
			if !ok {
				return nil, py.TypeErrorf("expected string or bytes-like object, got '%s'", py.TypeName(item))
			}
			if !validScheme(s) {
				return nil, py.Errorf(kindArgument, "%s is not a valid URI scheme prefix.", py.ReprString(s))
			}
			u.schemes = append(u.schemes, s)
		}
	}
	m, err := py.EscapeValue(t, a[0])
	if err != nil {
		return nil, err
	}
	s := u.text(string(m))
	return markIfEscaping(t, s), t.Grow(len(s))
}

// validScheme matches [\w.+-]{2,}:(/){0,2}.
func validScheme(s string) bool {
	i := strings.IndexFunc(s, func(r rune) bool { return !isWord(r) && !strings.ContainsRune(".+-", r) })
	if i < 0 || utf8.RuneCountInString(s[:i]) < 2 || s[i] != ':' {
		return false
	}
	rest := s[i+1:]
	return rest == "" || rest == "/" || rest == "//"
}
