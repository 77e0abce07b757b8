package diff

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// A volatileText is a text of which a second render had other parts: lines that are the same in both, and lines that
// have a hole, which may be the whole line.
type volatileText []volatileLine

type volatileLine struct {
	text          string
	before, after string // what surrounds the hole
	hole          bool
}

// longestPattern bounds the work of matching; what is longer is some binary.
const longestPattern = 1 << 18

// textBetween compares two renders of a text. Where their lines cannot be paired, all is one hole.
func textBetween(first, again string) volatileText {
	a, b := strings.Split(first, "\n"), strings.Split(again, "\n")
	if len(a) != len(b) || len(first) > longestPattern || !utf8.ValidString(first) || !utf8.ValidString(again) {
		return volatileText{{text: first, hole: true}}
	}
	t := make(volatileText, len(a))
	for i := range a {
		t[i] = volatileLine{text: a[i]}
		if a[i] != b[i] {
			t[i].hole = true
			t[i].before, t[i].after = around(a[i], b[i])
		}
	}
	t.joinEncoded()
	return t
}

// encoded is a line of base64 or the like, as long as lines of it are.
var encoded = regexp.MustCompile(`^\s*[A-Za-z0-9+/=_-]{32,}\s*$`)

// joinEncoded makes one hole of each certificate, key or other encoded data that has a hole: a line of it that is the same
// in both renders is so by chance, or because they were made in the same second.
func (t volatileText) joinEncoded() {
	block := func(i, end int) {
		if slices.ContainsFunc(t[i:end], func(l volatileLine) bool { return l.hole }) {
			for j := i; j < end; j++ {
				t[j] = volatileLine{text: t[j].text, hole: true}
			}
		}
	}
	for i := 0; i < len(t); i++ {
		end := i
		if strings.HasPrefix(strings.TrimSpace(t[i].text), "-----BEGIN ") {
			i++
			for end = i; end < len(t) && !strings.HasPrefix(strings.TrimSpace(t[end].text), "-----END "); end++ {
			}
		} else {
			for end < len(t) && encoded.MatchString(t[end].text) {
				end++
			}
		}
		if end > i {
			block(i, end)
			i = end - 1
		}
	}
}

// delimiters end what surrounds a hole: that two random words begin alike is chance. Base64's + and / are none.
const delimiters = " \t:=\"'`([{<>}]),;@&?|#%$"

// around is what two texts begin and end with alike, up to a delimiter.
func around(a, b string) (before, after string) {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	for n > 0 && strings.IndexByte(delimiters, a[n-1]) < 0 {
		n--
	}
	m := 0
	for m < min(len(a), len(b))-n && a[len(a)-1-m] == b[len(b)-1-m] {
		m++
	}
	for m > 0 && strings.IndexByte(delimiters, a[len(a)-m]) < 0 {
		m--
	}
	if n == 0 {
		return "", "" // an end alone, such as that of base64, says nothing
	}
	return a[:n], a[len(a)-m:]
}

// fill puts a text into the holes; neighbouring lines that are nothing but a hole count as one.
func (t volatileText) fill(with string) string {
	var lines []string
	for i, l := range t {
		switch {
		case !l.hole:
			lines = append(lines, l.text)
		case l.whole() && i > 0 && t[i-1].whole():
		default:
			lines = append(lines, l.before+with+l.after)
		}
	}
	return strings.Join(lines, "\n")
}

func (l volatileLine) whole() bool { return l.hole && l.before == "" && l.after == "" }

// settle is the text with its holes as they are in the live one. If the live text fits, it stays as it is. Else the author
// changed something: each hole is looked for by what surrounds it, and one that is not found stays as generated.
func (t volatileText) settle(live string) string {
	if t.pattern().MatchString(live) {
		return live
	}
	have := strings.Split(live, "\n")
	var lines []string
	for i := 0; i < len(t); {
		if !t[i].hole {
			lines = append(lines, t[i].text)
			i++
			continue
		}
		end := i + 1
		for t[i].whole() && end < len(t) && t[end].whole() {
			end++
		}
		found, rest := t.find(have, i, end)
		lines, have, i = append(lines, found...), rest, end
	}
	return strings.Join(lines, "\n")
}

// find returns the live lines that stand for the holes in lines i to end, and those among which the next are to be found.
func (t volatileText) find(live []string, i, end int) (found, rest []string) {
	if !t[i].whole() {
		fits := func(s string) bool {
			l := t[i]
			return len(s) >= len(l.before)+len(l.after) && strings.HasPrefix(s, l.before) && strings.HasSuffix(s, l.after)
		}
		if at := slices.IndexFunc(live, fits); at >= 0 && t.only(t[i]) && !slices.ContainsFunc(live[at+1:], fits) {
			return live[at : at+1], live
		}
	} else if i > 0 && end < len(t) && !t[i-1].hole && !t[end].hole {
		from := slices.Index(live, t[i-1].text)
		if from >= 0 {
			if n := slices.Index(live[from+1:], t[end].text); n >= 0 {
				return live[from+1 : from+1+n], live[from+1+n:]
			}
		}
	}
	for _, l := range t[i:end] {
		found = append(found, l.text)
	}
	return found, live
}

// only says whether no other hole has the same surroundings.
func (t volatileText) only(l volatileLine) bool {
	n := 0
	for _, o := range t {
		if o.hole && o.before == l.before && o.after == l.after {
			n++
		}
	}
	return n == 1
}

// pattern matches texts that differ in the holes only.
func (t volatileText) pattern() *regexp.Regexp {
	var b strings.Builder
	for i, l := range t {
		if i > 0 && !(l.whole() && t[i-1].whole()) {
			b.WriteString("\n")
		}
		switch {
		case !l.hole:
			b.WriteString(regexp.QuoteMeta(l.text))
		case l.whole() && i > 0 && t[i-1].whole():
		case l.whole():
			b.WriteString("(?s:.*)")
		default:
			b.WriteString(regexp.QuoteMeta(l.before) + ".*" + regexp.QuoteMeta(l.after))
		}
	}
	return regexp.MustCompile("^" + b.String() + "$")
}
