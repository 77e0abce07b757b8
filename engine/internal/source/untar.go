package source

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// untar unpacks a gzipped tar archive, and reads it to its end, where its digest is known.
func untar(blob io.Reader, w *writer) error {
	buffered := bufio.NewReader(blob)
	if magic, err := buffered.Peek(2); err == nil && (magic[0] != 0x1f || magic[1] != 0x8b) {
		return errors.New("its content is not a gzipped tar archive")
	}
	unzipped, err := gzip.NewReader(buffered)
	if err != nil {
		return fmt.Errorf("unpacking: %w", err)
	}
	archive := tar.NewReader(unzipped)
	for n := 0; ; n++ {
		h, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("unpacking: %w", err)
		}
		if n >= w.limit.Files {
			return fmt.Errorf("more than the %d files and directories allowed", w.limit.Files)
		}
		if err := unpack(h, archive, w); err != nil {
			return err
		}
	}
	// After the archive's end only padding is left, and no more than would be allowed as content.
	if _, err := io.Copy(io.Discard, io.LimitReader(unzipped, w.limit.Bytes)); err != nil {
		return fmt.Errorf("unpacking: %w", err)
	}
	_, err = io.Copy(io.Discard, buffered)
	return err
}

// unpack hands one entry to w.
func unpack(h *tar.Header, content io.Reader, w *writer) error {
	name, isRoot, err := tarName(h.Name)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(strings.Split(name, "/"), isDotGit) {
		return w.spend(name, h.Size) // it is read, if not kept
	}
	switch h.Typeflag {
	case tar.TypeDir:
		if isRoot {
			return nil
		}
		return w.dir(name)
	case tar.TypeReg:
		return w.file(name, h.Mode&0o111 != 0, h.Size, content)
	case tar.TypeSymlink:
		return w.link(name, h.Linkname)
	case tar.TypeXGlobalHeader: // git archive writes the commit there
		return nil
	}
	return fmt.Errorf("%q is neither file, directory nor symbolic link", h.Name)
}

// tarName takes "./" and a directory's last slash off a name.
func tarName(name string) (clean string, isRoot bool, err error) {
	if strings.HasPrefix(name, "/") {
		return "", false, fmt.Errorf("%q is an absolute path", name)
	}
	var parts []string
	for part := range strings.SplitSeq(name, "/") {
		if part != "" && part != "." {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "/"), len(parts) == 0, nil
}
