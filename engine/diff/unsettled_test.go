package diff

import (
	"encoding/base64"
	"reflect"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/render"
)

func path(fields ...string) object.Path {
	var p object.Path
	for _, f := range fields {
		p = p.Field(f)
	}
	return p
}

// blob is encoded data in two lines.
func blob(a, b string) string { return strings.Repeat(a, 64) + "\n" + strings.Repeat(b, 64) + "\n" }

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// TestSettleKeepsWhatIsLive: each row is a volatile text in two renders, the live text, and what is sent.
func TestSettleKeepsWhatIsLive(t *testing.T) {
	t.Parallel()
	const pem1, pem2, pemLive = "-----BEGIN X-----\nMIIDaaaa\nbbbb==\n-----END X-----\n", "-----BEGIN X-----\nMIIDcccc\ndddd==\n-----END X-----\n", "-----BEGIN X-----\nMIIDeeee\nffff\ngggg==\n-----END X-----\n"
	pemOther := strings.Replace(pemLive, "eeee", "zzzz", 1)
	for name, c := range map[string]struct{ first, again, live, want string }{
		"a random word stays":                           {"q1w2", "e3r4", "t5y6", "t5y6"},
		"a certificate stays, whatever its length":      {pem1, pem2, pemLive, pemLive},
		"a line that two certificates share is theirs":  {strings.Replace(pem1, "bbbb", "same", 1), strings.Replace(pem2, "dddd", "same", 1), pemLive, pemLive},
		"of two certificates each stays":                {"a: 2\n" + pem1 + pem1, "a: 2\n" + pem2 + pem2, "a: 1\n" + pemLive + pemOther, "a: 2\n" + pemLive + pemOther},
		"an indented certificate stays":                 {"a: 2\nc: |\n  " + strings.ReplaceAll(pem1, "\n", "\n  ") + "\nd: 1", "a: 2\nc: |\n  " + strings.ReplaceAll(pem2, "\n", "\n  ") + "\nd: 1", "a: 1\nc: |\n  " + strings.ReplaceAll(pemLive, "\n", "\n  ") + "\nd: 1", "a: 2\nc: |\n  " + strings.ReplaceAll(pemLive, "\n", "\n  ") + "\nd: 1"},
		"data in lines stays":                           {"a: 2\nk: |\n" + blob("q", "s") + "z\n", "a: 2\nk: |\n" + blob("w", "s") + "z\n", "a: 1\nk: |\n" + blob("e", "t") + "z\n", "a: 2\nk: |\n" + blob("e", "t") + "z\n"},
		"what is no text stays as a whole":              {"a\n\xff1\nb", "a\n\xff2\nb", "c\n\xff3\nd", "c\n\xff3\nd"},
		"a value in a line stays":                       {"a: 1\nb: q1\n", "a: 1\nb: w2\n", "a: 1\nb: e3\n", "a: 1\nb: e3\n"},
		"the author's change beside it is applied":      {"a: 2\nb: q1\n", "a: 2\nb: w2\n", "a: 1\nb: e3\n", "a: 2\nb: e3\n"},
		"a line that the author adds is applied":        {"a: 1\nnew: 1\nb: q1\n", "a: 1\nnew: 1\nb: w2\n", "a: 1\nb: e3\n", "a: 1\nnew: 1\nb: e3\n"},
		"a line that the author removes goes":           {"b: q1\n", "b: w2\n", "a: 1\nb: e3\n", "b: e3\n"},
		"a certificate stays in a text that changes":    {"a: 2\n" + pem1, "a: 2\n" + pem2, "a: 1\n" + pemLive, "a: 2\n" + pemLive},
		"what is not found live is generated":           {"c: q1\n", "c: w2\n", "b: e3\n", "c: q1\n"},
		"of two alike, none is guessed when it matters": {"a: 2\n- q1\n- w2\n", "a: 2\n- e3\n- r4\n", "a: 1\n- t5\n- y6\n", "a: 2\n- q1\n- w2\n"},
	} {
		if got := textBetween(c.first, c.again).settle(c.live); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
		desired := object.Object{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "s"}, "data": map[string]any{"k": b64(c.first), "new": "x"}}
		live := object.Object{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "s"}, "data": map[string]any{"k": b64(c.live)}}
		at := []render.Unsettled{
			{Path: path("stringData", "k"), Again: c.again}, {Path: path("data", "new"), Again: "y"}, {Path: path("data", "gone"), Again: "y"},
		}
		got := settle(desired, live, at)
		if got.Text("data", "k") != b64(c.want) || got.Text("data", "new") != "x" || desired.Text("data", "k") != b64(c.first) {
			t.Errorf("%s: in a Secret: %v, want %q; %v must not change", name, got, b64(c.want), desired)
		}
	}
}

func TestSettleFindsElementsByTheirKey(t *testing.T) {
	t.Parallel()
	list := func(pairs ...string) object.Object {
		var l []any
		for i := 0; i < len(pairs); i += 2 {
			l = append(l, map[string]any{"name": pairs[i], "value": pairs[i+1]})
		}
		return object.Object{"kind": "X", "env": l}
	}
	at := []render.Unsettled{{Path: path("env").Element("name", "b", 1).Field("value"), Again: "other"}, {Path: path("env").Index(7)}}
	got := settle(list("a", "1", "b", "random"), list("b", "live", "c", "3"), at)
	if want := list("a", "1", "b", "live"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestTheDigestLeavesOutWhatIsGenerated: two renders of the same project have one digest, and the author's change of a
// text with a generated part has another.
func TestTheDigestLeavesOutWhatIsGenerated(t *testing.T) {
	t.Parallel()
	create := func(name, key, config, again string) *Change {
		o := object.Object{"apiVersion": "v1", "kind": "Job", "metadata": map[string]any{"name": name}, "data": map[string]any{"key": key, "config": config}}
		return &Change{Ref: o.Ref(), Op: Create, desired: o, unsettled: []render.Unsettled{
			{Path: path("metadata", "name"), Again: "job-x"}, {Path: path("data", "key"), Again: "k"}, {Path: path("data", "config"), Again: again},
		}}
	}
	insert := func(value map[string]any) *Change {
		c := create("j", "", "", "")
		c.Op, c.Fields = Update, []FieldChange{{Op: Insert, Path: path("data"), New: value}}
		return c
	}
	first := digestSum(setOf(create("job-q1", "q1", "a: 1\nb: q1", "a: 1\nb: z9")), nil)
	if again := digestSum(setOf(create("job-w2", "w2", "a: 1\nb: w2", "a: 1\nb: z9")), nil); again != first {
		t.Error("generated values change the digest")
	}
	if other := digestSum(setOf(create("job-q1", "q1", "a: 2\nb: q1", "a: 2\nb: z9")), nil); other == first {
		t.Error("the author's change in a text with a generated part does not change the digest")
	}
	one, two := digestSum(setOf(insert(map[string]any{"key": "q1", "x": "1"})), nil), digestSum(setOf(insert(map[string]any{"key": "w2", "x": "1"})), nil)
	if one != two || one == digestSum(setOf(insert(map[string]any{"key": "q1", "x": "2"})), nil) {
		t.Error("an inserted map: want the generated value left out, and nothing else")
	}
}
