package jinja

import (
	"fmt"

	"github.com/weighlock/weighlock/engine/jinja/py"
)

func (n *forStmt) exec(f *frame) error {
	if err := f.s.thread.Step(1); err != nil {
		return err
	}
	iterable, err := n.iter.eval(f)
	if err != nil {
		return err
	}
	if !n.recursive {
		return n.loop(f, f, iterable, nil)
	}
	text, err := n.recurse(f, iterable, 0)
	if err != nil {
		return err
	}
	return f.s.print(text, false)
}

// recurse executes a recursive loop in a frame of its own and returns its output.
func (n *forStmt) recurse(outer *frame, iterable py.Value, depth int) (py.Value, error) {
	s := outer.s
	if err := s.thread.Enter(); err != nil {
		return nil, err
	}
	defer s.thread.Leave()
	rec := &recursion{n: n, outer: outer, depth: depth}
	text, err := s.capture(func() error { return n.loop(outer, outer.inner(n.code.fn), iterable, rec) })
	if err != nil {
		return nil, err
	}
	if n.code.escape == escapeOn || n.code.escape == escapeVolatile && outer.tc.eval.autoescape {
		return py.Markup(text), nil
	}
	return text, nil
}

// recursion is what a recursive loop needs to call itself.
type recursion struct {
	n     *forStmt
	outer *frame
	depth int
}

// loop executes the loop's body in f for each item. outer is the frame that
// the loop stands in; it is f unless the loop is recursive.
func (n *forStmt) loop(outer, f *frame, iterable py.Value, rec *recursion) error {
	t := &f.s.thread
	code := n.code
	source := iterable
	it, err := py.Iter(t, iterable)
	if err != nil {
		return err
	}
	if code.filter != nil {
		it = &loopFilter{f: outer.inner(code.filter.fn), code: code.filter, test: n.test, it: it}
		source = it
	}
	var lc *loopContext
	if code.loop >= 0 {
		lc = &loopContext{s: f.s, iterable: source, it: it, rec: rec, index0: -1, length: -1, after: missing, current: missing, before: missing, lastChanged: missing}
		if rec != nil {
			lc.depth0 = rec.depth
		}
	}
	ran := false
	for {
		var v py.Value
		var ok bool
		if lc != nil {
			v, ok, err = lc.next(t)
		} else {
			v, ok, err = it.Next(t)
		}
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if err := t.Step(1); err != nil {
			return err
		}
		if err := f.assign(n.target, v); err != nil {
			return err
		}
		if lc != nil {
			f.slots[code.loop] = lc
		}
		f.enter(code.enter)
		err := f.execAll(n.body)
		if err == errBreak {
			break // before the body counts as executed, as in Jinja2
		}
		if err != nil && err != errContinue {
			return err
		}
		ran = ran || err == nil
	}
	f.forget(code.leave)
	if !ran && n.orelse != nil {
		f.enter(code.elseEnter)
		err := f.execAll(n.orelse)
		f.forget(code.elseLeave)
		return err
	}
	return nil
}

// loopFilter is the iterator over the items that satisfy a loop's condition.
type loopFilter struct {
	f       *frame
	code    *filterCode
	test    expr
	it      py.Iterator
	entered bool
}

// PyType implements [py.Object].
func (l *loopFilter) PyType() string { return "generator" }

// Next implements [py.Iterator].
func (l *loopFilter) Next(t *py.Thread) (py.Value, bool, error) {
	if !l.entered {
		l.entered = true
		l.f.enter(l.code.enter)
	}
	for {
		v, ok, err := l.it.Next(t)
		if err != nil || !ok {
			return nil, false, err
		}
		if err := t.Step(1); err != nil {
			return nil, false, err
		}
		if err := l.f.assign(l.code.target, v); err != nil {
			return nil, false, err
		}
		pass, err := l.f.truth(l.test)
		if err != nil {
			return nil, false, locate(err, l.f, l.test.pos())
		}
		if pass {
			return v, true, nil
		}
	}
}

// loopContext is the variable loop.
type loopContext struct {
	s           *state
	iterable    py.Value
	it          py.Iterator
	rec         *recursion
	index0      int
	length      int // -1 until known
	depth0      int
	after       py.Value // peeked item, or missing
	current     py.Value
	before      py.Value
	lastChanged py.Value
}

func (l *loopContext) next(t *py.Thread) (py.Value, bool, error) {
	v := l.after
	if v == missing {
		var ok bool
		var err error
		if v, ok, err = l.it.Next(t); err != nil || !ok {
			return nil, false, err
		}
	}
	l.after = missing
	l.index0++
	l.before, l.current = l.current, v
	return v, true, nil
}

func (l *loopContext) peek(t *py.Thread) (py.Value, error) {
	if l.after == missing {
		v, ok, err := l.it.Next(t)
		if err != nil {
			return nil, err
		}
		if ok {
			l.after = v
		}
	}
	return l.after, nil
}

func (l *loopContext) len(t *py.Thread) (int, error) {
	if l.length >= 0 {
		return l.length, nil
	}
	if n, err := py.Len(t, l.iterable); err == nil {
		l.length = n
		return n, nil
	} else if !py.IsKind(err, "TypeError") {
		return 0, err
	}
	var rest []py.Value
	for {
		v, ok, err := l.it.Next(t)
		if err != nil {
			return 0, err
		}
		if !ok {
			break
		}
		if err := t.Step(1); err != nil {
			return 0, err
		}
		rest = append(rest, v)
	}
	l.it = py.NewIterator(rest, "list_iterator")
	l.length = len(rest) + l.index0 + 1
	if l.after != missing {
		l.length++
	}
	return l.length, nil
}

// attr is loop.name; what does not exist is undefined.
func (l *loopContext) attr(s *state, name string) (py.Value, error) {
	v, ok, err := l.PyAttr(&s.thread, name)
	if !ok && err == nil {
		return &py.Undefined{Kind: s.env.undefined, Obj: l, HasObj: true, Name: name}, nil
	}
	return v, err
}

// PyAttr implements [py.Attrer].
func (l *loopContext) PyAttr(t *py.Thread, name string) (py.Value, bool, error) {
	switch name {
	case "index":
		return l.index0 + 1, true, nil
	case "index0":
		return l.index0, true, nil
	case "first":
		return l.index0 == 0, true, nil
	case "last":
		v, err := l.peek(t)
		return v == missing, true, err
	case "length":
		n, err := l.len(t)
		return n, true, err
	case "revindex":
		n, err := l.len(t)
		return n - l.index0, true, err
	case "revindex0":
		n, err := l.len(t)
		return n - l.index0 - 1, true, err
	case "depth":
		return l.depth0 + 1, true, nil
	case "depth0":
		return l.depth0, true, nil
	case "previtem":
		if l.index0 == 0 {
			return l.s.undefinedHint("there is no previous item", nil), true, nil
		}
		return l.before, true, nil
	case "nextitem":
		v, err := l.peek(t)
		if v == missing {
			v = l.s.undefinedHint("there is no next item", nil)
		}
		return v, true, err
	case "cycle":
		return &py.BoundMethod{Self: l, F: loopCycle}, true, nil
	case "changed":
		return &py.BoundMethod{Self: l, F: loopChanged}, true, nil
	}
	return nil, false, nil
}

var loopCycle = py.NewFunc("cycle", "self, *args", func(_ *py.Thread, a []py.Value) (py.Value, error) {
	items := a[1].(*py.Tuple).Items
	if len(items) == 0 {
		return nil, py.TypeErrorf("no items for cycling given")
	}
	return items[a[0].(*loopContext).index0%len(items)], nil
})

var loopChanged = py.NewFunc("changed", "self, *value", func(t *py.Thread, a []py.Value) (py.Value, error) {
	l := a[0].(*loopContext)
	if l.lastChanged != missing {
		eq, err := py.Equal(t, l.lastChanged, a[1])
		if eq || err != nil {
			return false, err
		}
	}
	l.lastChanged = a[1]
	return true, nil
})

// PyType implements [py.Object].
func (l *loopContext) PyType() string { return "LoopContext" }

// PyQualifiedType implements [py.Qualifier].
func (l *loopContext) PyQualifiedType() string { return "jinja2.runtime.LoopContext" }

// PyLen implements [py.Sized].
func (l *loopContext) PyLen(t *py.Thread) (int, error) { return l.len(t) }

// PyIter implements [py.Iterable]: iterating over loop takes the loop's items.
func (l *loopContext) PyIter() py.Iterator {
	return py.NewGenerator("loop", func(t *py.Thread) (py.Value, bool, error) {
		v, ok, err := l.next(t)
		if !ok || err != nil {
			return nil, false, err
		}
		return py.NewTuple(v, l), true, nil
	})
}

// PyCall implements [py.Caller]: it renders the loop's body for other items.
func (l *loopContext) PyCall(t *py.Thread, a py.Args) (py.Value, error) {
	var items py.Value
	switch {
	case len(a.Pos) == 1 && len(a.Kw) == 0:
		items = a.Pos[0]
	case len(a.Pos) == 0 && len(a.Kw) == 1 && a.Kw[0].Name == "iterable":
		items = a.Kw[0].Value
	default:
		return nil, py.TypeErrorf("LoopContext.__call__() takes 2 positional arguments but %d were given", 1+len(a.Pos)+len(a.Kw))
	}
	if l.rec == nil {
		return nil, py.TypeErrorf("The loop must have the 'recursive' marker to be called recursively.")
	}
	v, err := l.rec.n.recurse(l.rec.outer, items, l.depth0+1)
	return v, crossing(err)
}

// PyRepr implements [py.Reprer].
func (l *loopContext) PyRepr(t *py.Thread) (string, error) {
	n, err := l.len(t)
	return fmt.Sprintf("<LoopContext %d/%d>", l.index0+1, n), err
}
