package projectenv_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/weighlock/weighlock/engine/jinja"
	"github.com/weighlock/weighlock/engine/jinja/projectenv"
	"github.com/weighlock/weighlock/engine/jinja/py"
)

var tree = fstest.MapFS{
	"tpl.txt":       {Data: []byte("{{ who }} {{ args.env }} {{ extra | default('-') }}\n")},
	"app/own.txt":   {Data: []byte("own {{ 1 }}")},
	"app/conf.txt":  {Data: []byte("value {{ args.v }}\n")},
	"app/self.txt":  {Data: []byte("{{ load_sha256('app/self.txt') }}")},
	"app/bin":       {Data: []byte("\x00\x01{{ not rendered }}")},
	"app/macros.j2": {Data: []byte("{% macro m() %}{{ who }}{% endmacro %}")},
	"app/dup.txt":   {Data: []byte("{{ d.a }}{{ d.b }}")},
	"secret":        {Data: []byte("top")},
	"other/x.txt":   {Data: []byte("x")},
}

type fakeGit struct{}

func (fakeGit) LatestCommit(_ context.Context, path string) (string, error) {
	return fmt.Sprintf("%-40s", strings.ReplaceAll(path, "/", "_")), nil
}

func newEnv(debug func(string)) *projectenv.Env {
	vars := map[string]any{
		"who":  "outer",
		"args": map[string]any{"env": "prod", "v": 1},
		"x":    5,
		"l":    []any{1, 2},
		"d":    map[string]any{"a": 1, "b": map[string]any{"c": nil, "dash-ed": "q"}},
		"m":    map[string]any{"z": 1, "a": []any{true, nil, 1.5, "ü\"\n"}, "e": map[string]any{}},
		"time": "hidden",
	}
	return projectenv.New(py.Limits{}).With(vars, projectenv.Outside{
		Files: projectenv.SearchFiles{SearchLoader: jinja.SearchLoader{FS: tree, Dirs: []string{"app", "."}, Root: "/repo"}},
		Git:   fakeGit{},
		Now:   func() time.Time { return time.Date(2024, 2, 29, 12, 30, 45, 123456789, time.UTC) },
		Debug: debug,
	})
}

func TestRendersTheFormatsFunctions(t *testing.T) {
	t.Parallel()
	const confHash = "65da867639080176b5998c77219e2745474aa518a04268522467322f06fbd9d9"
	for name, c := range map[string]struct{ in, want string }{
		"no brace is untouched":             {"a\r\nb } %}\n", "a\r\nb } %}\n"},
		"one newline lost, CRLF normalised": {"{{ x }}\r\na\n\n", "5\na\n"},
		"b64":                               {"{{ 'héllo' | b64encode }} {{ 'aMOpbGxv' | b64decode }} {{ '' | b64encode }}|", "aMOpbGxv héllo |"},
		"b64decode skips what is no base64": {"{{ 'aMOp\nbGxv' | b64decode }}", "héllo"},
		"sha256":                            {"{{ 'hello' | sha256 }} {{ 'hello' | sha256(8) }} {{ 'ü' | sha256(4) }}", "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824 2cf24dba 6074"},
		"from_yaml":                         {`{% set m = "a: 1\nb: [x, true, null, 1.50, 0x1f, '1', yes, 012]\nc: {d: ~}" | from_yaml -%}{{ m.a + 1 }} {{ m.b }} {{ m.c }} {{ '5' | from_yaml + 1 }} {{ '{"j": [1]}' | from_yaml }}`, "2 ['x', True, None, 1.5, 31, '1', True, 10] {'d': None} 6 {'j': [1]}"},
		"from_yaml date":                    {"{{ 'a: 2024-01-02' | from_yaml }} {{ '2024-01-02' | from_yaml }}", "{'a': datetime.date(2024, 1, 2)} 2024-01-02"},
		"to_json":                           {"{{ m | to_json }} {{ none | to_json }} {{ {'b': 1, 'a': 2} | to_json }} {{ (1, 2) | to_json }} {{ 1.0 | to_json }}", `{"a": [true, null, 1.5, "\u00fc\"\n"], "e": {}, "z": 1} null {"b": 1, "a": 2} [1, 2] 1.0`},
		"to_yaml":                           {"{{ {'b': '01', 'a': ['x', 1], 'n': none, 'm': 'l1\nl2\n', 't': 'yes', 'e': []} | to_yaml }}", "b: '01'\na:\n- x\n- 1\nn: null\nm: |\n  l1\n  l2\nt: 'yes'\ne: []\n"},
		"to_yaml scalar":                    {"{{ 1 | to_yaml }}{{ 'a' | to_yaml }}{{ '9' | to_yaml }}", "1\n...\na\n...\n'9'\n"},
		"load_template":                     {"{{ load_template('tpl.txt') }}|{{ load_template('tpl.txt', extra='e', who='w') }}|{{ load_template('../tpl.txt') | to_json }}|{{ load_template('./own.txt') | upper }}", `outer prod -|w prod e|"outer prod -"|OWN 1`},
		"load_template merges dicts":        {"{{ load_template('dup.txt', d={'b': 2}) }} {{ d.b.c }}", "12 None"},
		"load_sha256":                       {"{{ load_sha256('conf.txt') }} {{ load_sha256('conf.txt', 8) }} {{ load_template('conf.txt') | sha256 == load_sha256('conf.txt') }}", confHash + " 65da8676 True"},
		"load_sha256 of itself":             {"{{ load_sha256('app/self.txt') == '__self_sha256__' | sha256 }}", "True"},
		"load_base64 does not render":       {"{{ load_base64('bin', 8) }}", "AAF7eyBu\nb3QgcmVu\nZGVyZWQg\nfX0="},
		"git commit":                        {"{{ load_latest_git_commit('app/own.txt', 11) }} {{ load_latest_git_commit('own.txt') | length }}", "app_own.txt 40"},
		"render":                            {"{{ render('{' ~ '{ x * 2 }' ~ '}') }} {{ '{' ~ '{ x }' ~ '}' | render }}", "10 {{ x }}"},
		"get_var":                           {"{{ get_var('d.a') }} {{ get_var(['no.thing', 'd.a']) }} {{ get_var('nope', 'def') }} {{ get_var('d.b.c', 'x') }} {{ get_var('l[1]') }} {{ get_var('$.l[-1]') }} {{ get_var(\"d.b['dash-ed']\") }}", "1 1 def None 2 2 q"},
		"get_var globs":                     {"{{ get_var('d.b.dash*') }} {{ get_var('d.zz*', 'none') }}", "q none"},
		"get_var sees sets":                 {"{% set top = {'k': 7} %}{{ get_var('top.k') }}{% for i in [1] %}{% set inner = 8 %}{{ get_var('inner') }}{{ get_var('i', 'no') }}{% endfor %}", "78no"},
		"merge_dict copies":                 {"{% set r = merge_dict(d, {'b': {'z': 1}, 'a': 2}) %}{{ r }} {{ d.a }}", "{'a': 2, 'b': {'c': None, 'dash-ed': 'q', 'z': 1}} 1"},
		"update_dict changes":               {"[{{ update_dict(d, {'a': 9}) }}]{{ d.a }}", "[]9"},
		"debug_print":                       {"[{{ debug_print('hello') }}]", "[]"},
		"globals reach imports":             {"{% import 'macros.j2' as m %}{{ m.m() }}", "outer"},
		"set shadows globals":               {"{% set who = 'in' %}{{ who }}", "in"},
		"time is the function":              {"{{ time.parse_iso('2024-02-28T10:00:00+00:00') + time.hour }} {{ time.second }}", "2024-02-28T11:00:00+00:00 1000000"},
		"time does not change in place":     {"{% set t = time.parse_iso('2024-02-28T10:00:00') %}{{ t + time.minute }} {{ t }}", "2024-02-28T10:01:00 2024-02-28T10:00:00"},
		"time parts":                        {"{% set t = time.utcnow() %}{{ t }} {{ t.weekday() }} {{ t.hour() }} {{ t.minute() }} {{ t.second() }} {{ t.nanosecond() }} {{ t - time.hour < t }}", "2024-02-29T12:30:45.123456 3 12 30 45 123456000 True"},
		"as_timezone":                       {"{{ time.parse_iso('2024-07-01T10:00:00Z').as_timezone('UTC') }}", "2024-07-01T10:00:00+00:00"},
		"slugify":                           {"{{ 'Hello, Wörld & Co' | slugify }} {{ 'a b c d' | slugify(separator='_', max_length=5) }} {{ 'the quick fox' | slugify(stopwords=['the']) }} {{ 'ÜBER' | slugify(lowercase=false) }}", "hello-world-co a_b_c quick-fox UBER"},
		"loop controls":                     {"{% for i in [1,2,3] %}{% if i == 2 %}{% continue %}{% endif %}{{ i }}{% endfor %}", "13"},
		"absolute path below a search dir":  {"{{ load_template('/repo/app/own.txt') }}", "own 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := newEnv(nil).Render(context.Background(), "app/cm.yaml", c.in)
			if err != nil || got != c.want {
				t.Errorf("%s\n got %q %v\nwant %q", c.in, got, err, c.want)
			}
		})
	}
}

func TestErrorsNameTheTemplateAndTheKind(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, kind string }{
		"undefined":                 {"{{ nope }}", "UndefinedError"},
		"get_var with many":         {"{{ get_var('l[*]') }}", "Exception"},
		"bad path":                  {"{{ get_var('l[') }}", "Exception"},
		"raise":                     {"{{ raise('no') }}", "TemplateError"},
		"bad yaml":                  {"{{ '{a: [' | from_yaml }}", "ParserError"},
		"two documents":             {"{{ 'a\\n---\\nb' | from_yaml }}", "ComposerError"},
		"missing file":              {"{{ load_template('nope') }}", "TemplateNotFound"},
		"missing raw file":          {"{{ load_base64('nope') }}", "TemplateNotFound"},
		"outside of the dirs":       {"{% include '../../secret' %}", "TemplateNotFound"},
		"no do":                     {"{% do 1 %}", "TemplateSyntaxError"},
		"to_yaml of a function":     {"{{ render | to_yaml }}", "RepresenterError"},
		"to_yaml of an undefined":   {"{{ nope | to_yaml }}", "RepresenterError"},
		"b64decode of nonsense":     {"{{ 'a' | b64decode }}", "Error"},
		"time compared to a number": {"{{ time.utcnow() < 1 }}", "ValueError"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := newEnv(nil).Render(context.Background(), "app/cm.yaml", c.in)
			var je *jinja.Error
			if !errors.As(err, &je) || je.Kind != c.kind || je.Template != "app/cm.yaml" || je.Line != 1 {
				t.Errorf("%s: got %v, want a %s at app/cm.yaml:1", c.in, err, c.kind)
			}
		})
	}
}

func TestDebugPrintReachesTheCaller(t *testing.T) {
	t.Parallel()
	var got []string
	_, err := newEnv(func(s string) { got = append(got, s) }).Render(context.Background(), "a", "{{ debug_print(d.a) }}")
	if err != nil || len(got) != 1 || got[0] != "1" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestWhenFollowsStrictUndefined(t *testing.T) {
	t.Parallel()
	e := newEnv(nil)
	for cond, want := range map[string]bool{"": true, "x == 5": true, "not x": false, "nope is defined": false, "args.env in ['prod']": true} {
		if got, err := e.When(context.Background(), cond); got != want || err != nil {
			t.Errorf("%q: got %v, %v", cond, got, err)
		}
	}
	if _, err := e.When(context.Background(), "nope"); err == nil {
		t.Error("an undefined name is no error")
	}
}

func TestRenderValuesKeepsTypes(t *testing.T) {
	t.Parallel()
	in := map[string]any{"a{{ x }}": []any{"{{ x }}", 1, nil, true}, "b": "plain"}
	got, err := newEnv(nil).RenderValues(context.Background(), "vars", in)
	if want := "map[a5:[5 1 <nil> true] b:plain]"; err != nil || fmt.Sprint(got) != want {
		t.Errorf("got %v, %v, want %s", got, err, want)
	}
}
