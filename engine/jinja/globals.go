package jinja

import (
	"math/big"
	"strings"

	"github.com/weighlock/weighlock/engine/jinja/py"
)

func makeGlobals() map[string]py.Value {
	m := map[string]py.Value{}
	class := func(name, signature string, fn goFunc) {
		f := py.NewFunc(name, signature, fn)
		f.Type = "type"
		m[name] = f
	}
	class("range", "*args", makeRange)
	class("dict", "*args, **kwargs", func(t *py.Thread, a []py.Value) (py.Value, error) {
		return makeDict(t, "dict", a[0].(*py.Tuple).Items, a[1].(*py.Dict))
	})
	class("namespace", "*args, **kwargs", func(t *py.Thread, a []py.Value) (py.Value, error) {
		d, err := makeDict(t, "dict", a[0].(*py.Tuple).Items, a[1].(*py.Dict))
		if err != nil {
			return nil, err
		}
		return &namespace{d.(*py.Dict)}, nil
	})
	class("cycler", "*items", func(_ *py.Thread, a []py.Value) (py.Value, error) {
		items := a[0].(*py.Tuple).Items
		if len(items) == 0 {
			return nil, py.Errorf("RuntimeError", "at least one item has to be provided")
		}
		return &cycler{items: items}, nil
	})
	class("joiner", "sep=', '", func(_ *py.Thread, a []py.Value) (py.Value, error) { return &joiner{sep: a[0]}, nil })
	m["lipsum"] = py.NewFunc("lipsum", "n=5, html=True, min=20, max=100", lipsum)
	m["joiner"].(*py.Func).Type = "type"
	return m
}

func makeRange(_ *py.Thread, a []py.Value) (py.Value, error) {
	args := a[0].(*py.Tuple).Items
	if len(args) < 1 || len(args) > 3 {
		return nil, py.TypeErrorf("range expected at most 3 arguments, got %d", len(args))
	}
	n := [3]int{0, 0, 1}
	huge := false
	for i, v := range args {
		x, err := py.WantInt(v)
		if err != nil {
			return nil, err
		}
		if _, isBig := v.(*big.Int); isBig {
			huge = true // x is as near as an int can be
		}
		if len(args) == 1 {
			i = 1
		}
		n[i] = x
	}
	if n[2] == 0 {
		return nil, py.ValueErrorf("range() arg 3 must not be zero")
	}
	r := &py.Range{Start: n[0], Stop: n[1], Step: n[2]}
	if huge && r.Len() > 0 {
		return nil, py.Errorf("OverflowError", "Python int too large to convert to C ssize_t")
	}
	return r, nil
}

func makeDict(t *py.Thread, name string, args []py.Value, kwargs *py.Dict) (py.Value, error) {
	if len(args) > 1 {
		return nil, py.TypeErrorf("%s expected at most 1 argument, got %d", name, len(args))
	}
	d := &py.Dict{}
	for _, arg := range args {
		if err := py.Update(t, d, arg); err != nil {
			return nil, err
		}
	}
	return d, py.Update(t, d, kwargs)
}

// namespace is the one object whose attributes templates may set.
type namespace struct{ d *py.Dict }

// PyType implements [py.Object].
func (n *namespace) PyType() string { return "Namespace" }

// PyQualifiedType implements [py.Qualifier].
func (n *namespace) PyQualifiedType() string { return "jinja2.utils.Namespace" }

// PyAttr implements [py.Attrer].
func (n *namespace) PyAttr(_ *py.Thread, name string) (py.Value, bool, error) {
	v, ok := n.d.GetString(name)
	return v, ok, nil
}

// PyRepr implements [py.Reprer].
func (n *namespace) PyRepr(t *py.Thread) (string, error) {
	s, err := py.Repr(t, n.d)
	return "<Namespace " + s + ">", err
}

// cycler goes round its items.
type cycler struct {
	items []py.Value
	at    int
}

// PyType implements [py.Object].
func (c *cycler) PyType() string { return "Cycler" }

// PyQualifiedType implements [py.Qualifier].
func (c *cycler) PyQualifiedType() string { return "jinja2.utils.Cycler" }

// PyAttr implements [py.Attrer].
func (c *cycler) PyAttr(_ *py.Thread, name string) (py.Value, bool, error) {
	switch name {
	case "current":
		return c.items[c.at], true, nil
	case "items":
		return py.NewTuple(c.items...), true, nil
	case "pos":
		return c.at, true, nil
	case "next":
		return &py.BoundMethod{Self: c, F: cyclerNext}, true, nil
	case "reset":
		return &py.BoundMethod{Self: c, F: cyclerReset}, true, nil
	}
	return nil, false, nil
}

var cyclerNext = py.NewFunc("next", "self", func(_ *py.Thread, a []py.Value) (py.Value, error) {
	c := a[0].(*cycler)
	v := c.items[c.at]
	c.at = (c.at + 1) % len(c.items)
	return v, nil
})

var cyclerReset = py.NewFunc("reset", "self", func(_ *py.Thread, a []py.Value) (py.Value, error) {
	a[0].(*cycler).at = 0
	return nil, nil
})

// joiner is empty the first time it is called, and its separator after that.
type joiner struct {
	sep  py.Value
	used bool
}

// PyType implements [py.Object].
func (j *joiner) PyType() string { return "Joiner" }

// PyQualifiedType implements [py.Qualifier].
func (j *joiner) PyQualifiedType() string { return "jinja2.utils.Joiner" }

// PyAttr implements [py.Attrer].
func (j *joiner) PyAttr(_ *py.Thread, name string) (py.Value, bool, error) {
	switch name {
	case "sep":
		return j.sep, true, nil
	case "used":
		return j.used, true, nil
	}
	return nil, false, nil
}

// PyCall implements [py.Caller].
func (j *joiner) PyCall(_ *py.Thread, a py.Args) (py.Value, error) {
	if len(a.Pos) > 0 || len(a.Kw) > 0 {
		return nil, py.TypeErrorf("Joiner.__call__() takes 1 positional argument but %d were given", 1+len(a.Pos)+len(a.Kw))
	}
	if j.used {
		return j.sep, nil
	}
	j.used = true
	return "", nil
}

// lipsumWords is a vocabulary for dummy text.
const lipsumWords = `amet animi aut bona cura deus dies dolor ergo esse fuga gens hora ipsum iter lorem magna mens modus mundus nemo nihil nox odio pars
pax porta quies ratio sit spes summa terra tempus umbra unda urbs vento verba via vita`

func lipsum(t *py.Thread, a []py.Value) (py.Value, error) {
	var n [3]int
	for i, v := range []py.Value{a[0], a[2], a[3]} {
		x, err := py.WantInt(v)
		if err != nil {
			return nil, err
		}
		n[i] = x
	}
	html, err := py.Truth(t, a[1])
	if err != nil {
		return nil, err
	}
	if n[0] > 0 && n[2] <= n[1] {
		return nil, py.ValueErrorf("empty range for randrange() (%d, %d, %d)", n[1], n[2], n[2]-n[1])
	}
	random := stateOf(t).env.random
	vocabulary := strings.Fields(lipsumWords)
	var out []string
	total := 0
	for range n[0] {
		count := n[1] + random(n[2]-n[1])
		if err := t.Step(count + 1); err != nil {
			return nil, err
		}
		p := paragraph(vocabulary, count, random)
		if html {
			p = "<p>" + p + "</p>"
		}
		total += len(p)
		if err := t.Grow(total); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	if !html {
		return strings.Join(out, "\n\n"), nil
	}
	return py.Markup(strings.Join(out, "\n")), nil
}

// paragraph makes count words into sentences.
func paragraph(vocabulary []string, count int, random func(int) int) string {
	var words []string
	capital := true
	sinceComma, sinceStop := 0, 0
	last := ""
	for range count {
		w := vocabulary[random(len(vocabulary))]
		for w == last {
			w = vocabulary[random(len(vocabulary))]
		}
		last = w
		if capital {
			w = py.Capitalize(w)
			capital = false
		}
		sinceComma++
		sinceStop++
		switch {
		case sinceStop > 10+random(10):
			w += "."
			capital, sinceComma, sinceStop = true, 0, 0
		case sinceComma > 3+random(5):
			w += ","
			sinceComma = 0
		}
		words = append(words, w)
	}
	text := strings.TrimRight(strings.Join(words, " "), ",.")
	return text + "."
}
