package checkout_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/weighlock/weighlock/bot/checkout"
)

// A mirror that a crash or a full disk has damaged is made anew: the run that finds out may be tried again, and goes well then.
func TestADamagedMirrorIsMadeAnew(t *testing.T) {
	t.Parallel()
	everyFile := func(dir string, change func(name string, size int64) error) error {
		return filepath.WalkDir(filepath.Join(dir, "objects"), func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			about, err := d.Info()
			return errors.Join(err, os.Chmod(name, 0o600), change(name, about.Size()))
		})
	}
	for name, spoil := range map[string]func(dir string) error{
		"files cut off": func(dir string) error {
			return everyFile(dir, func(name string, size int64) error { return os.Truncate(name, size/2) })
		},
		"empty files": func(dir string) error {
			return everyFile(dir, func(name string, _ int64) error { return os.Truncate(name, 0) })
		},
		"no files": func(dir string) error {
			return everyFile(dir, func(name string, _ int64) error { return os.Remove(name) })
		},
		"configuration": func(dir string) error { return os.WriteFile(filepath.Join(dir, "config"), []byte("[core\n"), 0o600) },
		"HEAD":          func(dir string) error { return os.WriteFile(filepath.Join(dir, "HEAD"), nil, 0o600) },
		"not a mirror":  func(dir string) error { return os.RemoveAll(filepath.Join(dir, "objects")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStory(t)
			address := server{upstream: s.upstream}.start(t)
			dir := t.TempDir()
			run := func(c *checkout.Cache) (files, error) {
				opts := options(t)
				opts.TempDir = ""
				r, err := c.Open(t.Context(), address, opts)
				if err != nil {
					return nil, err
				}
				defer closed(t, r)
				tree, err := r.Merge(t.Context(), s.base, s.head)
				if err != nil {
					return nil, err
				}
				d, err := r.Extract(t.Context(), tree)
				if err != nil {
					return nil, err
				}
				defer closed(t, d)
				return read(t, d.Path()), nil
			}
			before, err := checkout.NewCache(dir, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := run(before); err != nil {
				t.Fatal(err)
			}
			closed(t, before)
			mirrors, err := filepath.Glob(filepath.Join(dir, "mirrors", "*.git"))
			if err != nil || len(mirrors) != 1 {
				t.Fatalf("found %v, %v", mirrors, err)
			}
			if err := spoil(mirrors[0]); err != nil {
				t.Fatal(err)
			}
			after, err := checkout.NewCache(dir, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer closed(t, after)
			got, err := run(after)
			if err != nil {
				if !errors.Is(err, checkout.ErrUnavailable) {
					t.Fatalf("not to be tried again: %v", err)
				}
				t.Log(err)
				if got, err = run(after); err != nil {
					t.Fatal(err)
				}
			}
			wantEqual(t, "what is extracted", s.merged, got)
		})
	}
}
