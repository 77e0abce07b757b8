package mask

import (
	"slices"
	"strings"
)

// pattern is a form of a secret as it may stand in a text.
type pattern struct {
	text string
	// before and after are the neighbouring base64 digits that hold some bits of the secret, too: 0 or 1.
	before, after int
	// prefix is the longest other pattern that this one begins with.
	prefix *pattern
}

// index finds patterns of Long bytes or more in a text. At each place it looks at Long bytes: a filter of one bit a hash
// tells nearly always that nothing begins there. Of the patterns that do begin so, a binary search finds the longest that
// goes on like the text, so that many secrets with a common beginning cost little.
type index struct {
	filter   []uint64
	patterns map[uint64][]*pattern // by the first Long bytes, sorted
}

const (
	filterBits = 18
	keyMask    = 1<<(8*Long) - 1
)

func newIndex() *index {
	return &index{filter: make([]uint64, 1<<filterBits/64), patterns: map[uint64][]*pattern{}}
}

// slot is the place of a key in the filter.
func slot(key uint64) (word, bit uint64) {
	h := (key * 0x9e3779b97f4a7c15) >> (64 - filterBits)
	return h / 64, 1 << (h % 64)
}

func key(t string) uint64 {
	var k uint64
	for i := range Long {
		k = k<<8 | uint64(t[i])
	}
	return k
}

func (x *index) add(p pattern) {
	if len(p.text) < Long {
		return
	}
	k := key(p.text)
	list := x.patterns[k]
	at, found := search(list, p.text)
	if found {
		list[at].before, list[at].after = max(list[at].before, p.before), max(list[at].after, p.after)
		return
	}
	p.prefix = longest(list, at, p.text)
	list = slices.Insert(list, at, &p)
	for _, q := range list[at+1:] {
		if !strings.HasPrefix(q.text, p.text) {
			break
		}
		if q.prefix == nil || len(q.prefix.text) < len(p.text) {
			q.prefix = &p
		}
	}
	x.patterns[k] = list
	word, bit := slot(k)
	x.filter[word] |= bit
}

func search(list []*pattern, t string) (int, bool) {
	return slices.BinarySearchFunc(list, t, func(p *pattern, t string) int { return strings.Compare(p.text, t) })
}

// longest is the longest pattern of list that t begins with, or nil; at is the place of t in list. What stands in order
// between a prefix of t and t begins with that prefix, too: the pattern before at leads to all prefixes of t.
func longest(list []*pattern, at int, t string) *pattern {
	if at == 0 {
		return nil
	}
	p := list[at-1]
	common := 0
	for common < len(p.text) && common < len(t) && p.text[common] == t[common] {
		common++
	}
	for p != nil && len(p.text) > common {
		p = p.prefix
	}
	return p
}

// find appends the places of patterns in t to spans. Of those that begin at the same place the longest is enough.
func (x *index) find(spans []span, t string) []span {
	if len(t) < Long {
		return spans
	}
	k := key(t) >> 8
	for i := 0; i+Long <= len(t); i++ {
		k = (k<<8 | uint64(t[i+Long-1])) & keyMask
		if word, bit := slot(k); x.filter[word]&bit == 0 {
			continue
		}
		list := x.patterns[k]
		if len(list) == 0 {
			continue
		}
		at, found := search(list, t[i:])
		if found {
			at++
		}
		if p := longest(list, at, t[i:]); p != nil {
			spans = append(spans, p.span(t, i))
		}
	}
	return spans
}

// span is the place of p at i in t.
func (p *pattern) span(t string, i int) span {
	s := span{i, i + len(p.text)}
	if p.before > 0 && i > 0 && base64Digit(t[i-1]) {
		s.lo--
	}
	if p.after > 0 && s.hi < len(t) && base64Digit(t[s.hi]) {
		s.hi++
	}
	return s
}

func base64Digit(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || strings.IndexByte("+/-_", b) >= 0
}
