package py

import (
	"sort"
	"strings"
	"unicode/utf8"
)

// pprintWidth is the line length that pprint aims at.
const pprintWidth = 80

// PPrint is pprint.pformat(v): repr with sorted dicts, broken into lines when
// it is too long for one.
func PPrint(t *Thread, v Value) (string, error) {
	p := &printer{t: t}
	if err := p.format(v, 0, 0, 0); err != nil {
		return "", err
	}
	return p.b.String(), nil
}

type printer struct {
	t *Thread
	b strings.Builder
}

func (p *printer) write(s string) error {
	p.b.WriteString(s)
	return p.t.Grow(p.b.Len())
}

// format writes v at a column; allowance is the room needed behind it.
func (p *printer) format(v Value, indent, allowance, depth int) error {
	if depth > maxNesting {
		return errRecursion
	}
	rep, err := sortedRepr(p.t, v, depth)
	if err != nil {
		return err
	}
	if utf8.RuneCountInString(rep) <= pprintWidth-indent-allowance {
		return p.write(rep)
	}
	switch v := v.(type) {
	case *Dict:
		return p.dict(v, indent, allowance, depth)
	case *List:
		if v.Len() > 0 {
			return p.items("[", v.Items(), "]", indent, allowance, depth)
		}
	case *Tuple:
		if v.Names == nil {
			end := ")"
			if len(v.Items) == 1 {
				end = ",)"
			}
			return p.items("(", v.Items, end, indent, allowance, depth)
		}
	case string:
		return p.str(v, indent, allowance, depth)
	}
	return p.write(rep)
}

func (p *printer) items(open string, items []Value, end string, indent, allowance, depth int) error {
	if err := p.write(open); err != nil {
		return err
	}
	indent++
	for i, item := range items {
		room := 1
		if i == len(items)-1 {
			room = allowance + len(end)
		}
		if i > 0 {
			if err := p.write(",\n" + strings.Repeat(" ", indent)); err != nil {
				return err
			}
		}
		if err := p.format(item, indent, room, depth+1); err != nil {
			return err
		}
	}
	return p.write(end)
}

func (p *printer) dict(d *Dict, indent, allowance, depth int) error {
	if err := p.write("{"); err != nil {
		return err
	}
	entries, err := sortedEntries(p.t, d)
	if err != nil {
		return err
	}
	indent++
	for i, e := range entries {
		room := 1
		if i == len(entries)-1 {
			room = allowance + 1
		}
		if i > 0 {
			if err := p.write(",\n" + strings.Repeat(" ", indent)); err != nil {
				return err
			}
		}
		key, err := sortedRepr(p.t, e.Key, depth+1)
		if err != nil {
			return err
		}
		if err := p.write(key + ": "); err != nil {
			return err
		}
		if err := p.format(e.Value, indent+utf8.RuneCountInString(key)+2, room, depth+1); err != nil {
			return err
		}
	}
	return p.write("}")
}

// str breaks a long str into several literals, at line ends and at blanks.
func (p *printer) str(s string, indent, allowance, depth int) error {
	lines := SplitLines(s, true)
	if depth == 0 {
		indent++
		allowance++
	}
	var chunks []string
	for i, line := range lines {
		rep := ReprString(line)
		max := pprintWidth - indent
		if i == len(lines)-1 {
			max -= allowance
		}
		if utf8.RuneCountInString(rep) <= max {
			chunks = append(chunks, rep)
			continue
		}
		parts := wordsWithSpace(line)
		max2 := max
		current := ""
		for j, part := range parts {
			candidate := current + part
			if j == len(parts)-1 && i == len(lines)-1 {
				max2 -= allowance
			}
			if utf8.RuneCountInString(ReprString(candidate)) > max2 {
				if current != "" {
					chunks = append(chunks, ReprString(current))
				}
				current = part
			} else {
				current = candidate
			}
		}
		if current != "" {
			chunks = append(chunks, ReprString(current))
		}
	}
	if len(chunks) == 1 {
		return p.write(chunks[0])
	}
	text := strings.Join(chunks, "\n"+strings.Repeat(" ", indent))
	if depth == 0 {
		text = "(" + text + ")"
	}
	return p.write(text)
}

// wordsWithSpace splits s into words, each with the white space behind it.
func wordsWithSpace(s string) []string {
	var out []string
	for s != "" {
		i := strings.IndexFunc(s, isSpace)
		if i < 0 {
			return append(out, s)
		}
		j := strings.IndexFunc(s[i:], func(r rune) bool { return !isSpace(r) })
		if j < 0 {
			j = len(s) - i
		}
		out = append(out, s[:i+j])
		s = s[i+j:]
	}
	return out
}

// sortedEntries orders a dict by its keys; keys of different types, which do
// not compare, by the names of their types.
func sortedEntries(t *Thread, d *Dict) ([]Entry, error) {
	entries := append([]Entry(nil), d.Entries()...)
	if err := t.Step(len(entries)); err != nil {
		return nil, err
	}
	sort.SliceStable(entries, func(i, j int) bool {
		a, b := entries[i].Key, entries[j].Key
		if less, err := Less(t, a, b); err == nil {
			return less
		}
		return TypeName(a) < TypeName(b)
	})
	return entries, nil
}

// sortedRepr is repr with the dicts inside sorted.
func sortedRepr(t *Thread, v Value, depth int) (string, error) {
	if depth > maxNesting {
		return "", errRecursion
	}
	var open, end string
	var items []Value
	switch v := v.(type) {
	case *Dict:
		entries, err := sortedEntries(t, v)
		if err != nil {
			return "", err
		}
		var b strings.Builder
		b.WriteByte('{')
		for i, e := range entries {
			k, err := sortedRepr(t, e.Key, depth+1)
			if err != nil {
				return "", err
			}
			x, err := sortedRepr(t, e.Value, depth+1)
			if err != nil {
				return "", err
			}
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(k + ": " + x)
			if err := t.Grow(b.Len()); err != nil {
				return "", err
			}
		}
		return b.String() + "}", nil
	case *List:
		open, items, end = "[", v.Items(), "]"
	case *Tuple:
		if v.Names != nil { // a class of its own, which pprint leaves alone
			return Repr(t, v)
		}
		open, items, end = "(", v.Items, ")"
		if len(items) == 1 {
			end = ",)"
		}
	default:
		return Repr(t, v)
	}
	parts := make([]string, len(items))
	size := 0
	for i, item := range items {
		s, err := sortedRepr(t, item, depth+1)
		if err != nil {
			return "", err
		}
		parts[i] = s
		size += len(s)
		if err := t.Grow(size); err != nil {
			return "", err
		}
	}
	return open + strings.Join(parts, ", ") + end, nil
}
