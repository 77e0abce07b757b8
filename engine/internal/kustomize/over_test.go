package kustomize

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What a build reads of a tree below the memory is what it names: no more of it has to be right, or readable.
func TestABuildReadsOfTheTreeWhatItNames(t *testing.T) {
	t.Parallel()
	repo := t.TempDir()
	for name, text := range map[string]string{
		"base/kustomization.yaml":          "resources: [cm.yaml, linked]\n",
		"base/cm.yaml":                     configMap,
		"base/unused.yaml":                 "{",
		"real/kustomization.yaml":          "resources: [b.yaml]\n",
		"real/b.yaml":                      strings.Replace(configMap, "name: a", "name: b", 1),
		"overlays/prod/kustomization.yaml": "resources: [the-memory-has-another]\n",
		".git/config":                      "token",
	} {
		writeFile(t, filepath.Join(repo, name), text)
	}
	for name, target := range map[string]string{"base/linked": "../real", "base/git": "../.git/config"} {
		if err := os.Symlink(target, filepath.Join(repo, name)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(repo)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	read := &reads{ReadLinkFS: root.FS().(fs.ReadLinkFS)}
	build := func(kustomization string) ([]Resource, error) {
		fsys := tree(t, map[string]string{"overlays/prod/kustomization.yaml": kustomization})
		return Build(t.Context(), Over(fsys, Tree{FS: read}), "overlays/prod", Options{})
	}
	built, err := build("resources: [../../base]\nnamePrefix: p-\n")
	if err != nil || len(built) != 2 || built[0].Origin != "base/cm.yaml" || built[1].Origin != "real/b.yaml" {
		t.Errorf("got %v, %v", built, err)
	}
	slices.Sort(read.files)
	if got, want := slices.Compact(read.files), []string{"base/cm.yaml", "base/kustomization.yaml", "real/b.yaml", "real/kustomization.yaml"}; !slices.Equal(got, want) {
		t.Errorf("read %v, want %v", got, want)
	}
	for _, kustomization := range []string{
		"configMapGenerator: [{name: a, files: [../../.git/config]}]\n",
		"configMapGenerator: [{name: a, files: [../../.GIT/config]}]\n",
		"configMapGenerator: [{name: a, files: [../../base/git]}]\n",
		"configMapGenerator: [{name: a, files: [k=../../../base/cm.yaml]}]\n",
		"resources: [../../../base]\n",
		"components: [../../../../base]\n",
		"patches: [{path: ../../../base/cm.yaml}]\n",
	} {
		if built, err := build(kustomization); err == nil {
			t.Errorf("%s: got %v", kustomization, built)
		}
	}
}

// reads notes which files are read.
type reads struct {
	fs.ReadLinkFS
	files []string
}

func (r *reads) ReadFile(name string) ([]byte, error) {
	r.files = append(r.files, name)
	return fs.ReadFile(r.ReadLinkFS, name)
}
