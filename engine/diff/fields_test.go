package diff

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/yaml"

	"github.com/weighlock/weighlock/engine/object"
)

var update = flag.Bool("update", false, "rewrite the expectations")

// Each archive holds the files old, new and want: the changes between two objects, one a line.
func TestFieldChanges(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/fields/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			section := map[string]int{}
			for i, f := range ar.Files {
				section[f.Name] = i
			}
			decode := func(name string) map[string]any {
				data, err := yaml.YAMLToJSON(ar.Files[section[name]].Data)
				if err != nil {
					t.Fatal(err)
				}
				o, err := object.FromJSON(data)
				if err != nil {
					t.Fatal(err)
				}
				return o
			}
			var got strings.Builder
			for _, f := range compare(nil, decode("old"), decode("new")) {
				fmt.Fprintf(&got, "%s %s: %v -> %v\n", f.Op, f.Path, f.Old, f.New)
			}
			want := section["want"]
			if *update {
				ar.Files[want].Data = []byte(got.String())
				if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got.String() != string(ar.Files[want].Data) {
				t.Errorf("got:\n%s\nwant:\n%s", got.String(), ar.Files[want].Data)
			}
		})
	}
}

// What changes from one object to the other must be what compare says when the sides are exchanged, too.
func TestFieldChangesAreSymmetric(t *testing.T) {
	t.Parallel()
	a := map[string]any{"spec": map[string]any{"replicas": int64(1), "list": []any{map[string]any{"name": "a", "v": int64(1)}, map[string]any{"name": "b"}}}}
	b := map[string]any{"spec": map[string]any{"list": []any{map[string]any{"name": "b"}, map[string]any{"name": "a", "v": int64(2)}, map[string]any{"name": "c"}}}}
	there, back := compare(nil, a, b), compare(nil, b, a)
	if len(there) != len(back) {
		t.Fatalf("%d changes there, %d back:\n%v\n%v", len(there), len(back), there, back)
	}
	if len(compare(nil, a, object.CloneValue(a).(map[string]any))) != 0 {
		t.Error("a copy differs from its original")
	}
}
