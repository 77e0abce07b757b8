package jinja_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing/fstest"

	"github.com/weighlock/weighlock/engine/jinja"
	"github.com/weighlock/weighlock/engine/jinja/py"
)

func Example() {
	env := jinja.New(jinja.Options{Undefined: jinja.Strict})
	tpl, err := env.Parse("greeting", "Hello {% for n in names %}{{ n|title }}{{ ', ' if not loop.last }}{% endfor %}!")
	if err != nil {
		fmt.Println(err)
		return
	}
	out, err := tpl.Render(context.Background(), map[string]any{"names": []any{"ann", "bob"}})
	fmt.Println(out, err)
	// Output: Hello Ann, Bob! <nil>
}

func ExampleEnv_Eval() {
	env := jinja.New(jinja.Options{})
	v, err := env.Eval(context.Background(), "replicas * 2 > 5", map[string]any{"replicas": 3})
	fmt.Println(v, err)
	// Output: true <nil>
}

func ExampleError() {
	env := jinja.New(jinja.Options{Undefined: jinja.Strict, Loader: jinja.MapLoader{"part": "\n{{ replica }}"}})
	tpl, err := env.Parse("main", "{% include 'part' %}")
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = tpl.Render(context.Background(), map[string]any{"replicas": 3})
	fmt.Println(err)
	var e *jinja.Error
	if errors.As(err, &e) {
		fmt.Println(e.Template, e.Line, e.Kind, e.Near, e.Include)
	}
	// Output:
	// part:2: UndefinedError: 'replica' is undefined (did you mean replicas?), from main:1
	// part 2 UndefinedError [replicas] [{main 1}]
}

func ExampleSearchLoader() {
	files := fstest.MapFS{
		"app/page.j2":   {Data: []byte("{% include './part.j2' %} {% include 'shared.j2' %}")},
		"app/part.j2":   {Data: []byte("beside")},
		"lib/shared.j2": {Data: []byte("from the search path")},
	}
	env := jinja.New(jinja.Options{Loader: jinja.SearchLoader{FS: files, Dirs: []string{"app", "lib"}}})
	tpl, err := env.Get(context.Background(), "page.j2")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(tpl.Render(context.Background(), nil))
	// Output: beside from the search path <nil>
}

// A filter declares its parameters as a Python function would.
func ExampleOptions_filters() {
	shout := py.NewFunc("shout", "text, times=1", func(t *py.Thread, a []py.Value) (py.Value, error) {
		s, err := py.Str(t, a[0])
		if err != nil {
			return nil, err
		}
		n, err := py.WantInt(a[1])
		if err != nil {
			return nil, err
		}
		if err := t.Alloc(n); err != nil {
			return nil, err
		}
		return py.Upper(s) + strings.Repeat("!", n), nil
	})
	env := jinja.New(jinja.Options{Filters: map[string]*py.Func{"shout": shout}})
	tpl, err := env.Parse("t", "{{ 'hey'|shout }} {{ 'hey'|shout(times=3) }}")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(tpl.Render(context.Background(), nil))
	// Output: HEY! HEY!!! <nil>
}

func ExampleOptions_limits() {
	env := jinja.New(jinja.Options{Limits: py.Limits{Steps: 1000}})
	tpl, err := env.Parse("t", "{% for i in range(10**9) %}{% endfor %}")
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = tpl.Render(context.Background(), nil)
	fmt.Println(err)
	// Output: t:1: LimitError: template exceeds the limit of 1000 steps
}
