package jinja_test

import (
	"context"
	"testing"
	"time"

	"github.com/weighlock/weighlock/engine/jinja"
	"github.com/weighlock/weighlock/engine/jinja/py"
	"github.com/weighlock/weighlock/engine/jinja/pyyaml"
)

var fuzzSeeds = []string{
	"{{ a }}", "{% for x in l %}{{ loop.index }}{% else %}{% endfor %}", "{% macro m(a, b=1) %}{{ caller() }}{% endmacro %}{% call m(1) %}{% endcall %}",
	"{% set a, b = 1, 2 %}{% set ns = namespace(x=1) %}{% set ns.x %}a{% endset %}", "{% extends 'a' %}{% block b scoped %}{{ super() }}{% endblock %}",
	"{%- if a -%} b {%+ elif c +%} {% else %} {% endif %}", "{% raw %}{{{% endraw %}{# c #}", "{{ 'a'|replace('a', 'b')|e ~ 1.5e3 ** 2 // 3 % 4 }}",
	"{% for x in t recursive %}{{ loop(x) }}{% endfor %}", "{{ {'a': [1, (2,)]}['a'][0:1:-1] is not none and not 1 in [1] }}", "{% filter upper %}{% with a = 1 %}{% include ['x', a] ignore missing %}{% endwith %}{% endfilter %}",
	"{{ '%s %(a)d {:>5}'.format(1) % (1, *[2], **{'x': 3}) }}", "{% autoescape x %}{% do 1 %}{% break %}{% endautoescape %}", "{{ '\\x41\\u00e9\\N{X}' }}",
}

func FuzzParse(f *testing.F) {
	for _, s := range fuzzSeeds {
		f.Add(s)
	}
	env := jinja.New(jinja.Options{LoopControls: true, Do: true})
	lines := jinja.New(jinja.Options{Syntax: jinja.Syntax{LineStatementPrefix: "#", LineCommentPrefix: "##", TrimBlocks: true, LstripBlocks: true}})
	f.Fuzz(func(t *testing.T, source string) {
		start := time.Now()
		for _, e := range []*jinja.Env{env, lines} {
			if _, err := e.Parse("f", source); err != nil && err.Error() == "" {
				t.Error("an error without a text")
			}
		}
		if time.Since(start) > 10*time.Second {
			t.Error("parsing hangs")
		}
	})
}

func FuzzRender(f *testing.F) {
	for _, s := range fuzzSeeds {
		f.Add(s)
	}
	vars := map[string]any{"a": 1, "l": []any{1, "x", nil}, "d": map[string]any{"k": 1.5}, "s": "<text> ü", "t": []any{[]any{[]any{}}}}
	limits := py.Limits{Steps: 20000, OutputBytes: 1 << 16, Memory: 1 << 20, Depth: 50, IntBits: 1 << 12}
	files := jinja.MapLoader{"a": "{% block b %}x{% endblock %}", "x": "{{ a }}"}
	env := jinja.New(jinja.Options{LoopControls: true, Do: true, Limits: limits, Loader: files})
	f.Fuzz(func(t *testing.T, source string) {
		start := time.Now()
		tpl, err := env.Parse("f", source)
		if err != nil {
			return
		}
		out, err := tpl.Render(context.Background(), vars)
		if err == nil && len(out) > limits.OutputBytes {
			t.Errorf("%d bytes of output", len(out))
		}
		if time.Since(start) > 10*time.Second {
			t.Error("rendering hangs")
		}
	})
}

func FuzzYAML(f *testing.F) {
	for _, s := range []string{"a: 1", "- [x, {y: z}]", "&a [*a]", "<<: {a: 1}", "2024-01-02", "!!set {a}", "a: |\n  x\n", "1:30", "'\\"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		th := py.NewThread(context.Background(), py.Limits{Steps: 100000, OutputBytes: 1 << 20})
		v, err := pyyaml.Load(th, text)
		if err != nil {
			return
		}
		out, err := pyyaml.Dump(th, v, pyyaml.Options{})
		if err != nil {
			return
		}
		again, err := pyyaml.Load(th, out)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, out)
		}
		second, err := pyyaml.Dump(th, again, pyyaml.Options{})
		if err == nil && second != out {
			t.Errorf("writing is not stable:\n%q\n%q", out, second)
		}
	})
}
