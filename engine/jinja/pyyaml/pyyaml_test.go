package pyyaml_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/engine/jinja/py"
	"github.com/weighlock/weighlock/engine/jinja/pyyaml"
)

func thread() *py.Thread { return py.NewThread(context.Background(), py.Limits{Steps: 200_000}) }

func TestLoadFollowsYAML11(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a: yes":                       "{'a': True}",
		"[012, 0x1F, 1_000, 1:30, 08]": "[10, 31, 1000, 90, '08']",
		"[1e3, 1.0e+3, .inf, 1.]":      "['1e3', 1000.0, inf, 1.0]",
		"y: n":                         "{'y': 'n'}",
		"":                             "None",
		"2024-01-02":                   "datetime.date(2024, 1, 2)",
		"a: &x {k: 1}\nb: {<<: *x}":    "{'a': {'k': 1}, 'b': {'k': 1}}",
		"a: 1\na: 2":                   "{'a': 2}",
		"&a [*a]":                      "[[...]]",
		"!!set {b, a}":                 "{'b', 'a'}",
		"!!binary aGk=":                "b'hi'",
	} {
		v, err := pyyaml.Load(thread(), in)
		if err != nil {
			t.Errorf("%q: %v", in, err)
			continue
		}
		if got, err := py.Repr(nil, v); got != want || err != nil {
			t.Errorf("%q: got %s, %v, want %s", in, got, err, want)
		}
	}
}

func TestLoadNamesTheKindOfError(t *testing.T) {
	t.Parallel()
	for in, kind := range map[string]string{"{a: [": "ParserError", "a\n---\nb": "ComposerError", "!!nope x": "ConstructorError", "'x": "ScannerError", "*x": "ComposerError", "{[1]: 2}": "ConstructorError", "\x00": "ReaderError"} {
		if _, err := pyyaml.Load(thread(), in); !py.IsKind(err, kind) {
			t.Errorf("%q: got %v, want a %s", in, err, kind)
		}
	}
}

func TestSharedCollectionsGetAnchors(t *testing.T) {
	t.Parallel()
	shared := py.NewList(1)
	got, err := pyyaml.Dump(thread(), py.NewList(shared, shared, py.NewList(), py.NewTuple()), pyyaml.Options{})
	if want := "- &id001\n  - 1\n- *id001\n- []\n- []\n"; got != want || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestAliasesDoNotExplode(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x]\n")
	for i := range 40 {
		n, m := fmt.Sprint("a", i), fmt.Sprint("a", i+1)
		b.WriteString("k" + m + ": &" + m + " [*" + n + ", *" + n + "]\n")
	}
	if _, err := pyyaml.Load(thread(), b.String()); err != nil {
		t.Errorf("shared values are no problem, yet: %v", err)
	}
}
