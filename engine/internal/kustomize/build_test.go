package kustomize

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "rewrite the expectations in testdata")

// TestBuild builds the directory app of every archive in testdata. The archive's comment says which rule it proves; its file
// `want` holds the objects with their origins, or the error.
func TestBuild(t *testing.T) {
	t.Parallel()
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("archives in testdata: %v, %v", archives, err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			ar, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			fsys := NewFS()
			want := -1
			for i, f := range ar.Files {
				if f.Name == "want" {
					want = i
					continue
				}
				if err := fsys.WriteFile(f.Name, f.Data); err != nil {
					t.Fatal(err)
				}
			}
			got := show(Build(t.Context(), fsys, "app", Options{}))
			if *update {
				if want < 0 {
					ar.Files = append(ar.Files, txtar.File{Name: "want"})
					want = len(ar.Files) - 1
				}
				ar.Files[want].Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want < 0 {
				t.Fatal("no file `want` in the archive")
			}
			if got != string(ar.Files[want].Data) {
				t.Errorf("got:\n%s\nwant:\n%s", got, ar.Files[want].Data)
			}
		})
	}
}

func show(built []Resource, err error) string {
	if err != nil {
		return "error: " + strings.ReplaceAll(err.Error(), "\n", "\nerror: ") + "\n"
	}
	var b bytes.Buffer
	for _, r := range built {
		text, err := yaml.Marshal(r.Object)
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(&b, "# from %s\n%s\n", r.Origin, text)
	}
	if b.Len() == 0 {
		return "nothing\n"
	}
	return strings.TrimSuffix(b.String(), "\n")
}
