package yamldoc

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// scalars are compared with Kubernetes' own reader, as values and as keys.
var scalars = strings.Fields(`
	null Null NULL ~ nUll true True TRUE tRue false False FALSE yes Yes YES yEs no No NO on On ON off Off OFF
	0 1 -1 +1 00 007 0777 08 09.5 0o17 0O17 -0777 0x1F 0X1f -0x1F 0xZZ 0b101 0B11 -0b101 +0b1 0b2 1_000 1_0.5 0x_1F _1 1_
	9223372036854775807 -9223372036854775808 9223372036854775808 18446744073709551615 -9223372036854775809
	1.5 -1.5 +1.5 .5 -.5 5. 1e3 1E3 1e+3 1e-3 1.e3 .5e1 1e400 1.5.5 . .. .e1 - -- + -. e1 1e 0e0 -0
	1:30 1:30:45 190:20:30 12:00 2001-01-01 2001-01-01T00:00:00Z 2001-1-1 20010101 2001-01 1.2.3 v1.2.3 1-2 127.0.0.1 10.0.0.0/8
	= << <=> ? a:b :a a#b #a' "1" '1' "yes" 'null' "0777" "" '' "\x41" 'it''s' !!str !!str\ 1
	1k 1Ki 100m 0.5Gi Infinity NaN inf nan truee nullx ~x -x .x x. 0x 0b 0o 1__0 -_1 1e1_0 ½ é 日本
`)

var taggedScalars = []string{
	"!!str 1", "!!str yes", "!!str", "!!int 1", "!!int '1'", "!!float 1", "!!float 1.5", "!!bool yes", "!!bool 'true'", "!!null ~", "!!null ''",
	"!custom 1", "!custom text", "!custom yes", "!!binary aGVsbG8=", "!!timestamp 2001-01-01", "|\n  1", ">\n  yes", "|-\n  a\n  b", "a\n  b", "'a\n  b'",
	"!<tag:yaml.org,2002:str> 1",
}

func TestScalarsEqualKubernetesReader(t *testing.T) {
	t.Parallel()
	values := append(taggedScalars, scalars...)
	if len(values) < 150 {
		t.Fatalf("only %d scalars", len(values))
	}
	for _, s := range values {
		same(t, "v: "+s+"\n")
		same(t, "- "+s+"\n")
		if !strings.Contains(s, "\n") && !strings.Contains(s, "922337203685477580") && s != "18446744073709551615" {
			same(t, s+": v\n") // the reference knows no keys above 2^63
		}
	}
}

func TestStructuresEqualKubernetesReader(t *testing.T) {
	t.Parallel()
	for _, doc := range []string{
		"", "# only a comment\n", "---\n", "--- \n...\n", "a: 1\n", "[1, [2, {a: b}], {}]", "{}", "[]", "a:\n- b\n-\n", "a:\nb: ~\n",
		"base: &b {a: 1, c: 2}\nd:\n  <<: *b\n  a: 3\n",
		"x: &x {a: 1, b: 1}\nw: &w {b: 2, c: 2}\nz: {<<: [*x, *w], c: 3}\n", "a: {<<: {b: 1}}\n",
		"n1: &n {k: v}\nn2: &m {<<: *n, l: w}\nn3: {<<: *m}\n", "a: &a [1, 2]\nb: [*a, *a]\n", "? a\n: b\n", "&k key: v\nother: *k\n",
		"\ufeffa: 1\n", "\xff\xfea\x00:\x00 \x001\x00\n\x00", "\xfe\xff\x00a\x00:\x00 \x001\x00\n", "a: |\r\n  x\r\n  y\r\nb: 1\r\n",
		"a: |+\n  x\n\nb: >-\n  y\n  z\n", "'quoted key': 1\n\"other\": 2\n", "a: \"\\u00e9\\n\\t\"\n", "%YAML 1.1\n---\na: 1\n", "a: &x\nb: *x\n",
	} {
		same(t, doc)
	}
}

// same compares one document with the reference, once the differences that doc.go lists are taken out.
func same(t *testing.T, doc string) {
	t.Helper()
	got, err := Value("f.yaml", []byte(doc))
	data, refErr := yaml.YAMLToJSON([]byte(doc)) // the strict one takes a key that overrides a merged one for a duplicate
	if (err != nil) != (refErr != nil) {
		t.Errorf("%q: error %v, reference %v", doc, err, refErr)
		return
	}
	if err != nil {
		return
	}
	var want any
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	if got, want := asJSON(t, got), want; !reflect.DeepEqual(got, want) {
		t.Errorf("%q: %#v, reference %#v", doc, got, want)
	}
}

// asJSON takes a value the reference's way through JSON, where all numbers are float64.
func asJSON(t *testing.T, v any) any {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestDifferencesFromKubernetesReader pins what is different on purpose: see the package's documentation.
func TestDifferencesFromKubernetesReader(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]any{
		"y":                         "y",
		"[y, Y, n, N]":              []any{"y", "Y", "n", "N"},
		"{a: 1, <<: {a: 2, b: 3}}":  map[string]any{"a": int64(1), "b": int64(3)}, // there, a later merge wins
		"{y: 1, N: 2}":              map[string]any{"y": int64(1), "N": int64(2)},
		"1.0":                       1.0,
		"9007199254740993":          int64(9007199254740993),
		"18446744073709551615":      uint64(18446744073709551615),
		"18446744073709551616":      18446744073709551616.0,
		"{3.14159265358979: pi}":    map[string]any{"3.14159265358979": "pi"},
		"{18446744073709551615: m}": map[string]any{"18446744073709551615": "m"},
	} {
		if got, err := Value("f.yaml", []byte(doc)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %#v, %v, want %#v", doc, got, err, want)
		}
	}
}
