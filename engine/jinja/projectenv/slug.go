package projectenv

import (
	"html"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/text/unicode/norm"

	"github.com/weighlock/weighlock/engine/jinja/py"
)

// slugOptions are the arguments of python-slugify's slugify.
type slugOptions struct {
	entities, decimal, hexadecimal bool
	maxLength                      int
	wordBoundary, saveOrder        bool
	separator                      string
	stopwords                      []string
	pattern                        *regexp.Regexp // nil for the default
	lowercase, unicode             bool
	replacements                   [][2]string
}

var slugPatterns = sync.OnceValue(func() (p struct{ entity, decimal, hex, ascii, unicode, comma *regexp.Regexp }) {
	p.entity = regexp.MustCompile(`&([a-zA-Z][a-zA-Z0-9]*);`)
	p.decimal = regexp.MustCompile(`&#(\d+);`)
	p.hex = regexp.MustCompile(`&#x([\da-fA-F]+);`)
	p.ascii = regexp.MustCompile(`[^-a-zA-Z0-9]+`)
	p.unicode = regexp.MustCompile(`[^\pL\pN]+`)
	p.comma = regexp.MustCompile(`(\d),(\d)`)
	return p
})

func slugify(t *py.Thread, a []py.Value) (py.Value, error) {
	text, err := py.Str(t, a[0])
	if err != nil {
		return nil, err
	}
	if err := t.Step(len(text) / 4); err != nil {
		return nil, err
	}
	o, err := slugArgs(t, a)
	if err != nil {
		return nil, err
	}
	s := o.slug(text)
	return s, t.Grow(len(s))
}

func slugArgs(t *py.Thread, a []py.Value) (o slugOptions, err error) {
	flag := func(v py.Value) bool {
		if err != nil {
			return false
		}
		var on bool
		on, err = py.Truth(t, v)
		return on
	}
	o.entities, o.decimal, o.hexadecimal = flag(a[1]), flag(a[2]), flag(a[3])
	o.wordBoundary, o.saveOrder = flag(a[5]), flag(a[7])
	o.lowercase, o.unicode = flag(a[10]), flag(a[12])
	if err != nil {
		return o, err
	}
	if o.maxLength, err = py.WantInt(a[4]); err != nil {
		return o, err
	}
	sep, ok := py.IsString(a[6])
	if !ok {
		return o, py.TypeErrorf("separator must be str, not %s", py.TypeName(a[6]))
	}
	o.separator = sep
	if o.stopwords, err = stringList(t, a[8]); err != nil {
		return o, err
	}
	if pattern, ok := py.IsString(a[9]); ok && pattern != "" {
		if o.pattern, err = regexp.Compile(pattern); err != nil {
			return o, py.Errorf("error", "%s", err)
		}
	}
	if a[11] == nil {
		return o, nil
	}
	pairs, err := py.Slice(t, a[11])
	if err != nil {
		return o, err
	}
	for _, p := range pairs {
		pair, err := stringList(t, p)
		if err != nil {
			return o, err
		}
		if len(pair) != 2 {
			return o, py.ValueErrorf("not enough values to unpack (expected 2, got %d)", len(pair))
		}
		o.replacements = append(o.replacements, [2]string{pair[0], pair[1]})
	}
	return o, nil
}

func stringList(t *py.Thread, v py.Value) ([]string, error) {
	if v == nil {
		return nil, nil
	}
	items, err := py.Slice(t, v)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, item := range items {
		s, ok := py.IsString(item)
		if !ok {
			return nil, py.TypeErrorf("expected str, not %s", py.TypeName(item))
		}
		out = append(out, s)
	}
	return out, nil
}

func (o slugOptions) normalize(s string) string {
	if o.unicode {
		return norm.NFKC.String(s)
	}
	return norm.NFKD.String(s)
}

func (o slugOptions) replace(s string) string {
	for _, r := range o.replacements {
		s = strings.ReplaceAll(s, r[0], r[1])
	}
	return s
}

// dashes turns each run of ' into one dash.
func dashes(s string) string {
	return strings.Join(strings.FieldsFunc("x"+s+"x", func(r rune) bool { return r == '\'' }), "-")
}

func (o slugOptions) slug(s string) string {
	p := slugPatterns()
	s = o.replace(s)
	s = dashes(s)
	s = s[1 : len(s)-1]
	s = o.normalize(s)
	if !o.unicode {
		s = transliterate(s)
	}
	if o.entities {
		s = p.entity.ReplaceAllStringFunc(s, html.UnescapeString)
	}
	if o.decimal {
		s = p.decimal.ReplaceAllStringFunc(s, func(m string) string { return codePoint(m, m[2:len(m)-1], 10) })
	}
	if o.hexadecimal {
		s = p.hex.ReplaceAllStringFunc(s, func(m string) string { return codePoint(m, m[3:len(m)-1], 16) })
	}
	s = o.normalize(s)
	if o.lowercase {
		s = py.Lower(s)
	}
	s = strings.ReplaceAll(s, "'", "")
	s = p.comma.ReplaceAllString(p.comma.ReplaceAllString(s, "$1$2"), "$1$2")
	pattern := o.pattern
	switch {
	case pattern != nil:
	case o.unicode:
		pattern = p.unicode
	default:
		pattern = p.ascii
	}
	s = pattern.ReplaceAllString(s, "-")
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '-' }), "-")
	s = o.stop(s)
	s = o.replace(s)
	if o.maxLength > 0 {
		s = o.truncate(s)
	}
	return strings.ReplaceAll(s, "-", o.separator)
}

func codePoint(match, digits string, base int) string {
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil || n > 0x10ffff {
		return match
	}
	return string(rune(n))
}

func (o slugOptions) stop(s string) string {
	if len(o.stopwords) == 0 {
		return s
	}
	stop := map[string]bool{}
	for _, w := range o.stopwords {
		if o.lowercase {
			w = py.Lower(w)
		}
		stop[w] = true
	}
	var words []string
	for w := range strings.SplitSeq(s, "-") {
		if !stop[w] {
			words = append(words, w)
		}
	}
	return strings.Join(words, "-")
}

// truncate cuts the slug to maxLength characters, between words if asked.
func (o slugOptions) truncate(s string) string {
	s = strings.Trim(s, "-")
	runes := []rune(s)
	if len(runes) < o.maxLength {
		return s
	}
	cut := string(runes[:min(o.maxLength, len(runes))])
	if !o.wordBoundary {
		return strings.Trim(cut, "-")
	}
	if !strings.Contains(s, "-") {
		return cut
	}
	var out strings.Builder
	n := 0
	for w := range strings.SplitSeq(s, "-") {
		if w == "" {
			continue
		}
		l := len([]rune(w))
		if n+l < o.maxLength {
			out.WriteString(w + "-")
			n += l + 1
		} else if n+l == o.maxLength {
			out.WriteString(w)
			break
		} else if o.saveOrder {
			break
		}
	}
	if out.Len() == 0 {
		return strings.Trim(cut, "-")
	}
	return strings.Trim(out.String(), "-")
}
