package helm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// charts is where the project's own charts are.
const charts = "../../../testdata/charts"

// files reads a chart's directory.
func files(t *testing.T, name string) []File {
	t.Helper()
	root := os.DirFS(filepath.Join(charts, name))
	var out []File
	err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(root, p)
		out = append(out, File{Name: p, Data: data})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// with returns the files with one added or replaced.
func with(in []File, name, text string) []File {
	out := []File{{Name: name, Data: []byte(text)}}
	for _, f := range in {
		if f.Name != name {
			out = append(out, f)
		}
	}
	return out
}

func load(t *testing.T, in []File) *Chart {
	t.Helper()
	c, err := Load(in)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// small is a chart of one template.
func small(template string) []File {
	return []File{
		{Name: "Chart.yaml", Data: []byte("apiVersion: v2\nname: small\nversion: 0.1.0\n")},
		{Name: "templates/x.yaml", Data: []byte(template)},
	}
}

func render(t *testing.T, c *Chart, rel Release) Rendered {
	t.Helper()
	if rel.Name == "" {
		rel.Name = "rel"
	}
	r, err := c.Render(context.Background(), rel)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// archive packs files as `helm package` does.
func archive(t *testing.T, dir string, in []File) []byte {
	t.Helper()
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	tw := tar.NewWriter(zw)
	for _, f := range in {
		if err := tw.WriteHeader(&tar.Header{Name: dir + f.Name, Mode: 0o644, Size: int64(len(f.Data))}); err != nil {
			t.Fatal(err)
		}
		if _, err := tw.Write(f.Data); err != nil {
			t.Fatal(err)
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
