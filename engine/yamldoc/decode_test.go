package yamldoc

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
)

type project struct {
	Targets []target `json:"targets"`
	common
	Named   inner           `json:"named"`
	Limits  map[string]int  `json:"limits"`
	Default json.RawMessage `json:"default"`
	Any     any             `json:"any"`
	Ratio   float64         `json:"ratio"`
	Size    uint8           `json:"size"`
	Hidden  string          `json:"-"`
}

type target struct {
	Name string       `json:"name"`
	Args any          `json:"args,omitempty"`
	On   *bool        `json:"enabled"`
	When *either      `json:"when"`
	At   netip.Addr   `json:"at"`
	N    json.Number  `json:"n"`
	Tags []string     `json:"tags"`
	Mode map[mode]int `json:"mode"`
}

type common struct {
	Discriminator string `json:"discriminator"`
	Untagged      int
}

type inner struct{ A, B string }

// either is text or a boolean.
type either string

func (e *either) UnmarshalJSON(data []byte) error {
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	switch v := v.(type) {
	case string:
		*e = either(v)
	case bool:
		*e = either(fmt.Sprint(v))
	default:
		return errors.New("expected text or a boolean")
	}
	return nil
}

type mode string

func TestDecodeFillsTypes(t *testing.T) {
	t.Parallel()
	yes, when := true, either("true")
	for doc, want := range map[string]project{
		"":                            {},
		"# nothing":                   {},
		"targets: null\nnamed: ~":     {},
		"discriminator: x":            {common: common{Discriminator: "x"}},
		"Untagged: 0x10":              {common: common{Untagged: 16}},
		"named: {A: a, B: '1'}":       {Named: inner{"a", "1"}},
		"limits: {on: 1, 2: 2, n: 3}": {Limits: map[string]int{"true": 1, "2": 2, "n": 3}},
		"default: {a: [1, 1.50, yes, 123456789012345678901234567890, 0x10, null]}": {
			Default: json.RawMessage(`{"a":[1,1.50,true,123456789012345678901234567890,16,null]}`)},
		"default: null":            {Default: json.RawMessage("null")},
		"any: {a: [1, 1.0, 0777]}": {Any: map[string]any{"a": []any{int64(1), 1.0, int64(511)}}},
		"{ratio: 3, size: 255}":    {Ratio: 3, Size: 255},
		"{size: 2.0}":              {Size: 2},
		"targets: []":              {Targets: []target{}},
		"targets: [{name: a, args: {x: yes}, enabled: on, when: on}]": {
			Targets: []target{{Name: "a", Args: map[string]any{"x": true}, On: &yes, When: &when}}},
		"targets: [{at: 10.0.0.1, n: 1.10, tags: [a, 'yes']}]": {
			Targets: []target{{At: netip.MustParseAddr("10.0.0.1"), N: "1.10", Tags: []string{"a", "yes"}}}},
		"targets: [&x {name: a}, {<<: *x, enabled: yes}]": {Targets: []target{{Name: "a"}, {Name: "a", On: &yes}}},
	} {
		var got project
		if err := Decode("f.yaml", []byte(doc), &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\ngot  %+v, %v\nwant %+v", doc, got, err, want)
		}
	}
}

// TestProblemsOfAFileAreReportedAtOnce has one problem a line in the file; each is told with its line, place, what was found and what
// was expected.
func TestProblemsOfAFileAreReportedAtOnce(t *testing.T) {
	t.Parallel()
	const doc = `targets:
- nmae: a
- name: 1.10
- enabled: maybe
- tags: a
- tags: [a, yes]
- when: 1
- at: nowhere
- args: {a: 1, a: 2}
- [a]
limits: {x: y}
size: 256
ratio: fast
discriminater: x
named: {C: x}
Size: 1
default: {? [a] : b}
any: .inf
targets: []
limits:
  ~: 1
size: -1
size2: 1.5
`
	want := []string{
		`f.yaml:2: targets[0]: unknown key "nmae", did you mean "name"?`,
		`f.yaml:3: targets[1].name: found the number 1.10, expected text: put it in quotes`,
		`f.yaml:4: targets[2].enabled: found the text "maybe", expected true or false`,
		`f.yaml:5: targets[3].tags: found the text "a", expected a list`,
		`f.yaml:6: targets[4].tags[1]: found the boolean yes (true), expected text: put it in quotes`,
		`f.yaml:7: targets[5].when: expected text or a boolean`,
		`f.yaml:8: targets[6].at: ParseAddr("nowhere"): unable to parse IP`,
		`f.yaml:9: targets[7].args: duplicate key "a", first found on line 9`,
		`f.yaml:10: targets[8]: found a list, expected a map`,
		`f.yaml:11: limits.x: found the text "y", expected a whole number`,
		`f.yaml:12: size: found the number 256, expected a whole number that fits (too large or too small)`,
		`f.yaml:13: ratio: found the text "fast", expected a number`,
		`f.yaml:14: unknown key "discriminater", did you mean "discriminator"?`,
		`f.yaml:15: named: unknown key "C", expected one of A, B`,
		`f.yaml:16: unknown key "Size", did you mean "size"?`,
		`f.yaml:17: default: found a list as a key, expected text`,
		`f.yaml:18: any: found the number .inf, expected a finite one, or text in quotes`,
		`f.yaml:19: duplicate key "targets", first found on line 1`,
		`f.yaml:20: duplicate key "limits", first found on line 11`,
		`f.yaml:21: limits: found null as a key, expected text`,
		`f.yaml:22: duplicate key "size", first found on line 12`,
		`f.yaml:23: unknown key "size2", did you mean "size"?`,
	}
	p := project{Hidden: "kept"}
	err := Decode("f.yaml", []byte(doc), &p)
	if err == nil {
		t.Fatal("no error")
	}
	if got := strings.Split(err.Error(), "\n"); !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", err, strings.Join(want, "\n"))
	}
	var first *Error
	if !errors.As(err, &first) || first.Line != 2 || first.File != "f.yaml" || first.Path != "targets[0]" {
		t.Errorf("first problem %+v", first)
	}
	if !reflect.DeepEqual(p, project{Hidden: "kept"}) {
		t.Errorf("touched in spite of errors: %+v", p)
	}
}

func TestUnknownKeyWithoutNearMatchListsTheKnownOnes(t *testing.T) {
	t.Parallel()
	err := Decode("f.yaml", []byte("named: {zzzzz: 1}"), &project{})
	if want := `f.yaml:1: named: unknown key "zzzzz", expected one of A, B`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestSyntaxErrorsHaveTheLineOfTheMistake(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]string{
		"a: 1\n  b: 2\n":                 "f.yaml:2: mapping values are not allowed",
		"a:\n- x\n y: 1\n":               "f.yaml:3: ",
		"a:\n - x\n y: 1\nb: 2\n":        "f.yaml:3: did not find expected '-'",
		"a: 1\nb: 'x\nc: 2\nd: 3\n":      "f.yaml:2: found unexpected end of stream",
		"a: 1\n\tb: 2\n":                 "f.yaml:2: found a tab",
		"a: 1\nb\nc: 2\n":                "f.yaml:2: could not find expected ':'",
		"a: 1\n---\nb: *c\n":             "f.yaml:3: unknown anchor 'c'",
		"a: 1\nb: @x\n":                  "f.yaml:2: found character that cannot start",
		"a: 1\n---\nb: 2\n":              "f.yaml:3: found a second document, expected only one",
		"a: &a\n  b:\n    c: *a\n":       "f.yaml:3: a.b.c: the anchor &a contains itself",
		"a: !!int x\n":                   `f.yaml:1: a: found "x", which is no !!int`,
		"a: 1\nb: |\n  caf\xe9\nc: 3\n":  "f.yaml:3: found a byte that is not UTF-8",
		"a: 1\n'b c': {d: {e: 1, e: 2}}": `f.yaml:2: ["b c"].d: duplicate key "e"`,
		"a: {<<: 1}":                     "f.yaml:1: a: found the number 1 to merge with <<",
		"a: {<<: [{b: 1}, c]}":           `f.yaml:1: a: found the text "c" to merge with <<`,
	} {
		if _, err := Value("f.yaml", []byte(doc)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: error %v, want %s", doc, err, want)
		}
	}
}

func TestAliasBombsAreRefused(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := range 40 {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i), 10), ","))
	}
	for _, out := range []any{new(any), new(map[string]json.RawMessage), new(project)} {
		if err := Decode("f.yaml", []byte(b.String()), out); err == nil || !strings.Contains(err.Error(), "aliases make more than") {
			t.Errorf("%T: error %v", out, err)
		}
	}
	var many strings.Builder
	many.WriteString("a: &a {k: v}\nl:\n")
	for range 10_000 {
		many.WriteString("- *a\n")
	}
	if _, err := Value("f.yaml", []byte(many.String())); err != nil {
		t.Errorf("many aliases of something small: %v", err)
	}
}

func TestAliasesBecomeValuesOfTheirOwn(t *testing.T) {
	t.Parallel()
	v, err := Value("f.yaml", []byte("a: &a {k: v}\nb: *a\nc: {<<: *a}\nd: &d [1]\ne: *d"))
	if err != nil {
		t.Fatal(err)
	}
	m := v.(map[string]any)
	m["a"].(map[string]any)["k"] = "changed"
	m["d"].([]any)[0] = "changed"
	if m["b"].(map[string]any)["k"] != "v" || m["c"].(map[string]any)["k"] != "v" || m["e"].([]any)[0] != int64(1) {
		t.Errorf("shared: %v", m)
	}
}

func TestValuesReturnsEveryDocument(t *testing.T) {
	t.Parallel()
	docs, err := Values("f.yaml", []byte("# first\na: 1\n---\n# nothing\n---\nnull\n--- [2]\n---\n\n\ntext\n"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range docs {
		got = append(got, fmt.Sprintf("%d %v", d.Start, d.Value))
	}
	if want := []string{"2 map[a:1]", "7 [2]", "11 text"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := Values("f.yaml", []byte("a: 1\n---\nb: 1\nb: 2\n")); err == nil || !strings.HasPrefix(err.Error(), "f.yaml:4: ") {
		t.Errorf("error %v", err)
	}
}

func TestDocumentLocatesValues(t *testing.T) {
	t.Parallel()
	var p project
	doc, err := Read("f.yaml", []byte("\ntargets:\n- name: a\n- name: b\n  args:\n    deep.key: 1\n"), &p)
	if err != nil || len(p.Targets) != 2 {
		t.Fatal(p, err)
	}
	for path, want := range map[string]int{
		"": 2, "targets": 2, "targets/0": 3, "targets/1/name": 4, "targets/1/args/deep.key": 6,
		"targets/1/args/gone/x": 5, "targets/7": 2, "gone": 2, "targets/x": 2,
	} {
		if got := doc.Line(strings.Split(path, "/")...); got != want {
			t.Errorf("%s: line %d, want %d", path, got, want)
		}
	}
	got := doc.Errorf([]string{"targets", "1", "args", "deep.key"}, "found %d, expected more", 1).Error()
	if want := `f.yaml:6: targets[1].args["deep.key"]: found 1, expected more`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := (Document{}).Line("a"); got != 1 {
		t.Errorf("line %d in an empty document", got)
	}
}

func TestReadGivesTheDocumentInSpiteOfErrors(t *testing.T) {
	t.Parallel()
	doc, err := Read("f.yaml", []byte("\nsize: x\nlimits: {a: 1}\n"), &project{})
	if err == nil || doc.Line("limits", "a") != 3 {
		t.Errorf("line %d, error %v", doc.Line("limits", "a"), err)
	}
}

func TestIntegersMustFit(t *testing.T) {
	t.Parallel()
	var v struct {
		I8  int8
		U64 uint64
		I64 int64
	}
	for doc, ok := range map[string]bool{
		"I8: 127": true, "I8: 128": false, "I8: -129": false, "I8: 1.5": false, "I8: 1e2": true, "I8: 1e30": false,
		"U64: 18446744073709551615": true, "U64: -1": false, "U64: 18446744073709551616": false,
		"I64: 9223372036854775807": true, "I64: 9223372036854775808": false, "I64: yes": false,
	} {
		if err := Decode("f.yaml", []byte(doc), &v); (err == nil) != ok {
			t.Errorf("%s: %v", doc, err)
		}
	}
	if v.U64 != math.MaxUint64 || v.I64 != math.MaxInt64 {
		t.Errorf("%+v", v)
	}
}
