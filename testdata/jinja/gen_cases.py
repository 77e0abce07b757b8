#!/usr/bin/env python3
"""Writes the case files that engine/jinja's tests compare with: templates and
what Python's Jinja2 makes of them.

    python3 testdata/jinja/gen_cases.py        (in testdata/jinja: *.json)

Cases whose result is not the same on every run are left out.
"""
import itertools
import json
import os
import sys

import oracle

HERE = os.path.dirname(os.path.abspath(__file__))

CTX = {
    "name": "web", "ns": "prod", "n": 3, "big": 12345678901234567890, "neg": -7, "f": 2.5, "zero": 0,
    "yes": True, "no": False, "nul": None, "empty": "", "s": "Hello World", "uni": "Grüße, ÆSIR straße ǆ ﬁ Σας",
    "html": "<a href=\"x\">&'</a>", "multi": "line1\nline2\n\nline4\n", "ws": "  x \t y\n", "csv": "a,b,,c",
    "digits": "042", "hexs": "0x1F", "fl": "3.75", "quote": "it's", "dq": "say \"hi\"", "both": "'\"",
    "l": [5, 3, 8, 1], "ls": ["b", "a", "C"], "le": [], "lm": [1, "a", None, 2.5, True],
    "ll": [[1, 2], [3, 4], [5]], "d": {"zeta": 1, "alpha": 2, "Mid": 3}, "de": {},
    "dn": {"a": {"b": {"c": 7}}, "items": "shadow", "l": [1, {"x": 2}]},
    "users": [{"n": "x", "age": 3, "on": True, "city": "NY"}, {"n": "y", "age": 1, "on": False, "city": "ca"},
              {"n": "z", "age": 3, "on": True, "city": "CA"}, {"n": "w", "age": 2}],
    "tree": [{"n": "a", "c": [{"n": "b", "c": []}, {"n": "c", "c": [{"n": "d", "c": []}]}]}, {"n": "e", "c": []}],
}


class Out:
    def __init__(self, name, **defaults):
        self.name, self.cases, self.defaults, self.seen = name, [], defaults, set()

    def add(self, tpl, files=None, **opts):
        opts = dict(self.defaults, **opts)
        key = json.dumps([tpl, files, opts], sort_keys=True)
        if key in self.seen:
            return
        self.seen.add(key)
        case = {"tpl": tpl}
        if files:
            case["files"] = files
        if opts:
            case["opts"] = opts
        answer = oracle.render(dict(case, ctx=CTX))
        if not oracle.stable(answer):
            print("unstable, left out: %s" % tpl, file=sys.stderr)
            return
        try:
            json.dumps(answer, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            print("surrogates, left out: %s" % tpl, file=sys.stderr)
            return
        case["name"] = "%s-%d" % (self.name, len(self.cases) + 1)
        case.update(answer)
        self.cases.append(case)

    def exprs(self, *exprs, **opts):
        for e in exprs:
            self.add("{{ " + e + " }}", **opts)

    def write(self):
        path = os.path.join(HERE, self.name + ".json")
        with open(path, "w", encoding="utf-8") as f:
            head = {"version": oracle.versions(), "ctx": CTX}
            f.write(json.dumps(head, ensure_ascii=False)[:-1] + ', "cases": [\n')
            f.write(",\n".join(json.dumps(c, ensure_ascii=False) for c in self.cases))
            f.write("\n]}\n")
        return len(self.cases)


def operators():
    o = Out("operators")
    values = ["0", "7", "-7", "2", "true", "2.5", "-0.0", "'ab'", "''", "[1, 2]", "(1, 2)", "{'a': 1}", "none", "missing", "10**20", "1e300"]
    for op in ["+", "-", "*", "/", "//", "%", "**", "~", "==", "<", "in"]:
        for a, b in itertools.product(values, values):
            if op in ("*", "**") and (a in ("10**20", "1e300") or b in ("10**20", "1e300")):
                if op == "**" or "'" in a + b or "[" in a + b or "(" in a + b:
                    continue
            if op == "**" and a.startswith("-7") and b == "2.5":
                continue  # a complex number: see docs/jinja.md
            if op == "%" and a == "'ab'" and b == "'ab'":
                continue
            o.add("{{ (%s) %s (%s) }}" % (a, op, b))
    return o


def expressions():
    o = Out("expressions")
    o.exprs(
        "1.0", "1e16", "1e15", "123456789012345678", "1e-4", "1e-5", "0.1 + 0.2", "1e22", "10**20", "10**-2", "2**0.5", "(-2)**2", "-2**2", "2**3**2",
        "7 // 2", "-7 // 2", "7 // -2", "-7 % 3", "7 % -3", "-7.5 // 2", "-7.5 % 2", "7.5 % -2", "5.0 // 0.1", "1 / 3", "10 / 5", "3 / 0", "3 // 0", "3 % 0", "3.0 / 0", "0 ** -1", "1e308 * 10",
        "9007199254740993 / 1", "9223372036854775807 + 1", "-9223372036854775808 - 1", "9223372036854775807 * 2", "-(-9223372036854775808)", "4611686018427387904 * 2", "3037000500 * 3037000500",
        "true + 1", "true * 3.5", "true / 2", "-true", "+true", "not none", "not 0 and 1", "1 or missing", "0 and missing", "1 if 1", "1 if 0", "(1 if 0) is defined", "1 if 0 else 2 if 0 else 3", "'a' if yes else 'b' if no",
        "1 < 2 < 3", "1 < 2 > 1", "3 > 2 > 2", "1 == 1.0 == true", "1 in [1] in [[1]]", "1 not in [2]", "'a' in 'abc'", "'' in ''", "'a' not in 'b'", "1 in 'a'", "'x' in d", "'zeta' in d", "none in [none]", "[] in [[]]",
        "'a' 'b' \"c\"", "'a' ~ 1 ~ none ~ true ~ 1.5", "1 ~ 2", "'\\n\\t\\x41\\u00e9\\101'", "'\\d'", "'it''s'", "\"a\\\"b\"", "'\\\\'", "'a\\\nb'", "'é'", "'\\é'",
        "[1, 'a', none, true, 1.5, [], {}, (), (1,), (1, 2)]", "{'a': 1, \"b'\": '\"', 1: 2, none: 3, (1, 2): 4, 1.5: 5, true: 6}", "{1: 'a', true: 'b', 1.0: 'c'}", "()", "(1)", "(1,)", "1,", "1, 2", "[1,]", "{'a': 1,}", "[]", "{}", "[[1,2],[3]]", "{[1]: 2}", "{{}: 1}", "{(1, [2]): 1}",
        "'a'[0]", "'abc'[-1]", "'abc'[5]", "'abc'[1:]", "'abc'[:-1]", "'abcdef'[::2]", "'abcdef'[::-1]", "'abcdef'[4:1:-1]", "'abcdef'[-3:-1]", "'abcdef'[10:]", "'abc'[::0]", "'abc'['x']", "'abc'[1.5]", "'abc'[none:2]", "uni[1]", "uni[::-1]", "uni[2:5]",
        "l[0]", "l[-1]", "l[10]", "l['a']", "l[1:3]", "l[::-1]", "l[true]", "l.0", "l.9", "l['append']", "d.zeta", "d['zeta']", "d.nope", "d['nope']", "d[1]", "d.items", "dn.items", "dn['items']", "dn.a.b.c", "dn['a']['b']['c']", "dn.l[1].x", "dn.l.1.x", "d[[1]]", "n.x", "nul.x", "nul['x']", "f.real", "n.real", "n.imag", "n.numerator", "s.upper", "s[0:3, 1]", "l[0, 1]", "{(0, 1): 'x'}[0, 1]",
        "missing", "missing.x", "missing['x']", "missing()", "missing + 1", "missing ~ 'a'", "missing == missing", "missing == 1", "missing in [1]", "1 in missing", "missing < 1", "-missing", "not missing", "missing and 1", "missing or 1", "[missing]", "{'a': missing}", "{missing: 1}", "missing[1:2]", "d.nope.x", "l[99].x", "missing is defined", "missing|length", "missing|list", "missing|string", "missing|upper", "missing|int", "missing|float", "missing|join", "missing|first", "missing|last", "missing|sum", "missing|sort", "missing|tojson", "missing|default('x')", "missing.x|default('x')", "missing|abs", "missing|round",
        "name()", "n()", "none()", "l.append(1)", "d.items()", "d.keys()", "d.values()", "range(3)", "range(1, 4)", "range(4, 1, -1)", "range(3)[1]", "range(3)|list", "range(10)[2:5]", "range(10)[::2]|list", "range(0)", "range(1, 2, 0)", "range('a')", "range()", "range(1.5)", "2 in range(3)", "5 in range(3)", "range(3) == range(0, 3)", "range(5)[-1]", "range(5)|last", "range(3)|length", "range(0)|first",
        "dict(a=1, b=2)", "dict([('a', 1)])", "dict({'a': 1}, b=2)", "dict([1])", "dict(1)", "dict(d, **{'q': 1})", "dict([('a',1),('a',2)])", "dict()", "namespace(a=1).a", "namespace({'b': 2}).b", "namespace().x", "namespace(a=1)", "joiner()", "cycler(1, 2).next()", "cycler()", "lipsum(0)", "lipsum(n=0, html=false)", "lipsum is callable", "[range(3), dict]", "dict", "range",
        "1_000", "0x1f", "0b101", "0o17", "0XFF", "1_0.5_0e1_0", "1e3", "1E-3", "1.5e+3", "0_0", "00", "true True false False none None", "True, False, None, true, false, none",
        "1 is number is number", "'a'|upper|lower", "'a'|upper is upper", "('a' ~ 'b')|upper", "'a' ~ 'b'|upper", "-1|abs", "(-1)|abs", "- 1 | abs", "2 + 3 * 4 - 1", "(2 + 3) * 4", "10 - 2 - 3", "100 / 10 / 2", "2 * 3 % 4", "1 + 2 ~ 3 + 4", "not 1 == 2", "not (1 == 2)", "1 < 2 and 2 < 3 or missing.x", "1 in [1] and 2 not in [1]", "'%s' % 1", "'%s %s' % (1, 2)", "'%(a)s' % {'a': 1}", "[1] + [2]", "(1,) + (2,)", "[1] * 2", "2 * 'ab'", "'ab' * -1", "[[]] * 2", "[1, 2] == [1, 2.0]", "(1, 2) < (1, 3)", "[1] < ['a']", "'a' < 'B'", "'a' < 1", "none < 1", "{} == {}", "{'a': [1]} == {'a': [1.0]}", "{'a': 1, 'b': 2} == {'b': 2, 'a': 1}", "d.keys() == d.keys()", "(d.keys() - ['zeta'])|sort", "d.keys()|list", "[1, 2] is sameas [1, 2]", "none is sameas none",
        "f(1)", "s.upper(1)", "s.nope()", "s.split(sep=' ', maxsplit=1)", "s.split(nope=1)", "s.split(*[' '])", "s.split(**{'sep': 'o'})", "s.split(*1)", "s.split(**1)", "s.split(' ', sep=' ')", "dict(a=1, a=2)", "dict(a=1, **{'a': 2})",
        "1e1000", "1 if true else", "[1, 2", "1 +", "a b", "a.1b", "a..b", "1.", ".5", "'unclosed", "{'a' 1}", "a[", "a[]", "a()()", "|upper", "a|", "a||b", "a is", "a is not", "a is not defined", "a is not not defined", "a is defined or b", "is", "if", "a if", "x = 1", "1 := 2", "a ? b", "@", "$", "a!", "a&b", "{}}", "(1]", "[1)", "*a", "f(*)", "f(**)", "f(a=1, 2)", "f(**a, b=1)", "f(*a, 1)", "f(*a, *b)", "f(a=1,)", "not", "and", "1 and", "in", "1 in", "1 not", "x y", "1 2", "1.5.5", "0777", "0x", "1__0", "1_", "٣", "a·b", "ª",
    )
    o.exprs("l is iterable", "s[1:2][0]", "users[0].n", "users[-1].city", "users|map(attribute='n')|list", "users.0.n", "ll[0][1]", "ll|map('first')|list", "(d|dictsort)[0][0]", "big + 1", "big * big", "big // 3", "big % 7", "-big", "big / 2", "big == 12345678901234567890.0", "big > 1", "big is number", "neg // 2", "neg % 3", "f // 1", "f * big", "10**100 % 7", "2**64", "2**63 - 1", "-2**63", "(2**64)|string|length", "1 / 10**400", "10**400 / 10**399", "10**400 / 3", "10**400 * 1.0")
    return o


def filters():
    o = Out("filters")
    values = ["s", "uni", "html", "multi", "ws", "csv", "empty", "n", "neg", "f", "big", "nul", "yes", "l", "ls", "le", "lm", "ll", "d", "de", "users", "missing", "range(4)", "(3, 1, 2)", "d.items()", "'42'", "'-3.7'", "'abc'|safe", "html|safe", "'a b  c'"]
    plain = ["abs", "capitalize", "center", "count", "default('x')", "default('x', true)", "d('y', boolean=true)", "dictsort", "e", "escape", "filesizeformat", "first", "float", "float(1.5)", "forceescape", "indent", "int", "int(9)", "int(default=7, base=16)", "items|list", "join", "join('-')", "join(', ', 'n')", "last", "length", "list", "lower", "max", "min", "pprint", "reverse|list", "reverse|string|length > 0", "round", "round(1)", "safe", "sort", "sort(reverse=true)", "sort(case_sensitive=true)", "string", "striptags", "sum", "title", "trim", "truncate(5)", "unique|list", "upper", "urlencode", "urlize", "wordcount", "wordwrap(5)", "xmlattr", "tojson", "batch(2)|list", "slice(2)|list", "map('string')|list", "select|list", "reject|list", "attr('upper')", "format(1)", "replace('l', 'L')"]
    for f, v in itertools.product(plain, values):
        o.add("{{ %s|%s }}" % (v, f))
    o.exprs(
        "'%s-%s'|format(1, 2)", "'%(a)s'|format(a=1)", "'%s'|format(1, a=2)", "'%d'|format('x')", "'%s'|format", "'x'|format(1)",
        "'abc'|center(9)", "'abc'|center(width=8)", "'abc'|center(0)", "'abc'|center('x')",
        "'a'|default", "none|default('x')", "none|default('x', true)", "''|default('x', boolean=true)", "0|d('z', 1)", "missing|default(missing)|default('q')", "missing|default(default_value='k')",
        "d|dictsort(true)", "d|dictsort(false, 'value')", "d|dictsort(by='value', reverse=true)", "d|dictsort(by='nope')", "d|dictsort(case_sensitive=true, by='key')", "{'b': 'B', 'a': 'a', 'c': none}|dictsort(by='value')", "{1: 1, 'a': 2}|dictsort",
        *("%s|filesizeformat" % v for v in ["0", "1", "999", "1000", "1023", "1024", "13000", "4100000", "1e9", "1e15", "1e24", "1e27", "-5", "'1000'", "'x'", "1.5"]), *("%s|filesizeformat(true)" % v for v in ["1000", "1024", "1048576", "2**50", "2**90"]),
        *("'%s'|float" % v for v in ["1", "1.5", " 2 ", "1e3", "inf", "-inf", "nan", "x", "1_000", "1__0", "0x1", "", "١"]), *("'%s'|int" % v for v in ["1", " 2 ", "1.9", "-3.2", "1e3", "x", "", "0x1f", "1_000", "0b1", "٣", "inf", "9" * 30, "+5", "- 5"]),
        "'ff'|int(base=16)", "'0xff'|int(0, 16)", "'0b11'|int(base=2)", "'11'|int(base=2)", "'0o17'|int(base=8)", "'z'|int(base=36)", "'0x1f'|int(base=0)", "'010'|int(base=0)", "'12'|int(base=99)", "'zz'|int(default='no')", "3.99|int", "-3.99|int", "true|int", "none|int", "none|int(5)", "[]|int", "('inf' if yes)|float|int", "(('nan' if yes)|float)|int(3)", "'1e400'|int",
        "multi|indent", "multi|indent(2)", "multi|indent(2, true)", "multi|indent(2, first=true, blank=true)", "multi|indent(width='>> ')", "multi|indent('ab', blank=true)", "'a\nb'|indent(0)", "'a'|indent(-1)", "'a\r\nb\x0bc'|indent(1)", "''|indent(4, true)", "none|indent", "5|indent", "(html|safe)|indent(first=true)",
        "[1,2]|join('|')", "['a','b']|join(d=', ')", "users|join(', ', attribute='n')", "'abc'|join('.')", "{'a':1,'b':2}|join(',')", "[none, true, 1.0]|join(' ')", "[1,[2]]|join(1)", "5|join", "users|join(',', attribute='nope')",
        "[1,2,3]|map('string')|join", "users|map(attribute='age')|list", "users|map(attribute='city', default='-')|list", "users|map(attribute='city')|list", "['a','b']|map('upper')|list", "['a','b']|map('replace', 'a', 'x')|list", "[1]|map|list", "[1]|map('nope')|list", "[1]|map(attribute='a', q=1)|list", "[]|map('nope')|list", "['%s']|map('format', 1)|list", "ll|map('sum')|list", "ll|map(attribute=0)|list", "ll|map(attribute='0')|list", "[1]|map(missing)|list", "[3.7]|map('round', method='floor')|list", "[1,2]|map('int', default=3)|list", "5|map('string')|list",
        "[1,2,3,4]|select('odd')|list", "[1,2,3,4]|select('divisibleby', 2)|list", "[1,2,3,4]|reject('gt', 2)|list", "[0,1,'',none]|select|list", "[1,2]|select('nope')|list", "users|selectattr('on')|list|length", "users|selectattr('on', 'defined')|map(attribute='n')|list", "users|selectattr('age', 'eq', 3)|map(attribute='n')|list", "users|rejectattr('age', '>', 1)|map(attribute='n')|list", "users|selectattr|list", "users|selectattr('age', 'in', [1, 2])|map(attribute='n')|list", "users|rejectattr('on')|map(attribute='n')|list", "ll|selectattr('1')|list", "ls|select('in', 'ab')|list", "ls|select('==', 'a')|list", "5|select|list",
        "users|groupby('age')", "users|groupby('city')", "users|groupby('city', default='zz')|map(attribute='grouper')|list", "users|groupby('city', default='NY', case_sensitive=true)|map(attribute=0)|list", "users|groupby(attribute='on', default=false)|map('first')|list", "['a','B','b']|groupby(0)", "users|groupby('nope')|list|length", "users|groupby",
        "users|sort(attribute='age')|map(attribute='n')|list", "users|sort(attribute='age,n', reverse=true)|map(attribute='n')|list", "users|sort(attribute='city')", "['b','A','c']|sort", "['b','A','c']|sort(case_sensitive=true)", "[3,1,2]|sort(reverse=true)", "[1,'a']|sort", "[none,1]|sort", "'hello'|sort", "d|sort", "[[2,1],[1,2]]|sort(attribute=1)", "['b', 'B', 'a']|sort(true)", "[(2,'a'),(1,'b')]|sort", "[1, 2.5, true]|sort",
        "[3,1,2]|min", "[3,1,2]|max", "['b','A']|min", "['b','A']|min(case_sensitive=true)", "[]|min", "users|min(attribute='age')", "users|max(attribute='age')", "[1,'a']|max", "'hello'|max", "{'b':1}|min",
        "[1,2,2,'a','A',1.0]|unique|list", "['a','A']|unique(case_sensitive=true)|list", "users|unique(attribute='age')|map(attribute='n')|list", "[[1]]|unique|list",
        "[1,2,3]|sum", "[1.5,2]|sum", "[]|sum", "[]|sum(start=5)", "users|sum(attribute='age')", "users|sum('age', 10)", "['a']|sum", "['a']|sum(start='')", "[[1],[2]]|sum(start=[])", "[0.1]*10|sum", "([0.1]*10)|sum",
        *("2.5|round(%s)" % a for a in ["", "0", "1", "-1", "0, 'ceil'", "0, 'floor'", "method='ceil'", "0, 'x'"]), *("%s|round" % v for v in ["0.5", "1.5", "-0.5", "-1.5", "5", "1e20", "'2'"]), "42.55|round(1)", "42.55|round(1, 'floor')", "42.55|round(1, 'ceil')", "2.675|round(2)", "1234|round(-2)", "1250|round(-2)", "1350|round(-2)", "15|round(-1)", "25|round(-1)", "1e300|round(2)", "123.456|round(-2)", "42|round(1,'ceil')", "1.005|round(2)", "0.1|round(20)", "5|round(1)", "true|round", "1e16|round|int", "-2.5|round(0,'floor')", "2.5|round(0.5)",
        "[1,2,3,4,5]|batch(2)|list", "[1,2,3,4,5]|batch(2, 'x')|list", "[]|batch(2)|list", "[1]|batch(0)|list", "[1,2,3]|batch(linecount=5, fill_with=0)|list", "[1,2]|batch('x')|list", "'abc'|batch(2)|list", "[1,2,3,4,5]|slice(2)|list", "[1,2,3,4,5]|slice(3, 'x')|list", "[1]|slice(3, 'x')|list", "[1]|slice(0)|list", "[1,2]|slice(slices=2, fill_with=none)|list", "[1,2,3]|slice(-1)|list", "[1]|slice('x')|list",
        "'foo bar baz qux'|truncate(9)", "'foo bar baz qux'|truncate(9, true)", "'foo bar baz qux'|truncate(11)", "'foo bar baz qux'|truncate(11, false, '...', 0)", "'foo bar baz qux'|truncate(length=5, killwords=true, end='')", "'foobarbaz'|truncate(5, leeway=0)", "'foo'|truncate(2)", "'foo bar'|truncate(3, leeway=-1)", "'x' * 300|truncate", "('x' * 300)|truncate|length", "('x ' * 200)|truncate|length", "uni|truncate(7, true)",
        "'Hello World'|replace('l', 'L', 2)", "'aaa'|replace('a', 'b', count=1)", "'aaa'|replace('', '-')", "123|replace(2, 'x')", "'a'|replace(old='a', new='b')", "'aaa'|replace('a', 'b', -1)", "'aaa'|replace('a', 'b', 0)",
        *("%r|title" % v for v in ["hello world", "foo-bar", "it's", "a(b)c [d] {e} <f>", "ÄÖ äö", "x_y", "3rd", "HELLO", "ǆ ﬁ"]), *("%r|capitalize" % v for v in ["hello World", "ÄÖ", "ß", "ǆa", "", "1a", "Σας ΣΑΣ"]), *("%r|upper" % v for v in ["straße", "ﬁ", "ŉ", "ΐ"]), *("%r|lower" % v for v in ["ΑΣ", "ΑΣ Β", "İ", "ΣΑΣΑ."]),
        "'  x '|trim", "'xxaxx'|trim('x')", "'abcba'|trim(chars='ab')", "'\\x1fa\\x85'|trim", "5|trim", "'a'|trim(5)",
        "'<p>a <b>c</b>\n  d</p>'|striptags", "'a<!-- <b> -->c'|striptags", "'&lt;x&gt; &amp;amp; &eacute; &#65; &#x42; &nope; &copy'|striptags", "'a < b'|striptags", "'<a'|striptags", "'a > b <c> d'|striptags", "'<<b>script>'|striptags", "'<!-- a'|striptags",
        "'a b/c?d=ü&e'|urlencode", "{'a': 1, 'b c': 'd/e'}|urlencode", "[('a', 1), ('b', none)]|urlencode", "[1]|urlencode", "['ab']|urlencode", "5|urlencode", "'~-._'|urlencode", "['abc']|urlencode", "''|urlencode", "{}|urlencode",
        *("%r|urlize" % v for v in ["http://example.com", "see https://example.com/x?y=1&z.", "(www.example.org)", "foo@example.com", "mailto:foo@example.com", "example.com example.xyz", "http://1.2.3.4:80/a", "<http://a.com>", "a http://b.de/(c) d", "ftp://x.y", "www.a", "@a@b.com", "x@y", "http://[::1:2]/x", "(http://a.com/b)", "http://a.com, http://b.com.", "https://exam_ple.com", "http://über.de", "http://xn--a.com/ x", "a\thttp://b.com\n", "example.com:8080/x", "http://", "WWW.EXAMPLE.COM"]),
        "'http://example.com/long/path'|urlize(15)", "'http://example.com'|urlize(nofollow=true)", "'http://example.com'|urlize(target='_blank')", "'http://example.com'|urlize(rel='a b')", "'tel:123 ftp://x'|urlize(extra_schemes=['tel:', 'ftp://'])", "'x'|urlize(extra_schemes=['bad'])", "'http://a.com'|urlize(10, true, 'x', 'nofollow z')",
        *("%r|wordcount" % v for v in ["a b c", "it's foo-bar", "a_b 1 ü", "", "  "]),
        "'aaa bbb ccc ddd'|wordwrap(7)", "'aaa bbb'|wordwrap(2)", "'aaabbbccc'|wordwrap(4, false)", "'aaa bbb'|wordwrap(3, wrapstring='|')", "'a-b-c-d-e'|wordwrap(4)", "'foo-bar baz-qux'|wordwrap(5)", "'foo-bar baz-qux'|wordwrap(5, break_on_hyphens=false)", "'a\n\nb c d'|wordwrap(3)", "'  a  b  '|wordwrap(4)", "'x'|wordwrap(0)", "'hello--world foo'|wordwrap(6)", "'well-known e-mail co-op -x- x-'|wordwrap(6)", "'looooooooong word'|wordwrap(5)", "'a.b-c d1-e2 f--g'|wordwrap(3)", "s|wordwrap(width=5, break_long_words=true, wrapstring='\n', break_on_hyphens=true)", "'very-long-hyphenated-word-here'|wordwrap(10)", "'abc-defghijklmno'|wordwrap(6)", "'one two  three   four'|wordwrap(9)", "'ünïcödé wörds hérè'|wordwrap(8)", "'a\tb c'|wordwrap(3)",
        "{'class': 'a', 'id': none, 'x': missing, 'n': 1, 'q': '<\"'}|xmlattr", "{'a': 1}|xmlattr(false)", "{'a': 1}|xmlattr(autospace=false)", "{}|xmlattr", "{'a b': 1}|xmlattr", "{'a/b': 1}|xmlattr", "{'a>': 1}|xmlattr", "{1: 2}|xmlattr",
        *("%s|tojson" % v for v in ["'<script>&\\''", "{'b': 1, 'a': [1.0, none, true]}", "'\u00fc\u2028\U0001f600'", "(1, 2)", "('inf' if yes)|float", "0.1", "{1: 2, 'a': 3}", "{none: 1}", "{(1,): 2}", "range(3)", "'\\x7f\\x00\\b\\f'", "d", "html", "big", "[]", "{}", "'a'|safe"]), "{'b': [1, {'c': 2}], 'a': {}}|tojson(2)", "[1, [], {}]|tojson(indent=1)", "[1]|tojson(0)", "[1]|tojson('x')", "{'a': 1}|tojson(indent=4)",
        "s|first", "s|last", "''|first", "[]|last", "d|first", "d|last", "d.values()|last", "ll|first|last", "5|first", "5|last", "'abc'|reverse", "[1,2]|reverse|list", "d|reverse|list", "5|reverse", "(1,2)|reverse|list", "range(3)|reverse|list", "'abc'|list", "d|list", "5|list", "none|list", "d|length", "5|length", "'ü'|length", "d|count",
        "d|items|list", "[1]|items|list", "missing|items|list", "d|attr('zeta')", "s|attr('nope')", "s|attr(5)", "namespace(a=1)|attr('a')", "s|attr('upper')()", "s|string is string", "1|string ~ 1", "(html|e)|string", "html|e|e", "html|safe|e", "html|forceescape|forceescape", "'a'|safe ~ '<'", "[1,2]|pprint", "{'b': 1, 'a': 2}|pprint", "'x'|pprint", "nope|pprint",
        "'abc'|nope", "'abc'|upper(1)", "'abc'|upper(x=1)", "'abc'|replace", "'abc'|join(1,2,3,4)", "'a'|indent(nope=1)", "'abc'|upper()", "1|default(2, 3, 4)", "x.y|upper", "[1]|first(1)", "'a'|batch", "5|truncate", "5|wordwrap", "none|upper", "[1]|upper", "true|upper", "1.50|string", "[]|random", "'a'|random", "[7]|random",
    )
    return o


def tests():
    o = Out("tests")
    values = ["1", "2", "0", "-1", "2.0", "2.5", "true", "false", "none", "''", "'a'", "'A'", "'aB'", "'1'", "[]", "[1]", "(1,)", "{}", "d", "missing", "range", "s.upper", "'x'|safe", "10**20", "range(3)", "d.items()", "[1]|map('string')", "('inf' if yes)|float"]
    for t in ["defined", "undefined", "none", "boolean", "true", "false", "integer", "float", "number", "string", "mapping", "sequence", "iterable", "callable", "escaped", "odd", "even", "lower", "upper", "divisibleby 2", "divisibleby(0)", "sameas none", "sameas(true)", "in [1, 2, 'a']", "eq 1", "== 1", "equalto(1)", "ne 1", "gt 1", "ge(1)", "lt 1", "le 1", "greaterthan 1", "lessthan 1", "filter", "test"]:
        for v in values:
            if t.startswith("=="):
                o.add("{{ [%s]|select('==', 1)|list|length }}" % v)
                continue
            o.add("{{ (%s) is %s }}" % (v, t))
    o.exprs("'upper' is filter", "'nope' is filter", "'odd' is test", "[] is filter", "1 is nope", "1 is not odd", "not 1 is odd", "1 is odd and 2 is even", "1 is divisibleby 1 + 1", "4 is divisibleby(num=2)", "1 is in [1]", "1 is not in [1]", "'a' is in 'abc'", "1 is in 5", "x is defined", "x.y is defined", "d.zeta is defined", "d.x is defined", "d.x.y is defined", "(missing).x is undefined", "1 is sameas 1", "none is none", "1 is eq 1.0", "1 is 1", "1 is divisibleby", "1 is odd(1)", "1 is defined and 2", "1 is gt 0 and true", "1 is == 1", "'a' is string and 'b' is string", "1 is number or x", "nope is nope2 if false else 1", "(1 if true else (2|nope))", "1 is string is string")
    return o


def methods():
    o = Out("methods")
    strs = ["capitalize()", "casefold()", "center(20)", "center(20, '*')", "center(20, '**')", "count('l')", "count('l', 3)", "count('')", "encode()", "encode('ascii', 'replace')", "encode('ascii')", "encode('latin-1', errors='ignore')", "endswith('d')", "endswith(('x', 'd'))", "endswith('o', 0, 5)", "expandtabs()", "expandtabs(2)", "find('o')", "find('o', 5)", "find('zz')", "find('')", "find('o', -5, -1)", "index('o')", "index('zz')", "isalnum()", "isalpha()", "isascii()", "isdecimal()", "isdigit()", "isidentifier()", "islower()", "isnumeric()", "isprintable()", "isspace()", "istitle()", "isupper()", "join(['a', 'b'])", "join('xyz')", "join([1])", "join(5)", "ljust(15, '.')", "lower()", "lstrip()", "lstrip('He')", "partition(' ')", "partition('zz')", "partition('')", "removeprefix('He')", "removesuffix('ld')", "replace('o', '0')", "replace('o', '0', 1)", "replace('', '-')", "replace('o')", "replace('o', 1)", "replace('l', '', 1)", "rfind('o')", "rindex('o')", "rindex('zz')", "rjust(15)", "rpartition('o')", "rpartition('zz')", "rsplit()", "rsplit('o', 1)", "rsplit(None, 1)", "rsplit(maxsplit=1)", "rstrip('d')", "split()", "split('o')", "split('o', 1)", "split('')", "split(None, 1)", "split(none, 0)", "split(',')", "split(' ', maxsplit=-1)", "split(5)", "splitlines()", "splitlines(true)", "splitlines(keepends=true)", "startswith('He')", "startswith(('x', 'He'))", "startswith(['H'])", "startswith('l', 2)", "startswith('')", "strip()", "strip('Hd')", "swapcase()", "title()", "translate({72: 'J', 101: none})", "upper()", "zfill(20)", "zfill(2)", "format(1)", "format_map({})", "nope()", "upper"]
    for v, m in itertools.product(["s", "uni", "ws", "csv", "empty", "digits", "multi", "'-5'", "html|safe"], strs):
        o.add("{{ (%s).%s }}" % (v, m))
    lists = ["append(9)", "extend([7, 8])", "extend('ab')", "extend(5)", "insert(1, 'x')", "insert(-1, 'x')", "insert(100, 'x')", "pop()", "pop(0)", "pop(99)", "remove(3)", "remove('nope')", "clear()", "copy()", "reverse()", "sort()", "sort(reverse=true)", "index(3)", "index('nope')", "index(3, 2)", "count(3)", "count('x')", "nope"]
    for v, m in itertools.product(["[5, 3, 8]", "[]", "['b', 'a']", "(5, 3)", "[1, 'a']"], lists):
        o.add("{%% set v = %s %%}{{ v.%s }}|{{ v }}" % (v, m))
    dicts = ["get('zeta')", "get('nope')", "get('nope', 5)", "get()", "get([1])", "keys()", "values()", "items()", "keys()|list", "pop('zeta')", "pop('nope')", "pop('nope', 5)", "popitem()", "setdefault('zeta', 9)", "setdefault('new', 9)", "setdefault('new')", "update({'x': 1})", "update(x=1, zeta=2)", "update([('q', 1)])", "update([1])", "update(5)", "copy()", "clear()", "fromkeys(['a', 'b'], 1)", "has_key('a')", "items", "zeta", "nope"]
    for v, m in itertools.product(["{'zeta': 1, 'alpha': 2}", "{}", "{1: 'a', none: 'b'}"], dicts):
        o.add("{%% set v = %s %%}{{ v.%s }}|{{ v }}" % (v, m))
    o.exprs("(5).bit_length()", "(255).bit_count()", "(2.5).is_integer()", "(2.0).is_integer()", "(2.5).as_integer_ratio()", "(0.1).hex()", "(1.0).hex()", "(5).conjugate()", "(5).to_bytes(2, 'big')", "(5).real", "true.real", "(2.5).imag", "range(5).index(3)", "range(5).count(3)", "range(1, 9, 2).start", "range(9).stop", "(1).nope", "'a'.encode().decode()", "'é'.encode()", "'é'.encode().hex()", "'ab'.encode()[0]", "'ab'.encode()[:1]", "'ab'.encode() + 'c'.encode()", "'ab'.encode()|list", "'a'.encode() == 'a'", "'a'.join(d)", "d.items()|list|first", "d.items()|length", "('zeta', 1) in d.items()", "d.keys().isdisjoint(['q'])", "l.sort() or l", "[3, 1]|sort == [1, 3]", "['B', 'a'].sort()", "s.join(['x'])", "'{}'.join(['a', 'b'])")
    return o


def formats():
    o = Out("formats")
    specs = ["", "s", "5", "<5", ">5", "^5", "*^7", "05", "+", " ", "-", ",", "_", "d", "5d", "05d", "+d", ",d", "b", "#b", "o", "#o", "x", "#x", "X", "#X", "08b", "c", "e", ".2e", "E", "f", ".0f", ".2f", "+.1f", "F", "g", ".3g", "G", "%", ".1%", "n", ".3", "10.3", "<10.2f", "=+8", "0=8", "z.1f", "#.0f", "#g", "q", ".5s", "010", "^10s", ",.2f", "_x", "08,", "012,.2f", "ü>4", "5.", "}", ">", "#_x"]
    vals = ["42", "-42", "3.14159", "-0.0", "1234567", "1234567.891", "'abc'", "true", "none", "1e20", "0.00001", "10**25", "('inf' if yes)|float", "('nan' if yes)|float", "[1]", "missing"]
    for v, spec in itertools.product(vals, specs):
        o.add("{{ '{:%s}'.format(%s) }}" % (spec, v))
    percents = ["%s", "%r", "%a", "%d", "%i", "%u", "%5d", "%-5d|", "%05d", "%+d", "% d", "%x", "%#x", "%X", "%#X", "%o", "%#o", "%e", "%.2e", "%E", "%f", "%.0f", "%.2f", "%8.3f", "%-8.3f|", "%08.3f", "%+f", "%#.0f", "%g", "%.3g", "%G", "%#g", "%c", "%.2s", "%5s", "%-5s|", "%%", "%", "%q", "%5", "%(a)s", "%.3d", "%*d", "%ld", "%.10d", "%+.3e", "%05s"]
    for v, p in itertools.product(vals + ["'x'", "65", "(1, 2)", "(1,)", "()", "{'a': 1}", "{}", "d", "l"], percents):
        o.add("{{ '%s' %% (%s) }}" % (p, v))
    o.exprs("'%s %s' % (1, 2)", "'%s %s' % (1,)", "'%s' % (1, 2)", "'%(a)s %(b)d' % {'a': 1, 'b': 2}", "'%(a)s' % {}", "'%(a)s' % 5", "'%(a)s %s' % {'a': 1}", "'%*d' % (5, 3)", "'%.*f' % (2, 3.14159)", "'%-*d|' % (5, 3)", "'%s' % [1, 2]", "'%s' % d", "'%s%%' % 5", "'%%' % ()", "'a' % []", "'a' % {}", "'a' % 1", "'%(a(b))s' % {'a(b)': 1}", "'%c%c' % ('a', 66)", "'%c' % 'ab'", "'%x' % 255.5", "'%d' % 3.9", "'%d' % '3'", "'%f' % '3'", "'%s' % none", "'%r' % 'it''s'", "'%a' % 'ü'", "'%5.1f|%-6s|%+d' % (1.25, 'a', 3)")
    o.exprs("'{} {}'.format(1, 2)", "'{0} {1} {0}'.format(1, 2)", "'{a} {b}'.format(a=1, b=2)", "'{} {a}'.format(1, a=2)", "'{0} {}'.format(1, 2)", "'{} {0}'.format(1, 2)", "'{a.b}'.format(a={'b': 1})", "'{a[b]}'.format(a={'b': 1})", "'{0[1]}'.format([5, 6])", "'{0[x]}'.format({'x': 7})", "'{0.real}'.format(5)", "'{0.nope}'.format(5)", "'{0[9]}'.format([1])", "'{!r}'.format('a')", "'{!s:>5}'.format('a')", "'{!a}'.format('ü')", "'{!x}'.format(1)", "'{:{}}'.format('a', 5)", "'{:{w}.{p}f}'.format(3.14159, w=8, p=2)", "'{{}}'.format(1)", "'{{{}}}'.format(1)", "'{'.format(1)", "'}'.format(1)", "'{}'.format()", "'{a}'.format(b=1)", "'{5}'.format(1)", "'{:>{w}}'.format('x', w='q')", "'{0!r:^10}'.format('ab')", "'{a[0][b]}'.format(a=[{'b': 3}])", "'{}'.format(none)", "'{}'.format([1, 'a'])", "'{:d}'.format('a')", "'{:s}'.format(1)", "'{a!r}'.format_map({'a': 'x'})", "'{:,}'.format(1234567)", "'{:_}'.format(1234567.5)", "'{:.3}'.format('abcdef')", "'{:c}'.format(65)", "'{:5}|{:<5}|{:>5}|{:^5}'.format(1, 2, 'a', 'b')", "'{0:{1}}'.format(5, '>4')", "'{:%Y}'.format(5)")
    o.exprs("('<b>%s</b>'|safe) % '<x>'", "('<b>%s %d</b>'|safe) % ('<x>', 5)", "('<b>%(a)s</b>'|safe) % {'a': '<x>'}", "('<b>{}</b>'|safe).format('<x>')", "('<b>{a}</b>'|safe).format(a='<x>')", "('{}'|safe).format('<x>'|safe)", "('{:>5}'|safe).format('<')", "('%r'|safe) % '<'", "('a'|safe) + '<'", "'<' + ('a'|safe)", "('a'|safe) * 2", "('a,b'|safe).split(',')", "('<a>'|safe).upper()", "('-'|safe).join(['<', '>'|safe])", "('a'|safe).replace('a', '<')", "('a'|safe).center(5, '<')", "('&lt;'|safe).unescape()", "('<b>x</b>'|safe).striptags()", "('a'|safe) == 'a'", "['a'|safe]", "('a'|safe) ~ '<'", "('a b'|safe).partition(' ')", "('x'|safe)[0]", "('abc'|safe)[1:]", "{'a'|safe: 1}['a']", autoescape=False)
    return o


STATEMENTS = [
    # if
    "{% if 1 %}a{% endif %}", "{% if 0 %}a{% else %}b{% endif %}", "{% if 0 %}a{% elif 1 %}b{% else %}c{% endif %}", "{% if missing %}a{% elif nul %}b{% elif l %}c{% endif %}", "{% if %}{% endif %}", "{% if 1 %}", "{% else %}", "{% endif %}", "{% if 1 %}{% else %}{% else %}{% endif %}", "{% if 1, 2 %}t{% endif %}", "{% if 1 if 0 %}x{% endif %}", "{% if n > 2 and not no %}y{% endif %}", "{%if 1%}a{%endif%}", "{% if 1: %}a{% endif %}",
    # for
    "{% for x in l %}{{ x }},{% endfor %}", "{% for x in le %}a{% else %}b{% endfor %}", "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}", "{% for k in d %}{{ k }};{% endfor %}", "{% for (a, b) in [(1, 2)] %}{{ a }}{{ b }}{% endfor %}", "{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}", "{% for a, b in [1] %}{% endfor %}", "{% for a, b in [(1, 2, 3)] %}{% endfor %}", "{% for a, b in [(1,)] %}{% endfor %}", "{% for x in 5 %}{% endfor %}", "{% for x in none %}{% endfor %}", "{% for x in missing %}a{% else %}e{% endfor %}", "{% for c in 'añb' %}[{{ c }}]{% endfor %}", "{% for x in l if x > 2 %}{{ x }}{{ loop.index }}/{{ loop.length }} {% endfor %}", "{% for x in l if x > 100 %}{{ x }}{% else %}none{% endfor %}", "{% for x in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }}{{ loop.depth0 }};{% endfor %}", "{% for x in l %}{{ loop.previtem }}<{{ x }}<{{ loop.nextitem }};{% endfor %}", "{% for x in l %}{{ loop.cycle('a', 'b') }}{% endfor %}", "{% for x in l %}{{ loop.cycle() }}{% endfor %}", "{% for x in [1, 1, 2, 2, 1] %}{{ loop.changed(x) }} {% endfor %}", "{% for x in [1, 2] %}{{ loop.changed() }} {% endfor %}", "{% for x in l %}{{ loop.nope }}{% endfor %}", "{% for x in l %}{{ loop }}{% endfor %}", "{% for x in l %}{{ loop|length }}{% endfor %}", "{% for x in l %}{{ loop(5) }}{% endfor %}", "{% for x in l %}{{ loop['index'] }}{% endfor %}", "{% for x in l %}{% for y in ls %}{{ loop.index }}{{ x }}{{ y }} {% endfor %}{{ loop.index }};{% endfor %}", "{% for x in l %}{% set outer = loop %}{% for y in ls %}{{ outer.index }}.{{ loop.index }} {% endfor %}{% endfor %}", "{% for x in l %}{% set x = x + 1 %}{{ x }} {% endfor %}", "{% set t = 0 %}{% for x in l %}{% set t = t + x %}{{ t }} {% endfor %}{{ t }}", "{% set x = 'o' %}{% for x in l %}{{ x }}{% endfor %}{{ x }}", "{% for x in l %}{% endfor %}{{ x }}", "{% for x in l %}{{ x }}{% set y = x %}{% endfor %}{{ y }}", "{% for x in [1,2,3,4] %}{% if x == 3 %}{% break %}{% endif %}{{ x }}{% endfor %}", "{% for x in [1,2,3,4] %}{% if x == 3 %}{% continue %}{% endif %}{{ x }}{% endfor %}", "{% for x in [1] %}{% break %}{% else %}e{% endfor %}", "{% for x in [1] %}{% continue %}{% else %}e{% endfor %}", "{% for x in [1, 2] %}{% if loop.first %}{% continue %}{% endif %}x{% else %}e{% endfor %}", "{% for loop in l %}{% endfor %}", "{% for x in l %}{% set loop = 1 %}{% endfor %}", "{% for x in x %}{% endfor %}", "{% for x in [[1], [2]] %}{% for x in x %}{{ x }}{% endfor %}{% endfor %}", "{% for x in range(3) %}{{ x }}{% endfor %}", "{% for x in range(3)|reverse %}{{ x }}{{ loop.last }}{% endfor %}", "{% for x in l|map('string') %}{{ x }}{{ loop.length }}{% endfor %}", "{% for x in l|select('odd') %}{{ loop.revindex }}{{ x }}{% endfor %}", "{% for x in l %}{{ loop.last }}{{ loop.length }}{{ loop.nextitem }}{% endfor %}", "{% for x, in [(1,)] %}{{ x }}{% endfor %}", "{% for x.y in l %}{% endfor %}", "{% for 1 in l %}{% endfor %}", "{% for in l %}{% endfor %}", "{% for x l %}{% endfor %}", "{% for x in %}{% endfor %}", "{% for x in l %}", "{% for x in l %}{% endif %}", "{% for x in 1, 2 %}{{ x }}{% endfor %}", "{% for x in l if loop.first %}{{ x }}{% endfor %}", "{% for x in l if x is odd if yes %}{{ x }}{% endfor %}", "{% for x in (l if yes else le) %}{{ x }}{% endfor %}", "{% for x in l recursive %}{{ x }}{% endfor %}", "{% for x in tree recursive %}{{ x.n }}{{ loop.depth }}{{ loop.depth0 }}{% if x.c %}({{ loop(x.c) }}){% endif %}{% endfor %}", "{% for x in tree recursive %}{{ loop.index }}{{ x.n }}[{{ loop(x.c) }}]{% else %}-{% endfor %}", "{% for x in tree if x.n != 'e' recursive %}{{ x.n }}{{ loop(x.c) }}{% endfor %}", "{% for x in tree recursive %}{% for y in x.c %}{{ loop.index }}{% endfor %}{{ loop.depth }}{% endfor %}", "{% set a = [1, 2] %}{% for x in a %}{{ x }}{% if loop.first %}{{ a.append(9) }}{% endif %}{% endfor %}", "{% set a = {'x': 1} %}{% for k in a %}{{ a.update({k ~ 'y': 1}) }}{% endfor %}", "{% for k, v in d|dictsort %}{{ loop.index }}{{ k }}{% endfor %}", "{% for u in users if u.age > 1 and u.on %}{{ u.n }}{% endfor %}", "{% for g, us in users|groupby('age') %}{{ g }}:{% for u in us %}{{ u.n }}{% endfor %} {% endfor %}", "{% for row in range(5)|batch(2, '-') %}{{ row|join(',') }};{% endfor %}", "{% for x in l -%}\n {{ x }}\n{%- endfor %}", "{% for i in range(3) %}{{ caller }}{% endfor %}", "{% for c in cycler('a','b').items %}{{ c }}{% endfor %}", "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.reset() }}{{ c.current }}{{ c.nope }}", "{% set j = joiner('|') %}{% for x in l %}{{ j() }}{{ x }}{% endfor %}", "{% set j = joiner() %}{{ j() }}a{{ j() }}b{{ j.sep }}{{ j.used }}",
    # set
    "{% set a = 1 %}{{ a }}", "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% set (a, b) = [1, 2] %}{{ b }}{{ a }}", "{% set a, b = 1 %}", "{% set a = 1, 2 %}{{ a }}", "{% set a %}x{{ n }}y{% endset %}[{{ a }}]", "{% set a | upper %}x{{ n }}{% endset %}{{ a }}", "{% set a | replace('x', 'y') | upper %}xx{% endset %}{{ a }}", "{% set a, b %}x{% endset %}", "{% set a, b %}xy{% endset %}{{ a }}{{ b }}", "{% set ns = namespace(a=1) %}{% set ns.a = 2 %}{{ ns.a }}", "{% set ns = namespace() %}{% for x in l %}{% set ns.last = x %}{% endfor %}{{ ns.last }}", "{% set ns = namespace(x=0) %}{% for x in l %}{% set ns.x = ns.x + x %}{% endfor %}{{ ns.x }}{{ ns }}", "{% set d.x = 1 %}", "{% set nope.x = 1 %}", "{% set ns = namespace() %}{% set ns.a, ns.b = 1, 2 %}{{ ns.a }}{{ ns.b }}{{ ns.c }}", "{% set ns = namespace() %}{% set ns.a %}blk{% endset %}{{ ns.a }}", "{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a }}{{ ns.b }}{{ ns['a'] }}{{ ns.items }}", "{% set x %}{% set y = 1 %}{{ y }}{% endset %}{{ x }}{{ y }}", "{% set a = a %}{{ a }}", "{% set name = name ~ '!' %}{{ name }}", "{% set 1 = 2 %}", "{% set true = 2 %}", "{% set a.b.c = 2 %}", "{% set a[0] = 2 %}", "{% set 'a' = 2 %}", "{% set a %}", "{% set = 1 %}", "{% set a = %}", "{% set a 1 %}", "{% set loop = 1 %}{{ loop }}", "{% set _p = 1 %}{{ _p }}", "{% set range = 5 %}{{ range }}", "{% if 1 %}{% set a = 5 %}{% endif %}{{ a }}", "{% if 0 %}{% set a = 5 %}{% endif %}{{ a }}", "{% if 0 %}{% set name = 5 %}{% endif %}{{ name }}", "{% if 1 %}{% set a = 5 %}{% else %}{% set a = 6 %}{% endif %}{{ a }}", "{% if 0 %}{% set a = 5 %}{% elif 1 %}{% set b = 6 %}{% endif %}{{ a }}{{ b }}", "{% set f = s.upper %}{{ f() }}", "{% set x = [1] %}{% set y = x %}{{ y.append(2) }}{{ x }}", "{% set a = 1 %}{% set a = a + 1 %}{{ a }}", "{% set a = 'x' if yes else 'y' %}{{ a }}", "{% set self = 1 %}{{ self }}", "{% set a -%}  x  {%- endset %}[{{ a }}]",
    # with
    "{% with a = 1 %}{{ a }}{% endwith %}{{ a }}", "{% with a = 1, b = a %}{{ b }}{% endwith %}", "{% set a = 5 %}{% with a = 1, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}", "{% with %}{% set q = 1 %}{{ q }}{% endwith %}{{ q }}", "{% with a, b = 1 %}{% endwith %}", "{% with (a, b) = (1, 2) %}{{ a }}{{ b }}{% endwith %}", "{% with a %}{% endwith %}", "{% with a = 1 b = 2 %}{% endwith %}", "{% with a = 1 %}{% for x in l %}{{ x + a }}{% endfor %}{% endwith %}", "{% with a = 1 %}", "{% with ns.a = 1 %}{% endwith %}",
    # macros
    "{% macro m() %}x{% endmacro %}{{ m() }}", "{% macro m(a, b=2) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(b=5, a=4) }}{{ m() }}", "{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}", "{% macro m(a=b, b=1) %}{{ a }}{{ b }}{% endmacro %}{{ m() }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(b=2) }}", "{% macro m(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, 3, x=4) }}", "{% macro m() %}{{ varargs|join(',') }}{% endmacro %}{{ m(1, 2) }}", "{% macro m() %}{{ kwargs }}{% endmacro %}{{ m(a=1) }}{{ m(**{'z': 2}) }}{{ m(*[]) }}", "{% macro m(a=1, b) %}{% endmacro %}", "{% macro m(a, a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}", "{% macro m(caller) %}{{ caller }}{% endmacro %}{{ m(1) }}", "{% macro m(caller=none) %}{{ caller }}{% endmacro %}{{ m() }}", "{% macro m(caller) %}{{ caller() }}{% endmacro %}", "{% macro m(kwargs) %}{{ kwargs }}{% endmacro %}{{ m(1) }}", "{% macro m(varargs=3) %}{{ varargs }}{% endmacro %}{{ m() }}", "{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}body{% endcall %}", "{% macro m() %}{{ caller(1, b=2) }}{% endmacro %}{% call(a, b) m() %}{{ a }}{{ b }}{% endcall %}", "{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}", "{% macro m() %}x{% endmacro %}{% call m() %}b{% endcall %}", "{% macro m() %}{{ caller('a') }}{% endmacro %}{% call(x, y='d') m() %}{{ x }}{{ y }}{% endcall %}", "{% macro m() %}{{ caller.name }}{{ caller.arguments }}{% endmacro %}{% call(x) m() %}{% endcall %}", "{% macro m(a, b=1) %}{{ caller }}{% endmacro %}{{ m.name }}{{ m.arguments }}{{ m.catch_kwargs }}{{ m.catch_varargs }}{{ m.caller }}{{ m.nope }}", "{% macro m() %}{{ m2() }}{% endmacro %}{% macro m2() %}2{% endmacro %}{{ m() }}", "{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}", "{% set q = 1 %}{% macro m() %}{{ q }}{% endmacro %}{% set q = 2 %}{{ m() }}", "{% macro m() %}{% set z = 1 %}{{ z }}{% endmacro %}{{ m() }}{{ z }}", "{% for x in l %}{% macro m() %}{{ x }}{% endmacro %}{{ m() }}{% endfor %}", "{% for x in l %}{% macro m(y) %}{{ x }}{{ y }}{% endmacro %}{{ m(loop.index) }}{% endfor %}{{ m }}", "{% macro m() %}{{ name }}{% endmacro %}{% with name = 'in' %}{{ m() }}{% endwith %}", "{% macro a() %}{% macro b() %}b{% endmacro %}{{ b() }}{% endmacro %}{{ a() }}", "{% macro m(x) %}{% if x %}{% set r = 1 %}{% endif %}{{ r }}{% endmacro %}{{ m(0) }}{{ m(1) }}", "{% macro m() %}  a  {% endmacro %}[{{ m()|trim }}]", "{{ m() }}{% macro m() %}{% endmacro %}", "{% macro m %}{% endmacro %}", "{% macro () %}{% endmacro %}", "{% macro m() %}", "{% macro 1() %}{% endmacro %}", "{% macro m(1) %}{% endmacro %}", "{% call %}{% endcall %}", "{% call 1 %}{% endcall %}", "{% call m %}{% endcall %}", "{% call nope() %}{% endcall %}", "{% macro m(x) %}{{ x }}{{ caller() }}{% endmacro %}{% call m(1) %}{% call m(2) %}in{% endcall %}{% endcall %}", "{% macro m() %}{{ caller() }}{{ caller() }}{% endmacro %}{% set v = 1 %}{% call m() %}{{ v }}{% endcall %}", "{% macro m() %}{{ kwargs.caller }}{{ kwargs }}{% endmacro %}{% call m() %}{% endcall %}", "{% macro m(x) %}{{ x is defined }}{{ x }}{% endmacro %}{{ m() }}", "{% macro m(x) %}{{ x.y }}{% endmacro %}{{ m() }}", "{% macro m(l=[]) %}{{ l.append(1) }}{{ l }}{% endmacro %}{{ m() }}{{ m() }}", "{% macro m(a, b) %}{{ a }}-{{ b }}{% endmacro %}{{ m(*[1, 2]) }}{{ m(**{'a': 1, 'b': 2}) }}{{ m(1, **{'b': 3}) }}", "{{ (1).m() }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, a=2) }}", "{% macro m(caller='x') %}{{ caller }}{% endmacro %}{% call m() %}{% endcall %}", "{% macro m() %}{{ loop }}{% endmacro %}{% for x in [1] %}{{ m() }}{% endfor %}", "{{ [1, 2]|map('string')|map('upper')|join }}", "{% macro m(s) %}<{{ s }}>{% endmacro %}{{ ['a', 'b']|map('upper')|map('lower')|list }}",
    # filter blocks, do, raw, comments, print, autoescape
    "{% filter upper %}a{{ n }}b{% endfilter %}", "{% filter replace('a', 'b')|upper %}aaa{% endfilter %}", "{% filter nope %}{% endfilter %}", "{% filter indent(2) %}a\nb{% endfilter %}", "{% filter upper %}", "{% filter %}{% endfilter %}", "{% filter trim %}  {% set x = 1 %}{{ x }} {% endfilter %}{{ x }}", "{% do l.append(4) %}{{ l }}", "{% do %}", "{% do 1, 2 %}x", "{% do nope.x %}", "{% raw %}{{ x }}{% if %}{% endraw %}", "{%- raw -%}  {{ x }}  {%- endraw -%}  y", "{% raw %}a", "{% raw %}{% endraw", "{% endraw %}", "a {%+ raw +%} b {%+ endraw +%} c", "{# c #}x{# multi\nline #}", "a {#- c -#} b", "{# unclosed", "{# {{ x }} {% y %} #}z", "{##}", "{#-#}", "{#}", "{% print 1 %}", "{% print 1, 'a', n %}", "{% print %}", "{% autoescape true %}{{ html }}{% endautoescape %}{{ html }}", "{% autoescape false %}{{ html }}{% endautoescape %}", "{% autoescape yes %}{{ html }}{{ html|safe }}{% endautoescape %}", "{% autoescape true %}{% macro m(x) %}<i>{{ x }}</i>{% endmacro %}{{ m(html) }}{% endautoescape %}{{ m(html) }}", "{% autoescape true %}{% set x %}<b>{{ html }}</b>{% endset %}{{ x }}{% endautoescape %}{{ x }}", "{% autoescape true %}{{ '<' ~ '>'|safe }}{{ '<' ~ '>' }}{% endautoescape %}", "{% autoescape true %}{% filter upper %}<{{ html }}>{% endfilter %}{% endautoescape %}", "{% autoescape true %}{{ ['<', '>'|safe]|join(',') }}{{ ['<', '>']|join('&') }}{% endautoescape %}", "{% autoescape %}{% endautoescape %}", "{% autoescape true %}{% for x in tree recursive %}<{{ x.n }}>{{ loop(x.c) }}{% endfor %}{% endautoescape %}", "{% for x in [1] %}{% autoescape true %}{% break %}{% endautoescape %}{% endfor %}{{ html }}", "{% autoescape true %}{% call(x) nope() %}{% endcall %}{% endautoescape %}", "{% macro m() %}{{ caller() }}{% endmacro %}{% autoescape true %}{% call m() %}<{{ html }}>{% endcall %}{% endautoescape %}",
    # unknown tags, nesting mistakes, delimiters
    "{% nope %}", "{% %}", "{% 1 %}", "{% if 1 %}{% for x in l %}{% endif %}{% endfor %}", "{% block a %}{% endif %}", "{{ }}", "{{", "{{ 1", "{{ 1 }", "}}", "%}", "{% if 1 }}", "{{ 1 %}", "{ { 1 } }", "{{{ 1 }}}", "{{ {'a': {'b': 1}} }}", "{{ {} }}", "{{ '}}' }}", "{{ \"{{ x }}\" }}", "{{ '%}' }}{% if '%}' %}a{% endif %}", "{%", "{% if", "{{ 1 }}\n", "{{ 1 }}\n\n", "\n{{ 1 }}", "a\r\nb\rc\n", "{{ 'a\r\nb' }}", "", "\n", "plain", "{{ 1 }}{{ 2 }}", "{{-1}}", "{{- 1 -}}", " {{- 1 -}} ", " {{+ 1 }} ", "{{ 1 +}}", "{%- if 1 -%} a {%- endif -%} b", "{%+ if 1 +%} a {%+ endif +%} b", "a\n{%- if 1 %}\nb{% endif -%}\nc", "{{\n1\n}}", "{% if\n1\n%}a{% endif %}", "{{ 1 }} {# c #} {{ 2 }}", "{% set x = '\n' %}[{{ x }}]", "{% if 1 %}a{% endif %}{% if", "{{ nope.x }}\n{{ 1 }}", "a\nb\n{{ nope.x }}", "{% if 1 %}\n\n{{ nope.x.y }}{% endif %}", "{% for x in l %}\n{{ x.y.z }}\n{% endfor %}", "{% macro m() %}\n\n{{ 1 + 'a' }}{% endmacro %}\n\n{{ m() }}", "{{\n\n1 + 'a' }}", "{{ [\n1,\n2 + 'a'] }}", "{% set x =\n1 + 'a' %}", "\n{% include 'nope' %}", "{{ 'a'\n|nope }}", "a\n{% if x %}{% nope %}", "\n\n{{ a b }}", "{% extends 'nope' %}", "{% import 'nope' as x %}", "{% from 'nope' import x %}", "{% set a | nope %}{% endset %}", "{{ (1|nope) if 0 else 2 }}", "{{ (1|nope) if 1 else 2 }}", "{% if 0 %}{{ 1|nope }}{% endif %}ok", "{% if 1 %}{{ 1|nope }}{% endif %}", "{% if 0 %}{{ 1 is nope }}{% endif %}ok", "{% if 1 %}{{ 1 is nope }}{% endif %}", "{% if 0 %}{% for x in l %}{{ 1|nope }}{% endfor %}{% endif %}", "{{ 1|a.b.c }}", "{{ 1 is a.b }}", "{% break %}", "{% for x in l %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}",
]


def statements():
    o = Out("statements")
    for t in STATEMENTS:
        o.add(t)
        if "{%" in t and len(t) < 120:
            o.add(t, undefined="strict")
    return o


def whitespace():
    o = Out("whitespace")
    bodies = ["a\n  {%% if 1 %s\n  b\n  {%s endif %%}\n  c\n", "  {%s set x = 1 %s\n\n{{ x }}\n", "x {%s raw %s\n {{ y }}\n  {%% endraw %%}\n z", "  {#%s c %s#}\n x", "a  {{%s 1 %s}}\n  b\n", "{%% for i in [1, 2] %s\n  {{ i }}\n  {%s endfor %%}\n"]
    for body, sign1, sign2 in itertools.product(bodies, ["", "-", "+"], ["", "-", "+"]):
        try:
            if "{#" in body or "{{%s" in body:
                t = body % (sign1, sign2)
            elif body.startswith("a\n") or body.startswith("{%% for"):
                t = body % (sign1 + "%}", "%" + sign2)
            else:
                t = body % ("%" + sign1, sign2 + "%}")
        except (TypeError, ValueError):
            continue
        for trim, lstrip, keep in itertools.product([False, True], repeat=3):
            opts = {k: v for k, v in (("trim_blocks", trim), ("lstrip_blocks", lstrip), ("keep_trailing_newline", keep)) if v}
            o.add(t, **opts)
    for t in ["a\n# for x in l\n{{ x }}\n# endfor\nb", "# if 1:\nx\n# endif", "  # if 1\ny\n  # endif\n", "a ## comment\nb", "## whole\nb", "# set x = [1,\n2]\n{{ x }}", "a # no\nb", "#- if 1\n x\n#- endif\n", "# if nope\n# else\nz\n# endif", "# nope", "# for x in l if x > 2\n${{ x }}\n# endfor", "x\n\n  ## c\n\ny", "# raw\n# endraw"]:
        for opts in [{}, {"trim_blocks": True}, {"lstrip_blocks": True}]:
            o.add(t, line_statement_prefix="#", line_comment_prefix="##", **opts)
    angle = dict(block_start_string="<%", block_end_string="%>", variable_start_string="<%=", variable_end_string="%>", comment_start_string="<%#", comment_end_string="%>")
    for t in ["<% if 1 %>a<% endif %>", "<%= 1 %>", "<%# c %>x", "<%- if 1 -%> a <%- endif %>", "{{ x }}<%= '{{' %>", "<% raw %><%= x %><% endraw %>", "<%= 1 -%>  b", "<%"]:
        o.add(t, **angle)
    for t in ["\\VAR{1} \\BLOCK{if 1}a\\BLOCK{endif} \\#{c}", "\\VAR{ {'a': 1} }"]:
        o.add(t, block_start_string="\\BLOCK{", block_end_string="}", variable_start_string="\\VAR{", variable_end_string="}", comment_start_string="\\#{", comment_end_string="}")
    for t in ["a\nb\n{{ 'x\ny' }}\n", "a\r\nb", "{{ 'aaa bbb'|wordwrap(3) }}"]:
        for nl in ["\n", "\r\n", "\r"]:
            o.add(t, newline_sequence=nl)
            o.add(t, newline_sequence=nl, keep_trailing_newline=True)
    return o


def undefineds():
    o = Out("undefineds")
    ops = ["missing", "missing.a", "missing.a.b", "missing['a']", "missing[0]", "missing()", "missing + 1", "1 + missing", "missing ~ 'x'", "-missing", "+missing", "not missing", "missing and 1", "missing or 1", "1 if missing else 2", "missing == missing", "missing == 1", "1 == missing", "missing != 1", "missing < 1", "1 < missing", "1 in missing", "missing in [1]", "[missing]", "[missing]|length", "{'a': missing}", "{missing: 1}", "missing is defined", "missing is undefined", "missing is none", "missing is string", "missing is iterable", "missing is sequence", "missing is callable", "missing is mapping", "missing|list", "missing|length", "missing|string", "missing|upper", "missing|int", "missing|float", "missing|round", "missing|abs", "missing|join", "missing|first", "missing|last", "missing|sum", "missing|sort", "missing|reverse", "missing|reverse|list", "missing|tojson", "missing|default(1)", "missing.a|default(1)", "missing.a.b|default(1)", "missing|map('upper')|list", "missing|select|list", "missing|items|list", "missing|dictsort", "missing|indent", "missing|e", "missing|safe", "missing|trim", "missing|replace('a', 'b')", "missing|urlencode", "missing|urlize", "missing|wordcount", "missing|xmlattr", "missing|batch(2)|list", "missing|slice(2)|list", "missing|unique|list", "missing|min", "missing|groupby('a')", "missing|attr('x')", "missing|pprint", "missing|format(1)", "missing|truncate", "missing|center", "missing|title", "missing|random", "missing|filesizeformat", "missing|wordwrap", "missing|striptags", "'%s' % missing", "'%d' % missing", "'%r' % missing", "'{}'.format(missing)", "'{:5}'.format(missing)", "[1, 2][missing]", "'abc'[missing]", "d[missing]", "d.nope", "d.nope.x", "l[9]", "l.nope", "n.nope", "nul.x", "missing[1:2]", "l[missing:]", "range(missing)", "dict(missing)", "dict(a=missing)", "[*missing]", "s.split(missing)", "s.replace(missing, 'a')", "missing.upper()", "missing * 2", "2 * missing", "'a' * missing", "missing ** 2", "missing % 2", "missing // 2", "missing is odd", "missing is in [1]", "missing is eq 1", "missing is sameas missing", "(1 if 0)", "(1 if 0).x", "(1 if 0) + 1", "missing|string ~ 'x'", "d['nope'] is defined", "missing|count", "s ~ d.nope", "[d.nope, 1]|select('defined')|list", "users|map(attribute='nope')|join(',')", "users|selectattr('nope', 'defined')|list", "users|map(attribute='nope', default=0)|sum", "users|sort(attribute='nope')|length"]
    for kind, e in itertools.product(["", "strict", "chainable", "debug"], ops):
        o.add("{{ %s }}" % e, **({"undefined": kind} if kind else {}))
    for kind in ["", "strict", "chainable", "debug"]:
        for t in ["{% for x in missing %}x{% else %}e{% endfor %}", "{% if missing %}a{% else %}b{% endif %}", "{% for a, b in missing %}{% endfor %}", "{% set a, b = missing %}", "{% include missing %}", "{% include [missing, 'x'] %}", "{% import missing as m %}", "{% extends missing %}", "{% set x = missing %}{{ x is defined }}", "{% macro m(a) %}{{ a }}{% endmacro %}[{{ m() }}]", "{% macro m(a) %}{{ a is defined }}{% endmacro %}[{{ m(missing) }}]", "{% with x = missing %}[{{ x }}]{% endwith %}", "{% autoescape missing %}x{% endautoescape %}", "{% for x in [1] %}{{ loop.previtem }}{{ loop.nextitem }}{% endfor %}", "{% macro m(*missing) %}{% endmacro %}", "{{ dict(**missing) }}", "{{ range(*missing) }}"]:
            o.add(t, **({"undefined": kind} if kind else {}))
    return o


def escaping():
    o = Out("escaping", autoescape=True)
    for e in ["html", "html|safe", "html|e", "html|e|e", "html|forceescape", "'<' ~ '>'", "'<' ~ ('>'|safe)", "'<' + ('>'|safe)", "('<'|safe) + '>'", "('<'|safe) ~ 1", "html|upper", "(html|safe)|upper", "html|replace('a', '<')", "(html|safe)|replace('a', '<')", "html|replace('<', '>'|safe)", "(html|safe)|replace('<'|safe, '&'|safe)", "['<', '>']|join", "['<', '>']|join('&')", "['<'|safe, '>']|join('&')", "['<', '>']|join('&'|safe)", "users|join('<', attribute='n')", "'%s'|format('<')", "('%s'|safe)|format('<')", "('%s'|safe) % '<'", "'<%s>' % ('<'|safe)", "html|indent", "(html|safe)|indent(2, true)", "html|truncate(5)", "(html|safe)|truncate(5, true)", "html|wordwrap(4)", "html|striptags", "(html|safe)|striptags", "html|title", "html|trim", "html|center(30)", "html|reverse", "(html|safe)|reverse", "html|first", "html|list", "[html]", "{'a': html}", "html|tojson", "{'a': html}|xmlattr", "'http://a.com <b>'|urlize", "html|urlencode", "html|string", "(html|safe)|string", "html|length", "(html|safe)|length", "html == (html|safe)", "html is escaped", "(html|safe) is escaped", "(html|safe)[:3]", "(html|safe).upper()", "(html|safe).split('x')", "('a<b'|safe).join(['<', '>'])", "('<{}>'|safe).format('<')", "'<{}>'.format('<'|safe)", "none", "1", "1.5", "[]", "missing", "(1 if 0)", "'\"\\''", "'&amp;'", "html|pprint", "html|sort", "html|sort|join", "html|unique|join", "html|batch(3)|list", "['<']|map('upper')|join", "['<']|map('e')|join(',')", "html|default('<')", "missing|default('<')", "missing|default('<'|safe)", "html|wordcount", "('<'|safe) * 3", "lipsum(0)", "'a' 'b<'", "'<' if yes else '>'", "('<'|safe).replace('<', '>')", "('<'|safe).center(5, '>')", "('a'|safe).ljust(3, '<')", "[('<'|safe)]|first", "('<'|safe)|string is escaped", "dict(a='<')", "'<'|safe|forceescape", "{'<'|safe: '<'}|xmlattr", "s.join(['<'|safe])", "'<'.join(['a'|safe, 'b'])", "('&lt;'|safe).unescape()", "'x'|attr('upper')()", "'<'|upper ~ '<'", "(html|safe)|e is escaped", "(html|safe)|int", "('5'|safe)|int", "('5'|safe) ~ 5", "('a'|safe) in 'abc'", "d['zeta'|safe]", "'%s' % html", "html ~ html", "(html ~ '')|length"]:
        o.add("{{ %s }}" % e)
    for t in ["{% set x %}<b>{% endset %}{{ x }}", "{% set x | upper %}<b>{% endset %}{{ x }}", "{% macro m(a) %}<i>{{ a }}</i>{% endmacro %}{{ m('<') }}{{ m('<'|safe) }}{{ m('<')|upper }}", "{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}<{{ html }}>{% endcall %}", "{% filter upper %}<{{ html }}>{% endfilter %}", "{% filter e %}<{{ html }}>{% endfilter %}", "{% autoescape false %}{{ html }}{% endautoescape %}{{ html }}", "{% autoescape no %}{{ html }}{% set x %}<{% endset %}{{ x }}{% endautoescape %}{{ x }}", "{% for x in tree recursive %}<{{ x.n }}>{{ loop(x.c) }}{% endfor %}", "{% for c in html %}{{ c }}{% endfor %}", "{% for c in html|safe %}{{ c }}{% endfor %}", "{% autoescape false %}{% macro m(a) %}<{{ a }}>{% endmacro %}{% endautoescape %}{{ m('<') }}", "{% block a %}<{{ html }}>{% endblock %}{{ self.a() }}", "<{{ '<' }}>", "{% print '<' %}", "{% set ns = namespace(x='<') %}{{ ns.x }}{{ ns }}", "{{ loop }}{% for x in ['<'] %}{{ x }}{{ loop.cycle('<', '>') }}{% endfor %}", "{{ joiner('<')() }}{{ cycler('<').next() }}"]:
        o.add(t)
    inc = {"i": "<{{ html }}>", "m": "{% macro m(a) %}<{{ a }}>{% endmacro %}{% set v = '<' %}"}
    for t in ["{% include 'i' %}", "{% set x %}{% include 'i' %}{% endset %}{{ x }}", "{% import 'm' as m %}{{ m.m('<') }}{{ m.v }}{{ m }}", "{% from 'm' import m %}{{ m('<')|upper }}"]:
        o.add(t, files=inc)
    return o


def inheritance():
    o = Out("inheritance")
    f = {
        "base": "[{% block a %}A{% endblock %}|{% block b %}B{{ n }}{% endblock %}]",
        "mid": "{% extends 'base' %}{% block a %}M{{ super() }}{% endblock %}",
        "scoped": "{% for x in l %}{% block item scoped %}{{ x }}{% endblock %}{% endfor %}",
        "unscoped": "{% for x in l %}{% block item %}{{ x }}{% endblock %}{% endfor %}",
        "req": "{% block r required %}{% endblock %}",
        "vars": "{% set v = 'base' %}{{ v }}{% block a %}{{ v }}{% endblock %}",
        "inc": "<{{ name }}{{ x }}{{ y }}>", "incset": "{% set x = 'inner' %}{{ x }}", "err": "a\n{{ 1 + 'a' }}", "syn": "a\n{% if %}",
        "m": "{% macro f(a, b='d') %}{{ a }}{{ b }}{{ name }}{% endmacro %}{% set v = 5 %}{% set _p = 6 %}text{% macro _h() %}{% endmacro %}",
        "nest": "{% include 'inc' %}", "loopi": "{{ loop.index }}", "self": "{{ self.a() }}{% block a %}S{% endblock %}", "imp": "{% import 'm' as m %}{{ m.f(1) }}", "cyc": "{% extends 'cyc2' %}", "ext": "x{% extends 'base' %}y{% block a %}z{% endblock %}",
    }
    for t in [
        "{% extends 'base' %}", "{% extends 'base' %}{% block a %}x{% endblock %}", "{% extends 'base' %}{% block b %}{{ super() }}!{% endblock %}", "{% extends 'mid' %}{% block a %}C{{ super() }}{% endblock %}", "{% extends 'mid' %}{% block a %}{{ super.super() }}{% endblock %}", "{% extends 'base' %}{% block a %}{{ super.super() }}{% endblock %}", "{% extends 'base' %}{% block q %}{{ super() }}{% endblock %}", "{% block q %}{{ super() }}{% endblock %}", "x{% extends 'base' %}y", "{{ 1 }}{% extends 'base' %}{{ 2 }}", "{% extends name %}", "{% extends 'ba' ~ 'se' %}{% block a %}dyn{% endblock %}", "{% extends ['nope', 'base'] %}", "{% extends nul %}", "{% extends 5 %}", "{% if yes %}{% extends 'base' %}{% endif %}tail", "{% if no %}{% extends 'base' %}{% endif %}tail{% block a %}own{% endblock %}", "{% extends 'base' if yes else 'mid' %}", "{% extends 'base' %}{% extends 'mid' %}", "{% if yes %}{% extends 'base' %}{% endif %}{% if yes %}{% extends 'mid' %}{% endif %}", "{% for x in l %}{% extends 'base' %}{% endfor %}", "{% extends 'scoped' %}{% block item %}<{{ x }}>{% endblock %}", "{% extends 'unscoped' %}{% block item %}<{{ x }}>{% endblock %}", "{% include 'scoped' %}", "{% include 'unscoped' %}", "{% extends 'req' %}", "{% extends 'req' %}{% block r %}ok{% endblock %}", "{% include 'req' %}", "{% block r required %}x{% endblock %}", "{% block r required %} {# c #} {% endblock %}", "{% extends 'vars' %}{% set v = 'child' %}", "{% extends 'vars' %}{% block a %}{{ v }}{% endblock %}", "{% set v = 'x' %}{% block a %}{{ v }}{% endblock %}", "{% block a %}{% set v = 1 %}{{ v }}{% endblock %}{{ v }}", "{% block a %}1{% endblock %}{% block a %}2{% endblock %}", "{% block a %}{% block b %}in{% endblock %}{% endblock %}", "{% block a %}x{% endblock a %}", "{% block a %}x{% endblock b %}", "{% block a-b %}{% endblock %}", "{% block 'a' %}{% endblock %}", "{% block %}{% endblock %}", "{% block a %}x{% endblock %}{{ self.a() }}{{ self.a }}", "{{ self.nope() }}", "{{ self }}", "{{ self.a }}{% block a %}{% endblock %}", "{% block a %}{{ self.b() }}{% endblock %}{% block b %}b{% endblock %}", "{% extends 'self' %}{% block a %}T{% endblock %}", "{% macro m() %}{{ self.a() }}{% endmacro %}{% block a %}q{% endblock %}{{ m() }}", "{% for i in [1, 2] %}{% block a scoped %}{{ i }}{{ loop.index }}{% endblock %}{% endfor %}", "{% for i in [1, 2] %}{% block a %}{{ i }}{% endblock %}{% endfor %}", "{% block a scoped required %}{% endblock %}", "{% block a required scoped %}{% endblock %}", "{% with q = 1 %}{% block a scoped %}{{ q }}{% endblock %}{% endwith %}", "{% set q = 1 %}{% macro m() %}{% block a %}{{ q }}{% endblock %}{% endmacro %}{{ m() }}", "{% extends 'base' %}{% macro m() %}mm{% endmacro %}{% block a %}{{ m() }}{% endblock %}", "{% extends 'base' %}{% import 'm' as m %}{% block a %}{{ m.f(1) }}{% endblock %}", "{% extends 'base' %}{% set q %}cap{% endset %}{% block a %}{{ q }}{% endblock %}", "{% extends 'base' %}{% for x in l %}{{ x }}{% endfor %}", "{% extends 'base' %}{% include 'inc' %}", "{% extends 'base' %}{% filter upper %}a{% endfilter %}", "{% extends 'base' %}{% block a %}{% for x in l %}{{ loop.index }}{% endfor %}{% endblock %}", "{% extends 'ext' %}", "{% include 'ext' %}", "{% extends 'base' %}{% block a %}{% include 'inc' %}{% endblock %}", "{% extends 'syn' %}", "{% extends 'base' %}{% block a %}{{ nope.x }}{% endblock %}",
        "{% include 'inc' %}", "{% set x = 1 %}{% include 'inc' %}", "{% set x = 1 %}{% include 'inc' without context %}", "{% set x = 1 %}{% include 'inc' with context %}", "{% for x in l %}{% include 'inc' %}{% endfor %}", "{% for x in l %}{% include 'loopi' %}{% endfor %}", "{% for x in l %}{{ loop.index }}{% include 'loopi' %}{% endfor %}", "{% include 'nope' %}", "{% include 'nope' ignore missing %}ok", "{% include 'nope' ignore missing with context %}ok", "{% include 'nope' ignore missing without context %}ok", "{% include ['nope', 'inc'] %}", "{% include ['nope', 'nope2'] %}", "{% include ['nope'] ignore missing %}ok", "{% include [] %}", "{% include [] ignore missing %}ok", "{% include ('nope', 'inc') %}", "{% include nul %}", "{% include 5 %}", "{% include name %}", "{% include 'i' ~ 'nc' %}", "{% include 'inc' if yes %}", "{% include 'incset' %}{{ x }}", "{% include 'nest' %}", "{% with x = 'w' %}{% include 'nest' %}{% endwith %}", "{% include 'err' %}", "\n\n{% include 'err' %}", "{% include 'syn' %}", "{% include 'syn' ignore missing %}", "{% macro m(x) %}{% include 'inc' %}{% endmacro %}{{ m('arg') }}", "{% set x %}{% include 'inc' %}{% endset %}[{{ x }}]", "{% include 'base' %}{% block a %}x{% endblock %}", "{% include 'mid' %}", "{% include 'm' %}", "{% include 'inc' with %}", "{% include 'inc' without %}", "{% include %}", "{% include 'imp' %}", "{% if 1 %}{% set x = 9 %}{% endif %}{% include 'inc' %}", "{% set x = 1 %}{% for y in [2] %}{% set x = 3 %}{% include 'inc' %}{% endfor %}", "{% block q %}{% set x = 4 %}{% include 'inc' %}{% endblock %}",
        "{% import 'm' as m %}{{ m.f(1) }}{{ m.v }}", "{% import 'm' as m %}{{ m }}", "{% import 'm' as m %}{{ m._p }}{{ m.nope }}", "{% import 'm' as m with context %}{{ m.f(1) }}", "{% set name = 'loc' %}{% import 'm' as m with context %}{{ m.f(1) }}", "{% set name = 'loc' %}{% import 'm' as m %}{{ m.f(1) }}", "{% import 'm' as m without context %}{{ m.f(1, 2) }}", "{% from 'm' import f %}{{ f('x') }}", "{% from 'm' import f as g, v %}{{ g(1) }}{{ v }}", "{% from 'm' import nope %}{{ nope }}", "{% from 'm' import nope %}{{ nope() }}", "{% from 'm' import _p %}", "{% from 'm' import f with context %}{{ f(1) }}", "{% from 'm' import f, v with context %}{{ f(v) }}", "{% from 'm' import with context %}x", "{% from 'm' import f v %}", "{% from 'm' import %}", "{% from 'm' import f, %}{{ f(1) }}", "{% import 'm' %}", "{% import 'm' as 1 %}", "{% import nul as x %}", "{% import ['m'] as x %}", "{% for x in l %}{% import 'm' as m %}{{ m.v }}{% endfor %}{{ m }}", "{% if 1 %}{% import 'm' as m %}{% endif %}{{ m.v }}", "{% import 'm' as m %}{% macro q() %}{{ m.f(2) }}{% endmacro %}{{ q() }}", "{% import 'm' as m %}{% block a %}{{ m.v }}{% endblock %}", "{% import 'err' as e %}", "{% import 'syn' as e %}", "{% import 'base' as b %}{{ b }}", "{% import 'mid' as b %}{{ b }}", "{% set x = 1 %}{% import 'inc' as i with context %}{{ i }}{% set x = 2 %}{{ i }}", "{% import 'm' as m %}{% call m.f(1) %}{% endcall %}", "{% import 'm' as m %}{{ m['f'](1) }}", "{% from 'm' import f as f2 %}{{ f2.name }}{{ f2.arguments }}", "{% import 'm' as _m %}{{ _m.v }}", "{% import 'm' as m %}{{ m is defined }}{{ m.f is callable }}{{ m|string }}{{ m|length }}",
    ]:
        o.add(t, files=f)
    return o


def yamls():
    o = Out("yaml", yaml=True)
    strs = ["a", "", "yes", "No", "null", "~", "1", "01", "09", "1.5", "1e5", ".5", "0x1f", "1_000", "1:30", "2024-01-02", "2024-01-02 03:04:05", "true", "- a", "a: b", "a:b", "a #b", "a#b", "#a", "*a", "&a", "!a", "%a", "@a", "`a", "?a", "? a", ": a", "a:", "-", "--", "---", "...", "[a]", "{a}", "a, b", "a'b", "a\"b", "a\\b", "'", "\"", " a", "a ", "a\tb", "\t", "ü", "日本", "a\u00a0b", "\u2028", "\x07", "😀", "line1\nline2", "line1\nline2\n", "line1\nline2\n\n", "\nline", "\n", "\n\n", " a\nb", "a \nb", "a\n b", "a\n\nb", "a\tb\nc", "ü\nx", "x" * 100, "word " * 30, "word " * 30 + "\n" + "word " * 30, "long-" * 30, "a" * 79 + " b c", "it's " * 30, "ü " * 60, "=", "<<", "on", "OFF", "y", "n", "nan", ".nan", ".inf", "-.inf", "+1", "-1", "1.", "+.5", "0o17", "0b1", "_1", "a\rb", "a\r\nb", "\x7f", "\x85", "http://x.y:80/z?a=b#c", "key: value: x", "{{ x }}", "%s", "a|b", ">x", "|x", "|", ">", "a: |", "0", "-0", "00", "1,000", "½", "²", "a\\nb", "C:\\x", "~x", "null ", "Null", "TRUE", "١"]
    for s in strs:
        o.add("{{ %s|to_yaml }}" % json.dumps(s, ensure_ascii=False).replace("\u2028", "\\u2028").replace("\x7f", "\\x7f"))
        o.add("{{ {'k': %s, 'l': [%s], %s: 1}|to_yaml }}" % ((json.dumps(s, ensure_ascii=False).replace("\u2028", "\\u2028").replace("\x7f", "\\x7f"),) * 3))
    o.exprs(*(v + "|to_yaml" for v in ["1", "-5", "big", "1.5", "1e20", "1e-7", "1e16", "0.1", "true", "none", "[]", "{}", "()", "(1, 2)", "[1, [2, [3]], []]", "{'a': {}, 'b': []}", "{'a': [1, {'b': 2, 'c': [3]}]}", "[{'a': 1, 'b': 2}, {'c': 3}]", "[[1, 2], [3]]", "[[[]]]", "{'a': {'b': {'c': {'d': 1}}}}", "{1: 2, none: 3, true: 4, 1.5: 5}", "{'z': 1, 'a': 2}", "d", "users", "dn", "lm", "l", "('inf' if yes)|float", "('-inf' if yes)|float", "range(3)", "missing", "'x'|safe", "s.upper", "{(1, 2): 3}", "[none, true, 'x', 1.0]", "{'': ''}", "{'a b': 'c d'}", "[['a', 'b'], {'c': ['d']}]", "{'x': 'a\nb', 'y': ['c\nd']}", "{'long key ' * 20: 1}", "['%s']" % ("w " * 60), "{'k' * 130: 'v'}", "{'a\nb': 1}", "d.keys()", "{'a': 0, 'b': 0.0, 'c': false}"]))
    o.add("{% set x = [1] %}{{ [x, x]|to_yaml }}{{ {'a': x, 'b': x}|to_yaml }}")
    o.add("{% set x = {'q': 1} %}{{ [x, [x, x], {'k': x}]|to_yaml }}")
    o.add("{% set x = [] %}{{ [x, x]|to_yaml }}")
    o.add("{% set x = {} %}{% set y = {'p': x} %}{{ {'a': y, 'b': x, 'c': y}|to_yaml }}")
    o.add("{% set x = [1] %}{{ x.append(x) }}{{ x|to_yaml }}")
    docs = ["a: 1", "- a\n- b", "", "~", "null", "a", "'a'", "\"a\\n\\x41\\u00e9\"", "1", "-1", "+1", "0", "012", "08", "0x1F", "0b11", "1_000", "1.5", "1e3", "1.0e+3", "1.e+3", ".5", "-.5", ".inf", "-.INF", ".nan", "190:20:30", "1:30.5", "yes", "No", "ON", "off", "y", "n", "true", "TRUE", "tRue", "2024-01-02", "2024-1-2", "2024-01-02T03:04:05Z", "2024-01-02 03:04:05.123 +02:00", "2024-01-02 03:04:05", "2024-13-01", "a: [1, 2, {b: c}]", "{a: 1, b: [x, y]}", "a: |\n  x\n  y\n", "a: >\n  x\n  y\n\n  z\n", "a: |-\n  x\n", "a: |+\n  x\n\n", "a:\n- 1\n- 2", "a: b: c", "a: 'it''s'", "? a\n: b", "&x a: *x", "a: &x [1]\nb: *x", "a: &x {k: 1}\nb:\n  <<: *x\n  j: 2", "b:\n  <<: {k: 1, j: 1}\n  j: 2", "b:\n  <<: [{k: 1}, {k: 2, m: 3}]", "<<: 5", "*nope", "[1, 2", "{a", "a: [", "'unclosed", "\tx", "- a\nb: c", "a: 1\na: 2", "# c", "a: 1 # c", "a: '#'", "!!str 5", "!!int '5'", "!!float 5", "!!bool yes", "!!null x", "!!binary aGk=", "!!set {a}", "!!omap [a: 1]", "!!nope x", "!foo x", "--- a", "---\na: 1\n...", "a\n---\nb", "%YAML 1.1\n---\na", "=", "a: =", "=: a", "<<", "1: 2", "1.5: x", "true: y", "[1, 2]: x", "? [1]\n: x", "a:", "a: ", "- ", "-", "- - 1\n  - 2", "a: - b", "a: \"x\n  y\"", "a: x\n  y", "'a': 'b'", "\"a b\": c", "a: 0o17", "a: 1e5", "a: 1_0.5", "a: 0.1e1", "{a: b, c}", "[a: b]", "a: @x", "a: `x", "a: %x", "ü: é", "a: \u00a0b", "a:  b ", "- a: 1\n  b: 2\n-\n  c: 3", "a: !!str\nb: 1", "a: 12345678901234567890", "a: 1.0e+400", "a: -0", "a: +.5", "a: 1.", "a: ._", "a: 0x", "a: __", "a: ''", "a: \"\"", "[]", "{}", "[,]", "a: {b: }", "a: [b, ]", "key with spaces: v", "a:b", "http://x", "a: http://x:80", "a: {b: http://x}", "- 'x'\n- \"y\"\n- z"]
    for s in docs:
        o.add("{{ %s|from_yaml }}" % json.dumps(s, ensure_ascii=False).replace("\u00a0", "\\u00a0"))
    o.exprs("users|to_json", "'ü'|to_json", "{1: none}|to_json", "[1.0, 1e20]|to_json", "missing|to_json", "range(2)|to_json", "html|to_json", "('<'|safe)|to_json", "{'b': 1, 'a': 2}|to_json")
    o.exprs("(users|to_yaml|from_yaml) == users", "(dn|to_yaml|from_yaml) == dn", "'a: 2024-01-02'|from_yaml|to_yaml", "'a: 2024-01-02T03:04:05Z'|from_yaml|to_yaml", "('a: 2024-01-02'|from_yaml).a.year", "('a: 2024-01-02'|from_yaml).a.isoformat()", "'!!set {b, a}'|from_yaml|length", "'!!binary aGk='|from_yaml|to_yaml")
    return o


# Expressions of corners.
CORNERS = [
    # a constant base of a power loses its sign to the power
    "(-1) ** n", "-1 ** n", "(1-4) ** zero", "-3 ** zero ** 2", "-3 ** 2 ** zero", "(-3|abs) ** zero", "('-3'|int) ** zero", "(-3 if true else 1) ** zero", "(-3 if yes else 1) ** zero", "[-3][0] ** zero", "-0.0 ** n", "2 ** -n", "-2 ** -n", "-2.5 ** n", "(-2 ** 2) ** zero", "-n ** 2", "-(n) ** 2", "{'a': -2}.a ** zero", "-true ** zero", "-3 ** 's'", "-3 ** nul", "-(3) ** n * 2", "1 - 3 ** zero", "neg ** zero", "(fl|float) ** neg",
    "s.upper == s.upper", "s.upper == s.lower", "d.get == d.get", "l.append == l.append", "l.append == [5, 3, 8, 1].append", "s.upper != s.upper", "s.upper in [s.upper]", "[s.upper, 1] == [s.upper, 1.0]",
    "'{}'.format_map([1])", "'{0[a]}'.format_map({'a': 1})", "'{0}'.format_map({'0': 1})", "'{}'.format_map({'': 1})", "'{a}'.format_map({})", "'{99999999999999999999}'.format(1)", "'{9223372036854775807}'.format(1)", "'{0[99999999999999999999]}'.format([1])", "('{}'|safe).format_map({'a': 1})", "('{a}'|safe).format_map({'a': '<'})",
    "'a'.splitlines('')", "'a\\nb'.splitlines(2)", "'a\\nb'.splitlines(none)", "'a\\nb'.splitlines(1.5)", "s.partition('l'|safe)", "s.rpartition('l'|safe)", "s.partition('q'|safe)",
    "'é'.encode('ascii', 'nope')", "'e'.encode('ascii', 'nope')", "'é'.encode('latin1', 'nope')", "'é'.encode().decode('ascii', 'ignore')", "'é'.encode().decode('ascii', 'replace')", "'é'.encode().decode('ascii', 'backslashreplace')", "'é'.encode().decode('ascii', 'nope')", "'é'.encode().decode('ascii')", "'é'.encode('latin1').decode('utf-8', 'backslashreplace')", "'é'.encode('latin1').decode('utf-8', 'nope')", "'aéb'.encode('latin1').decode('utf-8', 'replace')", "'日本'.encode()[:4].decode('utf-8', 'replace')", "'日本'.encode()[:5].decode('utf-8', 'replace')", "'日本'.encode()[1:].decode('utf-8', 'ignore')", "'日本'.encode()[1:].decode('utf-8', 'backslashreplace')", "'\\x80\\xff'.encode('latin1').decode('utf-8', 'replace')", "'😀😀'.encode()[:7].decode('utf-8', 'replace')",
    "true in 'a\\x01'.encode()", "300 in 'a'.encode()", "-1 in 'a'.encode()", "big in 'a'.encode()", "97 in 'a'.encode()", "1.5 in 'a'.encode()",
    "'abc'.maketrans('ab', 'cd')", "'abc'.maketrans('ab', 'cd', 'x')", "'abc'.maketrans('ab', 'c')", "'abc'.maketrans({'a': 1, 98: none})", "'abc'.maketrans({'ab': 1})", "'abc'.maketrans({1.5: 1})", "'abc'.maketrans('ab')", "'abc'.maketrans(5)", "'abc'.maketrans('ab', 5)", "'abc'.maketrans('a', 'b', 'c', 'd')", "'abc'.translate('abc'.maketrans('ab', 'xy', 'c'))", "'abc'.translate({97: 'xx', 98: none, 99: 100})", "'abc'.translate({97: 1.5})", "'abc'.translate({97: 1114112})", "'abc'.translate([1, 2])", "'abc'.translate(none)",
    "dict.fromkeys([1, 2])", "dict.fromkeys('ab', 0)", "dict.fromkeys(5)", "dict.fromkeys([[]])", "dict.fromkeys(ls + ls)|list",
    "(d.keys() - ['zeta', 'alpha'])|list", "(d.keys() - ('zeta', 'alpha'))|list", "(d.keys() - {'zeta': 1, 'alpha': 2})|list", "(d.keys() - range(3))|length", "d.keys() - 5", "d.keys() - none", "d.keys() - [[]]", "(d.keys() - missing)|length", "([1] - d.keys())|list", "('a' - d.keys())|list", "[[]] - d.keys()", "5 - d.keys()", "(d.items() - [('zeta', 1), ('alpha', 2)])|list", "d.items() - d.items()", "d.values() - d.values()", "[1] - d.values()", "((d.keys() - d.keys()) - [1])|list", "(d.keys() - ['Mid', 'zeta']) - ['q']", "[1] - (d.keys() - [1])", "missing - d.keys()",
    # formatting
    "'%5%' % (1,)", "'%-5%' % ()", "'%l%' % (1,)", "'%(a)%' % {'a': 1}", "'%lld' % 1", "'%hhd' % 1", "'%Lh' % 1", "'%ld%hs' % (1, 2)", "'%5%%' % 5",
]


def corners():
    o = Out("corners")
    o.exprs(*CORNERS)
    specs = ["", ".0", ".1", ".2", ".3", ".4", "#.1", "#.2", "#.3", "#", "08.2", ".17", "#g", "<010", "^05", ">05", "5c", "<5c", "=5c", "05s", "^05s", "<010.1f"]
    for spec in specs:
        for v in ["0.0", "0.5", "1.5", "9.5", "25.0", "99.9", "100.0", "0.00015", "0.00009999", "123456.0", "1e16", "-9.96", "7", "-65", "'ab'"]:
            o.add("{{ '{:%s}'.format(%s) }}" % (spec, v))
    # what the end of the template counts as a line
    for t in ["{% if 1 %}\nx\n\n\ny", "{% if 1 %}\n", "{% if 1 %}\n\n\n", "{% if 1 %}x\n\n{{ 1 }}\n", "{% if 1 %}x\n{# c\n\n #}", "{% if 1 %}x\n{# c\n\n #}\n\n", "{% if 1\n\n", "{{ 1\n\n", "{{\n", "{{\n1 +\n", "{% if 1 %}{% raw %}\n\n{% endraw %}\n\n", "{% for x in\n l\n", "{% if 1 -%}\n\n\n", "{% if 1 -%}\n\n\n x", "a\n{% if 1 %}b\n{% else %}\n\nx\n", "{% block a %}\n{% endblock\n\n", "{{ (1,\n\n", "{{ f(\n\n", "{{ [\n\n1", "{% if 1 %}\n\n  {#- c\n -#}\n \n"]:
        for opts in [{}, {"trim_blocks": True}, {"trim_blocks": True, "keep_trailing_newline": True}, {"keep_trailing_newline": True, "lstrip_blocks": True}]:
            o.add(t, **opts)
    # long words, dashes and brackets
    for text in ["'aa-bb-cc-dd-ee'", "'a--b---c----d'", "'--a--'", "'x' * 23", "'ab-' * 9", "'é-日本' * 5", "'(' * 5 ~ 'http://a.b' ~ ')' * 7", "'a' ~ '(' * 3 ~ ')' * 5 ~ ',.'"]:
        for width in ["1", "3", "4", "7"]:
            for more in ["", ", false", ", true, '|', false"]:
                o.exprs("(%s)|wordwrap(%s%s)" % (text, width, more))
        o.exprs("(%s)|urlize" % text)
    o.exprs(*("%s|striptags" % json.dumps(s) for s in ["<!-<!-- -->- x -->y", "<<!-- -->!-- a --> b", "<!--->x", "<!-->x-->y", "a<!<!-- -->--b-->c", "<!<!--x-->-<!--y-->-z-->w", "x<!-<!-- --><!-- -->- a", "<!--a--><!--b", "<<b>c>d"]))
    return o


# What the differential fuzzer found, made smaller.
FOUND = [
    "{% with w = 1e16, x = ('%s-%s' % (x, (w and nul))) %}{{ x }}{% endwith %}",
    "{% print 1.5, ('%s-%s' % (users[3].city, missing.y)) %}",
    "{{ '%-5s|%%|%.2r' % (s, uni) }} {{ '%s-%d' % (missing, missing.y) }} {{ '%s' % (n, f) }}",
    "{% for y in (users|groupby('city', default='a')|list) %}{{ y.split() }}{% endfor %}", "{% for name in ([]|sort(reverse=name)) %}{% endfor %}", "{{ []|sort(reverse=none) }}", "{{ [2, 1]|sort(reverse=2) }}", "{{ [2, 1]|sort(reverse=big) }}", "{{ {}|dictsort(reverse='x') }}",
    "{% macro mm(w=('a'|wordwrap(6, True, '|', w))) %}{{ w }}{% endmacro %}{{ mm()|upper }}", "{{ le * big }}", "{{ 'a' * big }}", "{{ 'a' * -big }}", "{{ l|map('join', missing)|list }}", "{{ ([]|safe) * d.nope }}", "{{ 0 / -big }}", "{{ 0 / -5 }}", "{{ 0 / 10**400 }}", "{{ 1 / -10**400 }}",
    "{% if 1|nope(missing.x) %}{% endif %}", "{{ 1 or 2|nope }}", "{{ 0 and (2 is nope) }}", "{{ 0 or 2|nope }}", "{{ n or 2|nope }}", "{% for w in 1 if (1 or w|nope) %}{% endfor %}", "{{ de|dictsort(y, 'value', true) }}", "{{ d|dictsort(x, 'value', nul) }}", "{{ (html|safe)|last }}", "{{ (html|safe)|first }}", "{{ (html|safe)|reverse }}", "{{ ('n' ~ w).replace('a', w) }}", "{{ ((' '|forceescape) + w) }}", "{{ html ~ x }}", "{{ (html|safe) ~ x ~ html }}", "{% set name, v = name, ((html|safe)|last) %}{{ v }}",
    "{{ users|groupby('city', default=s)|list|pprint }}", "{{ {'a': users|groupby('age'), 'b': 1}|pprint }}", "{{ ((users * 3)|groupby('age'))[0]|pprint }}", "{{ ('a'|indent(1, y, x)) }}", "{{ [1, users[3].city, lm]|join(', ', attribute='n') }}", "{{ [1, users[3].city]|join(', '|safe, attribute='n') }}", "{{ [html, 5, users[3].city]|join(html|safe, 'real') }}",
    "{% print 1, (s.partition(('l'|safe))|string) %}",
    "{{ range(-big, 5)|list }}", "{{ range(big, 5)|list }}", "{{ range(5, big, -1)|list }}", "{{ range(-9223372036854775808, 9223372036854775807)|length }}", "{{ ('a'|sort(reverse=name, case_sensitive=True)).items() }}", "{{ ['a']|unique(true)|list }}", "{{ 'x' is in 'xyz' is true }}", "{{ 'ab'|batch(big)|list }}", "{{ l|slice(big)|list|length > 0 if no }}",
]


def found():
    o = Out("found")
    for t in FOUND:
        for opts in [{}, {"undefined": "strict"}, {"undefined": "chainable", "autoescape": True}, {"undefined": "debug"}]:
            o.add(t, **opts)
    return o


def main():
    total = 0
    for make in [operators, expressions, filters, tests, methods, formats, statements, whitespace, undefineds, escaping, inheritance, yamls, corners, found]:
        o = make()
        n = o.write()
        total += n
        print("%-12s %5d" % (o.name, n))
    print("%-12s %5d   %s" % ("all", total, oracle.versions()))


if __name__ == "__main__":
    main()
