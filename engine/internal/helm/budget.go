package helm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"regexp"

	"helm.sh/helm/v3/pkg/chart/loader"
)

// What a chart may hold, with all charts that are packed in it: Helm's own limits are for one archive, and a chart of a
// thousand bytes can hold ten charts that hold ten charts each, and so on. The largest public charts have some hundred files.
const (
	maxFiles = 10_000
	maxBytes = 200 << 20 // of unpacked archives, headers included
)

var (
	errFiles = fmt.Errorf("more than %d files, with the charts that are packed in it", maxFiles)
	errBytes = fmt.Errorf("more than %d bytes when it is unpacked, with the charts that are packed in it", maxBytes)
)

// packed is the path of a subchart that is an archive.
var packed = regexp.MustCompile(`(^|/|\\)charts[/\\][^/\\]+\.tgz$`)

// budget is what is left for a chart.
type budget struct{ files, bytes int64 }

func newBudget() *budget { return &budget{maxFiles, maxBytes} }

// file takes a file out of the budget, and what is packed in it.
func (b *budget) file(name string, data []byte) error {
	if b.files--; b.files < 0 {
		return errFiles
	}
	if packed.MatchString(name) {
		return b.archive(data)
	}
	return nil
}

// archive takes a packed chart out of the budget. What is wrong with an archive otherwise is for Helm to say.
func (b *budget) archive(data []byte) error {
	unzipped, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil
	}
	entries := tar.NewReader(spending{unzipped, b})
	for {
		header, err := entries.Next()
		var content []byte
		if err == nil && packed.MatchString(header.Name) {
			content, err = io.ReadAll(io.LimitReader(entries, loader.MaxDecompressedFileSize))
		}
		switch {
		case errors.Is(err, errBytes):
			return err
		case err != nil:
			return nil // the end, or damage
		}
		if err := b.file(header.Name, content); err != nil {
			return err
		}
	}
}

// spending is a reader whose bytes come out of a budget.
type spending struct {
	from io.Reader
	b    *budget
}

func (s spending) Read(p []byte) (int, error) {
	n, err := s.from.Read(p)
	if s.b.bytes -= int64(n); s.b.bytes < 0 {
		return n, errBytes
	}
	return n, err
}
