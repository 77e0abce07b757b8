package action

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// place is how errors of a project name where they stand: file:line: or file:line:column:, in front of what is wrong. The
// file may be told to be that of a commit.
var place = regexp.MustCompile(`(?:^|[\s"(])([\w@.+-][\w@.+/-]*\.\w+)(?: \(of [0-9a-f]+\))?:(\d+)(?::(\d+))?: (.+)`)

// mostAnnotations is how many of them a runner shows of a step: https://docs.github.com/en/rest/checks/runs.
const mostAnnotations = 10

// annotate shows the errors of which the text tells where in the repository they stand, and says whether there are any.
// Errors name files from their project's directory, or from the root.
func annotate(r Runner, workspace, project string, err error) bool {
	if err == nil {
		return false
	}
	n := 0
	for line := range strings.Lines(err.Error()) {
		m := place.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil || n == mostAnnotations {
			continue
		}
		file := inRepository(workspace, project, m[1])
		if file == "" {
			continue
		}
		a := Annotation{File: file, Message: m[4]}
		a.Line, _ = strconv.Atoi(m[2]) // digits; a number too large is no line
		a.Column, _ = strconv.Atoi(m[3])
		r.Annotate(a)
		n++
	}
	return n > 0
}

// Show shows an error, where it stands if it says so: in the workspace, or below its directory project.
func Show(r Runner, workspace, project string, err error) {
	if !annotate(r, workspace, project, err) {
		r.Errorf("%v", err)
	}
}

// inRepository is a file's path from the repository's root; "" if there is no such file.
func inRepository(workspace, project, file string) string {
	root, err := os.OpenRoot(workspace)
	if err != nil {
		return ""
	}
	defer root.Close()
	if filepath.IsAbs(file) {
		if file, err = filepath.Rel(workspace, file); err != nil {
			return ""
		}
	}
	for _, dir := range []string{project, "."} {
		name := path.Join(dir, filepath.ToSlash(file))
		if found, err := root.Stat(filepath.FromSlash(name)); err == nil && found.Mode().IsRegular() {
			return name
		}
	}
	return ""
}
