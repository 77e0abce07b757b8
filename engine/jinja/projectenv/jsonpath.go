package projectenv

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/weighlock/weighlock/engine/jinja"
	"github.com/weighlock/weighlock/engine/jinja/py"
)

// getVar returns what the first path finds that exists, else the default. A
// path that finds more than one value is an error.
func getVar(t *py.Thread, a []py.Value) (py.Value, error) {
	paths := []py.Value{a[0]}
	if l, ok := a[0].(*py.List); ok {
		paths = l.Items()
	}
	root := &varRoot{jinja.CallOf(t)}
	for _, p := range paths {
		text, ok := py.IsString(p)
		if !ok {
			if u, ok := p.(*py.Undefined); ok {
				return nil, u.Err()
			}
			return nil, py.TypeErrorf("a JSON path is a str, not %s", py.TypeName(p))
		}
		steps, err := parsePath(text)
		if err != nil {
			return nil, err
		}
		found := []any{root}
		for _, s := range steps {
			if found, err = s.apply(t, found); err != nil {
				return nil, err
			}
		}
		switch len(found) {
		case 0:
		case 1:
			if _, isRoot := found[0].(*varRoot); isRoot {
				return root.dict(), nil
			}
			return found[0], nil
		default:
			return nil, py.Errorf("Exception", "get_var: %s finds more than one value; only paths to a single one are supported", py.ReprString(text))
		}
	}
	return a[1], nil
}

// varRoot stands for the dict of all variables without making it.
type varRoot struct{ call *jinja.Call }

func (r *varRoot) names() []string {
	names := r.call.Names()
	slices.Sort(names)
	return slices.Compact(names)
}

func (r *varRoot) dict() *py.Dict {
	d := &py.Dict{}
	for _, n := range r.names() {
		if v, ok := r.call.Lookup(n); ok {
			d.SetString(n, v)
		}
	}
	return d
}

// pathStep is one part of a JSON path.
type pathStep struct {
	fields  []string // names, with * as a wildcard
	indexes []int
	slice   bool // [a:b:c], [*]
	bounds  [3]py.Value
	deep    bool // after ..: here and everywhere below
}

func pathError(text, why string) error {
	return py.Errorf("Exception", "Invalid json path %s. Error=%s", py.ReprString(text), why)
}

// parsePath understands $, .name, .*, ['name'], ["name"], [n], [-n], [a:b:c],
// [*], .. and lists of names or indexes with commas.
func parsePath(text string) ([]pathStep, error) {
	s := strings.TrimSpace(text)
	var steps []pathStep
	if rest, ok := strings.CutPrefix(s, "$"); ok {
		s = rest
	} else if s != "" && s[0] != '[' {
		s = "." + s
	}
	if text == "" {
		return nil, pathError(text, "the path is empty")
	}
	for s != "" {
		var step pathStep
		if rest, ok := strings.CutPrefix(s, ".."); ok {
			step.deep = true
			s = rest
			if s == "" {
				return nil, pathError(text, "nothing after ..")
			}
		} else if rest, ok := strings.CutPrefix(s, "."); ok {
			s = rest
		} else if s[0] != '[' {
			return nil, pathError(text, "unexpected "+py.ReprString(s[:1]))
		}
		var err error
		if strings.HasPrefix(s, "[") {
			s, err = step.bracket(s, text)
		} else {
			s, err = step.names(s, text)
		}
		if err != nil {
			return nil, err
		}
		steps = append(steps, step)
	}
	return steps, nil
}

func (p *pathStep) names(s, text string) (string, error) {
	for {
		var name string
		if s != "" && (s[0] == '"' || s[0] == '\'') {
			end := strings.IndexByte(s[1:], s[0])
			if end < 0 {
				return "", pathError(text, "quote is not closed")
			}
			name, s = s[1:end+1], s[end+2:]
		} else {
			end := strings.IndexAny(s, ".[], ")
			if end < 0 {
				end = len(s)
			}
			name, s = s[:end], s[end:]
			if name == "" {
				return "", pathError(text, "a name is missing")
			}
		}
		p.fields = append(p.fields, name)
		rest, ok := strings.CutPrefix(strings.TrimLeft(s, " "), ",")
		if !ok {
			return s, nil
		}
		s = strings.TrimLeft(rest, " ")
	}
}

func (p *pathStep) bracket(s, text string) (string, error) {
	s = strings.TrimLeft(s[1:], " ")
	if s != "" && (s[0] == '"' || s[0] == '\'') {
		s, err := p.names(s, text)
		if err != nil {
			return "", err
		}
		rest, ok := strings.CutPrefix(strings.TrimLeft(s, " "), "]")
		if !ok {
			return "", pathError(text, "] is missing")
		}
		return rest, nil
	}
	end := strings.IndexByte(s, ']')
	if end < 0 {
		return "", pathError(text, "] is missing")
	}
	inner, rest := strings.TrimSpace(s[:end]), s[end+1:]
	switch {
	case inner == "*":
		p.slice = true
		return rest, nil
	case strings.Contains(inner, ":"):
		p.slice = true
		parts := strings.Split(inner, ":")
		if len(parts) > 3 {
			return "", pathError(text, "too many colons")
		}
		for i, part := range parts {
			if part = strings.TrimSpace(part); part == "" {
				continue
			}
			n, err := strconv.Atoi(part)
			if err != nil {
				return "", pathError(text, "bad slice")
			}
			p.bounds[i] = n
		}
		return rest, nil
	}
	for part := range strings.SplitSeq(inner, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil {
			// An unquoted name is accepted, as a field.
			if strings.ContainsAny(part, " ?()@'\"") || part == "" {
				return "", pathError(text, "filters are not supported")
			}
			p.fields = append(p.fields, part)
			continue
		}
		p.indexes = append(p.indexes, n)
	}
	return rest, nil
}

func (p *pathStep) apply(t *py.Thread, from []any) ([]any, error) {
	var out []any
	for _, v := range from {
		if err := p.find(t, v, &out, 0); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (p *pathStep) find(t *py.Thread, v any, out *[]any, depth int) error {
	if depth > maxDepth {
		return errDepth
	}
	if err := t.Step(1); err != nil {
		return err
	}
	p.here(t, v, out)
	if !p.deep {
		return nil
	}
	if r, ok := v.(*varRoot); ok {
		v = r.dict()
	}
	switch v := v.(type) {
	case *py.Dict:
		for _, e := range v.Entries() {
			if err := p.find(t, e.Value, out, depth+1); err != nil {
				return err
			}
		}
	case *py.List:
		for _, item := range v.Items() {
			if err := p.find(t, item, out, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *pathStep) here(t *py.Thread, v any, out *[]any) {
	for _, f := range p.fields {
		p.field(v, f, out)
	}
	l, ok := v.(*py.List)
	if !ok {
		return
	}
	for _, i := range p.indexes {
		if i < 0 {
			i += l.Len()
		}
		if i >= 0 && i < l.Len() {
			*out = append(*out, l.Items()[i])
		}
	}
	if p.slice {
		part, err := py.SliceOf(t, l, p.bounds[0], p.bounds[1], p.bounds[2])
		if err == nil {
			*out = append(*out, part.(*py.List).Items()...)
		}
	}
}

func (p *pathStep) field(v any, name string, out *[]any) {
	lookup := func(string) (py.Value, bool) { return nil, false }
	var names []string
	switch v := v.(type) {
	case *varRoot:
		lookup = v.call.Lookup
		if strings.Contains(name, "*") {
			names = v.names()
		}
	case *py.Dict:
		lookup = v.GetString
		if strings.Contains(name, "*") {
			for _, e := range v.Entries() {
				if s, ok := py.IsString(e.Key); ok {
					names = append(names, s)
				}
			}
		}
	}
	if !strings.Contains(name, "*") {
		names = []string{name}
	}
	for _, n := range names {
		if n != name {
			// Slashes are ordinary here, unlike in path.Match.
			ok, err := path.Match(strings.ReplaceAll(name, "/", "\x00"), strings.ReplaceAll(n, "/", "\x00"))
			if err != nil || !ok {
				continue
			}
		}
		if x, ok := lookup(n); ok {
			*out = append(*out, x)
		}
	}
}
