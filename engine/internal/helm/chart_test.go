package helm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestLoadDoesNotDependOnTheOrderOfFiles(t *testing.T) {
	t.Parallel()
	in := files(t, "traits")
	want := render(t, load(t, in), Release{}).Manifest
	for range 5 {
		rand.Shuffle(len(in), func(i, j int) { in[i], in[j] = in[j], in[i] })
		if got := render(t, load(t, in), Release{}).Manifest; !bytes.Equal(got, want) {
			t.Fatalf("got:\n%s\nwant:\n%s", got, want)
		}
	}
}

func TestLoadKnowsTheChart(t *testing.T) {
	t.Parallel()
	if c := load(t, files(t, "cache")); c.Name() != "cache" || c.Version() != "1.4.0" {
		t.Errorf("%s %s", c.Name(), c.Version())
	}
}

func TestHelmignoreHidesFiles(t *testing.T) {
	t.Parallel()
	// templates/*.bak and templates/ignored/ would fail to parse, and files/secret.txt would show in the ConfigMap.
	if got := string(render(t, load(t, files(t, "traits")), Release{}).Manifest); strings.Contains(got, "secret.txt") {
		t.Errorf("an ignored file is there:\n%s", got)
	}
	hidden := with(small("a: 1"), "templates/.hidden.yaml", "{{ broken")
	load(t, hidden)
}

func TestLoadArchiveGivesTheSame(t *testing.T) {
	t.Parallel()
	c, err := LoadArchive(archive(t, "cache/", files(t, "cache")))
	if err != nil {
		t.Fatal(err)
	}
	want := render(t, load(t, files(t, "cache")), Release{}).Manifest
	if got := render(t, c, Release{}).Manifest; !bytes.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestPackedSubchartsAreLoaded(t *testing.T) {
	t.Parallel()
	in := with(small("a: 1"), "Chart.yaml", "apiVersion: v2\nname: small\nversion: 0.1.0\ndependencies: [{name: cache, version: 1.4.0}]\n")
	in = with(in, "charts/cache-1.4.0.tgz", string(archive(t, "cache/", files(t, "cache"))))
	if got := string(render(t, load(t, in), Release{}).Manifest); !strings.Contains(got, "# Source: small/charts/cache/templates/service.yaml") {
		t.Errorf("got:\n%s", got)
	}
}

func TestBrokenChartsAreErrors(t *testing.T) {
	t.Parallel()
	const meta = "apiVersion: v2\nname: small\nversion: 0.1.0\n"
	for name, c := range map[string]struct {
		files []File
		want  string
	}{
		"nothing":            {nil, "Chart.yaml"},
		"no version":         {[]File{{"Chart.yaml", []byte("apiVersion: v2\nname: x\n")}}, "version"},
		"broken Chart.yaml":  {[]File{{"Chart.yaml", []byte("a: b: c")}}, "Chart.yaml"},
		"broken values":      {with(small(""), "values.yaml", "a: b: c"), "values.yaml"},
		"values are a list":  {with(small(""), "values.yaml", "[1]"), "values.yaml"},
		"library":            {with(small(""), "Chart.yaml", meta+"type: library\n"), "type library"},
		"missing dependency": {with(small(""), "Chart.yaml", meta+"dependencies: [{name: absent, version: 1.0.0}, {name: gone, version: 1.0.0}]\n"), "absent, gone"},
		"file name":          {with(small(""), "../x", ""), `"../x"`},
		"large file":         {with(small(""), "big", strings.Repeat("x", 6<<20)), "big"},
		"helmignore":         {with(small(""), ".helmignore", "a/**\n"), ".helmignore"},
		"null dependency":    {with(small(""), "Chart.yaml", meta+"dependencies: [null]\n"), ""},
	} {
		_, err := Load(c.files)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q in it", name, err, c.want)
		}
	}
}

func TestHostileArchivesAreErrors(t *testing.T) {
	t.Parallel()
	valid := archive(t, "small/", small("a: 1"))
	for name, data := range map[string][]byte{
		"no archive":    []byte("hello"),
		"empty":         nil,
		"truncated":     valid[:len(valid)/2],
		"above":         archive(t, "small/../../", small("a: 1")),
		"absolute":      archive(t, "x//", small("a: 1")),
		"no base":       archive(t, "", small("a: 1")),
		"nothing in it": archive(t, "", nil),
	} {
		if c, err := LoadArchive(data); err == nil {
			t.Errorf("%s: loaded %s", name, c.Name())
		}
	}
}

// headers packs entries as they are given: what `helm package` would never write.
func headers(t *testing.T, list ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	zw, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	tw := tar.NewWriter(zw)
	for _, h := range list {
		if err := tw.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(tw, zeros{}, h.Size); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(tw.Close(), zw.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestUnpackingStaysInPlaceAndWithinLimits(t *testing.T) {
	t.Parallel()
	for name, data := range map[string][]byte{
		"above":           headers(t, tar.Header{Name: "c/../../evil"}),
		"above, windows":  headers(t, tar.Header{Name: `c\..\..\evil`}),
		"absolute inside": headers(t, tar.Header{Name: "c//etc/cron.d/evil"}),
		"drive":           headers(t, tar.Header{Name: "c/C:/evil"}),
		"large file":      headers(t, tar.Header{Name: "c/big", Size: 6 << 20}),
		"many files":      headers(t, slices.Repeat([]tar.Header{{Name: "c/big", Size: 5 << 20}}, 21)...),
		"nothing":         nil,
		"no gzip":         []byte("PK"),
		"base alone":      headers(t, tar.Header{Name: "Chart.yaml"}),
		"cut in the gzip": archive(t, "c/", small("a: 1"))[:60],
	} {
		if files, err := Unpack(data); err == nil {
			t.Errorf("%s: unpacked %d files: %q", name, len(files), files[0].Name)
		}
	}
	// A link in an archive is no link when it is unpacked.
	files, err := Unpack(headers(t, tar.Header{Typeflag: tar.TypeSymlink, Name: "c/link", Linkname: "/etc/passwd"}, tar.Header{Name: "c/Chart.yaml"}))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if len(f.Data) != 0 {
			t.Errorf("%s: %q", f.Name, f.Data)
		}
	}
}

// TestWhatIsPackedInAChartCountsAsItsOwn proves that the limits hold for a chart as a whole: archives in archives, files
// without content, and entries that Helm skips.
func TestWhatIsPackedInAChartCountsAsItsOwn(t *testing.T) {
	t.Parallel()
	meta := func(name string) []File {
		return []File{{"Chart.yaml", []byte("apiVersion: v2\nname: " + name + "\nversion: 0.1.0\n")}}
	}
	nested := func(levels int) []byte {
		data := archive(t, "leaf/", meta("leaf"))
		for range levels {
			files := meta("c")
			for i := range 10 {
				files = append(files, File{fmt.Sprintf("charts/x%d.tgz", i), data})
			}
			data = archive(t, "c/", files)
		}
		return data
	}
	if _, err := LoadArchive(nested(2)); err != nil {
		t.Errorf("a hundred charts: %v", err)
	}
	bomb := nested(6)
	if len(bomb) > 10_000 {
		t.Fatalf("%d bytes, which is no bomb", len(bomb))
	}
	var many []tar.Header
	for i := range maxFiles + 1 {
		many = append(many, tar.Header{Name: fmt.Sprintf("c/files/%d", i)})
	}
	skipped := tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": strings.Repeat("x", 1<<20-100)}}
	if _, err := LoadArchive(headers(t, slices.Repeat([]tar.Header{skipped}, maxBytes>>20+1)...)); !errors.Is(err, errBytes) {
		t.Errorf("skipped entries: %v", err)
	}
	for name, data := range map[string][]byte{"a million charts": bomb, "many files": headers(t, many...)} {
		_, err := LoadArchive(data)
		_, unpackErr := Unpack(data)
		_, dirErr := Load(append(meta("c"), File{"charts/sub.tgz", data}))
		for how, err := range map[string]error{"as it is": err, "to be unpacked": unpackErr, "in a directory": dirErr} {
			if !errors.Is(err, errFiles) {
				t.Errorf("%s, %s: %v", name, how, err)
			}
		}
	}
}
