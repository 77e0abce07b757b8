package render

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/weighlock/weighlock/engine/project"
)

func TestFilesOfAllItemsShareOneLimit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"deployment.yaml": "deployments: [{path: app}]", "app/a.txt": "12345", "app/b.txt": "12345"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// A link makes a file as large again.
	if err := os.Symlink("a.txt", filepath.Join(dir, "app", "c.txt")); err != nil {
		t.Fatal(err)
	}
	p, err := project.Open(dir, project.Options{SourceRoot: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	target, err := p.Target(t.Context(), project.Selection{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := p.Resolve(t.Context(), target, nil)
	if err != nil {
		t.Fatal(err)
	}
	var left atomic.Int64
	left.Store(29)
	if files, err := renderFiles(t.Context(), d, d.Items[0], &left); err != nil || len(files) != 3 {
		t.Fatalf("within the limit: got %d files and %v", len(files), err)
	}
	if _, err := renderFiles(t.Context(), d, d.Items[0], &left); err == nil || strings.Count(err.Error(), "the files of all items have more than") != 1 {
		t.Errorf("beyond the limit: got %v, want one error that says so", err)
	}
}
