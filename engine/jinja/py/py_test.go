package py_test

import (
	"context"
	"math/big"
	"testing"

	"github.com/weighlock/weighlock/engine/jinja/py"
)

func TestFormatFloatGivesTheShortestDigits(t *testing.T) {
	t.Parallel()
	for f, want := range map[float64]string{
		0: "0.0", 1: "1.0", -2.5: "-2.5", 0.1: "0.1", 1e15: "1000000000000000.0", 1e16: "1e+16", 1e-4: "0.0001", 1e-5: "1e-05", 1e22: "1e+22", 1.0 / 3: "0.3333333333333333", 123456789.125: "123456789.125",
	} {
		if got := py.FormatFloat(f); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestReprStringQuotesAsPython(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a": "'a'", "it's": `"it's"`, `'"`: `'\'"'`, "\n\t\\": `'\n\t\\'`, "\x00\x7f": `'\x00\x7f'`, "é日😀": "'é日😀'", "\u00a0\u2028": `'\xa0\u2028'`, "\U000e0001": `'\U000e0001'`,
	} {
		if got := py.ReprString(in); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

func TestEqualNumbersAreOneKey(t *testing.T) {
	t.Parallel()
	d := py.NewDict(0)
	for i, k := range []py.Value{1, 1.0, true, big.NewInt(1), "1", py.Markup("1"), nil, py.NewTuple(1, 2), py.NewTuple(1.0, 2)} {
		if err := d.Set(k, i); err != nil {
			t.Fatal(err)
		}
	}
	got, err := py.Repr(nil, d)
	if want := "{1: 3, '1': 5, None: 6, (1, 2): 8}"; got != want || err != nil {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	if err := d.Set(py.NewList(), 0); !py.IsKind(err, "TypeError") {
		t.Errorf("a list as a key: got %v, want a TypeError", err)
	}
}

func TestDictKeepsItsOrderAndFindsManyKeys(t *testing.T) {
	t.Parallel()
	d := py.NewDict(0)
	for i := range 100 {
		if err := d.Set(99-i, i); err != nil {
			t.Fatal(err)
		}
	}
	for i := 0; i < 100; i += 2 {
		if _, ok, err := d.Delete(i); !ok || err != nil {
			t.Fatalf("delete %d: %v, %v", i, ok, err)
		}
	}
	if e := d.Entries(); d.Len() != 50 || e[0].Key != 99 || e[49].Key != 1 {
		t.Errorf("got %d entries, %v", d.Len(), e)
	}
	if v, ok, err := d.Get(51.0); v != 48 || !ok || err != nil {
		t.Errorf("got %v, %v, %v", v, ok, err)
	}
}

func TestArithmeticCrossesTheIntLimit(t *testing.T) {
	t.Parallel()
	const max = int(^uint(0) >> 1)
	for _, c := range []struct {
		op   py.Op
		a, b py.Value
		want string
	}{
		{py.Add, max, 1, "9223372036854775808"}, {py.Sub, -max, 2, "-9223372036854775809"}, {py.Mul, max, max, "85070591730234615847396907784232501249"},
		{py.FloorDiv, -max - 1, -1, "9223372036854775808"}, {py.Mod, -7, 3, "2"}, {py.FloorDiv, -7, 2, "-4"}, {py.Pow, 2, 64, "18446744073709551616"}, {py.Pow, 2, -1, "0.5"}, {py.Div, 1, 3, "0.3333333333333333"},
	} {
		v, err := py.Binary(nil, c.op, c.a, c.b)
		if err != nil {
			t.Errorf("%v %v %v: %v", c.a, c.op, c.b, err)
			continue
		}
		if got, err := py.Str(nil, v); got != c.want || err != nil {
			t.Errorf("%v %v %v: got %s, %v, want %s", c.a, c.op, c.b, got, err, c.want)
		}
	}
}

func TestToGoInvertsFromGo(t *testing.T) {
	t.Parallel()
	th := py.NewThread(context.Background(), py.Limits{})
	in := map[string]any{"a": []any{1, "x", nil, true, 1.5}, "m": map[string]any{}}
	v, err := py.ToGo(th, py.FromGo(in))
	if err != nil {
		t.Fatal(err)
	}
	got, want := v.(map[string]any), in
	if len(got) != len(want) || len(got["a"].([]any)) != 5 || got["a"].([]any)[4] != 1.5 {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestNewFuncBindsAsPython(t *testing.T) {
	t.Parallel()
	th := py.NewThread(context.Background(), py.Limits{})
	f := py.NewFunc("f", "a, b=2, /, c='x, y', *rest, d=None, **kw", func(t *py.Thread, a []py.Value) (py.Value, error) {
		s, err := py.Repr(t, py.NewTuple(a...))
		return s, err
	})
	for _, c := range []struct {
		args py.Args
		want string
		kind string
	}{
		{py.Args{Pos: []py.Value{1}}, "(1, 2, 'x, y', None, (), {})", ""},
		{py.Args{Pos: []py.Value{1, 3, 4, 5}, Kw: []py.Kwarg{{Name: "d", Value: 6}, {Name: "z", Value: 7}}}, "(1, 3, 4, 6, (5,), {'z': 7})", ""},
		{py.Args{Kw: []py.Kwarg{{Name: "a", Value: 1}}}, "", "TypeError"},
		{py.Args{Pos: []py.Value{1, 2, 3}, Kw: []py.Kwarg{{Name: "c", Value: 1}}}, "", "TypeError"},
	} {
		v, err := f.PyCall(th, c.args)
		if c.kind != "" {
			if !py.IsKind(err, c.kind) {
				t.Errorf("got %v, %v, want a %s", v, err, c.kind)
			}
			continue
		}
		if v != c.want || err != nil {
			t.Errorf("got %v, %v, want %s", v, err, c.want)
		}
	}
}
