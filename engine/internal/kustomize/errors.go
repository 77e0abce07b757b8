package kustomize

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
)

var errEmpty = errors.New("the kustomization is empty")

// reporter words errors about the files of a file system.
type reporter struct {
	fsys FS
	opts Options
}

func (r reporter) display(p string) string {
	p = strings.TrimPrefix(path.Clean(p), "/")
	if r.opts.Display != nil {
		return r.opts.Display(p)
	}
	return p
}

// buildError names the kustomization that an error is about, below that of dir at most, and kustomize's cause.
func (r reporter) buildError(dir string, err error) error {
	s := strings.Join(strings.Fields(err.Error()), " ")
	for {
		next := asFile.ReplaceAllString(wrapping.ReplaceAllString(s, ""), "")
		next = onlyFile.ReplaceAllString(next, "$1")
		if m := recursed.FindStringSubmatch(next); m != nil {
			dir, next = m[1], next[len(m[0]):]
		}
		if next == s {
			break
		}
		s = next
	}
	s = fromFile.ReplaceAllString(s, "$1: ")
	s = rooted.ReplaceAllStringFunc(s, func(p string) string {
		if before, name := p[:1], p[1:]; r.fsys.Exists(name) || r.fsys.Exists(path.Dir(name)) && path.Dir(name) != "/" {
			return before + r.display(name)
		}
		return p
	})
	file := kustomizationPath(r.fsys, dir)
	if file == "" {
		file = dir
	}
	return fmt.Errorf("%s: %s", r.display(file), s)
}

// What kustomize wraps around a cause, level by level.
var (
	wrapping = regexp.MustCompile(`^(accumulating (resources|components)|loader\.New|accumulateDirectory|invalid Kustomization): `)
	recursed = regexp.MustCompile(`^recursed (?:accumulation of|merging from) path '([^']*)': `)
	// asFile is what came of trying a directory as a file first.
	asFile = regexp.MustCompile(`^accumulation err='accumulating resources from '[^']*': read [^']*: is a directory': `)
	// onlyFile is what came of trying a file as a directory in the end.
	onlyFile = regexp.MustCompile(`^accumulation err='(.*)': must build at directory: .*: file is not directory$`)
	fromFile = regexp.MustCompile(`^(?:accumulating|merging) resources from '([^']*)': `)
	rooted   = regexp.MustCompile(`[ '"(=]/[^\s'",:()]+`)
)
