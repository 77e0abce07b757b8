package jinja_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/weighlock/weighlock/engine/jinja"
	"github.com/weighlock/weighlock/engine/jinja/py"
)

// hostile are templates that would cost too much if nothing stopped them, and
// the limit that must.
var hostile = map[string]struct{ tpl, limit string }{
	"endless loop":             {"{% for i in range(10**12) %}{% endfor %}", "steps"},
	"nested loops":             {"{% for a in range(10**5) %}{% for b in range(10**5) %}x{% endfor %}{% endfor %}", ""},
	"long range as a list":     {"{{ range(10**12)|list }}", ""},
	"output":                   {"{% set s = 'x' * 1000000 %}{% for i in range(100) %}{{ s }}{% endfor %}", "output bytes"},
	"string repetition":        {"{{ 'x' * 10**10 }}", "output bytes"},
	"list repetition":          {"{{ [0] * 10**10 }}", "output bytes"},
	"doubling":                 {"{% set ns = namespace(s='x') %}{% for i in range(100) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}", ""},
	"doubling a list":          {"{% set l = [1] %}{% for i in range(100) %}{% do l.extend(l) %}{% endfor %}", ""},
	"many big strings":         {"{% set l = [] %}{% for i in range(10**6) %}{% do l.append(i ~ 'x' * 100000) %}{% endfor %}", "memory bytes"},
	"power":                    {"{{ 10 ** (10 ** 10) }}", "integer bits"},
	"power tower":              {"{% set ns = namespace(n=10) %}{% for i in range(100) %}{% set ns.n = ns.n * ns.n %}{% endfor %}", "integer bits"},
	"width of a format":        {"{{ '%999999999d' % 1 }}", "output bytes"},
	"width of format()":        {"{{ '{:999999999}'.format(1) }}", "output bytes"},
	"width of a filter":        {"{{ 'x'|center(10**10) }}", "output bytes"},
	"indent":                   {"{{ 'a\nb'|indent(10**10) }}", "output bytes"},
	"replace":                  {"{{ ('a' * 10**5)|replace('a', 'b' * 10**6) }}", "output bytes"},
	"lipsum":                   {"{{ lipsum(10**9) }}", ""},
	"recursive macro":          {"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "depth"},
	"recursive loop":           {"{% set l = [1] %}{% for x in l recursive %}{{ loop(l) }}{% endfor %}", "depth"},
	"recursive include":        {"{% include 'self' %}", "depth"},
	"recursive block":          {"{% block a %}{{ self.a() }}{% endblock %}", "depth"},
	"recursive import":         {"{% import 'imp' as x %}", "depth"},
	"recursive extends":        {"{% extends 'ext' %}", "depth"},
	"generators in generators": {"{% set ns = namespace(g=[1]) %}{% for i in range(10**5) %}{% set ns.g = ns.g|map('string') %}{% endfor %}{{ ns.g|list }}", "depth"},
	"list in itself":           {"{% set l = [] %}{% do l.append(l) %}{{ l == [l] }}{{ l }}", "-"},
	"namespace in itself":      {"{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}", "depth"},
	"deep data":                {"{% set ns = namespace(l=[]) %}{% for i in range(10**5) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}", "-"},
	"deep tuple as a key":      {"{% set ns = namespace(l=()) %}{% for i in range(10**5) %}{% set ns.l = (ns.l,) %}{% endfor %}{{ {ns.l: 1} }}", "-"},
	"deep data to JSON":        {"{% set ns = namespace(l=[]) %}{% for i in range(10**5) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l|tojson }}", "-"},
	"deep data compared":       {"{% set ns = namespace(l=[], m=[]) %}{% for i in range(10**5) %}{% set ns.l = [ns.l] %}{% set ns.m = [ns.m] %}{% endfor %}{{ ns.l == ns.m }}", "-"},
	"deep data printed":        {"{% set ns = namespace(l=[]) %}{% for i in range(10**5) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l|pprint }}", "-"},
	"exponential data":         {"{% set ns = namespace(l=[]) %}{% for i in range(100) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}", ""},
	"exponential key":          {"{% set ns = namespace(l=('a',)) %}{% for i in range(60) %}{% set ns.l = (ns.l, ns.l) %}{% endfor %}{{ {ns.l: 1} }}", "key bytes"},
	"exponential tuples equal": {"{% set ns = namespace(l=('a',), m=('a',)) %}{% for i in range(60) %}{% set ns.l = (ns.l, ns.l) %}{% set ns.m = (ns.m, ns.m) %}{% endfor %}{{ ns.l == ns.m }}", "steps"},
	"long batch":               {"{{ range(10**12)|batch(10**12)|list }}", ""},
	"many slices":              {"{{ [1]|slice(10**12)|list }}", ""},
	"many different values":    {"{{ range(10**12)|unique|list }}", ""},
	"big dict":                 {"{% set d = {} %}{% for i in range(10**12) %}{% set _ = d.update({i: i}) %}{% endfor %}", ""},
	"chain of lists":           {"{% set ns = namespace(l=[]) %}{% for i in range(10**12) %}{% set ns.l = [ns.l, i] %}{% endfor %}", ""},
	"big string scanned":       {"{% set s = 'a' * 4000000 %}{% for i in range(10**6) %}{% set _ = s|wordcount %}{% endfor %}", "steps"},
	"big string searched":      {"{% set s = 'a' * 4000000 %}{% for i in range(10**6) %}{% set _ = 'aab' in s %}{% endfor %}", "steps"},
	"big string indexed":       {"{% set s = 'ä' * 2000000 %}{% for i in range(10**6) %}{% set _ = s[1999999] %}{% endfor %}", "steps"},
	"big string split":         {"{{ ('a ' * 2000000).split() }}", "memory bytes"},
	"long word wrapped":        {"{{ ('x' * 300000)|wordwrap(1)|length }}", "-"},
	"hyphens wrapped":          {"{{ ('-' * 1000000)|wordwrap(7)|length }}{{ ('aa-' * 100000)|wordwrap(7)|length }}", "-"},
	"brackets around a link":   {"{{ ('a' ~ '(' * 500000 ~ ')' * 500000)|urlize|length }}", "-"},
	"comments in comments":     {"{{ ('<!-' * 100000 ~ '<!-- -->-' * 100000)|striptags|length }}", "-"},
	"escapes in a string":      {"{{ '" + strings.Repeat(`\n`, 1000000) + "'|length }}", "-"},
	"deep expression":          {"{{ " + strings.Repeat("(", 100000) + "1" + strings.Repeat(")", 100000) + " }}", "-"},
	"long expression":          {"{{ 1" + strings.Repeat("+1", 100000) + " }}", "-"},
	"long and deep":            {"{{ " + strings.Repeat("(", 150) + "1" + strings.Repeat(strings.Repeat("+1", 1000)+")", 150) + " }}", "-"},
	"many nots":                {"{{ " + strings.Repeat("not ", 100000) + "1 }}", "-"},
	"many minuses":             {"{{ " + strings.Repeat("-", 100000) + "1 }}", "-"},
	"many ifs":                 {strings.Repeat("{% if 1 %}", 100000), "-"},
	"many attributes":          {"{{ a" + strings.Repeat(".b", 100000) + " }}", "-"},
	"many filters":             {"{{ a" + strings.Repeat("|e", 100000) + " }}", "-"},
	"nested brackets":          {"{{ " + strings.Repeat("[", 100000), "-"},
	"nested dicts":             {"{{ " + strings.Repeat("{1:", 100000), "-"},
	"nested calls":             {"{{ " + strings.Repeat("f(", 100000), "-"},
}

func TestNothingATemplateDoesIsUnbounded(t *testing.T) {
	t.Parallel()
	loader := jinja.MapLoader{"self": "{% include 'self' %}", "imp": "{% import 'imp' as x %}", "ext": "{% extends 'ext' %}"}
	env := jinja.New(jinja.Options{LoopControls: true, Do: true, Loader: loader, Limits: py.Limits{Steps: 500_000, OutputBytes: 4 << 20, Memory: 32 << 20}})
	for name, c := range hostile {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			tpl, err := env.Parse(name, c.tpl)
			if err == nil {
				_, err = tpl.Render(context.Background(), nil)
			}
			if took := time.Since(start); took > time.Minute {
				t.Errorf("took %v", took)
			}
			var le *py.LimitError
			switch {
			case c.limit == "-": // any outcome but a crash
			case !errors.As(err, &le):
				t.Errorf("got %v, want a limit error", err)
			case c.limit != "" && le.Limit != c.limit:
				t.Errorf("got the limit %q, want %q", le.Limit, c.limit)
			}
		})
	}
}

func TestTheContextEndsARender(t *testing.T) {
	t.Parallel()
	tpl, err := jinja.New(jinja.Options{Limits: py.Limits{Steps: -1}}).Parse("t", "{% for i in range(10**15) %}{% endfor %}")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if _, err := tpl.Render(ctx, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the context's error", err)
	}
}

func TestAttributesNeverReachGo(t *testing.T) {
	t.Parallel()
	env := jinja.New(jinja.Options{})
	for _, expr := range []string{"l.Len", "l.Items", "d.Entries", "m.PyCall", "r.At", "s.__class__", "cycler(1).PyAttr", "namespace().d", "loop.s"} {
		tpl, err := env.Parse("t", "{% macro m() %}{% endmacro %}{% set l, d, r, s = [1], {}, range(2), 'a' %}{{ "+expr+" }}")
		if err != nil {
			t.Fatal(err)
		}
		out, err := tpl.Render(context.Background(), nil)
		if out != "" {
			t.Errorf("%s is %q, %v; want nothing", expr, out, err)
		}
	}
}
