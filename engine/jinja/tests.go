package jinja

import (
	"math/big"

	"github.com/weighlock/weighlock/engine/jinja/py"
)

func addTests(r registry) {
	// is declares a test of the value alone.
	is := func(name string, fn func(v py.Value) bool) {
		r.add(name, "value", func(_ *py.Thread, a []py.Value) (py.Value, error) { return fn(a[0]), nil })
	}
	is("defined", func(v py.Value) bool { _, undef := v.(*py.Undefined); return !undef })
	is("undefined", func(v py.Value) bool { _, undef := v.(*py.Undefined); return undef })
	is("none", func(v py.Value) bool { return v == nil })
	is("boolean", func(v py.Value) bool { _, ok := v.(bool); return ok })
	is("true", func(v py.Value) bool { return v == true })
	is("false", func(v py.Value) bool { return v == false })
	is("integer", isInt)
	is("float", func(v py.Value) bool { _, ok := v.(float64); return ok })
	is("number", func(v py.Value) bool {
		switch v.(type) {
		case bool, float64, complex128:
			return true
		}
		return isInt(v)
	})
	is("string", func(v py.Value) bool { _, ok := py.IsString(v); return ok })
	is("mapping", func(v py.Value) bool { _, ok := v.(*py.Dict); return ok })
	is("sequence", isSequence)
	r.add("iterable", "value", func(t *py.Thread, a []py.Value) (py.Value, error) {
		_, err := py.Iter(t, a[0])
		if py.IsKind(err, "TypeError") {
			return false, nil
		}
		return err == nil, err
	})
	is("callable", py.Callable)
	is("escaped", py.HasHTML)
	r.add("filter", "value", func(t *py.Thread, a []py.Value) (py.Value, error) {
		return inTable(stateOf(t).env.filters, a[0])
	})
	r.add("test", "value", func(t *py.Thread, a []py.Value) (py.Value, error) {
		return inTable(stateOf(t).env.tests, a[0])
	})
	r.add("sameas", "value, other", func(_ *py.Thread, a []py.Value) (py.Value, error) { return py.Is(a[0], a[1]), nil })
	r.add("in", "value, seq", func(t *py.Thread, a []py.Value) (py.Value, error) {
		ok, err := py.Contains(t, a[1], a[0])
		return ok, err
	})
	r.add("lower", "value", func(t *py.Thread, a []py.Value) (py.Value, error) {
		s, err := py.Str(t, a[0])
		return py.IsLowerStr(s), err
	})
	r.add("upper", "value", func(t *py.Thread, a []py.Value) (py.Value, error) {
		s, err := py.Str(t, a[0])
		return py.IsUpperStr(s), err
	})
	modTests(r)
	compareTests(r)
}

func isInt(v py.Value) bool {
	switch v.(type) {
	case int, *big.Int:
		return true
	}
	return false
}

// isSequence asks for len() and __getitem__.
func isSequence(v py.Value) bool {
	switch v := v.(type) {
	case string, py.Markup, py.Bytes, *py.List, *py.Tuple, *py.Dict, *py.Range:
		return true
	case *py.Undefined:
		return v.Kind != py.Strict
	}
	return false
}

func inTable(table map[string]*py.Func, v py.Value) (py.Value, error) {
	name, ok := py.IsString(v)
	if !ok {
		return false, py.Hashable(v)
	}
	_, found := table[name]
	return found, nil
}

func modTests(r registry) {
	rest := func(t *py.Thread, v, n py.Value, want int) (py.Value, error) {
		m, err := py.Binary(t, py.Mod, v, n)
		if err != nil {
			return nil, err
		}
		ok, err := py.Equal(t, m, want)
		return ok, err
	}
	r.add("odd", "value", func(t *py.Thread, a []py.Value) (py.Value, error) { return rest(t, a[0], 2, 1) })
	r.add("even", "value", func(t *py.Thread, a []py.Value) (py.Value, error) { return rest(t, a[0], 2, 0) })
	r.add("divisibleby", "value, num", func(t *py.Thread, a []py.Value) (py.Value, error) { return rest(t, a[0], a[1], 0) })
}

func compareTests(r registry) {
	for op, names := range map[string][]string{
		"==": {"==", "eq", "equalto"},
		"!=": {"!=", "ne"},
		">":  {">", "gt", "greaterthan"},
		">=": {">=", "ge"},
		"<":  {"<", "lt", "lessthan"},
		"<=": {"<=", "le"},
	} {
		for _, name := range names {
			r.add(name, "a, b, /", func(t *py.Thread, a []py.Value) (py.Value, error) {
				ok, err := py.Compare(t, op, a[0], a[1])
				return ok, err
			})
		}
	}
}
