package project

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFilesThatAreTooLargeAreNotRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, size := range map[string]int64{"large": maxFile + 1, "allowed": 1 << 10} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(file, size); err != nil { // sparse
			t.Fatal(err)
		}
	}
	s, err := openSource(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	readers := map[string]func(string) ([]byte, error){
		"Read": s.Read,
		// Templates read what they include through the file system.
		"FS": func(name string) ([]byte, error) { return fs.ReadFile(s.FS(), name) },
	}
	for name, read := range readers {
		if _, err := read("large"); err == nil || !strings.Contains(err.Error(), "large: has 33554433 bytes, more than the 33554432 allowed") {
			t.Errorf("%s: got %v, want an error that the file is too large", name, err)
		}
		if data, err := read("allowed"); err != nil || len(data) != 1<<10 {
			t.Errorf("%s: got %d bytes and %v", name, len(data), err)
		}
	}
}
