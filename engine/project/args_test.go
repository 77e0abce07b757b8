package project

import (
	"encoding/json"
	"io/fs"
	"strings"
	"testing"
)

func files(name string) ([]byte, error) {
	if name == "list.yaml" {
		return []byte("- 1\n- 2\n"), nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

func TestArgumentsAreReadAsYAMLAndDotsNest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"types", []string{"a=true", "b=1", "c='1'", "d=1.5", "e=text", "f=", "g={x: [1]}"}, `{"a":true,"b":1,"c":"1","d":1.5,"e":"text","f":null,"g":{"x":[1]}}`},
		{"nesting", []string{"a.b.c=1", "a.d=2"}, `{"a":{"b":{"c":1},"d":2}}`},
		{"later ones win, maps merge", []string{"a={x: 1, y: 1}", "a.y=2", "a={z: 3}"}, `{"a":{"x":1,"y":2,"z":3}}`},
		{"equals signs in the value", []string{"a=b=c"}, `{"a":"b=c"}`},
		{"from a file", []string{"a=@list.yaml"}, `{"a":[1,2]}`},
		{"an escaped at", []string{`a=\@team`}, `{"a":"@team"}`},
		{"none", nil, `{}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			layers, err := ParseArgs(c.args, files)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := json.Marshal(Merged(layers))
			if string(text) != c.want {
				t.Errorf("got %s, want %s", text, c.want)
			}
		})
	}
}

func TestAllMistakenArgumentsAreReported(t *testing.T) {
	t.Parallel()
	_, err := ParseArgs([]string{"nothing", "a b=1", "c=[1", "d=@gone", "e..f=1"}, files)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{`"nothing": expected name=value`, `"a b=1"`, "argument c:1", "argument d: ", "gone", `"e..f=1"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not in: %v", want, err)
		}
	}
}

func TestMergingIsDeepForMapsAndWholeForTheRest(t *testing.T) {
	t.Parallel()
	dst := map[string]any{"m": map[string]any{"a": 1, "b": 1}, "l": []any{1, 2}, "n": 1}
	src := map[string]any{"m": map[string]any{"b": 2}, "l": []any{3}, "n": nil}
	merge(dst, src)
	text, _ := json.Marshal(dst)
	if string(text) != `{"l":[3],"m":{"a":1,"b":2},"n":null}` {
		t.Errorf("got %s", text)
	}
	dst["l"].([]any)[0] = 9
	if src["l"].([]any)[0] != 3 {
		t.Error("the source was changed")
	}
}
