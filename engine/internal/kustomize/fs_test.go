package kustomize

import (
	"errors"
	"io/fs"
	"slices"
	"testing"
)

func TestFileSystemTakesAnyName(t *testing.T) {
	t.Parallel()
	fsys := tree(t, map[string]string{"a b/[id]+é@x.yaml": "1", "/a b/c": "2"})
	for name, want := range map[string]string{"a b/[id]+é@x.yaml": "1", "/a b/x/../c": "2"} {
		if got, err := fsys.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if names, err := fsys.ReadDir("a b"); err != nil || !slices.Equal(names, []string{"[id]+é@x.yaml", "c"}) {
		t.Errorf("ReadDir: %q, %v", names, err)
	}
}

func TestFileSystemKeepsFilesAndDirectoriesApart(t *testing.T) {
	t.Parallel()
	fsys := tree(t, map[string]string{"dir/file": ""})
	for what, err := range map[string]error{
		"a file below a file":      fsys.WriteFile("dir/file/x", nil),
		"a file where a dir is":    fsys.WriteFile("dir", nil),
		"a dir where a file is":    fsys.MkdirAll("dir/file"),
		"a file without a name":    fsys.WriteFile("", nil),
		"a file above the root":    second(fsys.ReadFile("../../dir/gone")),
		"a directory as a file":    second(fsys.ReadFile("dir")),
		"the list of a file":       second(fsys.ReadDir("dir/file")),
		"a walk of what is not":    fsys.Walk("gone", nil),
		"an absolute path of none": third(fsys.CleanedAbs("gone")),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if fsys.Exists("") || !fsys.Exists("/") || !fsys.IsDir("dir") || fsys.IsDir("dir/file") {
		t.Error("existence is wrong")
	}
	if err := fsys.RemoveAll("dir"); err != nil || fsys.Exists("dir/file") || fsys.Exists("dir") {
		t.Errorf("removed: %v", err)
	}
}

func TestWalkVisitsByNameAndSkips(t *testing.T) {
	t.Parallel()
	fsys := tree(t, map[string]string{"r/a-b/x": "", "r/a/x": "", "r/a/y/z": "", "r/b": "", "rest": ""})
	walk := func(at string, with error) (visited []string, err error) {
		err = fsys.Walk("r", func(p string, _ fs.FileInfo, _ error) error {
			visited = append(visited, p)
			if p == at {
				return with
			}
			return nil
		})
		return visited, err
	}
	all := []string{"/r", "/r/a", "/r/a/x", "/r/a/y", "/r/a/y/z", "/r/a-b", "/r/a-b/x", "/r/b"}
	boom := errors.New("boom")
	for _, c := range []struct {
		at      string
		with    error
		want    []string
		wantErr error
	}{
		{"", nil, all, nil},
		{"/r/a", fs.SkipDir, slices.Concat(all[:2], all[5:]), nil},
		{"/r/a/x", fs.SkipDir, slices.Concat(all[:3], all[5:]), nil},
		{"/r/a", fs.SkipAll, all[:2], nil},
		{"/r/a/y", boom, all[:4], boom},
	} {
		got, err := walk(c.at, c.with)
		if !slices.Equal(got, c.want) || !errors.Is(err, c.wantErr) {
			t.Errorf("%v at %s: %q, %v", c.with, c.at, got, err)
		}
	}
}

func second[T any](_ T, err error) error        { return err }
func third[T, U any](_ T, _ U, err error) error { return err }
