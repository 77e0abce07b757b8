package yamldoc

import (
	"strings"
	"testing"
)

type checked struct {
	Kind  string         `json:"kind"`
	Rules []checkedRule  `json:"rules"`
	Named map[string]any `json:"named"`
}

func (c *checked) Check(fail func(key, format string, args ...any)) {
	if c.Kind == "" {
		fail("kind", "is required")
	}
}

func (c *checked) Advise(key string) string {
	if key == "type" {
		return "was renamed, write kind"
	}
	return ""
}

type checkedRule struct {
	Action string `json:"action"`
}

func (r *checkedRule) Check(fail func(key, format string, args ...any)) {
	if r.Action != "allow" {
		fail("action", "found %q, expected allow", r.Action)
	}
}

func TestChecksAndAdviceStandAtTheirLines(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, want string }{
		{"all of a file at once", "rules:\n- action: deny\n- action: allow\n- {}\n", "f.yaml:2: rules[0].action: found \"deny\", expected allow\nf.yaml:4: rules[2].action: found \"\", expected allow"},
		{"what holds wrong values is not checked itself", "rules:\n- actin: deny\n", "f.yaml:2: rules[0]: unknown key \"actin\", did you mean \"action\"?"},
		{"advice on a key", "type: a\n", "f.yaml:1: unknown key \"type\": was renamed, write kind"},
		{"a missing key", "named: {}\n", "f.yaml:1: kind: is required"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out checked
			if err := Decode("f.yaml", []byte(c.text), &out); err == nil || err.Error() != c.want {
				t.Errorf("got:\n%v\nwant:\n%s", err, c.want)
			}
		})
	}
}

func TestLinesAreThoseOfTheTemplate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, template, rendered, want string }{
		{"no line added", "a: {{ x }}\nb: [\n", "a: 1\nb: [\n", "f.yaml:2"},
		{"before a loop", "x: 1\nrules: {{ x }}\n{% for i in l %}# a\n{% endfor %}\nkind: a\n", "x: 1\nrules: 1\n# a\n# a\n\nkind: a\n", "f.yaml:1"},
		{"after a loop", "rules:\n{% for i in l %}- action: allow\n{% endfor %}\nx: 1\n", "rules:\n- action: allow\n- action: allow\n- action: allow\n\nx: 1\n", "f.yaml:4"},
		{"in a loop", "kind: a\nrules:\n{% for i in l %}- action: {{ i }}\n{% endfor %}\n", "kind: a\nrules:\n- action: allow\n- action: deny\n- action: allow\n\n", "f.yaml (rendered):4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out checked
			err := Relocate(Decode("f.yaml", []byte(c.rendered), &out), []byte(c.template), []byte(c.rendered))
			joined, ok := err.(interface{ Unwrap() []error })
			if !ok {
				t.Fatalf("got %v, expected problems", err)
			}
			if got := joined.Unwrap()[0].Error(); !strings.HasPrefix(got, c.want+": ") {
				t.Errorf("got %s, want it at %s", got, c.want)
			}
		})
	}
}
