//go:build difffuzz

package jinja_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// gnode is a piece of a generated template: text and other pieces. What it is
// (an expression, a statement) decides what may take its place when a failing
// template is made smaller.
type gnode struct {
	kind  byte // 'e' expression, 's' statements
	parts []any
}

func (n *gnode) String() string {
	var b strings.Builder
	n.write(&b)
	return b.String()
}

func (n *gnode) write(b *strings.Builder) {
	for _, p := range n.parts {
		switch p := p.(type) {
		case string:
			b.WriteString(p)
		case *gnode:
			p.write(b)
		}
	}
}

// generator makes templates from a grammar. Expressions have a type, so that
// most of them make sense; now and then the type is ignored.
type generator struct {
	r     *rand.Rand
	vars  []string // names that statements have set
	depth int
}

func (g *generator) pick(s ...string) string { return s[g.r.IntN(len(s))] }

func (g *generator) chance(n int) bool { return g.r.IntN(n) == 0 }

// e builds an expression from a pattern in which I, F, S, L, D, B and A stand
// for expressions of a type (A: any) and # for a small number.
func (g *generator) e(pattern string) *gnode {
	n := &gnode{kind: 'e'}
	text := 0
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		if c != '\\' && strings.IndexByte("IFSLDBA#", c) < 0 {
			continue
		}
		n.parts = append(n.parts, pattern[text:i])
		text = i + 1
		switch c {
		case '\\':
			i++ // the next character stands for itself
		case '#':
			n.parts = append(n.parts, fmt.Sprint(g.r.IntN(7)-1))
		default:
			n.parts = append(n.parts, g.expr(c))
		}
	}
	n.parts = append(n.parts, pattern[text:])
	return n
}

func (g *generator) expr(typ byte) *gnode {
	if g.chance(400) {
		typ = 'A'
	}
	g.depth++
	defer func() { g.depth-- }()
	if g.depth > 5 || g.chance(3) {
		return g.leaf(typ)
	}
	switch typ {
	case 'I':
		return g.e(g.pick("(I + I)", "(I - I)", "(I * I)", "(I // I)", "(I % I)", "(I ** 2)", "(-I)", "(+I)", "(S|length)", "(L|length)", "(D|count)", "(L|sum)", "(A|int)", "(A|int(#))", "(S|int(base=16))", "(I|abs)", "S.count('a')", "S.find('l')", "(I if B else I)", "(S|wordcount)", "L.index(1)", "L.count(A)", "(L|first)", "(L|max)", "((I|round)|int)", "(L|min)", "D.get('zeta', I)", "I.bit_length()", "(I|default(I))", "(users|sum(attribute='age'))", "(users|map(attribute='age')|list)[#]"))
	case 'F':
		return g.e(g.pick("(F + I)", "(I / I)", "(F * F)", "(F - F)", "(F // I)", "(F % I)", "(A|float)", "(F|round(#))", "(F|round)", "(F|abs)", "(-F)", "(I|round(#, 'floor'))", "(F|round(1, 'ceil'))", "(F if B else I)"))
	case 'S':
		return g.e(g.pick("(S ~ A)", "(S ~ S)", "(S + S)", "(S * 2)", "(S|upper)", "(S|lower)", "(S|title)", "(S|capitalize)", "(S|trim)", "(S|trim(S))", "(S|replace(S, S))", "(S|replace(S, S, #))", "(S|truncate(9, B, '..', #))", "(S|truncate(5, true, ''))", "(S|indent(#, B, B))", "(S|center(#))", "(S|center(13))", "(S|wordwrap(9))", "(S|wordwrap(6, B, '\\|', B))", "(S|e)", "(S|striptags)", "(S|urlencode)", "(D|urlencode)", "(L|join(S))", "(L|join(', ', attribute='n'))", "(S|reverse)", "S[#]", "S[#:]", "S[:#]", "S[#:#]", "S[::-1]", "S[#::2]", "('%s-%s' % (A, A))", "('%5d|%-5s|%05.1f' % (I, S, F))", "('%r' % (A,))", "('{} {!r}'.format(A, A))", "('{0:>8}\\|{1:<5}\\|{0}'.format(S, I))", "('{:,}'.format(I))", "('{a}{b:.2\\f}'.format(a=A, b=F))", "('%s'|format(A))", "(A|tojson)", "(A|tojson(2))", "(A|string)", "(S if B else S)", "(A|default(S, B))", "S.upper()", "S.swapcase()", "S.strip()", "(S.split(S)|join('+'))", "S.join(L)", "S.replace(S, S)", "S.zfill(8)", "S.ljust(7, '*')", "(S.partition(S)|string)", "S.title()", "(S.rsplit(' ', 1)|string)", "(S.splitlines()|string)", "S.removeprefix(S)", "S.expandtabs(#)", "(S|first)", "(S|last)", "(D|xmlattr)", "(S|urlize)", "(A|pprint)", "(I|filesizeformat(B))", "(S|forceescape)", "(S|safe)", "(D|dictsort|string)", "D.get('x', S)", "(L|map('string')|join)", "users[#].n", "(users|map(attribute='city', default='-')|join(','))", "(S|d)", "(S|format(A, A))", "('a' 'b' S)", "(S.encode()|string)", "(L|sort|string)", "(none|string)"))
	case 'L':
		return g.e(g.pick("[A, A]", "[A, A, A]", "[I, S]", "(A, A)", "(L + L)", "(L * 2)", "L[#:]", "L[:#]", "L[::-1]", "(L|sort)", "(L|sort(reverse=B, case_sensitive=B))", "(L|unique|list)", "(L|reverse|list)", "(L|map('string')|list)", "(L|map('upper')|list)", "(L|map('int')|list)", "(L|map('default', A)|list)", "(L|select|list)", "(L|select('odd')|list)", "(L|reject('in', L)|list)", "(L|select('string')|list)", "(L|select('gt', I)|list)", "(users|selectattr('on')|list)", "(users|rejectattr('age', 'gt', I)|list)", "(users|map(attribute='n')|list)", "(L|batch(2)|list)", "(L|batch(3, A)|list)", "(L|slice(2)|list)", "(L|slice(3, A)|list)", "(S|list)", "(D|list)", "(D|dictsort)", "(D|dictsort(B, 'value', B))", "(D.items()|list)", "(D.keys()|list)", "(D.values()|list)", "(D|items|list)", "(range(#)|list)", "(range(I, #)|list)", "S.split()", "S.split(',')", "S.splitlines()", "(users|groupby('age')|map('first')|list)", "(users|sort(attribute='age,n'))", "(users|groupby('city', default=S)|list)", "(L if B else L)", "(L|list)", "(L|sum(start=[]))", "(L|map('length')|list)", "(L|map('join', S)|list)", "L.copy()", "[L, L]", "(users|unique(attribute='age')|list)", "(L|map(attribute='n')|list)"))
	case 'D':
		return g.e(g.pick("{'a': A, 'b': A}", "{S: A}", "{'k': A, 1: A, none: A}", "dict(x=A, y=A)", "dict(D, z=A)", "dict(L|map('string')|unique|batch(2, 'p')|list)", "D.copy()", "(D if B else D)", "{'n': S, 'age': I, 'on': B}", "{'l': L, 'd': D}", "(users|first)", "dict(D.items())"))
	case 'B':
		return g.e(g.pick("(I < I)", "(I == I)", "(I > F)", "(A == A)", "(A != A)", "(S < S)", "(S in S)", "(A in L)", "(S in D)", "(A not in L)", "(not B)", "(not A)", "(B and B)", "(B or B)", "(A and A)", "(I <= I < I)", "(A is defined)", "(A is undefined)", "(A is none)", "(A is string)", "(A is number)", "(A is integer)", "(A is float)", "(A is boolean)", "(A is mapping)", "(A is sequence)", "(A is iterable)", "(A is callable)", "(I is odd)", "(I is even)", "(I is divisibleby I)", "(A is sameas none)", "(A is in L)", "(A is eq A)", "(S is lower)", "(S is upper)", "(S is escaped)", "(A is true)", "(I is gt #)", "S.startswith(S)", "S.endswith((S, S))", "S.isdigit()", "S.isalpha()", "S.islower()", "(L < L)", "(L == L)", "(D == D)", "(B == A)", "(S is not none)"))
	}
	if g.chance(9) {
		return g.e(g.pick("(A or A)", "(A and A)", "(A if B else A)", "L[#]", "D[S]", "D.a", "D.n", "S[#]", "L[I]", "(L|first)", "(L|last)", "(L|max)", "(A|default(A))", "(A|default(A, true))", "dn.a.b.c", "dn.l[1].x", "users[#].city", "missing", "missing.x", "A.nope", "A[S]", "A[#]", "(A|attr('x'))", "(A + A)", "(A * A)", "(A ~ A)", "(A < A)", "(A|length)", "(A|upper)", "(A|list)", "(A|join)", "(A|sort)", "(A|round)", "(A|abs)", "A()", "(A if B)", "range(#)", "(A|e)", "(A|safe)", "(A|min)", "(A|reverse|list)", "(A|unique|list)", "(A|map('e')|list)", "(A|trim)", "(A|sum)", "(A|dictsort)", "(A % A)", "(A - A)", "(A // I)"))
	}
	return g.expr("IFSLDB"[g.r.IntN(6)])
}

func (g *generator) leaf(typ byte) *gnode {
	if len(g.vars) > 0 && g.chance(6) {
		return g.e(strings.ToLower(g.vars[g.r.IntN(len(g.vars))]))
	}
	lit := func(s string) *gnode { return &gnode{kind: 'e', parts: []any{s}} }
	switch typ {
	case 'I':
		return lit(g.pick("0", "1", "2", "3", "7", "10", "255", "n", "neg", "zero", "big", "(-1)", "100", "1_000", "0x1f"))
	case 'F':
		return lit(g.pick("0.5", "1.0", "2.5", "f", "1e3", "3.14159", "0.1", "1e-7", "(-2.5)", "1e16", "100.0", "123456.789"))
	case 'S':
		return lit(g.pick("'a'", "''", "'Hello World'", "s", "uni", "html", "multi", "ws", "csv", "empty", "digits", "name", "quote", "both", "'x y z'", "'l'", "','", "' '", "'<b>'", "'12'", "'3.5'", "'foo-bar baz'", "'é'", "'a\\nb'", "(html|safe)", "'%s'", "'{}'", "'aXbX'", "'_'", "'http://a.b/c?d=e&f'", "\"it's\"", "'\\\\'", "'zeta'", "'n'"))
	case 'L':
		return lit(g.pick("l", "ls", "le", "lm", "ll", "[]", "[1, 2, 3]", "['b', 'A', 'c']", "users", "(1, 2)", "range(4)", "[3, 1, 2]", "[true, none]", "[[1], [2, 3]]", "[1.5, 2]", "tree"))
	case 'D':
		return lit(g.pick("d", "de", "dn", "{}", "{'a': 1}", "users[0]", "{'b': 2, 'a': 1}", "dn.a"))
	case 'B':
		return lit(g.pick("true", "false", "yes", "no", "True", "False"))
	}
	return lit(g.pick("none", "nul", "missing", "s", "n", "l", "d", "true", "'x'", "1.5", "users", "html", "()", "lm", "missing.y", "users[3].city"))
}

// s builds statements from a pattern: like e, and T stands for statements, V
// for a new variable.
func (g *generator) s(pattern string) *gnode {
	n := &gnode{kind: 's'}
	text := 0
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		if strings.IndexByte("IFSLDBA#TVO", c) < 0 {
			continue
		}
		n.parts = append(n.parts, pattern[text:i])
		text = i + 1
		switch c {
		case 'T':
			n.parts = append(n.parts, g.body())
		case '#':
			n.parts = append(n.parts, fmt.Sprint(g.r.IntN(4)))
		case 'V':
			v := g.pick("v", "w", "x", "y", "name", "n")
			g.vars = append(g.vars, v)
			n.parts = append(n.parts, v)
		case 'O':
			if len(g.vars) > 0 {
				n.parts = append(n.parts, g.vars[len(g.vars)-1])
			} else {
				n.parts = append(n.parts, "s")
			}
		default:
			n.parts = append(n.parts, g.expr(c))
		}
	}
	n.parts = append(n.parts, pattern[text:])
	return n
}

// body makes a few statements.
func (g *generator) body() *gnode {
	n := &gnode{kind: 's'}
	g.depth++
	defer func() { g.depth-- }()
	saved := len(g.vars)
	for range 1 + g.r.IntN(3) {
		n.parts = append(n.parts, g.statement())
	}
	g.vars = g.vars[:saved]
	return n
}

func (g *generator) statement() *gnode {
	if g.depth > 3 || g.chance(3) {
		return g.s(g.pick("{{ A }}", "{{ S }}", "{{ I }}|{{ L }}", "a\n", "  b\n", " ", "\n", "{{- A -}}", "{# c #}", "{{ D }}", "x{{ B }}y", "{{ O }}", "{{ F }}"))
	}
	return g.s(g.pick(
		"{% if B %}T{% endif %}", "{% if A %}T{% else %}T{% endif %}", "{%- if B -%} T {%- elif A -%} T {%- else %} T {% endif -%}", "{% if B %}\n  T\n{% endif %}\n",
		"{% for V in L %}T{{ O }}{% endfor %}", "{% for V in L %}{{ loop.index }}{{ loop.last }}{{ O }}T{% else %}T{% endfor %}", "{% for V in A %}{{ O }}{% endfor %}", "{% for V, V in D.items() %}{{ O }}T{% endfor %}", "{% for V in L if B %}{{ loop.length }}{{ O }}{% endfor %}", "{% for V in L if O %}T{{ loop.revindex }}{% endfor %}", "{% for V in range(#) %}{{ loop.cycle(A, A) }}{{ loop.changed(A) }}T{% endfor %}", "{% for V in L %}{% if B %}{% break %}{% endif %}T{% if loop.index > 2 %}{% continue %}{% endif %}{{ O }}{% endfor %}", "{% for V in tree recursive %}{{ O.n }}{{ loop.depth }}{% if O.c %}[{{ loop(O.c) }}]{% endif %}T{% endfor %}", "{% for V in S %}{{ loop.previtem }}{{ loop.nextitem }}{% endfor %}", "{% for V, V in L %}{{ O }}{% endfor %}",
		"{% set V = A %}T{{ O }}", "{% set V = I %}{% for q in L %}{% set V = O + 1 %}{{ O }}{% endfor %}{{ O }}", "{% set V, V = A, A %}{{ O }}", "{% set V %}T{% endset %}{{ O }}", "{% set V | upper %}T{% endset %}[{{ O }}]", "{% if B %}{% set V = A %}{% endif %}{{ O }}", "{% set ns = namespace(a=A) %}{% for q in L %}{% set ns.a = q %}{% endfor %}{{ ns.a }}",
		"{% macro mm(V, b=A) %}{{ O }}{{ b }}T{% endmacro %}{{ mm(A) }}{{ mm(A, b=S) }}", "{% macro mm() %}{{ caller(A) }}T{% endmacro %}{% call(V) mm() %}{{ O }}T{% endcall %}", "{% macro mm(V) %}{{ varargs }}{{ kwargs }}{{ O }}{% endmacro %}{{ mm(A, A, k=A) }}", "{% macro mm(V=A) %}T{% endmacro %}{{ mm()|upper }}{{ mm(*L) }}",
		"{% filter upper %}T{% endfilter %}", "{% filter indent(2)|replace('a', 'b') %}T{% endfilter %}", "{% with V = A, V = A %}T{{ O }}{% endwith %}", "{% autoescape true %}T{{ S }}{% endautoescape %}", "{% autoescape false %}{{ S }}T{% endautoescape %}", "{% raw %}{{ x }}{% endraw %}", "{% do L.append(1) %}T", "{% include 'inc' %}T", "{% set V = A %}{% include 'inc' %}", "{% include ['nope', 'inc'] %}", "{% import 'm' as m %}{{ m.f(A, b=A) }}{{ m.v }}", "{% from 'm' import f with context %}{{ f(S) }}T", "{% block bb# scoped %}T{% endblock %}", "{% print A, S %}", "  {%- if B %} T {% endif %}  \n", "{% set j = joiner(S) %}{% for q in L %}{{ j() }}{{ q }}{% endfor %}", "{% set c = cycler(A, A) %}{{ c.next() }}{{ c.next() }}{{ c.current }}", "{% for g, us in users|groupby('age') %}{{ g }}{{ us|length }}T{% endfor %}",
	))
}
