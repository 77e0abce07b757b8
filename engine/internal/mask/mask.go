// Package mask takes the secret values of a run out of text that people, logs and forges may see.
//
// A [Set] holds the values. What has [Long] bytes or more is found wherever it stands, as it is or as programs write it:
// in base64, in a URL, in JSON, YAML, Go, Python, HTML or a shell's quotes, and over several lines however they are
// indented or folded. Shorter values would tear holes into words; [Set.Text] hides them only between quotes, and
// [Set.Words] also where they stand alone, for texts that are known to speak of them.
//
// All matches are looked for in the text as it came and their union is hidden, so that neither a secret that is part of
// another one nor two that overlap leave a rest behind.
package mask

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/weighlock/weighlock/engine/object"
)

// Hidden stands where a secret value was.
const Hidden = "(hidden)"

// Long is the length, in bytes, from which a value is hidden wherever it stands.
const Long = 6

// A Set is the secret values of a run. The zero value and nil are empty; it is safe for concurrent use. Printing a Set
// tells how many values it holds and none of them.
type Set struct {
	mu     sync.RWMutex
	values map[string]bool
	// exact is searched in the text as it is, folded where each run of white space is one space.
	exact, folded *index
	// short are the forms of the values that are shorter than Long, without quotes around them.
	short    map[string]bool
	maxShort int
}

// Add makes value a secret. White space around it is none of it. Empty texts and booleans are no secrets: there is
// nothing to guess about them.
func (s *Set) Add(value string) {
	v := strings.TrimSpace(value)
	if trivial(v) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.values[value] {
		return
	}
	if s.values == nil {
		s.values, s.short = map[string]bool{}, map[string]bool{}
		s.exact, s.folded = newIndex(), newIndex()
		s.exact.add(pattern{text: Hidden}) // what is masked twice stays as it is
	}
	s.values[value] = true
	if len(v) < Long {
		s.addShort(v)
		return
	}
	for _, f := range append(escapes(v), truncated(v)...) {
		s.exact.add(pattern{text: f})
	}
	for _, p := range encodings(v, value) {
		s.exact.add(p)
	}
	if strings.ContainsAny(v, " \t\r\n") {
		s.folded.add(pattern{text: foldedValue(v)})
		for _, line := range telling(v) {
			for _, f := range escapes(line) {
				s.exact.add(pattern{text: f})
			}
		}
	}
}

func (s *Set) addShort(v string) {
	for _, f := range append(escapes(v), base64Whole(v)...) {
		if len(f) >= Long && f != v && !strings.Contains(f, v) {
			s.exact.add(pattern{text: f}) // its base64 is no word of any language
			continue
		}
		s.short[f] = true
		s.maxShort = max(s.maxShort, len(f))
	}
}

// IsShort says whether a value would be a secret that is too short to be hidden wherever it stands.
func IsShort(value string) bool {
	v := strings.TrimSpace(value)
	return len(v) < Long && !trivial(v)
}

// AddAll makes every scalar of a decoded value a secret.
func (s *Set) AddAll(v any) {
	switch v := v.(type) {
	case nil:
	case map[string]any:
		for _, e := range v {
			s.AddAll(e)
		}
	case []any:
		for _, e := range v {
			s.AddAll(e)
		}
	case float64:
		s.Add(strconv.FormatFloat(v, 'f', -1, 64))
		s.Add(object.ScalarText(v))
	default:
		s.Add(object.ScalarText(v))
	}
}

// Merge adds the values of other.
func (s *Set) Merge(other *Set) {
	if other == nil || other == s {
		return
	}
	other.mu.RLock()
	values := make([]string, 0, len(other.values))
	for v := range other.values {
		values = append(values, v)
	}
	other.mu.RUnlock()
	for _, v := range values {
		s.Add(v)
	}
}

// Len is the number of values.
func (s *Set) Len() int {
	if s == nil {
		return 0
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.values)
}

// Format prints how many values there are, whatever the verb.
func (s *Set) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "%d secret values", s.Len()) }

// Text returns t without secret values.
func (s *Set) Text(t string) string { return s.mask(t, false) }

// Words is like Text and hides short values also where they stand as a word of their own. It is for texts that are known
// to speak of them, such as what the API server says of an object that they reach.
func (s *Set) Words(t string) string { return s.mask(t, true) }

// Has says whether Text would hide anything of t.
func (s *Set) Has(t string) bool { return s.Text(t) != t }

func (s *Set) mask(t string, words bool) string {
	if s == nil || t == "" {
		return t
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.values) == 0 {
		return t
	}
	spans := s.exact.find(nil, t)
	if len(s.folded.patterns) > 0 {
		folded, at := fold(t)
		for _, f := range s.folded.find(nil, folded) {
			spans = append(spans, span{at[f.lo], at[f.hi-1] + 1})
		}
	}
	if len(s.short) > 0 {
		spans = s.quoted(spans, t)
		if words {
			spans = s.words(spans, t)
		}
	}
	return replace(t, spans)
}

// quoted finds short values between quotes, which may themselves be escaped.
func (s *Set) quoted(spans []span, t string) []span {
	for i := 0; i < len(t); i++ {
		q := t[i]
		if q != '"' && q != '\'' && q != '`' {
			continue
		}
		for n := 1; n <= s.maxShort && i+1+n < len(t); n++ {
			end := i + 1 + n
			closing := strings.TrimLeft(t[end:min(end+4, len(t))], `\`)
			if closing != "" && closing[0] == q && s.short[t[i+1:end]] {
				spans = append(spans, span{i + 1, end})
			}
		}
	}
	return spans
}

// words finds short values that stand alone.
func (s *Set) words(spans []span, t string) []span {
	for v := range s.short {
		for at := 0; ; {
			i := strings.Index(t[at:], v)
			if i < 0 {
				break
			}
			lo, hi := at+i, at+i+len(v)
			if (lo == 0 || !wordByte(t[lo-1])) && (hi == len(t) || !wordByte(t[hi])) {
				spans = append(spans, span{lo, hi})
			}
			at = lo + 1
		}
	}
	return spans
}

func wordByte(b byte) bool {
	return b == '_' || '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || b >= 0x80
}

// span is a part of a text, from byte lo up to but without hi.
type span struct{ lo, hi int }

// replace puts Hidden in the place of each part that spans cover without a gap.
func replace(t string, spans []span) string {
	if len(spans) == 0 {
		return t
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.lo, b.lo) })
	var out strings.Builder
	done := 0
	for i := 0; i < len(spans); {
		lo, hi := spans[i].lo, spans[i].hi
		for i++; i < len(spans) && spans[i].lo <= hi; i++ {
			hi = max(hi, spans[i].hi)
		}
		out.WriteString(t[done:lo])
		out.WriteString(Hidden)
		done = hi
	}
	out.WriteString(t[done:])
	return out.String()
}
