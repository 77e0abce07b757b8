package jinja_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"slices"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/weighlock/weighlock/engine/jinja"
	"github.com/weighlock/weighlock/engine/jinja/py"
)

func render(t *testing.T, o jinja.Options, source string, vars any) (string, error) {
	t.Helper()
	tpl, err := jinja.New(o).Parse("main", source)
	if err != nil {
		return "", err
	}
	return tpl.Render(context.Background(), vars)
}

func TestErrorsSayWhere(t *testing.T) {
	t.Parallel()
	files := jinja.MapLoader{
		"a":   "1\n{% include 'b' %}",
		"b":   "x\n\n{{ replica }}",
		"m":   "{% macro f(x) %}\n{{ x.nope.y }}{% endmacro %}",
		"bad": "ok\n{% if %}",
	}
	vars := map[string]any{"replicas": 1, "other": 2, "spec": map[string]any{"image": "x"}}
	for name, c := range map[string]struct{ tpl, want string }{
		"near matches":     {"\n{{ replica }}", "main:2: UndefinedError: 'replica' is undefined (did you mean replicas?)"},
		"near keys":        {"{{ spec.imag }}", "main:1: UndefinedError: 'dict object' has no attribute 'imag' (did you mean image?)"},
		"include chain":    {"\n\n{% include 'a' %}", "b:3: UndefinedError: 'replica' is undefined (did you mean replicas?), from a:2, from main:3"},
		"macro chain":      {"{% import 'm' as m %}\n{{ m.f(spec) }}", "m:2: UndefinedError: 'dict object' has no attribute 'nope', from main:2"},
		"included syntax":  {"{% include 'bad' %}", "bad:2: TemplateSyntaxError: Expected an expression, got 'end of statement block', from main:1"},
		"syntax":           {"a\n{{ 1 + }}", "main:2: TemplateSyntaxError: unexpected 'end of print statement'"},
		"unknown tag":      {"{% nope %}", "main:1: TemplateSyntaxError: Encountered unknown tag 'nope'."},
		"missing template": {"\n{% include 'zz' %}", "main:2: TemplateNotFound: zz"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := render(t, jinja.Options{Undefined: jinja.Strict, Loader: files}, c.tpl, vars)
			if err == nil || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestErrorsUnwrap(t *testing.T) {
	t.Parallel()
	_, err := render(t, jinja.Options{Loader: jinja.MapLoader{}}, "{% include 'x' %}", nil)
	var je *jinja.Error
	if !errors.As(err, &je) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %#v", err)
	}
	boom := errors.New("boom")
	fail := py.NewFunc("fail", "", func(*py.Thread, []py.Value) (py.Value, error) { return nil, boom })
	_, err = render(t, jinja.Options{Globals: map[string]any{"fail": fail}}, "{{ fail() }}", nil)
	if !errors.Is(err, boom) {
		t.Errorf("got %v, want boom", err)
	}
	crash := py.NewFunc("crash", "", func(*py.Thread, []py.Value) (py.Value, error) { panic("bug") })
	if _, err = render(t, jinja.Options{Globals: map[string]any{"crash": crash}}, "{{ crash() }}", nil); err == nil {
		t.Error("a panic in a function is no error")
	}
}

func TestGoDataBecomesPythonData(t *testing.T) {
	t.Parallel()
	vars := map[string]any{
		"m": map[string]any{"b": int64(1), "a": uint64(1) << 63, "c": map[any]any{2: "x", 1: "y"}},
		"n": []any{json.Number("1"), json.Number("1.0"), json.Number("12345678901234567890"), float32(0.5), int32(7), nil},
		"s": []string{"x"}, "t": map[string]string{"z": "1", "y": "2"}, "big": big.NewInt(5), "bytes": []byte("b"),
	}
	got, err := render(t, jinja.Options{}, "{{ m }} {{ n }} {{ s }} {{ t }} {{ big }} {{ bytes }}", vars)
	want := "{'a': 9223372036854775808, 'b': 1, 'c': {1: 'y', 2: 'x'}} [1, 1.0, 12345678901234567890, 0.5, 7, None] ['x'] {'y': '2', 'z': '1'} 5 b'b'"
	if err != nil || got != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
}

func TestRendersDoNotShareWhatTheyChange(t *testing.T) {
	t.Parallel()
	vars := map[string]any{"l": []any{1}, "d": map[string]any{"k": []any{}}}
	env := jinja.New(jinja.Options{Do: true, Globals: map[string]any{"g": []any{}}})
	tpl, err := env.Parse("t", "{% do l.append(2) %}{% do d.k.append(1) %}{% do g.append(3) %}{% set x = [] %}{% do x.append(1) %}{{ l }}{{ d }}{{ g }}{{ x }}")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				got, err := tpl.Render(context.Background(), vars)
				if want := "[1, 2]{'k': [1]}[3][1]"; err != nil || got != want {
					t.Errorf("got %s, %v", got, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestSearchLoaderStaysInItsDirectories(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{
		"root.txt":    {Data: []byte("root")},
		"app/a.txt":   {Data: []byte("{% include './b.txt' %}{% include '../root.txt' ignore missing %}")},
		"app/b.txt":   {Data: []byte("b")},
		"lib/c.txt":   {Data: []byte("c")},
		"lib/b.txt":   {Data: []byte("lib b")},
		"secret/key":  {Data: []byte("key")},
		"app/dir/.k":  {Data: []byte("")},
		"app2/no.txt": {Data: []byte("no")},
	}
	env := jinja.New(jinja.Options{Loader: jinja.SearchLoader{FS: files, Dirs: []string{"app", "lib"}, Root: "/repo"}})
	for name, want := range map[string]string{
		"b.txt": "b", "c.txt": "c", "a.txt": "b", "./c.txt": "c", "/repo/lib/b.txt": "lib b",
		"../secret/key": "", "/repo/secret/key": "", "/etc/passwd": "", "secret/key": "", "dir": "", "x/../b.txt": "", "/repo/app2/no.txt": "", "": "",
	} {
		tpl, err := env.Get(context.Background(), name)
		if want == "" {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: got %v, want not found", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, err := tpl.Render(context.Background(), nil); got != want || err != nil {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

func TestEvalReturnsValues(t *testing.T) {
	t.Parallel()
	env := jinja.New(jinja.Options{Undefined: jinja.Strict})
	for expr, want := range map[string]string{"1 + x": "int 4", "[1, 'a']": "*py.List [1, 'a']", "none": "<nil> None", "x > 2 and x < 5": "bool True", "'a' ~ x": "string a3"} {
		v, err := env.Eval(context.Background(), expr, map[string]any{"x": 3})
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		s, err := py.Str(nil, v)
		if got := fmt.Sprintf("%T %s", v, s); got != want || err != nil {
			t.Errorf("%s: got %s, %v, want %s", expr, got, err, want)
		}
	}
	if v, err := env.Eval(context.Background(), "nope", nil); err != nil || py.TypeName(v) != "StrictUndefined" {
		t.Errorf("got %v, %v, want an undefined value", v, err)
	}
	for _, expr := range []string{"1 +", "1 2", "", "nope.x"} {
		if _, err := env.Eval(context.Background(), expr, nil); err == nil {
			t.Errorf("%q is no error", expr)
		}
	}
}

func TestFunctionsSeeTheirCaller(t *testing.T) {
	t.Parallel()
	where := py.NewFunc("where", "", func(th *py.Thread, _ []py.Value) (py.Value, error) {
		c := jinja.CallOf(th)
		v, ok := c.Lookup("v")
		names := c.Names()
		return fmt.Sprintln(c.Template(), v, ok, slices.Contains(names, "v"), c.Autoescape()), nil
	})
	got, err := render(t, jinja.Options{Globals: map[string]any{"where": where}}, "{{ where()|trim }}{% set v = 1 %}|{{ where()|trim }}{% for x in [1] %}{% set v = 2 %}|{{ where()|trim }}{% endfor %}", nil)
	if want := "main <nil> false false false|main 1 true true false|main 2 true true false"; err != nil || got != want {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestRandomIsTheCallers(t *testing.T) {
	t.Parallel()
	got, err := render(t, jinja.Options{Rand: rising()}, "{{ [1, 2, 3]|random }}{{ (lipsum(1, html=false, min=1, max=2)) is string }}", nil)
	if err != nil || got != "3True" {
		t.Errorf("got %q, %v", got, err)
	}
}

// rising returns a source that never gives the same number twice in a row.
func rising() func(int) int {
	i := -1
	return func(n int) int { i++; return (n - 1 + i) % n }
}
