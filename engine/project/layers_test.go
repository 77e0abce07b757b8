package project

import (
	"fmt"
	"strings"
	"testing"
)

// explain prints leaves as path=value (origin), and those that they win over.
func explain(layers []*Layer) string {
	var lines []string
	for _, leaf := range effective(layers) {
		line := fmt.Sprintf("%s=%v (%s", leaf.Path, leaf.Value, leaf.From.Origin)
		for _, o := range leaf.Over {
			line += " over " + o.Origin
		}
		lines = append(lines, line+")")
	}
	return strings.Join(lines, "\n")
}

func TestEachValueIsTracedToTheLayerThatSetIt(t *testing.T) {
	t.Parallel()
	type m = map[string]any
	for _, c := range []struct {
		name   string
		layers []*Layer
		want   string
	}{
		{"later ones win by leaf", []*Layer{{Origin: "a", Values: m{"db": m{"host": "x", "port": 1}}}, {Origin: "b", Values: m{"db": m{"port": 2}}}}, "db.host=x (a)\ndb.port=2 (b over a)"},
		{"noOverride fills gaps", []*Layer{{Origin: "a", Values: m{"x": 1}}, {Origin: "b", Under: true, Values: m{"x": 2, "y": 3}}}, "x=1 (a over b)\ny=3 (b)"},
		{"a map replaces a value and the other way round", []*Layer{{Origin: "a", Values: m{"x": 1, "y": m{"z": 1}}}, {Origin: "b", Values: m{"x": m{"n": 2}, "y": 2}}}, "x.n=2 (b)\ny=2 (b over a)"},
		{"lists and null are values", []*Layer{{Origin: "a", Values: m{"l": []any{1}}}, {Origin: "b", Values: m{"l": nil}}}, "l=<nil> (b over a)"},
		{"sensitive values stay inside", []*Layer{{Origin: "a", Sensitive: true, Values: m{"p": "secret"}}}, "p=<nil> (a)"},
		{"an empty map", []*Layer{{Origin: "a", Values: m{"e": m{}}}, {Origin: "b", Values: m{"e": m{}}}}, "e=map[] (a)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := explain(c.layers); got != c.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, c.want)
			}
		})
	}
}
