package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
)

// large are previews of about so many bytes, by what makes them large.
func large(bytes int) map[string]Preview {
	change := func(n int, old, new any) *diff.Change {
		return &diff.Change{
			Ref: object.Ref{Version: "v1", Kind: "ConfigMap", Namespace: "shop", Name: fmt.Sprint("map-", n)}, Op: diff.Update, Source: "deploy/app/maps.yaml",
			Fields: []diff.FieldChange{{Op: diff.Modify, Path: object.Path{}.Field("data").Field("config.yaml"), Old: old, New: new}},
		}
	}
	var objects, creations []*diff.Change
	for n := range bytes / 1000 {
		objects = append(objects, change(n, strings.Repeat(fmt.Sprint("setting ", n, "\n"), 40), strings.Repeat(fmt.Sprint("other ", n, "\n"), 40)))
		creations = append(creations, &diff.Change{Ref: object.Ref{Kind: "ConfigMap", Name: fmt.Sprint(n)}, Op: diff.Create, Merged: object.Object{
			"data": map[string]any{"a": strings.Repeat("line\n", 200)}}})
	}
	var old, new strings.Builder
	for n := range bytes / 40 {
		fmt.Fprintf(&old, "line %d of the old text\n", n)
		if n%10 == 0 {
			fmt.Fprintf(&new, "line %d of the new text\n", n)
		} else {
			fmt.Fprintf(&new, "line %d of the old text\n", n)
		}
	}
	repeated := strings.Repeat("a\nb\n", bytes/8)
	preview := func(changes ...*diff.Change) Preview {
		return Preview{Targets: []TargetPreview{{Name: "prod", Set: setOf(changes...)}}}
	}
	return map[string]Preview{
		"objects":   preview(objects...),
		"creations": preview(creations...),
		"text":      preview(change(0, old.String(), new.String())),
		"repeated":  preview(change(0, repeated, strings.Replace(repeated, "a\n", "c\na\n", 100))),
		"line":      preview(change(0, strings.Repeat("x", bytes/2), strings.Repeat("y", bytes/2))),
	}
}

// A report takes time and memory in proportion to its size: as many nanoseconds for a byte of 4 MB as of 1 MB.
func BenchmarkPages(b *testing.B) {
	for _, size := range []int{1_000_000, 2_000_000, 4_000_000} {
		for name, p := range large(size) {
			b.Run(fmt.Sprintf("%s/%dkB", name, size/1000), func(b *testing.B) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					p.Pages(63000, 63000, 5)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(size), "ns/byte")
			})
		}
	}
}
