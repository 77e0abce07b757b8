package managed_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/engine/internal/managed"
	"github.com/weighlock/weighlock/engine/object"
)

func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	o, err := object.FromJSON([]byte(text))
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return o
}

func encode(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

const (
	containers = `{"f:spec":{"f:containers":{".":{},"k:{\"name\":\"app\"}":{".":{},"f:name":{},"f:image":{}},"k:{\"name\":\"old\"}":{".":{},"f:name":{},"f:image":{}}},"f:set":{".":{},"v:\"a\"":{},"v:\"b\"":{}},"f:atomic":{}}}`
	live       = `{"spec":{"containers":[{"name":"app","image":"a:1","policy":"Always"},{"name":"old","image":"o:1","policy":"Always"}],"set":["a","b","c"],"atomic":[1,2],"free":1}}`
)

// What a manager owns, and no more, is what it would apply to change nothing: elements with the fields of their keys,
// what is owned as a whole as a whole.
func TestExtract(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ owned, want string }{
		"elements, sets and whole lists": {containers, `{"spec":{"atomic":[1,2],"containers":[{"image":"a:1","name":"app"},{"image":"o:1","name":"old"}],"set":["a","b"]}}`},
		"keys that are not owned":        {`{"f:spec":{"f:containers":{"k:{\"name\":\"old\"}":{"f:policy":{}}}}}`, `{"spec":{"containers":[{"name":"old","policy":"Always"}]}}`},
		"what is not there":              {`{"f:spec":{"f:free":{},"f:gone":{"f:x":{}},"f:set":{"v:\"z\"":{}}}}`, `{"spec":{"free":1,"set":[]}}`},
	} {
		before := decode(t, live)
		if got := encode(t, managed.Extract(before, managed.Tree(decode(t, c.owned)))); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, c.want)
		}
		if encode(t, before) != sorted(live) {
			t.Errorf("%s: the object was changed", name)
		}
	}
}

// What a manager owned and no longer applies goes, unless somebody else owns it, too; what nobody owned stays where its
// element stays.
func TestPrune(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ desired, others, want string }{
		"an element goes whole":        {`{"spec":{"containers":[{"name":"app","image":"a:2"}],"set":["a","b"],"atomic":[1]}}`, `{}`, `{"spec":{"atomic":[1,2],"containers":[{"image":"a:1","name":"app","policy":"Always"}],"free":1,"set":["a","b","c"]}}`},
		"a member of a set goes":       {`{"spec":{"containers":[{"name":"app","image":"a"},{"name":"old","image":"o"}],"set":["b"],"atomic":[1]}}`, `{}`, strings.Replace(sorted(live), `"set":["a","b","c"]`, `"set":["b","c"]`, 1)},
		"an atomic list goes whole":    {`{"spec":{"containers":[{"name":"app","image":"a"},{"name":"old","image":"o"}],"set":["a","b"]}}`, `{}`, strings.Replace(sorted(live), `"atomic":[1,2],`, ``, 1)},
		"what others own stays":        {`{"spec":{"containers":[{"name":"app","image":"a"}],"set":["a","b"],"atomic":[1]}}`, `{"f:spec":{"f:containers":{"k:{\"name\":\"old\"}":{".":{},"f:name":{},"f:image":{}}}}}`, sorted(live)},
		"a field of a kept element":    {`{"spec":{"containers":[{"name":"app"},{"name":"old","image":"o"}],"set":["a","b"],"atomic":[1]}}`, `{}`, strings.Replace(sorted(live), `"image":"a:1",`, ``, 1)},
		"everything, and what is left": {`{}`, `{}`, `{"spec":{"free":1}}`},
	} {
		before := decode(t, live)
		got := managed.Prune(before, managed.Tree(decode(t, containers)), decode(t, c.desired), managed.Tree(decode(t, c.others)))
		if encode(t, got) != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, encode(t, got), c.want)
		}
		if encode(t, before) != sorted(live) {
			t.Errorf("%s: the object was changed", name)
		}
	}
}

func sorted(text string) string {
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		panic(err)
	}
	data, _ := json.Marshal(v)
	return string(data)
}

// Lists are merged as their ownership tells: by key, as a set, or as a whole.
func TestOverlay(t *testing.T) {
	t.Parallel()
	desired := `{"spec":{"containers":[{"name":"new","image":"n"},{"name":"app","image":"a:2"}],"set":["d","a"],"atomic":[3],"unknown":[1]}}`
	want := `{"spec":{"atomic":[3],"containers":[{"image":"n","name":"new"},{"image":"a:2","name":"app","policy":"Always"},{"image":"o:1","name":"old","policy":"Always"}],"free":1,"set":["d","a","b","c"],"unknown":[1]}}`
	got := managed.Overlay(decode(t, live), decode(t, desired), managed.Tree(decode(t, containers)))
	if encode(t, got) != want {
		t.Errorf("got  %s\nwant %s", encode(t, got), want)
	}
}

// Paths are printed as the API server prints them in a conflict, and lead to the field also where keys have dots.
func TestPaths(t *testing.T) {
	t.Parallel()
	o := decode(t, `{"data":{"a.b":1,"a":{"b":2}},"spec":{"ports":[{"port":80,"protocol":"UDP"},{"port":80,"protocol":"TCP","name":"x"}],"set":["v"],"list":[[5]]}}`)
	tree := managed.Tree(decode(t, `{"f:data":{"f:a.b":{},"f:a":{"f:b":{}}},"f:spec":{"f:ports":{"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:name":{}}},"f:set":{"v:\"v\"":{}},"f:list":{"i:0":{}}}}`))
	want := map[string]string{
		".data.a.b": "data", `.spec.ports[port=80,protocol="TCP"]`: "spec.ports[1]", `.spec.ports[port=80,protocol="TCP"].name`: "spec.ports[1].name",
		`.spec.set[="v"]`: "spec.set[0]", ".spec.list[0]": "spec.list[0]",
	}
	seen := 0
	for p := range tree.Members() {
		at, _, ok := p.In(o)
		if prefix, known := want[p.String()]; !known || !ok || !strings.HasPrefix(at.String(), prefix) {
			t.Errorf("%s leads to %s (%v)", p, at, ok)
		}
		if !tree.Has(o, at) {
			t.Errorf("%s is owned", at)
		}
		seen++
	}
	if seen != 6 { // .data.a.b is two fields
		t.Errorf("%d members", seen)
	}
	if tree.Has(o, object.Path{}.Field("spec").Field("ports").Index(0)) {
		t.Error("the other port is not owned")
	}
}

// What people write need not have all fields of a key: the server completes them.
func TestAnElementIsFoundWithoutTheFieldsThatTheServerCompletes(t *testing.T) {
	t.Parallel()
	for list, want := range map[string]int{
		`[{"port":80,"name":"a"},{"port":81}]`:                                   0,
		`[{"port":80,"protocol":"UDP"},{"port":80}]`:                             1,
		`[{"port":80},{"port":80,"protocol":"TCP"}]`:                             1,
		`[{"port":80},{"port":80,"name":"twice"}]`:                               -1,
		`[{"port":80,"protocol":"UDP"},{"port":81,"protocol":"TCP"},{"name":1}]`: -1,
	} {
		o := decode(t, `{"ports":`+list+`}`)
		at, _, ok := managed.Path{"f:ports", `k:{"port":80,"protocol":"TCP"}`}.In(o)
		if ok != (want >= 0) || ok && at[1].Index != want {
			t.Errorf("%s: got %s, %v", list, at, ok)
		}
	}
}
